#pragma once

/// @file
/// The best sequence of labels: Viterbi's algorithm, for chains of steps and for chains of segments.
///
/// Positions 0, ..., steps have one label each. A segment of k + 1 steps from position t, label i there and
/// label j at its end, has the score theta(t, k, i, j). A chain of steps is one of segments of one step each.
/// With best(0, i) = 0,
///
///     best(p, j) = max over k and i of best(p - k - 1, i) + theta(p - k - 1, k, i, j)
///
/// All sums are taken in double, in the order of the formula. So every way to run it, along the labels of one
/// chain or across several chains, has the same bits, and sums of floats seldom round.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include <imle/core/rounded.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The shape of an instance, [steps, widths, labels, labels], and where its elements are in memory.
struct chain_shape {
    Eigen::Index steps;
    Eigen::Index widths;
    Eigen::Index labels;
    bool row_major;

    [[nodiscard]] Eigen::Index rows() const noexcept { return steps * widths * labels; }
    [[nodiscard]] Eigen::Index size() const noexcept { return rows() * labels; }
    /// Row (t, k, i): the scores of all labels at the end of a segment.
    [[nodiscard]] Eigen::Index row(Eigen::Index t, Eigen::Index k, Eigen::Index i) const noexcept {
        return (t * widths + k) * labels + i;
    }
    [[nodiscard]] Eigen::Index place(Eigen::Index t, Eigen::Index k, Eigen::Index i,
                                     Eigen::Index j) const noexcept {
        return row_major ? row(t, k, i) * labels + j : t + steps * (k + widths * (i + labels * j));
    }
    /// Calls f(row, j) for each element, in the order of memory.
    template <class F>
    void for_each(F&& f) const {
        if (row_major) {
            for (Eigen::Index r = 0; r < rows(); ++r)
                for (Eigen::Index j = 0; j < labels; ++j) f(r, j);
        } else {
            for (Eigen::Index j = 0; j < labels; ++j)
                for (Eigen::Index i = 0; i < labels; ++i)
                    for (Eigen::Index k = 0; k < widths; ++k)
                        for (Eigen::Index t = 0; t < steps; ++t) f(row(t, k, i), j);
        }
    }
};

/// Solves chains, one after the other or one in each lane of a register.
class chain_search {
  public:
    /// theta, z: `batch` instances. contexts: one for each, or none. steps_of: the number of steps of each
    /// id; empty if all chains have shape.steps. z is 0 where a chain is infeasible; the others are solved.
    template <class Scalar>
    [[nodiscard]] solve_status solve(const chain_shape& shape, Eigen::Index batch, const Scalar* theta,
                                     Scalar* z, std::span<const solve_context> contexts,
                                     std::span<const Eigen::Index> steps_of) {
        const auto n = static_cast<std::size_t>(shape.size());
        const std::span<const Scalar> values(theta, static_cast<std::size_t>(batch) * n);
        if (contexts.empty()) require_numbers(values, {});
        for (std::size_t b = 0; b < contexts.size(); ++b)
            require_numbers(values.subspan(b * n, n), contexts[b].mask);
        if (batch == 0) return solve_status::solved;
        if (shape.labels == 0 && shape.steps > 0)
            throw_invalid("theta", "without labels", "at least one label");
        if (!steps_of.empty() && contexts.empty())
            throw_invalid("the call of a solver of chains with steps", "without a solve_context",
                          "one whose id selects the number of steps");
        std::fill_n(z, batch * shape.size(), Scalar(0));
        solve_status status = solve_status::solved;
        for (Eigen::Index done = 0; done < batch;) {
            const Eigen::Index left = batch - done;
            const auto used = fit_across(shape) ? std::min<Eigen::Index>(left, width) : 1;
            std::array<chain<Scalar>, width> chains{};
            for (Eigen::Index lane = 0; lane < used; ++lane) {
                const Eigen::Index b = done + lane;
                chain<Scalar>& next = chains[static_cast<std::size_t>(lane)];
                next.theta = theta + b * shape.size();
                next.z = z + b * shape.size();
                if (!contexts.empty()) next.mask = contexts[static_cast<std::size_t>(b)].mask;
                const Eigen::Index steps =
                    steps_of.empty()
                        ? shape.steps
                        : steps_by_id(shape.steps, contexts[static_cast<std::size_t>(b)].id, steps_of);
                next.end = last_position(shape, steps, next.mask);
                if (next.end == 0 && steps > 0) status = solve_status::infeasible;
            }
            const std::span<const chain<Scalar>> group(chains.data(), static_cast<std::size_t>(used));
            if (!(used > 1 ? solve_across(shape, group) : solve_along(shape, group[0])))
                status = solve_status::infeasible;
            done += used;
        }
        return status;
    }

