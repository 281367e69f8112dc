#include <imle/estimators/blackbox.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/testing/k_subsets.hpp>

#include "estimators/row_statistics.hpp"
#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

using namespace estimator_tests;
using namespace fixtures;

static_assert(
    std::is_same_v<decltype(imle::blackbox(imle::top_k{2}, 1.0)), imle::blackbox_layer<imle::top_k<>>>);

namespace {

// The k largest of the negated costs: the argmin over the same family.
constexpr auto cheapest_two = [](const auto& cost, auto& z) {
    std::vector<std::ptrdiff_t> order(static_cast<std::size_t>(cost.size()));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::ptrdiff_t>(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return cost.data()[a] < cost.data()[b]; });
    for (std::size_t i = 0; i < order.size(); ++i) z.data()[order[i]] = i < 2 ? 1 : 0;
};

}  // namespace

TEST_CASE("blackbox: the gradient is the slope of the paper's interpolation", "[estimators][blackbox]") {
    // For a loss <g, z>, f_lambda = ( max <theta, z> - max <theta - lambda g, z> ) / lambda.
    const imle::testing::k_subsets family(5, 2);
    const auto highest = [&](const vector& t) {
        const vector values = family.values(t);
        return *std::max_element(values.begin(), values.end());
    };
    for (const double lambda : {0.1, 1.0, 7.0}) {
        int nonzero = 0;
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            const auto theta = numbers<matrix>({1, 5}, seed), g = numbers<matrix>({1, 5}, seed + 100);
            const auto interpolation = [&](double sign) {
                return [&, sign](const vector& t) {
                    vector plus(5), moved(5);
                    for (std::size_t i = 0; i < 5; ++i) {
                        plus[i] = sign * t[i];
                        moved[i] = sign * t[i] - lambda * g.data()[i];
                    }
                    return (highest(plus) - highest(moved)) / lambda;
                };
            };
            const vector row(theta.data(), theta.data() + 5);
            auto layer = imle::blackbox(imle::top_k{2}, lambda);
            const matrix gradient = layer.vjp(layer.forward(theta, imle::random_key{1}), g);
            CHECK(support::furthest(vector(gradient.data(), gradient.data() + 5),
                                    reference::gradient(row, interpolation(1))) < 1e-6);
            // Costs c: the same with theta = -c.
            auto costs = imle::blackbox(imle::minimizing(cheapest_two), lambda);
            const matrix of_costs = costs.vjp(costs.forward(theta, imle::random_key{1}), g);
            CHECK(support::furthest(vector(of_costs.data(), of_costs.data() + 5),
                                    reference::gradient(row, interpolation(-1))) < 1e-6);
            for (Eigen::Index i = 0; i < 5; ++i) nonzero += gradient.data()[i] != 0;
        }
        CHECK((lambda < 1 || nonzero > 10));
    }
}

TEST_CASE("blackbox: options, and what is refused", "[estimators][blackbox]") {
    const auto layer =
        imle::blackbox(cube_solver, 2.0, {.difference = imle::difference::central, .threads = 2});
    CHECK(layer.target().beta == 2);
    CHECK(layer.target().alpha == 1);
    CHECK(layer.target().scale_gradient);
    CHECK(layer.options().threads == 2);
    CHECK(layer.options().difference == imle::difference::central);
    for (const double lambda : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()})
        CHECK(support::says(
            support::message_of<std::invalid_argument>([&] { (void)imle::blackbox(cube_solver, lambda); }),
            {"lambda of blackbox is ", "above 0"}));
}
