// Compiles, links and solves once.

#include <cstdio>

#include <imle/imle.hpp>

int main() {
    imle::imle_layer layer{imle::top_k{1}, imle::gumbel{}, imle::perturbation_target{}, {.samples = 10}};
    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(1, 2);
    theta.setValues({{100.0F, 0.0F}});
    const auto pass = layer.forward(theta, imle::random_key{1});
    std::printf("the larger of two is chosen with probability %g\n", pass.marginals()(0, 0));
    return pass.marginals()(0, 0) == 1.0F ? 0 : 1;
}
