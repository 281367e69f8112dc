// The code of docs/concepts/solver.md.

#include <imle/concepts/solver.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/per_instance.hpp>
#include <imle/solvers/spanning_tree.hpp>
#include <imle/solvers/top_k.hpp>
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
// The best seat that is still free.
struct best_free_seat {
    template <class ThetaT, class ZT>
    imle::solve_status operator()(const ThetaT& theta, ZT& z, const imle::solve_context& context) const {
        Eigen::Index best = -1;
        for (Eigen::Index seat = 0; seat < theta.size(); ++seat)
            if (context.allows(seat) && (best < 0 || theta(seat) > theta(best))) best = seat;
        z.setZero();
        if (best < 0) return imle::solve_status::infeasible;
        z(best) = 1;
        return imle::solve_status::solved;
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

TEST_CASE("docs: your own solver, and one that returns its answer", "[docs]") {
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

TEST_CASE("docs: a solver that respects a mask", "[docs]") {
    Eigen::Tensor<float, 1, Eigen::RowMajor> theta(3), z(3);
    theta.setValues({3, 2, 1});
    const bool free[] = {false, true, true}, none[] = {false, false, false};
    CHECK(best_free_seat{}(theta, z, imle::solve_context{}) == imle::solve_status::solved);
    CHECK(z(0) == 1);
    CHECK(best_free_seat{}(theta, z, imle::solve_context{.mask = free}) == imle::solve_status::solved);
    CHECK((z(0) == 0 && z(1) == 1));
    CHECK(best_free_seat{}(theta, z, imle::solve_context{.mask = none}) == imle::solve_status::infeasible);
}

TEST_CASE("docs: another solver for each instance", "[docs]") {
    // [per_instance]
    // Row 0 has 1 winner, row 1 has 3, row 2 has 2.
    imle::per_instance podium(std::vector{imle::top_k{1}, imle::top_k{3}, imle::top_k{2}});
    // The same, made when they are needed.
    const std::vector<Eigen::Index> winners{1, 3, 2};
    imle::per_instance made([winners](std::uint64_t id) { return imle::top_k{winners.at(id)}; });
    // [/per_instance]
    matrix theta(3, 4), expected(3, 4);
    theta.setValues({{1, 4, 3, 2}, {1, 4, 3, 2}, {1, 4, 3, 2}});
    expected.setValues({{0, 1, 0, 0}, {0, 1, 1, 1}, {0, 1, 1, 0}});
    const auto solve = [&](auto solver) {
        imle::imle_layer layer{solver, imle::no_noise{}, imle::perturbation_target{}};
        const matrix z = layer.forward(theta, imle::random_key{0}).marginals();
        return std::equal(z.data(), z.data() + z.size(), expected.data());
    };
    CHECK(solve(podium));
    CHECK(solve(made));
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

TEST_CASE("docs: the laws of your own solver", "[docs]") {
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
