#include <imle/solvers/tour_search.hpp>

#include <imle/solvers/minimizing.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/tours.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"

namespace tour_search_tests {

namespace {

template <class Scalar = double, int Layout = Eigen::RowMajor>
using arcs = Eigen::Tensor<Scalar, 2, Layout>;
template <class Scalar = double>
using edges = Eigen::Tensor<Scalar, 1>;

constexpr auto not_proven = imle::solve_status::not_proven;

Eigen::Index edge(Eigen::Index a, Eigen::Index b, Eigen::Index n) {
    return std::min(a, b) * (2 * n - std::min(a, b) - 1) / 2 + std::abs(b - a) - 1;
}

// z of edges as a matrix with both directions of each.
template <class Scalar>
arcs<Scalar> both_ways(const edges<Scalar>& z, Eigen::Index n) {
    arcs<Scalar> matrix(n, n);
    matrix.setZero();
    for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j)
            if (i != j) matrix(i, j) = z(edge(i, j, n));
    return matrix;
}

// Whether z, of 0 and 1 alone, is one round trip through all nodes.
template <class TensorT>
bool is_tour(const TensorT& z) {
    const Eigen::Index n = z.dimension(0);
    const auto ones = std::count(z.data(), z.data() + z.size(), typename TensorT::Scalar(1));
    if (ones + std::count(z.data(), z.data() + z.size(), typename TensorT::Scalar(0)) != z.size())
        return false;
    if (ones != n && ones != 2 * n) return false;  // arcs, or edges both ways
    Eigen::Index at = 0, before = -1, steps = 0;
    do {
        Eigen::Index to = 0;
        while (to < n && (z(at, to) == 0 || to == before)) ++to;
        if (to == n) return false;
        before = ones == n ? -1 : at;
        at = to;
        ++steps;
    } while (at != 0 && steps <= n);
    return steps == n;
}

template <class TensorT>
double value(const TensorT& theta, const TensorT& z) {
    double sum = 0;
    for (Eigen::Index i = 0; i < theta.size(); ++i)
        if (z.data()[i] != 0) sum += static_cast<double>(theta.data()[i]);
    return sum;
}

// Of integers, so that all sums are exact. Not the standard's distributions, which differ between libraries.
template <class TensorT>
void fill(TensorT& theta, std::mt19937& random, unsigned range = 1000) {
    for (Eigen::Index i = 0; i < theta.size(); ++i)
        theta.data()[i] = -static_cast<typename TensorT::Scalar>(random() % range);
}

// Minus the rounded distances of random cities, the most usual instances.
template <class Scalar>
edges<Scalar> cities(Eigen::Index n, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<double> x(static_cast<std::size_t>(n)), y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<double>(random() % 10000);
        y[i] = static_cast<double>(random() % 10000);
    }
    edges<Scalar> theta(n * (n - 1) / 2);
    Eigen::Index at = 0;
    for (std::size_t a = 0; a < x.size(); ++a)
        for (std::size_t b = a + 1; b < x.size(); ++b)
            theta(at++) = -static_cast<Scalar>(
                std::floor(std::sqrt((x[a] - x[b]) * (x[a] - x[b]) + (y[a] - y[b]) * (y[a] - y[b]))));
    return theta;
}

// The costs of one of TSPLIB's files, [n, n]; empty if the cases are not installed next to the project.
arcs<> case_costs(const std::string& name) {
    std::ifstream in(std::filesystem::path(IMLE_TEST_DATA_DIR "/../../../shared/cases") / name);
    std::string line;
    Eigen::Index n = 0;
    bool lower = false, coordinates = false;
    while (std::getline(in, line)) {
        if (line.rfind("DIMENSION", 0) == 0) n = std::stol(line.substr(line.find(':') + 1));
        lower = lower || line.find("LOWER_DIAG_ROW") != std::string::npos;
        coordinates = line.rfind("NODE_COORD_SECTION", 0) == 0;
        if (coordinates || line.rfind("EDGE_WEIGHT_SECTION", 0) == 0) break;
    }
    arcs<> costs(n, n);
    costs.setZero();
    std::vector<std::array<double, 2>> places;
    double index, x, y;
    while (coordinates && in >> index >> x >> y) places.push_back({x, y});
    for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < (lower ? i + 1 : n); ++j) {
            if (coordinates) {
                const auto& a = places[static_cast<std::size_t>(i)];
                const auto& b = places[static_cast<std::size_t>(j)];
                costs(i, j) = std::floor(std::hypot(a[0] - b[0], a[1] - b[1]) + 0.5);
            } else {
                in >> costs(i, j);
                if (lower) costs(j, i) = costs(i, j);
            }
        }
    return costs;
}

}  // namespace

