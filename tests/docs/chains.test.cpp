// The examples of the pages on chains and alignments.

#include <cmath>
#include <sstream>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/imle.hpp>

#include "support/catch.hpp"

TEST_CASE("docs: the example of linear_chain tags a sentence", "[docs][linear_chain]") {
    // [tags]
    // Three words, "the", "dog", "runs", and three tags: article, noun, verb. theta(t, i, j) is the score of
    // tag i for word t followed by tag j: here what the next word says of tag j, and how well j follows i.
    Eigen::Tensor<float, 3, Eigen::RowMajor> theta(2, 3, 3), z(2, 3, 3);
    theta.setValues({{{-3, 2, -1},  // article, then article, noun or verb
                      {-2, 0, 1},   // noun, then ...
                      {0, 1, -3}},  // verb, then ...
                     {{-3, 1, -2}, {-2, 0, 3}, {0, 1, -2}}});
    imle::linear_chain solver;
    solver(theta, z);
    std::ostringstream out;
    for (Eigen::Index t = 0; t < 2; ++t)
        for (Eigen::Index i = 0; i < 3; ++i)
            for (Eigen::Index j = 0; j < 3; ++j)
                if (z(t, i, j) == 1) out << "step " << t << ": " << i << " -> " << j << '\n';
    CHECK(out.str() ==
          "step 0: 0 -> 1\n"
          "step 1: 1 -> 2\n");
    // [/tags]
}

TEST_CASE("docs: the example of a batch of chains of different lengths", "[docs][linear_chain]") {
    // [lengths]
    // Sentences of 3 and 2 words in one batch: rows of up to 2 steps. Padding may hold anything finite.
    const std::vector<Eigen::Index> steps{2, 1};
    imle::imle_layer layer{imle::linear_chain{steps}, imle::gumbel{}, imle::perturbation_target{}};
    Eigen::Tensor<float, 4, Eigen::RowMajor> theta(2, 2, 3, 3);
    theta.setZero();
    const auto pass = layer.forward(theta, imle::random_key{1});
    // [/lengths]
    float first = 0, second = 0;
    for (Eigen::Index i = 0; i < 18; ++i) {
        first += pass.samples().data()[i];
        second += pass.samples().data()[18 + i];
    }
    CHECK(first == 2);
    CHECK(second == 1);
}

TEST_CASE("docs: the example of semi_markov_chain divides a sequence", "[docs][semi_markov_chain]") {
    // [segments]
    // Four steps, segments of at most 3, one label. A segment of two steps scores 3, others 1.
    Eigen::Tensor<float, 4, Eigen::RowMajor> theta(4, 3, 1, 1), z(4, 3, 1, 1);
    for (Eigen::Index t = 0; t < 4; ++t)
        for (Eigen::Index k = 0; k < 3; ++k) theta(t, k, 0, 0) = k == 1 ? 3.0F : 1.0F;
    imle::semi_markov_chain{3}(theta, z);
    std::ostringstream out;
    for (Eigen::Index t = 0; t < 4; ++t)
        for (Eigen::Index k = 0; k < 3; ++k)
            if (z(t, k, 0, 0) == 1) out << "from " << t << " to " << t + k + 1 << '\n';
    CHECK(out.str() ==
          "from 0 to 2\n"
          "from 2 to 4\n");
    // [/segments]
}

TEST_CASE("docs: the example of alignment warps one sequence onto another", "[docs][alignment]") {
    // [warping]
    const std::vector<float> a{0, 0, 1, 0}, b{0, 1, 0, 0};
    Eigen::Tensor<float, 2, Eigen::RowMajor> cost(4, 4), z(4, 4);
    for (Eigen::Index i = 0; i < 4; ++i)
        for (Eigen::Index j = 0; j < 4; ++j)
            cost(i, j) = std::abs(a[static_cast<std::size_t>(i)] - b[static_cast<std::size_t>(j)]);
    auto warping = imle::minimizing(imle::alignment{});
    warping(cost, z);
    std::ostringstream out;
    for (Eigen::Index i = 0; i < 4; ++i) {
        for (Eigen::Index j = 0; j < 4; ++j) out << (z(i, j) == 1 ? '*' : '.');
        out << '\n';
    }
    CHECK(out.str() ==
          "*...\n"
          "*...\n"
          ".*..\n"
          "..**\n");
    // [/warping]
}

TEST_CASE("docs: the example of chain_family", "[docs][chain_family]") {
    // [chain_family]
    imle::exact_layer layer{imle::chain_family{}, {.samples = 4}};
    Eigen::Tensor<double, 4, Eigen::RowMajor> theta(1, 2, 3, 3);  // [batch, steps, labels, labels]
    theta.setZero();
    const auto mu = layer.marginals(theta);
    const Eigen::Tensor<double, 3, Eigen::RowMajor> one = theta.chip<0>(0);
    const double entropy = imle::chain_family{}.entropy(one);  // log 27: all sequences are alike
    // [/chain_family]
    CHECK(mu(0, 1, 2, 2) == Approx(1.0 / 9));
    CHECK(entropy == Approx(std::log(27.0)));
}
