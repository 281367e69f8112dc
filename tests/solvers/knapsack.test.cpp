#include <imle/solvers/knapsack.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/core/errors.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/enumerated_family.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/batches.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace knapsack_tests {

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
        const auto weight = static_cast<std::ptrdiff_t>(weights(0, i));
        const double value = theta(i);
        double* const first = best.data();
        for (double* room = first + best.size(); room-- - first > weight;) {
            const double taken = room[-weight] + value;
            if (taken > *room) *room = taken;
        }
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

// Pisinger's kinds of problems ("Where are the hard knapsack problems?", Computers & Operations Research
// 2005).
struct problem {
    std::vector<double> values, weights;
    double capacity;
};

constexpr int kinds = 12;

problem problem_of(int kind, int items, int range, unsigned seed, double fill = 0.5) {
    std::mt19937 random(seed);
    const auto between = [&](int a, int b) {
        return a + static_cast<int>(random() % static_cast<unsigned>(b - a + 1));
    };
    const auto draw = [&](int which) {
        int weight = between(1, range), value = weight;
        switch (which) {
            case 0:  // uncorrelated
                value = between(1, range);
                break;
            case 1:  // weakly correlated
                value = std::max(1, between(weight - range / 10, weight + range / 10));
                break;
            case 2:  // strongly correlated
                value = weight + range / 10;
                break;
            case 3:  // inverse strongly correlated
                weight += range / 10;
                break;
            case 4:  // almost strongly correlated
                value = weight + range / 10 + between(-range / 50, range / 50);
                break;
            case 5:  // multiple strongly correlated
                value = weight + (weight % 6 == 0 ? 3 : 2) * range / 10;
                break;
            case 6:  // profit ceiling
                value = (weight + 2) / 3 * 3;
                break;
            case 7:  // circle
                value = static_cast<int>(2.0 / 3 *
                                         std::sqrt(4.0 * range * range - std::pow(weight - 2.0 * range, 2)));
                break;
            default:  // subset sum
                break;
        }
        return std::pair(value, weight);
    };
    problem result{{}, {}, 0};
    // Spanners: multiples of two items, which are (un)correlated.
    const bool is_spanner = kind >= 9;
    const std::pair<int, int> two[2] = {draw(kind - 9), draw(kind - 9)};
    for (int i = 0; i < items; ++i) {
        const auto [value, weight] = is_spanner ? two[i % 2] : draw(kind);
        const int times = is_spanner ? between(1, 10) : 1;
        result.values.push_back(value * times);
        result.weights.push_back(weight * times);
        result.capacity += weight * times;
    }
    result.capacity = std::floor(result.capacity * fill);
    return result;
}

vector tensor_of(const std::vector<double>& values) {
    vector result(static_cast<Eigen::Index>(values.size()));
    std::copy(values.begin(), values.end(), result.data());
    return result;
}

double best_by_table(const problem& p) {
    return best_by_table(
        Eigen::Map<const Eigen::RowVectorXd>(p.weights.data(), static_cast<Eigen::Index>(p.weights.size())),
        p.capacity, tensor_of(p.values));
}

double weight_of(const std::vector<double>& z, const problem& p) {
    return std::inner_product(z.begin(), z.end(), p.weights.begin(), 0.0);
}

// The items by falling value per weight, then falling value.
problem in_order(const problem& p) {
    std::vector<std::size_t> order(p.values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const double of_a = p.values[a] / (p.weights[a] / p.capacity),
                     of_b = p.values[b] / (p.weights[b] / p.capacity);
        return of_a != of_b ? of_a > of_b : p.values[a] > p.values[b];
    });
    problem result{{}, {}, p.capacity};
    for (const std::size_t item : order) {
        result.values.push_back(p.values[item]);
        result.weights.push_back(p.weights[item]);
    }
    return result;
}

