// The adaptive target whose beta is multiplied.

#include <imle/targets/adaptive_target.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/knapsack.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/testing/check_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/repeats.hpp"

using namespace fixtures;
using imle::adaptive_target;
using imle::adaptive_target_options;
using imle::beta_update;
using imle::imle_layer;
using imle::instance_adaptive_target;
using imle::random_key;
using imle::target_sums;

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;

constexpr auto multiplicative = beta_update::multiplicative;

adaptive_target_options from(double beta, double target_norm) {
    return {.initial_beta = beta, .target_norm = target_norm, .update = multiplicative};
}

// Sums of a call that took a step, with a mean count of changes.
target_sums counted(double count) {
    return {.theta_squared = 8,
            .theta_count = 2,
            .dz_squared = 3,
            .dz_count = 12,
            .nonzeros = static_cast<std::uint64_t>(1000 * count),
            .differences = 1000};
}

template <class TensorT>
TensorT normals(const std::array<Eigen::Index, TensorT::NumDimensions>& shape, std::uint64_t key,
                double mean = 0) {
    TensorT numbers(shape);
    imle::normal{mean, 1}.fill(random_key{key}, 0,
                               std::span<double>(numbers.data(), static_cast<std::size_t>(numbers.size())));
    return numbers;
}

// The mean count of changes at the beta that a target has after 50 calls, relative to what it aims at.
template <class TargetT, class SolverT, class NoiseT, class TensorT>
double count_after_50_calls(const SolverT& solver, const NoiseT& noise, const TensorT& theta,
                            const adaptive_target_options& options) {
    const TensorT dz = normals<TensorT>(theta.dimensions(), 2);
    imle_layer layer{solver, noise, TargetT{options}, {.samples = 8}};
    for (std::uint64_t call = 0; call < 50; ++call)
        (void)layer.vjp(layer.forward(theta, random_key{1}.fold_in(call)), dz);
    imle_layer fixed{solver,
                     noise,
                     TargetT{adaptive_target_options{
                         .initial_beta = layer.target().state().beta, .beta_step = 0, .decay = 0}},
                     {.samples = 64}};
    (void)fixed.vjp(fixed.forward(theta, random_key{2}), dz);
    return fixed.target().state().grad_norm / options.target_norm;
}

template <class TargetT>
void check_families(double start) {
    INFO("from a beta of " << start);
    const auto near = [](double ratio) {
        INFO("the count is " << ratio << " times what the target aims at");
        CHECK(ratio > 0.75);
        CHECK(ratio < 1.33);
    };
    near(count_after_50_calls<TargetT>(imle::top_k{5}, imle::gumbel{}, normals<matrix>({8, 20}, 1),
                                       from(start, 2)));
    const std::vector<double> weights{3, 10, 6, 2, 9, 5, 1, 8, 4, 11, 7, 3};
    near(count_after_50_calls<TargetT>(imle::knapsack(weights, 30.0), imle::gumbel{},
                                       normals<matrix>({8, 12}, 1, 2), from(start, 2)));
    using map = Eigen::Tensor<double, 3, Eigen::RowMajor>;
    // Its copies share a table, which takes longer than the calls.
    static const imle::sum_of_gamma noise{6, 50};
    near(count_after_50_calls<TargetT>(imle::grid_shortest_path{}, noise, normals<map>({8, 6, 6}, 1, -3),
                                       from(start, 4)));
}

}  // namespace

TEST_CASE("a multiplied beta finds the count within 50 calls from any start",
          "[targets][beta_update][draws]") {
    const double starts[] = {0.0, 1e-4, 1.0, 1e4};
    for (const double start : std::span(starts).first(support::repeats(std::size_t{4})))
        check_families<adaptive_target>(start);
    // The additive one does not.
    const double count =
        count_after_50_calls<adaptive_target>(imle::top_k{5}, imle::gumbel{}, normals<matrix>({8, 20}, 1),
                                              {.initial_beta = 1e-4, .target_norm = 2});
    CHECK(count < 0.1);
}

TEST_CASE("a multiplied beta with a step for each instance finds the count",
          "[targets][beta_update][draws]") {
    const double starts[] = {1e-4, 1e4};
    for (const double start : std::span(starts).first(support::repeats(std::size_t{2})))
        check_families<instance_adaptive_target>(start);
}

