#include <imle/solvers/matching.hpp>

#include <imle/testing/check_solver.hpp>
#include <imle/testing/matchings.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include <imle/solvers/assignment.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/per_instance.hpp>
#include <imle/solvers/spanning_tree.hpp>

#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

using imle::graph_edge;
using imle::matching;
using imle::solve_status;

namespace matching_tests {

namespace {

using edge_list = std::vector<graph_edge>;

// Loops and parallel edges too.
edge_list random_edges(std::size_t nodes, std::size_t count, std::mt19937& random) {
    edge_list edges;
    for (std::size_t e = 0; nodes > 0 && e < count; ++e)
        edges.push_back(
            {static_cast<Eigen::Index>(random() % nodes), static_cast<Eigen::Index>(random() % nodes)});
    return edges;
}

template <int Layout = Eigen::RowMajor, class SolverT, class Scalar>
support::answer<Scalar> solved(SolverT&& solver, const std::vector<Scalar>& theta,
                               const support::mask* allowed = nullptr) {
    return support::solve<Layout>(solver, theta,
                                  Eigen::array<Eigen::Index, 1>{static_cast<Eigen::Index>(theta.size())},
                                  allowed == nullptr ? std::span<const bool>{} : allowed->span());
}

// Whether z is 0 or 1, its edges share no node, and it has an edge at each node if it must.
template <class Scalar>
bool is_matching(std::size_t nodes, const edge_list& edges, const std::vector<Scalar>& z, bool perfect) {
    std::vector<int> degree(nodes);
    for (std::size_t e = 0; e < edges.size(); ++e) {
        if (z[e] != 0 && z[e] != 1) return false;
        for (const Eigen::Index end : {edges[e].from, edges[e].to})
            degree[static_cast<std::size_t>(end)] += z[e] == 1 ? 1 : 0;
    }
    return std::all_of(degree.begin(), degree.end(), [&](int d) { return d == 1 || (d == 0 && !perfect); });
}

/// Sums at several scales, the largest first: a number is the sum of value[i] * 2^(-step * i).
using exact_sum = std::array<std::int64_t, 3>;

// The oracle: the best of all matchings, edge after edge. False if there is none.
struct best_of_all {
    const std::size_t nodes;
    const edge_list& edges;
    const std::vector<exact_sum>& weights;
    const support::mask& allowed;
    const bool perfect;
    bool found = false;
    exact_sum best{};

    void choose(std::size_t edge, unsigned taken, const exact_sum& sum) {
        if (edge == edges.size()) {
            if (perfect && taken != (1U << nodes) - 1) return;
            best = found ? std::max(best, sum) : sum;
            found = true;
            return;
        }
        choose(edge + 1, taken, sum);
        const unsigned from = 1U << edges[edge].from, to = 1U << edges[edge].to;
        if (!allowed[edge] || from == to || (taken & (from | to)) != 0) return;
        exact_sum more = sum;
        for (std::size_t i = 0; i < more.size(); ++i) more[i] += weights[edge][i];
        choose(edge + 1, taken | from | to, more);
    }
};

// Small graphs, scores that are small whole numbers times 2^(-step * i), i = 0 to 2. With a step of 0 they
// tie often. Other steps are so large that a step's sums never reach the next one.
template <class Scalar, int Layout>
support::tally wrong_answers(int count, int step, int lowest, unsigned spread, int top, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < support::repeats(count); ++i) {
        const std::size_t nodes = random() % 10;
        const auto edges = random_edges(nodes, random() % 19, random);
        const bool perfect = i % 2 == 0;
        std::vector<Scalar> theta;
        std::vector<exact_sum> weights;
        for (std::size_t e = 0; e < edges.size(); ++e) {
            const int digits = lowest + static_cast<int>(random() % spread),
                      scale = step == 0 ? 0 : static_cast<int>(random() % 3);
            theta.push_back(std::ldexp(static_cast<Scalar>(digits), top - step * scale));
            weights.emplace_back();
            weights.back()[static_cast<std::size_t>(scale)] = digits;
        }
        const support::mask allowed =
            i % 3 == 0 ? support::random_mask(edges.size(), random) : support::mask(edges.size());
        support::spoil_forbidden(theta, allowed, random);
        best_of_all oracle{nodes, edges, weights, allowed, perfect};
        oracle.choose(0, 0, {});
        const auto found = solved<Layout>(
            matching{static_cast<Eigen::Index>(nodes), edges, {.perfect = perfect}}, theta, &allowed);
        exact_sum reached{};
        bool right = true;
        for (std::size_t e = 0; e < edges.size(); ++e) {
            if (found.z[e] == 0) continue;
            right = right && allowed[e] && (perfect || theta[e] > 0);
            for (std::size_t k = 0; k < reached.size(); ++k) reached[k] += weights[e][k];
        }
        right = oracle.found ? right && found.status == solve_status::solved && reached == oracle.best &&
                                   is_matching(nodes, edges, found.z, perfect)
                             : found == support::infeasible<Scalar>(edges.size());
        const auto ends = [&](Eigen::Index graph_edge::*end) {
            return [&edges, end] {
                std::vector<Eigen::Index> list;
                for (const auto& edge : edges) list.push_back(edge.*end);
                return list;
            };
        };
        wrong.expect(right, "graph ", i, perfect ? ", perfect" : "", ", of ", nodes, " nodes, from ",
                     ends(&graph_edge::from), " to ", ends(&graph_edge::to), ", theta ", theta, ", mask ",
                     allowed, " gives ", found.status, " ", found.z);
    }
    return wrong;
}

}  // namespace

