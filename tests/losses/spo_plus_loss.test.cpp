#include <imle/losses/spo_plus_loss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <imle/concepts/solver.hpp>
#include <imle/losses/regret.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/shortest_path.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/testing/k_subsets.hpp>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

using namespace fixtures;
using imle::spo_plus_loss;
using support::numbers_of;
using support::rows_of;

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using vector = std::vector<double>;

// The k cheapest.
inline constexpr auto cheapest_three = [](const auto& cost, auto& z) {
    std::array<Eigen::Index, 6> order;
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](Eigen::Index a, Eigen::Index b) { return cost.data()[a] < cost.data()[b]; });
    for (Eigen::Index i = 0; i < 6; ++i) z.data()[order[static_cast<std::size_t>(i)]] = i < 3 ? 1 : 0;
};

// The paper's formula, term by term, by going through all states. `sign` is -1 for a maximising solver, whose
// costs are -theta.
double formula(const imle::testing::k_subsets& family, const vector& hat, const vector& truth, double sign) {
    vector shifted(hat.size()), costs(hat.size());
    for (std::size_t i = 0; i < hat.size(); ++i) {
        shifted[i] = sign * (2 * hat[i] - truth[i]);
        costs[i] = sign * truth[i];
    }
    const vector shifted_values = family.values(shifted), values = family.values(costs);
    const auto best =
        static_cast<std::size_t>(std::min_element(values.begin(), values.end()) - values.begin());
    return -*std::min_element(shifted_values.begin(), shifted_values.end()) +
           2 * sign * reference::dot(hat, family.states()[best]) - values[best];
}

// What a sample of losses must satisfy: the formula, the bound, convexity and the subgradient's inequality.
template <class SolverT>
void check_laws(const SolverT& solver, double sign) {
    const imle::testing::k_subsets family(6, 3);
    const spo_plus_loss loss(solver);
    support::tally formulas, below_regret, above_chord, above_tangent, slope;
    int moved = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        const matrix truth = numbers<matrix>({1, 6}, 3 * seed);
        const matrix hat = numbers<matrix>({1, 6}, 3 * seed + 1),
                     other = numbers<matrix>({1, 6}, 3 * seed + 2);
        const auto found = loss(hat, truth), there = loss(other, truth);
        const double expected = formula(family, numbers_of(hat), numbers_of(truth), sign);
        formulas.expect(std::abs(found.values(0) - expected) < 1e-14 * 50, "hat ", hat, ", truth ", truth,
                        ": ", found.values(0), ", not ", expected);
        const double regret = imle::regret(solver, hat, truth)(0);
        below_regret.expect(regret - found.values(0) < 1e-14, "hat ", hat, ", truth ", truth, ": ",
                            found.values(0), " below ", regret);
        const matrix middle = (hat + other) * 0.5;
        const double at_middle = loss(middle, truth).values(0);
        above_chord.expect(at_middle - (found.values(0) + there.values(0)) / 2 < 1e-14, "between ", hat,
                           " and ", other, ", truth ", truth, ": ", at_middle);
        double tangent = found.values(0);
        for (Eigen::Index i = 0; i < 6; ++i) tangent += found.gradient(0, i) * (other(0, i) - hat(0, i));
        above_tangent.expect(tangent - there.values(0) < 1e-14, "from ", hat, " to ", other, ", truth ",
                             truth, ": ", tangent, " over ", there.values(0));
        moved += found.values(0) > 0.1;
        if (seed < 20) {
            const auto slopes = reference::gradient(
                numbers_of(hat), [&](const vector& h) { return loss(rows_of(h), truth).values(0); });
            slope.expect(support::furthest(slopes, found.gradient) < 1e-8, "hat ", hat, ", truth ", truth,
                         ": ", found.gradient, ", not ", slopes);
        }
        // The truth itself has no loss; two times it has the same best decision.
        const auto exact = loss(truth, truth);
        CHECK(exact.values(0) == 0);
        CHECK(numbers_of(exact.gradient) == vector(6, 0.0));
    }
    CHECK(formulas == 0);
    CHECK(below_regret == 0);
    CHECK(above_chord == 0);
    CHECK(above_tangent == 0);
    CHECK(slope == 0);
    CHECK(moved > 200);
}

}  // namespace

TEST_CASE("spo_plus_loss: the paper's formula, convex, a bound on the regret", "[losses]") {
    check_laws(imle::top_k{3}, -1);
    check_laws(imle::minimizing{cheapest_three}, 1);
}

TEST_CASE("spo_plus_loss: a batch is its instances, in both layouts and scalars", "[losses]") {
    const auto check = [](auto scalar, auto layout_constant) {
        using Scalar = decltype(scalar);
        constexpr int layout = decltype(layout_constant)::value;
        using tensor = Eigen::Tensor<Scalar, 3, layout>;
        constexpr bool row_major = layout == Eigen::RowMajor;
        const std::array<Eigen::Index, 3> dimensions{row_major ? 5 : 2, row_major ? 2 : 3, row_major ? 3 : 5};
        const tensor hat = numbers<tensor>(dimensions, 1), truth = numbers<tensor>(dimensions, 2);
        const spo_plus_loss loss(imle::top_k{3}, {.threads = 2}, eager_threads());
        const auto whole = loss(hat, truth);
        const auto given = loss(hat, truth, loss.solve(truth));
        CHECK(same_bits(whole.values, given.values));
        CHECK(same_bits(whole.gradient, given.gradient));
        REQUIRE(whole.values.dimension(0) == 5);
        REQUIRE(imle::detail::dimensions_of(whole.gradient) == imle::detail::dimensions_of(hat));
        support::tally wrong;
        for (Eigen::Index b = 0; b < 5; ++b) {
            matrix one(1, 6), true_one(1, 6);
            for (Eigen::Index i = 0; i < 6; ++i) {
                one(0, i) = static_cast<double>(hat.data()[b * 6 + i]);
                true_one(0, i) = static_cast<double>(truth.data()[b * 6 + i]);
            }
            const auto alone = spo_plus_loss(imle::top_k{3})(one, true_one);
            wrong.expect(std::abs(alone.values(0) - static_cast<double>(whole.values(b))) < 1e-6, "instance ",
                         b, ": ", whole.values(b), ", alone ", alone.values(0));
            for (Eigen::Index i = 0; i < 6; ++i)
                wrong.expect(alone.gradient(0, i) == static_cast<double>(whole.gradient.data()[b * 6 + i]),
                             "instance ", b, ", element ", i, ": ", whole.gradient.data()[b * 6 + i],
                             ", alone ", alone.gradient(0, i));
        }
        CHECK(wrong == 0);
    };
    check(float{}, std::integral_constant<int, Eigen::RowMajor>{});
    check(float{}, std::integral_constant<int, Eigen::ColMajor>{});
    check(double{}, std::integral_constant<int, Eigen::RowMajor>{});
    check(double{}, std::integral_constant<int, Eigen::ColMajor>{});
}

