// The interface of all layers: expressions, overlapping memory, calls of a const layer from several threads.

#include <imle/layer/layer_interface.hpp>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include <imle/estimators/conditional_layer.hpp>
#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/negative_identity_layer.hpp>
#include <imle/estimators/perturbed_layer.hpp>
#include <imle/estimators/score_function_layer.hpp>
#include <imle/estimators/straight_through_layer.hpp>
#include <imle/families/softmax_family.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/losses/fenchel_young_loss.hpp>
#include <imle/losses/hamming_loss.hpp>
#include <imle/losses/regret.hpp>
#include <imle/losses/spo_plus_loss.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/normal.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"

using namespace fixtures;
using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;

namespace {

using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<float, 3, Eigen::RowMajor>;

/// Calls f with a layer of every kind.
template <class F>
void for_each_layer(F&& f) {
    f(imle_layer{imle::top_k{2}, imle::gumbel{}, perturbation_target{.beta = 2}, {.samples = 4}});
    f(imle_layer{cube_solver, hashed_noise{}, imle::instance_adaptive_target{}, {.samples = 4}});
    f(imle::straight_through_layer{imle::top_k{2}, imle::gumbel{}, {.samples = 4}});
    f(imle::negative_identity_layer{imle::top_k{2}, {.projection = imle::projection::standardize}});
    f(imle::perturbed_layer{imle::top_k{2}, imle::normal{}, {.samples = 4}});
    f(imle::conditional_layer{imle::top_k{2}, imle::normal{}, {.samples = 4}});
    f(imle::exact_layer{imle::softmax_family{}, {.samples = 4}});
    f(imle::score_function_layer{imle::softmax_family{}, {.samples = 4}});
}

}  // namespace

TEST_CASE("layer_interface: expressions are evaluated", "[layer]") {
    const matrix theta = numbers<matrix>({4, 6}, 1), wanted = numbers<matrix>({4, 6}, 2);
    const matrix doubled = 2.F * theta;
    for_each_layer([&](auto layer) {
        const auto pass = layer.forward(doubled, random_key{1});
        CHECK(same_bits(layer.forward(2.F * theta, random_key{1}).samples(), pass.samples()));
        const matrix dmu = pass.marginals() - wanted;
        auto other = layer;
        CHECK(same_bits(other.vjp(pass, pass.marginals() - wanted), layer.vjp(pass, dmu)));
        const cube dz = pass.samples() * 0.5F;
        CHECK(same_bits(other.pull_back(pass, pass.samples() * 0.5F), layer.pull_back(pass, dz)));
        const Eigen::Tensor<double, 2, Eigen::RowMajor> precise = theta.cast<double>();
        CHECK(same_bits(layer.forward(precise.cast<float>(), random_key{1}).samples(),
                        layer.forward(theta, random_key{1}).samples()));
        auto [value, pullback] = layer.value_and_pullback(theta + theta, random_key{1});
        CHECK(same_bits(value, pass.samples()));
        CHECK(pullback(value * 0.5F).size() == theta.size());
    });
    // Chips and reshapes.
    const cube stacked = numbers<cube>({3, 4, 6}, 1);
    const matrix middle = stacked.chip<0>(1);
    imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, {.samples = 4}};
    const auto pass = layer.forward(middle, random_key{1});
    CHECK(same_bits(layer.forward(stacked.chip<0>(1), random_key{1}).samples(), pass.samples()));
    const Eigen::Tensor<float, 1, Eigen::RowMajor> flat = middle.reshape(Eigen::array<Eigen::Index, 1>{24});
    CHECK(same_bits(layer.forward(flat.reshape(Eigen::array<Eigen::Index, 2>{4, 6}), random_key{1}).samples(),
                    pass.samples()));
}

TEST_CASE("losses: expressions are evaluated", "[layer][losses]") {
    const matrix theta = numbers<matrix>({4, 6}, 1), other = numbers<matrix>({4, 6}, 2);
    const matrix sum = theta + other;
    const imle::fenchel_young_loss fenchel_young{imle::top_k{2}, imle::gumbel{}, {.samples = 4}};
    CHECK(same_bits(fenchel_young(theta + other, other * 1.F, random_key{1}).gradient,
                    fenchel_young(sum, other, random_key{1}).gradient));
    const imle::spo_plus_loss spo{imle::top_k{2}};
    CHECK(same_bits(spo(theta + other, other * 1.F).gradient, spo(sum, other).gradient));
    CHECK(same_bits(spo(theta + other, other, other * 1.F).gradient, spo(sum, other, other).gradient));
    CHECK(same_bits(imle::hamming_loss(theta + other, other), imle::hamming_loss(sum, other)));
    CHECK(same_bits(imle::hamming_gradient(theta + other), imle::hamming_gradient(sum)));
    CHECK(same_bits(imle::regret(imle::top_k{2}, theta + other, other * 1.F),
                    imle::regret(imle::top_k{2}, sum, other)));
}

TEST_CASE("layer_interface: a gradient in the memory of its arguments", "[layer]") {
    const matrix theta = numbers<matrix>({4, 6}, 1);
    for_each_layer([&](auto layer) {
        const auto start = layer;
        const auto pass = layer.forward(theta, random_key{1});
        const matrix dmu = numbers<matrix>({4, 6}, 2);
        const matrix expected = layer.vjp(pass, dmu);
        matrix in_place = dmu;
        auto again = start;
        again.vjp_into(pass, in_place, in_place);
        CHECK(same_bits(in_place, expected));
        cube dz = pass.samples() * 0.5F;
        auto third = start;
        const matrix by_sample = third.pull_back(pass, dz);
        // Some rows of a larger cotangent.
        Eigen::TensorMap<matrix> part(dz.data() + 3, 4, 6);
        if (pass.sample_count() > 1) {
            auto fourth = start;
            fourth.pull_back_into(pass, dz, part);
            CHECK(same_bits(part, by_sample));
        }
    });
}