TEST_CASE("tour_search is exact for few nodes, with all laws", "[solvers][tour_search][laws]") {
    using imle::testing::check_solver;
    const imle::tour_search solver;
    for (const std::size_t nodes : {2u, 3u, 4u, 6u}) {
        const auto undirected = check_solver<float>(solver, imle::testing::tours(nodes), {.trials = 10});
        INFO(undirected);
        CHECK(undirected.trials("z is optimal") > 10);
        CHECK(undirected.passed());
        const auto directed = check_solver<double, Eigen::ColMajor>(
            solver, imle::testing::directed_tours(nodes), {.trials = 5});
        INFO(directed);
        CHECK(directed.passed());
    }
    imle::tour_search search;
    arcs<> theta(15, 15), z(15, 15), none(0, 0), one(1, 1);
    std::mt19937 random(1);
    fill(theta, random);
    one.setConstant(3);
    CHECK(search(theta, z) == imle::solve_status::solved);
    CHECK(search(none, none) == imle::solve_status::solved);
    CHECK(search(one, one) == imle::solve_status::solved);
    CHECK(one(0, 0) == 0);
}

TEST_CASE("tour_search mostly finds the best tour of 16 to 18 nodes", "[solvers][tour_search]") {
    // No random number here depends on the library, so the counts are the same everywhere.
    std::mt19937 random(2);
    imle::tour_search search;
    imle::travelling_salesman exact;
    support::tally wrong;
    int trials = 0, best_directed = 0, best_undirected = 0;
    for (int trial = 0; trial < support::repeats(12); ++trial, ++trials) {
        const Eigen::Index n = 16 + trial % 3;
        const unsigned range = trial % 4 == 3 ? 4 : 1000;  // ties
        arcs<float> theta(n, n), z(n, n), expected(n, n);
        fill(theta, random, range);
        for (Eigen::Index i = 0; i < n; ++i) theta(i, i) = 5000;  // not to be used
        wrong.expect(search(theta, z) == not_proven && is_tour(z), "directed, trial ", trial);
        exact(theta, expected);
        wrong.expect(value(theta, z) <= value(theta, expected), "directed, better than the best");
        if (value(theta, z) == value(theta, expected)) ++best_directed;

        edges<> theta_edges(n * (n - 1) / 2), z_edges(theta_edges.size()), expected_edges(theta_edges.size());
        fill(theta_edges, random, range);
        wrong.expect(search(theta_edges, z_edges) == not_proven && is_tour(both_ways(z_edges, n)),
                     "undirected, trial ", trial);
        exact(theta_edges, expected_edges);
        wrong.expect(value(theta_edges, z_edges) <= value(theta_edges, expected_edges),
                     "undirected, better than the best");
        if (value(theta_edges, z_edges) == value(theta_edges, expected_edges)) ++best_undirected;
    }
    CHECK(wrong == 0);
    CHECK(best_directed >= trials - 1);
    CHECK(best_undirected >= trials - 1);
}

TEST_CASE("tour_search finds the optimum of real cases", "[solvers][tour_search]") {
    struct real_case {
        const char* name;
        double optimum;
        int of_ten;  // how often at least, of ten contexts
    };
    for (const auto& [name, optimum, of_ten] :
         {real_case{"gr17.tsp", 2085, 10}, {"br17.atsp", 39, 10}, {"kroA100.tsp", 21282, 9}}) {
        const arcs<> costs = case_costs(name);
        if (costs.size() == 0) {
            WARN("the cases are not there: " << name);
            continue;
        }
        INFO(name);
        auto search = imle::minimizing(imle::tour_search{});
        arcs<> z(costs.dimension(0), costs.dimension(1));
        int found = 0;
        support::tally wrong;
        const int ids = support::repeats(10);
        for (int id = 0; id < ids; ++id) {
            const auto status = search(costs, z, imle::solve_context{0, 0, static_cast<std::uint64_t>(id)});
            wrong.expect(status == not_proven && is_tour(z) && value(costs, z) >= optimum, "id ", id);
            if (value(costs, z) == optimum) ++found;
        }
        CHECK(wrong == 0);
        CHECK(found >= ids - (10 - of_ten));
    }
}

