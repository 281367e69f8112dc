// One of several translation units of one program: each is this file, with compiler options and a name of its
// own.

#include <cstdint>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/targets/perturbation_target.hpp>

/// Everything that a layer computes from fixed rewards: samples, marginals and a gradient, one after another.
std::vector<double> IMLE_UNIT(std::uint64_t seed) {
    imle::imle_layer layer{imle::grid_shortest_path{},
                           imle::sum_of_gamma{5, 10},
                           imle::perturbation_target{.alpha = 1, .beta = 2},
                           {.samples = 16, .threads = 2}};
    Eigen::Tensor<float, 3, Eigen::RowMajor> theta(2, 6, 7);
    for (Eigen::Index i = 0; i < theta.size(); ++i)
        theta.data()[i] = -1.0F - 0.5F * static_cast<float>(i % 5);
    Eigen::Tensor<float, 3, Eigen::RowMajor> dmu(2, 6, 7);
    for (Eigen::Index i = 0; i < dmu.size(); ++i) dmu.data()[i] = i % 3 == 0 ? 1.0F : -1.0F;

    const auto pass = layer.forward(theta, imle::random_key{seed});
    const auto marginals = pass.marginals();
    const auto gradient = layer.vjp(pass, dmu);

    std::vector<double> all;
    for (const auto* tensor : {&marginals, &gradient})
        all.insert(all.end(), tensor->data(), tensor->data() + tensor->size());
    all.insert(all.end(), pass.samples().data(), pass.samples().data() + pass.samples().size());
    return all;
}
