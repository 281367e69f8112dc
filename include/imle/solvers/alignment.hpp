#pragma once

/// @file
/// The best alignment of two sequences.
///
/// With best(0, 0) = theta(0, 0), and s = theta(i, j),
///
///     best(i, j) = max(best(i - 1, j - 1) + s, best(i - 1, j) + (s + gap), best(i, j - 1) + (s + gap))
///
/// All sums are taken in double, as the formula has them. So every way to run it, along the anti-diagonals of
/// one instance or across several instances, has the same bits, and sums of floats seldom round.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>

#include <imle/core/rounded.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `alignment` and `alignment_family`; the order of the members is part of the contract.
struct alignment_options {
    /// The score of each move right or down, finite: negative where gaps are to be avoided.
    double gap = 0;
};

namespace detail {

/// Where the cells of an instance [rows, columns] are in memory, and the cell where paths end.
struct alignment_shape {
    Eigen::Index rows;
    Eigen::Index columns;
    bool row_major;
    Eigen::Index last_row;
    Eigen::Index last_column;

    /// For an instance with this mask: the cells behind the last row and the last column in which it allows
    /// a cell are padding. Without any, there is no last row: it is -1.
    [[nodiscard]] static alignment_shape of(Eigen::Index rows, Eigen::Index columns, bool row_major,
                                            std::span<const bool> mask) noexcept {
        alignment_shape shape{rows, columns, row_major, rows - 1, columns - 1};
        if (mask.empty()) return shape;
        shape.last_row = shape.last_column = -1;
        for (Eigen::Index i = 0; i < rows; ++i)
            for (Eigen::Index j = 0; j < columns; ++j)
                if (mask[static_cast<std::size_t>(shape.place(i, j))]) {
                    shape.last_row = i;
                    shape.last_column = std::max(shape.last_column, j);
                }
        return shape;
    }
    [[nodiscard]] Eigen::Index size() const noexcept { return rows * columns; }
    [[nodiscard]] Eigen::Index place(Eigen::Index i, Eigen::Index j) const noexcept {
        return row_major ? i * columns + j : i + rows * j;
    }
};

}  // namespace detail

/// The MAP state of a distribution over the alignments of two sequences: paths over theta [rows, columns]
/// from cell (0, 0) to cell (rows - 1, columns - 1), each move one to the right, one down or both. theta(i,
/// j) is the score of element i of the one sequence beside element j of the other. z is 1 at the cells of the
/// best path, 0 elsewhere.
///
///     imle::alignment{}                           // global alignment
///     imle::alignment{{.gap = -0.5}}              // each move right or down costs 0.5
///     imle::minimizing(imle::alignment{})         // dynamic time warping: theta are distances
///
/// A path's score is <theta, z> plus `gap` for each move right or down. There are 2 c - rows - columns such
/// moves on a path of c cells, so a gap has the effect of 2 * gap more in all of theta. (For `minimizing` the
/// gap remains a score: it is subtracted from the cost.)
///
/// Ties: from the last cell back, the diagonal move before the move down, and that before the move right.
/// Sums are taken in double, from cell (0, 0) on, for float too: so the answer for floats is the answer for
/// the same numbers as doubles, alone or in a batch and in both layouts.
///
/// `context.mask` forbids cells. Rows and columns at the end in which it allows nothing are padding: paths
/// end at the last row and the last column that have an allowed cell. If no path is allowed, z is 0 and the
/// status is `solve_status::infeasible`. A batch has that status if one of its instances has; the others are
/// solved.
///
/// Throws `std::invalid_argument` on construction for a gap that is not finite. Throws it when solving for an
/// instance without cells, and for numbers that are not finite where they are allowed.
///
/// O(rows * columns) time and memory. Lanes are the instances of a batch, or the cells of an anti-diagonal.
/// No sum overflows (numbers beyond 2^900 are scaled).
class alignment {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// options: the score of gaps.
    explicit alignment(alignment_options options = {}) : options_(options) {
        if (!detail::is_finite(options.gap))
            detail::throw_invalid("alignment_options::gap", options.gap, "a finite number");
    }

    /// The options of this solver.
    [[nodiscard]] const alignment_options& options() const noexcept { return options_; }

