#pragma once

/// @file
/// The best sequence of labels along a chain.

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <imle/solvers/detail/chain_search.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The MAP state of a linear chain, as of a conditional random field for tagging: steps + 1 positions with
/// one of `labels` labels each. theta(t, i, j) is the score of label i at position t followed by label j at
/// position t + 1. z is 1 at the transitions of the best sequence, exactly one in each step, and 0 elsewhere.
///
///     imle::linear_chain{}            // [steps, labels, labels]
///     imle::linear_chain{{12, 7, 30}} // chain `context.id` has so many of theta's steps
///
/// Scores of single positions are added to the transitions that lead there (and, for position 0, to those of
/// step 0).
///
/// Ties: among the best sequences the one whose last label is lowest; of those the one whose label before it
/// is lowest, and so on back to position 0. Sums are taken in double, from position 0 on, for float too: so
/// the answer for floats is the answer for the same numbers as doubles, alone or in a batch and in both
/// layouts.
///
/// `context.mask` forbids transitions. Steps at the end in which it forbids everything are padding: the chain
/// ends before them, and z is 0 there. If no sequence is allowed, z is 0 and the status is
/// `solve_status::infeasible`; so it is if the whole mask is false. (A chain of one position, with no steps,
/// can be had by a list of steps.) A batch has that status if one of its chains has; the others are solved.
///
/// Throws `std::invalid_argument` on construction for negative steps. Throws it when solving for an instance
/// that is not [steps, labels, labels], for numbers that are not finite where they are allowed, and for an id
/// without steps or with more steps than theta has.
///
/// Viterbi's algorithm: O(steps * labels^2) time and memory. Lanes are the chains of a batch where labels are
/// few, else the labels of a chain. No sum overflows (numbers beyond 2^900 are scaled).
class linear_chain {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// Chains of as many steps as theta has.
    linear_chain() = default;
    /// steps: the number of steps of each chain, from 0 on; `context.id` selects one.
    explicit linear_chain(std::vector<Eigen::Index> steps) : steps_(std::move(steps)) {
        if (steps_.empty()) detail::throw_invalid("linear_chain's steps", "empty", "one number or more");
        for (const Eigen::Index count : steps_)
            if (count < 0) detail::throw_invalid("linear_chain's steps", count, "0 or more");
    }

    /// The steps of each id; empty if all chains have theta's.
    [[nodiscard]] std::span<const Eigen::Index> steps() const noexcept { return steps_; }

    /// The steps of the chain that `context` selects, of an instance with `steps` steps. Throws
    /// `std::invalid_argument` if the id has none, or more than that.
    [[nodiscard]] Eigen::Index steps_of(Eigen::Index steps, const solve_context& context) const {
        return steps_.empty() ? steps : detail::chain_search::steps_by_id(steps, context.id, steps_);
    }

    /// theta: one instance [steps, labels, labels]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<3> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        // Without a mask there always is a sequence.
        static_cast<void>(solve(theta, z, 1, 0, {}));
    }
    /// The same, with the mask and the id of `context`.
    template <detail::InstanceOfRank<3> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        return solve(theta, z, 1, 0, {&context, 1});
    }

    /// thetas: several instances, [batch, steps, labels, labels] if row-major, [steps, labels, labels, batch]
    /// if column-major; zs: a tensor of its dimensions. Gives the bits of single solves.
    template <detail::InstanceOfRank<4> ThetasT, detail::StateOf<ThetasT> ZsT>
    void solve_batch(const ThetasT& thetas, ZsT&& zs) {
        static_cast<void>(solve_several(thetas, zs, {}));
    }
    /// The same, with the mask and the id of each instance.
    template <detail::InstanceOfRank<4> ThetasT, detail::StateOf<ThetasT> ZsT>
    solve_status solve_batch(const ThetasT& thetas, ZsT&& zs, std::span<const solve_context> contexts) {
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        detail::require_contexts(contexts.size(), thetas.dimension(row_major ? 0 : 3));
        return solve_several(thetas, zs, contexts);
    }

  private:
    template <class ThetasT, class ZsT>
    solve_status solve_several(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        return solve(thetas, zs, thetas.dimension(row_major ? 0 : 3), row_major ? 1 : 0, contexts);
    }

    /// first: which of theta's dimensions are the steps.
    template <class ThetaT, class ZT>
    solve_status solve(const ThetaT& theta, ZT& z, Eigen::Index batch, std::size_t first,
                       std::span<const solve_context> contexts) {
        detail::require_dimensions(theta, z);
        const auto dimensions = detail::dimensions_of(theta);
        const Eigen::Index labels = dimensions[first + 1];
        if (labels != dimensions[first + 2])
            detail::throw_invalid("theta", "of shape " + detail::shape_string(dimensions),
                                  "[steps, labels, labels]");
        return search_.solve({dimensions[first], 1, labels, layout_of<ThetaT> == Eigen::RowMajor}, batch,
                             theta.data(), z.data(), contexts, steps_);
    }

    std::vector<Eigen::Index> steps_;
    detail::chain_search search_;
};

}  // namespace imle::inline IMLE_ABI
