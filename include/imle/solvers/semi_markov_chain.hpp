#pragma once

/// @file
/// The best division of a chain into labelled segments.

#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <imle/solvers/detail/chain_search.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The MAP state of a semi-Markov chain, as of a conditional random field for segmentation: a chain of steps,
/// positions 0 to steps, is divided into segments of 1 to max_width steps. theta(t, k, i, j) is the score of
/// a segment of k + 1 steps from position t, with label i there and label j at its end, t + k + 1. z is 1 at
/// the segments of the best division, whose widths add up to steps, and 0 elsewhere. With max_width = 1 this
/// is `linear_chain`.
///
///     imle::semi_markov_chain{8}              // [steps, 8, labels, labels]
///     imle::semi_markov_chain{8, {12, 7, 30}} // chain `context.id` has so many of theta's steps
///
/// (pytorch-struct's `SemiMarkovCRF` has [steps, widths, labels, labels] too, but there k itself is the
/// width, k = 0 is not used, and the label at the end comes before the label at the beginning.)
///
/// Segments that would end behind the last position are never chosen, whatever their theta.
///
/// Ties: among the best divisions those whose last label is lowest; of those the ones whose last segment is
/// shortest, of those the ones whose label before it is lowest, and so on back to position 0. Sums are taken
/// in double, from position 0 on, for float too: so the answer for floats is the answer for the same numbers
/// as doubles, alone or in a batch and in both layouts.
///
/// `context.mask` forbids segments. Positions behind the last one at which an allowed segment ends are
/// padding, and z is 0 there. If no division is allowed, z is 0 and the status is
/// `solve_status::infeasible`; so it is if the whole mask is false. A batch has that status if one of its
/// chains has; the others are solved.
///
/// Throws `std::invalid_argument` on construction for max_width < 1 and negative steps. Throws it when
/// solving for an instance that is not [steps, max_width, labels, labels], for numbers that are not finite
/// where they are allowed, and for an id without steps or with more steps than theta has.
///
/// O(steps * max_width * labels^2) time and memory. Lanes are as in `linear_chain`. No sum overflows (numbers
/// beyond 2^900 are scaled).
class semi_markov_chain {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// max_width: the largest number of steps of a segment, at least 1. steps: the number of steps of each
    /// chain, from 0 on, of which `context.id` selects one; empty if all chains have theta's.
    template <std::integral Count>
    explicit semi_markov_chain(Count max_width, std::vector<Eigen::Index> steps = {})
        : max_width_(static_cast<Eigen::Index>(max_width)), steps_(std::move(steps)) {
        if (max_width_ < 1) detail::throw_invalid("semi_markov_chain's max_width", max_width_, "1 or more");
        for (const Eigen::Index count : steps_)
            if (count < 0) detail::throw_invalid("semi_markov_chain's steps", count, "0 or more");
    }

    /// The largest number of steps of a segment.
    [[nodiscard]] Eigen::Index max_width() const noexcept { return max_width_; }
    /// The steps of each id; empty if all chains have theta's.
    [[nodiscard]] std::span<const Eigen::Index> steps() const noexcept { return steps_; }

    /// theta: one instance [steps, max_width, labels, labels]; z: a tensor of its dimensions, which is
    /// written in full.
    template <detail::InstanceOfRank<4> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        // Without a mask there always is a division.
        static_cast<void>(solve(theta, z, 1, 0, {}));
    }
    /// The same, with the mask and the id of `context`.
    template <detail::InstanceOfRank<4> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        return solve(theta, z, 1, 0, {&context, 1});
    }

    /// thetas: several instances, [batch, steps, max_width, labels, labels] if row-major, [steps, max_width,
    /// labels, labels, batch] if column-major; zs: a tensor of its dimensions. Gives the bits of single
    /// solves.
    template <detail::InstanceOfRank<5> ThetasT, detail::StateOf<ThetasT> ZsT>
    void solve_batch(const ThetasT& thetas, ZsT&& zs) {
        static_cast<void>(solve_several(thetas, zs, {}));
    }
    /// The same, with the mask and the id of each instance.
    template <detail::InstanceOfRank<5> ThetasT, detail::StateOf<ThetasT> ZsT>
    solve_status solve_batch(const ThetasT& thetas, ZsT&& zs, std::span<const solve_context> contexts) {
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        detail::require_contexts(contexts.size(), thetas.dimension(row_major ? 0 : 4));
        return solve_several(thetas, zs, contexts);
    }

  private:
    template <class ThetasT, class ZsT>
    solve_status solve_several(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        constexpr bool row_major = layout_of<ThetasT> == Eigen::RowMajor;
        return solve(thetas, zs, thetas.dimension(row_major ? 0 : 4), row_major ? 1 : 0, contexts);
    }

    /// first: which of theta's dimensions are the steps.
    template <class ThetaT, class ZT>
    solve_status solve(const ThetaT& theta, ZT& z, Eigen::Index batch, std::size_t first,
                       std::span<const solve_context> contexts) {
        detail::require_dimensions(theta, z);
        const auto dimensions = detail::dimensions_of(theta);
        const Eigen::Index labels = dimensions[first + 2];
        if (labels != dimensions[first + 3] || dimensions[first + 1] != max_width_)
            detail::throw_invalid("theta", "of shape " + detail::shape_string(dimensions),
                                  detail::message("[steps, max_width = ", max_width_, ", labels, labels]"));
        return search_.solve({dimensions[first], max_width_, labels, layout_of<ThetaT> == Eigen::RowMajor},
                             batch, theta.data(), z.data(), contexts, steps_);
    }

    Eigen::Index max_width_;
    std::vector<Eigen::Index> steps_;
    detail::chain_search search_;
};

}  // namespace imle::inline IMLE_ABI
