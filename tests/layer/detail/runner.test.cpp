// Batches of large instances that are cut for several threads.

#include <imle/layer/detail/runner.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

using namespace fixtures;
using imle::difference;
using imle::random_key;

namespace runner_tests {

namespace {

template <class Scalar>
using matrix = Eigen::Tensor<Scalar, 2, Eigen::RowMajor>;

/// What all copies of a solver share.
struct record {
    std::mutex mutex;
    std::vector<Eigen::Index> batches;
    std::function<void(const imle::solve_context&)> before_solve;
};

/// Answers of very different sizes, so that another order of additions has other bits. Its batches are solved
/// one instance after the other.
struct uneven_solver {
    Eigen::Index width = 1;
    std::shared_ptr<record> seen = std::make_shared<record>();

    template <class ThetaT, class ZT>
    imle::solve_status operator()(const ThetaT& theta, ZT& z, const imle::solve_context& context) const {
        if (seen->before_solve) seen->before_solve(context);
        using Scalar = typename ThetaT::Scalar;
        for (Eigen::Index i = 0; i < theta.size(); ++i) {
            const Scalar x = theta.data()[i];
            z.data()[i] = std::ldexp(x, static_cast<int>(static_cast<long>(x * 1000) % 30));
        }
        return imle::solve_status::solved;
    }
    template <class ThetasT, class ZsT>
    imle::solve_status solve_batch(const ThetasT& thetas, ZsT& zs,
                                   std::span<const imle::solve_context> contexts) const {
        using Scalar = typename ThetasT::Scalar;
        {
            const std::lock_guard lock(seen->mutex);
            seen->batches.push_back(thetas.dimension(0));
        }
        const Eigen::Index n = thetas.dimension(1);
        for (Eigen::Index j = 0; j < thetas.dimension(0); ++j) {
            imle::const_view<Scalar, 1, Eigen::RowMajor> theta(thetas.data() + j * n, n);
            imle::mutable_view<Scalar, 1, Eigen::RowMajor> z(zs.data() + j * n, n);
            const auto status = (*this)(theta, z, contexts[static_cast<std::size_t>(j)]);
            if (status != imle::solve_status::solved) return status;
        }
        return imle::solve_status::solved;
    }
    [[nodiscard]] Eigen::Index batch_width(const auto&) const { return width; }
};

/// The same for any number of instances.
struct flexible_solver : uneven_solver {
    static constexpr bool takes_any_batch = true;
};

struct shape {
    Eigen::Index batch, samples, n, width;
};

template <class SolverT>
auto layer_of(SolverT solver, Eigen::Index samples, int threads, difference how = difference::forward) {
    return imle::imle_layer{std::move(solver), hashed_noise{}, imle::perturbation_target{.beta = 0.5},
                            imle::layer_options{.samples = samples, .difference = how, .threads = threads},
                            eager_threads()};
}

/// Everything that a layer computes of one call, on each number of threads.
template <class Scalar, class SolverT>
void check_bits(const SolverT& solver, const shape& of, support::tally& wrong) {
    const auto theta = numbers<matrix<Scalar>>({of.batch, of.n}, 3);
    const auto dmu = numbers<matrix<Scalar>>({of.batch, of.n}, 4);
    auto dz = numbers<Eigen::Tensor<Scalar, 3, Eigen::RowMajor>>({of.batch, of.samples, of.n}, 5);
    // Some samples are not solved: theirs count as zeros.
    for (Eigen::Index item = 0; item < of.batch * of.samples; item += 3)
        std::fill_n(dz.data() + item * of.n, of.n, Scalar(0));
    const random_key key{9};
    auto one = layer_of(solver, of.samples, 1),
         central = layer_of(solver, of.samples, 1, difference::central);
    const auto pass = one.forward(theta, key);
    const auto mean = one.marginals(theta, key);
    const matrix<Scalar> of_mean = one.vjp(mean, dmu), of_samples = one.vjp(pass, dz),
                         of_central = central.vjp(pass, dz);
    for (const int threads : {2, 3, 5}) {
        auto many = layer_of(solver, of.samples, threads);
        auto many_central = layer_of(solver, of.samples, threads, difference::central);
        const auto same = [&](const auto& found, const auto& expected, const char* what) {
            wrong.expect(same_bits(found, expected), what, " of ", of.batch, " x ", of.samples,
                         ", n = ", of.n, ", width ", of.width, ", on ", threads, " threads");
        };
        same(many.forward(theta, key).samples(), pass.samples(), "samples");
        same(many.marginals(theta, key).marginals(), mean.marginals(), "marginals");
        same(many.vjp(mean, dmu), of_mean, "the gradient of marginals");
        same(many.vjp(pass, dz), of_samples, "the gradient of samples");
        same(many_central.vjp(pass, dz), of_central, "the central gradient");
    }
}

// Each of them little larger than the smallest that is cut.
constexpr shape shapes[] = {{1, 10, 3300, 1},  {1, 16, 2100, 4}, {3, 7, 2400, 2},  {1, 33, 2048, 4},
                            {1, 2, 16400, 1},  {5, 1, 6600, 1},  {1, 39, 2100, 3}, {9, 2, 2100, 2},
                            {1, 40, 2048, 16}, {1, 5, 6600, 100}};

}  // namespace

TEST_CASE("call_runner: a cut batch has the bits of a whole one", "[layer][threads]") {
    support::tally wrong;
    // A sanitizer sees three: of one instance and of several, of width 1, 4 and 2.
    for (const shape& of :
         std::span(shapes).first(std::max(support::repeats(std::size(shapes)), std::size_t{3}))) {
        if (of.samples % 2 == 0)
            check_bits<double>(uneven_solver{.width = of.width}, of, wrong);
        else
            check_bits<float>(uneven_solver{.width = of.width}, of, wrong);
    }
    check_bits<double>(imle::minimizing(uneven_solver{}), shapes[0], wrong);
    CHECK(wrong == 0);
}

TEST_CASE("call_runner: only batches of large instances are cut, and only if they say their width",
          "[layer][threads]") {
    // The largest batch that a solver receives.
    const auto largest = [](const shape& of, int threads) {
        const uneven_solver solver{.width = of.width};
        const auto theta = numbers<matrix<float>>({of.batch, of.n}, 3);
        (void)layer_of(solver, of.samples, threads).forward(theta, random_key{1});
        return *std::max_element(solver.seen->batches.begin(), solver.seen->batches.end());
    };
    CHECK(largest({1, 10, 4096, 1}, 1) == 10);
    const uneven_solver base;
    const auto theta = numbers<matrix<float>>({1, 4096}, 3);
    (void)layer_of(imle::minimizing(base), 10, 2).forward(theta, random_key{1});
    CHECK(base.seen->batches == std::vector<Eigen::Index>{5, 5});
    CHECK(largest({1, 10, 4096, 1}, 2) == 5);
    CHECK(largest({1, 10, 4096, 1}, 3) == 4);
    CHECK(largest({1, 10, 4096, 1}, 5) == 2);
    CHECK(largest({1, 10, 4096, 8}, 2) == 8);
    CHECK(largest({1, 10, 4096, 16}, 2) == 10);
    CHECK(largest({1, 10, 300, 1}, 2) == 10);
    CHECK(largest({1, 16, 4096, 8}, 4) == 8);
    // Instances of one sample each.
    CHECK(largest({16, 1, 4096, 1}, 1) == 16);
    CHECK(largest({16, 1, 4096, 1}, 2) == 8);
    // Enough units as they are.
    CHECK(largest({64, 10, 4096, 1}, 2) == 10);
}

TEST_CASE("call_runner: a solver that takes any batch gets at least its width", "[layer][threads]") {
    using sizes = std::vector<Eigen::Index>;
    const auto batches = [](const shape& of, int threads) {
        const flexible_solver solver{{.width = of.width}};
        const auto theta = numbers<matrix<float>>({of.batch, of.n}, 3);
        (void)layer_of(solver, of.samples, threads).forward(theta, random_key{1});
        sizes found = solver.seen->batches;
        std::sort(found.begin(), found.end());
        return found;
    };
    CHECK(batches({1, 16, 30, 8}, 1) == sizes{16});
    CHECK(batches({1, 16, 30, 8}, 2) == sizes{8, 8});
    CHECK(batches({1, 10, 30, 8}, 2) == sizes{2, 8});
    CHECK(batches({6, 2, 30, 4}, 3) == sizes{4, 4, 4});
    CHECK(batches({1, 6, 30, 8}, 2) == sizes{6});
    CHECK(batches({1, 4, 30, 1}, 2) == sizes{1, 1, 1, 1});
    support::tally wrong;
    for (const shape& of : {shape{1, 16, 21, 4}, shape{3, 7, 5, 2}, shape{1, 33, 8, 4}})
        check_bits<double>(flexible_solver{{.width = of.width}}, of, wrong);
    CHECK(wrong == 0);
}

TEST_CASE("call_runner: the first error of cut batches is thrown, and the next call is as new",
          "[layer][errors][threads]") {
    struct refusal : std::runtime_error {
        explicit refusal(const imle::solve_context& at)
            : std::runtime_error("refused"), item(at.instance * 100 + at.sample) {}
        std::uint64_t item;
    };
    constexpr shape of{2, 10, 4096, 1};
    const auto theta = numbers<matrix<double>>({of.batch, of.n}, 3);
    for (const int threads : {1, 2, 3, 5})
        for (const auto first : std::vector<std::uint64_t>{0, 4, 9, 100, 107}) {
            const uneven_solver solver;
            auto layer = layer_of(solver, of.samples, threads);
            const auto expected = layer.marginals(theta, random_key{2});
            solver.seen->before_solve = [&](const imle::solve_context& at) {
                if (at.instance * 100 + at.sample >= first) throw refusal(at);
            };
            std::uint64_t thrown = 1000;
            try {
                (void)layer.marginals(theta, random_key{2});
            } catch (const refusal& error) {
                thrown = error.item;
            }
            CHECK(thrown == first);
            solver.seen->before_solve = nullptr;
            CHECK(same_bits(layer.marginals(theta, random_key{2}).marginals(), expected.marginals()));
        }
}

namespace {

/// An executor that runs the second worker's share in the midst of the first's, on the same thread, as a pool
/// may that steals work while a solver waits for its own tasks.
struct nested_executor {
    std::shared_ptr<std::function<void()>> other = std::make_shared<std::function<void()>>();

