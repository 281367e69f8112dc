// What a user's first program does, built in each way that the library can be had.

#include <cstdio>

#if defined(IMLE_BY_MODULE)
#include <imle/core/version.hpp>
#include <unsupported/Eigen/CXX11/Tensor>
import imle;
#else
#include <imle/imle.hpp>
#endif

int main() {
    imle::imle_layer layer{
        imle::top_k{2}, imle::no_noise{}, imle::perturbation_target{.beta = 10}, {.samples = 3}};

    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(1, 4);
    theta.setValues({{3.0F, 0.0F, 2.0F, 1.0F}});
    const auto pass = layer.forward(theta, imle::random_key{1});

    // The two largest are 0 and 2. A cotangent that speaks against 0 moves the target to 1 or 3: 3 is larger.
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
    std::printf("imle %d.%d.%d: %s\n", IMLE_VERSION_MAJOR, IMLE_VERSION_MINOR, IMLE_VERSION_PATCH,
                wrong == 0 ? "as expected" : "WRONG");
    return wrong == 0 ? 0 : 1;
}
