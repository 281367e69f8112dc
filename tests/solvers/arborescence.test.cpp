#include <imle/solvers/arborescence.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/arborescences.hpp>
#include <imle/testing/check_solver.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "solvers/dependency_reference.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

using imle::arborescence;
using imle::roots;
using reference::matrix;

namespace arborescence_tests {

namespace {

constexpr long double forbidden = -std::numeric_limits<long double>::infinity();
using wide_matrix = std::vector<std::vector<long double>>;

// The oracle: Chu-Liu and Edmonds by recursion, as a textbook has it. Node 0 is the root; the heads of the
// others.
std::vector<std::size_t> textbook(const wide_matrix& score) {
    const std::size_t n = score.size();
    std::vector<std::size_t> head(n, 0);
    for (std::size_t j = 1; j < n; ++j) {
        head[j] = j == 1 ? 0 : 1;
        for (std::size_t i = 0; i < n; ++i)
            if (i != j && score[i][j] > score[head[j]][j]) head[j] = i;
    }
    std::vector<std::size_t> cycle;
    for (std::size_t start = 1; start < n && cycle.empty(); ++start) {
        std::size_t at = start;
        for (std::size_t step = 0; step < n && at != 0; ++step) at = head[at];
        if (at == 0) continue;
        for (std::size_t first = at; cycle.empty() || at != first; at = head[at]) cycle.push_back(at);
    }
    if (cycle.empty()) return head;
    std::vector<std::size_t> outside, place(n, n);
    for (std::size_t v = 0; v < n; ++v)
        if (std::find(cycle.begin(), cycle.end(), v) == cycle.end()) {
            place[v] = outside.size();
            outside.push_back(v);
        }
    const std::size_t m = outside.size();  // the cycle's place
    wide_matrix small(m + 1, std::vector<long double>(m + 1, forbidden));
    std::vector<std::size_t> into(m), out_of(m);
    for (std::size_t a = 0; a < m; ++a)
        for (std::size_t b = 0; b < m; ++b) small[a][b] = score[outside[a]][outside[b]];
    for (std::size_t a = 0; a < m; ++a)
        for (const std::size_t c : cycle) {
            const std::size_t v = outside[a];
            if (score[v][c] - score[head[c]][c] > small[a][m]) {
                small[a][m] = score[v][c] - score[head[c]][c];
                into[a] = c;
            }
            if (v != 0 && score[c][v] > small[m][a]) {
                small[m][a] = score[c][v];
                out_of[a] = c;
            }
        }
    const auto solved = textbook(small);
    for (std::size_t b = 1; b < m; ++b) head[outside[b]] = solved[b] == m ? out_of[b] : outside[solved[b]];
    head[into[solved[m]]] = outside[solved[m]];
    return head;
}

// The best sum, with one root by trying each word.
long double best_sum(const matrix& theta, roots wanted) {
    const std::size_t n = theta.size();
    long double best = forbidden;
    for (std::size_t root = 0; root < (wanted == roots::any ? 1 : n); ++root) {
        wide_matrix score(n + 1, std::vector<long double>(n + 1, forbidden));
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j)
                if (i != j)
                    score[i + 1][j + 1] = theta[i][j];
                else if (wanted == roots::any || j == root)
                    score[0][j + 1] = theta[j][j];
        const auto head = textbook(score);
        long double sum = 0;
        for (std::size_t j = 1; j <= n; ++j) sum += score[head[j]][j];
        best = std::max(best, sum);
    }
    return best;
}

double number(int kind, std::mt19937& random) {
    const double u = std::uniform_real_distribution<double>(0, 1)(random);
    const double values[] = {2 * u - 1,
                             std::floor(7 * u) - 3,                                 // ties
                             1,                                                     // equal everywhere
                             (u < 0.5 ? -1 : 1) * std::pow(10.0, 120 * u - 60),     // 1e-60 .. 1e60
                             (u - 0.5) * 1.9 * std::numeric_limits<double>::max(),  // sums overflow
                             807687.0625 - 8 * std::floor(3 * u) - u / 16,          // differences are small
                             (std::floor(9 * u) - 4) * std::numeric_limits<double>::denorm_min()};
    return values[kind];
}

template <int Layout, class Scalar = double>
std::vector<std::size_t> solved(arborescence& solver, const matrix& theta) {
    const auto n = static_cast<Eigen::Index>(theta.size());
    const auto found = support::solve<Layout>(solver, reference::in_memory<Layout, Scalar>(theta),
                                              Eigen::array<Eigen::Index, 2>{n, n}, {});
    if (found.status != imle::solve_status::solved) return {};
    return reference::heads_of<Layout>(found.z, theta.size());
}

support::tally wrong_trees(std::size_t most, int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (const roots wanted : {roots::single, roots::any}) {
        arborescence solver{{.roots = wanted}};
        for (int trial = 0; trial < count; ++trial) {
            const std::size_t n = 1 + random() % most;
            matrix theta(n, std::vector<double>(n));
            long double size = 0;
            for (auto& row : theta)
                for (double& t : row) size += std::abs(t = number(trial % 7, random));
            const auto heads = solved<Eigen::RowMajor>(solver, theta);
            const bool tree = heads.size() == n && reference::is_tree(heads, wanted);
            const long double miss =
                tree && size > 0 ? (best_sum(theta, wanted) - reference::value_of(theta, heads)) / size : 0;
            wrong.expect(tree && miss < 1e-16L && miss > -1e-16L, "trial ", trial, ", ", n, " words, misses ",
                         static_cast<double>(miss), ": heads ", heads);
        }
    }
    return wrong;
}

}  // namespace

