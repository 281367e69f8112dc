#include <imle/solvers/graph_cut.hpp>

#include <imle/concepts/solver.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <queue>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/tally.hpp"

using imle::graph_cut;
using imle::graph_edge;

namespace graph_cut_tests {

namespace {

struct model {
    std::size_t nodes;
    std::vector<graph_edge> edges;

    [[nodiscard]] graph_cut solver(imle::graph_cut_options options = {}) const {
        return {static_cast<Eigen::Index>(nodes), edges, options};
    }
    [[nodiscard]] std::size_t size() const { return nodes + edges.size(); }
};

// Loops and parallel edges too.
model random_model(std::size_t nodes, std::size_t edges, std::mt19937& random) {
    model result{nodes, {}};
    for (std::size_t e = 0; nodes > 0 && e < edges; ++e)
        result.edges.push_back(
            {static_cast<Eigen::Index>(random() % nodes), static_cast<Eigen::Index>(random() % nodes)});
    return result;
}

model image(Eigen::Index rows, Eigen::Index columns) {
    model result{static_cast<std::size_t>(rows * columns), {}};
    for (Eigen::Index i = 0; i < rows; ++i)
        for (Eigen::Index j = 0; j < columns; ++j) {
            const Eigen::Index here = i * columns + j;
            if (j + 1 < columns) result.edges.push_back({here, here + 1});
            if (i + 1 < rows) result.edges.push_back({here, here + columns});
        }
    return result;
}

// Integers, so that sums are exact; few different ones, so that there are ties.
template <class Scalar>
std::vector<Scalar> random_scores(const model& given, std::uint32_t spread, std::mt19937& random) {
    std::vector<Scalar> theta(given.size());
    for (std::size_t i = 0; i < theta.size(); ++i) {
        const auto number = static_cast<Scalar>(random() % spread);
        theta[i] = i < given.nodes ? number - static_cast<Scalar>(spread / 2) : number;
    }
    return theta;
}

// z of a labelling, bit v of `labels` being node v's.
template <class Scalar>
std::vector<Scalar> state_of(const model& given, std::uint32_t labels, const support::mask& allowed) {
    std::vector<Scalar> z;
    for (std::size_t v = 0; v < given.nodes; ++v) z.push_back(static_cast<Scalar>((labels >> v) & 1));
    for (const auto& [from, to] : given.edges)
        z.push_back(allowed[z.size()] && ((labels >> from) & 1) == ((labels >> to) & 1) ? 1 : 0);
    return z;
}

// The oracle: all labellings. Returns what all best ones have in common, which is a best one itself.
template <class Scalar>
std::vector<Scalar> best_of_all(const model& given, const std::vector<Scalar>& theta,
                                const support::mask& allowed) {
    double best = -std::numeric_limits<double>::infinity();
    std::uint32_t common = 0;
    for (std::uint32_t labels = 0; labels < (1U << given.nodes); ++labels) {
        bool keeps = true;
        for (std::size_t v = 0; v < given.nodes; ++v)
            keeps = keeps && (allowed[v] || ((labels >> v) & 1) == 0);
        if (!keeps) continue;
        const auto z = state_of<Scalar>(given, labels, allowed);
        double value = 0;
        for (std::size_t i = 0; i < z.size(); ++i)
            if (z[i] != 0) value += static_cast<double>(theta[i]);
        common = value > best ? labels : value == best ? common & labels : common;
        best = std::max(best, value);
    }
    return state_of<Scalar>(given, common, allowed);
}

template <class Scalar, int Layout>
support::tally wrong_answers(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int i = 0; i < count; ++i) {
        const model given = random_model(random() % 8, random() % 16, random);
        auto theta = random_scores<Scalar>(given, i % 3 == 0 ? 3 : i % 3 == 1 ? 9 : 1000, random);
        const support::mask allowed =
            i % 2 == 0 ? support::mask(given.size()) : support::random_mask(given.size(), random);
        support::spoil_forbidden(theta, allowed, random);
        graph_cut solver = given.solver();
        const auto found = support::solve<Layout>(
            solver, theta, Eigen::array<Eigen::Index, 1>{static_cast<Eigen::Index>(given.size())},
            allowed.span());
        const auto expected = best_of_all(given, theta, allowed);
        wrong.expect(found.status == imle::solve_status::solved && found.z == expected, given.nodes,
                     " nodes, theta ", theta, ", mask ", allowed, ": ", found.z, ", not ", expected);
    }
    return wrong;
}

// The oracle for larger models: the value of a maximum flow, by shortest augmenting paths in a matrix.
double largest_flow(const model& given, const std::vector<double>& theta) {
    const std::size_t source = given.nodes, sink = source + 1, n = source + 2;
    std::vector<double> left(n * n, 0);
    for (std::size_t v = 0; v < given.nodes; ++v)
        (theta[v] > 0 ? left[source * n + v] : left[v * n + sink]) = std::abs(theta[v]);
    for (std::size_t e = 0; e < given.edges.size(); ++e) {
        const auto from = static_cast<std::size_t>(given.edges[e].from),
                   to = static_cast<std::size_t>(given.edges[e].to);
        left[from * n + to] += theta[given.nodes + e];
        left[to * n + from] += theta[given.nodes + e];
    }
    for (double flow = 0;;) {
        std::vector<std::size_t> before(n, n);
        std::queue<std::size_t> open({source});
        before[source] = source;
        for (; !open.empty() && before[sink] == n; open.pop())
            for (std::size_t to = 0; to < n; ++to)
                if (before[to] == n && left[open.front() * n + to] > 0) {
                    before[to] = open.front();
                    open.push(to);
                }
        if (before[sink] == n) return flow;
        double amount = std::numeric_limits<double>::infinity();
        for (std::size_t v = sink; v != source; v = before[v])
            amount = std::min(amount, left[before[v] * n + v]);
        for (std::size_t v = sink; v != source; v = before[v]) {
            left[before[v] * n + v] -= amount;
            left[v * n + before[v]] += amount;
        }
        flow += amount;
    }
}

// The score that a labelling loses: what its cut costs.
double lost(const model& given, const std::vector<double>& theta, const std::vector<double>& z) {
    double sum = 0;
    for (std::size_t v = 0; v < given.nodes; ++v)
        sum += (theta[v] > 0) == (z[v] == 1) ? 0 : std::abs(theta[v]);
    for (std::size_t e = 0; e < given.edges.size(); ++e) {
        const bool agree = z[static_cast<std::size_t>(given.edges[e].from)] ==
                           z[static_cast<std::size_t>(given.edges[e].to)];
        if (agree != (z[given.nodes + e] == 1)) return std::numeric_limits<double>::quiet_NaN();
        sum += agree ? 0 : theta[given.nodes + e];
    }
    return sum;
}

template <class Scalar>
using batch_of = Eigen::Tensor<Scalar, 2, Eigen::RowMajor>;

// A batch beside the same solver's single solves, in turn. kinds: whole numbers, with ties; normal numbers;
// normal ones of which some are so small that sums are rounded.
template <class Scalar>
support::tally differences_in_batches(const model& given, int count, std::mt19937& random,
                                      bool is_masked = false) {
    std::normal_distribution<Scalar> normal;
    support::tally wrong;
    graph_cut solver = given.solver({.negative_scores = imle::negative_scores::clamp});
    const auto n = static_cast<Eigen::Index>(given.size());
    for (int i = 0; i < count; ++i) {
        const Eigen::Index batch = 1 + static_cast<Eigen::Index>(random() % 20);
        batch_of<Scalar> thetas(batch, n), zs(batch, n);
        std::vector<imle::solve_context> contexts(static_cast<std::size_t>(batch));
        std::vector<support::mask> masks;
        for (Eigen::Index b = 0; b < batch; ++b)
            masks.push_back(is_masked && b % 2 == 1 ? support::random_mask(given.size(), random)
                                                    : support::mask(given.size()));
        for (Eigen::Index b = 0; b < batch; ++b) {
            auto theta = random_scores<Scalar>(given, 5, random);
            if (i % 3 != 0)
                for (Scalar& x : theta) x = normal(random);
            if (i % 3 == 2 && b % 3 == 0)
                for (Scalar& x : theta) x *= random() % 2 == 0 ? Scalar(1) : Scalar(0x1p-30);
            std::copy(theta.begin(), theta.end(), thetas.data() + b * n);
            if (is_masked)
                contexts[static_cast<std::size_t>(b)].mask = masks[static_cast<std::size_t>(b)].span();
        }
        zs.setConstant(7);
        if (i % 2 == 0 && !is_masked)
            solver.solve_batch(thetas, zs);
        else
            static_cast<void>(solver.solve_batch(thetas, zs, std::span<const imle::solve_context>(contexts)));
        for (Eigen::Index b = 0; b < batch; ++b) {
            const Eigen::TensorMap<const Eigen::Tensor<Scalar, 1, Eigen::RowMajor>> theta(
                thetas.data() + b * n, n);
            Eigen::Tensor<Scalar, 1, Eigen::RowMajor> z(n);
            static_cast<void>(solver(theta, z, contexts[static_cast<std::size_t>(b)]));
            wrong.expect(std::equal(z.data(), z.data() + n, zs.data() + b * n), given.nodes, " nodes, batch ",
                         i, ", instance ", b, " of ", batch);
        }
    }
    return wrong;
}

std::vector<double> solved(graph_cut& solver, const std::vector<double>& theta) {
    return support::solve<Eigen::RowMajor>(
               solver, theta, Eigen::array<Eigen::Index, 1>{static_cast<Eigen::Index>(theta.size())}, {})
        .z;
}

}  // namespace

