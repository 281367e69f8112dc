#include "sampling.hpp"

#include <algorithm>

#include <imle/imle.hpp>

#include "map_noise.hpp"

namespace map_demo {

std::vector<grid> sample_paths(const grid& rewards, int samples, std::uint64_t seed, int threads) {
    imle::imle_layer layer{imle::grid_shortest_path{},
                           map_noise(),
                           imle::perturbation_target{},
                           {.samples = samples, .input_temperature = 1, .threads = threads}};

    // A batch of one map. The view reads `rewards` in place.
    const Eigen::TensorMap<const Eigen::Tensor<float, 3, Eigen::RowMajor>> theta(rewards.data(), 1, side,
                                                                                 side);
    const auto pass = layer.forward(theta, imle::random_key{seed});

    // [1, sample, row, column], row-major: one path after the other.
    const float* next = pass.samples().data();
    std::vector<grid> paths(static_cast<std::size_t>(samples));
    for (grid& path : paths) {
        std::copy_n(next, cells, path.begin());
        next += cells;
    }
    return paths;
}

}  // namespace map_demo