TEST_CASE("spo_plus_loss: a given decision takes the place of the best one", "[losses]") {
    const spo_plus_loss loss(imle::top_k{1});
    const matrix hat = rows_of({1, 2, 0}), truth = rows_of({3, 1, 0}), z = rows_of({0, 0, 1});
    // 2h - t = [-1, 3, 0], so z = [0, 1, 0].
    CHECK(loss(hat, truth, z).values(0) == 3);
    CHECK(numbers_of(loss(hat, truth, z).gradient) == vector{0, 2, -2});
    CHECK(loss(hat, truth).values(0) == 4);
    CHECK(numbers_of(loss(hat, truth).gradient) == vector{-2, 2, 0});
}

TEST_CASE("spo_plus_loss: shortest paths through a graph without cycles, of costs of any sign", "[losses]") {
    // 2h - c is negative in most places here.
    const imle::shortest_path solver(imle::monotone_grid_graph(3, 3), 0, 8);
    const spo_plus_loss loss(solver);
    support::tally below_regret, above_chord;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const matrix truth = -(numbers<matrix>({1, 12}, 3 * seed).abs() + 0.1);
        const matrix hat = truth * 0.3 + numbers<matrix>({1, 12}, 3 * seed + 1) * 0.3;
        const matrix other = numbers<matrix>({1, 12}, 3 * seed + 2);
        const matrix middle = (hat + other) * 0.5;
        const double value = loss(hat, truth).values(0);
        const double regret = imle::regret(solver, hat, truth)(0);
        below_regret.expect(regret - value < 1e-14, "hat ", hat, ", truth ", truth, ": ", value, " below ",
                            regret);
        const double at_middle = loss(middle, truth).values(0), at_other = loss(other, truth).values(0);
        above_chord.expect(at_middle - (value + at_other) / 2 < 1e-14, "between ", hat, " and ", other,
                           ", truth ", truth, ": ", at_middle);
    }
    CHECK(below_regret == 0);
    CHECK(above_chord == 0);
}

TEST_CASE("spo_plus_loss: the solver gets the context of each instance", "[losses]") {
    // Instance 7's only decision is [0, 1].
    const auto solver = [](const auto& theta, auto& z, const imle::solve_context& context) {
        const bool second = context.instance == 7 || theta.data()[1] > theta.data()[0];
        z.data()[0] = second ? 0 : 1;
        z.data()[1] = second ? 1 : 0;
    };
    const spo_plus_loss loss(solver);
    matrix hat(2, 2), truth(2, 2);
    hat.setValues({{0, 1}, {1, 0}});
    truth.setValues({{1, 0}, {1, 0}});
    const auto found = loss(hat, truth, 6);
    CHECK(found.values(0) == 3);
    CHECK(found.values(1) == 0);
    CHECK(imle::regret(solver, hat, truth, 6)(0) == 1);
    CHECK(imle::regret(solver, hat, truth, 6)(1) == 0);
}

TEST_CASE("spo_plus_loss: invalid input throws with a message", "[losses]") {
    using support::message_of;
    using support::says;
    const spo_plus_loss loss(imle::top_k{1});
    const auto refusal = [](auto&& f) { return message_of<std::invalid_argument>(f); };
    const matrix good = numbers<matrix>({2, 3}, 1);
    matrix bad = good;
    bad(1, 0) = std::numeric_limits<double>::infinity();
    const matrix other = numbers<matrix>({3, 3}, 1);
    CHECK(says(refusal([&] { (void)loss(bad, good); }), {"theta_hat is inf in row 1, coordinate 0"}));
    CHECK(says(refusal([&] { (void)loss(good, bad); }), {"theta_true is inf in row 1, coordinate 0"}));
    CHECK(says(refusal([&] { (void)loss(good, good, bad); }), {"z_true is inf in row 1"}));
    CHECK(says(refusal([&] { (void)loss(good, other); }),
               {"theta_true is a tensor of shape [3, 3]", "theta_hat's shape [2, 3]"}));
    CHECK(says(refusal([&] { (void)loss(good, good, other); }), {"z_true is a tensor of shape [3, 3]"}));
    const matrix huge = rows_of({1e308, 0}), low = rows_of({-1e308, 0});
    CHECK(says(refusal([&] { (void)loss(huge, low); }), {"2 * theta_hat - theta_true is inf in row 0"}));
    CHECK(says(refusal([&] { spo_plus_loss made(imle::top_k{1}, {.threads = -1}); }),
               {"spo_plus_options::threads is -1"}));
}
