#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "sampling_measurement.hpp"

namespace experiments::sampling_experiment {
namespace {

constexpr std::array<Eigen::Index, 3> sizes = {10, 64, 350};

/// Nanoseconds a number of one call, as the layer's statistics count them.
double time_of(const Eigen::Tensor<float, 2, Eigen::RowMajor>& theta, Eigen::Index samples,
               imle::sampling how) {
    imle::imle_layer layer{imle::top_k{5},
                           imle::gumbel{},
                           imle::perturbation_target{},
                           {.samples = samples, .statistics = true, .sampling = how}};
    (void)layer.marginals(theta, imle::random_key{1});  // memory and caches
    double least = 0;
    for (int call = 0; call < 3; ++call) {
        (void)layer.marginals(theta, imle::random_key{1});
        const double found = layer.statistics().noise_seconds;
        least = call == 0 ? found : std::min(least, found);
    }
    return 1e9 * least / static_cast<double>(theta.size() * samples);
}

}  // namespace

std::vector<noise_times> measure_noise(bool quick) {
    std::vector<noise_times> all;
    for (const Eigen::Index n : sizes) {
        noise_times times{n, {}, {}};
        for (std::size_t i = 0; i < sample_counts.size(); ++i) {
            const Eigen::Index numbers = quick ? 10'000 : 1'000'000;
            Eigen::Tensor<float, 2, Eigen::RowMajor> theta(
                std::max<Eigen::Index>(1, numbers / (n * sample_counts[i])), n);
            theta.setZero();
            // In turn, so that other programs disturb both alike.
            for (int round = 0; round < 5; ++round)
                for (const imle::sampling how : {imle::sampling::independent, imle::sampling::latin}) {
                    double& least = (how == imle::sampling::latin ? times.latin : times.independent)[i];
                    const double found = time_of(theta, sample_counts[i], how);
                    least = round == 0 ? found : std::min(least, found);
                }
        }
        all.push_back(times);
    }
    return all;
}

}  // namespace experiments::sampling_experiment
