// Which solves a backward pass skips, and where the solver starts.

#include <imle/layer/detail/backward.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/loss_gradient_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/tally.hpp"

using namespace fixtures;
using imle::difference;
using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;

namespace backward_tests {

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<double, 3, Eigen::RowMajor>;

/// The cube's MAP state; counts its solves over all copies.
struct counting_solver {
    std::shared_ptr<std::atomic<int>> solves = std::make_shared<std::atomic<int>>(0);
    template <class Theta, class Z>
    void operator()(const Theta& theta, Z& z) const {
        ++*solves;
        cube_solver(theta, z);
    }
};

constexpr Eigen::Index batch = 4, samples = 3, n = 5;

/// Instances 1 and 3 have no cotangent.
matrix some_zero_rows() {
    matrix dz = numbers<matrix>({batch, n}, 8);
    for (const Eigen::Index row : {1, 3})
        for (Eigen::Index i = 0; i < n; ++i) dz(row, i) = i % 2 == 0 ? 0. : -0.;
    return dz;
}

struct outcome {
    int solves;
    matrix gradient;
    imle::call_statistics statistics;
};

/// A vjp with some cotangents zero, and how many solves it took.
template <class TargetT, class DzT>
outcome vjp_of(TargetT target, imle::layer_options options, const DzT& dz, bool keep_samples,
               bool minimize = false) {
    options.samples = samples;
    options.statistics = true;
    const matrix theta = numbers<matrix>({batch, n}, 5);
    const counting_solver solver;
    const auto run = [&](auto layer) -> outcome {
        const auto pull_back = [&](const auto& pass) -> outcome {
            *solver.solves = 0;
            const matrix gradient = layer.vjp(pass, dz);
            return {*solver.solves, gradient, layer.statistics()};
        };
        if (keep_samples) return pull_back(layer.forward(theta, random_key{2}));
        if constexpr (imle::rank_of<DzT> == 2) return pull_back(layer.marginals(theta, random_key{2}));
        return {};
    };
    outcome result;
    if (minimize)
        result = run(imle_layer{imle::minimizing(solver), hashed_noise{}, target, options});
    else
        result = run(imle_layer{solver, hashed_noise{}, target, options});
    const int sides = options.difference == difference::central ? 2 : 1;
    CHECK(result.statistics.solves == static_cast<std::uint64_t>(result.solves));
    CHECK(result.statistics.solves + result.statistics.skipped ==
          static_cast<std::uint64_t>(sides * batch * samples));
    CHECK(result.statistics.failed == 0);
    return result;
}

}  // namespace

TEST_CASE("layer_engine: an unmoved theta' is not solved again", "[layer]") {
    const matrix dz = some_zero_rows();
    for (const bool keep : {true, false}) {
        for (const bool minimize : {true, false}) {
            const auto skipped = vjp_of(perturbation_target{.alpha = 1, .beta = 2}, {}, dz, keep, minimize);
            CHECK(skipped.solves == 2 * samples);
            CHECK((row_is_zero(skipped.gradient, 1) && row_is_zero(skipped.gradient, 3)));
            CHECK_FALSE(row_is_zero(skipped.gradient, 0));
            // With a temperature that differs in the last bit nothing may be skipped; nothing else changes.
            const double near = std::nextafter(1., 2.);
            const auto solved = vjp_of(perturbation_target{.alpha = 1, .beta = 2},
                                       {.target_temperature = near}, dz, keep, minimize);
            CHECK(solved.solves == batch * samples);
            CHECK(same_bits(solved.gradient, skipped.gradient));
            CHECK(vjp_of(perturbation_target{.alpha = 0.5, .beta = 2}, {}, dz, keep, minimize).solves ==
                  batch * samples);
            CHECK(vjp_of(imle::loss_gradient_target{}, {}, dz, keep, minimize).solves == 2 * samples);
        }
    }
}

TEST_CASE("layer_engine: a zero cotangent makes both sides the same", "[layer]") {
    const imle::layer_options central{.target_temperature = 0.5, .difference = difference::central};
    const matrix dz = some_zero_rows();
    for (const bool keep : {true, false}) {
        for (const bool minimize : {true, false}) {
            const auto skipped =
                vjp_of(perturbation_target{.alpha = 0.5, .beta = 2}, central, dz, keep, minimize);
            CHECK(skipped.solves == 2 * 2 * samples);
            matrix tiny = dz;
            for (const Eigen::Index row : {1, 3})
                for (Eigen::Index i = 0; i < n; ++i) tiny(row, i) = 1e-300;
            const auto solved =
                vjp_of(perturbation_target{.alpha = 0.5, .beta = 2}, central, tiny, keep, minimize);
            CHECK(solved.solves == 2 * batch * samples);
            CHECK(same_bits(solved.gradient, skipped.gradient));
        }
    }
}