TEST_CASE("arborescence keeps a solver's laws", "[solvers][arborescence][laws]") {
    using imle::testing::arborescences;
    using imle::testing::check_solver;
    for (const roots wanted : {roots::single, roots::any}) {
        const arborescence solver{{.roots = wanted}};
        for (const std::size_t words : {1u, 2u, 3u, 4u}) {
            const auto report = check_solver<float>(solver, arborescences(words, wanted),
                                                    {.trials = std::max(support::repeats(40), 10)});
            INFO(report);
            CHECK(report.passed());
        }
        const auto report = check_solver<double, Eigen::ColMajor>(
            solver, arborescences(5, wanted), {.trials = std::max(support::repeats(20), 10)});
        INFO(report);
        CHECK(report.passed());
    }
}

TEST_CASE("arborescence is as good as Chu-Liu and Edmonds", "[solvers][arborescence]") {
    CHECK(wrong_trees(24, support::repeats(210), 1) == 0);
    CHECK(wrong_trees(60, support::repeats(14), 2) == 0);
}

TEST_CASE("arborescence has one root even where several are far better", "[solvers][arborescence]") {
    // Roots score 1e9 more than arcs, which differ by little.
    std::mt19937 random(3);
    support::tally wrong;
    arborescence solver;
    for (int trial = 0; trial < 60; ++trial) {
        const std::size_t n = 2 + random() % 12;
        matrix theta(n, std::vector<double>(n));
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j)
                theta[i][j] = static_cast<double>(random() % 8) / 1048576 + (i == j ? 1e9 : 0);
        const auto heads = solved<Eigen::ColMajor>(solver, theta);
        wrong.expect(reference::is_tree(heads, roots::single) && heads.size() == n &&
                         reference::value_of(theta, heads) == best_sum(theta, roots::single),
                     "heads ", heads);
    }
    CHECK(wrong == 0);
}

TEST_CASE("arborescence under a mask is the best tree of what is allowed", "[solvers][arborescence]") {
    for (const roots wanted : {roots::single, roots::any}) {
        const arborescence solver{{.roots = wanted}};
        const auto family = [&](std::size_t words) { return imle::testing::arborescences(words, wanted); };
        const int count = support::repeats(1500);
        CHECK(reference::wrong_under_masks<Eigen::RowMajor, float>(solver, family, count, 1) == 0);
        CHECK(reference::wrong_under_masks<Eigen::ColMajor, float>(solver, family, count, 2) == 0);
        CHECK(reference::wrong_under_masks<Eigen::RowMajor, double>(solver, family, count, 3) == 0);
        CHECK(reference::wrong_under_masks<Eigen::ColMajor, double>(solver, family, count, 4) == 0);
    }
}

TEST_CASE("arborescence resolves ties alike in all layouts, scalars and masks", "[solvers][arborescence]") {
    for (const roots wanted : {roots::single, roots::any})
        CHECK(reference::differences(arborescence{{.roots = wanted}}, 12, support::repeats(200), 5) == 0);
    // The heads of lowest index, where they make a tree.
    for (const roots wanted : {roots::single, roots::any}) {
        arborescence solver{{.roots = wanted}};
        CHECK(solved<Eigen::RowMajor>(solver, matrix(5, std::vector<double>(5, -2))) ==
              std::vector<std::size_t>{0, 0, 0, 0, 0});
        matrix theta(4, std::vector<double>(4, 0));
        theta[0][0] = theta[0][3] = theta[1][3] = -1;
        theta[3][0] = theta[3][1] = theta[2][2] = 1;
        CHECK(solved<Eigen::RowMajor>(solver, theta) == std::vector<std::size_t>{3, 3, 2, 2});
    }
}

TEST_CASE("arborescence is the tree of the lowest best heads, where they make one",
          "[solvers][arborescence]") {
    std::mt19937 random(8);
    support::tally wrong;
    int trees = 0;
    for (const roots wanted : {roots::single, roots::any}) {
        arborescence solver{{.roots = wanted}};
        for (int trial = 0; trial < support::repeats(1000); ++trial) {
            const std::size_t n = 1 + random() % 9;
            matrix theta(n, std::vector<double>(n));
            std::vector<std::size_t> best(n, 0);
            for (auto& row : theta)
                for (double& t : row) t = static_cast<double>(random() % 3);
            for (std::size_t j = 0; j < n; ++j)
                for (std::size_t i = 1; i < n; ++i)
                    if (theta[i][j] > theta[best[j]][j]) best[j] = i;
            if (!reference::is_tree(best, wanted)) continue;
            ++trees;
            wrong.expect(solved<Eigen::RowMajor>(solver, theta) == best, "heads ", best);
        }
    }
    CHECK(wrong == 0);
    CHECK(trees > 50);
}

