#pragma once

/// @file
/// The two forms of `solve_batch`, and the k largest of each instance of a batch, with a mask for each.

#include <algorithm>
#include <cstddef>
#include <span>

#include <imle/selection/k_largest.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Several instances of one of these ranks; of any, if none is given.
template <class T, int... Ranks>
concept BatchOfRanks = BatchOfInstances<T> &&(sizeof...(Ranks) == 0 || ((rank_of<T> == Ranks + 1) || ...));

/// Both forms of `solve_batch`, for a solver of instances of these ranks that derives from it and has
///
///     solve_status solve_all(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts)
///
/// with a context for each instance, or none.
template <class SolverT, int... Ranks>
class batch_forms {
  public:
    /// A layer need not make contexts without masks.
    static constexpr bool reads_only_masks = true;

    /// thetas: several instances, in one more, outermost dimension; zs: a tensor of its dimensions. Gives
    /// the bits of single solves.
    template <BatchOfRanks<Ranks...> ThetasT, StateOf<ThetasT> ZsT>
    void solve_batch(const ThetasT& thetas, ZsT&& zs) {
        // Without masks there always is an answer.
        static_cast<void>(static_cast<SolverT&>(*this).solve_all(thetas, zs, {}));
    }

    /// The same with a mask for each instance. z is 0 for infeasible instances; the others are solved.
    template <BatchOfRanks<Ranks...> ThetasT, StateOf<ThetasT> ZsT>
    solve_status solve_batch(const ThetasT& thetas, ZsT&& zs, std::span<const solve_context> contexts) {
        require_contexts(contexts.size(), shape_of(thetas).batch);
        return static_cast<SolverT&>(*this).solve_all(thetas, zs, contexts);
    }
};

/// Whether a context has a mask.
[[nodiscard]] inline bool any_mask(std::span<const solve_context> contexts) noexcept {
    return std::any_of(contexts.begin(), contexts.end(),
                       [](const solve_context& each) { return !each.mask.empty(); });
}

/// The numbers of all instances, with -infinity where their masks forbid: a copy if there is a mask.
/// contexts: one for each instance, or none. Throws like `require_numbers`.
template <class Scalar>
[[nodiscard]] std::span<const Scalar> allowed_of_batch(std::span<const Scalar> values,
                                                       std::span<const solve_context> contexts,
                                                       scratch& memory) {
    if (!any_mask(contexts)) {
        require_numbers(values, {});
        return values;
    }
    const std::size_t n = values.size() / contexts.size();
    const auto copies = memory.template get<Scalar>(values.size());
    for (std::size_t i = 0; i < contexts.size(); ++i) {
        const auto instance = values.subspan(i * n, n);
        const std::span<const bool> mask = contexts[i].mask;
        require_numbers(instance, mask);
        if (mask.empty())
            std::copy(instance.begin(), instance.end(), copies.data() + i * n);
        else
            copy_allowed(instance, mask, copies.data() + i * n);
    }
    return copies;
}

/// Solves a batch in groups of up to `width` instances, if any: in_lanes(first, left) solves the first of
/// those that are left, as many as fit. alone(i) solves the last ones, if they are so few that this is
/// faster.
template <class InLanesT, class AloneT>
void solve_in_groups(std::size_t batch, std::size_t width, InLanesT&& in_lanes, AloneT&& alone) {
    constexpr std::size_t fewest_in_lanes = 3;
    std::size_t done = 0;
    for (std::size_t left = batch; width > 0 && left >= fewest_in_lanes; left = batch - done) {
        in_lanes(done, left);
        done += std::min(left, width);
    }
    for (; done < batch; ++done) alone(done);
}

/// The k largest of each of a batch's instances of n >= k numbers. contexts: one for each instance, or none.
/// z is 0 for instances whose masks allow fewer than k; the others are solved. `allowed` and `memory` are two
/// scratches.
template <class ThetasT, class ZsT, class Scalar = scalar_of<ThetasT>>
solve_status select_batch(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts,
                          std::size_t k, scratch& allowed, scratch& memory, kth_guess<Scalar>& guess) {
    const auto shape = shape_of(thetas);
    const auto n = static_cast<std::size_t>(shape.n), batch = static_cast<std::size_t>(shape.batch);
    const std::span<const Scalar> values = allowed_of_batch(values_of(thetas), contexts, allowed);
    select_largest_of_groups(values.data(), batch, n, k,
                             memory.template get<Scalar>(selection_memory<Scalar>(n, k)), guess, zs.data());
    if (!any_mask(contexts)) return solve_status::solved;
    solve_status status = solve_status::solved;
    for (std::size_t i = 0; i < batch; ++i) {
        const std::span<const bool> mask = contexts[i].mask;
        if (mask.empty() || static_cast<std::size_t>(std::count(mask.begin(), mask.end(), true)) >= k)
            continue;
        std::fill_n(zs.data() + i * n, n, Scalar(0));
        status = solve_status::infeasible;
    }
    return status;
}

}  // namespace imle::inline IMLE_ABI::detail
