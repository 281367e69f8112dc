#include <imle/families/alignment_family.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <imle/concepts/exponential_family.hpp>
#include <imle/random/words.hpp>
#include <imle/testing/alignments.hpp>

#include "families/family_fixtures.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

namespace alignment_family_tests {

namespace {

using imle::alignment_family;
using imle::random_key;
using imle::testing::alignments;
using vector = std::vector<double>;

template <class Scalar, int Layout>
using tensor = Eigen::Tensor<Scalar, 2, Layout>;

// Calls with numbers in row-major order.
template <class Scalar, int Layout>
struct calls {
    Eigen::Index rows, columns;
    alignment_family family = alignment_family{};

    [[nodiscard]] tensor<Scalar, Layout> of(const vector& numbers) const {
        tensor<Scalar, Layout> result(rows, columns);
        for (Eigen::Index i = 0; i < rows; ++i)
            for (Eigen::Index j = 0; j < columns; ++j)
                result(i, j) = static_cast<Scalar>(numbers[static_cast<std::size_t>(i * columns + j)]);
        return result;
    }
    [[nodiscard]] vector numbers(const tensor<Scalar, Layout>& from) const {
        vector result;
        for (Eigen::Index i = 0; i < rows; ++i)
            for (Eigen::Index j = 0; j < columns; ++j) result.push_back(static_cast<double>(from(i, j)));
        return result;
    }
    [[nodiscard]] tensor<Scalar, Layout> empty() const {
        tensor<Scalar, Layout> result(rows, columns);
        result.setConstant(-7);
        return result;
    }
    [[nodiscard]] vector marginals(const vector& theta, const imle::solve_context& context = {}) const {
        auto mu = empty();
        family.marginals(of(theta), mu, context);
        return numbers(mu);
    }
    [[nodiscard]] vector vjp(const vector& theta, const vector& dmu,
                             const imle::solve_context& context = {}) const {
        auto gradient = empty();
        family.marginals_vjp(of(theta), of(dmu), gradient, context);
        return numbers(gradient);
    }
    [[nodiscard]] vector sample(const vector& theta, random_key key, std::uint64_t item,
                                const imle::solve_context& context = {}) const {
        auto z = empty();
        family.sample(of(theta), key, item, z, context);
        return numbers(z);
    }
    [[nodiscard]] double log_partition(const vector& theta) const { return family.log_partition(of(theta)); }
    [[nodiscard]] double entropy(const vector& theta) const { return family.entropy(of(theta)); }
    [[nodiscard]] double divergence(const vector& theta, const vector& other) const {
        return family.kl_divergence(of(theta), of(other));
    }
};
using plain = calls<double, Eigen::RowMajor>;

double entropy_of(const vector& p) {
    double sum = 0;
    for (const double x : p)
        if (x > 0) sum -= x * std::log(x);
    return sum;
}

// All functions against enumeration: a gap is 2 gap more in each cell, less a constant.
template <class Scalar, int Layout>
void check_enumerated(Eigen::Index rows, Eigen::Index columns, double gap, std::mt19937& random) {
    const alignments exact(rows, columns);
    const calls<Scalar, Layout> call{rows, columns, alignment_family{{.gap = gap}}};
    const double slack = std::is_same_v<Scalar, float> ? 2e-6 : 1e-12;
    for (const double scale : {0.0, 1.0, 8.0}) {
        vector theta = reference::normal_numbers(exact.size(), random, scale),
               other = reference::normal_numbers(exact.size(), random, scale),
               dmu = reference::normal_numbers(exact.size(), random);
        for (vector* numbers : {&theta, &other, &dmu})
            for (double& x : *numbers) x = static_cast<double>(static_cast<Scalar>(x));
        vector shifted = theta, other_shifted = other;
        for (double& t : shifted) t += 2 * gap;
        for (double& t : other_shifted) t += 2 * gap;
        CHECK(support::furthest(call.marginals(theta), exact.gibbs_marginals(shifted)) < slack);
        CHECK(support::furthest(call.vjp(theta, dmu), exact.gibbs_marginals_vjp(shifted, 1, dmu)) <
              8 * slack);
        CHECK(call.log_partition(theta) ==
              Approx(exact.gibbs_log_partition(shifted) - gap * static_cast<double>(rows + columns))
                  .epsilon(1e-13)
                  .margin(1e-12));
        const vector p = exact.gibbs_probabilities(shifted), q = exact.gibbs_probabilities(other_shifted);
        CHECK(call.entropy(theta) == Approx(entropy_of(p)).epsilon(1e-12).margin(1e-12));
        double divergence = 0;
        for (std::size_t s = 0; s < p.size(); ++s)
            if (p[s] > 0) divergence += p[s] * std::log(p[s] / q[s]);
        CHECK(call.divergence(theta, other) == Approx(divergence).epsilon(1e-11).margin(1e-12));
        CHECK(call.divergence(theta, theta) == 0);
        auto z = call.empty();
        call.family.map(call.of(theta), z);
        if (gap == 0) CHECK(call.numbers(z) == exact.map(theta));
    }
}

}  // namespace

TEST_CASE("alignment_family is a family that can be differentiated and measured",
          "[estimators][alignment_family]") {
    STATIC_REQUIRE(imle::ExponentialFamily<alignment_family, float>);
    STATIC_REQUIRE(imle::DifferentiableFamily<alignment_family, double>);
    STATIC_REQUIRE(imle::MeasuredFamily<alignment_family, float>);
}

TEST_CASE("alignment_family agrees with enumeration", "[estimators][alignment_family]") {
    std::mt19937 random(1);
    for (const auto& [rows, columns] : {std::pair{1, 1}, {1, 4}, {4, 1}, {2, 2}, {3, 4}, {5, 3}}) {
        check_enumerated<double, Eigen::RowMajor>(rows, columns, 0, random);
        check_enumerated<float, Eigen::ColMajor>(rows, columns, -0.5, random);
    }
    check_enumerated<double, Eigen::ColMajor>(4, 4, 0.25, random);
    check_enumerated<float, Eigen::RowMajor>(4, 4, 0, random);
}

TEST_CASE("alignment_family: derivatives are finite differences", "[estimators][alignment_family]") {
    std::mt19937 random(2);
    const plain call{9, 7, alignment_family{{.gap = -0.7}}};
    const vector theta = reference::normal_numbers(63, random), dmu = reference::normal_numbers(63, random);
    const vector mu = call.marginals(theta);
    CHECK(support::furthest(
              mu, reference::gradient(theta, [&](const vector& t) { return call.log_partition(t); })) < 1e-8);
    CHECK(support::furthest(call.vjp(theta, dmu), reference::gradient(theta, [&](const vector& t) {
                                return reference::dot(dmu, call.marginals(t));
                            })) < 1e-7);
    // <theta, mu> + gap (2 cells - rows - columns) + entropy = log-partition.
    double cells = 0;
    for (const double m : mu) cells += m;
    CHECK(reference::dot(theta, mu) - 0.7 * (2 * cells - 16) + call.entropy(theta) ==
          Approx(call.log_partition(theta)).epsilon(1e-13));
}

TEST_CASE("alignment_family survives extreme scores", "[estimators][alignment_family]") {
    std::mt19937 random(3);
    // Scores of 8e5 for cells: all moves but right and down are hopeless, and their differences decide.
    const plain call{5, 5};
    vector large = reference::normal_numbers(25, random), small = large;
    for (std::size_t i = 0; i < 25; ++i) {
        small[i] = std::round(small[i] * 1024) / 1024;
        large[i] = small[i] + 807687.0625;
    }
    // The same without diagonal moves: their score is far below by the gap.
    const plain square{5, 5, alignment_family{{.gap = 403843.53125}}};
    CHECK(support::furthest(call.marginals(large), square.marginals(small)) < 1e-13);
    CHECK(call.entropy(large) == Approx(square.entropy(small)).epsilon(1e-13));
    const vector dmu = reference::normal_numbers(25, random);
    CHECK(support::furthest(call.vjp(large, dmu), square.vjp(small, dmu)) < 1e-13);
    const double most = std::numeric_limits<double>::max();
    vector huge(25, most);
    huge[7] = -most;
    CHECK(std::isfinite(call.entropy(huge)));
    CHECK(call.marginals(huge)[7] == 0);
    CHECK(std::isfinite(call.divergence(huge, vector(25, 0.0))));
    for (const double g : call.vjp(huge, dmu)) CHECK(std::isfinite(g));
    // {807687.0625, 807680, 0, -5, 807687} as a row each: one path.
    const calls<float, Eigen::RowMajor> row{1, 5};
    CHECK(row.marginals({807687.0625, 807680, 0, -5, 807687}) == vector(5, 1.0));
}

TEST_CASE("alignment_family: samples follow the law, and are a pure function of key and item",
          "[estimators][alignment_family][draws]") {
    std::mt19937 random(4);
    const alignments exact(3, 4);
    const plain call{3, 4};
    const vector theta = reference::normal_numbers(12, random, 1.5);
    const std::size_t draws = 20000;
    Eigen::Tensor<double, 3, Eigen::RowMajor> zs(static_cast<Eigen::Index>(draws), 3, 4);
    call.family.sample_several(call.of(theta), random_key{3}, 7, zs);
    vector frequency(exact.states().size(), 0);
    std::size_t unknown = 0;
    for (std::size_t s = 0; s < draws; ++s) {
        const vector z(zs.data() + s * 12, zs.data() + (s + 1) * 12);
        const auto found = std::find(exact.states().begin(), exact.states().end(), z);
        if (found == exact.states().end())
            ++unknown;
        else
            frequency[static_cast<std::size_t>(found - exact.states().begin())] += 1.0 / draws;
    }
    CHECK(unknown == 0);
    const vector p = exact.gibbs_probabilities(theta);
    for (std::size_t s = 0; s < p.size(); ++s)  // false alarm: 25 * 1e-10
        CHECK(std::abs(frequency[s] - p[s]) < reference::frequency_bound(p[s], draws));
    for (const std::uint64_t s : {0U, 1U, 999U, 19999U}) {
        const vector z(zs.data() + s * 12, zs.data() + (s + 1) * 12);
        CHECK(z == call.sample(theta, random_key{3}, 7 + s));
        CHECK(z == calls<double, Eigen::ColMajor>{3, 4}.sample(theta, random_key{3}, 7 + s));
    }
}

TEST_CASE(
    "alignment_family: element item * (rows + columns - 1) + i + j of the key decides the move to (i, j)",
    "[estimators][alignment_family]") {
    // Three paths that are alike: diagonal, down and right for thirds of the unit interval.
    const plain call{2, 2, alignment_family{{.gap = -0.5}}};
    support::tally wrong;
    for (std::uint64_t item = 0; item < 40; ++item) {
        double chance[1];
        imle::uniforms(random_key{5}, item * 3 + 2, std::span<double>(chance));
        const vector z = call.sample(vector(4, 1), random_key{5}, item);
        wrong.expect(z[1] == (chance[0] * 3 >= 1 && chance[0] * 3 < 2 ? 1 : 0), "down, item ", item);
        wrong.expect(z[2] == (chance[0] * 3 >= 2 ? 1 : 0), "right, item ", item);
    }
    CHECK(wrong == 0);
}

TEST_CASE("alignment_family under a mask is the family of the allowed paths",
          "[estimators][alignment_family]") {
    std::mt19937 random(5);
    const plain call{4, 4};
    support::tally wrong;
    for (int trial = 0; trial < support::repeats(100); ++trial) {
        support::mask allowed = support::random_mask(16, random);
        const std::size_t rows = 1 + random() % 4, columns = 1 + random() % 4;
        for (std::size_t i = 0; i < 16; ++i)
            if (i / 4 >= rows || i % 4 >= columns) allowed[i] = false;
        vector theta = reference::normal_numbers(16, random);
        const vector dmu = reference::normal_numbers(16, random);
        std::size_t used_rows = 0, used_columns = 0;
        for (std::size_t i = 0; i < 16; ++i)
            if (allowed[i]) {
                used_rows = std::max(used_rows, i / 4 + 1);
                used_columns = std::max(used_columns, i % 4 + 1);
            }
        std::vector<vector> states;
        const alignments all(static_cast<Eigen::Index>(std::max<std::size_t>(used_rows, 1)),
                             static_cast<Eigen::Index>(std::max<std::size_t>(used_columns, 1)));
        for (const vector& small : all.states()) {
            vector state(16, 0);
            bool keeps = used_rows > 0;
            for (std::size_t i = 0; keeps && i < small.size(); ++i) {
                const std::size_t at = i / used_columns * 4 + i % used_columns;
                state[at] = small[i];
                keeps = small[i] == 0 || allowed[at];
            }
            if (keeps) states.push_back(state);
        }
        const imle::solve_context context{.mask = allowed.span()};
        if (states.empty()) {
            CHECK_THROWS_WITH(call.marginals(theta, context), mentions("forbids every path"));
            continue;
        }
        const imle::testing::enumerated_family<2> exact("allowed", {4, 4}, states);
        const vector mu = exact.gibbs_marginals(theta), gradient = exact.gibbs_marginals_vjp(theta, 1, dmu);
        const double log_partition = exact.gibbs_log_partition(theta),
                     entropy = entropy_of(exact.gibbs_probabilities(theta));
        support::spoil_forbidden(theta, allowed, random);
        wrong.expect(support::furthest(call.marginals(theta, context), mu) < 1e-12, "mu, ", theta, allowed);
        wrong.expect(support::furthest(call.vjp(theta, dmu, context), gradient) < 1e-12, "vjp, ", theta,
                     allowed);
        wrong.expect(std::abs(call.family.log_partition(call.of(theta), context) - log_partition) < 1e-12,
                     "log-partition, ", theta, allowed);
        wrong.expect(std::abs(call.family.entropy(call.of(theta), context) - entropy) < 1e-12, "entropy, ",
                     theta, allowed);
        wrong.expect(
            exact.contains(call.sample(theta, random_key{1}, static_cast<std::uint64_t>(trial), context)),
            "a sample, ", theta, allowed);
        auto z = call.empty();
        call.family.map(call.of(theta), z, context);
        wrong.expect(exact.contains(call.numbers(z)), "the map, ", theta, allowed);
    }
    CHECK(wrong == 0);
}

TEST_CASE("alignment_family says what is wrong", "[estimators][alignment_family][errors]") {
    const alignment_family family;
    tensor<double, Eigen::RowMajor> theta(2, 3), mu(2, 3), other(3, 3), none(0, 3);
    theta.setZero();
    other.setZero();
    CHECK_THROWS_WITH(family.marginals(none, none), mentions("[0, 3]") && mentions("at least one cell"));
    CHECK_THROWS_WITH(family.marginals(theta, other), mentions("mu is of shape [3, 3]"));
    CHECK_THROWS_WITH(family.marginals_vjp(theta, other, mu), mentions("dmu is of shape [3, 3]"));
    CHECK_THROWS_WITH(family.kl_divergence(theta, other), mentions("other is of shape [3, 3]"));
    mu.setConstant(std::numeric_limits<double>::infinity());
    CHECK_THROWS_WITH(family.marginals_vjp(theta, mu, theta), mentions("dmu is inf"));
    CHECK_THROWS_WITH(family.log_partition(mu), mentions("theta is inf at element 0"));
    CHECK_THROWS_AS(alignment_family{{.gap = std::numeric_limits<double>::quiet_NaN()}},
                    std::invalid_argument);
}

}  // namespace alignment_family_tests
