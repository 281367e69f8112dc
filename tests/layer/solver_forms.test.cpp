// Every form that a call to a solver can take, and what it is given.

#include <imle/layer/imle_layer.hpp>
#include <imle/layer/perturbed_sampler.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <memory>
#include <mutex>
#include <vector>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"

using namespace fixtures;
using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;
using imle::solve_context;

namespace {

using cube = Eigen::Tensor<float, 3, Eigen::RowMajor>;
using grid = Eigen::Tensor<float, 2, Eigen::RowMajor>;
using theta_view = Eigen::TensorMap<const Eigen::Tensor<float, 2, Eigen::RowMajor>>;
using z_view = Eigen::TensorMap<Eigen::Tensor<float, 2, Eigen::RowMajor>>;

void by_value(theta_view theta, z_view z) {
    cube_solver(theta, z);
}
grid returning(const theta_view& theta) {
    grid z(theta.dimensions());
    cube_solver(theta, z);
    return z;
}

// What a solver was given, shared by all copies.
struct record {
    std::mutex mutex;
    std::vector<solve_context> contexts;
    std::vector<Eigen::Index> batches;
};

struct recording_solver {
    std::shared_ptr<record> seen = std::make_shared<record>();
    void operator()(const theta_view& theta, z_view& z, const solve_context& context) const {
        cube_solver(theta, z);
        const std::lock_guard lock(seen->mutex);
        seen->contexts.push_back(context);
    }
};

struct batch_solver {
    std::shared_ptr<record> seen = std::make_shared<record>();
    void operator()(const theta_view&, z_view&) const { throw std::logic_error("solve_batch is there"); }
    void solve_batch(const Eigen::TensorMap<const cube>& thetas, Eigen::TensorMap<cube>& zs) const {
        for (Eigen::Index i = 0; i < thetas.size(); ++i) zs.data()[i] = thetas.data()[i] > 0 ? 1.f : 0.f;
        const std::lock_guard lock(seen->mutex);
        seen->batches.push_back(thetas.dimension(0));
    }
};

struct batch_solver_with_contexts : batch_solver {
    void solve_batch(const Eigen::TensorMap<const cube>& thetas, Eigen::TensorMap<cube>& zs,
                     std::span<const solve_context> contexts) const {
        batch_solver::solve_batch(thetas, zs);
        const std::lock_guard lock(seen->mutex);
        seen->contexts.insert(seen->contexts.end(), contexts.begin(), contexts.end());
    }
};

template <class SolverT>
cube gradient_of(SolverT solver) {
    imle_layer layer{std::move(solver), hashed_noise{}, perturbation_target{.beta = 2}, {.samples = 5}};
    const cube theta = numbers<cube>({7, 2, 3}, 1);
    return layer.vjp(layer.forward(theta, random_key{1}), theta);
}

// The answers without noise: half of a layer, which all other forms need not be compiled with.
template <class SolverT>
cube answers_of(SolverT solver) {
    const cube theta = numbers<cube>({7, 2, 3}, 1);
    return imle::perturbed_sampler{std::move(solver), hashed_noise{}}.map(theta);
}

}  // namespace

TEST_CASE("solver forms: all give the same", "[layer]") {
    const cube gradient = gradient_of(cube_solver);
    CHECK(same_bits(gradient_of(recording_solver{}), gradient));
    CHECK(same_bits(gradient_of(batch_solver_with_contexts{}), gradient));
    const cube expected = answers_of(cube_solver);
    CHECK(same_bits(answers_of(by_value), expected));
    CHECK(same_bits(answers_of(&by_value), expected));
    CHECK(same_bits(answers_of(returning), expected));
    CHECK(same_bits(answers_of(batch_solver{}), expected));
    CHECK(same_bits(answers_of([](auto theta, auto z) { cube_solver(theta, z); }), expected));
    CHECK(same_bits(answers_of([](auto& theta, auto& z) { cube_solver(theta, z); }), expected));
    CHECK(same_bits(answers_of([](auto&& theta, auto&& z) { cube_solver(theta, z); }), expected));
    CHECK(
        same_bits(answers_of([](const auto& theta, z_view& z) { z = (theta > 0.f).template cast<float>(); }),
                  expected));
    CHECK(same_bits(answers_of([](const auto& theta) { return (theta > 0.f).template cast<float>(); }),
                    expected));
    CHECK(same_bits(answers_of([](const auto& theta, const solve_context&) { return returning(theta); }),
                    expected));
    CHECK(same_bits(
        answers_of([](auto theta) -> Eigen::TensorFixedSize<float, Eigen::Sizes<2, 3>, Eigen::RowMajor> {
            Eigen::TensorFixedSize<float, Eigen::Sizes<2, 3>, Eigen::RowMajor> z;
            cube_solver(theta, z);
            return z;
        }),
        expected));
    CHECK(same_bits(answers_of(std::function<void(const theta_view&, z_view&)>(by_value)), expected));
}

TEST_CASE("solver forms: contexts have the global instance and the sample", "[layer]") {
    const auto check = [](auto solver) {
        imle_layer layer{solver, hashed_noise{}, perturbation_target{}, {.samples = 3}};
        (void)layer.forward(numbers<cube>({4, 2, 3}, 1), random_key{1}, 50);
        std::vector<solve_context> expected;
        for (std::uint64_t b = 50; b < 54; ++b)
            for (std::uint64_t s = 0; s < 3; ++s) expected.push_back({b, s});
        CHECK(solver.seen->contexts == expected);
    };
    check(recording_solver{});
    check(batch_solver_with_contexts{});
}

TEST_CASE("solver forms: batches do not depend on the number of threads", "[layer]") {
    for (const Eigen::Index samples : {1, 10, 100}) {
        std::vector<Eigen::Index> one;
        for (const int threads : {1, 2, 3}) {
            const batch_solver solver;
            imle_layer layer{solver,
                             hashed_noise{},
                             perturbation_target{},
                             {.samples = samples, .threads = threads},
                             eager_threads()};
            (void)layer.forward(numbers<cube>({29, 2, 3}, 1), random_key{1});
            auto batches = solver.seen->batches;
            std::sort(batches.begin(), batches.end());
            if (threads == 1) one = batches;
            CHECK(batches == one);
            CHECK(batches.back() > 1);
        }
    }
}

TEST_CASE("solver forms: each worker has a copy of its own", "[layer]") {
    // Solvers that share state between calls would race; a copy per worker does not.
    const auto scratch = [memory = std::vector<float>()](const auto& theta, auto& z) mutable {
        memory.assign(theta.data(), theta.data() + theta.size());
        for (std::size_t i = 0; i < memory.size(); ++i) z.data()[i] = memory[i] > 0 ? 1.f : 0.f;
    };
    imle_layer layer{
        scratch, hashed_noise{}, perturbation_target{}, {.samples = 200, .threads = 3}, eager_threads()};
    imle_layer expected{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 200}};
    const cube theta = numbers<cube>({50, 2, 3}, 1);
    CHECK(same_bits(layer.forward(theta, random_key{1}).samples(),
                    expected.forward(theta, random_key{1}).samples()));
}