TEST_CASE("matching keeps a solver's laws", "[solvers][matching][laws]") {
    using imle::testing::check_solver;
    using imle::testing::matchings;
    const auto check = [](const imle::testing::law_report& report) {
        INFO(report);
        CHECK(report.passed());
    };
    const auto five = imle::complete_graph_edges(5), six = imle::complete_graph_edges(6);
    check(check_solver<float>(matching{5, five}, matchings(5, five), {.trials = 40}));
    check(check_solver<double, Eigen::ColMajor>(matching{6, six, {.perfect = true}},
                                                matchings(6, six, {.perfect = true}), {.trials = 40}));
    // Two triangles joined by an edge, a loop and a parallel edge.
    const edge_list list{{0, 1}, {1, 2}, {2, 0}, {2, 3}, {3, 4}, {4, 5}, {5, 3}, {4, 4}, {5, 4}};
    check(check_solver<double>(matching{6, list}, matchings(6, list), {.trials = 40}));
    check(check_solver<float, Eigen::ColMajor>(imle::minimizing(matching{6, list, {.perfect = true}}),
                                               matchings(6, list, {.perfect = true}), {.trials = 40}));
}

TEST_CASE("matching is the best of all matchings of small graphs", "[solvers][matching]") {
    // Ties; few of them.
    CHECK(wrong_answers<float, Eigen::RowMajor>(6000, 0, 0, 4, 0, 1) == 0);
    CHECK(wrong_answers<double, Eigen::ColMajor>(6000, 0, -6, 21, 0, 2) == 0);
    CHECK(wrong_answers<float, Eigen::ColMajor>(3000, 0, -1000, 2001, -20, 3) == 0);
}

TEST_CASE("matching is exact for numbers of any size together", "[solvers][matching]") {
    // In one word, in two, five and 35; from the smallest numbers to the largest.
    CHECK(wrong_answers<float, Eigen::RowMajor>(1500, 15, -1, 8, 0, 4) == 0);
    CHECK(wrong_answers<double, Eigen::RowMajor>(1500, 35, -1, 8, 0, 5) == 0);
    CHECK(wrong_answers<float, Eigen::RowMajor>(1500, 60, -1, 8, 120, 6) == 0);
    CHECK(wrong_answers<float, Eigen::RowMajor>(1500, 20, -1, 8, -109, 7) == 0);
    CHECK(wrong_answers<double, Eigen::RowMajor>(1500, 120, -3, 8, 0, 8) == 0);
    CHECK(wrong_answers<double, Eigen::RowMajor>(1500, 1000, -3, 7, 1020 - 4, 9) == 0);
    CHECK(wrong_answers<double, Eigen::RowMajor>(1500, 20, -3, 8, -1034, 10) == 0);
}

