#pragma once

/// @file
/// The k largest of each group.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include <imle/selection/k_largest.hpp>
#include <imle/solvers/detail/batch_selection.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The MAP state of a distribution over the choices of k elements from each of several groups: 1 at the k
/// largest theta of each group, 0 elsewhere. k = 1 gives one-hot vectors: a code of several categorical
/// variables. Ties: the lowest indices in memory order win (0.0 and -0.0 are equal).
///
/// By default the groups are the outermost dimension of the instance: theta is [groups, members] if
/// row-major, [members, groups] if column-major. Members may have several dimensions, and an instance of
/// rank 1 is one group. If you give the sizes of the groups on construction, the groups follow one another
/// in memory order, whatever the instance's rank.
///
///     imle::k_of_groups{}                 // the largest of each group
///     imle::k_of_groups{2}                // the two largest
///     imle::k_of_groups{1, {3, 3, 5}}     // of 3, 3 and 5 elements
///     imle::k_of_groups<1>{}              // k at compile time
///
/// Throws `std::invalid_argument` on construction for k < 0, an empty list of sizes, and a size below 0 or
/// below k. Throws it when solving for a k larger than a group, sizes that do not add up to the instance's
/// size, and numbers that are not finite. A mask that leaves a group fewer than k elements:
/// `solve_status::infeasible`.
///
/// O(n) for k = 1, O(n) on average for other k. One large instance is as fast as a batch of small ones:
/// groups are solved side by side in both.
template <Eigen::Index K = Eigen::Dynamic>
class k_of_groups : public detail::batch_forms<k_of_groups<K>> {
    static_assert(K == Eigen::Dynamic || K >= 0, "imle::k_of_groups<K> needs K >= 0");

  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// k: the number of elements to choose from each group, at least 0.
    template <std::integral Count>
    explicit k_of_groups(Count k) requires(K == Eigen::Dynamic) : k_(static_cast<Eigen::Index>(k)) {
        check_k();
    }
    /// The largest element of each group is chosen.
    k_of_groups() requires(K == Eigen::Dynamic) : k_(1) {}
    /// K elements of each group are chosen.
    k_of_groups() requires(K != Eigen::Dynamic) = default;

    /// sizes: the number of elements of each group, in memory order.
    template <std::integral Count>
    k_of_groups(Count k, const std::vector<Eigen::Index>& sizes) requires(K == Eigen::Dynamic)
        : k_(static_cast<Eigen::Index>(k)) {
        check_k();
        set_sizes(sizes);
    }
    /// The same with k known at compile time.
    explicit k_of_groups(const std::vector<Eigen::Index>& sizes) requires(K != Eigen::Dynamic) {
        set_sizes(sizes);
    }

    /// The number of elements to choose from each group.
    [[nodiscard]] Eigen::Index k() const noexcept { return k_; }