TEST_CASE("arborescence in a layer: each sentence of a batch is solved as it is alone",
          "[solvers][arborescence]") {
    const Eigen::Index longest = 40;
    std::mt19937 random(6);
    std::normal_distribution<float> normal;
    Eigen::Tensor<float, 3, Eigen::RowMajor> theta(16, longest, longest);
    std::vector<Eigen::Index> lengths;
    support::mask allowed(static_cast<std::size_t>(theta.size()), false);
    for (Eigen::Index b = 0; b < theta.dimension(0); ++b) {
        lengths.push_back(b == 0 ? 3 : b == 1 ? 40 : static_cast<Eigen::Index>(3 + random() % 38));
        for (Eigen::Index i = 0; i < longest; ++i)
            for (Eigen::Index j = 0; j < longest; ++j) {
                theta(b, i, j) = normal(random);
                allowed[static_cast<std::size_t>((b * longest + i) * longest + j)] =
                    i < lengths.back() && j < lengths.back();
            }
    }
    imle::imle_layer layer{arborescence{}, imle::gumbel{}, imle::perturbation_target{}};
    const auto together = layer.map(theta, imle::call_options{.mask = allowed.span()});
    support::tally different;
    for (Eigen::Index b = 0; b < theta.dimension(0); ++b) {
        const Eigen::Index n = lengths[static_cast<std::size_t>(b)];
        Eigen::Tensor<float, 2, Eigen::RowMajor> one(n, n), z(n, n);
        for (Eigen::Index i = 0; i < n; ++i)
            for (Eigen::Index j = 0; j < n; ++j) one(i, j) = theta(b, i, j);
        arborescence{}(one, z);
        for (Eigen::Index i = 0; i < longest; ++i)
            for (Eigen::Index j = 0; j < longest; ++j)
                different.expect(together(b, i, j) == (i < n && j < n ? z(i, j) : 0), "row ", b, ": (", i,
                                 ", ", j, ")");
    }
    CHECK(different == 0);
}

TEST_CASE("arborescence of two words has two trees with one root and three with any number",
          "[solvers][arborescence]") {
    CHECK(imle::testing::arborescences(2).states().size() == 2);
    CHECK(imle::testing::arborescences(2, roots::any).states().size() == 3);
    matrix theta{{2, 1}, {0, 3}};
    arborescence single, any{{.roots = roots::any}};
    CHECK(solved<Eigen::RowMajor>(any, theta) == std::vector<std::size_t>{0, 1});
    CHECK(solved<Eigen::RowMajor>(single, theta) == std::vector<std::size_t>{0, 0});
    theta[1][0] = 1;
    CHECK(solved<Eigen::RowMajor>(single, theta) == std::vector<std::size_t>{1, 1});
    CHECK(solved<Eigen::RowMajor>(single, matrix{}).empty());
}

TEST_CASE("arborescence says what is wrong", "[solvers][arborescence][errors]") {
    arborescence solver;
    Eigen::Tensor<double, 2> theta(2, 2), z(2, 2), other(3, 2), wide(1, 9000);
    theta.setZero();
    CHECK_THROWS_WITH(solver(other, other), mentions("theta is [3, 2]") && mentions("[words, words]"));
    CHECK_THROWS_WITH(solver(theta, other), mentions("z is of shape [3, 2]"));
    theta(1, 0) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH(solver(theta, z), mentions("theta is nan at element 1"));
    theta(1, 0) = -std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(solver(theta, z), std::invalid_argument);
    CHECK_THROWS_WITH((arborescence{{.roots = static_cast<roots>(7)}}),
                      mentions("arborescence_options::roots is 7"));
}

TEST_CASE("arborescence fits the concepts", "[solvers][arborescence]") {
    STATIC_REQUIRE(imle::Solver<arborescence, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::Solver<arborescence, double, 2, Eigen::ColMajor>);
    STATIC_REQUIRE(imle::sense_of<arborescence> == imle::sense::maximize);
    STATIC_REQUIRE(imle::sense_of<imle::minimizing<arborescence>> == imle::sense::minimize);
}

TEST_CASE("docs: the example of arborescence parses a sentence", "[solvers][arborescence][docs]") {
    std::ostringstream out;
    // [parse]
    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(3, 3), z(3, 3);  // I saw her
    theta.setValues({{1, 2, 0},                                     // saw hangs from I: 2
                     {5, 3, 4},                                     // I from saw: 5, her from saw: 4
                     {0, 1, 1}});
    imle::arborescence parser;
    parser(theta, z);
    out << z;  // saw is the root; I and her hang from it
    // [/parse]
    // [parsed]
    CHECK(out.str() ==
          "0 0 0\n"
          "1 1 1\n"
          "0 0 0");
    // [/parsed]
}

}  // namespace arborescence_tests
