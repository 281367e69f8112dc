#pragma once

/// @file
/// All matchings of a small graph.

#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <imle/solvers/matching.hpp>
#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The family of `matching`: the matchings of an undirected graph, as 0/1 vectors over its edges, or the
/// perfect ones alone. Loops are in none; parallel edges count apart. More than 12 nodes, an edge whose ends
/// are not nodes, and a graph without a perfect matching if those are asked for throw
/// `std::invalid_argument`.
class matchings : public enumerated_family<1> {
  public:
    /// nodes: numbered from 0; edges: in the order of the vectors.
    matchings(Eigen::Index nodes, const std::vector<graph_edge>& edges, const matching_options& options = {})
        : enumerated_family<1>(detail::message("the matchings of ", nodes, " nodes"),
                               {static_cast<Eigen::Index>(edges.size())},
                               all(nodes, edges, options.perfect)) {}

  private:
    static std::vector<vector> all(Eigen::Index nodes, const std::vector<graph_edge>& edges, bool perfect) {
        if (nodes < 0 || nodes > 12) detail::throw_invalid("the number of nodes", nodes, "0 to 12");
        detail::require_graph(nodes, edges);
        std::vector<vector> states;
        vector state(edges.size(), 0);
        const unsigned every = (1U << nodes) - 1;
        const auto choose = [&](const auto& again, std::size_t edge, unsigned taken) -> void {
            if (edge == edges.size()) {
                if (!perfect || taken == every) states.push_back(state);
                return;
            }
            again(again, edge + 1, taken);
            const unsigned from = 1U << edges[edge].from, to = 1U << edges[edge].to;
            if (from == to || (taken & (from | to)) != 0) return;
            state[edge] = 1;
            again(again, edge + 1, taken | from | to);
            state[edge] = 0;
        };
        choose(choose, 0, 0);
        return states;
    }
};

}  // namespace imle::inline IMLE_ABI::testing