    /// The number of steps of this id, for an instance of `most` steps.
    [[nodiscard]] static Eigen::Index steps_by_id(Eigen::Index most, std::uint64_t id,
                                                  std::span<const Eigen::Index> steps_of) {
        if (id >= steps_of.size())
            throw_invalid("context.id", id,
                          message("less than ", steps_of.size(), ", the length of the list of steps"));
        const Eigen::Index steps = steps_of[static_cast<std::size_t>(id)];
        if (steps > most)
            throw_invalid(message("steps[", id, "]").c_str(), steps,
                          message("at most theta's number of steps, ", most));
        return steps;
    }

  private:
    static constexpr int width = native_lanes<double>;
    using number = vector_of<double, width>;
    static constexpr double worst = -std::numeric_limits<double>::infinity();

    /// One instance. It ends at position `end`: what comes after it is padding.
    template <class Scalar>
    struct chain {
        const Scalar* theta;
        Scalar* z;
        std::span<const bool> mask;
        Eigen::Index end;
    };

    /// Whether several chains are solved at once, one in each lane. With more labels, or where the copies
    /// would leave the cache, lanes along the labels are faster.
    [[nodiscard]] static bool fit_across(const chain_shape& shape) noexcept {
        constexpr Eigen::Index most_labels = 12, most_numbers = 32768;
        return width > 1 && shape.labels <= most_labels && shape.size() * width <= most_numbers;
    }

    /// The last of `steps` positions at which an allowed segment ends; 0 if there is none.
    [[nodiscard]] static Eigen::Index last_position(const chain_shape& shape, Eigen::Index steps,
                                                    std::span<const bool> mask) noexcept {
        if (mask.empty()) return steps;
        Eigen::Index last = 0;
        const bool* allowed = mask.data();
        const Eigen::Index per_position = shape.widths * shape.labels;
        shape.for_each([&](Eigen::Index row, Eigen::Index) {
            const Eigen::Index end = row / per_position + row % per_position / shape.labels + 1;
            if (*allowed++ && end > last && end <= steps) last = end;
        });
        return last;
    }

    /// n doubles at an address that suits a register.
    [[nodiscard]] double* aligned(scratch& memory, Eigen::Index n) {
        const auto size = static_cast<std::size_t>(n) * sizeof(double);
        std::size_t space = size + sizeof(number);
        void* place = memory.get<double>(static_cast<std::size_t>(n) + width).data();
        return static_cast<double*>(std::align(alignof(number), size, place, space));
    }

    /// Whether sums of these numbers may overflow, so that all are multiplied by `smaller`.
    template <class Scalar>
    [[nodiscard]] static bool is_huge(const chain_shape& shape, const chain<Scalar>& of) noexcept {
        bool huge = false;
        if constexpr (std::is_same_v<Scalar, double>) {
            for (Eigen::Index i = 0; i < shape.size(); ++i)
                huge |= std::abs(of.theta[i]) > 0x1p900 &&
                        (of.mask.empty() || of.mask[static_cast<std::size_t>(i)]);
        }
        return huge;
    }
    static constexpr double smaller = 0x1p-124;