TEST_CASE("matching uses all bits of a word and no more", "[solvers][matching]") {
    // Scores of as many bits as one word may have, and a few more or less. Sums of four fit in 62 bits.
    std::mt19937_64 words(11);
    std::mt19937 random(12);
    support::tally wrong;
    for (int i = 0; i < support::repeats(3000); ++i) {
        const std::size_t nodes = 2 + random() % 7;
        const auto edges = random_edges(nodes, random() % 16, random);
        const bool perfect = i % 2 == 0;
        const int bits = (perfect ? 49 : 56) + i / 2 % 5;
        std::vector<double> theta;
        std::vector<exact_sum> weights;
        for (std::size_t e = 0; e < edges.size(); ++e) {
            // The top 53 of them, the lowest bit of the first one, or a small number.
            const std::uint64_t top = (words() >> 11) | (std::uint64_t{1} << 52);
            auto whole = static_cast<std::int64_t>(bits >= 53 ? top << (bits - 53) : top >> (53 - bits));
            if (e == 0 || random() % 4 == 0) whole = 1 + static_cast<std::int64_t>(random() % 5);
            if (random() % 4 == 0) whole = -whole;
            theta.push_back(static_cast<double>(whole));
            weights.push_back({whole, 0, 0});
        }
        const support::mask all(edges.size());
        best_of_all oracle{nodes, edges, weights, all, perfect};
        oracle.choose(0, 0, {});
        const auto found =
            solved(matching{static_cast<Eigen::Index>(nodes), edges, {.perfect = perfect}}, theta);
        std::int64_t reached = 0;
        for (std::size_t e = 0; e < edges.size(); ++e) reached += found.z[e] == 1 ? weights[e][0] : 0;
        wrong.expect(oracle.found ? is_matching(nodes, edges, found.z, perfect) && reached == oracle.best[0]
                                  : found.status == solve_status::infeasible,
                     "graph ", i, ", ", bits, " bits, theta ", theta, " gives ", found.z);
    }
    CHECK(wrong == 0);
}

namespace {

/// A graph whose best matching is known: its dual solution came first. Prices, and blossoms in blossoms with
/// sizes of their own; a matching that leaves one node of each blossom to the outside; and edges whose weight
/// is what the dual solution pays for them, less a slack that is 0 for the matching.
struct planted_graph {
    std::size_t nodes;
    edge_list edges;
    std::vector<double> theta;
    double best = 0;
    bool perfect;

