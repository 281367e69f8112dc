// The code of docs/concepts/solver.md.

#include <imle/concepts/solver.hpp>

#include <algorithm>
#include <cstddef>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/spanning_tree.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/check_solver.hpp>
#include <numeric>
#include <vector>

#include "support/catch.hpp"

namespace {

using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;  // [batch, n]

// [own_solver]
// 1 on the `width` neighbours with the largest sum of theta, 0 elsewhere.
struct best_window {
    Eigen::Index width;

    template <class ThetaT, class ZT>
    void operator()(const ThetaT& theta, ZT& z) const {
        Eigen::Index best = 0;
        for (Eigen::Index first = 1; first + width <= theta.size(); ++first)
            if (sum_from(theta, first) > sum_from(theta, best)) best = first;  // on ties the first
        z.setZero();
        std::fill_n(z.data() + best, width, 1);
    }

    template <class ThetaT>
    double sum_from(const ThetaT& theta, Eigen::Index first) const {
        return std::accumulate(theta.data() + first, theta.data() + first + width, 0.0);
    }
};
// [/own_solver]

// [returning_solver]
constexpr auto best_pair = [](const auto& theta) {
    Eigen::Tensor<float, 1, Eigen::RowMajor> z(theta.dimensions());
    best_window{2}(theta, z);
    return z;
};
// [/returning_solver]

// [context]
// The best seat that is still free in the instance's hall.
struct best_free_seat {
    std::vector<std::vector<bool>> taken;  // [instance][seat]

    template <class ThetaT, class ZT>
    void operator()(const ThetaT& theta, ZT& z, const imle::solve_context& context) const {
        const std::vector<bool>& hall = taken.at(context.instance);
        Eigen::Index best = -1;
        for (Eigen::Index seat = 0; seat < theta.size(); ++seat)
            if (!hall[static_cast<std::size_t>(seat)] && (best < 0 || theta(seat) > theta(best))) best = seat;
        z.setZero();
        if (best >= 0) z(best) = 1;
    }
};
// [/context]

// [batch]
// 1 where theta is positive: the best answer over all 0/1 vectors, a whole batch in one expression.
struct positive_part {
    template <class ThetaT, class ZT>
    void operator()(const ThetaT& theta, ZT& z) const {
        using Scalar = typename ZT::Scalar;
        z = (theta > Scalar(0)).template cast<Scalar>();
    }
    template <class ThetasT, class ZsT>
    void solve_batch(const ThetasT& thetas, ZsT& zs) const {
        (*this)(thetas, zs);
    }
};
// [/batch]

}  // namespace

static_assert(imle::Solver<best_window, float, 1, Eigen::RowMajor>);
static_assert(imle::Solver<decltype(best_pair), float, 1, Eigen::RowMajor>);
static_assert(imle::Solver<best_free_seat, float, 1, Eigen::RowMajor>);
static_assert(imle::BatchSolver<positive_part, double, 2, Eigen::ColMajor>);

TEST_CASE("docs: an own solver, and one that returns its answer", "[docs]") {
    matrix theta(1, 5), expected(1, 5);
    theta.setValues({{0, 3, 2, -1, 4}});
    expected.setValues({{0, 1, 1, 0, 0}});
    const auto solve = [&](auto solver) {
        imle::imle_layer layer{solver, imle::no_noise{}, imle::perturbation_target{}};
        const matrix z = layer.forward(theta, imle::random_key{0}).marginals();
        return std::equal(z.data(), z.data() + z.size(), expected.data());
    };
    CHECK(solve(best_window{2}));
    CHECK(solve(best_pair));
}

TEST_CASE("docs: a solver that knows its instance", "[docs]") {
    matrix theta(2, 3);
    theta.setValues({{3, 2, 1}, {3, 2, 1}});
    const best_free_seat solver{{{false, false, false}, {true, false, false}}};
    imle::imle_layer layer{solver, imle::no_noise{}, imle::perturbation_target{}};
    const matrix z = layer.forward(theta, imle::random_key{0}).marginals();
    CHECK(z(0, 0) == 1);
    CHECK(z(1, 0) == 0);
    CHECK(z(1, 1) == 1);
}

TEST_CASE("docs: a solver that minimises", "[docs]") {
    // [minimizing]
    // The cheapest of n offers.
    const auto solver = imle::minimizing([](const auto& cost, auto& z) {
        const auto cheapest = std::min_element(cost.data(), cost.data() + cost.size()) - cost.data();
        z.setZero();
        z(cheapest) = 1;
    });
    // [/minimizing]
    matrix cost(1, 3), dz(1, 3);
    cost.setValues({{5, 1, 3}});
    dz.setValues({{0, 0, -1}});  // more of the third offer would lower the loss
    imle::imle_layer layer{solver, imle::no_noise{}, imle::perturbation_target{.beta = 10}};
    const auto pass = layer.forward(cost, imle::random_key{0});
    CHECK(pass.marginals()(0, 1) == 1);
    const matrix gradient = layer.vjp(pass, dz);
    CHECK(gradient(0, 2) == 1);  // so its cost is to fall
    CHECK(gradient(0, 1) == -1);
}

TEST_CASE("docs: a solver of the library that minimises", "[docs]") {
    // [lightest]
    // The tree of least cost.
    const auto lightest = imle::minimizing(imle::spanning_tree{3, {{0, 1}, {0, 2}, {1, 2}}});
    // [/lightest]
    matrix cost(1, 3), dz(1, 3);
    cost.setValues({{5, 1, 3}});
    dz.setValues({{-1, 0, 0}});
    imle::imle_layer layer{lightest, imle::no_noise{}, imle::perturbation_target{.beta = 10}};
    const auto pass = layer.forward(cost, imle::random_key{0});
    const matrix z = pass.marginals(), gradient = layer.vjp(pass, dz);
    CHECK((z(0, 0) == 0 && z(0, 1) == 1 && z(0, 2) == 1));
    CHECK((gradient(0, 0) == 1 && gradient(0, 1) == 0 && gradient(0, 2) == -1));
}

TEST_CASE("docs: the laws of an own solver", "[docs]") {
    // [check]
    // All windows of 3 in 6 numbers.
    const imle::testing::enumerated_family<1> windows(
        "windows of 3 in 6", {6},
        {{1, 1, 1, 0, 0, 0}, {0, 1, 1, 1, 0, 0}, {0, 0, 1, 1, 1, 0}, {0, 0, 0, 1, 1, 1}});
    const imle::testing::law_report report = imle::testing::check_solver<float>(best_window{3}, windows);
    CHECK(report.passed());
    // [/check]
    INFO(report);
    CHECK(report.trials("monotone") > 100);
    // A window of another width is not one of the states.
    CHECK(imle::testing::check_solver<float>(best_window{2}, windows).broken("z is a state"));
}

TEST_CASE("docs: the laws of a solver of batches", "[docs]") {
    std::vector<std::vector<double>> cube;
    for (int s = 0; s < 8; ++s)
        cube.push_back(
            {static_cast<double>(s & 1), static_cast<double>(s >> 1 & 1), static_cast<double>(s >> 2)});
    const imle::testing::enumerated_family<1> family("the cube", {3}, cube);
    const auto report = imle::testing::check_solver<double>(positive_part{}, family);
    INFO(report);
    CHECK(report.passed());
    CHECK(report.trials("solve_batch gives the bits of single solves") > 0);
}
