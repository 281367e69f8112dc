#include <imle/families/chain_family.hpp>

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
#include <imle/testing/label_sequences.hpp>

#include "families/family_fixtures.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

namespace chain_family_tests {

namespace {

using imle::chain_family;
using imle::random_key;
using imle::testing::label_sequences;
using vector = std::vector<double>;

template <class Scalar, int Layout>
using tensor = Eigen::Tensor<Scalar, 3, Layout>;

// Calls with numbers in row-major order.
template <class Scalar, int Layout>
struct calls {
    Eigen::Index steps, labels;
    chain_family family = {};

    [[nodiscard]] tensor<Scalar, Layout> of(const vector& numbers) const {
        tensor<Scalar, Layout> result(steps, labels, labels);
        std::size_t next = 0;
        for (Eigen::Index t = 0; t < steps; ++t)
            for (Eigen::Index i = 0; i < labels; ++i)
                for (Eigen::Index j = 0; j < labels; ++j)
                    result(t, i, j) = static_cast<Scalar>(numbers[next++]);
        return result;
    }
    [[nodiscard]] vector numbers(const tensor<Scalar, Layout>& from) const {
        vector result;
        for (Eigen::Index t = 0; t < steps; ++t)
            for (Eigen::Index i = 0; i < labels; ++i)
                for (Eigen::Index j = 0; j < labels; ++j)
                    result.push_back(static_cast<double>(from(t, i, j)));
        return result;
    }
    [[nodiscard]] tensor<Scalar, Layout> empty() const {
        tensor<Scalar, Layout> result(steps, labels, labels);
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
    [[nodiscard]] vector sample(const vector& theta, random_key key, std::uint64_t item) const {
        auto z = empty();
        family.sample(of(theta), key, item, z);
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

// All functions against enumeration.
template <class Scalar, int Layout>
void check_enumerated(Eigen::Index steps, Eigen::Index labels, std::mt19937& random) {
    const label_sequences exact(steps, labels);
    const calls<Scalar, Layout> call{steps, labels};
    const double slack = std::is_same_v<Scalar, float> ? 2e-6 : 1e-12;
    for (const double scale : {0.0, 1.0, 8.0}) {
        vector theta = reference::normal_numbers(exact.size(), random, scale),
               other = reference::normal_numbers(exact.size(), random, scale),
               dmu = reference::normal_numbers(exact.size(), random);
        for (vector* numbers : {&theta, &other, &dmu})
            for (double& x : *numbers) x = static_cast<double>(static_cast<Scalar>(x));
        const vector mu = call.marginals(theta);
        CHECK(support::furthest(mu, exact.gibbs_marginals(theta)) < slack);
        CHECK(support::furthest(call.vjp(theta, dmu), exact.gibbs_marginals_vjp(theta, 1, dmu)) < 4 * slack);
        CHECK(call.log_partition(theta) ==
              Approx(exact.gibbs_log_partition(theta)).epsilon(1e-13).margin(1e-13));
        const vector p = exact.gibbs_probabilities(theta), q = exact.gibbs_probabilities(other);
        CHECK(call.entropy(theta) == Approx(entropy_of(p)).epsilon(1e-12).margin(1e-12));
        double divergence = 0;
        for (std::size_t s = 0; s < p.size(); ++s)
            if (p[s] > 0) divergence += p[s] * std::log(p[s] / q[s]);
        CHECK(call.divergence(theta, other) == Approx(divergence).epsilon(1e-11).margin(1e-12));
        CHECK(call.divergence(theta, theta) == 0);
        auto z = call.empty();
        call.family.map(call.of(theta), z);
        CHECK(call.numbers(z) == exact.map(theta));
    }
}

}  // namespace

TEST_CASE("chain_family is a family that can be differentiated and measured", "[estimators][chain_family]") {
    STATIC_REQUIRE(imle::ExponentialFamily<chain_family, float>);
    STATIC_REQUIRE(imle::DifferentiableFamily<chain_family, double>);
    STATIC_REQUIRE(imle::MeasuredFamily<chain_family, float>);
    STATIC_REQUIRE(!imle::ExponentialFamily<chain_family, int>);
}

TEST_CASE("chain_family agrees with enumeration", "[estimators][chain_family]") {
    std::mt19937 random(1);
    for (const auto& [steps, labels] : {std::pair{1, 1}, {1, 5}, {2, 3}, {3, 2}, {5, 2}, {3, 4}, {4, 1}}) {
        check_enumerated<double, Eigen::RowMajor>(steps, labels, random);
        check_enumerated<float, Eigen::ColMajor>(steps, labels, random);
    }
    check_enumerated<double, Eigen::ColMajor>(3, 3, random);
    check_enumerated<float, Eigen::RowMajor>(3, 3, random);
}

TEST_CASE("chain_family: derivatives are finite differences, on a longer chain",
          "[estimators][chain_family]") {
    std::mt19937 random(2);
    const plain call{6, 4};
    const vector theta = reference::normal_numbers(96, random), dmu = reference::normal_numbers(96, random);
    CHECK(support::furthest(call.marginals(theta), reference::gradient(theta, [&](const vector& t) {
                                return call.log_partition(t);
                            })) < 1e-8);
    CHECK(support::furthest(call.vjp(theta, dmu), reference::gradient(theta, [&](const vector& t) {
                                return reference::dot(dmu, call.marginals(t));
                            })) < 1e-8);
}

TEST_CASE("chain_family: marginals of each step add up, and agree at each position",
          "[estimators][chain_family]") {
    std::mt19937 random(3);
    const plain call{40, 7};
    const vector theta = reference::normal_numbers(40 * 49, random, 3), mu = call.marginals(theta);
    vector before(7, 0);
    for (std::size_t t = 0; t < 40; ++t) {
        vector from(7, 0), to(7, 0);
        double sum = 0;
        for (std::size_t i = 0; i < 7; ++i)
            for (std::size_t j = 0; j < 7; ++j) {
                const double m = mu[(t * 7 + i) * 7 + j];
                from[i] += m;
                to[j] += m;
                sum += m;
            }
        CHECK(std::abs(sum - 1) < 1e-13);
        if (t > 0) CHECK(support::furthest(from, before) < 1e-13);
        before = to;
    }
    // <theta, mu> + entropy = log-partition.
    CHECK(reference::dot(theta, mu) + call.entropy(theta) ==
          Approx(call.log_partition(theta)).epsilon(1e-13));
}

TEST_CASE("chain_family survives extreme scores", "[estimators][chain_family]") {
    // Five labels at one position, by two steps: the transitions from label 0 have these scores; all else is
    // far below.
    const vector scores{807687.0625, 807680, 0, -5, 807687};
    const calls<float, Eigen::RowMajor> call{1, 5};
    vector theta(25, -1e6);
    std::copy(scores.begin(), scores.end(), theta.begin());
    const vector mu = call.marginals(theta);
    // softmax, by hand: 1 / (1 + exp(-7.0625) + exp(-0.0625)) = 0.515377...
    const double total = 1 + std::exp(-7.0625) + std::exp(-0.0625);
    const vector expected{1 / total, std::exp(-7.0625) / total, 0, 0, std::exp(-0.0625) / total};
    for (std::size_t j = 0; j < 5; ++j) CHECK(mu[j] == Approx(expected[j]).epsilon(1e-6));
    for (std::size_t i = 5; i < 25; ++i) CHECK(mu[i] == 0);
    CHECK(call.entropy(theta) == Approx(entropy_of(expected)).epsilon(1e-12));
    CHECK(call.log_partition(theta) == Approx(807687.0625 + std::log(total)).epsilon(1e-15));

    // 40 steps of such scores: the sums are 3e7 large, their differences stay exact.
    std::mt19937 random(4);
    const plain chain{40, 3};
    vector large = reference::normal_numbers(40 * 9, random), small = large;
    for (std::size_t i = 0; i < large.size(); ++i) {
        small[i] = std::round(small[i] * 1024) / 1024;
        large[i] = small[i] + 807687;
    }
    const vector dmu = reference::normal_numbers(large.size(), random);
    CHECK(support::furthest(chain.marginals(large), chain.marginals(small)) < 1e-14);
    CHECK(support::furthest(chain.vjp(large, dmu), chain.vjp(small, dmu)) < 1e-13);
    CHECK(chain.entropy(large) == Approx(chain.entropy(small)).epsilon(1e-14));
    CHECK(chain.divergence(large, small) < 1e-13);
    CHECK(chain.log_partition(large) - 40 * 807687.0 == Approx(chain.log_partition(small)).margin(1e-7));

    // The largest finite numbers.
    const double most = std::numeric_limits<double>::max();
    vector huge(8, most);
    huge[0] = -most;
    const plain two{2, 2};
    const vector half = two.marginals(huge);
    CHECK(half[0] == 0);
    CHECK(std::isfinite(two.entropy(huge)));
    CHECK(two.entropy(huge) == Approx(std::log(6)));
    CHECK(std::isfinite(two.divergence(huge, vector(8, 0.0))));
    for (const double g : two.vjp(huge, vector{1, 2, 3, 4, 5, 6, 7, 8})) CHECK(std::isfinite(g));
    // Labels that are cut off: exp(-800) is 0, but the only way on leads through it.
    const vector narrow{0, -800, 0, -800, -1e5, -1e5, 3, 3};
    const vector through = two.marginals(narrow);
    CHECK(through[1] == Approx(0.5));
    CHECK(through[6] == Approx(0.5));
}

TEST_CASE("chain_family: the gradient of large cotangents", "[estimators][chain_family]") {
    std::mt19937 random(5);
    const plain call{3, 3};
    const vector theta = reference::normal_numbers(27, random);
    vector dmu = reference::normal_numbers(27, random), large = dmu;
    for (double& d : large) d = std::ldexp(d, 1000);
    const vector gradient = call.vjp(theta, large), expected = call.vjp(theta, dmu);
    for (std::size_t i = 0; i < 27; ++i) CHECK(gradient[i] == std::ldexp(expected[i], 1000));
    // The same number in a whole step moves nothing.
    vector constant(27, 0);
    for (std::size_t i = 9; i < 18; ++i) constant[i] = 3;
    CHECK(support::furthest(call.vjp(theta, constant), vector(27, 0.0)) < 1e-15);
}

TEST_CASE("chain_family: samples follow the law, and are a pure function of key and item",
          "[estimators][chain_family][draws]") {
    std::mt19937 random(6);
    const label_sequences exact(2, 3);
    const plain call{2, 3};
    const vector theta = reference::normal_numbers(18, random, 1.5);
    const std::size_t draws = 20000;
    Eigen::Tensor<double, 4, Eigen::RowMajor> zs(static_cast<Eigen::Index>(draws), 2, 3, 3);
    call.family.sample_several(call.of(theta), random_key{3}, 7, zs);
    vector frequency(exact.states().size(), 0);
    std::size_t unknown = 0;
    for (std::size_t s = 0; s < draws; ++s) {
        const vector z(zs.data() + s * 18, zs.data() + (s + 1) * 18);
        const auto found = std::find(exact.states().begin(), exact.states().end(), z);
        if (found == exact.states().end())
            ++unknown;
        else
            frequency[static_cast<std::size_t>(found - exact.states().begin())] += 1.0 / draws;
    }
    CHECK(unknown == 0);
    const vector p = exact.gibbs_probabilities(theta);
    for (std::size_t s = 0; s < p.size(); ++s)  // false alarm: 27 * 1e-10
        CHECK(std::abs(frequency[s] - p[s]) < reference::frequency_bound(p[s], draws));
    for (const std::uint64_t s : {0U, 1U, 999U, 19999U}) {
        const vector z(zs.data() + s * 18, zs.data() + (s + 1) * 18);
        CHECK(z == call.sample(theta, random_key{3}, 7 + s));
        CHECK(z == calls<double, Eigen::ColMajor>{2, 3}.sample(theta, random_key{3}, 7 + s));
    }
}

TEST_CASE("chain_family: element item * (steps + 1) + t of the key decides position t",
          "[estimators][chain_family]") {
    // Two labels that are alike: label 0 for numbers below 1/2.
    const plain call{3, 2};
    support::tally wrong;
    for (std::uint64_t item = 0; item < 40; ++item) {
        double chance[4];
        imle::uniforms(random_key{5}, item * 4, std::span<double>(chance));
        const vector z = call.sample(vector(12, 0.25), random_key{5}, item);
        for (std::size_t t = 0; t < 3; ++t) {
            const std::size_t from = chance[t] < 0.5 ? 0 : 1, to = chance[t + 1] < 0.5 ? 0 : 1;
            wrong.expect(z[(t * 2 + from) * 2 + to] == 1, "item ", item, ", step ", t);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("chain_family under a mask is the family of the allowed sequences", "[estimators][chain_family]") {
    std::mt19937 random(7);
    const label_sequences all(4, 2);
    const plain call{4, 2};
    support::tally wrong;
    for (int trial = 0; trial < support::repeats(100); ++trial) {
        support::mask allowed = support::random_mask(16, random);
        const std::size_t end = trial % 2 == 0 ? 4 : 1 + random() % 4;  // steps that are not padding
        for (std::size_t i = end * 4; i < 16; ++i) allowed[i] = false;
        std::vector<double> theta = reference::normal_numbers(16, random);
        const vector dmu = reference::normal_numbers(16, random);
        std::size_t used = 4;
        while (used > 0 && !(allowed[used * 4 - 4] || allowed[used * 4 - 3] || allowed[used * 4 - 2] ||
                             allowed[used * 4 - 1]))
            --used;
        std::vector<vector> states;  // without repetitions
        for (vector state : all.states()) {
            std::fill(state.begin() + static_cast<std::ptrdiff_t>(used * 4), state.end(), 0.0);
            bool keeps = true;
            for (std::size_t i = 0; i < 16; ++i) keeps = keeps && (state[i] == 0 || allowed[i]);
            if (keeps && std::find(states.begin(), states.end(), state) == states.end())
                states.push_back(state);
        }
        const imle::solve_context context{.mask = allowed.span()};
        if (states.empty() || used == 0) {
            CHECK_THROWS_WITH(call.marginals(theta, context), mentions("forbids every sequence"));
            CHECK_THROWS_AS(call.family.log_partition(call.of(theta), context), std::invalid_argument);
            continue;
        }
        const imle::testing::enumerated_family<3> exact("allowed", {4, 2, 2}, states);
        const vector mu = exact.gibbs_marginals(theta), gradient = exact.gibbs_marginals_vjp(theta, 1, dmu);
        const double log_partition = exact.gibbs_log_partition(theta);
        const double entropy = entropy_of(exact.gibbs_probabilities(theta));
        support::spoil_forbidden(theta, allowed, random);
        wrong.expect(support::furthest(call.marginals(theta, context), mu) < 1e-12, "mu, ", theta, allowed);
        wrong.expect(support::furthest(call.vjp(theta, dmu, context), gradient) < 1e-12, "vjp, ", theta,
                     allowed);
        wrong.expect(std::abs(call.family.log_partition(call.of(theta), context) - log_partition) < 1e-12,
                     "log-partition, ", theta, allowed);
        wrong.expect(std::abs(call.family.entropy(call.of(theta), context) - entropy) < 1e-12, "entropy, ",
                     theta, allowed);
        auto z = call.empty();
        call.family.sample(call.of(theta), random_key{1}, static_cast<std::uint64_t>(trial), z, context);
        wrong.expect(exact.contains(call.numbers(z)), "a sample, ", theta, allowed);
        call.family.map(call.of(theta), z, context);
        wrong.expect(exact.contains(call.numbers(z)), "the map, ", theta, allowed);
    }
    CHECK(wrong == 0);
}

TEST_CASE("chain_family: lengths by id are the shorter chains", "[estimators][chain_family]") {
    std::mt19937 random(8);
    const vector theta = reference::normal_numbers(45, random), dmu = reference::normal_numbers(45, random);
    const plain whole{5, 3, chain_family{{2, 0, 5}}}, two{2, 3};
    const vector first(theta.begin(), theta.begin() + 18), first_dmu(dmu.begin(), dmu.begin() + 18);
    vector mu = whole.marginals(theta, {.id = 0}), gradient = whole.vjp(theta, dmu, {.id = 0});
    CHECK(vector(mu.begin(), mu.begin() + 18) == two.marginals(first));
    CHECK(vector(gradient.begin(), gradient.begin() + 18) == two.vjp(first, first_dmu));
    CHECK(vector(mu.begin() + 18, mu.end()) == vector(27, 0.0));
    CHECK(whole.family.log_partition(whole.of(theta), {.id = 0}) == two.log_partition(first));
    CHECK(whole.marginals(theta, {.id = 1}) == vector(45, 0.0));
    CHECK(whole.family.log_partition(whole.of(theta), {.id = 1}) == 0);
    CHECK(whole.family.entropy(whole.of(theta), {.id = 1}) == 0);
    CHECK(whole.marginals(theta, {.id = 2}) == plain{5, 3}.marginals(theta));
    CHECK_THROWS_WITH(whole.marginals(theta, {.id = 3}), mentions("context.id is 3"));
}

TEST_CASE("chain_family says what is wrong", "[estimators][chain_family][errors]") {
    const chain_family family;
    tensor<double, Eigen::RowMajor> theta(2, 3, 3), mu(2, 3, 3), wrong(2, 3, 2), other(3, 3, 3);
    theta.setZero();
    wrong.setZero();
    other.setZero();
    CHECK_THROWS_WITH(family.marginals(wrong, wrong), mentions("[2, 3, 2]"));
    CHECK_THROWS_WITH(family.marginals(theta, other), mentions("mu is of shape [3, 3, 3]"));
    CHECK_THROWS_WITH(family.marginals_vjp(theta, other, mu), mentions("dmu is of shape [3, 3, 3]"));
    CHECK_THROWS_WITH(family.kl_divergence(theta, other), mentions("other is of shape [3, 3, 3]"));
    Eigen::Tensor<double, 4, Eigen::RowMajor> draws(5, 3, 3, 3);
    CHECK_THROWS_WITH(family.sample_several(theta, random_key{}, 0, draws), mentions("zs is of shape"));
    mu.setConstant(std::numeric_limits<double>::infinity());
    CHECK_THROWS_WITH(family.marginals_vjp(theta, mu, theta), mentions("dmu is inf"));
    CHECK_THROWS_WITH(family.log_partition(mu), mentions("theta is inf at element 0"));
    tensor<double, Eigen::RowMajor> none(0, 3, 3), unlabelled(2, 0, 0);
    CHECK_NOTHROW(family.marginals(none, none));
    CHECK(family.log_partition(none) == 0);
    CHECK_THROWS_WITH(family.log_partition(unlabelled), mentions("at least one label"));
    CHECK_THROWS_AS(chain_family{{-1}}, std::invalid_argument);
}

}  // namespace chain_family_tests