TEST_CASE("graph_cut is the smallest of the best labellings", "[solvers][graph_cut]") {
    CHECK(wrong_answers<float, Eigen::RowMajor>(700, 1) == 0);
    CHECK(wrong_answers<double, Eigen::RowMajor>(700, 2) == 0);
    CHECK(wrong_answers<float, Eigen::ColMajor>(700, 3) == 0);
    CHECK(wrong_answers<double, Eigen::ColMajor>(700, 4) == 0);
}

TEST_CASE("graph_cut loses as much as a maximum flow carries", "[solvers][graph_cut]") {
    std::mt19937 random(5);
    support::tally wrong;
    const auto check = [&](const model& given, std::uint32_t spread) {
        const auto theta = random_scores<double>(given, spread, random);
        graph_cut solver = given.solver();
        const auto z = solved(solver, theta);
        const double cut = lost(given, theta, z), flow = largest_flow(given, theta);
        wrong.expect(cut == flow, given.nodes, " nodes, ", given.edges.size(), " edges, spread ", spread,
                     ": ", cut, ", not ", flow);
    };
    for (const std::uint32_t spread : {2U, 5U, 100U}) {
        for (const auto& [nodes, edges] : {std::pair{20, 30}, {40, 200}, {60, 60}, {3, 100}})
            for (int i = 0; i < 5; ++i)
                check(random_model(static_cast<std::size_t>(nodes), static_cast<std::size_t>(edges), random),
                      spread);
        for (const auto& [rows, columns] : {std::pair{8, 8}, {1, 70}, {3, 25}})
            for (int i = 0; i < 3; ++i) check(image(rows, columns), spread);
    }
    CHECK(wrong == 0);
}

