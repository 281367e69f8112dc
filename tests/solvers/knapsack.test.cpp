#include <imle/solvers/knapsack.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/core/errors.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/enumerated_family.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"

namespace {

// Not by Eigen's sum: in AVX-512's header g++ 12 sees a variable that is not initialised.
double total(const Eigen::MatrixXd& numbers) {
    return std::accumulate(numbers.data(), numbers.data() + numbers.size(), 0.0);
}

using vector = Eigen::Tensor<double, 1, Eigen::RowMajor>;

vector tensor_of(std::initializer_list<double> values) {
    vector result(static_cast<Eigen::Index>(values.size()));
    std::copy(values.begin(), values.end(), result.data());
    return result;
}

template <class SolverT>
std::vector<double> solved(SolverT solver, const vector& theta) {
    vector z(theta.size());
    z.setConstant(-1);
    solver(theta, z);
    return {z.data(), z.data() + z.size()};
}

double value_of(const std::vector<double>& z, const vector& theta) {
    double sum = 0;
    for (std::size_t i = 0; i < z.size(); ++i) sum += z[i] * theta(static_cast<Eigen::Index>(i));
    return sum;
}

// Integers: sums are exact, so that a set is feasible or not whatever the order of its sum.
bool is_feasible(const std::vector<double>& z, const Eigen::MatrixXd& weights,
                 const Eigen::VectorXd& capacities) {
    const Eigen::Map<const Eigen::VectorXd> taken(z.data(), static_cast<Eigen::Index>(z.size()));
    return ((weights * taken).array() <= capacities.array()).all();
}

// All feasible sets.
std::vector<std::vector<double>> feasible_sets(const Eigen::MatrixXd& weights,
                                               const Eigen::VectorXd& capacities) {
    std::vector<std::vector<double>> sets;
    const auto n = static_cast<std::size_t>(weights.cols());
    for (std::size_t s = 0; s < std::size_t{1} << n; ++s) {
        std::vector<double> z(n);
        for (std::size_t i = 0; i < n; ++i) z[i] = static_cast<double>(s >> i & 1u);
        if (is_feasible(z, weights, capacities)) sets.push_back(z);
    }
    return sets;
}

// The oracle for one dimension of integers: the textbook's table of values.
double best_by_table(const Eigen::MatrixXd& weights, double capacity, const vector& theta) {
    std::vector<double> best(static_cast<std::size_t>(capacity) + 1, 0);
    for (Eigen::Index i = 0; i < weights.cols(); ++i) {
        const auto weight = static_cast<std::size_t>(weights(0, i));
        for (std::size_t room = best.size(); room-- > weight;)
            best[room] = std::max(best[room], best[room - weight] + theta(i));
    }
    return best.back();
}

Eigen::MatrixXd random_weights(Eigen::Index dimensions, Eigen::Index items, int largest,
                               std::mt19937& random) {
    Eigen::MatrixXd weights(dimensions, items);
    for (Eigen::Index i = 0; i < weights.size(); ++i)
        weights.data()[i] = static_cast<double>(random() % static_cast<unsigned>(largest + 1));
    return weights;
}

}  // namespace

TEST_CASE("knapsack is the best of all feasible sets", "[solvers][knapsack]") {
    std::mt19937 random(1);
    support::tally wrong;
    for (int trial = 0; trial < 400; ++trial) {
        const auto items = static_cast<Eigen::Index>(random() % 10),
                   dimensions = static_cast<Eigen::Index>(random() % 4);
        const Eigen::MatrixXd weights = random_weights(dimensions, items, trial % 2 == 0 ? 3 : 50, random);
        Eigen::VectorXd capacities(dimensions);
        for (Eigen::Index d = 0; d < dimensions; ++d) {
            double sum = 0;  // by hand: a row of no items is undefined behaviour inside Eigen
            for (Eigen::Index i = 0; i < weights.cols(); ++i) sum += weights(d, i);
            capacities(d) = std::floor(sum * static_cast<double>(random() % 12) / 10);
        }
        vector theta(items);
        for (Eigen::Index i = 0; i < items; ++i)
            theta(i) = trial % 3 == 0 ? static_cast<double>(random() % 4) - 1  // ties
                                      : static_cast<double>(random()) / 4e9 - 0.2;
        const auto z = solved(imle::knapsack{weights, capacities}, theta);
        double best = 0;
        for (const auto& set : feasible_sets(weights, capacities))
            best = std::max(best, value_of(set, theta));
        bool right = is_feasible(z, weights, capacities) && std::abs(value_of(z, theta) - best) < 1e-12;
        for (Eigen::Index i = 0; i < items; ++i) right &= theta(i) > 0 || z[static_cast<std::size_t>(i)] == 0;
        wrong.expect(right, "weights ", weights, ", capacities ", capacities, ", theta ", theta, ": ", z,
                     ", best ", best);
    }
    CHECK(wrong == 0);
}