TEST_CASE("tour_search has one answer for a theta and a context", "[solvers][tour_search]") {
    const Eigen::Index n = 60;
    const edges<float> theta = cities<float>(n, 4);
    imle::tour_search search{{.kicks = 40}};
    imle::tour_search copy = search;
    edges<float> z(theta.size()), other(theta.size());
    const imle::solve_context context{3, 1, 7};
    search(theta, z, context);

    // Another size, another scalar, then again.
    arcs<> directed(30, 30), directed_z(30, 30);
    std::mt19937 random(5);
    fill(directed, random);
    search(directed, directed_z);
    search(theta, other, context);
    CHECK(support::same_bits(z, other));
    copy(theta, other, context);
    CHECK(support::same_bits(z, other));
    imle::tour_search used_copy = search;
    used_copy(theta, other, context);
    CHECK(support::same_bits(z, other));

    // All parts of the context tell: after few kicks most tours differ by chance.
    const edges<float> many = cities<float>(200, 4);
    edges<float> many_z(many.size()), many_other(many.size());
    search(many, many_z, context);
    int instances = 0, samples = 0, ids = 0;
    const auto differs = [&](const imle::solve_context& next) {
        search(many, many_other, next);
        return support::same_bits(many_z, many_other) ? 0 : 1;
    };
    for (std::uint64_t i = 10; i < 14; ++i) {
        instances += differs({i, 1, 7});
        samples += differs({3, i, 7});
        ids += differs({3, 1, i});
    }
    CHECK(instances > 1);
    CHECK(samples > 1);
    CHECK(ids > 1);

    // Symmetric arcs: as undirected, in either layout.
    arcs<float> rows(n, n), rows_z(n, n);
    arcs<float, Eigen::ColMajor> columns(n, n), columns_z(n, n);
    for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j)
            rows(i, j) = columns(i, j) = i == j ? float(i) : theta(edge(i, j, n));
    CHECK(search(rows, rows_z, context) == not_proven);
    search(columns, columns_z, context);
    CHECK(is_tour(rows_z));
    support::tally differences;
    for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j) {
            differences.expect(rows_z(i, j) == columns_z(i, j), i, " to ", j, " by columns");
            if (i < j)
                differences.expect(rows_z(i, j) + rows_z(j, i) == z(edge(i, j, n)), i, " to ", j,
                                   " as an edge");
        }
    CHECK(differences == 0);
    // Of the two directions, the one that leaves node 0 for the lower node.
    Eigen::Index after = 0, before = 0;
    while (rows_z(0, after) == 0) ++after;
    while (rows_z(before, 0) == 0) ++before;
    CHECK(after < before);
    // Directed, in both layouts.
    fill(rows, random);
    for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j) columns(i, j) = rows(i, j);
    search(rows, rows_z);
    search(columns, columns_z);
    CHECK(is_tour(rows_z));
    for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j)
            differences.expect(rows_z(i, j) == columns_z(i, j), i, " to ", j, " by columns, directed");
    CHECK(differences == 0);
}

TEST_CASE("tour_search uses no missing edge", "[solvers][tour_search][mask]") {
    std::mt19937 random(9);
    imle::tour_search search{{.kicks = 300}};
    imle::travelling_salesman exact;
    support::tally wrong;
    int possible = 0, found = 0, impossible = 0;
    const auto trial_of = [&](auto theta, Eigen::Index n, unsigned allowed_of_16) {
        auto z = theta, expected = theta;
        fill(theta, random);
        const auto mask = std::make_unique<bool[]>(static_cast<std::size_t>(theta.size()));
        for (Eigen::Index i = 0; i < theta.size(); ++i) {
            mask[static_cast<std::size_t>(i)] = random() % 16 < allowed_of_16;
            if (!mask[static_cast<std::size_t>(i)]) theta.data()[i] = 0;  // better than all else
        }
        imle::solve_context context;
        context.mask = {mask.get(), static_cast<std::size_t>(theta.size())};
        const auto status = search(theta, z, context);
        bool allowed = true, zeros = true;
        for (Eigen::Index i = 0; i < z.size(); ++i) {
            allowed = allowed && (z.data()[i] == 0 || context.allows(i));
            zeros = zeros && z.data()[i] == 0;
        }
        if (status == not_proven) {
            ++found;
            bool tour = false;
            if constexpr (std::is_same_v<decltype(theta), edges<>>)
                tour = is_tour(both_ways(z, n));
            else
                tour = is_tour(z);
            wrong.expect(tour && allowed, n, " nodes: a wrong tour");
        } else {
            wrong.expect(status == imle::solve_status::time_limit && zeros, n, " nodes: ", status);
        }
        const bool exists = exact(theta, expected, context) == imle::solve_status::solved;
        ++(exists ? possible : impossible);
        wrong.expect(exists || status == imle::solve_status::time_limit, n, " nodes: a tour that is none");
    };
    const int trials = std::max(support::repeats(16), 8);  // all eight kinds
    for (int trial = 0; trial < trials; ++trial) {
        const Eigen::Index n = 16 + trial % 2;
        const unsigned allowed_of_16 = trial % 4 < 2 ? 12 : trial % 8 < 4 ? 5 : 3;
        trial_of(arcs<float>(n, n), n, allowed_of_16);
        trial_of(edges<>(n * (n - 1) / 2), n, allowed_of_16);
    }
    CHECK(wrong == 0);
    CHECK(impossible > trials / 8);
    CHECK(possible > trials);
    CHECK(found >= possible - 2);

    // Few nodes: proven.
    arcs<> theta(4, 4), z(4, 4);
    theta.setZero();
    const bool nothing[16] = {};
    imle::solve_context context;
    context.mask = nothing;
    CHECK(search(theta, z, context) == imle::solve_status::infeasible);
}

