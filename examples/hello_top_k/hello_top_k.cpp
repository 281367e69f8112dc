// How do I learn through a top-k choice? Descend the gradient until the two wanted scores are chosen.
#include <cstdint>
#include <iostream>

#include <imle/imle.hpp>

int main() {
    Eigen::Tensor<float, 2, Eigen::RowMajor> scores(1, 5), wanted(1, 5);  // [batch, n]
    scores.setValues({{0.5F, 2.0F, 1.0F, -1.0F, 0.8F}});
    wanted.setValues({{1, 0, 0, 1, 0}});

    imle::imle_layer layer{imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{}, {.samples = 1000}};
    for (std::uint64_t step = 0; step <= 100; ++step) {
        const auto pass = layer.forward(scores, imle::random_key{0}.fold_in(step));
        if (step % 25 == 0)
            std::cout << "step " << step << ", how often each is chosen: " << pass.marginals() << '\n';
        const decltype(scores) slope = pass.marginals() - wanted;  // of the loss |marginals - wanted|^2 / 2
        scores -= layer.vjp(pass, slope);
    }
    if (std::cout.flush()) return 0;
    std::cerr << "hello_top_k: cannot write to the standard output\n";
    return 1;
}