    template <class F>
    void parallel_for(std::size_t n, F&& f) {
        std::size_t next = 1;
        *other = [&f, &next, n] {
            if (next < n) f(next++);
        };
        f(std::size_t{0});
        while (next < n) f(next++);
        *other = nullptr;
    }
};

}  // namespace

TEST_CASE("call_runner: no worker waits for another, so one thread may nest them", "[layer][threads]") {
    constexpr shape of{1, 10, 4096, 1};
    const auto theta = numbers<matrix<double>>({of.batch, of.n}, 3);
    const auto expected = layer_of(uneven_solver{}, of.samples, 1).marginals(theta, random_key{2});
    const uneven_solver solver;
    const nested_executor executor;
    imle::imle_layer layer{solver, hashed_noise{}, imle::perturbation_target{},
                           imle::layer_options{.samples = of.samples, .threads = 2}, executor};
    // The layer has a copy of the executor, which shares `other`.
    int nested = 0;
    solver.seen->before_solve = [&](const imle::solve_context& at) {
        if (at.sample != 0 || !*executor.other) return;
        ++nested;
        (*executor.other)();
    };
    CHECK(same_bits(layer.marginals(theta, random_key{2}).marginals(), expected.marginals()));
    CHECK(nested == 1);
}

TEST_CASE("call_runner: failures and counts of cut batches are those of whole ones", "[layer][failures]") {
    constexpr shape of{2, 10, 4096, 1};
    const auto theta = numbers<matrix<float>>({of.batch, of.n}, 3);
    const auto dmu = numbers<matrix<float>>({of.batch, of.n}, 4);
    const auto layer = [&](int threads) {
        const uneven_solver solver;
        solver.seen->before_solve = [](const imle::solve_context& at) {
            if (at.instance == 1 && at.sample == 7) throw imle::solve_failure(imle::solve_status::infeasible);
        };
        return imle::imle_layer{solver, hashed_noise{}, imle::perturbation_target{},
                                imle::layer_options{.samples = of.samples,
                                                    .threads = threads,
                                                    .failures = imle::failure_policy::zero_gradient,
                                                    .statistics = true},
                                eager_threads()};
    };
    auto one = layer(1);
    const auto pass = one.forward(theta, random_key{2});
    const auto forward_counts = one.statistics();
    const auto gradient = one.vjp(pass, dmu);
    const auto backward_counts = one.statistics();
    CHECK(pass.failed_rows() == std::vector<Eigen::Index>{1});
    const auto same_counts = [](const imle::call_statistics& a, const imle::call_statistics& b) {
        return a.solves == b.solves && a.skipped == b.skipped && a.failed == b.failed &&
               a.differences == b.differences && a.zero_differences == b.zero_differences;
    };
    for (const int threads : {2, 5}) {
        auto many = layer(threads);
        const auto own = many.forward(theta, random_key{2});
        CHECK(same_counts(many.statistics(), forward_counts));
        CHECK(same_bits(own.samples(), pass.samples()));
        CHECK(own.failed_rows() == pass.failed_rows());
        CHECK(same_bits(many.vjp(own, dmu), gradient));
        CHECK(same_counts(many.statistics(), backward_counts));
    }
}

TEST_CASE("call_runner: means of rows are written once each, by any number of workers", "[layer][threads]") {
    // Units of 29 rows, the last of which is not full; units of one row; fewer rows than workers.
    for (const auto& [batch, n] : {std::pair{67, 25}, {9, 900}, {1, 40}}) {
        const auto theta = numbers<matrix<float>>({batch, n}, 3);
        const auto layer = [&](int threads) {
            return imle::imle_layer{imle::top_k{4}, hashed_noise{}, imle::perturbation_target{},
                                    imle::layer_options{.samples = 33, .threads = threads}, eager_threads()};
        };
        const auto one = layer(1).marginals(theta, random_key{2});
        for (const int threads : {2, 5})
            CHECK(same_bits(layer(threads).marginals(theta, random_key{2}).marginals(), one.marginals()));
    }
}

}  // namespace runner_tests
