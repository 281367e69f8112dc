#pragma once

/// @file
/// A solver that minimises, made of any other.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// True if a solver states that it maximises. A solver that states nothing does not.
template <class SolverT>
concept SaysMaximize = requires {
    { SolverT::sense } -> std::convertible_to<imle::sense>;
    requires SolverT::sense == imle::sense::maximize;
};

/// The theta that a solver gets for costs: the costs themselves.
template <class SolverT>
class theta_of_costs {
  public:
    template <class CostsT>
    [[nodiscard]] CostsT& operator()(CostsT& costs) noexcept {
        return costs;
    }
};
/// For a solver that maximises: a view of the negated costs, valid until the next call.
template <SaysMaximize SolverT>
class theta_of_costs<SolverT> {
  public:
    template <DenseTensor CostsT>
    [[nodiscard]] auto operator()(const CostsT& costs) {
        using Scalar = scalar_of<CostsT>;
        const auto negatives = scratch_.template get<Scalar>(static_cast<std::size_t>(costs.size()));
        // 0 - c and not -c, which would turn the signs of 0 and NaN.
        std::transform(costs.data(), costs.data() + costs.size(), negatives.begin(),
                       [](Scalar cost) { return Scalar(0) - cost; });
        return const_view<Scalar, rank_of<CostsT>, layout_of<CostsT>>(negatives.data(), dimensions_of(costs));
    }

  private:
    scratch scratch_;
};

/// Asking a generic lambda that takes (theta, z) whether it can be called with (theta, context) would be an
/// error within its body; so the forms that write are asked for first, as everywhere in the library.
template <class SolverT, class ThetaT, class... RestT>
concept MayBeAsked = !std::same_as<std::tuple<std::remove_cvref_t<RestT>...>, std::tuple<solve_context>> ||
                     !WritesZ<SolverT, ThetaT>;

template <class SolverT, class ThetaT, class... RestT>
concept AnswersCall = MayBeAsked<SolverT, ThetaT, RestT...> && std::invocable<SolverT&, ThetaT&, RestT&...>;
template <class SolverT, class ThetaT, class... RestT>
concept AnswersBatch = requires(SolverT& solver, ThetaT& thetas, RestT&... rest) {
    solver.solve_batch(thetas, rest...);
};
template <class SolverT, class ThetaT, class... RestT>
concept AnswersStart = requires(SolverT& solver, ThetaT& theta, RestT&... rest) {
    solver.solve_from(theta, rest...);
};

}  // namespace detail

/// A solver that computes z = argmin <c, z>: theta is a cost c, and the layer perturbs c - T * eps, steps to
/// alpha * c + beta * dz and returns mean(z' - z).
///
///     auto solver = imle::minimizing([](auto& cost, auto& z) { ... });   // an argmin
///     auto lightest = imle::minimizing(imle::spanning_tree{nodes, edges});
///
/// A solver that states that it maximises, by a member `static constexpr imle::sense sense`, gets -c. Every
/// solver of this library does, and its rules for ties and its errors then hold for theta = -c. Any other
/// solver gets c itself: one that states nothing is assumed to minimise.
///
/// It has exactly the call forms that SolverT has (with and without z, with and without a context, batches,
/// from a solution), and returns what SolverT returns. It respects masks if and only if SolverT takes a
/// context. A function's name becomes a pointer to it.
template <class SolverT>
class minimizing {
    template <class CostsT>
    using given = std::invoke_result_t<detail::theta_of_costs<SolverT>&, CostsT&>;

  public:
    /// It minimises <cost, z>.
    static constexpr imle::sense sense = imle::sense::minimize;
    /// As the solver does.
    static constexpr bool takes_any_batch = detail::takes_any_batch<SolverT>;
    /// As the solver does.
    static constexpr bool writes_all = detail::writes_all<SolverT>;
    /// As the solver does.
    static constexpr bool reads_only_masks = detail::reads_only_masks<SolverT>;

    /// solver: an argmin, or one whose `sense` is `maximize`.
    explicit minimizing(SolverT solver) : solver_(std::move(solver)) {}

    /// The wrapped solver.
    [[nodiscard]] const SolverT& base() const noexcept { return solver_; }
    /// The same, to be changed.
    [[nodiscard]] SolverT& base() noexcept { return solver_; }

    /// solver(theta, z, context), solver(theta, z), z = solver(theta, context), z = solver(theta)
    template <class CostsT, class... RestT>
    requires detail::AnswersCall<SolverT, std::remove_reference_t<given<CostsT>>, RestT...>
    decltype(auto) operator()(CostsT&& costs, RestT&&... rest) {
        auto&& theta = theta_(costs);
        using result = std::remove_cvref_t<decltype(solver_(theta, rest...))>;
        if constexpr (!std::is_reference_v<given<CostsT>> && detail::is_tensor_expression<result> &&
                      (!DenseTensor<result> || std::same_as<result, given<CostsT>>))
            // It is the view that ends here, or an expression of it.
            return Eigen::Tensor<scalar_of<CostsT>, rank_of<CostsT>, layout_of<CostsT>>(
                solver_(theta, rest...));
        else
            return solver_(theta, rest...);
    }

    /// solver.solve_batch(thetas, zs, contexts), solver.solve_batch(thetas, zs)
    template <class CostsT, class... RestT>
    requires detail::AnswersBatch<SolverT, std::remove_reference_t<given<CostsT>>, RestT...>
    decltype(auto) solve_batch(CostsT&& costs, RestT&&... rest) {
        auto&& thetas = theta_(costs);
        return solver_.solve_batch(thetas, rest...);
    }

    /// solver.batch_width(theta)
    template <class CostsT>
    requires requires(const SolverT& solver, const CostsT& costs) { solver.batch_width(costs); }
    [[nodiscard]] Eigen::Index batch_width(const CostsT& costs) const { return solver_.batch_width(costs); }

    /// solver.solve_from(theta, start, z, context), solver.solve_from(theta, start, z)
    template <class CostsT, class... RestT>
    requires detail::AnswersStart<SolverT, std::remove_reference_t<given<CostsT>>, RestT...>
    decltype(auto) solve_from(CostsT&& costs, RestT&&... rest) {
        auto&& theta = theta_(costs);
        return solver_.solve_from(theta, rest...);
    }

    /// solver.for_each_group(theta, context, f), which depends on theta's dimensions alone (see
    /// `ThresholdSolver`).
    template <class CostsT, class F>
    requires requires(SolverT& solver, const CostsT& costs, const solve_context& context, F& f) {
        solver.for_each_group(costs, context, f);
    }
    void for_each_group(const CostsT& costs, const solve_context& context, F&& f) {
        solver_.for_each_group(costs, context, f);
    }

  private:
    SolverT solver_;
    detail::theta_of_costs<SolverT> theta_;
};

template <class SolverT>
minimizing(SolverT) -> minimizing<SolverT>;

}  // namespace imle::inline IMLE_ABI
