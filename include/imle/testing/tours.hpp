#pragma once

/// @file
/// All tours of a few nodes, undirected and directed.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The orders in which a round trip can visit 2 to 8 nodes, starting at node 0.
[[nodiscard]] inline std::vector<std::vector<std::size_t>> tour_orders(std::size_t nodes) {
    if (nodes < 2 || nodes > 8) throw_invalid("the number of nodes", nodes, "2 to 8");
    std::vector<std::size_t> order(nodes);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<std::vector<std::size_t>> orders;
    do orders.push_back(order);
    while (std::next_permutation(order.begin() + 1, order.end()));
    return orders;
}

}  // namespace detail

namespace testing {

/// The family of `travelling_salesman` on instances of rank 1: the (nodes - 1)!/2 round trips through all
/// nodes, as 0/1 vectors over the edges in the order (0, 1), (0, 2), ..., (1, 2), .... Two nodes: their edge,
/// once. 2 to 8 nodes, else `std::invalid_argument`.
class tours : public enumerated_family<1> {
  public:
    explicit tours(std::size_t nodes)
        : enumerated_family<1>(detail::message("the tours of ", nodes, " nodes"),
                               {static_cast<Eigen::Index>(nodes * (nodes - 1) / 2)}, all_tours(nodes)) {}

  private:
    static std::vector<vector> all_tours(std::size_t nodes) {
        std::vector<vector> states;
        for (const std::vector<std::size_t>& order : detail::tour_orders(nodes)) {
            if (order[1] > order.back()) continue;  // the same tour the other way round
            vector state(nodes * (nodes - 1) / 2, 0);
            for (std::size_t i = 0; i < nodes; ++i) {
                const std::size_t a = std::min(order[i], order[(i + 1) % nodes]);
                const std::size_t b = std::max(order[i], order[(i + 1) % nodes]);
                state[a * (2 * nodes - a - 1) / 2 + b - a - 1] = 1;
            }
            states.push_back(state);
        }
        return states;
    }
};

/// The family of `travelling_salesman` on instances of rank 2: 0/1 matrices [nodes, nodes] of the
/// (nodes - 1)! cyclic permutations, 1 at (i, j) where the tour goes from i to j. 2 to 8 nodes, else
/// `std::invalid_argument`.
class directed_tours : public enumerated_family<2> {
  public:
    explicit directed_tours(std::size_t nodes)
        : enumerated_family<2>(detail::message("the directed tours of ", nodes, " nodes"),
                               {static_cast<Eigen::Index>(nodes), static_cast<Eigen::Index>(nodes)},
                               all_tours(nodes)) {}

  private:
    static std::vector<vector> all_tours(std::size_t nodes) {
        std::vector<vector> states;
        for (const std::vector<std::size_t>& order : detail::tour_orders(nodes)) {
            vector state(nodes * nodes, 0);
            for (std::size_t i = 0; i < nodes; ++i) state[order[i] * nodes + order[(i + 1) % nodes]] = 1;
            states.push_back(state);
        }
        return states;
    }
};

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
