#pragma once

/// @file
/// What the families of chains and alignments share: every function but the marginals follows from the law of
/// one instance, conditional probabilities of the steps of a path.

#include <cstddef>
#include <cstdint>
#include <utility>

#include <imle/concepts/solver.hpp>
#include <imle/families/detail/family_checks.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The functions of a family whose instances have Rank dimensions.
///
/// LawT is the law of an instance: `log_partition()`, `entropy()`, `divergence(other)` and
/// `throw_infeasible()`. FamilyT has `law_of(theta, context, extras)`, and `draw(law, key, first_item, draws,
/// zs)`, which writes draws one after the other. SolverT finds the best path.
template <class FamilyT, class SolverT, class LawT, int Rank>
class family_of_paths {
  public:
    /// theta has this many dimensions.
    static constexpr int instance_rank = Rank;

    /// The MAP state, as the solver of the same paths gives it.
    template <InstanceOfRank<Rank> ThetaT, StateOf<ThetaT> ZT>
    void map(const ThetaT& theta, ZT&& z, const solve_context& context = {}) const {
        SolverT solver(solver_);
        if (!has_answer(solver(theta, z, context))) LawT::throw_infeasible();
    }

    /// One draw, from the last step to the first.
    template <InstanceOfRank<Rank> ThetaT, StateOf<ThetaT> ZT>
    void sample(const ThetaT& theta, random_key key, std::uint64_t item, ZT&& z,
                const solve_context& context = {}) const {
        require_theta_shape("z", z, theta);
        FamilyT::draw(self().law_of(theta, context), key, item, 1, z.data());
    }

    /// Draws first_item, first_item + 1, ..., as many as zs holds: [draws, instance...] if row-major,
    /// [instance..., draws] if column-major. The bits are those of `sample`. The law is computed once.
    template <InstanceOfRank<Rank> ThetaT, InstanceOfRank<Rank + 1> ZsT>
    void sample_several(const ThetaT& theta, random_key key, std::uint64_t first_item, ZsT&& zs,
                        const solve_context& context = {}) const {
        const std::size_t draws = require_draws_shape("zs", zs, theta);
        FamilyT::draw(self().law_of(theta, context), key, first_item, draws, zs.data());
    }

    /// The logarithm of the sum over all paths z of what p(z; theta) is proportional to. Its gradient are the
    /// marginals.
    template <InstanceOfRank<Rank> ThetaT>
    [[nodiscard]] double log_partition(const ThetaT& theta, const solve_context& context = {}) const {
        return self().law_of(theta, context).log_partition();
    }

    /// The entropy -E log p(z), in nats: a sum of entropies of steps.
    template <InstanceOfRank<Rank> ThetaT>
    [[nodiscard]] double entropy(const ThetaT& theta, const solve_context& context = {}) const {
        return self().law_of(theta, context, LawT::extras::entropies).entropy();
    }

    /// The Kullback-Leibler divergence E log(p(z; theta) / p(z; other)), z drawn from p(z; theta), in nats.
    /// The context is that of both.
    template <InstanceOfRank<Rank> ThetaT, InstanceOfRank<Rank> OtherT>
    [[nodiscard]] double kl_divergence(const ThetaT& theta, const OtherT& other,
                                       const solve_context& context = {}) const {
        require_theta_shape("other", other, theta);
        constexpr auto logarithms = LawT::extras::logarithms;
        return self()
            .law_of(theta, context, logarithms)
            .divergence(self().law_of(other, context, logarithms));
    }

  protected:
    explicit family_of_paths(SolverT solver = SolverT()) : solver_(std::move(solver)) {}

    [[nodiscard]] const SolverT& solver() const noexcept { return solver_; }

  private:
    [[nodiscard]] const FamilyT& self() const noexcept { return static_cast<const FamilyT&>(*this); }

    SolverT solver_;
};

}  // namespace imle::inline IMLE_ABI::detail
