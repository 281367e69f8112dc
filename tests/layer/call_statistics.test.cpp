// Solves without an answer, and the counts and times of a layer.

#include <imle/layer/layer_options.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include <imle/core/errors.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"

using namespace fixtures;
using imle::failure_policy;
using imle::imle_layer;
using imle::random_key;
using imle::solve_status;

namespace call_statistics_tests {

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;

constexpr Eigen::Index batch = 7, samples = 5, n = 4;

enum class way { thrown, returned, batch_thrown, batch_returned };

/// The cube's MAP state; has no answer where the first coordinate of theta is above `limit`.
struct failing_cube {
    way how;
    double limit;

    template <class Theta, class Z>
    solve_status operator()(const Theta& theta, Z& z) const {
        if (theta.data()[0] > limit) {
            if (how == way::thrown || how == way::batch_thrown)
                throw imle::solve_failure(solve_status::infeasible, "no answer above the limit");
            return solve_status::infeasible;
        }
        cube_solver(theta, z);
        return solve_status::solved;
    }
};
/// The same with batches, which stop at the first failure.
struct failing_batches : failing_cube {
    template <class Thetas, class Zs>
    solve_status solve_batch(const Thetas& thetas, Zs& zs) const {
        for (Eigen::Index b = 0; b < thetas.dimension(0); ++b) {
            const Eigen::TensorMap<const Eigen::Tensor<double, 1, Eigen::RowMajor>> theta(
                thetas.data() + b * n, n);
            Eigen::TensorMap<Eigen::Tensor<double, 1, Eigen::RowMajor>> z(zs.data() + b * n, n);
            if ((*this)(theta, z) != solve_status::solved) return solve_status::infeasible;
        }
        return solve_status::solved;
    }
};

template <class F>
auto with_solver(way how, double limit, const F& f) {
    if (how == way::batch_thrown || how == way::batch_returned) return f(failing_batches{{how, limit}});
    return f(failing_cube{how, limit});
}

// Instance b's first coordinate is b - 3; noise is within 2 of it.
matrix staircase() {
    matrix theta = numbers<matrix>({batch, n}, 5);
    for (Eigen::Index b = 0; b < batch; ++b) theta(b, 0) = static_cast<double>(b - 3);
    return theta;
}

}  // namespace

TEST_CASE("solve_failure says what happened", "[layer][failures]") {
    const imle::solve_failure failure(solve_status::time_limit);
    CHECK(failure.status() == solve_status::time_limit);
    CHECK_THAT(failure.what(), mentions("time limit"));
    CHECK_THAT(imle::solve_failure(solve_status::unbounded).what(), mentions("unbounded"));
}

TEST_CASE("A failure reaches the caller by default", "[layer][failures]") {
    const matrix theta = staircase();
    for (const way how : {way::thrown, way::returned, way::batch_thrown, way::batch_returned}) {
        with_solver(how, 0.0, [&](auto solver) {
            imle_layer layer{solver, hashed_noise{}, imle::perturbation_target{}, {.samples = samples}};
            try {
                (void)layer.forward(theta, random_key{1});
                FAIL("expected solve_failure");
            } catch (const imle::solve_failure& failure) {
                CHECK(failure.status() == solve_status::infeasible);
                if (how == way::returned || how == way::batch_returned) {
                    CHECK_THAT(failure.what(),
                               mentions("infeasible") && mentions("instance") && mentions("sample"));
                } else {
                    CHECK(std::string(failure.what()) == "no answer above the limit");
                }
            }
            // The failure has no lasting effect.
            const matrix easy = theta - theta.constant(100.);
            CHECK(layer.forward(easy, random_key{1}).failed_rows().empty());
        });
    }
}

TEST_CASE("A tolerated failure costs its instance's gradient and nothing else", "[layer][failures]") {
    const matrix theta = staircase(), dz = numbers<matrix>({batch, n}, 8);
    const imle::perturbation_target target{.alpha = 0.75, .beta = 3};
    for (const auto side : {imle::difference::forward, imle::difference::central}) {
        const imle::layer_options strict{.samples = samples, .difference = side};
        imle::layer_options tolerant = strict;
        tolerant.failures = failure_policy::zero_gradient;
        tolerant.statistics = true;
        imle_layer plain{cube_solver, hashed_noise{}, target, strict};
        const auto whole = plain.forward(theta, random_key{1});
        const matrix expected = plain.vjp(whole, dz);

        for (const int threads : {1, 3})
            for (const way how : {way::thrown, way::returned, way::batch_thrown, way::batch_returned}) {
                tolerant.threads = threads;
                with_solver(how, 1.5, [&](auto solver) {
                    imle_layer layer{solver, hashed_noise{}, target, tolerant, eager_threads()};
                    const auto pass = layer.forward(theta, random_key{1});
                    // The noise of each sample's first coordinate decides whether it fails.
                    std::uint64_t failed = 0;
                    std::vector<Eigen::Index> rows;
                    for (Eigen::Index item = 0; item < batch * samples; ++item) {
                        const Eigen::Index b = item / samples;
                        const double first =
                            theta(b, 0) + hashed(random_key{1}, static_cast<std::uint64_t>(item * n));
                        const double* const z = pass.samples().data() + item * n;
                        if (first > 1.5) {
                            ++failed;
                            if (rows.empty() || rows.back() != b) rows.push_back(b);
                            CHECK(std::all_of(z, z + n, [](double x) { return x == 0; }));
                        } else {
                            CHECK(std::equal(z, z + n, whole.samples().data() + item * n));
                        }
                    }
                    REQUIRE(failed > 0);
                    REQUIRE(failed < batch * samples);
                    CHECK(pass.failed_rows() == rows);
                    CHECK(layer.statistics().failed == failed);
                    CHECK(layer.statistics().solves == batch * samples);

                    const matrix gradient = layer.vjp(pass, dz);
                    CHECK(layer.statistics().skipped >= rows.size() * samples);
                    std::size_t kept = 0;
                    for (Eigen::Index b = 0; b < batch; ++b) {
                        if (std::find(rows.begin(), rows.end(), b) != rows.end()) {
                            CHECK(row_is_zero(gradient, b));
                        } else if (row_is_zero(gradient, b)) {
                            continue;  // a solve of the backward pass failed
                        } else {
                            ++kept;
                            for (Eigen::Index i = 0; i < n; ++i) CHECK(gradient(b, i) == expected(b, i));
                        }
                    }
                    CHECK(kept > 0);

                    const auto mean = layer.marginals(theta, random_key{1});
                    CHECK(mean.failed_rows() == rows);
                    CHECK(furthest(layer.vjp(mean, dz), gradient) < 1e-14);
                });
            }
    }
}

