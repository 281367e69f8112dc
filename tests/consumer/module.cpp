// What a user's first program does, by the module `imle`.

#include <cstdio>

#include <unsupported/Eigen/CXX11/Tensor>

import imle;

int main() {
    imle::imle_layer layer{
        imle::top_k{2}, imle::no_noise{}, imle::perturbation_target{.beta = 10}, {.samples = 3}};

    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(1, 4);
    theta.setValues({{3.0F, 0.0F, 2.0F, 1.0F}});
    const auto pass = layer.forward(theta, imle::random_key{1});

    Eigen::Tensor<float, 2, Eigen::RowMajor> dmu(1, 4);
    dmu.setValues({{1.0F, 0.0F, 0.0F, 0.0F}});
    const auto gradient = layer.vjp(pass, dmu);

    const float marginals[] = {1, 0, 1, 0};
    const float expected[] = {1, 0, 0, -1};
    int wrong = 0;
    for (Eigen::Index i = 0; i < 4; ++i) {
        wrong += pass.marginals()(0, i) != marginals[i];
        wrong += gradient(0, i) != expected[i];
    }
    std::printf("imle: %s\n", wrong == 0 ? "as expected" : "WRONG");
    return wrong == 0 ? 0 : 1;
}
