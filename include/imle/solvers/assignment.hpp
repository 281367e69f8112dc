#pragma once

/// @file
/// The best one-to-one assignment of rows to columns.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>

#include <imle/solvers/detail/batch_selection.hpp>
#include <imle/solvers/detail/jonker_volgenant.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `assignment`; the order of the members is part of the contract.
struct assignment_options {
    /// Whether a row and a column may be left out although both are free: a pair is chosen only where that
    /// is better than to leave it out.
    bool partial = false;
};

/// The MAP state of a distribution over assignments: z [rows, columns] has min(rows, columns) ones, at most
/// one in each row and in each column, with the largest sum of theta [rows, columns]. The smaller side is
/// assigned completely, even where theta is negative. A square z is a permutation matrix.
///
/// With `assignment_options::partial`, z has at most one 1 in each row and in each column, and any number of
/// them: a pair of theta <= 0 is never chosen. (An assignment of all rows to max(theta, 0) is solved, and the
/// pairs that add nothing are left out.)
///
/// Jonker and Volgenant's algorithm: O(min^2 max) time in the worst case for sides of min and max numbers,
/// and O(rows * columns) memory. Instances of a batch take turns, up to 64 x 64. It computes in double for
/// float too, at no cost in time. The answer is optimal up to the rounding of doubles, and no sum overflows
/// (numbers beyond 2^900 are scaled). Ties: the answer is the same each time, and in both layouts; which one
/// it is depends on all of theta.
///
/// A mask forbids pairs. If it leaves no assignment of min(rows, columns) pairs: `solve_status::infeasible`,
/// unless the assignment may be partial. To pad a smaller instance, allow padding rows to take padding
/// columns only, and the reverse; for partial assignments, forbid padding.
///
/// If there are no rows or no columns, z is empty too. Throws `std::invalid_argument` for numbers that are
/// not finite and for sides over 16384.
class assignment : public detail::batch_forms<assignment, 2> {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;
    /// `solve_batch` is as good for a few instances.
    static constexpr bool takes_any_batch = true;

    /// Complete assignments, or partial ones.
    explicit assignment(const assignment_options& options = {}) : options_(options) {}