    /// theta: one instance [rows, columns]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        // Without a mask there always is a path.
        static_cast<void>(solve(theta, z, 1, 0, {}));
    }
    /// The same, with the mask of `context`.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        return solve(theta, z, 1, 0, {&context, 1});
    }

    /// thetas: several instances, [batch, rows, columns] if row-major, [rows, columns, batch] if
    /// column-major; zs: a tensor of its dimensions. Gives the bits of single solves.
    template <detail::InstanceOfRank<3> ThetasT, detail::StateOf<ThetasT> ZsT>
    void solve_batch(const ThetasT& thetas, ZsT&& zs) {
        static_cast<void>(solve_several(thetas, zs, {}));
    }
    /// The same, with the mask of each instance.
    template <detail::InstanceOfRank<3> ThetasT, detail::StateOf<ThetasT> ZsT>
    solve_status solve_batch(const ThetasT& thetas, ZsT&& zs, std::span<const solve_context> contexts) {
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        detail::require_contexts(contexts.size(), thetas.dimension(row_major ? 0 : 2));
        return solve_several(thetas, zs, contexts);
    }

  private:
    static constexpr int width = detail::native_lanes<double>;
    using number = detail::vector_of<double, width>;
    static constexpr double worst = -std::numeric_limits<double>::infinity();

    template <class Scalar>
    struct instance {
        const Scalar* theta;
        Scalar* z;
        std::span<const bool> mask;
        detail::alignment_shape shape;
        double factor;  // of theta and gap
    };

    template <class ThetasT, class ZsT>
    solve_status solve_several(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        return solve(thetas, zs, thetas.dimension(row_major ? 0 : 2), row_major ? 1 : 0, contexts);
    }

    /// first: which of theta's dimensions are the rows.
    template <class ThetaT, class ZT>
    solve_status solve(const ThetaT& theta, ZT& z, Eigen::Index batch, std::size_t first,
                       std::span<const solve_context> contexts) {
        using Scalar = scalar_of<ThetaT>;
        detail::require_dimensions(theta, z);
        const auto dimensions = detail::dimensions_of(theta);
        if (batch == 0) return solve_status::solved;
        const Eigen::Index rows = dimensions[first], columns = dimensions[first + 1];
        if (rows == 0 || columns == 0)
            detail::throw_invalid("theta", detail::message("of ", rows, " x ", columns, " cells"),
                                  "at least one cell");
        const auto n = static_cast<std::size_t>(rows * columns);
        const auto values = detail::values_of(theta);
        if (contexts.empty()) detail::require_numbers(values, {});
        for (std::size_t b = 0; b < contexts.size(); ++b)
            detail::require_numbers(values.subspan(b * n, n), contexts[b].mask);
        std::fill_n(z.data(), z.size(), Scalar(0));

        const bool across = width > 1 && rows * columns <= most_cells;
        solve_status status = solve_status::solved;
        for (Eigen::Index done = 0; done < batch;) {
            const auto used = across ? std::min<Eigen::Index>(batch - done, width) : 1;
            std::array<instance<Scalar>, width> instances{};
            for (Eigen::Index lane = 0; lane < used; ++lane) {
                const auto b = static_cast<std::size_t>(done + lane);
                const auto mask = detail::mask_of(contexts, b);
                constexpr bool row_major = layout_of<ThetaT> == Eigen::RowMajor;
                const auto shape = detail::alignment_shape::of(rows, columns, row_major, mask);
                instances[static_cast<std::size_t>(lane)] = {theta.data() + b * n, z.data() + b * n, mask,
                                                             shape, scale(values.subspan(b * n, n), mask)};
            }
            const std::span<const instance<Scalar>> group(instances.data(), static_cast<std::size_t>(used));
            if (!(used > 1 ? solve_across(group) : solve_along(group[0]))) status = solve_status::infeasible;
            done += used;
        }
        return status;
    }

    /// Copies of more cells would leave the cache: lanes along the anti-diagonals are then faster.
    static constexpr Eigen::Index most_cells = 4096;

    /// 1, or a power of 2 that leaves room for sums of the largest numbers.
    template <class Scalar>
    [[nodiscard]] double scale(std::span<const Scalar> values, std::span<const bool> mask) const noexcept {
        bool huge = std::abs(options_.gap) > 0x1p900;
        if constexpr (std::is_same_v<Scalar, double>)
            for (std::size_t i = 0; i < values.size(); ++i)
                huge |= std::abs(values[i]) > 0x1p900 && (mask.empty() || mask[i]);
        return huge ? 0x1p-124 : 1;
    }

    /// n doubles at an address that suits a register.
    [[nodiscard]] static double* aligned(detail::scratch& memory, Eigen::Index n) {
        const auto size = static_cast<std::size_t>(n) * sizeof(double);
        std::size_t space = size + sizeof(number);
        void* place = memory.get<double>(static_cast<std::size_t>(n) + width).data();
        return static_cast<double*>(std::align(alignof(number), size, place, space));
    }

    /// The larger number in each lane.
    [[nodiscard]] static number most(const number& a, const number& b) noexcept { return a > b ? a : b; }

    /// One instance, with lanes along the anti-diagonals. Numbers of cell (i, j) are in diagonal i + j, at
    /// the cell's index along the shorter side. A diagonal has a register of closed cells before it, and at
    /// least one cell after it.
    template <class Scalar>
    [[nodiscard]] bool solve_along(const instance<Scalar>& of) {
        const detail::alignment_shape& shape = of.shape;
        const bool by_rows = shape.rows <= shape.columns;
        const Eigen::Index shorter = std::min(shape.rows, shape.columns),
                           diagonals = shape.rows + shape.columns - 1,
                           length = width + (shorter + width) / width * width;
        const auto at = [=](Eigen::Index i, Eigen::Index j) {
            return (i + j) * length + width + (by_rows ? i : j);
        };
        double* const scores = aligned(scores_, diagonals * length);
        std::fill_n(scores, diagonals * length, worst);
        write_scores(of, scores, at);
        // Two diagonals before the first one, on which a path has reached nothing but the cell before (0, 0).
        double* const best = aligned(best_, (diagonals + 2) * length) + 2 * length;
        std::fill_n(best - 2 * length, 2 * length, worst);
        best[-2 * length + width - 1] = 0;
        const number gap = number{} + detail::rounded(options_.gap * of.factor);
        for (Eigen::Index d = 0; d < diagonals; ++d) {
            const double* const score = scores + d * length;
            const double* const one = best + (d - 1) * length;
            const double* const two = best + (d - 2) * length;
            double* const to = best + d * length;
            detail::store_vector<double, width>(number{} + worst, to);
            for (Eigen::Index i = width; i < length; i += width) {
                const auto load = [&](const double* from) {
                    return detail::load_vector<double, width>(from + i);
                };
                const number s = load(score);
                const number sum = most(load(two - 1) + s, most(load(one - 1), load(one)) + (s + gap));
                detail::store_vector<double, width>(sum, to + i);
            }
        }
        return trace(of, scores, at,
                     [&](Eigen::Index i, Eigen::Index j) { return i < 0 || j < 0 ? worst : best[at(i, j)]; });
    }

    /// Several instances, one in each lane, row by row.
    template <class Scalar>
    [[nodiscard]] bool solve_across(std::span<const instance<Scalar>> group) {
        const detail::alignment_shape& shape = group[0].shape;
        const Eigen::Index line = shape.columns + 1;  // a closed cell, then the cells of a row
        double* const scores = aligned(scores_, shape.size() * width);
        load_across(group, scores);
        double* const best = aligned(best_, (shape.rows + 1) * line * width) + (line + 1) * width;
        std::fill_n(best - (line + 1) * width, line * width, worst);
        std::fill_n(best - (line + 1) * width, width, 0.0);
        double gaps[width];
        for (std::size_t lane = 0; lane < width; ++lane)
            gaps[lane] = detail::rounded(options_.gap * group[std::min(lane, group.size() - 1)].factor);
        const number gap = detail::load_vector<double, width>(gaps);
        const auto load = [](const double* from) { return detail::load_vector<double, width>(from); };
        for (Eigen::Index i = 0; i < shape.rows; ++i) {
            const double* const score = scores + i * shape.columns * width;
            const double* const above = best + (i - 1) * line * width;
            double* const to = best + i * line * width;
            number left = number{} + worst;
            detail::store_vector<double, width>(left, to - width);
            for (Eigen::Index j = 0; j < shape.columns; ++j) {
                const number s = load(score + j * width), with_gap = s + gap;
                const number others =
                    most(load(above + (j - 1) * width) + s, load(above + j * width) + with_gap);
                left = most(others, left + with_gap);
                detail::store_vector<double, width>(left, to + j * width);
            }
        }
        bool feasible = true;
        for (std::size_t lane = 0; lane < group.size(); ++lane) {
            const auto at = [=, &shape](Eigen::Index i, Eigen::Index j) {
                return (i * shape.columns + j) * width + static_cast<Eigen::Index>(lane);
            };
            feasible &= trace(group[lane], scores, at, [=](Eigen::Index i, Eigen::Index j) {
                return i < 0 || j < 0 ? worst
                                      : best[(i * line + j) * width + static_cast<Eigen::Index>(lane)];
            });
        }
        return feasible;
    }

    /// Writes theta where at(i, j) says, -infinity where the mask forbids.
    template <class Scalar, class AtT>
    static void write_scores(const instance<Scalar>& of, double* scores, AtT&& at) {
        const detail::alignment_shape& shape = of.shape;
        const Eigen::Index outer = shape.row_major ? shape.rows : shape.columns,
                           inner = shape.row_major ? shape.columns : shape.rows;
        const Scalar* next = of.theta;
        const bool* allowed = of.mask.data();
        for (Eigen::Index o = 0; o < outer; ++o)
            for (Eigen::Index i = 0; i < inner; ++i, ++next) {
                double& to = scores[shape.row_major ? at(o, i) : at(i, o)];
                to = detail::rounded(static_cast<double>(*next) * of.factor);
                if (allowed != nullptr && !*allowed++) to = worst;
            }
    }

    /// Writes the scores of several instances in row-major order, one in each lane.
    template <class Scalar>
    static void load_across(std::span<const instance<Scalar>> group, double* scores) {
        const detail::alignment_shape& shape = group[0].shape;
        if constexpr (width * sizeof(Scalar) >= 16) {
            const bool plain = std::all_of(group.begin(), group.end(), [](const instance<Scalar>& each) {
                return each.mask.empty() && each.factor == 1;
            });
            if (shape.row_major && plain) {
                std::array<const Scalar*, width> thetas;
                for (std::size_t lane = 0; lane < width; ++lane)
                    thetas[lane] = group[std::min(lane, group.size() - 1)].theta;
                using L = detail::lanes<Scalar, width>;
                detail::for_each_across<L>(thetas, static_cast<std::size_t>(shape.size()),
                                           [=](std::size_t i, const typename L::number& numbers) {
                                               detail::store_vector<double, width>(
                                                   detail::convert_vector<Scalar, double, width>(numbers),
                                                   scores + i * width);
                                           });
                return;
            }
        }
        for (std::size_t lane = 0; lane < width; ++lane)
            write_scores(group[std::min(lane, group.size() - 1)], scores + lane,
                         [=](Eigen::Index i, Eigen::Index j) { return (i * shape.columns + j) * width; });
    }

    /// Writes z from the last cell back. at(i, j): where a cell's score is; best_of(i, j): its best sum,
    /// -infinity outside. False if no path is allowed.
    template <class Scalar, class AtT, class BestT>
    [[nodiscard]] bool trace(const instance<Scalar>& of, const double* scores, AtT&& at,
                             BestT&& best_of) const noexcept {
        Eigen::Index i = of.shape.last_row, j = of.shape.last_column;
        if (i < 0 || best_of(i, j) == worst) return false;
        const double gap = detail::rounded(options_.gap * of.factor);
        for (;;) {
            of.z[of.shape.place(i, j)] = Scalar(1);
            if (i == 0 && j == 0) return true;
            const double score = scores[at(i, j)], reached = best_of(i, j);
            if (best_of(i - 1, j - 1) + score == reached) {
                --i;
                --j;
            } else if (best_of(i - 1, j) + (score + gap) == reached) {
                --i;
            } else {
                --j;
            }
        }
    }

    alignment_options options_;
    detail::scratch scores_, best_;
};

}  // namespace imle::inline IMLE_ABI
