// The searches behind integer_program: what happens after the depth-first search's few nodes, in CBC's first
// run and after it started afresh.

#include <imle/adapters/cbc.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/messages.hpp"

namespace cbc_searches {

using numbers = Eigen::Tensor<double, 1, Eigen::RowMajor>;
using imle::solve_status;
constexpr double infinite = std::numeric_limits<double>::infinity();

/// Split items evenly in several respects at once ("market split"): x is 0 or 1, and each row's miss |W x -
/// c| costs 1 a unit, by two continuous variables. Its relaxation misses nothing, so bounds are of little
/// use; given x, the misses are known, so the optimum is the best of 2^items.
struct split {
    Eigen::MatrixXd weights;  // [rows, items]
    Eigen::VectorXd goals;    // [rows]
    numbers theta;            // [items]

    split(int rows, int items, unsigned seed) : weights(rows, items), theta(items) {
        std::mt19937 random(seed);
        for (Eigen::Index k = 0; k < weights.size(); ++k)
            weights.data()[k] = static_cast<double>(1 + random() % 40);
        goals = (weights.rowwise().sum() / 2).array().floor();
        std::uniform_real_distribution<double> uniform(-1, 1);
        for (Eigen::Index j = 0; j < items; ++j) theta(j) = uniform(random);
    }
    [[nodiscard]] Eigen::Index items() const { return weights.cols(); }
    [[nodiscard]] Eigen::Index rows() const { return weights.rows(); }

    /// most_missed: the largest miss that is allowed.
    [[nodiscard]] imle::integer_program_options options(const imle::integer_program_limits& limits = {},
                                                        double most_missed = infinite) const {
        imle::integer_program_options result;
        const Eigen::Index variables = items() + 2 * rows();
        result.row_lower = goals;
        result.upper = Eigen::VectorXd::Ones(variables);
        result.upper.tail(2 * rows()).setConstant(most_missed);
        result.integer.assign(static_cast<std::size_t>(variables), false);
        result.fixed = Eigen::VectorXd::Zero(variables);
        result.fixed.tail(2 * rows()).setOnes();
        for (Eigen::Index j = 0; j < items(); ++j) {
            result.integer[static_cast<std::size_t>(j)] = true;
            result.decisions.push_back(j);
        }
        result.limits = limits;
        return result;
    }
    /// [W, I, -I]
    [[nodiscard]] Eigen::MatrixXd matrix() const {
        Eigen::MatrixXd a(rows(), items() + 2 * rows());
        a << weights, Eigen::MatrixXd::Identity(rows(), rows()), -Eigen::MatrixXd::Identity(rows(), rows());
        return a;
    }
    [[nodiscard]] double value(const numbers& x) const {
        double sum = 0;
        for (Eigen::Index j = 0; j < items(); ++j) sum += theta(j) * x(j);
        for (Eigen::Index i = 0; i < rows(); ++i) {
            double miss = -goals(i);
            for (Eigen::Index j = 0; j < items(); ++j) miss += weights(i, j) * x(j);
            sum -= std::abs(miss);
        }
        return sum;
    }
    [[nodiscard]] numbers best() const {
        numbers x(items()), result(items());
        double highest = -infinite;
        for (unsigned set = 0; set < 1u << items(); ++set) {
            for (Eigen::Index j = 0; j < items(); ++j) x(j) = set >> j & 1u;
            const double reached = value(x);
            if (reached > highest) highest = reached, result = x;
        }
        return result;
    }
};

struct outcome {
    solve_status status;
    numbers z;
};
outcome solve(imle::integer_program& solver, const numbers& theta) {
    outcome result{solve_status::solved, numbers(theta.size())};
    result.z.setConstant(-1);
    try {
        result.status = solver(theta, result.z);
    } catch (const imle::solve_failure& failure) {
        result.status = failure.status();
    }
    return result;
}
solve_status status_of(const imle::integer_program& original, const numbers& theta) {
    imle::integer_program solver(original);
    return solve(solver, theta).status;
}
bool same(const numbers& a, const numbers& b) {
    return std::equal(a.data(), a.data() + a.size(), b.data());
}

/// CBC alone, without the depth-first search before it.
struct cbc_alone {
    imle::detail::program_data program;
    std::vector<double> costs;
    imle::detail::search_budget budget;
    imle::detail::incumbent best{program, costs};
    imle::detail::search_end end;

