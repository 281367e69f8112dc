#pragma once

/// @file
/// All directed tours of a few nodes.

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

/// The family of `travelling_salesman` on instances of rank 2: 0/1 matrices [nodes, nodes] of the
/// (nodes - 1)! cyclic permutations, 1 at (i, j) where the tour goes from i to j. 2 to 8 nodes, else
/// `std::invalid_argument`.
class directed_tours : public enumerated_family<2> {
  public:
    explicit directed_tours(std::size_t nodes)
        : enumerated_family<2>(detail::message("the directed tours of ", checked(nodes), " nodes"),
                               {static_cast<Eigen::Index>(nodes), static_cast<Eigen::Index>(nodes)},
                               all_tours(nodes)) {}

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
            vector state(nodes * nodes, 0);
            for (std::size_t i = 0; i < nodes; ++i) state[order[i] * nodes + order[(i + 1) % nodes]] = 1;
            states.push_back(state);
        } while (std::next_permutation(order.begin() + 1, order.end()));
        return states;
    }
};

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