// Of the best sets the first in the lexicographic order of the items, taken before left out: by the
// textbook's table, with all of its rows.
std::vector<double> first_best_set(const problem& p) {
    const std::size_t items = p.values.size(), columns = static_cast<std::size_t>(p.capacity) + 1;
    std::vector<std::vector<double>> best(items + 1, std::vector<double>(columns, 0.0));
    for (std::size_t i = items; i-- > 0;)
        for (std::size_t room = 0; room < columns; ++room) {
            best[i][room] = best[i + 1][room];
            if (const auto weight = static_cast<std::size_t>(p.weights[i]); weight <= room)
                best[i][room] = std::max(best[i][room], best[i + 1][room - weight] + p.values[i]);
        }
    std::vector<double> z(items, 0.0);
    std::size_t room = columns - 1;
    for (std::size_t i = 0; i < items; ++i) {
        const auto weight = static_cast<std::size_t>(p.weights[i]);
        if (weight > room || best[i + 1][room - weight] + p.values[i] < best[i][room]) continue;
        z[i] = 1;
        room -= weight;
    }
    return z;
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

TEST_CASE("knapsack's core and table find the first of the best sets of all kinds of problems",
          "[solvers][knapsack]") {
    support::tally wrong_core, wrong_table, wrong_solver;
    imle::detail::knapsack_core core;  // one for all: nothing may be left over
    imle::detail::knapsack_table table;
    for (int kind = 0; kind < kinds; ++kind)
        for (unsigned seed = 0; seed < std::max(support::repeats(12U), 3U); ++seed) {
            // Small numbers for ties; more than 32 items join, so that decisions move to the history.
            const int items = 20 + 10 * static_cast<int>(seed % 6), range = seed % 2 == 0 ? 30 : 100;
            const problem p = in_order(problem_of(kind, items, range, seed, seed % 3 == 0 ? 0.2 : 0.5));
            const auto expected = first_best_set(p);
            const auto n = static_cast<std::size_t>(items);
            std::vector<double> values(p.values), weights(p.weights);
            for (double& value : values) value /= 128;
            for (double& weight : weights) weight /= 1024;
            std::vector<std::uint8_t> taken(n);
            core.start(values, weights, p.capacity / 1024);
            while (core.expand()) {
            }
            wrong_core.expect(
                core.find_best(taken) && std::equal(taken.begin(), taken.end(), expected.begin()), "kind ",
                kind, ", seed ", seed, ": ", taken, ", expected ", expected);
            const std::vector<std::uint32_t> whole(p.weights.begin(), p.weights.end());
            table.choose(p.values, whole, static_cast<std::size_t>(p.capacity), taken);
            wrong_table.expect(std::equal(taken.begin(), taken.end(), expected.begin()), "kind ", kind,
                               ", seed ", seed, ": ", taken, ", expected ", expected);
            wrong_solver.expect(
                solved(imle::knapsack{p.weights, p.capacity}, tensor_of(p.values)) == expected, "kind ", kind,
                ", seed ", seed);
        }
    CHECK(wrong_core == 0);
    CHECK(wrong_table == 0);
    CHECK(wrong_solver == 0);
}

// Small tables are filled directly, larger ones after a search, and the largest keep bits instead of values;
// of items of equal weight only so many are looked at as fit. Fractions leave all to the search and the core.
TEST_CASE("knapsack breaks ties alike on all sides of its choices of method", "[solvers][knapsack]") {
    support::tally wrong, other_choice;
    for (const int capacity : {3, 8, 63, 64, 65, 255, 256, 300})
        for (const int items : {5, 30, 63, 64, 210, 300})
            for (int trial = 0; trial < support::repeats(12); ++trial) {
                const int range = std::max(2, trial % 3 == 0 ? 4 * capacity / items : capacity / (trial % 3));
                problem p = problem_of(trial % kinds, items, range, static_cast<unsigned>(trial));
                p.capacity = capacity;
                for (double& weight : p.weights) weight = std::min(weight, 2.0 * capacity);
                // Tenths: sums of these are equal but for their rounding.
                const double unit = trial % 2 == 0 ? 1 : 0.1;
                const vector theta = tensor_of(p.values);
                const vector scaled = theta * theta.constant(unit);
                const auto z = solved(imle::knapsack{p.weights, p.capacity}, scaled);
                const double best = best_by_table(p);
                wrong.expect(weight_of(z, p) <= capacity && value_of(z, theta) == best, "capacity ", capacity,
                             ", ", items, " items, trial ", trial, ": ", value_of(z, theta), ", best ", best);
                // The core compares sums as they are rounded; a few items are left to the search.
                if (unit != 1 && items > 5) continue;
                std::vector<double> fractions(p.weights);
                for (double& weight : fractions) weight /= 0x1p30;
                const auto other = solved(imle::knapsack{fractions, capacity / 0x1p30}, scaled);
                other_choice.expect(other == z, "capacity ", capacity, ", ", items, " items, trial ", trial,
                                    ": ", z, ", fractions ", other);
            }
    CHECK(wrong == 0);
    CHECK(other_choice == 0);
}

TEST_CASE("knapsack's order: falling efficiency, then falling value, then rising index",
          "[solvers][knapsack]") {
    std::mt19937 random(8);
    imle::detail::knapsack_sort sort;  // one for all: nothing may be left over
    support::tally wrong;
    for (const std::size_t n : std::vector<std::size_t>{0, 1, 4, 5, 8, 9, 33, 200, 201, 500})
        for (int trial = 0; trial < 6; ++trial) {
            std::vector<double> values(n), efficiency(n);
            std::vector<std::uint32_t> order(n);
            std::iota(order.begin(), order.end(), std::uint32_t{0});
            if (trial < 3) std::shuffle(order.begin(), order.end(), random);
            for (std::size_t i = 0; i < n; ++i) {
                values[i] = static_cast<double>(trial < 5 ? random() % 4 : 1 + random() % 10'000);
                // Few; many; those that a float cannot tell apart or hold.
                efficiency[i] = trial % 3 == 0   ? static_cast<double>(random() % 3 + 1)
                                : trial % 3 == 1 ? static_cast<double>(random())
                                                 : (1 + static_cast<double>(random() % 8) * 0x1p-50) *
                                                       (trial < 5 && random() % 2 == 0 ? 1e-80 : 1e80);
            }
            auto expected = order;
            std::sort(expected.begin(), expected.end(), [&](std::uint32_t a, std::uint32_t b) {
                if (efficiency[a] != efficiency[b]) return efficiency[a] > efficiency[b];
                return values[a] != values[b] ? values[a] > values[b] : a < b;
            });
            sort(order, values.data(), efficiency.data());
            wrong.expect(order == expected, n, " items, trial ", trial, ": ", order, ", expected ", expected);
        }
    CHECK(wrong == 0);
}

TEST_CASE("knapsack solves all kinds of problems, as they are, with noise, and scaled",
          "[solvers][knapsack]") {
    support::tally wrong, other_choice;
    for (int kind = 0; kind < kinds; kind += kinds / support::repeats(kinds))
        for (const int mode : {0, 1, 2}) {
            problem p = problem_of(kind, 80, 1000, static_cast<unsigned>(kind + 1), mode == 0 ? 0.5 : 0.3);
            std::mt19937 random(7);
            for (double& value : p.values) {
                const double noise = -std::log(-std::log((static_cast<double>(random()) + 0.5) / 0x1p32));
                value = static_cast<float>(mode == 0 ? value : mode == 1 ? value + noise : value * 1e-3f);
            }
            const vector theta = tensor_of(p.values);
            const auto z = solved(imle::knapsack{p.weights, p.capacity}, theta);
            const double best = best_by_table(p);
            wrong.expect(weight_of(z, p) <= p.capacity && std::abs(value_of(z, theta) - best) <= 1e-12 * best,
                         "kind ", kind, ", mode ", mode, ": ", value_of(z, theta), ", best ", best);
            // By powers of two, and weights that have no table: the same choice.
            const vector larger = theta * theta.constant(0x1p40);
            other_choice.expect(solved(imle::knapsack{p.weights, p.capacity}, larger) == z, "kind ", kind,
                                ", mode ", mode, ", scaled");
            std::vector<double> fractions(p.weights);
            for (double& weight : fractions) weight /= 0x1p20;
            other_choice.expect(solved(imle::knapsack{fractions, p.capacity / 0x1p20}, theta) == z, "kind ",
                                kind, ", mode ", mode, ", fractions");
        }
    CHECK(wrong == 0);
    CHECK(other_choice == 0);
}

TEST_CASE("knapsack solves large problems of all kinds", "[solvers][knapsack][slow]") {
    support::tally wrong;
    for (int kind = 0; kind < kinds; ++kind)
        for (const int items : {200, 1000}) {
            const problem p =
                problem_of(kind, items, 10000, static_cast<unsigned>(kind), items == 200 ? 0.5 : 0.02);
            const vector theta = tensor_of(p.values);
            const auto z = solved(imle::knapsack{p.weights, p.capacity}, theta);
            wrong.expect(weight_of(z, p) <= p.capacity && value_of(z, theta) == best_by_table(p), "kind ",
                         kind, ", ", items, " items: ", value_of(z, theta));
        }
    CHECK(wrong == 0);
}

// The table takes too much memory for the undecided items, and the search would reach its limit of nodes: the
// core must go on after the table gave up.
TEST_CASE("knapsack goes on with its core where a table is too large", "[solvers][knapsack][slow]") {
    std::mt19937 random(131);
    (void)random(), (void)random();
    problem p;
    for (int i = 0; i < 1000; ++i) {  // inverse strongly correlated
        const auto value = static_cast<double>(1 + random() % 10000);
        p.values.push_back(value);
        p.weights.push_back(value + 1000);
    }
    p.capacity = 1839210;  // 0.3 of the sum
    const vector theta = tensor_of(p.values);
    const auto z = solved(imle::knapsack{p.weights, p.capacity}, theta);
    CHECK(weight_of(z, p) <= p.capacity);
    CHECK(value_of(z, theta) == 1657210);  // by the textbook's table
}

// ../shared/cases lies beside the repository on some machines: its README.md has sources and right values.
TEST_CASE("knapsack solves problems of kplib that took a search half a minute", "[solvers][knapsack]") {
    const auto best_value = [](const std::string& name) {
        std::ifstream in(std::filesystem::path(IMLE_TEST_DATA_DIR "/../../../shared/cases") / name);
        if (!in) return -1.0;
        Eigen::Index items = 0;
        double capacity = 0;
        in >> items >> capacity;
        Eigen::Tensor<double, 1> value(items), z(items);
        std::vector<double> weights(static_cast<std::size_t>(items));
        for (Eigen::Index i = 0; i < items; ++i) in >> value(i) >> weights[static_cast<std::size_t>(i)];
        REQUIRE(in);
        imle::knapsack(weights, capacity)(value, z);
        double sum = 0, weight = 0;
        for (Eigen::Index i = 0; i < items; ++i) {
            sum += z(i) * value(i);
            weight += z(i) * weights[static_cast<std::size_t>(i)];
        }
        CHECK(weight <= capacity);
        return sum;
    };
    const double circle = best_value("knapsack_circle_n100_R10000_s002.kp");
    if (circle < 0) {
        WARN("../shared/cases is not there");
        return;
    }
    CHECK(circle == 18240744);
    if (support::stride() == 1) CHECK(best_value("knapsack_strongly_n200_R10000_s000.kp") == 653200);
}

TEST_CASE("knapsack takes no item that the mask forbids", "[solvers][knapsack]") {
    std::mt19937 random(6);
    support::tally wrong;
    for (int trial = 0; trial < std::max(support::repeats(60), 24); ++trial) {
        // All ways of a solve: without items, few of one and of two dimensions, a core, a table.
        const int items = trial % 3 == 0 ? 8 : 60;
        const problem p = problem_of(trial % kinds, items, 100, static_cast<unsigned>(trial));
        const auto n = static_cast<std::size_t>(items);
        const auto allowed = std::make_unique<bool[]>(n);
        for (std::size_t i = 0; i < n; ++i) allowed[i] = trial != 0 && random() % 3 != 0;
        // The same as a problem that has the others only.
        problem rest{{}, {}, p.capacity};
        for (std::size_t i = 0; i < n; ++i) {
            if (!allowed[i]) continue;
            rest.values.push_back(p.values[i]);
            rest.weights.push_back(p.weights[i]);
        }
        const imle::solve_context context{.mask = std::span<const bool>(allowed.get(), n)};
        const bool is_plane = trial % 4 == 1 && items == 8;
        const auto made = [&](const problem& of) {
            const Eigen::Map<const Eigen::RowVectorXd> line(of.weights.data(),
                                                            static_cast<Eigen::Index>(of.weights.size()));
            if (!is_plane) return imle::knapsack{of.weights, of.capacity};
            Eigen::MatrixXd plane(2, line.size());
            plane << line, line.reverse();
            return imle::knapsack{plane, Eigen::Vector2d(of.capacity, of.capacity)};
        };
        vector z(items);
        const vector theta = tensor_of(p.values);
        auto solver = made(p);
        solver(theta, z, context);
        double value = 0;
        bool is_right = true;
        for (std::size_t i = 0; i < n; ++i) {
            is_right &= allowed[i] || z.data()[i] == 0;
            value += z.data()[i] * p.values[i];
        }
        if (!is_plane) is_right &= value == best_by_table(rest);
        wrong.expect(is_right, "trial ", trial, ": ", z, ", value ", value);
    }
    CHECK(wrong == 0);
    const bool two[2] = {true, false};
    imle::knapsack solver{std::vector<double>{1, 1, 1}, 1};
    vector theta = tensor_of({1, 2, 3}), z(3);
    CHECK_THROWS_WITH(solver(theta, z, imle::solve_context{.mask = two}),
                      mentions("mask") && mentions("of 2 values"));
    // An empty one allows all.
    solver(theta, z, imle::solve_context{});
    CHECK(z(2) == 1);
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
        CHECK_THAT(failure.what(), mentions("50 nodes") && mentions("knapsack_options::node_limit") &&
                                       mentions(".node_limit = "));
    }
    CHECK(imle::knapsack_options{}.node_limit == 10'000'000);  // a solve ends, unless told otherwise
    // It is as good as new for an easy one.
    theta.setConstant(-1);
    theta(7) = 1;
    limited(theta, z);
    CHECK(z(7) == 1);
}

TEST_CASE("knapsack says what is wrong", "[solvers][knapsack][errors]") {
    using weights = std::vector<double>;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH((imle::knapsack{weights{1, -2}, 1}),
                      mentions("-2 for item 1") && mentions("0 or more"));
    CHECK_THROWS_WITH((imle::knapsack{weights{nan}, 1}), mentions("item 0"));
    CHECK_THROWS_WITH((imle::knapsack{weights{1}, -1}), mentions("capacities") && mentions("-1"));
    CHECK_THROWS_WITH((imle::knapsack{Eigen::MatrixXd::Ones(2, 3), Eigen::VectorXd::Ones(3)}),
                      mentions("2 dimensions") && mentions("3 capacities"));
    CHECK_THROWS_WITH((imle::knapsack<4>{weights{1}, 1}), mentions("1 items"));
    vector theta = tensor_of({1, 2}), z(2), other(3);
    imle::knapsack solver{weights{1, 1}, 1};
    CHECK_THROWS_WITH(solver(theta, other), mentions("z is of shape [3]"));
    CHECK_THROWS_WITH(solver(other, other), mentions("3 numbers") && mentions("2 items"));
    theta(1) = nan;
    CHECK_THROWS_WITH(solver(theta, z), mentions("element 1"));
    theta.setConstant(std::numeric_limits<double>::max());
    CHECK_THROWS_WITH(solver(theta, z), mentions("sum to infinity"));
    STATIC_REQUIRE(std::is_same_v<decltype(solver), imle::knapsack<>>);
    STATIC_REQUIRE(imle::Solver<imle::knapsack<>, float, 2, Eigen::ColMajor>);
}

namespace {

// Problems for lanes and not: few and many items, items without weight, too heavy ones, weights that are not
// whole, and values with ties among others without.
template <class Scalar, int Layout>
support::tally wrong_knapsack_batches(int count, std::uint32_t seed) {
    const std::size_t sizes[] = {1, 2, 5, 10, 16, 40};
    return support::wrong_batches<Scalar, Layout>(
        sizes, count, seed,
        [](std::size_t items, std::mt19937& random) {
            const auto kind = random() % 6;
            const auto capacity = static_cast<double>(random() % (kind == 0 ? 400 : 60));
            std::vector<double> weights(items);
            for (double& w : weights) w = static_cast<double>(random() % 25) + (kind == 1 ? 0.3 : 0.0);
            return imle::knapsack{weights, capacity};
        },
        [](std::size_t items, std::mt19937& random) {
            const auto kind = random() % 3;
            std::vector<Scalar> theta(items);
            for (Scalar& t : theta) {
                const double u = std::uniform_real_distribution<double>(-0.5, 1)(random);
                t = static_cast<Scalar>(kind == 0 ? std::floor(6 * u) : kind == 1 ? u : 1e-30 * u);
            }
            return theta;
        });
}

}  // namespace

TEST_CASE("knapsack solves batches to the bits of single solves", "[solvers][knapsack][batch]") {
    CHECK(wrong_knapsack_batches<float, Eigen::RowMajor>(support::repeats(200), 1) == 0);
    CHECK(wrong_knapsack_batches<double, Eigen::ColMajor>(support::repeats(200), 2) == 0);
    imle::knapsack solver{std::vector<double>{1, 2, 3}, 4};
    Eigen::Tensor<double, 2, Eigen::RowMajor> thetas(4, 3), zs(4, 3), others(4, 2);
    thetas.setConstant(1);
    CHECK_THROWS_WITH(solver.solve_batch(others, others), mentions("theta is of 2 numbers"));
    thetas(2, 0) = thetas(2, 1) = std::numeric_limits<double>::max();
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs), mentions("sum to infinity"));
    thetas(3, 1) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs), mentions("element 10"));
}

}  // namespace knapsack_tests