    /// theta: one instance [rows, columns]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        static_cast<void>((*this)(theta, z, solve_context{}));
    }

    /// The best assignment of pairs that the context's mask allows.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        detail::require_instance(theta, z, context);
        const sides of = sides_of<layout_of<ThetaT>>(theta.dimension(0), theta.dimension(1));
        std::fill_n(z.data(), z.size(), scalar_of<ThetaT>(0));
        if (theta.size() == 0) return solve_status::solved;
        problem& own = problems_[0];
        own.resize(of.fewer, of.more);
        load(own, of, theta.data(), context.mask);
        return own.solve() ? write(own, of, theta.data(), context.mask, z.data()) : solve_status::infeasible;
    }

  private:
    friend class detail::batch_forms<assignment, 2>;
    using problem = detail::jonker_volgenant;

    static constexpr int max_side = 16384;  // a matrix of 2 GiB
    /// A step waits for the step before it, so several instances take turns. (Measured: 4 are as good as 8.)
    static constexpr std::size_t at_a_time = 4;
    /// The costs of more numbers would leave the cache.
    static constexpr Eigen::Index most_in_turns = 64 * 64;

    /// Whichever side has fewer is assigned to the other; in a square the rows, in both layouts. The steps
    /// lead from one to the next in memory.
    struct sides {
        int fewer, more;
        Eigen::Index fewer_step, more_step;
    };
    template <int Layout>
    [[nodiscard]] static sides sides_of(Eigen::Index rows, Eigen::Index columns) {
        if (std::max(rows, columns) > max_side)
            detail::throw_invalid("theta", detail::message("[", rows, ", ", columns, "]"),
                                  detail::message("sides of at most ", max_side));
        constexpr bool row_major = Layout == Eigen::RowMajor;
        const Eigen::Index row_step = row_major ? columns : 1, column_step = row_major ? 1 : rows;
        const int row_count = static_cast<int>(rows), column_count = static_cast<int>(columns);
        if (rows <= columns) return {row_count, column_count, row_step, column_step};
        return {column_count, row_count, column_step, row_step};
    }

    template <class ThetasT, class ZsT>
    solve_status solve_all(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        using Scalar = scalar_of<ThetasT>;
        detail::require_dimensions(thetas, zs);
        const auto shape = detail::shape_of(thetas);
        const sides of = sides_of<layout_of<ThetasT>>(shape.instance[0], shape.instance[1]);
        const auto n = static_cast<std::size_t>(shape.n), batch = static_cast<std::size_t>(shape.batch);
        const auto values = detail::values_of(thetas);
        if (contexts.empty()) detail::require_numbers(values, {});
        for (std::size_t i = 0; i < contexts.size(); ++i)
            detail::require_numbers(values.subspan(i * n, n), contexts[i].mask);
        std::fill_n(zs.data(), zs.size(), Scalar(0));
        if (n == 0) return solve_status::solved;

        const std::size_t problems = shape.n <= most_in_turns ? std::min(batch, at_a_time) : 1;
        std::array<std::size_t, at_a_time> instance;  // which one a problem is
        std::size_t begun = 0, done = 0;
        const auto begin = [&](std::size_t p) {
            instance[p] = begun++;
            if (instance[p] >= batch) return;
            load(problems_[p], of, values.data() + instance[p] * n, detail::mask_of(contexts, instance[p]));
            problems_[p].start();
        };
        for (std::size_t p = 0; p < problems; ++p) {
            problems_[p].resize(of.fewer, of.more);
            begin(p);
        }
        solve_status status = solve_status::solved;
        while (done < batch)
            for (std::size_t p = 0; p < problems; ++p) {
                const std::size_t i = instance[p];
                if (i >= batch || problems_[p].bid<true>()) continue;
                if (problems_[p].finish<true>())
                    write(problems_[p], of, values.data() + i * n, detail::mask_of(contexts, i),
                          zs.data() + i * n);
                else
                    status = solve_status::infeasible;
                ++done;
                begin(p);
            }
        return status;
    }

    /// Sets the costs of a problem of these sides.
    template <class Scalar>
    void load(problem& own, const sides& of, const Scalar* theta, std::span<const bool> mask) const {
        const double factor = -scale(theta, of, mask);
        // The cost of a pair that is left out.
        const double most = options_.partial ? 0 : problem::infinite;
        for (int i = 0; i < of.fewer; ++i) {
            const Eigen::Index at = i * of.fewer_step;
            if (mask.empty())
                own.set_costs(i, theta + at, of.more_step, factor, most);
            else
                own.set_costs(i, theta + at, mask.data() + at, of.more_step, factor, most);
        }
    }

    /// Marks the pairs of a solved problem in z.
    template <class Scalar>
    solve_status write(const problem& own, const sides& of, const Scalar* theta, std::span<const bool> mask,
                       Scalar* z) const noexcept {
        for (int i = 0; i < of.fewer; ++i) {
            const Eigen::Index at = i * of.fewer_step + own.column_of(i) * of.more_step;
            const bool is_allowed = mask.empty() || mask[static_cast<std::size_t>(at)];
            const bool is_chosen = !options_.partial || (theta[at] > 0 && is_allowed);
            z[at] = is_chosen ? Scalar(1) : Scalar(0);
        }
        return solve_status::solved;
    }

    /// 1, or a power of 2 that leaves room for sums of the largest numbers.
    template <class Scalar>
    [[nodiscard]] static double scale(const Scalar* theta, const sides& of, std::span<const bool> mask) {
        if constexpr (std::is_same_v<Scalar, double>)
            for (std::size_t i = 0;
                 i < static_cast<std::size_t>(of.fewer) * static_cast<std::size_t>(of.more); ++i)
                if (std::abs(theta[i]) > 0x1p900 && (mask.empty() || mask[i])) return 0x1p-124;
        return 1;
    }

    assignment_options options_;
    std::array<problem, at_a_time> problems_;
};

}  // namespace imle::inline IMLE_ABI