TEST_CASE("layer_interface: a const layer may be called from several threads at once", "[layer][threads]") {
    for_each_layer([&](const auto& given) {
        using layer_type = std::remove_cvref_t<decltype(given)>;
        const layer_type& layer = given;
        std::vector<matrix> thetas;
        for (std::uint64_t i = 0; i < 4; ++i) thetas.push_back(numbers<matrix>({16, 6}, i));
        const auto work = [&](std::size_t i) {
            const auto pass = layer.forward(thetas[i], random_key{i});
            std::vector<float> results(pass.samples().data(), pass.samples().data() + pass.samples().size());
            const auto add = [&](const auto& tensor) {
                results.insert(results.end(), tensor.data(), tensor.data() + tensor.size());
            };
            add(layer.marginals(thetas[i], random_key{i}).marginals());
            auto [value, pullback] = layer.value_and_pullback(thetas[i], random_key{i});
            add(value);
            if constexpr (!layer_type::learns) {
                add(layer.vjp(pass, thetas[i]));
                add(pullback(value));
            }
            return results;
        };
        std::vector<std::vector<float>> alone, together(thetas.size());
        for (std::size_t i = 0; i < thetas.size(); ++i) alone.push_back(work(i));
        for (int repeat = 0; repeat < 5; ++repeat) {
            std::vector<std::thread> threads;
            for (std::size_t i = 0; i < thetas.size(); ++i)
                threads.emplace_back([&, i] { together[i] = work(i); });
            for (std::thread& thread : threads) thread.join();
            CHECK(together == alone);
        }
    });
}

TEST_CASE("losses: a const loss may be called from several threads at once", "[layer][losses][threads]") {
    const imle::fenchel_young_loss fenchel_young{
        imle::top_k{2}, imle::gumbel{}, {.samples = 4, .threads = 2}};
    const imle::spo_plus_loss spo{imle::top_k{2}, {.threads = 2}};
    const matrix theta = numbers<matrix>({16, 6}, 1), other = numbers<matrix>({16, 6}, 2);
    const matrix one = fenchel_young(theta, other, random_key{1}).gradient, two = spo(theta, other).gradient;
    std::atomic<int> equal{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            equal += same_bits(fenchel_young(theta, other, random_key{1}).gradient, one);
            equal += same_bits(spo(theta, other).gradient, two);
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(equal == 8);
}

TEST_CASE("layer_interface: concurrent calls share no solver", "[layer][threads]") {
    // When a call begins while another is running, it must use another solver object.
    struct exclusive_solver {
        std::shared_ptr<std::atomic<int>> clashes = std::make_shared<std::atomic<int>>(0);
        std::shared_ptr<std::atomic<bool>> busy = std::make_shared<std::atomic<bool>>(false);
        exclusive_solver() = default;
        exclusive_solver(const exclusive_solver& other) : clashes(other.clashes) {}
        void operator()(const imle::const_view<float, 1, Eigen::RowMajor>& theta,
                        imle::mutable_view<float, 1, Eigen::RowMajor>& z) {
            *clashes += busy->exchange(true);
            std::this_thread::yield();
            cube_solver(theta, z);
            *busy = false;
        }
    };
    const exclusive_solver solver;
    const imle_layer layer{
        solver, hashed_noise{}, perturbation_target{}, {.samples = 50, .threads = 2}, eager_threads()};
    const matrix theta = numbers<matrix>({16, 6}, 1);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] { (void)layer.vjp(layer.forward(theta, random_key{1}), theta); });
    for (std::thread& thread : threads) thread.join();
    CHECK(*solver.clashes == 0);
}

TEST_CASE("layer_interface: value_and_pullback copies no solver", "[layer]") {
    struct counted_solver {
        std::shared_ptr<std::atomic<int>> copies = std::make_shared<std::atomic<int>>(0);
        counted_solver() = default;
        counted_solver(const counted_solver& other) : copies(other.copies) { ++*copies; }
        void operator()(const imle::const_view<float, 1, Eigen::RowMajor>& theta,
                        imle::mutable_view<float, 1, Eigen::RowMajor>& z) {
            cube_solver(theta, z);
        }
    };
    const matrix theta = numbers<matrix>({4, 6}, 1);
    const auto copies_of = [&](const auto& make) {
        const counted_solver solver;
        const auto layer = make(solver);
        (void)layer.forward(theta, random_key{1});  // its worker's own
        const int before = *solver.copies;
        for (int call = 0; call < 10; ++call) {
            auto [value, pullback] = layer.value_and_pullback(theta, random_key{1});
            (void)pullback(value);
        }
        return *solver.copies - before;
    };
    CHECK(copies_of([](const auto& s) { return imle_layer{s, hashed_noise{}, perturbation_target{}}; }) == 0);
    CHECK(copies_of([](const auto& s) { return imle::straight_through_layer{s, hashed_noise{}}; }) == 0);
    CHECK(copies_of([](const auto& s) { return imle::negative_identity_layer{s}; }) == 0);
    CHECK(copies_of([](const auto& s) {
              return imle::perturbed_layer{s, imle::normal{}, {.samples = 2}};
          }) == 0);
}