TEST_CASE("graph_cut sends flow along a chain, over a bridge, and back", "[solvers][graph_cut]") {
    // A long chain from one terminal to the other: the cheapest edge is cut, the first of equal ones from
    // label 1's side, since label 1's set is the smallest.
    const std::size_t length = 500;
    model chain{length, {}};
    for (std::size_t v = 0; v + 1 < length; ++v)
        chain.edges.push_back({static_cast<Eigen::Index>(v), static_cast<Eigen::Index>(v + 1)});
    std::vector<double> theta(chain.size(), 0);
    theta[0] = 100;
    theta[length - 1] = -100;
    for (std::size_t e = 0; e + 1 < length; ++e) theta[length + e] = e == 123 || e == 321 ? 2 : 3;
    graph_cut solver = chain.solver();
    const auto z = solved(solver, theta);
    CHECK(std::count(z.begin(), z.begin() + static_cast<std::ptrdiff_t>(length), 1.0) == 124);
    CHECK(z[123] == 1);
    CHECK(z[124] == 0);
}

TEST_CASE("graph_cut: a batch has the answers of single solves", "[solvers][graph_cut]") {
    std::mt19937 random(7);
    for (const auto& [nodes, edges] : {std::pair{0, 0}, {3, 5}, {8, 0}, {9, 20}, {30, 40}, {40, 200}}) {
        const model given =
            random_model(static_cast<std::size_t>(nodes), static_cast<std::size_t>(edges), random);
        CHECK(differences_in_batches<float>(given, 30, random) == 0);
        CHECK(differences_in_batches<double>(given, 3, random) == 0);
        CHECK(differences_in_batches<float>(given, 3, random, true) == 0);
    }
    CHECK(differences_in_batches<float>(image(7, 6), 30, random) == 0);
    CHECK(differences_in_batches<float>(image(1, 90), 9, random) == 0);
}