TEST_CASE("a multiplied beta: the update rule", "[targets][beta_update]") {
    adaptive_target target{from(1, 4)};
    CHECK(target.state().gain == 1);
    target.update(counted(0));  // nothing changed: up by e, the most
    CHECK(target.state().beta == Approx(std::exp(1.0)));
    CHECK(target.state().previous_update == 1);
    CHECK(target.state().gain == 1);
    CHECK(target.state().grad_norm == Approx(0.9));
    target.update(counted(3));  // m = 1/4, as before: gain 5/4
    CHECK(target.state().gain == 1.25);
    CHECK(target.state().beta == Approx(std::exp(1 + 5.0 / 16)));
    target.update(counted(5));  // the first turn: m = -1/4, gain 2/3
    CHECK(target.state().gain == Approx(2.0 / 3));
    CHECK(target.state().beta == Approx(std::exp(1 + 5.0 / 16 - 1.0 / 6)));
    target.update(counted(6));  // m = -1/2, gain 2/4
    CHECK(target.state().gain == Approx(0.5));
    CHECK(target.state().previous_update == Approx(-0.25));
    target.update(counted(2));  // m = 1/2, gain 2/5
    CHECK(target.state().previous_update == Approx(0.2));
    target.update(counted(400));  // far too many: down by e, whatever the miss
    CHECK(target.state().previous_update == -1);
    target.update(counted(4));  // as wanted
    CHECK(target.state().previous_update == 0);
    CHECK(target.state().gain == Approx(2.0 / 7));
    for (int call = 0; call < 93; ++call) target.update(counted(3));
    CHECK(target.state().gain == Approx(0.02));

    // Small misses of one sign: the gain grows by a quarter, but not from one that moves beta by e.
    adaptive_target far{from(1e4, 2)};
    for (int call = 0; call < 4; ++call) far.update(counted(2.1));
    CHECK(far.state().gain == Approx(std::pow(1.25, 3)));
    for (int call = 0; call < 20; ++call) far.update(counted(2.1));
    CHECK(far.state().gain == 16);
    CHECK(far.state().previous_update == Approx(-0.8));
    for (int call = 0; call < 20; ++call) far.update(counted(2));  // no miss
    CHECK(far.state().gain == 16);
    far.update(counted(1));  // the first turn comes from an exact count, which is no direction
    CHECK(far.state().gain == 16);
    far.update(counted(3));
    CHECK(far.state().gain == Approx(2.0 / 3));
    adaptive_target fast{from(1e4, 2)};
    for (int call = 0; call < 9; ++call) fast.update(counted(4));
    CHECK(fast.state().gain == 1);
    CHECK(fast.state().beta == Approx(1e4 * std::exp(-9.0)));
}

TEST_CASE("a multiplied beta does not move if no step was taken", "[targets][beta_update]") {
    const adaptive_target start{from(3, 2)};
    const auto unmoved = [&](const target_sums& sums) {
        adaptive_target target = start;
        for (int i = 0; i < 1000; ++i) target.update(sums);
        return target.state() == start.state();
    };
    target_sums no_dz = counted(0), no_theta = counted(0);
    no_dz.dz_squared = 0;
    no_theta.theta_squared = 0;
    CHECK(unmoved({}));
    CHECK(unmoved(no_dz));
    CHECK(unmoved(no_theta));
    CHECK(unmoved(counted(2)) == false);  // the running count moves
    // Counts alone, as shards with a step for each instance have them, are counts.
    CHECK(!unmoved({.nonzeros = 0, .differences = 10}));

    // In a layer: a call without a gradient between others changes nothing.
    const matrix theta = numbers<matrix>({3, 6}, 1), dz = numbers<matrix>({3, 6}, 2), none = dz * 0.0;
    imle_layer layer{imle::top_k{2}, imle::gumbel{}, start, {.samples = 4}}, quiet(layer);
    for (std::uint64_t call = 0; call < 6; ++call) {
        const auto pass = layer.forward(theta, random_key{call});
        const matrix gradient = layer.vjp(pass, dz);
        (void)quiet.vjp(pass, none);
        (void)quiet.vjp(layer.forward(none, random_key{call}), dz);
        CHECK(same_bits(quiet.vjp(pass, dz), gradient));
        CHECK(quiet.target().state() == layer.target().state());
    }
}

TEST_CASE("a multiplied beta stays between its bounds, and returns", "[targets][beta_update]") {
    adaptive_target target{from(1, 2)};
    for (int i = 0; i < 1000; ++i) target.update(counted(0));
    CHECK(target.state().beta == 1e12);
    for (int i = 0; i < 1000; ++i) target.update(counted(20));
    CHECK(target.state().beta < 1);
    adaptive_target down{from(1, 2)};
    for (int i = 0; i < 1000; ++i) down.update(counted(20));
    CHECK(down.state().beta == 1e-8);
    // After the first turn, beta moves by a power of the number of calls at most: a long time without counts
    // does not move it to a bound.
    adaptive_target settled{from(1, 2)};
    for (int i = 0; i < 200; ++i) settled.update(counted(i % 2 == 0 ? 1 : 3));
    const double before = settled.state().beta;
    for (int i = 0; i < 200; ++i) settled.update(counted(0));
    CHECK(settled.state().beta < 5 * before);
    CHECK(settled.state().beta > 3 * before);
    // A start beyond a bound is kept until the count says otherwise.
    adaptive_target far{from(1e20, 2)}, tiny{from(1e-20, 2)};
    far.update(counted(0));
    CHECK(far.state().beta == 1e20);
    far.update(counted(20));
    CHECK(far.state().beta == Approx(1e20 / std::exp(1.0)));
    tiny.update(counted(0));
    CHECK(tiny.state().beta == Approx(1e-8 * std::exp(1.0)));
    // The largest miss that there is.
    adaptive_target least{from(1, std::numeric_limits<double>::denorm_min())};
    least.update(counted(20));
    CHECK(least.state().beta == Approx(std::exp(-1.0)));
}

