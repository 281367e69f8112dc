#pragma once

/// @file
/// Says of a solver that it minimises.

#include <concepts>
#include <span>
#include <type_traits>
#include <utility>

#include <imle/concepts/sense.hpp>
#include <imle/concepts/solve_context.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/tensor.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// True if a solver writes z for a theta of this type, so that its second parameter is z. Asking a generic
/// lambda that takes (theta, z) whether it can be called with (theta, context) would be an error within its
/// body; so the forms that write are asked for first, as everywhere in the library.
template <class SolverT, class ThetaT>
inline constexpr bool writes_z =
    writes_with_context<SolverT, scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>> ||
    writes<SolverT, scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>;

}  // namespace detail

/// A solver that computes z = argmin <c, z>, as it is: theta is a cost c, and the layer perturbs c - T * eps,
/// steps alpha * c + beta * dz and returns mean(z' - z).
///
///     auto solver = imle::minimizing([](auto& cost, auto& z) { ... });
///
/// Has exactly the forms of a call that SolverT has (with and without z, with and without a context,
/// batches, from a solution), returns what it returns, and costs nothing. A function's name becomes a pointer
/// to it.
template <class SolverT>
class minimizing {
  public:
    static constexpr imle::sense sense = imle::sense::minimize;

    explicit minimizing(SolverT solver) : solver_(std::move(solver)) {}

    /// The solver within.
    [[nodiscard]] const SolverT& base() const noexcept { return solver_; }
    [[nodiscard]] SolverT& base() noexcept { return solver_; }

    /// solver(theta, z, context)
    template <class ThetaT, class ZT>
    requires std::invocable<SolverT&, ThetaT&, ZT&, const solve_context&>
    decltype(auto) operator()(ThetaT&& theta, ZT&& z, const solve_context& context) {
        return solver_(theta, z, context);
    }

    /// solver(theta, z)
    template <class ThetaT, class ZT>
    requires(!std::same_as<std::remove_cvref_t<ZT>, solve_context>) &&
        std::invocable<SolverT&, ThetaT&, ZT&> decltype(auto) operator()(ThetaT&& theta, ZT&& z) {
        return solver_(theta, z);
    }

    /// z = solver(theta, context)
    template <class ThetaT>
    requires(DenseTensor<ThetaT> && !detail::writes_z<SolverT, ThetaT> &&
             std::invocable<SolverT&, ThetaT&, const solve_context&>) decltype(auto)
    operator()(ThetaT&& theta, const solve_context& context) {
        return solver_(theta, context);
    }

    /// z = solver(theta)
    template <class ThetaT>
    requires std::invocable<SolverT&, ThetaT&>
    decltype(auto) operator()(ThetaT&& theta) { return solver_(theta); }

    /// solver.solve_batch(thetas, zs, contexts)
    template <class ThetasT, class ZsT>
    requires requires(SolverT& solver, ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        solver.solve_batch(thetas, zs, contexts);
    }
    decltype(auto) solve_batch(ThetasT&& thetas, ZsT&& zs, std::span<const solve_context> contexts) {
        return solver_.solve_batch(thetas, zs, contexts);
    }

    /// solver.solve_batch(thetas, zs)
    template <class ThetasT, class ZsT>
    requires requires(SolverT& solver, ThetasT& thetas, ZsT& zs) { solver.solve_batch(thetas, zs); }
    decltype(auto) solve_batch(ThetasT&& thetas, ZsT&& zs) { return solver_.solve_batch(thetas, zs); }

    /// solver.solve_from(theta, start, z, context)
    template <class ThetaT, class ZT>
    requires requires(SolverT& solver, ThetaT& theta, ZT& z, const solve_context& context) {
        solver.solve_from(theta, theta, z, context);
    }
    decltype(auto) solve_from(ThetaT&& theta, ThetaT&& start, ZT&& z, const solve_context& context) {
        return solver_.solve_from(theta, start, z, context);
    }

    /// solver.solve_from(theta, start, z)
    template <class ThetaT, class ZT>
    requires requires(SolverT& solver, ThetaT& theta, ZT& z) { solver.solve_from(theta, theta, z); }
    decltype(auto) solve_from(ThetaT&& theta, ThetaT&& start, ZT&& z) {
        return solver_.solve_from(theta, start, z);
    }

  private:
    SolverT solver_;
};

template <class SolverT>
minimizing(SolverT) -> minimizing<SolverT>;

}  // namespace imle::inline IMLE_ABI
