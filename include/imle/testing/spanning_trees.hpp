#pragma once

/// @file
/// All spanning trees of a small complete graph.

#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include <imle/testing/matroid_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The spanning trees of the complete graph on `nodes` nodes, nodes^(nodes - 2) of them (Cayley), as 0/1
/// vectors over its edges in the order (0, 1), (0, 2), ..., (1, 2), .... 2 <= nodes <= 6, else
/// `std::invalid_argument`.
class spanning_trees : public matroid_family {
  public:
    /// The two nodes of each edge.
    using edge_list = std::vector<std::pair<std::size_t, std::size_t>>;

    /// nodes: 2 to 6.
    explicit spanning_trees(std::size_t nodes)
        : matroid_family(detail::message("the spanning trees of ", checked(nodes), " nodes"),
                         edges_of(nodes).size(),
                         [edges = edges_of(nodes), nodes](subset forest, std::size_t edge) {
                             return joins_two_trees(edges, nodes, forest, edge);
                         }),
          edges_(edges_of(nodes)) {}

    /// The two nodes of each edge.
    [[nodiscard]] const edge_list& edges() const noexcept { return edges_; }

  private:
    static std::size_t checked(std::size_t nodes) {
        if (nodes < 2 || nodes > 6) detail::throw_invalid("the number of nodes", nodes, "2 to 6");
        return nodes;
    }

    static edge_list edges_of(std::size_t nodes) {
        edge_list edges;
        for (std::size_t a = 0; a < nodes; ++a)
            for (std::size_t b = a + 1; b < nodes; ++b) edges.emplace_back(a, b);
        return edges;
    }

    static bool joins_two_trees(const edge_list& edges, std::size_t nodes, subset forest, std::size_t edge) {
        std::vector<std::size_t> tree(nodes);  // the tree that each node is in
        std::iota(tree.begin(), tree.end(), std::size_t{0});
        for (std::size_t e = 0; e < edges.size(); ++e) {
            if (((forest >> e) & 1u) == 0) continue;
            const std::size_t kept = tree[edges[e].first], gone = tree[edges[e].second];
            for (std::size_t& t : tree)
                if (t == gone) t = kept;
        }
        return tree[edges[edge].first] != tree[edges[edge].second];
    }

    edge_list edges_;
};

}  // namespace imle::inline IMLE_ABI::testing