TEST_CASE("a multiplied beta continues unchanged from a saved state", "[targets][beta_update]") {
    const matrix theta = numbers<matrix>({3, 8}, 1), dz = numbers<matrix>({3, 8}, 2);
    const auto learn = [&](auto& layer, std::uint64_t first, std::uint64_t last) {
        matrix gradient;
        for (std::uint64_t call = first; call < last; ++call)
            gradient = layer.vjp(layer.forward(theta, random_key{call}), dz);
        return gradient;
    };
    imle_layer layer{imle::top_k{3}, imle::gumbel{}, adaptive_target{from(1e3, 2)}, {.samples = 3}};
    imle_layer resumed(layer);
    (void)learn(layer, 0, 20);
    const imle::adaptive_target_state saved = layer.target().state();
    CHECK(saved.gain < 1);
    imle_layer copy(layer);
    const matrix gradient = learn(layer, 20, 40);
    resumed.target().restore(
        {saved.beta, saved.grad_norm, saved.previous_update, saved.gain});  // its whole state
    CHECK(same_bits(learn(resumed, 20, 40), gradient));
    CHECK(resumed.target().state() == layer.target().state());
    CHECK(copy.target().state() == saved);  // a copy is independent
    CHECK(same_bits(learn(copy, 20, 40), gradient));
}

TEST_CASE("a multiplied beta over shards and ranks", "[targets][beta_update]") {
    const matrix theta = numbers<matrix>({4, 8}, 1), dz = numbers<matrix>({4, 8}, 2);
    const auto rows = [](const matrix& of, Eigen::Index first) {
        return matrix(of.slice(std::array<Eigen::Index, 2>{first, 0}, std::array<Eigen::Index, 2>{2, 8}));
    };
    const auto check = [&](auto target) {
        imle_layer whole{imle::top_k{3}, imle::gumbel{}, target, {.samples = 3}}, shards(whole);
        for (std::uint64_t call = 0; call < 12; ++call) {
            const random_key key{call};
            const matrix gradient = whole.vjp(whole.forward(theta, key), dz);
            const auto pass0 = shards.forward(rows(theta, 0), key),
                       pass1 = shards.forward(rows(theta, 2), key, 2);
            const target_sums sums = shards.sums(pass0, rows(dz, 0)) + shards.sums(pass1, rows(dz, 2));
            const auto [gradient0, counts0] = shards.vjp_shard(pass0, rows(dz, 0), sums);
            const auto [gradient1, counts1] = shards.vjp_shard(pass1, rows(dz, 2), sums);
            shards.target().update(sums + counts0 + counts1);
            CHECK(same_bits(gradient0, rows(gradient, 0)));
            CHECK(same_bits(gradient1, rows(gradient, 2)));
            CHECK(shards.target().state() == whole.target().state());
        }
        CHECK(whole.target().state().gain < 1);
    };
    check(adaptive_target{from(50, 2)});
    check(instance_adaptive_target{from(50, 2)});
}

TEST_CASE("a multiplied beta keeps the laws of a target", "[targets][beta_update]") {
    for (const double start : {0.0, 1e-4, 1.0, 1e4}) {
        CHECK(imle::testing::check_target<float>(adaptive_target{from(start, 2)}).passed());
        CHECK(imle::testing::check_target<double>(adaptive_target{from(start, 2)}).passed());
        CHECK(imle::testing::check_target<float>(instance_adaptive_target{from(start, 2)}).passed());
    }
}

TEST_CASE("a multiplied beta: invalid values are refused", "[targets][beta_update]") {
    using support::message_of;
    using support::says;
    CHECK(says(message_of<std::invalid_argument>([] { (void)adaptive_target{from(1, 0)}; }),
               {"target_norm is 0", "a positive number for beta_update::multiplicative"}));
    CHECK_NOTHROW(adaptive_target{{.target_norm = 0}});
    CHECK(says(message_of<std::invalid_argument>(
                   [] { (void)adaptive_target{{.update = static_cast<beta_update>(7)}}; }),
               {"adaptive_target_options::update is 7", "beta_update::additive"}));
    adaptive_target target{from(1, 2)};
    for (const double gain : {0.0, -1.0, 17.0, std::numeric_limits<double>::quiet_NaN()})
        CHECK_THROWS_AS(target.restore({.gain = gain}), std::invalid_argument);
    CHECK_NOTHROW(target.restore({.gain = 0.25}));
    CHECK(target.state().gain == 0.25);
}
