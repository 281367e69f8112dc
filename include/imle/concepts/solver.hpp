#pragma once

/// @file
/// The concept of a solver, its sense, the context of a solve, and all forms of the call.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include <imle/core/errors.hpp>
#include <imle/core/tensor.hpp>

namespace imle::inline IMLE_ABI {

/// Whether a solver maximises or minimises. `maximize`, the default: z = argmax <theta, z>. `minimize`: theta
/// is a cost c and z = argmin <c, z>. A solver declares it by a member `static constexpr imle::sense sense =
/// imle::sense::minimize;`, or is wrapped in `imle::minimizing`.
enum class sense { maximize, minimize };

/// The sense of a solver type: its member `sense`, or `maximize` if it has none.
template <class SolverT>
inline constexpr sense sense_of = [] {
    if constexpr (requires {
                      { std::remove_cvref_t<SolverT>::sense } -> std::convertible_to<imle::sense>;
                  })
        return std::remove_cvref_t<SolverT>::sense;
    else
        return imle::sense::maximize;
}();

/// Identifies a solve. A solver that accepts it can look up its own map, pair or capacity, and which
/// coordinates may be 1.
struct solve_context {
    /// The global index of the instance: its row in the call plus the call's `first_instance`.
    std::uint64_t instance = 0;
    /// The index of the sample within the instance, from 0 to `layer_options::samples` - 1.
    std::uint64_t sample = 0;
    /// Identifies the data: the row's number in `call_options::ids`, or `instance` without ids.
    std::uint64_t id = instance;
    /// The coordinates that may be chosen, in theta's memory order; empty if all may. At all others theta is
    /// 0.
    std::span<const bool> mask = {};

    /// Whether coordinate i may be chosen.
    [[nodiscard]] constexpr bool allows(Eigen::Index i) const noexcept {
        return mask.empty() || mask[static_cast<std::size_t>(i)];
    }