    /// One chain, with lanes along the labels. A row of theta and of positions has whole registers, in which
    /// the lanes without a label are never read as labels.
    template <class Scalar>
    [[nodiscard]] bool solve_along(const chain_shape& shape, const chain<Scalar>& of) {
        const Eigen::Index row = (shape.labels + width - 1) / width * width;
        double* const scores = aligned(scores_, shape.rows() * row);
        if (shape.row_major) {
            for (Eigen::Index r = 0; r < shape.rows(); ++r) {
                for (Eigen::Index j = 0; j < shape.labels; ++j)
                    scores[r * row + j] = static_cast<double>(of.theta[r * shape.labels + j]);
                std::fill(scores + r * row + shape.labels, scores + (r + 1) * row, worst);
            }
        } else {
            std::fill_n(scores, shape.rows() * row, worst);
            const Scalar* next = of.theta;
            shape.for_each(
                [&](Eigen::Index r, Eigen::Index j) { scores[r * row + j] = static_cast<double>(*next++); });
        }
        if (is_huge(shape, of))
            for (Eigen::Index i = 0; i < shape.rows() * row; ++i) scores[i] = rounded(scores[i] * smaller);
        forbid(shape, of.mask, [=](Eigen::Index r, Eigen::Index j) { return scores + r * row + j; });

        double* const best = aligned(best_, (of.end + 1) * row);
        double* const before = aligned(before_, (of.end + 1) * row);
        advance<false>(shape, of.end, row, scores, best, before);
        return trace(
            shape, of, [=](Eigen::Index p, Eigen::Index j) { return p * row + j; }, best, before);
    }

    /// Several chains, one in each lane.
    template <class Scalar>
    [[nodiscard]] bool solve_across(const chain_shape& shape, std::span<const chain<Scalar>> group) {
        std::array<const Scalar*, width> thetas;
        Eigen::Index end = 0;
        for (std::size_t lane = 0; lane < width; ++lane) {
            const chain<Scalar>& of = group[std::min(lane, group.size() - 1)];
            thetas[lane] = of.theta;
            end = std::max(end, of.end);
        }
        double* const scores = aligned(scores_, shape.size() * width);
        load_across(shape, thetas, scores);
        for (std::size_t lane = 0; lane < group.size(); ++lane) {
            double* const own = scores + lane;
            if (is_huge(shape, group[lane]))
                for (Eigen::Index i = 0; i < shape.size(); ++i)
                    own[i * width] = rounded(own[i * width] * smaller);
            forbid(shape, group[lane].mask, [=, labels = shape.labels](Eigen::Index r, Eigen::Index j) {
                return own + (r * labels + j) * width;
            });
        }
        const Eigen::Index row = shape.labels * width;
        double* const best = aligned(best_, (end + 1) * row);
        double* const before = aligned(before_, (end + 1) * row);
        advance<true>(shape, end, row, scores, best, before);
        bool feasible = true;
        for (std::size_t lane = 0; lane < group.size(); ++lane) {
            const auto at = [=](Eigen::Index p, Eigen::Index j) {
                return p * row + j * width + static_cast<Eigen::Index>(lane);
            };
            feasible &= trace(shape, group[lane], at, best, before);
        }
        return feasible;
    }

    /// Writes theta in the order of rows, one chain in each lane.
    template <class Scalar>
    static void load_across(const chain_shape& shape, const std::array<const Scalar*, width>& thetas,
                            double* scores) {
        const auto n = static_cast<std::size_t>(shape.size());
        const auto put = [&](std::size_t place, const vector_of<Scalar, width>& numbers) {
            store_vector<double, width>(convert_vector<Scalar, double, width>(numbers),
                                        scores + place * width);
        };
        if constexpr (width * sizeof(Scalar) >= 16 || width == 1) {
            if (shape.row_major) {
                for_each_across<lanes<Scalar, width>>(thetas, n, put);
            } else {
                // The places of step 0, in the order of memory; the other steps follow at once.
                const auto stride = static_cast<std::size_t>(shape.widths * shape.labels * shape.labels);
                const auto steps = static_cast<std::size_t>(shape.steps);
                const auto widths = static_cast<std::size_t>(shape.widths),
                           labels = static_cast<std::size_t>(shape.labels);
                std::size_t t = 0, k = 0, i = 0, j = 0;
                for_each_across<lanes<Scalar, width>>(
                    thetas, n, [&](std::size_t, const vector_of<Scalar, width>& numbers) {
                        put(t * stride + (k * labels + i) * labels + j, numbers);
                        if (++t < steps) return;
                        t = 0;
                        if (++k < widths) return;
                        k = 0;
                        if (++i < labels) return;
                        i = 0;
                        ++j;
                    });
            }
        } else {
            std::size_t from = 0;
            shape.for_each([&](Eigen::Index r, Eigen::Index j) {
                double* const to = scores + (r * shape.labels + j) * width;
                for (std::size_t lane = 0; lane < width; ++lane)
                    to[lane] = static_cast<double>(thetas[lane][from]);
                ++from;
            });
        }
    }

