#include <imle/losses/regret.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/testing/k_subsets.hpp>
#include <limits>
#include <stdexcept>
#include <vector>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"
#include "testing/finite_differences.hpp"

using namespace fixtures;
using imle::normalized_regret;
using imle::regret;
using imle::sense;

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using vector = std::vector<double>;

}  // namespace

TEST_CASE("regret: the loss of a decision under the true parameters, for both senses", "[losses]") {
    matrix hat(3, 3), truth(3, 3);
    hat.setValues({{1, 2, 3}, {3, 2, 1}, {0, 5, 1}});
    truth.setValues({{7, 4, 2}, {7, 4, 2}, {-1, -2, -4}});
    // Maximising, the choices are 2, 0, 1 and the best ones 0, 0, 0.
    const auto gains = regret(imle::top_k{1}, hat, truth);
    CHECK(gains(0) == 5);
    CHECK(gains(1) == 0);
    CHECK(gains(2) == 1);
    CHECK(normalized_regret(imle::top_k{1}, hat, truth) == Approx((5.0 + 0 + 1) / (7 + 7 + 1)));
    // Minimising, they are 0, 2, 0 and 2, 2, 2.
    const auto costs = regret(imle::minimizing{argmin_solver}, hat, truth);
    CHECK(costs(0) == 5);
    CHECK(costs(1) == 0);
    CHECK(costs(2) == 3);
    CHECK(normalized_regret(imle::minimizing{argmin_solver}, hat, truth) ==
          Approx((5.0 + 0 + 3) / (2 + 2 + 4)));

    matrix z(3, 3), best(3, 3);
    z.setValues({{0.5, 0, 0.5}, {0, 1, 0}, {0, 0, 1}});
    best.setValues({{1, 0, 0}, {1, 0, 0}, {1, 0, 0}});
    CHECK(regret<sense::maximize>(z, truth, best)(0) == 2.5);
    CHECK(regret<sense::minimize>(z, truth, best)(1) == -3);
    CHECK(normalized_regret<sense::maximize>(z, truth, best) == Approx((2.5 + 3 + 3) / 15));
}

TEST_CASE("regret: equals enumeration, and is never negative", "[losses]") {
    const imle::testing::k_subsets family(6, 3);
    using tensor = Eigen::Tensor<double, 3, Eigen::ColMajor>;
    const tensor hat = numbers<tensor>({2, 3, 200}, 1), truth = numbers<tensor>({2, 3, 200}, 2);
    const auto found = regret(imle::top_k{3}, hat, truth, 0, 2);
    support::tally wrong;
    double sum = 0, scale = 0;
    for (Eigen::Index b = 0; b < 200; ++b) {
        const vector h(hat.data() + 6 * b, hat.data() + 6 * (b + 1));
        const vector t(truth.data() + 6 * b, truth.data() + 6 * (b + 1));
        const double best = reference::dot(t, family.map(t));
        const double expected = best - reference::dot(t, family.map(h));
        wrong.expect(std::abs(found(b) - expected) < 1e-14 && found(b) >= 0, "hat ", h, ", truth ", t, ": ",
                     found(b), ", not ", expected);
        sum += expected;
        scale += std::abs(best);
    }
    CHECK(wrong == 0);
    CHECK(sum > 10);
    CHECK(normalized_regret(imle::top_k{3}, hat, truth) == Approx(sum / scale).epsilon(1e-12));
    CHECK(normalized_regret(imle::top_k{3}, truth, truth) == 0);
}

TEST_CASE("regret: invalid input throws with a message", "[losses]") {
    using support::message_of;
    using support::says;
    const auto refusal = [](auto&& f) { return message_of<std::invalid_argument>(f); };
    matrix good(1, 2), nan(1, 2), other(2, 2), zero(1, 2), none(0, 2);
    good.setValues({{1, 2}});
    nan.setValues({{1, std::numeric_limits<double>::quiet_NaN()}});
    other.setZero();
    zero.setZero();
    const imle::top_k solver{1};
    CHECK(says(refusal([&] { (void)regret(solver, nan, good); }), {"theta_hat is nan in row 0"}));
    CHECK(says(refusal([&] { (void)regret(solver, good, nan); }), {"theta_true is nan in row 0"}));
    CHECK(says(refusal([&] { (void)regret(solver, good, other); }), {"theta_true", "[2, 2]", "[1, 2]"}));
    CHECK(says(refusal([&] { (void)regret<sense::maximize>(good, good, nan); }), {"z_true is nan"}));
    CHECK(says(refusal([&] { (void)regret<sense::maximize>(nan, good, good); }), {"z is nan"}));
    CHECK(says(refusal([&] { (void)normalized_regret(solver, good, zero); }),
               {"the sum of |<theta_true, z_true>| is 0 over a batch of 1", "more than 0"}));
    CHECK(says(refusal([&] { (void)normalized_regret(solver, none, none); }), {"is 0 over a batch of 0"}));
    CHECK(says(refusal([&] { (void)regret(solver, good, good, 0, -1); }), {"threads is -1"}));
}
