#pragma once

/// @file
/// Calls your solver in whichever form it has, and checks its answers.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>

#include <imle/concepts/solver.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Copies the result of a solver that returns z. Throws `solver_error` if its dimensions are not the
/// instance's.
template <class Scalar, int Rank, int Layout, class Result>
void store_solution(const Result& result, mutable_view<Scalar, Rank, Layout>& z,
                    const solve_context& context) {
    if constexpr (DenseTensor<Result>) {
        if (dimensions_of(result) != dimensions_of(z))
            throw solver_error(
                message("imle: the solver returned a tensor of shape ", shape_string(dimensions_of(result)),
                        " in instance ", context.instance, ", sample ", context.sample,
                        "; expected theta's shape ", shape_string(dimensions_of(z))),
                context.instance, context.sample);
        std::copy_n(result.data(), z.size(), z.data());
    } else {
        // A lazy expression has to be evaluated before its dimensions are known.
        const Eigen::Tensor<Scalar, Rank, Layout> evaluated = result;
        store_solution<Scalar, Rank, Layout>(evaluated, z, context);
    }
}

/// Whether `solve_one` passes a context to the solver, so that it can respect a mask. A form is tested only
/// if the forms before it do not fit: the body of a generic function need not compile for it.
template <class SolverT, class Scalar, int Rank, int Layout>
[[nodiscard]] consteval bool is_told_context() {
    if constexpr (writes_with_context<SolverT, Scalar, Rank, Layout>)
        return true;
    else if constexpr (writes<SolverT, Scalar, Rank, Layout>)
        return false;
    else
        return returns_with_context<SolverT, Scalar, Rank, Layout>;
}

/// Solves one instance.
template <class Scalar, int Rank, int Layout, class SolverT>
[[nodiscard]] solve_status solve_one(SolverT& solver, const_view<Scalar, Rank, Layout>& theta,
                                     mutable_view<Scalar, Rank, Layout>& z, const solve_context& context) {
    if constexpr (writes_with_context<SolverT, Scalar, Rank, Layout>)
        return status_of([&] { return solver(theta, z, context); });
    else if constexpr (writes<SolverT, Scalar, Rank, Layout>)
        return status_of([&] { return solver(theta, z); });
    else if constexpr (returns_with_context<SolverT, Scalar, Rank, Layout>)
        store_solution<Scalar, Rank, Layout>(solver(theta, context), z, context);
    else
        store_solution<Scalar, Rank, Layout>(solver(theta), z, context);
    return solve_status::solved;
}

/// Throws `solver_error` if a number of z, one item's answer, is not finite or is not 0 where the mask
/// forbids it.
template <class Scalar>
void check_solution(const Scalar* z, Eigen::Index n, const solve_context& context) {
    for (std::size_t i = 0; i < context.mask.size(); ++i)
        if (!context.mask[i] && z[i] != Scalar(0))
            throw solver_error(
                message("imle: the solver chose coordinate ", i, ", which the mask forbids, in instance ",
                        context.instance, ", sample ", context.sample,
                        "; expected 0 where solve_context::mask is false"),
                context.instance, context.sample);
    const std::span<const Scalar> all(z, static_cast<std::size_t>(n));
    if (all_finite(all)) return;
    throw solver_error(
        message("imle: the solver left z[", first_not_finite(all), "] unwritten or not finite, in instance ",
                context.instance, ", sample ", context.sample,
                "; expected every coordinate of z to be written with a finite number"),
        context.instance, context.sample);
}

/// `check_solution` for each item. Without masks a single pass finds that there is nothing to say.
template <class Scalar, class ContextsT>
void check_solutions(const Scalar* z, Eigen::Index n, std::size_t count, bool masked,
                     ContextsT& contexts_of) {
    const auto size = static_cast<std::size_t>(n);
    if (!masked && all_finite(std::span<const Scalar>(z, count * size))) return;
    const std::span<const solve_context> contexts = contexts_of();
    for (std::size_t j = 0; j < count; ++j) check_solution(z + j * size, n, contexts[j]);
}

/// Throws `solve_failure` for an item whose solve failed.
[[noreturn]] inline void throw_failure(solve_status status, const solve_context& context) {
    throw solve_failure(
        status,
        message("imle: the solver's status is '", status, "' in instance ", context.instance, ", sample ",
                context.sample, "; expected 'solved' (layer_options::failures can let the call go on)"));
}

/// Solves items that are contiguous in memory, and checks the answers.
///
/// z is filled with NaN first, so that coordinates that the solver does not write are detected. The first
/// item that is not finite throws `solver_error`. (Neither is needed for a solver that `writes_all`.) A
/// failed solve throws `solve_failure` or, if failures are tolerated, gets z = 0.
template <class Scalar, int Rank, int Layout, class SolverT>
class solver_port {
  public:
    /// `solver`: this worker's copy. After an exception it is replaced by a new copy of `original`, because
    /// its state is unknown.
    solver_port(const SolverT& original, std::optional<SolverT>& solver,
                const batch_shape<Rank, Layout>& shape, bool tolerates_failures)
        : original_(original), solver_(solver), shape_(shape), tolerates_(tolerates_failures) {}