    cbc_alone(imle::detail::program_data p, std::vector<double> c, const imle::integer_program_limits& limits)
        : program(std::move(p)), costs(std::move(c)), budget(limits) {
        ClpSimplex model;
        model.setLogLevel(0);
        model.setPrimalTolerance(imle::detail::program_tolerance);
        model.setDualTolerance(imle::detail::program_tolerance);
        const auto finite = [](Eigen::VectorXd bounds) -> Eigen::VectorXd {
            return bounds.cwiseMin(COIN_DBL_MAX).cwiseMax(-COIN_DBL_MAX);
        };
        model.loadProblem(program.variables(), program.row_count(), program.rows.outerIndexPtr(),
                          program.rows.innerIndexPtr(), program.rows.valuePtr(), finite(program.lower).data(),
                          finite(program.upper).data(), costs.data(), finite(program.row_lower).data(),
                          finite(program.row_upper).data());
        end = imle::detail::search_by_cbc(model, program, {}, budget, best);
    }
    cbc_alone(const split& s, const imle::integer_program_limits& limits)
        : cbc_alone(imle::detail::make_program(s.matrix().sparseView(1, 0), s.goals, s.options()),
                    costs_of(s), limits) {}
    /// Their largest is 1, as the solver scales them.
    static std::vector<double> costs_of(const split& s) {
        std::vector<double> result(static_cast<std::size_t>(s.items() + 2 * s.rows()), 1.0);
        std::transform(s.theta.data(), s.theta.data() + s.theta.size(), result.begin(),
                       [](double t) { return -t; });
        return result;
    }
};

}  // namespace cbc_searches

using namespace cbc_searches;

TEST_CASE("integer_program: a long mixed-integer search ends at the best x, on any thread",
          "[adapters][cbc][draws]") {
    // 227 nodes depth first, 50 by CBC, some 60 after it has started afresh.
    const split s(3, 13, 6);
    imle::integer_program solver(s.matrix(), s.goals, s.options());
    std::array<imle::integer_program, 2> copies{solver, solver};
    std::array<outcome, 2> outcomes;
    std::array<std::thread, 2> threads;
    for (std::size_t k = 0; k < 2; ++k)
        threads[k] = std::thread([&, k] { outcomes[k] = solve(copies[k], s.theta); });
    for (std::thread& thread : threads) thread.join();
    const numbers best = s.best();
    for (const outcome& o : outcomes) {
        CHECK(o.status == solve_status::solved);
        CHECK(same(o.z, best));
    }

    // A few of CBC's nodes: an answer, which is no worse than after the depth-first search alone.
    const auto within = [&](std::int64_t nodes) {
        imle::integer_program limited(s.matrix(), s.goals,
                                      s.options({.nodes = nodes, .accept_incumbent = true}));
        outcome o = solve(limited, s.theta);
        CHECK(o.status == solve_status::not_proven);
        return s.value(o.z);
    };
    const double before = within(227), after = within(247);
    CHECK(before <= after);
    CHECK(after <= s.value(best));
}

TEST_CASE("CBC's search that starts afresh keeps its limits and the best x", "[adapters][cbc]") {
    constexpr std::int64_t many = 100'000;
    const split s(2, 12, 21);
    const numbers best = s.best();
    const auto value_of = [&](const cbc_alone& search) {
        REQUIRE(search.best.found());
        numbers x(s.items());
        std::copy_n(search.best.state().data(), x.size(), x.data());
        CHECK(s.value(x) == Approx(-search.best.cost()));
        return -search.best.cost();
    };
    const cbc_alone whole(s, {.nodes = many});
    CHECK(whole.end == imle::detail::search_end::finished);
    CHECK(value_of(whole) == Approx(s.value(best)));
    const std::int64_t nodes = many - whole.budget.nodes_left();
    CHECK(nodes > 55);  // otherwise it did not start afresh, and another split must be found

    double last = -infinite;
    for (const std::int64_t few : {std::int64_t{50}, std::int64_t{51}, nodes - 5}) {
        INFO(few << " of " << nodes << " nodes");
        const cbc_alone search(s, {.nodes = few});
        CHECK(search.end == imle::detail::search_end::limit);
        CHECK(search.budget.nodes_left() == 0);
        const double reached = value_of(search);
        CHECK(reached >= last);
        last = reached;
    }
    CHECK(last <= s.value(best) + 1e-9);
}

TEST_CASE("CBC's search that starts afresh keeps the limit of seconds", "[adapters][cbc]") {
    // The first run takes 0.2 to 0.3 s, both some 2 to 4 s; on a slow machine this may see the first one
    // alone.
    const split s(3, 18, 1);
    const auto start = std::chrono::steady_clock::now();
    const cbc_alone search(s, {.seconds = 0.4});
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    CHECK(search.end == imle::detail::search_end::limit);
    CHECK(seconds < 3);
}