TEST_CASE("layer_engine: the cotangent of each sample is checked for zeros on its own", "[layer]") {
    cube dz = numbers<cube>({batch, samples, n}, 9);
    for (Eigen::Index i = 0; i < n; ++i) dz(0, 1, i) = dz(2, 0, i) = dz(2, 1, i) = dz(2, 2, i) = 0;
    const perturbation_target target{.alpha = 1, .beta = 2};
    const auto skipped = vjp_of(target, {}, dz, true);
    CHECK(skipped.solves == batch * samples - 4);
    // A skipped solve counts as a zero difference.
    CHECK(skipped.statistics.differences == static_cast<std::uint64_t>(batch * samples));
    CHECK(skipped.statistics.zero_differences >= 4);
    const auto solved = vjp_of(target, {.target_temperature = std::nextafter(1., 2.)}, dz, true);
    CHECK(solved.solves == batch * samples);
    CHECK(same_bits(solved.gradient, skipped.gradient));
    CHECK(solved.statistics.zero_differences == skipped.statistics.zero_differences);
    const auto central = vjp_of(target, {.difference = difference::central}, dz, true);
    CHECK(central.solves == 2 * (batch * samples - 4));
}

TEST_CASE("layer_engine: an adaptive target's counts do not depend on skipped solves", "[layer]") {
    const matrix theta = numbers<matrix>({batch, n}, 5), dz = some_zero_rows();
    for (const auto side : {difference::forward, difference::central}) {
        imle::adaptive_target_state states[2];
        for (const bool keep : {true, false}) {
            const counting_solver solver;
            imle_layer layer{
                solver, hashed_noise{}, imle::adaptive_target{}, {.samples = samples, .difference = side}};
            const auto gradient = [&] {
                if (keep) {
                    const auto pass = layer.forward(theta, random_key{2});
                    *solver.solves = 0;
                    return layer.vjp(pass, dz);
                }
                const auto pass = layer.marginals(theta, random_key{2});
                *solver.solves = 0;
                return layer.vjp(pass, dz);
            }();
            // Without samples, each difference needs both of its sides.
            CHECK(*solver.solves == (side == difference::central || !keep ? 2 : 1) * 2 * samples);
            CHECK(row_is_zero(gradient, 1));
            states[keep] = layer.target().state();
        }
        CHECK(states[0] == states[1]);
        CHECK(states[0].grad_norm != 1);
    }
}

namespace {

/// Starts from the forward pass's z, and checks that it is that.
template <bool WithContext>
struct warm_solver {
    struct log {
        int cold = 0, warm = 0;
        support::tally wrong_start;
    };
    std::shared_ptr<log> seen = std::make_shared<log>();

    template <class Theta, class Z>
    void operator()(const Theta& theta, Z& z) const {
        ++seen->cold;
        cube_solver(theta, z);
    }
    template <class Theta, class Z>
    void solve_from(const Theta& theta, const Theta& start, Z& z) const requires(!WithContext) {
        ++seen->warm;
        for (Eigen::Index i = 0; i < start.size(); ++i)
            seen->wrong_start.expect(start.data()[i] == 0 || start.data()[i] == 1, "element ", i, " is ",
                                     start.data()[i]);
        cube_solver(theta, z);
    }
    template <class Theta, class Z>
    void solve_from(const Theta& theta, const Theta& start, Z& z,
                    const imle::solve_context& context) const requires WithContext {
        ++seen->warm;
        for (Eigen::Index i = 0; i < start.size(); ++i) {
            const std::uint64_t element =
                (context.instance * samples + context.sample) * n + static_cast<std::uint64_t>(i);
            const matrix all = numbers<matrix>({batch, n}, 5);
            const double forward =
                all(static_cast<Eigen::Index>(context.instance), i) + hashed(random_key{2}, element);
            seen->wrong_start.expect(start.data()[i] == (forward > 0 ? 1 : 0), "instance ", context.instance,
                                     ", sample ", context.sample, ", element ", i, ": ", start.data()[i],
                                     " at theta ", forward);
        }
        cube_solver(theta, z);
    }
};

template <bool WithContext>
void check_warm_starts() {
    const matrix theta = numbers<matrix>({batch, n}, 5);
    const matrix dz = some_zero_rows();
    const warm_solver<WithContext> solver;
    imle_layer layer{
        solver, hashed_noise{}, perturbation_target{.alpha = 1, .beta = 2}, {.samples = samples}};
    imle_layer cold{
        cube_solver, hashed_noise{}, perturbation_target{.alpha = 1, .beta = 2}, {.samples = samples}};
    const auto pass = layer.forward(theta, random_key{2});
    CHECK(solver.seen->cold == batch * samples);
    CHECK(same_bits(layer.vjp(pass, dz), cold.vjp(cold.forward(theta, random_key{2}), dz)));
    CHECK(solver.seen->warm == 2 * samples);  // two instances are left out
    CHECK(solver.seen->cold == batch * samples);
    CHECK(solver.seen->wrong_start == 0);
    // Where no sample is kept there is nothing to start from.
    (void)layer.vjp(layer.marginals(theta, random_key{2}), dz);
    CHECK(solver.seen->warm == 2 * samples);
}

}  // namespace

TEST_CASE("layer_engine: a solver with solve_from starts from the forward pass's z", "[layer]") {
    STATIC_REQUIRE(imle::WarmSolver<warm_solver<true>, double, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::WarmSolver<warm_solver<false>, double, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::WarmSolver<imle::minimizing<warm_solver<true>>, double, 1, Eigen::RowMajor>);
    STATIC_REQUIRE(imle::WarmSolver<imle::minimizing<warm_solver<false>>, double, 1, Eigen::RowMajor>);
    STATIC_REQUIRE_FALSE(imle::WarmSolver<counting_solver, double, 1, Eigen::RowMajor>);
    check_warm_starts<true>();
    check_warm_starts<false>();
}

}  // namespace backward_tests
