#include <imle/solvers/projective_tree.hpp>

#include <imle/concepts/solver.hpp>
#include <imle/solvers/arborescence.hpp>
#include <imle/testing/check_solver.hpp>
#include <imle/testing/projective_trees.hpp>

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

using imle::projective_tree;
using imle::roots;
using reference::matrix;

namespace projective_tree_tests {

namespace {

constexpr long double forbidden = -std::numeric_limits<long double>::infinity();

// The oracle: the best tree over each span of words with each head in it, in O(n^5); then the best division
// of the sentence into the words of each root.
long double best_sum(const matrix& theta, roots wanted) {
    const std::size_t n = theta.size();
    std::vector<std::vector<std::vector<long double>>> best(
        n, std::vector<std::vector<long double>>(n, std::vector<long double>(n, forbidden)));
    for (std::size_t i = 0; i < n; ++i) best[i][i][i] = 0;
    for (std::size_t length = 1; length < n; ++length)
        for (std::size_t i = 0, j = length; j < n; ++i, ++j)
            for (std::size_t k = i; k < j; ++k)
                for (std::size_t left = i; left <= k; ++left)
                    for (std::size_t right = k + 1; right <= j; ++right) {
                        const long double both = best[i][k][left] + best[k + 1][j][right];
                        best[i][j][left] = std::max(best[i][j][left], both + theta[left][right]);
                        best[i][j][right] = std::max(best[i][j][right], both + theta[right][left]);
                    }
    std::vector<long double> before(n + 1, forbidden);
    before[0] = 0;
    for (std::size_t end = 1; end <= n; ++end)
        for (std::size_t first = 0; first < (wanted == roots::any ? end : 1); ++first)
            for (std::size_t root = first; root < end; ++root)
                before[end] =
                    std::max(before[end], before[first] + best[first][end - 1][root] + theta[root][root]);
    return before[n];
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

bool is_projective(const std::vector<std::size_t>& heads) {
    // Arcs as intervals, a root's from in front of all words; none may cross another.
    const auto first = [&](std::size_t j) { return heads[j] == j ? 0 : std::min(heads[j], j) + 1; };
    const auto last = [&](std::size_t j) { return std::max(heads[j], j) + 1; };
    for (std::size_t a = 0; a < heads.size(); ++a)
        for (std::size_t b = 0; b < heads.size(); ++b)
            if (first(a) < first(b) && first(b) < last(a) && last(a) < last(b)) return false;
    return true;
}

template <int Layout, class Scalar = double>
std::vector<std::size_t> solved(projective_tree& solver, const matrix& theta) {
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
        projective_tree solver{{.roots = wanted}};
        for (int trial = 0; trial < count; ++trial) {
            const std::size_t n = 1 + random() % most;
            matrix theta(n, std::vector<double>(n));
            long double size = 0;
            for (auto& row : theta)
                for (double& t : row) size += std::abs(t = number(trial % 7, random));
            const auto heads = solved<Eigen::RowMajor>(solver, theta);
            const bool tree = heads.size() == n && reference::is_tree(heads, wanted) && is_projective(heads);
            const long double miss =
                tree && size > 0 ? (best_sum(theta, wanted) - reference::value_of(theta, heads)) / size : 0;
            wrong.expect(tree && miss < 1e-16L && miss > -1e-16L, "trial ", trial, ", ", n, " words, misses ",
                         static_cast<double>(miss), ": heads ", heads);
        }
    }
    return wrong;
}

}  // namespace

TEST_CASE("projective_tree keeps a solver's laws", "[solvers][projective_tree][laws]") {
    using imle::testing::check_solver;
    using imle::testing::projective_trees;
    for (const roots wanted : {roots::single, roots::any}) {
        const projective_tree solver{{.roots = wanted}};
        for (const std::size_t words : {1u, 2u, 3u, 4u}) {
            const auto report = check_solver<float>(solver, projective_trees(words, wanted), {.trials = 40});
            INFO(report);
            CHECK(report.passed());
        }
        const auto report =
            check_solver<double, Eigen::ColMajor>(solver, projective_trees(5, wanted), {.trials = 20});
        INFO(report);
        CHECK(report.passed());
    }
}

TEST_CASE("projective_tree is as good as the best tree over each span", "[solvers][projective_tree]") {
    CHECK(wrong_trees(9, support::repeats(140), 1) == 0);
    CHECK(wrong_trees(20, support::repeats(7), 2) == 0);
}

TEST_CASE("projective_tree under a mask is the best tree of what is allowed", "[solvers][projective_tree]") {
    for (const roots wanted : {roots::single, roots::any}) {
        const projective_tree solver{{.roots = wanted}};
        const auto family = [&](std::size_t words) { return imle::testing::projective_trees(words, wanted); };
        const int count = support::repeats(1500);
        CHECK(reference::wrong_under_masks<Eigen::RowMajor, float>(solver, family, count, 1) == 0);
        CHECK(reference::wrong_under_masks<Eigen::ColMajor, float>(solver, family, count, 2) == 0);
        CHECK(reference::wrong_under_masks<Eigen::RowMajor, double>(solver, family, count, 3) == 0);
        CHECK(reference::wrong_under_masks<Eigen::ColMajor, double>(solver, family, count, 4) == 0);
    }
}

TEST_CASE("projective_tree resolves ties alike in all layouts, scalars and masks",
          "[solvers][projective_tree]") {
    for (const roots wanted : {roots::single, roots::any}) {
        projective_tree solver{{.roots = wanted}};
        CHECK(reference::differences(solver, 12, support::repeats(200), 5) == 0);
        // The root of lowest index; of each head the outermost dependent of lowest index.
        CHECK(solved<Eigen::RowMajor>(solver, matrix(4, std::vector<double>(4, -2))) ==
              std::vector<std::size_t>{0, 0, 1, 2});
    }
}

namespace {

// Batches of sentences of many lengths, some of which have no tree, against single solves.
template <class Scalar, int Layout>
support::tally batch_differences(roots wanted, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally different;
    projective_tree solver{{.roots = wanted}};
    for (int trial = 0; trial < support::repeats(20); ++trial) {
        const Eigen::Index batch = static_cast<Eigen::Index>(1 + random() % 19),
                           n = static_cast<Eigen::Index>(1 + random() % 10);
        const auto size = static_cast<std::size_t>(n * n);
        const bool rows = Layout == Eigen::RowMajor;
        Eigen::Tensor<Scalar, 3, Layout> thetas(rows ? batch : n, n, rows ? n : batch),
            zs(thetas.dimensions());
        std::vector<support::mask> masks;
        std::vector<imle::solve_context> contexts;
        for (Eigen::Index b = 0; b < batch; ++b) {
            std::vector<Scalar> theta(size);
            for (Scalar& t : theta) t = static_cast<Scalar>(random() % 7);
            masks.push_back(reference::random_mask<Layout>(static_cast<std::size_t>(n), random));
            support::spoil_forbidden(theta, masks.back(), random);
            std::copy(theta.begin(), theta.end(), thetas.data() + b * n * n);
        }
        for (const auto& mask : masks) contexts.push_back({.mask = mask.span()});
        zs.setConstant(imle::detail::unwritten<Scalar>());
        const auto status = solver.solve_batch(thetas, zs, contexts);
        bool all_solved = true;
        for (Eigen::Index b = 0; b < batch; ++b) {
            const std::vector<Scalar> theta(thetas.data() + b * n * n, thetas.data() + (b + 1) * n * n);
            const auto one = support::solve<Layout>(solver, theta, Eigen::array<Eigen::Index, 2>{n, n},
                                                    masks[static_cast<std::size_t>(b)].span());
            all_solved = all_solved && one.status == imle::solve_status::solved;
            different.expect(std::equal(one.z.begin(), one.z.end(), zs.data() + b * n * n), "instance ", b,
                             " of ", batch, ", ", n, " words");
        }
        different.expect((status == imle::solve_status::solved) == all_solved, "the status of a batch");
    }
    return different;
}

}  // namespace

TEST_CASE("projective_tree in batches of sentences of many lengths", "[solvers][projective_tree]") {
    for (const roots wanted : {roots::single, roots::any}) {
        CHECK(batch_differences<float, Eigen::RowMajor>(wanted, 1) == 0);
        CHECK(batch_differences<double, Eigen::ColMajor>(wanted, 2) == 0);
    }
}

TEST_CASE("projective_tree and arborescence agree unless arcs of the best tree cross",
          "[solvers][projective_tree]") {
    std::mt19937 random(7);
    std::normal_distribution<double> normal;
    int crossing = 0;
    support::tally wrong;
    projective_tree projective;
    imle::arborescence free;
    for (int trial = 0; trial < 300; ++trial) {
        const std::size_t n = 2 + random() % 8;
        matrix theta(n, std::vector<double>(n));
        for (auto& row : theta)
            for (double& t : row) t = normal(random);
        const auto side = static_cast<Eigen::Index>(n);
        const auto best = reference::heads_of<Eigen::RowMajor>(
            support::solve<Eigen::RowMajor>(free, reference::in_memory<Eigen::RowMajor, double>(theta),
                                            Eigen::array<Eigen::Index, 2>{side, side}, {})
                .z,
            n);
        const auto found = solved<Eigen::RowMajor>(projective, theta);
        const bool crosses = !is_projective(best);
        crossing += crosses ? 1 : 0;
        wrong.expect((found == best) != crosses, "heads ", found, " and ", best);
    }
    CHECK(wrong == 0);
    CHECK(crossing > 30);
    CHECK(crossing < 270);
}

TEST_CASE("projective_tree says what is wrong", "[solvers][projective_tree][errors]") {
    projective_tree solver;
    Eigen::Tensor<double, 2> theta(2, 2), z(2, 2), other(3, 2), none(0, 0), none_z(0, 0);
    theta.setZero();
    CHECK_NOTHROW(solver(none, none_z));
    CHECK_THROWS_WITH(solver(other, other), mentions("theta is [3, 2]") && mentions("[words, words]"));
    CHECK_THROWS_WITH(solver(theta, other), mentions("z is of shape [3, 2]"));
    Eigen::Tensor<double, 3> thetas(2, 2, 5), zs(2, 2, 4);
    thetas.setZero();
    CHECK_THROWS_WITH(solver.solve_batch(thetas, zs), mentions("z is of shape [2, 2, 4]"));
    CHECK_THROWS_WITH(solver.solve_batch(thetas, thetas, std::vector<imle::solve_context>(4)),
                      mentions("contexts is a list of 4"));
    theta(1, 0) = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH(solver(theta, z), mentions("theta is nan at element 1"));
    CHECK_THROWS_WITH((projective_tree{{.roots = static_cast<roots>(7)}}),
                      mentions("arborescence_options::roots is 7"));
}

TEST_CASE("projective_tree fits the concepts", "[solvers][projective_tree]") {
    STATIC_REQUIRE(imle::Solver<projective_tree, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::Solver<projective_tree, double, 2, Eigen::ColMajor>);
    STATIC_REQUIRE(imle::BatchSolver<projective_tree, float, 2, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::sense_of<projective_tree> == imle::sense::maximize);
}

TEST_CASE("docs: the example of projective_tree leaves out an arc that crosses",
          "[solvers][projective_tree][docs]") {
    std::ostringstream out;
    // [parse]
    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(4, 4), z(4, 4);  // a hearing begins on ...
    theta.setValues({{0, 0, 0, 0},                                  //
                     {3, 0, 0, 5},  // hearing: a hangs from it, 3, and so does on, 5
                     {0, 4, 6, 4},  // begins: hearing hangs from it, 4, or on, 4; the root, 6
                     {0, 0, 0, 0}});
    imle::projective_tree parser;
    parser(theta, z);
    out << z;  // on hangs from begins: an arc from hearing to on would cross that from the root to begins
    // [/parse]
    // [parsed]
    CHECK(out.str() ==
          "0 0 0 0\n"
          "1 0 0 0\n"
          "0 1 1 1\n"
          "0 0 0 0");
    // [/parsed]
}

}  // namespace projective_tree_tests