TEST_CASE("integer_program: what is infeasible or unbounded after many nodes",
          "[adapters][cbc][errors][draws]") {
    // All weights are even and the goal is odd, so the least miss is 1.
    split s(1, 12, 1);
    s.weights *= 2;
    s.goals = 2 * s.goals.array() + 1;
    // With a variable that has no bound and a gain, the relaxation is unbounded.
    const auto outcome_within = [&](std::int64_t nodes, double most_missed) {
        imle::integer_program_options options = s.options({.nodes = nodes}, most_missed);
        const Eigen::Index variables = options.upper.size();
        Eigen::MatrixXd a = s.matrix();
        a.conservativeResize(Eigen::NoChange, variables + 1);
        a.rightCols(1).setZero();
        options.upper.conservativeResize(variables + 1);
        options.upper(variables) = infinite;
        options.fixed.conservativeResize(variables + 1);
        options.fixed(variables) = -1;
        options.integer.push_back(false);
        return status_of({a, s.goals, options}, s.theta);
    };
    CHECK(outcome_within(100'000, 0.9) == solve_status::infeasible);
    CHECK(outcome_within(60, 0.9) == solve_status::time_limit);
    CHECK(outcome_within(100'000, 1e4) == solve_status::unbounded);
}

TEST_CASE("integer_program: large coefficients of integers do not hide the best x", "[adapters][cbc]") {
    // Machine i costs setups[i] and makes up to 5 units, worth gains[i] each; 9 units are sold. y_i <= M x_i.
    const std::array<double, 4> setups{0.6, 1.05, 1.65, 0.45}, gains{0.5, 0.55, 0.65, 0.35};
    double best = infinite;
    for (unsigned set = 0; set < 16; ++set) {
        double left = 9, cost = 0;
        for (const std::size_t i :
             {std::size_t{2}, std::size_t{1}, std::size_t{0}, std::size_t{3}})  // by gain
            if (set >> i & 1u) {
                const double made = std::min(5.0, left);
                left -= made;
                cost += setups[i] - gains[i] * made;
            }
        best = std::min(best, cost);
    }
    for (const double m : {10.0, 1e6, 1e7, 1e8})
        for (const bool is_mixed : {false, true}) {
            INFO("M = " << m << (is_mixed ? ", y continuous" : ", y integer"));
            Eigen::MatrixXd a = Eigen::MatrixXd::Zero(5, 8);
            imle::integer_program_options options{.upper = Eigen::VectorXd::Constant(8, 5)};
            std::vector<double> costs(8);
            for (std::size_t i = 0; i < 4; ++i) {
                const auto row = static_cast<Eigen::Index>(i);
                a(row, 2 * row) = -m;
                a(row, 2 * row + 1) = a(4, 2 * row + 1) = 1;
                options.upper(2 * row) = 1;
                options.integer.push_back(true);
                options.integer.push_back(!is_mixed);
                costs[2 * i] = setups[i];
                costs[2 * i + 1] = -gains[i];
            }
            Eigen::VectorXd b = Eigen::VectorXd::Zero(5);
            b(4) = 9;
            const auto program = imle::detail::make_program(a.sparseView(1, 0), b, options);
            CHECK(cbc_alone(program, costs, {}).best.cost() == Approx(best));
            imle::detail::program_solver solver(std::make_shared<const imle::detail::program_data>(program),
                                                {});
            CHECK(solver.minimize(costs) == solve_status::solved);
            double cost = 0;
            for (std::size_t j = 0; j < 8; ++j) cost += costs[j] * solver.state()[j];
            CHECK(cost == Approx(best));
        }

    // Beyond that CLP's own tolerance hides it: an error, not a wrong answer.
    Eigen::MatrixXd row(1, 2);
    row << -1e10, 1;
    const imle::integer_program_options both{.upper = Eigen::Vector2d(1, 5), .integer = {true, false}};
    CHECK(support::says(support::message_of<std::invalid_argument>(
                            [&] { imle::integer_program(row, Eigen::VectorXd::Zero(1), both); }),
                        {"A of integer_program", "1e+10 times", "at most 1e8"}));
    // Of a continuous variable it may be large. CLP is in trouble at the first node there, CBC is not.
    imle::integer_program_options options{.upper = Eigen::Vector2d(1, 5), .integer = {false, true}};
    numbers theta(2);
    theta.setValues({-1, 1});
    CHECK(status_of({row, Eigen::VectorXd::Zero(1), options}, theta) == solve_status::solved);
    options.limits.nodes = 1;
    CHECK(status_of({row, Eigen::VectorXd::Zero(1), options}, theta) == solve_status::time_limit);
}

TEST_CASE("CBC alone: no integers, and integers that their bounds fix", "[adapters][cbc]") {
    Eigen::MatrixXd a(1, 3);
    a << 1, 2, 3;
    const auto least = [&](const imle::integer_program_options& options) {
        const cbc_alone search(
            imle::detail::make_program(a.sparseView(1, 0), Eigen::VectorXd::Constant(1, 3), options),
            {-1, -1.5, -1.2}, {});
        CHECK(search.end == imle::detail::search_end::finished);
        return search.best.cost();
    };
    CHECK(least({.integer = {false, false, false}}) == Approx(-2.5));
    CHECK(least({.lower = Eigen::Vector3d(1, 0, 0),
                 .upper = Eigen::Vector3d(1, 0, 1),
                 .integer = {true, true, false}}) == Approx(-1.8));
}
