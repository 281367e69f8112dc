#pragma once

/// @file
/// All undirected tours of a few nodes.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/testing/enumerated_family.hpp>

namespace imle::inline IMLE_ABI {
namespace testing {

/// The family of `travelling_salesman` on instances of rank 1: the (nodes - 1)!/2 round trips through all
/// nodes, as 0/1 vectors over the edges in the order (0, 1), (0, 2), ..., (1, 2), .... Two nodes: their edge,
/// once. 2 to 8 nodes, else `std::invalid_argument`.
class tours : public enumerated_family<1> {
  public:
    explicit tours(std::size_t nodes)
        : enumerated_family<1>(detail::message("the tours of ", checked(nodes), " nodes"),
                               {static_cast<Eigen::Index>(nodes * (nodes - 1) / 2)}, all_tours(nodes)) {}

  private:
    static std::size_t checked(std::size_t nodes) {
        if (nodes < 2 || nodes > 8) detail::throw_invalid("the number of nodes", nodes, "2 to 8");
        return nodes;
    }

    static std::vector<vector> all_tours(std::size_t nodes) {
        std::vector<std::size_t> order(checked(nodes));
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::vector<vector> states;
        do {
            if (order[1] > order.back()) continue;  // the same tour the other way round
            vector state(nodes * (nodes - 1) / 2, 0);
            for (std::size_t i = 0; i < nodes; ++i) {
                const std::size_t a = std::min(order[i], order[(i + 1) % nodes]);
                const std::size_t b = std::max(order[i], order[(i + 1) % nodes]);
                state[a * (2 * nodes - a - 1) / 2 + b - a - 1] = 1;
            }
            states.push_back(state);
        } while (std::next_permutation(order.begin() + 1, order.end()));
        return states;
    }
};

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