TEST_CASE("graph_cut: lanes refuse instances whose sums may be rounded", "[solvers][graph_cut]") {
    using imle::detail::cuts_in_lanes;
    const imle::detail::cut_network network(9, image(3, 3).edges);
    if (!cuts_in_lanes::is_suited(network)) return;
    const std::size_t n = 9 + network.edges.size();
    // By instance: the smallest number beside others of 1 and of at most 9 together.
    const std::vector<float> smallest{1, 0x1p-24F, 0, 0x1p-24F};
    std::vector<float> thetas(smallest.size() * n, 1), zs(thetas.size());
    for (std::size_t i = 0; i < smallest.size(); ++i) thetas[i * n + 4] = smallest[i];
    const auto refused = [&] {
        std::vector<std::size_t> found;
        cuts_in_lanes cuts;
        CHECK(cuts.solve(network, thetas.data(), smallest.size(), zs.data(),
                         [&](std::size_t i) { found.push_back(i); }));
        return found;
    };
    CHECK(refused().empty());
    thetas[n + 4] = 0x1p-26F;
    CHECK(refused() == std::vector<std::size_t>{1});
    thetas[2 * n + 9] = 0x1p-30F;  // an edge's
    thetas[3 * n + 4] = -0x1p-40F;
    CHECK(refused() == std::vector<std::size_t>{1, 2, 3});
}

TEST_CASE("graph_cut: a batch whose flow takes long ways", "[solvers][graph_cut]") {
    // A path through nodes in any order: lanes give up, and single solves begin.
    std::mt19937 random(8);
    std::vector<Eigen::Index> order(5000);
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Eigen::Index>(i);
    std::shuffle(order.begin(), order.end(), random);
    model path{order.size(), {}};
    for (std::size_t i = 0; i + 1 < order.size(); ++i) path.edges.push_back({order[i], order[i + 1]});
    const auto n = static_cast<Eigen::Index>(path.size());
    batch_of<float> thetas(9, n), zs(9, n);
    thetas.setConstant(0);
    for (Eigen::Index b = 0; b < 9; ++b) {
        for (std::size_t e = 0; e + 1 < order.size(); ++e)
            thetas(b, 5000 + static_cast<Eigen::Index>(e)) = static_cast<float>(3 + random() % 2);
        thetas(b, order.front()) = 1;
        thetas(b, order.back()) = b % 2 == 0 ? -2 : -0.5F;
    }
    graph_cut solver = path.solver();
    solver.solve_batch(thetas, zs);
    support::tally wrong;
    for (Eigen::Index b = 0; b < 9; ++b)
        for (std::size_t i = 0; i < order.size(); ++i)
            wrong.expect(zs(b, order[i]) == (b % 2 == 0 ? 0 : 1), "instance ", b, ", place ", i);
    CHECK(wrong == 0);
}

TEST_CASE("graph_cut in steady state gives what a new solver gives", "[solvers][graph_cut]") {
    std::mt19937 random(6);
    support::tally wrong;
    const model given = image(6, 7);
    graph_cut used = given.solver();
    for (int i = 0; i < 50; ++i) {
        const auto theta = random_scores<double>(given, 7, random);
        graph_cut fresh = given.solver();
        wrong.expect(solved(used, theta) == solved(fresh, theta), "solve ", i);
    }
    CHECK(wrong == 0);
}