    planted_graph(std::size_t count, std::size_t edge_count, bool is_perfect, int spread,
                  std::mt19937& random)
        : nodes(count), perfect(is_perfect) {
        const auto number = [&] { return static_cast<int>(random() % static_cast<unsigned>(spread)); };
        struct part {
            std::size_t exposed;
            std::vector<std::size_t> members;
        };
        std::vector<part> parts;
        for (std::size_t v = 0; v < nodes; ++v) parts.push_back({v, {v}});
        std::vector<std::pair<std::size_t, std::size_t>> matched;
        std::vector<std::vector<std::size_t>> blossoms;
        std::vector<int> sizes;
        for (std::size_t left = nodes; parts.size() > 4 && left > nodes / 3; --left) {
            // Three to seven parts of random ones become a blossom; the first one's node stays exposed.
            std::shuffle(parts.begin(), parts.end(), random);
            const std::size_t odd = std::min<std::size_t>(3 + 2 * (random() % 3), (parts.size() - 1) | 1U);
            if (odd > parts.size()) break;
            part merged = parts.back();
            parts.pop_back();
            std::size_t exposed = 0;
            for (std::size_t i = 1; i < odd; ++i) {
                const part& next = parts.back();
                if (i % 2 == 0) matched.emplace_back(exposed, next.exposed);
                exposed = next.exposed;
                merged.members.insert(merged.members.end(), next.members.begin(), next.members.end());
                parts.pop_back();
            }
            blossoms.push_back(merged.members);
            sizes.push_back(2 * number());
            parts.push_back(merged);
        }
        std::vector<double> price(nodes);
        for (double& y : price) y = perfect ? number() - spread / 2 : number();
        for (std::size_t i = 0; i + 1 < parts.size(); i += 2)
            matched.emplace_back(parts[i].exposed, parts[i + 1].exposed);
        if (parts.size() % 2 != 0) price[parts.back().exposed] = 0;
        const auto pay = [&](std::size_t a, std::size_t b) {
            double sum = price[a] + price[b];
            for (std::size_t i = 0; i < blossoms.size(); ++i) {
                const auto holds = [&](std::size_t v) {
                    return std::find(blossoms[i].begin(), blossoms[i].end(), v) != blossoms[i].end();
                };
                if (holds(a) && holds(b)) sum += sizes[i];
            }
            return sum;
        };
        const auto add = [&](std::size_t a, std::size_t b, double slack) {
            edges.push_back({static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)});
            theta.push_back(pay(a, b) - slack);
        };
        for (const auto& [a, b] : matched) {
            add(a, b, 0);
            best += theta.back();
        }
        while (edges.size() < edge_count) {
            const std::size_t a = random() % nodes, b = random() % nodes;
            if (a != b) add(a, b, random() % 2 == 0 ? 0 : number());
        }
        // The order of edges must not tell.
        for (std::size_t e = edges.size(); e > 1; --e) {
            const std::size_t other = random() % e;
            std::swap(edges[e - 1], edges[other]);
            std::swap(theta[e - 1], theta[other]);
        }
    }
};

}  // namespace

TEST_CASE("matching finds what was planted in larger graphs", "[solvers][matching]") {
    std::mt19937 random(13);
    support::tally wrong;
    for (int i = 0; i < support::repeats(300); ++i) {
        const bool perfect = i % 2 == 0;
        const std::size_t nodes = 2 * (4 + random() % 40) + (perfect ? 0 : random() % 2);
        const planted_graph graph(nodes, nodes * (2 + random() % 8), perfect, i % 3 == 0 ? 3 : 40, random);
        const auto found = solved(
            matching{static_cast<Eigen::Index>(nodes), graph.edges, {.perfect = perfect}}, graph.theta);
        double reached = 0;
        for (std::size_t e = 0; e < graph.theta.size(); ++e) reached += found.z[e] * graph.theta[e];
        wrong.expect(found.status == solve_status::solved && reached == graph.best &&
                         is_matching(nodes, graph.edges, found.z, perfect),
                     "graph ", i, " of ", nodes, " nodes: ", reached, ", not ", graph.best);
    }
    CHECK(wrong == 0);
}

TEST_CASE("matching between two sides is an assignment", "[solvers][matching]") {
    std::mt19937 random(14);
    support::tally wrong;
    for (int i = 0; i < support::repeats(60); ++i) {
        const bool perfect = i % 2 == 0;
        const auto rows = static_cast<Eigen::Index>(1 + random() % 30),
                   columns = perfect ? rows : static_cast<Eigen::Index>(1 + random() % 30);
        edge_list edges;
        Eigen::Tensor<double, 2, Eigen::RowMajor> scores(rows, columns), z(rows, columns);
        std::vector<double> theta;
        for (Eigen::Index row = 0; row < rows; ++row)
            for (Eigen::Index column = 0; column < columns; ++column) {
                edges.push_back({row, rows + column});
                theta.push_back(static_cast<double>(static_cast<int>(random() % 201) - 100));
                scores(row, column) = theta.back();
            }
        imle::assignment{imle::assignment_options{.partial = !perfect}}(scores, z);
        const auto found = solved(matching{rows + columns, edges, {.perfect = perfect}}, theta);
        double reached = 0, expected = 0;
        for (std::size_t e = 0; e < theta.size(); ++e) {
            reached += found.z[e] * theta[e];
            expected += z.data()[e] * theta[e];
        }
        wrong.expect(found.status == solve_status::solved && reached == expected, rows, " x ", columns, ": ",
                     reached, ", not ", expected);
    }
    CHECK(wrong == 0);
}