TEST_CASE("knapsack's search and its table agree with a textbook's table", "[solvers][knapsack]") {
    // Values close to the weights make the search give up, and the table take over.
    std::mt19937 random(2);
    support::tally wrong, other_choice;
    for (int trial = 0; trial < 60; ++trial) {
        const Eigen::Index items = 20 + trial;
        const Eigen::MatrixXd weights = (random_weights(1, items, 99, random).array() + 1).matrix();
        const double capacity = std::floor(total(weights) / 2);
        vector theta(items);
        for (Eigen::Index i = 0; i < items; ++i)
            theta(i) = weights(0, i) + (trial % 2 == 0 ? 10.0 : static_cast<double>(random() % 30));
        const Eigen::VectorXd capacities = Eigen::VectorXd::Constant(1, capacity);
        const auto z = solved(imle::knapsack{weights, capacities}, theta);
        wrong.expect(is_feasible(z, weights, capacities) &&
                         value_of(z, theta) == best_by_table(weights, capacity, theta),
                     "weights ", weights, ", capacity ", capacity, ", theta ", theta, ": ", z);
        // Fractions leave all of it to the search, and multiples of 3 have the same table: ties are broken
        // alike.
        if (items > 32) continue;
        Eigen::MatrixXd fractions = weights / 128;
        other_choice.expect(solved(imle::knapsack{fractions, capacities / 128}, theta) == z, items,
                            " fractions: weights ", weights, ", theta ", theta);
        other_choice.expect(solved(imle::knapsack{weights * 3, capacities * 3}, theta) == z, items,
                            " multiples: weights ", weights, ", theta ", theta);
    }
    CHECK(wrong == 0);
    CHECK(other_choice == 0);
}

TEST_CASE("knapsack obeys the laws of a solver", "[solvers][knapsack]") {
    std::mt19937 random(3);
    const Eigen::MatrixXd one = random_weights(1, 6, 9, random), two = random_weights(2, 6, 9, random);
    const Eigen::VectorXd half = one.rowwise().sum() / 2, halves = two.rowwise().sum() / 2;
    const auto line = imle::testing::check_solver<float>(
        imle::knapsack{one, half},
        imle::testing::enumerated_family<1>("a knapsack", {6}, feasible_sets(one, half)));
    INFO(line);
    CHECK(line.passed());
    const auto plane = imle::testing::check_solver<double>(
        imle::knapsack{two, halves},
        imle::testing::enumerated_family<1>("a knapsack of two dimensions", {6}, feasible_sets(two, halves)));
    INFO(plane);
    CHECK(plane.passed());
}

TEST_CASE("knapsack's ties: the items of most value per weight, then of most value, then in front",
          "[solvers][knapsack]") {
    using z = std::vector<double>;
    CHECK(solved(imle::knapsack{std::vector<double>(5, 2), 4}, tensor_of({1, 1, 1, 1, 1})) ==
          z{1, 1, 0, 0, 0});
    // 4 for a weight of 4: as one item, or as two.
    CHECK(solved(imle::knapsack{std::vector<double>{2, 2, 4}, 4}, tensor_of({2, 2, 4})) == z{0, 0, 1});
    // Equal in value and weight, many of them, and nothing fills the knapsack: not tried in all ways.
    // (Fractions, since integers would have a table.)
    const std::vector<double> weights(60, 3.25);
    vector theta(60);
    theta.setConstant(0.1);
    for (const double capacity : {19.5, 22.0}) {
        auto chosen = solved(imle::knapsack{weights, capacity, {.node_limit = 100}}, theta);
        CHECK(std::count(chosen.begin(), chosen.begin() + 6, 1) == 6);
        CHECK(std::count(chosen.begin(), chosen.end(), 1) == 6);
    }
}

TEST_CASE("knapsack at the edges", "[solvers][knapsack]") {
    using z = std::vector<double>;
    using weights = std::vector<double>;
    CHECK(solved(imle::knapsack{weights{}, 1}, vector(0)).empty());
    CHECK(solved(imle::knapsack{weights{2}, 2}, tensor_of({1})) == z{1});
    CHECK(solved(imle::knapsack{weights{2}, 1}, tensor_of({1})) == z{0});
    // No room; items without weight are taken all the same, unless they are worth nothing.
    CHECK(solved(imle::knapsack{weights{1, 0, 0, 0}, 0}, tensor_of({9, 1, 0, -1})) == z{0, 1, 0, 0});
    CHECK(solved(imle::knapsack{weights{5, 0, 6, 1}, 4}, tensor_of({9, 1, 9, 1})) == z{0, 1, 0, 1});
    // No dimension: no constraint.
    CHECK(solved(imle::knapsack{Eigen::MatrixXd(0, 3), Eigen::VectorXd(0)}, tensor_of({1, -1, 2})) ==
          z{1, 0, 1});
    // A sum of decimal fractions fills the capacity, though not to the bit.
    CHECK(solved(imle::knapsack{weights{0.1, 0.2, 0.1}, 0.3}, tensor_of({1, 3, 1})) == z{1, 1, 0});
    // Values and weights of all sizes.
    CHECK(solved(imle::knapsack{weights{1e-30, 1e30, 2e30, 1e-30}, 2e30},
                 tensor_of({1e30, 1e-30, 1, 1e-30})) == z{1, 0, 1, 1});
    CHECK(solved(imle::knapsack{weights{1e-300, 1, 1}, 1}, tensor_of({1e300, 2e300, 1e300})) == z{1, 1, 0});
    // Denormal values.
    constexpr double tiny = std::numeric_limits<double>::denorm_min();
    const vector few = tensor_of({5 * tiny, 4 * tiny, 3 * tiny, 3 * tiny, 3 * tiny});
    CHECK(solved(imle::knapsack{weights{0.7, 0.9, 0.25, 0.25, 0.25}, 0.9}, few) == z{0, 0, 1, 1, 1});
    // Two weights whose sum overflows do not fit.
    constexpr double most = std::numeric_limits<double>::max();
    CHECK(solved(imle::knapsack{weights{most, most}, most}, tensor_of({1, 2})) == z{0, 1});
}

