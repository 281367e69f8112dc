#pragma once

/// @file
/// Calls a user's solver in whichever form it has, and checks what comes back.

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Throws `solver_error` if a number of z is not finite.
template <class Scalar>
void require_finite_solution(std::span<const Scalar> z, const solve_context& context) {
    if (all_finite(z)) return;
    const std::size_t cell = first_not_finite(z);
    throw solver_error(message("imle: the solver left z[", cell, "] unwritten or not finite, in instance ",
                               context.instance, ", sample ", context.sample,
                               "; expected every coordinate of z to be written with a finite number"),
                       context.instance, context.sample);
}

/// Copies what a returning solver returned to z. Throws `solver_error` if its dimensions are not the
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
        // A lazy expression: evaluating it into a tensor of its own tells its dimensions.
        const Eigen::Tensor<Scalar, Rank, Layout> evaluated = result;
        store_solution<Scalar, Rank, Layout>(evaluated, z, context);
    }
}

/// Solves one instance.
template <class Scalar, int Rank, int Layout, class SolverT>
void solve_one(SolverT& solver, const_view<Scalar, Rank, Layout>& theta,
               mutable_view<Scalar, Rank, Layout>& z, const solve_context& context) {
    if constexpr (writes_with_context<SolverT, Scalar, Rank, Layout>)
        solver(theta, z, context);
    else if constexpr (writes<SolverT, Scalar, Rank, Layout>)
        solver(theta, z);
    else if constexpr (returns_with_context<SolverT, Scalar, Rank, Layout>)
        store_solution<Scalar, Rank, Layout>(solver(theta, context), z, context);
    else
        store_solution<Scalar, Rank, Layout>(solver(theta), z, context);
}

/// Solves `contexts.size()` instances that lie one after another in memory. z is filled with NaN first, so
/// that a cell that the solver forgets is found; the first instance that is not finite throws `solver_error`.
/// Where `starts` is not null and the solver can start from a solution, the j-th starts from that number
/// `items[j]` of `starts`.
template <class Scalar, int Rank, int Layout, class SolverT>
void solve_all(SolverT& solver, const batch_shape<Rank, Layout>& shape, const Scalar* theta, Scalar* z,
               std::span<const solve_context> contexts, const std::type_identity_t<Scalar>* starts,
               std::span<const Eigen::Index> items) {
    const Eigen::Index n = shape.n;
    const Eigen::Index count = static_cast<Eigen::Index>(contexts.size());
    if (count == 0) return;
    std::fill_n(z, count * n, unwritten<Scalar>());
    const auto check = [&](Eigen::Index item) {
        require_finite_solution<Scalar>({z + item * n, static_cast<std::size_t>(n)},
                                        contexts[static_cast<std::size_t>(item)]);
    };
    if constexpr (WarmSolver<SolverT, Scalar, Rank, Layout>) {
        if (starts != nullptr) {
            for (Eigen::Index item = 0; item < count; ++item) {
                const std::size_t j = static_cast<std::size_t>(item);
                const_view<Scalar, Rank, Layout> one_theta(theta + item * n, shape.instance);
                const_view<Scalar, Rank, Layout> start(starts + items[j] * n, shape.instance);
                mutable_view<Scalar, Rank, Layout> one_z(z + item * n, shape.instance);
                if constexpr (starts_with_context<SolverT, Scalar, Rank, Layout>)
                    solver.solve_from(one_theta, start, one_z, contexts[j]);
                else
                    solver.solve_from(one_theta, start, one_z);
                check(item);
            }
            return;
        }
    }
    if constexpr (BatchSolver<SolverT, Scalar, Rank, Layout>) {
        const_view<Scalar, Rank + 1, Layout> thetas(theta, shape.batched(count));
        mutable_view<Scalar, Rank + 1, Layout> zs(z, shape.batched(count));
        if constexpr (solves_batches_with_context<SolverT, Scalar, Rank, Layout>)
            solver.solve_batch(thetas, zs, contexts);
        else
            solver.solve_batch(thetas, zs);
        for (Eigen::Index item = 0; item < count; ++item) check(item);
    } else {
        for (Eigen::Index item = 0; item < count; ++item) {
            const_view<Scalar, Rank, Layout> one_theta(theta + item * n, shape.instance);
            mutable_view<Scalar, Rank, Layout> one_z(z + item * n, shape.instance);
            solve_one<Scalar, Rank, Layout>(solver, one_theta, one_z,
                                            contexts[static_cast<std::size_t>(item)]);
            check(item);
        }
    }
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