    /// theta: one instance; z: a tensor of its dimensions, which is written in full.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        static_cast<void>(solve(theta, z, {}, 1, groups_of(theta)));
    }

    /// The k largest elements of each group that the context's mask allows.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        return solve(theta, z, std::span(&context, 1), 1, groups_of(theta));
    }

    /// Calls f(first, size) for each group of an instance, in memory order (see `ThresholdSolver`). theta
    /// must be one that it can solve.
    template <detail::Instance ThetaT, class F>
    void for_each_group(const ThetaT& theta, const solve_context&, F&& f) const {
        const Eigen::Index groups = groups_of(theta);
        const run equal{groups, groups == 0 ? 0 : static_cast<Eigen::Index>(theta.size()) / groups};
        Eigen::Index first = 0;
        for (const run& each : runs_.empty() ? std::span<const run>(&equal, 1) : std::span<const run>(runs_))
            for (Eigen::Index group = 0; group < each.groups; ++group, first += each.size)
                f(first, each.size);
    }

  private:
    friend class detail::batch_forms<k_of_groups>;

    /// Groups of one size, side by side.
    struct run {
        Eigen::Index groups;
        Eigen::Index size;
    };

    void check_k() const {
        if (k_ < 0) detail::throw_invalid("k_of_groups' k", k_, "0 or more");
    }

    void set_sizes(const std::vector<Eigen::Index>& sizes) {
        if (sizes.empty()) detail::throw_invalid("k_of_groups' sizes", "empty", "at least one group");
        for (std::size_t group = 0; group < sizes.size(); ++group) {
            const Eigen::Index size = sizes[group];
            if (size < k_)
                detail::throw_invalid("k_of_groups' sizes", detail::message(size, " for group ", group),
                                      detail::message("at least k = ", k_));
            if (runs_.empty() || runs_.back().size != size) runs_.push_back({0, size});
            ++runs_.back().groups;
            total_ += size;
        }
    }

    /// The outermost dimension of an instance; one of rank 1 is one group.
    template <class ThetaT>
    static Eigen::Index groups_of(const ThetaT& theta) {
        constexpr bool row_major = layout_of<ThetaT> == Eigen::RowMajor;
        constexpr int rank = rank_of<ThetaT>;
        return rank == 1 ? 1 : theta.dimension(row_major ? 0 : rank - 1);
    }

    template <class ThetasT, class ZsT>
    solve_status solve_all(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        constexpr int rank = rank_of<ThetasT>;
        return solve(thetas, zs, contexts, thetas.dimension(row_major ? 0 : rank - 1),
                     rank == 2 ? 1 : thetas.dimension(row_major ? 1 : rank - 2));
    }

    /// batch instances of `groups` groups each, unless the groups have sizes of their own. contexts: one for
    /// each instance, or none.
    template <class ThetaT, class ZT>
    solve_status solve(const ThetaT& theta, ZT& z, std::span<const solve_context> contexts,
                       Eigen::Index batch, Eigen::Index groups) {
        const bool masked = detail::any_mask(contexts);
        if (masked)
            detail::require_dimensions(theta, z);
        else
            detail::require_instance(theta, z);
        const bool sized = !runs_.empty();
        if (sized && theta.size() != batch * total_)
            detail::throw_invalid("theta",
                                  detail::message("of ", batch == 0 ? 0 : theta.size() / batch, " elements"),
                                  detail::message("the sum of the sizes, ", total_));
        if (theta.size() == 0 && (k_ == 0 || batch == 0 || (!sized && groups == 0)))
            return solve_status::solved;
        const run equal{groups, sized ? 0 : theta.size() / (batch * groups)};
        const std::span<const run> runs = sized ? std::span<const run>(runs_) : std::span(&equal, 1);
        if (!sized && equal.size < k_)
            detail::throw_invalid("k_of_groups' k", k_,
                                  detail::message("at most the size of a group, ", equal.size));
        const auto values = detail::values_of(theta);
        const auto from = masked ? detail::allowed_of_batch(values, contexts, allowed_) : values;
        select_runs(from.data(), batch, runs, z.data());
        return masked ? clear_infeasible(contexts, values.size() / contexts.size(), runs, z.data())
                      : solve_status::solved;
    }

    template <class Scalar>
    void select_runs(const Scalar* from, Eigen::Index batch, std::span<const run> runs, Scalar* to) {
        if (runs.size() == 1) {
            select(from, batch * runs[0].groups, runs[0].size, to);
            return;
        }
        for (Eigen::Index instance = 0; instance < batch; ++instance)
            for (const run& each : runs) {
                select(from, each.groups, each.size, to);
                from += each.groups * each.size;
                to += each.groups * each.size;
            }
    }

    /// z = 0 for each instance of n numbers that has a group with fewer than k allowed elements.
    template <class Scalar>
    [[nodiscard]] solve_status clear_infeasible(std::span<const solve_context> contexts, std::size_t n,
                                                std::span<const run> runs, Scalar* z) const {
        solve_status status = solve_status::solved;
        for (std::size_t i = 0; i < contexts.size(); ++i) {
            if (contexts[i].mask.empty() || leaves_enough(contexts[i].mask, runs)) continue;
            std::fill_n(z + i * n, n, Scalar(0));
            status = solve_status::infeasible;
        }
        return status;
    }

    [[nodiscard]] bool leaves_enough(std::span<const bool> mask, std::span<const run> runs) const {
        const bool* group = mask.data();
        for (const run& each : runs)
            for (Eigen::Index i = 0; i < each.groups; ++i, group += each.size)
                if (std::count(group, group + each.size, true) < k_) return false;
        return true;
    }

    template <class Scalar>
    void select(const Scalar* from, Eigen::Index groups, Eigen::Index members, Scalar* to) {
        const auto n = static_cast<std::size_t>(members), k = static_cast<std::size_t>(k_);
        detail::kth_guess<Scalar> guess;
        detail::select_largest_of_groups(
            from, static_cast<std::size_t>(groups), n, k,
            scratch_.template get<Scalar>(detail::selection_memory<Scalar>(n, k)), guess, to);
    }

    Eigen::Index k_ = K;
    std::vector<run> runs_;  // empty: groups of equal size, which come with each instance
    Eigen::Index total_ = 0;
    detail::scratch scratch_, allowed_;
};

k_of_groups()->k_of_groups<>;

}  // namespace imle::inline IMLE_ABI
