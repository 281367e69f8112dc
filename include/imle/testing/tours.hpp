#pragma once

/// @file
/// All tours of a few nodes, undirected and directed.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include <Eigen/Core>

#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The round trips through 2 to 8 nodes, in the format of `directed_tours` or `tours`.
[[nodiscard]] inline std::vector<std::vector<double>> tour_states(std::size_t nodes, bool directed) {
    if (nodes < 2 || nodes > 8) throw_invalid("the number of nodes", nodes, "2 to 8");
    std::vector<std::size_t> order(nodes);  // starts at node 0
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<std::vector<double>> states;
    do {
        if (!directed && order[1] > order.back()) continue;  // the same tour in the other direction
        auto& state = states.emplace_back(directed ? nodes * nodes : nodes * (nodes - 1) / 2, 0.0);
        for (std::size_t i = 0; i < nodes; ++i) {
            const std::size_t from = order[i], to = order[(i + 1) % nodes];
            const std::size_t a = std::min(from, to), b = std::max(from, to);
            state[directed ? from * nodes + to : a * (2 * nodes - a - 1) / 2 + b - a - 1] = 1;
        }
    } while (std::next_permutation(order.begin() + 1, order.end()));
    return states;
}

}  // namespace imle::inline IMLE_ABI::detail

namespace imle::inline IMLE_ABI::testing {

/// The family of `travelling_salesman` on instances of rank 1: the (nodes - 1)!/2 round trips through all
/// nodes, as 0/1 vectors over the edges in the order (0, 1), (0, 2), ..., (1, 2), .... Two nodes have one
/// tour, their edge. 2 to 8 nodes, else `std::invalid_argument`.
class tours : public enumerated_family<1> {
  public:
    /// nodes: 2 to 8.
    explicit tours(std::size_t nodes)
        : enumerated_family<1>(detail::message("the tours of ", nodes, " nodes"),
                               {static_cast<Eigen::Index>(nodes * (nodes - 1) / 2)},
                               detail::tour_states(nodes, false)) {}
};

/// The family of `travelling_salesman` on instances of rank 2: 0/1 matrices [nodes, nodes] of the
/// (nodes - 1)! cyclic permutations, 1 at (i, j) where the tour goes from i to j. 2 to 8 nodes, else
/// `std::invalid_argument`.
class directed_tours : public enumerated_family<2> {
  public:
    /// nodes: 2 to 8.
    explicit directed_tours(std::size_t nodes)
        : enumerated_family<2>(detail::message("the directed tours of ", nodes, " nodes"),
                               {static_cast<Eigen::Index>(nodes), static_cast<Eigen::Index>(nodes)},
                               detail::tour_states(nodes, true)) {}
};

}  // namespace imle::inline IMLE_ABI::testing
