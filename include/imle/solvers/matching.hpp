#pragma once

/// @file
/// The matching of largest weight of a general graph, by Edmonds' blossoms, in exact arithmetic.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

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
/// Parallel edges are allowed, and so are loops, which are in no matching. If there is no perfect matching, of
/// the graph or of the edges that the mask allows: `solve_status::infeasible`, and z = 0.
///
/// Throws `std::invalid_argument` on construction for a negative number of nodes, an edge whose ends are not
/// nodes, and more than 2^30 nodes or 2^31 - 1 edges. Throws it when solving for a theta that does not have one
/// number for each edge, and for numbers that are not finite. Copies share the graph. O(nodes^3 + nodes * edges
/// * log edges) in the worst case. Numbers of up to 60 bits (less 7 and the bits of nodes, if perfect), from
/// the highest of the largest to the lowest of any, are solved in one word, and others in more: 2, 5 or 35.
class matching {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// nodes: how many there are, numbered from 0; edges: in the order of theta.
    matching(Eigen::Index nodes, std::vector<graph_edge> edges, const matching_options& options = {})
        : graph_(std::make_shared<const detail::matching_graph>(nodes, std::move(edges))), options_(options) {}

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
        detail::binary_range range;
        for (std::size_t e = 0; e < edges().size(); ++e) {
            const detail::binary_number score(theta.data()[e]);
            if (may_take(e, score, context)) range.add(score);
        }
        // One bit more for scores above the least.
        const int bits = range.bits() + (options_.perfect ? 1 : 0);
        const auto fits = [&]<class Number>(Number) {
            using search = detail::blossom_search<Number>;
            return search::bits_for(bits + 1, nodes(), options_.perfect) <= detail::whole_number<Number>::bits;
        };
        if (fits(std::int64_t{})) return solve<std::int64_t>(theta.data(), z, context, range);
        if constexpr (std::is_same_v<Scalar, double>) {
            if (fits(two_words{})) return solve<two_words>(theta.data(), z, context, range);
            if (!fits(five_words{})) return solve<many_words>(theta.data(), z, context, range);
        }
        return solve<five_words>(theta.data(), z, context, range);
    }

  private:
    using two_words = detail::wide_integer<2>;
    /// All floats (277 bits), and doubles with penalties of 1e30.
    using five_words = detail::wide_integer<5>;
    /// All doubles (2,098 bits).
    using many_words = detail::wide_integer<35>;

    [[nodiscard]] bool may_take(std::size_t edge, const detail::binary_number& score,
                                const solve_context& context) const noexcept {
        return (options_.perfect || (score.digits != 0 && !score.is_negative)) &&
               context.allows(static_cast<Eigen::Index>(edge));
    }

    template <class Number, class Scalar, class ZT>
    solve_status solve(const Scalar* theta, ZT& z, const solve_context& context,
                       const detail::binary_range& range) {
        auto& search = std::get<detail::blossom_search<Number>>(searches_);
        const auto weights = search.weights(edges().size());
        // All perfect matchings have as many edges, so the least score may count as 0.
        Number least = 0;
        if (options_.perfect) {
            for (std::size_t e = 0; e < weights.size(); ++e)
                if (const detail::binary_number score(theta[e]); may_take(e, score, context))
                    least = std::min(least, range.even<Number>(score));
        }
        for (std::size_t e = 0; e < weights.size(); ++e) {
            const detail::binary_number score(theta[e]);
            weights[e] = may_take(e, score, context) ? range.even<Number>(score) - least : Number(-1);
        }
        if (!search.solve(*graph_, options_.perfect)) return detail::no_answer(z);
        search.for_each_edge([&](std::int32_t edge) { z.data()[edge] = 1; });
        return solve_status::solved;
    }

    std::shared_ptr<const detail::matching_graph> graph_;
    matching_options options_;
    std::tuple<detail::blossom_search<std::int64_t>, detail::blossom_search<two_words>,
               detail::blossom_search<five_words>, detail::blossom_search<many_words>>
        searches_;
};

}  // namespace imle::inline IMLE_ABI
