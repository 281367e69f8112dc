#pragma once

/// @file
/// All integer flows through a small network.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <imle/solvers/directed_graph.hpp>
#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The family of `min_cost_flow`: the flow on each edge, integers from 0 to its capacity. What leaves a node
/// less what enters it is the node's supply.
class flows : public enumerated_family<1> {
  public:
    /// supplies: one for each node; capacities: one for each edge. Throws `std::invalid_argument` for lists
    /// of another size, if there is no flow, and if there are more than 1,000,000.
    flows(const directed_graph& graph, const std::vector<std::int64_t>& supplies,
          const std::vector<std::int64_t>& capacities)
        : enumerated_family<1>(
              detail::message("the flows on ", graph.edges().size(), " edges of ", graph.nodes(), " nodes"),
              {std::ssize(graph.edges())}, all(graph, supplies, capacities)) {}

    /// The same as a list, which may be empty.
    [[nodiscard]] static std::vector<vector> all(const directed_graph& graph,
                                                 const std::vector<std::int64_t>& supplies,
                                                 const std::vector<std::int64_t>& capacities) {
        const auto edges = graph.edges();
        if (std::ssize(supplies) != graph.nodes())
            detail::throw_invalid("supplies", detail::message("a list of ", supplies.size()),
                                  detail::message("one for each of the ", graph.nodes(), " nodes"));
        if (capacities.size() != edges.size())
            detail::throw_invalid("capacities", detail::message("a list of ", capacities.size()),
                                  detail::message("one for each of the ", edges.size(), " edges"));
        std::vector<vector> states;
        vector state(edges.size(), 0);
        // What each node still has to send, and what edges not yet decided could bring or take.
        std::vector<double> left(supplies.begin(), supplies.end());
        std::vector<double> in(supplies.size(), 0), out(supplies.size(), 0);
        const auto node = [](Eigen::Index v) { return static_cast<std::size_t>(v); };
        for (std::size_t e = 0; e < edges.size(); ++e) {
            out[node(edges[e].from)] += static_cast<double>(capacities[e]);
            in[node(edges[e].to)] += static_cast<double>(capacities[e]);
        }
        const auto choose = [&](const auto& again, std::size_t e) -> void {
            for (std::size_t v = 0; v < left.size(); ++v)
                if (left[v] > out[v] || -left[v] > in[v]) return;
            if (e == edges.size()) {
                if (states.size() == most)
                    detail::throw_invalid("the number of flows", "more", detail::message("at most ", most));
                return states.push_back(state);
            }
            const std::size_t from = node(edges[e].from), to = node(edges[e].to);
            const auto capacity = static_cast<double>(capacities[e]);
            out[from] -= capacity;
            in[to] -= capacity;
            for (state[e] = 0; state[e] <= capacity; ++state[e]) {
                left[from] -= state[e];
                left[to] += state[e];
                again(again, e + 1);
                left[from] += state[e];
                left[to] -= state[e];
            }
            state[e] = 0;
            out[from] += capacity;
            in[to] += capacity;
        };
        choose(choose, 0);
        return states;
    }

  private:
    static constexpr std::size_t most = 1000000;
};

}  // namespace imle::inline IMLE_ABI::testing
