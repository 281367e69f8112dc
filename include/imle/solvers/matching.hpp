#pragma once

/// @file
/// The matching of largest weight of a general graph, by Edmonds' blossoms, in exact arithmetic.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/each_of.hpp>
#include <imle/core/shared_object.hpp>
#include <imle/solvers/detail/blossom_search.hpp>
#include <imle/solvers/detail/exact_scores.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `matching`; the order of the members is part of the contract.
struct matching_options {
    /// Whether each node must have a partner. Otherwise an edge is left out where that is better.
    bool perfect = false;
};

/// The MAP state of a distribution over the matchings of an undirected graph: edges of which no two share a
/// node. z is 1 on the edges of the matching with the largest sum of theta, 0 elsewhere. With
/// `matching_options::perfect` the matching has an edge at each node.
///
///     imle::matching solver{6, imle::complete_graph_edges(6), {.perfect = true}};
///
/// The answer is exact for all finite numbers: theta is turned into whole numbers, which are only added and
/// compared. No other matching has a larger sum, however close, however large or small the numbers. Unless
/// it must be perfect, the matching has no edge with theta <= 0. Ties: one of the best matchings, which
/// depends on the graph and on theta (0.0 and -0.0 are equal), and on nothing else: it is the same on every
/// machine, for float and double, and whatever was solved before.
///
/// Parallel edges are allowed, and so are loops, which are in no matching. If there is no perfect matching,
/// of the graph or of the edges that the mask allows: `solve_status::infeasible`, and z = 0.
///
/// Throws `std::invalid_argument` on construction for a negative number of nodes, an edge whose ends are not
/// nodes, and more than 2^30 nodes or 2^31 - 1 edges. Throws it when solving for a theta that does not have
/// one number for each edge, and for numbers that are not finite. Copies share the graph. In the worst case
/// O(nodes^3 + nodes * edges * log edges). Numbers of up to 60 bits (57 less the bits of 2 * nodes + 2, if
/// perfect), from the highest of the largest to the lowest of any, are solved in one word, and others in
/// more: 2, 5 or 35.
class matching {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// nodes: how many there are, numbered from 0; edges: in the order of theta.
    matching(Eigen::Index nodes, std::vector<graph_edge> edges, const matching_options& options = {})
        : graph_(detail::make_shared_object<const detail::matching_graph>(nodes, std::move(edges))),
          options_(options) {}

    /// The number of nodes.
    [[nodiscard]] Eigen::Index nodes() const noexcept { return graph_->nodes; }
    /// All edges, in the order of theta.
    [[nodiscard]] std::span<const graph_edge> edges() const noexcept { return graph_->edges; }

    /// theta: one number for each edge, [edges]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z) {
        return (*this)(theta, z, solve_context{});
    }

    /// The best matching of edges that the context's mask allows.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        using Scalar = scalar_of<ThetaT>;
        detail::require_edges(theta.dimension(0), edges().size());
        detail::require_instance(theta, z, context);
        std::fill_n(z.data(), z.size(), Scalar(0));
        return context.mask.empty()
                   ? solve(theta.data(), z, [](std::size_t) { return true; })
                   : solve(theta.data(), z, [mask = context.mask.data()](std::size_t e) { return mask[e]; });
    }

  private:
    using two_words = detail::wide_integer<2>;
    /// All floats (277 bits), and doubles with penalties of 1e30.
    using five_words = detail::wide_integer<5>;
    /// All doubles (2,098 bits).
    using many_words = detail::wide_integer<35>;

    /// allowed(edge): what the mask says.
    template <class Scalar, class ZT, class AllowedT>
    solve_status solve(const Scalar* theta, ZT& z, const AllowedT& allowed) {
        using score = detail::binary_number<Scalar>;
        using word = typename score::word;
        const bool takes_all = options_.perfect;
        // Magnitudes of what may be taken; 0 for what may not. Loops without a branch: signs are random.
        const auto magnitude = [=](std::size_t e) {
            const score given(theta[e]);
            const word is_kept = (word{takes_all} | word{!given.is_negative}) & word{allowed(e)};
            return given.magnitude & (word{0} - is_kept);
        };
        word largest = 0, below_smallest = std::numeric_limits<word>::max();
        for (std::size_t e = 0, count = edges().size(); e < count; ++e) {
            largest = std::max(largest, magnitude(e));
            below_smallest = std::min<word>(below_smallest, magnitude(e) - 1);  // passes over 0
        }
        detail::binary_range<Scalar> range(below_smallest + 1, largest);
        // Scores above the least, if the matching must be perfect, take one bit more.
        const auto fits = [&]<class Number>(Number) {
            return detail::blossom_search<Number>::bits_for(range.bits() + (takes_all ? 2 : 1), nodes(),
                                                            takes_all) <= detail::whole_number<Number>::bits;
        };
        if (fits(std::int64_t{})) return solve_in<std::int64_t>(theta, z, allowed, magnitude, range);
        int lowest = std::numeric_limits<int>::max();
        for (std::size_t e = 0; e < edges().size(); ++e)
            if (magnitude(e) != 0) lowest = std::min(lowest, range.lowest_bit(magnitude(e)));
        range.raise(lowest);
        if (fits(std::int64_t{})) return solve_in<std::int64_t>(theta, z, allowed, magnitude, range);
        if constexpr (std::is_same_v<Scalar, double>) {
            if (fits(two_words{})) return solve_in<two_words>(theta, z, allowed, magnitude, range);
            if (!fits(five_words{})) return solve_in<many_words>(theta, z, allowed, magnitude, range);
        }
        return solve_in<five_words>(theta, z, allowed, magnitude, range);
    }

    template <class Number, class Scalar, class ZT, class AllowedT, class MagnitudeT>
    solve_status solve_in(const Scalar* theta, ZT& z, const AllowedT& allowed, const MagnitudeT& magnitude_of,
                          const detail::binary_range<Scalar>& range) {
        detail::blossom_search<Number>& search = searches_;
        const auto weights = search.weights(edges().size());
        if (!options_.perfect) {
            for (std::size_t e = 0; e < weights.size(); ++e) {
                const auto magnitude = magnitude_of(e);
                const Number weight = range.template even<Number>(magnitude);
                weights[e] = magnitude != 0 ? weight : Number(-1);
            }
        } else {
            // All perfect matchings have as many edges, so the least score may count as 0.
            Number least = 0;
            for (std::size_t e = 0; e < weights.size(); ++e) {
                weights[e] = allowed(e) ? range.template even<Number>(detail::binary_number<Scalar>(theta[e]))
                                        : Number(0);
                least = std::min(least, weights[e]);
            }
            for (std::size_t e = 0; e < weights.size(); ++e)
                weights[e] = allowed(e) ? weights[e] - least : Number(-1);
        }
        if (!search.solve(*graph_, options_.perfect)) return detail::no_answer(z);
        search.for_each_edge([&](std::int32_t edge) { z.data()[edge] = 1; });
        return solve_status::solved;
    }

    std::shared_ptr<const detail::matching_graph> graph_;
    matching_options options_;
    detail::each_of<detail::blossom_search<std::int64_t>, detail::blossom_search<two_words>,
                    detail::blossom_search<five_words>, detail::blossom_search<many_words>>
        searches_;
};

}  // namespace imle::inline IMLE_ABI