TEST_CASE("matching in steady state, as a copy, and in float gives what a new solver gives",
          "[solvers][matching]") {
    std::mt19937 random(15);
    support::tally wrong;
    for (const bool perfect : {false, true}) {
        const auto edges = imle::complete_graph_edges(20);
        matching used{20, edges, {.perfect = perfect}};
        for (int i = 0; i < 60; ++i) {
            std::vector<float> theta;
            for (std::size_t e = 0; e < edges.size(); ++e) {
                const auto number = static_cast<float>(static_cast<int>(random() % 9) - 3);
                // Now and then in more words.
                theta.push_back(i % 4 == 3 ? std::ldexp(number, static_cast<int>(random() % 200) - 100)
                                           : number);
            }
            const support::mask allowed =
                i % 5 == 0 ? support::random_mask(edges.size(), random) : support::mask(edges.size());
            const std::vector<double> same(theta.begin(), theta.end());
            matching copy = used;
            const auto expected = solved(matching{20, edges, {.perfect = perfect}}, theta, &allowed);
            wrong.expect(solved(used, theta, &allowed) == expected, "used, theta ", theta);
            wrong.expect(solved(copy, theta, &allowed) == expected, "copy, theta ", theta);
            wrong.expect(solved<Eigen::ColMajor>(used, theta, &allowed) == expected, "layout, theta ", theta);
            const auto in_double = solved(used, same, &allowed);
            wrong.expect(std::equal(in_double.z.begin(), in_double.z.end(), expected.z.begin()),
                         "double, theta ", theta);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("matching tells scores apart that sums of doubles do not", "[solvers][matching]") {
    // A path of three edges: both ends or the middle. 1 + 2^-53 is more than 1.
    matching path{4, {{0, 1}, {1, 2}, {2, 3}}};
    CHECK(solved(path, std::vector<double>{1, 1, 0x1p-53}).z == std::vector<double>{1, 0, 1});
    CHECK(solved(path, std::vector<double>{1, 1 + 0x1p-52, 0x1p-53}).z == std::vector<double>{0, 1, 0});
    // Penalties that are far larger than what they must not disturb.
    matching square{4, {{0, 1}, {2, 3}, {0, 2}, {1, 3}, {0, 3}, {1, 2}}, {.perfect = true}};
    CHECK(solved(square, std::vector<float>{-1e30F, 5, 1, 2, 1, 2.0001F}).z ==
          std::vector<float>{0, 0, 0, 0, 1, 1});
    CHECK(solved(square, std::vector<float>{807687.0625F, 807680, 807687, 807680.0625F, -5, 0}).z ==
          std::vector<float>{1, 1, 0, 0, 0, 0});
    CHECK(solved(square, std::vector<float>{807687, 807680, 807687.0625F, 807680, -5, 0}).z ==
          std::vector<float>{0, 0, 1, 1, 0, 0});
    const double most = std::numeric_limits<double>::max(), tiny = std::numeric_limits<double>::denorm_min();
    CHECK(solved(square, std::vector<double>{most, most, most, most, most, most}).status ==
          solve_status::solved);
    CHECK(solved(square, std::vector<double>{most, -most, tiny, -tiny, 0, tiny}).z ==
          std::vector<double>{0, 0, 0, 0, 1, 1});
    CHECK(solved(path, std::vector<double>{tiny, most, tiny}).z == std::vector<double>{0, 1, 0});
    CHECK(solved(path, std::vector<double>{2 * tiny, 3 * tiny, 2 * tiny}).z == std::vector<double>{1, 0, 1});
    CHECK(solved(path, std::vector<double>{-0.0, 0, -tiny}).z == std::vector<double>{0, 0, 0});
}

TEST_CASE("matching without a perfect matching says so", "[solvers][matching]") {
    const auto status = [](Eigen::Index nodes, const edge_list& edges) {
        const auto found =
            solved(matching{nodes, edges, {.perfect = true}}, std::vector<double>(edges.size(), 1));
        CHECK(std::count(found.z.begin(), found.z.end(), 1.0) ==
              (found.status == solve_status::solved ? nodes / 2 : 0));
        return found.status;
    };
    CHECK(status(0, {}) == solve_status::solved);
    CHECK(status(1, {}) == solve_status::infeasible);
    CHECK(status(2, {{0, 0}, {1, 1}}) == solve_status::infeasible);
    CHECK(status(4, {{0, 1}, {0, 2}, {0, 3}}) == solve_status::infeasible);
    // Two triangles, apart and joined; three triangles on one node (Tutte).
    CHECK(status(6, {{0, 1}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 3}}) == solve_status::infeasible);
    CHECK(status(6, {{0, 1}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 3}, {5, 0}}) == solve_status::solved);
    edge_list three;
    for (Eigen::Index first : {0, 3, 6})
        for (const auto& [a, b] : {std::pair{0, 1}, std::pair{1, 2}, std::pair{2, 0}})
            three.push_back({first + a, first + b});
    for (Eigen::Index first : {0, 3, 6}) three.push_back({first, 9});
    CHECK(status(10, three) == solve_status::infeasible);
    // By hand, without a context, the status comes back too.
    matching odd{3, imle::complete_graph_edges(3), {.perfect = true}};
    Eigen::Tensor<double, 1> theta(3), z(3);
    theta.setConstant(1);
    CHECK(odd(theta, z) == solve_status::infeasible);
}

TEST_CASE("matching says what is wrong", "[solvers][matching][errors]") {
    CHECK_THROWS_WITH(matching(2, {{0, 2}}), mentions("edge 0") && mentions("two of the 2 nodes"));
    CHECK_THROWS_AS(matching(-1, {}), std::invalid_argument);
    CHECK_THROWS_WITH(matching((Eigen::Index{1} << 30) + 1, {}), mentions("number of nodes"));
    const matching solver{2, {{0, 1}, {0, 1}}};
    CHECK_THROWS_WITH(solved(matching(solver), std::vector<double>{1, 2, 3}),
                      mentions("3 numbers") && mentions("2 edges"));
    CHECK_THROWS_AS(
        solved(matching(solver), std::vector<double>{1, std::numeric_limits<double>::quiet_NaN()}),
        std::invalid_argument);
    CHECK_THROWS_AS(solved(matching(solver), std::vector<float>{1, std::numeric_limits<float>::infinity()}),
                    std::invalid_argument);
    STATIC_REQUIRE(imle::Solver<matching, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::Solver<matching, double, 1, Eigen::ColMajor>);
    STATIC_REQUIRE(!imle::Solver<matching, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::sense_of<matching> == imle::sense::maximize);
}

TEST_CASE("matching pairs players, a graph for each instance", "[solvers][matching][docs]") {
    // [pairs]
    // How well each two of five players fit together: (0, 1), (0, 2), ..., (3, 4).
    imle::matching solver{5, imle::complete_graph_edges(5)};
    Eigen::Tensor<float, 1> theta(10), z(10);
    theta.setValues({6, 7, 0, -1, 8, 0, 0, 5, 0, 4});
    solver(theta, z);  // 1 on (1, 2) and on (3, 4): 8 + 4
    // [/pairs]
    const std::vector<float> found(z.data(), z.data() + 10);
    CHECK(found == std::vector<float>{0, 0, 0, 0, 1, 0, 0, 0, 0, 1});

    // Each instance a graph of its own, by id.
    imle::per_instance own(std::vector{matching{3, {{0, 1}, {1, 2}}}, matching{4, {{0, 1}, {2, 3}}}});
    Eigen::Tensor<double, 1, Eigen::RowMajor> scores(2), chosen(2);
    scores.setValues({2, 1});
    const imle::const_view<double, 1, Eigen::RowMajor> scores_view(scores.data(), 2);
    imle::mutable_view<double, 1, Eigen::RowMajor> chosen_view(chosen.data(), 2);
    own(scores_view, chosen_view, imle::solve_context{.id = 0});
    CHECK((chosen(0) == 1 && chosen(1) == 0));
    own(scores_view, chosen_view, imle::solve_context{.id = 1});
    CHECK((chosen(0) == 1 && chosen(1) == 1));
}

}  // namespace matching_tests
