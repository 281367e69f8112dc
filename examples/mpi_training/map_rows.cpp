#include "map_rows.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include <imle/random/words.hpp>
#include <imle/solvers/grid_shortest_path.hpp>

namespace mpi_training {
namespace {

constexpr float least_cost = 0.1F;
constexpr float cost_spread = 0.5F;  // standard deviation of a cell's cost before it is clipped

/// Uniform in (-1, 1).
void fill(imle::random_key key, std::span<float> out) {
    imle::uniforms(key, 0, out);
    for (float& x : out) x = 2 * x - 1;
}

}  // namespace

map_source::map_source(imle::random_key key, Eigen::Index side, Eigen::Index features)
    : key_(key.fold_in(0)), side_(side), cost_of_features_(1 + features, side * side) {
    fill(key.fold_in(1), {cost_of_features_.data(), static_cast<std::size_t>(cost_of_features_.size())});
    // Both factors are uniform in (-1, 1), so a product's variance is 1/9.
    cost_of_features_ *= 3 * cost_spread / std::sqrt(static_cast<float>(features));
    cost_of_features_.row(0).setOnes();
}

map_rows map_source::make(std::uint64_t first, Eigen::Index count) const {
    const Eigen::Index features = cost_of_features_.rows();
    map_rows made{matrix(count, features), maps(count, side_, side_), maps(count, side_, side_)};
    imle::grid_shortest_path solver;
    const Eigen::Index cells = side_ * side_;
    for (Eigen::Index i = 0; i < count; ++i) {
        float* const x = made.features.data() + i * features;
        x[0] = 1;
        fill(key_.fold_in(first + static_cast<std::uint64_t>(i)),
             {x + 1, static_cast<std::size_t>(features - 1)});
        // Uses loops, because the bits of a matrix product depend on the number of rows.
        float* const cost = made.costs.data() + i * cells;
        std::fill_n(cost, cells, 0.0F);
        for (Eigen::Index f = 0; f < features; ++f)
            for (Eigen::Index c = 0; c < cells; ++c) cost[c] += x[f] * cost_of_features_(f, c);
        for (Eigen::Index c = 0; c < cells; ++c) cost[c] = std::max(least_cost, cost[c]);

        const Eigen::Tensor<float, 2, Eigen::RowMajor> theta = -made.costs.chip<0>(i);
        const imle::const_view<float, 2, Eigen::RowMajor> theta_view(theta.data(), side_, side_);
        imle::mutable_view<float, 2, Eigen::RowMajor> path(made.gold.data() + i * cells, side_, side_);
        solver(theta_view, path);
    }
    return made;
}

}  // namespace mpi_training