    /// Solves `count` items. contexts_of() returns their contexts; `masked` tells whether those have masks.
    /// If `starts` is not null and the solver can start from a solution, item j starts from solution number
    /// `items[j]` of `starts`. Calls failed(j) for each item that failed.
    template <class ContextsT, class FailedT>
    void solve(const Scalar* theta, Scalar* z, std::size_t count, bool masked, ContextsT&& contexts_of,
               const std::type_identity_t<Scalar>* starts, std::span<const Eigen::Index> items,
               FailedT&& failed) {
        const Eigen::Index n = shape_.n;
        if constexpr (!WarmSolver<SolverT, Scalar, Rank, Layout>) starts = nullptr;
        if (masked && !starts_with_context<SolverT, Scalar, Rank, Layout>) starts = nullptr;
        spoil(z, count);
        if (count == 0 || (starts == nullptr && solve_together(theta, z, count, masked, contexts_of))) return;
        const std::span<const solve_context> contexts = contexts_of();
        for (std::size_t j = 0; j < count; ++j) {
            const Eigen::Index at = static_cast<Eigen::Index>(j) * n;
            const_view<Scalar, Rank, Layout> one_theta(theta + at, shape_.instance);
            mutable_view<Scalar, Rank, Layout> one_z(z + at, shape_.instance);
            const bool solved = succeeds(contexts[j], [&] {
                if constexpr (WarmSolver<SolverT, Scalar, Rank, Layout>) {
                    if (starts != nullptr) {
                        const_view<Scalar, Rank, Layout> start(starts + items[j] * n, shape_.instance);
                        return solve_from(one_theta, start, one_z, contexts[j]);
                    }
                }
                return solve_one<Scalar, Rank, Layout>(*solver_, one_theta, one_z, contexts[j]);
            });
            if (solved) {
                if constexpr (!writes_all<SolverT>) check_solution(z + at, n, contexts[j]);
            } else {
                std::fill_n(z + at, n, Scalar(0));
                failed(j);
            }
        }
    }

  private:
    void spoil([[maybe_unused]] Scalar* z, [[maybe_unused]] std::size_t count) const {
        if constexpr (!writes_all<SolverT>)
            std::fill_n(z, static_cast<Eigen::Index>(count) * shape_.n, unwritten<Scalar>());
    }

    /// Solves by `solve_batch`, if there is one. Returns false if a solve in it failed and failures are
    /// tolerated: single solves then find out which one.
    template <class ContextsT>
    bool solve_together([[maybe_unused]] const Scalar* theta, [[maybe_unused]] Scalar* z,
                        [[maybe_unused]] std::size_t count, [[maybe_unused]] bool masked,
                        [[maybe_unused]] ContextsT& contexts_of) {
        if constexpr (BatchSolver<SolverT, Scalar, Rank, Layout>) {
            constexpr bool takes_contexts = solves_batches_with_context<SolverT, Scalar, Rank, Layout>;
            constexpr bool takes_none = solves_batches<SolverT, Scalar, Rank, Layout>;
            if (masked && !takes_contexts) return false;
            const auto dimensions = shape_.batched(static_cast<Eigen::Index>(count));
            const_view<Scalar, Rank + 1, Layout> thetas(theta, dimensions);
            mutable_view<Scalar, Rank + 1, Layout> zs(z, dimensions);
            // No item to name here: a single solve finds it.
            const bool solved = succeeds(std::nullopt, [&] {
                if constexpr (takes_contexts)
                    if (masked || !takes_none || !reads_only_masks<SolverT>)
                        return status_of([&] { return solver_->solve_batch(thetas, zs, contexts_of()); });
                if constexpr (takes_none)
                    return status_of([&] { return solver_->solve_batch(thetas, zs); });
                else
                    return solve_status::solved;  // not reached
            });
            if (solved) {
                if constexpr (!writes_all<SolverT>) check_solutions(z, shape_.n, count, masked, contexts_of);
                return true;
            }
            spoil(z, count);
        }
        return false;
    }

    [[nodiscard]] solve_status solve_from(const_view<Scalar, Rank, Layout>& theta,
                                          const_view<Scalar, Rank, Layout>& start,
                                          mutable_view<Scalar, Rank, Layout>& z,
                                          const solve_context& context) {
        if constexpr (starts_with_context<SolverT, Scalar, Rank, Layout>)
            return status_of([&] { return solver_->solve_from(theta, start, z, context); });
        else
            return status_of([&] { return solver_->solve_from(theta, start, z); });
    }

    /// Calls `solve`, for one item or for several (no context). A status returned for a batch is never
    /// thrown: single solves find the item.
    template <class F>
    [[nodiscard]] bool succeeds(const std::optional<solve_context>& context, F&& solve) {
        solve_status status{};
        try {
            status = solve();
        } catch (const solve_failure&) {
            if (!tolerates_) throw;
            solver_.emplace(original_);
            return false;
        }
        if (has_answer(status)) return true;
        if (!tolerates_ && context) throw_failure(status, *context);
        return false;
    }

    const SolverT& original_;
    std::optional<SolverT>& solver_;
    const batch_shape<Rank, Layout>& shape_;
    bool tolerates_;
};

}  // namespace imle::inline IMLE_ABI::detail