TEST_CASE("A failure of the backward pass alone zeroes its instance", "[layer][failures]") {
    matrix theta = staircase(), dz = numbers<matrix>({batch, n}, 8);
    for (Eigen::Index b = 0; b < batch; ++b) {
        theta(b, 0) = -10;
        dz(b, 0) = b == 2 ? -100 : 1;
    }
    imle_layer layer{failing_cube{way::returned, 1.5},
                     hashed_noise{},
                     imle::perturbation_target{.alpha = 1, .beta = 1},
                     {.samples = samples, .failures = failure_policy::zero_gradient, .statistics = true}};
    auto pass = layer.forward(theta, random_key{1});
    CHECK(pass.failed_rows().empty());
    const matrix gradient = layer.vjp(pass, dz);
    CHECK(layer.statistics().failed == samples);
    CHECK(row_is_zero(gradient, 2));
    CHECK_FALSE(row_is_zero(gradient, 1));
    // A pass that is used again forgets.
    layer.forward_into(matrix(theta + theta.constant(100.)), random_key{1}, pass);
    CHECK(pass.failed_rows().size() == batch);
    layer.forward_into(theta, random_key{1}, pass);
    CHECK(pass.failed_rows().empty());
}

TEST_CASE("A minimising solver's status is its base's", "[layer][failures]") {
    imle_layer layer{imle::minimizing(failing_cube{way::returned, -1e9}),
                     hashed_noise{},
                     imle::perturbation_target{},
                     {.samples = 2}};
    CHECK_THROWS_AS(layer.forward(staircase(), random_key{1}), imle::solve_failure);
}

TEST_CASE("Rows of saved passes are checked", "[layer][failures]") {
    const auto pass =
        imle_layer{cube_solver, hashed_noise{}, imle::perturbation_target{}, {.samples = 2}}.forward(
            staircase(), random_key{1});
    using pass_type = imle::sampled_pass<double, 2, Eigen::RowMajor>;
    CHECK_NOTHROW(pass_type(pass.theta(), pass.samples(), pass.key(), 0, {0, 2, 6}));
    CHECK_THROWS_WITH(pass_type(pass.theta(), pass.samples(), pass.key(), 0, {2, 2}),
                      mentions("failed_rows"));
    CHECK_THROWS_WITH(pass_type(pass.theta(), pass.samples(), pass.key(), 0, {7}), mentions("0 to 6"));
}

TEST_CASE("Statistics tell noise, solves and the rest apart", "[layer][statistics]") {
    using namespace std::chrono_literals;
    struct slow_noise : hashed_noise {
        void fill(random_key key, std::uint64_t first, std::span<double> out) const {
            std::this_thread::sleep_for(4ms);
            hashed_noise::fill(key, first, out);
        }
    };
    const auto slow_solver = [](const auto& theta, auto& z) {
        std::this_thread::sleep_for(1ms);
        cube_solver(theta, z);
    };
    const matrix theta = staircase(), dz = numbers<matrix>({batch, n}, 8);
    imle_layer layer{slow_solver,
                     slow_noise{},
                     imle::perturbation_target{.alpha = 1, .beta = 2},
                     {.samples = 2, .statistics = true}};
    const auto pass = layer.forward(theta, random_key{1});
    const imle::call_statistics forward = layer.statistics();
    CHECK(forward.solves == 14);
    CHECK(forward.differences == 0);
    CHECK(std::isnan(forward.zero_share()));
    CHECK(forward.solve_seconds >= 0.014);
    CHECK(forward.noise_seconds >= 0.004);
    CHECK(forward.other_seconds >= 0);
    // With one thread, the parts add up to the whole, except for the time to hand out work.
    CHECK(forward.noise_seconds + forward.solve_seconds + forward.other_seconds ==
          Approx(forward.seconds).epsilon(0.1));
    (void)layer.vjp(pass, dz);
    const imle::call_statistics& backward = layer.statistics();
    CHECK(backward.differences == 14);
    CHECK(backward.zero_share() == Approx(static_cast<double>(backward.zero_differences) / 14));
    CHECK(backward.solve_seconds >= 0.014);

    imle_layer silent{cube_solver, hashed_noise{}, imle::perturbation_target{}};
    CHECK_THROWS_WITH(silent.statistics(), mentions("statistics = true"));
}

}  // namespace call_statistics_tests
