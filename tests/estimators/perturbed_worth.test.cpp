// How much less variance an estimate of `perturbed_layer` has than `score`, per solve: the table in
// docs/estimators.md.

#include <array>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <span>
#include <vector>

#include <imle/estimators/perturbed_layer.hpp>
#include <imle/noise/normal.hpp>
#include <imle/solvers/assignment.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/top_k.hpp>

#include "support/catch.hpp"

using imle::perturbed_estimate;
using imle::random_key;

namespace {

// Variances of `score` over those of the others, each times its solves, forward and backward.
struct worth {
    const char* family;
    double symmetrized, directional;

    friend std::ostream& operator<<(std::ostream& out, const worth& w) {
        return out << w.family << ": symmetrized " << w.symmetrized << ", directional " << w.directional;
    }
};

// The sum over coordinates of a gradient's variance, over rows of one theta and noise of their own.
template <class SolverT, std::size_t Rank>
double variance(const SolverT& solver, const std::array<Eigen::Index, Rank>& instance, double offset,
                perturbed_estimate estimate, Eigen::Index rows) {
    constexpr int rank = static_cast<int>(Rank) + 1;
    using tensor = Eigen::Tensor<float, rank, Eigen::RowMajor>;
    std::array<Eigen::Index, Rank + 1> dimensions{rows};
    std::copy(instance.begin(), instance.end(), dimensions.begin() + 1);
    tensor theta(dimensions), dmu(dimensions);
    const auto size = static_cast<std::size_t>(theta.size() / rows);
    imle::normal{offset, 1}.fill(random_key{1}, 0, std::span<float>(theta.data(), size));
    imle::normal{}.fill(random_key{2}, 0, std::span<float>(dmu.data(), size));
    for (std::size_t b = 1; b < static_cast<std::size_t>(rows); ++b) {
        std::copy_n(theta.data(), size, theta.data() + b * size);
        std::copy_n(dmu.data(), size, dmu.data() + b * size);
    }
    const imle::perturbed_layer layer{solver, imle::normal{}, {.samples = 16, .estimate = estimate}};
    const tensor gradient = layer.vjp(layer.forward(theta, random_key{3}), dmu);
    double total = 0;
    for (std::size_t i = 0; i < size; ++i) {
        double sum = 0, squares = 0;
        for (std::size_t b = 0; b < static_cast<std::size_t>(rows); ++b) {
            const double g = static_cast<double>(gradient.data()[b * size + i]);
            sum += g;
            squares += g * g;
        }
        total += (squares - sum * sum / static_cast<double>(rows)) / static_cast<double>(rows - 1);
    }
    return total;
}

template <class SolverT, std::size_t Rank>
worth worth_of(const char* family, const SolverT& solver, const std::array<Eigen::Index, Rank>& instance,
               double offset, Eigen::Index rows) {
    const auto of = [&](perturbed_estimate estimate) {
        return variance(solver, instance, offset, estimate, rows);
    };
    const double score = of(perturbed_estimate::score);
    // Directional: 2 S solves backward besides the S forward.
    return {family, score / of(perturbed_estimate::symmetrized),
            score / of(perturbed_estimate::directional) / 3};
}

// Thetas are standard normal, the noise normal at T = 1, dmu standard normal, 16 samples. Paths have costs of
// mean 6, so that none is negative under noise.
std::vector<worth> table(Eigen::Index rows) {
    const imle::grid_shortest_path paths{imle::grid_shortest_path_options{.connectivity = 4}};
    return {
        worth_of("top 5 of 10", imle::top_k{5}, std::array<Eigen::Index, 1>{10}, 0, 10 * rows),
        worth_of("one of 50", imle::top_k{1}, std::array<Eigen::Index, 1>{50}, 0, 2 * rows),
        worth_of("top 10 of 350", imle::top_k{10}, std::array<Eigen::Index, 1>{350}, 0, rows),
        worth_of("paths, 8 x 8", paths, std::array<Eigen::Index, 2>{8, 8}, -6, 2 * rows),
        worth_of("paths, 16 x 16", paths, std::array<Eigen::Index, 2>{16, 16}, -6, rows),
        worth_of("assignment, 8 x 8", imle::assignment{}, std::array<Eigen::Index, 2>{8, 8}, 0, 4 * rows)};
}

}  // namespace

TEST_CASE("perturbed_layer: neither estimate is ever worth less than score",
          "[estimators][perturbed][draws]") {
    for (const worth& w : table(50)) {
        INFO(w);
        CHECK(w.symmetrized > 1);
        CHECK(w.directional > 1);
    }
}

// The docs' figures. It checks what the case above does, so it runs only by its name.
TEST_CASE("perturbed_layer: what the estimates are worth", "[.][estimators][perturbed][worth]") {
    for (const worth& w : table(2000)) {
        WARN(w);
        CHECK(w.symmetrized > 1);
        CHECK(w.directional > 1);
    }
}
