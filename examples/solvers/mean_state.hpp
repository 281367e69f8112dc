#pragma once

// What the layer makes of a batch of one.

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/targets/perturbation_target.hpp>

#include <unsupported/Eigen/CXX11/Tensor>

namespace solver_pictures {

using row = Eigen::Tensor<float, 2, Eigen::RowMajor>;  // a batch of one: [1, n]

// The mean of 1000 perturb-and-MAP states. Temperature 0 is without noise: the best state.
template <class SolverT, class TensorT>
TensorT mean_state(const SolverT& solver, const TensorT& theta, double temperature) {
    imle::imle_layer layer{solver, imle::gumbel{}, imle::perturbation_target{},
                           imle::layer_options{.samples = 1000, .input_temperature = temperature}};
    return layer.marginals(theta, imle::random_key{1}).marginals();
}

}  // namespace solver_pictures