    /// Makes the scores infinitely bad that the mask forbids. place(row, j): where one is.
    template <class PlaceT>
    static void forbid(const chain_shape& shape, std::span<const bool> mask, PlaceT&& place) {
        if (mask.empty()) return;
        const bool* allowed = mask.data();
        shape.for_each([&](Eigen::Index r, Eigen::Index j) {
            double* const score = place(r, j);
            *score = *allowed++ ? *score : worst;
        });
    }

    /// best and before, of the positions 0 to end, `row` numbers each. before(p, j) = k * labels + i of the
    /// best segment that ends there; of equal ones the shortest, then the lowest label. Across: lanes are
    /// chains, and a row has a register for each label. Else lanes are labels.
    template <bool Across>
    static void advance(const chain_shape& shape, Eigen::Index end, Eigen::Index row, const double* scores,
                        double* best, double* before) {
        std::fill_n(best, row, 0.0);
        for (Eigen::Index p = 1; p <= end; ++p) {
            Eigen::Index r = 0;
            for (; r + 4 * width <= row; r += 4 * width)
                advance_registers<Across, 4>(shape, p, row, r, scores, best, before);
            for (; r < row; r += width) advance_registers<Across, 1>(shape, p, row, r, scores, best, before);
        }
    }

    /// Count registers of position p, from number r of the row on.
    template <bool Across, int Count>
    static void advance_registers(const chain_shape& shape, Eigen::Index p, Eigen::Index row, Eigen::Index r,
                                  const double* scores, double* best, double* before) {
        number most[Count], origin[Count];
        for (int c = 0; c < Count; ++c) {
            most[c] = number{} + worst;
            origin[c] = number{};
        }
        const Eigen::Index widths = std::min(shape.widths, p);
        for (Eigen::Index k = 0; k < widths; ++k) {
            const Eigen::Index start = p - 1 - k;
            const double* const from = best + start * row;
            const double* score = scores + shape.row(start, k, 0) * row + r;
            for (Eigen::Index i = 0; i < shape.labels; ++i, score += row) {
                const number until =
                    Across ? load_vector<double, width>(from + i * width) : number{} + from[i];
                const number code = number{} + static_cast<double>(k * shape.labels + i);
                for (int c = 0; c < Count; ++c) {
                    const number sum = until + load_vector<double, width>(score + c * width);
                    const auto better = sum > most[c];
                    most[c] = better ? sum : most[c];
                    origin[c] = better ? code : origin[c];
                }
            }
        }
        for (int c = 0; c < Count; ++c) {
            store_vector<double, width>(most[c], best + p * row + r + c * width);
            store_vector<double, width>(origin[c], before + p * row + r + c * width);
        }
    }

    /// Writes z from the end back: of equal labels the lowest. at(p, j): where a position's numbers are.
    /// False if no sequence is allowed.
    template <class Scalar, class AtT>
    [[nodiscard]] static bool trace(const chain_shape& shape, const chain<Scalar>& of, AtT at,
                                    const double* best, const double* before) noexcept {
        if (of.end == 0) return true;
        Eigen::Index label = 0;
        for (Eigen::Index j = 1; j < shape.labels; ++j)
            if (best[at(of.end, j)] > best[at(of.end, label)]) label = j;
        if (best[at(of.end, label)] == worst) return false;
        for (Eigen::Index p = of.end; p > 0;) {
            const auto code = static_cast<Eigen::Index>(before[at(p, label)]);
            const Eigen::Index k = shape.widths == 1 ? 0 : code / shape.labels, i = code - k * shape.labels;
            p -= k + 1;
            of.z[shape.place(p, k, i, label)] = Scalar(1);
            label = i;
        }
        return true;
    }

    scratch scores_, best_, before_;
};

}  // namespace imle::inline IMLE_ABI::detail