TEST_CASE("knapsack's search ends at a set that fills the knapsack", "[solvers][knapsack]") {
    // Values that are the weights: a full knapsack is the best there is. Thirds leave all to the search.
    std::mt19937 random(5);
    support::tally unfinished;
    for (int trial = 0; trial < 50; ++trial) {
        const Eigen::MatrixXd weights = (random_weights(1, 40, 59, random).array() + 1).matrix() / 3;
        vector theta(40), z(40);
        for (Eigen::Index i = 0; i < 40; ++i) theta(i) = weights(0, i);
        const Eigen::VectorXd capacity = Eigen::VectorXd::Constant(1, std::floor(total(weights) / 2 * 3) / 3);
        imle::knapsack solver{weights, capacity, {.node_limit = 10000}};
        try {
            solver(theta, z);
            unfinished.expect(true);
        } catch (const imle::solve_failure& failure) {
            unfinished.expect(false, "trial ", trial, ": ", failure.what());
        }
    }
    CHECK(unfinished == 0);
}

TEST_CASE("knapsack's node limit", "[solvers][knapsack][errors]") {
    // Two dimensions, so no table; values close to the weights, so a long search.
    std::mt19937 random(4);
    const Eigen::MatrixXd weights = (random_weights(2, 40, 99, random).array() + 1).matrix();
    const Eigen::VectorXd capacities = weights.rowwise().sum() / 2;
    vector theta(40), z(40);
    for (Eigen::Index i = 0; i < 40; ++i) theta(i) = total(weights.col(i)) + 10;
    imle::knapsack limited{weights, capacities, {.node_limit = 50}};
    try {
        limited(theta, z);
        FAIL("no exception");
    } catch (const imle::solve_failure& failure) {
        CHECK(failure.status() == imle::solve_status::time_limit);
        CHECK_THAT(failure.what(), Catch::Matchers::Contains("50 nodes") &&
                                       Catch::Matchers::Contains("knapsack_options::node_limit"));
    }
    // It is as good as new for an easy one.
    theta.setConstant(-1);
    theta(7) = 1;
    limited(theta, z);
    CHECK(z(7) == 1);
}

TEST_CASE("knapsack says what is wrong", "[solvers][knapsack][errors]") {
    using Catch::Matchers::Contains;
    using weights = std::vector<double>;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH((imle::knapsack{weights{1, -2}, 1}),
                      Contains("-2 for item 1") && Contains("0 or more"));
    CHECK_THROWS_WITH((imle::knapsack{weights{nan}, 1}), Contains("item 0"));
    CHECK_THROWS_WITH((imle::knapsack{weights{1}, -1}), Contains("capacities") && Contains("-1"));
    CHECK_THROWS_WITH((imle::knapsack{Eigen::MatrixXd::Ones(2, 3), Eigen::VectorXd::Ones(3)}),
                      Contains("2 dimensions") && Contains("3 capacities"));
    CHECK_THROWS_WITH((imle::knapsack<4>{weights{1}, 1}), Contains("1 items"));
    vector theta = tensor_of({1, 2}), z(2), other(3);
    imle::knapsack solver{weights{1, 1}, 1};
    CHECK_THROWS_WITH(solver(theta, other), Contains("z is of shape [3]"));
    CHECK_THROWS_WITH(solver(other, other), Contains("3 numbers") && Contains("2 items"));
    theta(1) = nan;
    CHECK_THROWS_WITH(solver(theta, z), Contains("element 1"));
    theta.setConstant(std::numeric_limits<double>::max());
    CHECK_THROWS_WITH(solver(theta, z), Contains("sum to infinity"));
    STATIC_REQUIRE(std::is_same_v<decltype(solver), imle::knapsack<>>);
    STATIC_REQUIRE(imle::Solver<imle::knapsack<>, float, 2, Eigen::ColMajor>);
}