TEST_CASE("graph_cut at the scalar's limits", "[solvers][graph_cut]") {
    const double most = std::numeric_limits<double>::max(), tiny = std::numeric_limits<double>::denorm_min();
    graph_cut solver{3, {{0, 1}, {1, 2}, {0, 1}}};
    CHECK(solved(solver, {most, 0, -most, most, most / 2, most}) == std::vector<double>{1, 1, 0, 1, 0, 1});
    CHECK(solved(solver, {most, most, most, most, most, most}) == std::vector<double>(6, 1));
    CHECK(solved(solver, {2 * tiny, 0, -2 * tiny, tiny, tiny, tiny}) ==
          std::vector<double>{1, 1, 0, 1, 0, 1});
    CHECK(solved(solver, {-0.0, 0, 0, 0, 0, 0}) == std::vector<double>{0, 0, 0, 1, 1, 1});
    graph_cut none{0, {}};
    CHECK(solved(none, {}).empty());
}

TEST_CASE("graph_cut says what is wrong", "[solvers][graph_cut][errors]") {
    CHECK_THROWS_WITH(graph_cut(2, {{0, 2}}), mentions("edge 0") && mentions("two of the 2 nodes"));
    CHECK_THROWS_AS(graph_cut(-1, {}), std::invalid_argument);
    CHECK_THROWS_WITH(graph_cut(2, {}, {.negative_scores = static_cast<imle::negative_scores>(7)}),
                      mentions("negative_scores") && mentions("7"));
    graph_cut solver{2, {{0, 1}, {0, 1}}};
    CHECK_THROWS_WITH(solved(solver, {1, 2, 3}), mentions("3 numbers") && mentions("2 nodes"));
    CHECK_THROWS_WITH(solved(solver, {1, -2, 1, -0.5}), mentions("-0.5") && mentions("edge 1"));
    CHECK_THROWS_AS(solved(solver, {1, std::numeric_limits<double>::quiet_NaN(), 1, 1}),
                    std::invalid_argument);
    // In a batch too, whether or not it is solved in lanes; a loop's score does not matter.
    graph_cut larger{9, {{0, 1}, {1, 2}, {3, 3}}};
    batch_of<float> thetas(9, 12), zs(9, 12);
    thetas.setConstant(1);
    thetas(6, 11) = -1;
    CHECK_NOTHROW(larger.solve_batch(thetas, zs));
    thetas(7, 10) = -0.25F;
    CHECK_THROWS_WITH(larger.solve_batch(thetas, zs), mentions("-0.25") && mentions("edge 1"));
    thetas(7, 10) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_AS(larger.solve_batch(thetas, zs), std::invalid_argument);
    batch_of<float> wide(9, 13);
    CHECK_THROWS_WITH(larger.solve_batch(wide, wide), mentions("13 numbers") && mentions("9 nodes"));
    // Counted as 0; its agreement is still reported.
    graph_cut clamping{2, {{0, 1}, {0, 1}}, {.negative_scores = imle::negative_scores::clamp}};
    CHECK(solved(clamping, {1, -2, 0.5, -9}) == std::vector<double>{1, 0, 0, 0});
    CHECK(solved(clamping, {1, 2, 0.5, -9}) == std::vector<double>{1, 1, 1, 1});
}

TEST_CASE("graph_cut cleans an image", "[solvers][graph_cut][docs]") {
    // [image]
    // A row of six pixels: scores of label 1, then scores of equal neighbours. Pixel 2 is noise.
    imle::graph_cut solver{6, {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}}};
    Eigen::Tensor<float, 1> theta(11), z(11);
    theta.setValues({2, 2, -1, 2, -2, -2, 1, 1, 1, 1, 1});
    solver(theta, z);  // labels 1 1 1 1 0 0, equal neighbours 1 1 1 0 1
    // [/image]
    const std::vector<float> found(z.data(), z.data() + 11);
    CHECK(found == std::vector<float>{1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1});

    STATIC_REQUIRE(imle::Solver<graph_cut, float, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(!imle::Solver<graph_cut, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::sense_of<graph_cut> == imle::sense::maximize);
}

}  // namespace graph_cut_tests