TEST_CASE("tour_search has a tour for all finite numbers", "[solvers][tour_search]") {
    std::mt19937 random(3);
    imle::tour_search search{{.kicks = 200}};
    support::tally wrong;
    const auto try_scalar = [&](auto scalar) {
        using Scalar = decltype(scalar);
        using limits = std::numeric_limits<Scalar>;
        for (int kind = 0; kind < 5; ++kind) {
            const Eigen::Index n = 24;
            const auto number = [&]() -> Scalar {
                const auto u = static_cast<Scalar>(random() % 4096) / 4096;
                const Scalar values[] = {(u - Scalar(0.5)) * Scalar(1.9) * limits::max(),
                                         (std::floor(9 * u) - 4) * limits::denorm_min(), 0, -limits::max(),
                                         std::exp2(60 * u - 30)};
                return values[kind];
            };
            arcs<Scalar> theta(n, n), z(n, n);
            for (Eigen::Index i = 0; i < theta.size(); ++i) theta.data()[i] = number();
            wrong.expect(search(theta, z) == not_proven && is_tour(z), "directed, kind ", kind);
            edges<Scalar> theta_edges(n * (n - 1) / 2), z_edges(theta_edges.size());
            for (Eigen::Index i = 0; i < theta_edges.size(); ++i) theta_edges(i) = number();
            wrong.expect(search(theta_edges, z_edges) == not_proven && is_tour(both_ways(z_edges, n)),
                         "undirected, kind ", kind);
        }
    };
    try_scalar(float{});
    try_scalar(double{});
    CHECK(wrong == 0);
}

TEST_CASE("tour_search: more kicks are no worse, and none are a descent", "[solvers][tour_search][draws]") {
    const Eigen::Index n = 300;
    const edges<float> theta = cities<float>(n, 6);
    edges<float> z(theta.size());
    std::vector<double> lengths;
    for (const std::int64_t kicks : {0, 300, 6000}) {
        imle::tour_search search{{.kicks = kicks, .neighbours = 10}};
        CHECK(search(theta, z) == not_proven);
        CHECK(is_tour(both_ways(z, n)));
        lengths.push_back(-value(theta, z));
    }
    {
        // [tour_search]
        imle::tour_search solver{{.kicks = 6000}};
        const imle::solve_status status = solver(theta, z);  // theta, z: [44850], the edges of 300 cities
        // [/tour_search]
        CHECK(status == not_proven);
        CHECK(-value(theta, z) < lengths[1]);
    }
    INFO(lengths[0] << ", " << lengths[1] << ", " << lengths[2]);
    CHECK(lengths[1] < lengths[0]);
    CHECK(lengths[2] < 0.995 * lengths[1]);
    // The best tour of many random cities is 0.7124 sqrt(n area) long, of 300 some 2 % longer.
    CHECK(lengths[2] < 1.04 * 0.7124 * std::sqrt(300.0) * 10000);
}

TEST_CASE("tour_search says what is wrong", "[solvers][tour_search][errors]") {
    CHECK_THROWS_WITH(imle::tour_search({.kicks = -1}), mentions("kicks is -1"));
    CHECK_THROWS_WITH(imle::tour_search({.neighbours = 0}), mentions("neighbours is 0"));
    imle::tour_search search;
    arcs<> oblong(30, 40), square(30, 30), z(30, 30);
    edges<> four(4);
    oblong.setZero();
    square.setZero();
    four.setZero();
    CHECK_THROWS_WITH(search(oblong, oblong), mentions("theta is [30, 40]") && mentions("square"));
    CHECK_THROWS_WITH(search(four, four), mentions("of 4 edges"));
    CHECK_THROWS_WITH(search(square, oblong), mentions("z is of shape [30, 40]"));
    square(1, 2) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH(search(square, z), mentions("theta is nan"));
}

}  // namespace tour_search_tests