    /// True if all members are equal; masks are compared by value.
    friend constexpr bool operator==(const solve_context& a, const solve_context& b) noexcept {
        return a.instance == b.instance && a.sample == b.sample && a.id == b.id &&
               std::equal(a.mask.begin(), a.mask.end(), b.mask.begin(), b.mask.end());
    }
};

namespace detail {

template <class S, class Scalar, int Rank, int Layout>
concept writes_with_context = requires(S& solver, const_view<Scalar, Rank, Layout>& theta,
                                       mutable_view<Scalar, Rank, Layout>& z, const solve_context& context) {
    solver(theta, z, context);
};

template <class S, class Scalar, int Rank, int Layout>
concept writes = requires(S& solver, const_view<Scalar, Rank, Layout>& theta,
                          mutable_view<Scalar, Rank, Layout>& z) {
    solver(theta, z);
};

/// True unless T has a member `Layout` that differs. Eigen's lazy expressions have none; assigning one of the
/// wrong layout fails with Eigen's own static assertion.
template <class T, int Layout>
inline constexpr bool layout_fits = !requires {
    requires static_cast<int>(T::Layout) != Layout;
};

/// A result that can be assigned to z: a tensor or tensor expression of the instance's rank, scalar and
/// layout.
template <class Result, class Scalar, int Rank, int Layout>
concept is_z = is_tensor_expression<Result> && requires {
    requires std::remove_cvref_t<Result>::NumDimensions == Rank;
    requires layout_fits<std::remove_cvref_t<Result>, Layout>;
    requires std::same_as<std::remove_const_t<typename std::remove_cvref_t<Result>::Scalar>, Scalar>;
};

template <class S, class Scalar, int Rank, int Layout>
concept returns_with_context = requires(S& solver, const_view<Scalar, Rank, Layout>& theta,
                                        const solve_context& context) {
    { solver(theta, context) } -> is_z<Scalar, Rank, Layout>;
};

template <class S, class Scalar, int Rank, int Layout>
concept returns = requires(S& solver, const_view<Scalar, Rank, Layout>& theta) {
    { solver(theta) } -> is_z<Scalar, Rank, Layout>;
};

template <class S, class Scalar, int Rank, int Layout>
concept solves_batches_with_context = requires(S& solver, const_view<Scalar, Rank + 1, Layout>& thetas,
                                               mutable_view<Scalar, Rank + 1, Layout>& zs,
                                               std::span<const solve_context> contexts) {
    solver.solve_batch(thetas, zs, contexts);
};

template <class S, class Scalar, int Rank, int Layout>
concept solves_batches = requires(S& solver, const_view<Scalar, Rank + 1, Layout>& thetas,
                                  mutable_view<Scalar, Rank + 1, Layout>& zs) {
    solver.solve_batch(thetas, zs);
};

template <class S, class Scalar, int Rank, int Layout>
concept starts_with_context = requires(S& solver, const_view<Scalar, Rank, Layout>& theta,
                                       const_view<Scalar, Rank, Layout>& start,
                                       mutable_view<Scalar, Rank, Layout>& z, const solve_context& context) {
    solver.solve_from(theta, start, z, context);
};

template <class S, class Scalar, int Rank, int Layout>
concept starts = requires(S& solver, const_view<Scalar, Rank, Layout>& theta,
                          const_view<Scalar, Rank, Layout>& start, mutable_view<Scalar, Rank, Layout>& z) {
    solver.solve_from(theta, start, z);
};

template <class S, class Scalar, int Rank, int Layout>
concept has_groups = requires(S& solver, const_view<Scalar, Rank, Layout>& theta,
                              const solve_context& context, void (*f)(Eigen::Index, Eigen::Index)) {
    solver.for_each_group(theta, context, f);
};

template <class S, class Scalar, int Rank, int Layout>
concept has_batch_width = requires(const S& solver, const const_view<Scalar, Rank, Layout>& theta) {
    { solver.batch_width(theta) } -> std::convertible_to<Eigen::Index>;
};

/// Whether S `takes_any_batch`.
template <class S>
inline constexpr bool takes_any_batch = requires {
    requires bool{S::takes_any_batch};
};
/// Whether S `writes_all`.
template <class S>
inline constexpr bool writes_all = requires {
    requires bool{S::writes_all};
};

/// Whether S `reads_only_masks`.
template <class S>
inline constexpr bool reads_only_masks = requires {
    requires bool{S::reads_only_masks};
};

/// Whether S gives 1 to the k largest numbers, those of lowest index among equal ones, and 0 to the others,
/// so that who knows the k largest need not ask it. k is `solver.k()`, or 1. True for exact types alone: a
/// class that derives from such a solver may decide otherwise.
template <class S>
inline constexpr bool chooses_largest = false;

/// The status that `solve` returns, or `solved` if it returns anything else.
template <class F>
solve_status status_of(F&& solve) {
    if constexpr (std::same_as<std::invoke_result_t<F>, solve_status>) {
        return solve();
    } else {
        solve();
        return solve_status::solved;
    }
}

}  // namespace detail

/// Computes a MAP state: z = argmax over z in C of <theta, z>, or the argmin for `sense::minimize`.
///
/// Syntax, for one instance of rank `Rank`: theta is an `Eigen::TensorMap<const Eigen::Tensor<Scalar, Rank,
/// Layout>>`, z the same without const, both passed as lvalues. The first of these forms that fits is used:
/// - `solver(theta, z, context)` and `solver(theta, z)`, which write all of z (it is filled with NaN before);
/// - `z = solver(theta, context)` and `z = solver(theta)`, which return a tensor of theta's dimensions.
///
/// `context` is a `const imle::solve_context&`. Optional members:
/// - `solver.solve_batch(thetas, zs)` or `(thetas, zs, std::span<const solve_context>)`, with one more,
///   outermost dimension; used instead if present;
/// - `solver.solve_from(theta, start, z)` or `(theta, start, z, context)`, where `start` is the z that the
///   forward pass found for the same instance and sample; used instead in the one-sided backward pass of a
///   pass that kept its samples, because theta has changed little;
/// - `static constexpr bool takes_any_batch = true`: `solve_batch` is as good for a few instances, so that a
///   layer need not keep 16 samples of an instance together. They may then go to several threads;
/// - `static constexpr bool writes_all = true`: a promise that each call that returns has written all of z
///   with finite numbers, and with 0 where the mask forbids. A layer then neither fills z before nor checks
///   it afterwards;
/// - `static constexpr bool reads_only_masks = true`: a promise to read nothing of a context but the mask.
///   Without masks a layer then calls `solve_batch(thetas, zs)`, if it is there, and makes no contexts;
/// - `solver.batch_width(theta)`, a const function: how many instances of theta's shape `solve_batch` takes
///   at once, such as the lanes of a register; 1 if one after the other. It reads nothing but the shape. A
///   layer with several threads then cuts batches of large instances at multiples of it, if there are fewer
///   batches than threads need. Without it what `solve_batch` receives does not depend on the threads. With
///   `takes_any_batch` it is how many instances a thread gets at least, if there are as many;
/// - `static constexpr imle::sense sense`.
///
/// Laws, which no compiler can check (`imle::testing::check_solver` does):
/// - deterministic: the same theta and context give the same z, ties included, on every copy;
/// - optimal on the solver's domain, so monotone: <theta - theta', z - z'> >= 0 (<= 0 when minimising);
/// - invariant to positive scaling of theta, away from ties;
/// - `solve_batch` and `solve_from` give the same bits as single solves.
///
/// Each worker thread has its own copy, so a solver needs no lock. Requiring a const call was rejected,
/// because good solvers keep scratch memory.
template <class S, class Scalar, int Rank, int Layout>
concept Solver = std::copy_constructible<S> && std::floating_point<Scalar> &&
    (detail::writes_with_context<S, Scalar, Rank, Layout> || detail::writes<S, Scalar, Rank, Layout> ||
     detail::returns_with_context<S, Scalar, Rank, Layout> || detail::returns<S, Scalar, Rank, Layout>);

/// True if S can solve a batch in one call.
template <class S, class Scalar, int Rank, int Layout>
concept BatchSolver = detail::solves_batches_with_context<S, Scalar, Rank, Layout> ||
    detail::solves_batches<S, Scalar, Rank, Layout>;

/// True if S can start from a solution of another theta.
template <class S, class Scalar, int Rank, int Layout>
concept WarmSolver =
    detail::starts_with_context<S, Scalar, Rank, Layout> || detail::starts<S, Scalar, Rank, Layout>;

/// A solver that chooses from each of several groups of coordinates those with the largest theta (with the
/// smallest, for `sense::minimize`), as many as it likes: z is 1 there, and 0 elsewhere. Whether a coordinate
/// is chosen then depends only on a threshold made of the others, which `conditional_layer` uses.
///
/// Syntax: `solver.for_each_group(theta, context, f)` calls f(first, size) for each group of an instance:
/// coordinates first, first + 1, ..., first + size - 1 in theta's memory order. Groups do not overlap.
///
/// Laws, which no compiler can check: the groups, and how many coordinates are chosen from each, depend on
/// theta's dimensions and the context alone, not on the numbers in theta. Coordinates outside of all groups
/// are never chosen.
///
/// `top_k`, `categorical` and `k_of_groups` are such solvers, and so are `minimizing` and `per_instance` of
/// them.
template <class S, class Scalar, int Rank, int Layout>
concept ThresholdSolver = detail::has_groups<S, Scalar, Rank, Layout> && Solver<S, Scalar, Rank, Layout>;

}  // namespace imle::inline IMLE_ABI
