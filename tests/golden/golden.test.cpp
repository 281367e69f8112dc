// Every case that was recorded from the reference implementations: see README.md in this folder.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <imle/layer/imle_layer.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/tensors.hpp"

namespace {

using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;
using samples = Eigen::Tensor<float, 3, Eigen::RowMajor>;

// A recorded sequence instead of a generated one; an element past its end would be a fault of the layer's
// addressing.
struct recorded_noise {
    std::shared_ptr<const std::vector<float>> values;

    void fill(imle::random_key, std::uint64_t first, std::span<float> out) const {
        if (first + out.size() > values->size())
            throw std::out_of_range("an element past the last that is needed");
        std::copy_n(values->begin() + static_cast<std::ptrdiff_t>(first), out.size(), out.begin());
    }
};

struct golden_case {
    std::string kind;
    Eigen::Index batch, sample_count, n, k;
    double alpha, beta, input_temperature, target_temperature;
    bool central;
    int steps;
};

std::vector<float> read(std::istream& in, Eigen::Index size) {
    std::vector<float> values(static_cast<std::size_t>(size));
    for (float& value : values) in >> value;
    REQUIRE(in);
    return values;
}

// Runs a case's calls in a row through one layer and compares each.
template <class TargetT>
void compare(const golden_case& c, TargetT target, std::istream& in) {
    const std::vector<float> theta_values = read(in, c.batch * c.n);
    const auto noise = std::make_shared<const std::vector<float>>(read(in, c.batch * c.sample_count * c.n));
    const imle::layer_options options{
        .samples = c.sample_count,
        .input_temperature = c.input_temperature,
        .target_temperature = c.target_temperature,
        .difference = c.central ? imle::difference::central : imle::difference::forward};
    imle::imle_layer layer{imle::top_k{c.k}, recorded_noise{noise}, std::move(target), options};

    matrix theta(c.batch, c.n);
    std::copy(theta_values.begin(), theta_values.end(), theta.data());
    for (int step = 0; step < c.steps; ++step) {
        const std::vector<float> dz_values = read(in, c.batch * c.sample_count * c.n);
        const std::vector<float> z = read(in, c.batch * c.sample_count * c.n);
        const std::vector<float> gradient = read(in, c.batch * c.n);
        INFO("step " << step);

        const auto pass = layer.forward(theta, imle::random_key{0});
        CHECK(std::equal(z.begin(), z.end(), pass.samples().data()));

        samples dz(c.batch, c.sample_count, c.n);
        std::copy(dz_values.begin(), dz_values.end(), dz.data());
        const matrix ours = layer.vjp(pass, dz);
        CHECK(support::furthest(ours, gradient) <= 1e-5);
    }
}

int compare_file(const std::string& name) {
    std::ifstream in(std::filesystem::path(IMLE_TEST_DATA_DIR) / name);
    REQUIRE(in);
    golden_case c;
    int cases = 0;
    while (in >> c.kind >> c.batch >> c.sample_count >> c.n >> c.k >> c.alpha >> c.beta >>
           c.input_temperature >> c.target_temperature >> c.central >> c.steps) {
        INFO(name << ", case " << cases << ", kind " << c.kind);
        if (c.kind == "adaptive")
            compare(c,
                    imle::adaptive_target{{.initial_alpha = c.alpha,
                                           .initial_beta = c.beta,
                                           .beta_step = 0.05,
                                           .beta_momentum = 0.5}},
                    in);
        else
            compare(c,
                    imle::perturbation_target{
                        .alpha = c.alpha, .beta = c.beta, .scale_gradient = c.kind == "scaled"},
                    in);
        ++cases;
    }
    return cases;
}

}  // namespace

TEST_CASE("golden: torch-imle's 64 cases", "[golden]") {
    CHECK(compare_file("golden_imle.txt") == 64);
}

TEST_CASE("golden: torch-adaptive-imle's 64 cases", "[golden]") {
    CHECK(compare_file("golden_aimle.txt") == 64);
}
