// The code of docs/layer.md.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <imle/imle.hpp>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/tensors.hpp"

using support::furthest;

namespace {

using tensor = Eigen::Tensor<float, 2, Eigen::RowMajor>;         // [batch, n]
using sample_tensor = Eigen::Tensor<float, 3, Eigen::RowMajor>;  // [batch, sample, n]

tensor numbers(Eigen::Index rows, Eigen::Index columns) {
    tensor result(rows, columns);
    imle::normal{}.fill(imle::random_key{1}, 0,
                        std::span<float>(result.data(), static_cast<std::size_t>(result.size())));
    return result;
}

const auto equal = [](const auto& a, const auto& b) { return support::same_bits(a, b); };

// [executor]
// Threads that are made for each call; a thread pool's handle would look the same.
struct fresh_threads {
    template <class F>
    void parallel_for(std::size_t n, F&& f) {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < n; ++i) threads.emplace_back([&f, i] { f(i); });
    }
};

auto layer_on_my_threads() {
    return imle::imle_layer{imle::top_k{3},
                            imle::gumbel{},
                            imle::perturbation_target{},
                            {.samples = 64, .threads = 4},
                            fresh_threads{}};
}
// [/executor]

}  // namespace

TEST_CASE("docs: forward, vjp and marginals", "[docs]") {
    // [construct]
    imle::imle_layer layer{imle::top_k{3},                         // what to choose
                           imle::sum_of_gamma{3},                  // how to perturb
                           imle::perturbation_target{.beta = 10},  // where a better answer lies
                           {.samples = 20}};
    // [/construct]
    const tensor theta = numbers(4, 8), wanted = numbers(4, 8) * 0.5F;

    // [forward]
    const auto pass = layer.forward(theta, imle::random_key{7});  // theta: [batch, n]
    const sample_tensor& z = pass.samples();                      // [batch, sample, n]
    const tensor mu = pass.marginals();                           // [batch, n]: the mean over samples

    const tensor dmu = mu - wanted;                     // a cotangent for all samples
    const tensor gradient = layer.vjp(pass, dmu);       // [batch, n]
    const sample_tensor dz = z * 2.0F - 1.0F;           // or one for each
    const tensor other_gradient = layer.vjp(pass, dz);  // [batch, n]
    // [/forward]
    CHECK(z.dimension(1) == 20);
    CHECK(std::any_of(gradient.data(), gradient.data() + gradient.size(), [](float g) { return g != 0; }));
    CHECK(other_gradient.dimension(1) == 8);

    // [marginals]
    const auto mean = layer.marginals(theta, imle::random_key{7});
    const tensor same_mu = mean.marginals();
    const tensor same_gradient = layer.vjp(mean, dmu);
    // [/marginals]
    CHECK(furthest(same_mu, mu) < 1e-6);
    CHECK(furthest(same_gradient, gradient) < 1e-6);
}

TEST_CASE("docs: results in your own tensors", "[docs]") {
    imle::imle_layer layer{
        imle::top_k{3}, imle::sum_of_gamma{3}, imle::perturbation_target{.beta = 10}, {.samples = 20}};
    const imle::random_key key{7};
    const tensor wanted = numbers(4, 8) * 0.5F;
    tensor theta = numbers(4, 8);
    // [into]
    auto pass = layer.forward(theta, key);  // allocates
    tensor gradient = layer.vjp(pass, wanted);
    for (std::uint64_t step = 1; step < 4; ++step) {
        layer.forward_into(theta, key.fold_in(step), pass);  // from here on nothing does
        layer.vjp_into(pass, wanted, gradient);
        theta -= 0.1F * gradient;
    }
    // [/into]
    CHECK(pass.key() == key.fold_in(3));
    CHECK(equal(gradient, layer.vjp(pass, wanted)));
}

TEST_CASE("docs: expressions, and a batch that comes first", "[docs]") {
    imle::imle_layer layer{
        imle::categorical{}, imle::gumbel{}, imle::perturbation_target{.beta = 10}, {.samples = 50}};
    const imle::random_key key{7};
    const tensor theta = numbers(2, 4), wanted = numbers(2, 4) * 0.5F;
    {
        // [expressions]
        const auto pass = layer.forward(0.5F * theta, key);
        const tensor gradient = layer.vjp(pass, pass.marginals() - wanted);
        // [/expressions]
        const tensor half = 0.5F * theta, slope = pass.marginals() - wanted;
        CHECK(equal(gradient, layer.vjp(layer.forward(half, key), slope)));
    }
    const auto two_rows = [] {
        return Eigen::Tensor<float, 2>(numbers(2, 4).swap_layout().shuffle(Eigen::array<int, 2>{1, 0}));
    };
    // [batch_first]
    const Eigen::Tensor<float, 2> scores = two_rows();                // (2, 4), column-major
    const auto pass = layer.forward(imle::batch_first(scores), key);  // two instances of four
    const Eigen::Tensor<float, 2> slope = pass.marginals() - scores;  // (2, 4), like all that comes back
    const Eigen::Tensor<float, 2> gradient = layer.vjp(pass, slope);
    // [/batch_first]
    const auto row_major = layer.forward(theta, key);
    const tensor expected = layer.vjp(row_major, row_major.marginals() - theta);
    REQUIRE(gradient.dimension(0) == 2);
    REQUIRE(gradient.dimension(1) == 4);
    for (Eigen::Index row = 0; row < 2; ++row)
        for (Eigen::Index i = 0; i < 4; ++i) {
            CHECK(scores(row, i) == theta(row, i));
            CHECK(gradient(row, i) == expected(row, i));
        }
}

TEST_CASE("docs: a mask, and one theta for many rows", "[docs]") {
    imle::imle_layer layer{imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{}, {.samples = 8}};
    const tensor scores = numbers(2, 5), wanted = numbers(3, 5).slice(Eigen::array<Eigen::Index, 2>{0, 0},
                                                                      Eigen::array<Eigen::Index, 2>{2, 5});
    const imle::random_key key{3};
    {
        // [mask]
        // Two sentences of 3 and 5 words. What stands in the padding does not matter.
        const std::array<bool, 10> words{true, true, true, false, false, true, true, true, true, true};
        const auto pass = layer.forward(scores, key, {.mask = words});
        const tensor gradient = layer.vjp(pass, pass.marginals() - wanted);  // 0 in the padding
        // [/mask]
        for (Eigen::Index i = 3; i < 5; ++i) {
            CHECK(pass.marginals()(0, i) == 0);
            CHECK(gradient(0, i) == 0);
        }
    }
    {
        const auto one_row = [] {
            return Eigen::Tensor<float, 1, Eigen::RowMajor>(numbers(1, 5).chip<0>(0));
        };
        const tensor wanted = numbers(3, 5);
        // [shared]
        const Eigen::Tensor<float, 1, Eigen::RowMajor> weights = one_row();  // [n]
        const std::vector<std::uint64_t> ids{3, 1, 2};                       // this minibatch
        const auto pass = layer.forward(imle::shared(weights, 3), key, {.ids = ids});
        const Eigen::Tensor<float, 1, Eigen::RowMajor> gradient = layer.vjp(pass, pass.marginals() - wanted);
        // [/shared]
        CHECK(pass.samples().dimension(0) == 3);
        CHECK(gradient.size() == 5);
    }
}

TEST_CASE("docs: an Eigen matrix as a batch", "[docs]") {
    imle::imle_layer layer{imle::categorical{}, imle::no_noise{}, imle::perturbation_target{}};
    // [as_tensor]
    const Eigen::MatrixXd scores = Eigen::MatrixXd::Random(5, 3);  // column-major: 3 instances of 5
    const auto pass = layer.forward(imle::as_tensor(scores), imle::random_key{0});
    // [/as_tensor]
    CHECK(pass.marginals().dimension(0) == 5);
    CHECK(pass.marginals().dimension(1) == 3);
    for (int instance = 0; instance < 3; ++instance) {
        Eigen::Index best;
        scores.col(instance).maxCoeff(&best);
        CHECK(pass.marginals()(best, instance) == 1);
    }
}

TEST_CASE("docs: a pullback", "[docs]") {
    imle::imle_layer layer{
        imle::top_k{3}, imle::gumbel{}, imle::perturbation_target{.beta = 5}, {.samples = 16}};
    const tensor theta = numbers(2, 8), dmu = numbers(2, 8);
    const imle::random_key key{3};
    // [pullback]
    const auto [value, pullback] = layer.value_and_pullback(theta, key);  // value: [batch, sample, n]

    // A tape that takes the mean of the samples gives each 1/S of the mean's cotangent.
    sample_tensor dz(value.dimensions());
    for (Eigen::Index s = 0; s < dz.dimension(1); ++s)
        dz.chip<1>(s) = dmu / static_cast<float>(dz.dimension(1));

    const tensor gradient = pullback(dz);  // = layer.vjp(pass, dmu)
    // [/pullback]
    CHECK(equal(gradient, layer.vjp(layer.forward(theta, key), dmu)));
}

TEST_CASE("docs: shards", "[docs]") {
    imle::imle_layer layer{imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{}, {.samples = 5}};
    const tensor theta = numbers(10, 6);
    const imle::random_key key{11};
    const auto whole = layer.forward(theta, key);
    // [shard]
    const tensor part = theta.slice(Eigen::array<Eigen::Index, 2>{6, 0},  // rows 6 to 9 of a batch
                                    Eigen::array<Eigen::Index, 2>{4, theta.dimension(1)});
    const auto pass = layer.forward(part, key, 6);
    // [/shard]
    const sample_tensor rows =
        whole.samples().slice(Eigen::array<Eigen::Index, 3>{6, 0, 0}, Eigen::array<Eigen::Index, 3>{4, 5, 6});
    CHECK(equal(pass.samples(), rows));
    CHECK_FALSE(equal(layer.forward(part, key).samples(), rows));
}

TEST_CASE("docs: a backward pass over shards", "[docs]") {
    const imle::adaptive_target target{{.initial_beta = 4, .beta_step = 0.25}};
    imle::imle_layer layer{imle::top_k{2}, imle::gumbel{}, target, {.samples = 5}};
    auto whole_layer = layer;
    const tensor theta = numbers(6, 6), dmu = theta * 0.5F - 1.0F;
    const imle::random_key key{13};
    const tensor expected = whole_layer.vjp(whole_layer.forward(theta, key), dmu);
    const auto rows = [](const tensor& from, Eigen::Index first, Eigen::Index count) {
        return tensor(from.slice(Eigen::array<Eigen::Index, 2>{first, 0},
                                 Eigen::array<Eigen::Index, 2>{count, from.dimension(1)}));
    };
    const auto pass0 = layer.forward(rows(theta, 0, 2), key, 0),
               pass1 = layer.forward(rows(theta, 2, 4), key, 2);
    const tensor dz0 = rows(dmu, 0, 2), dz1 = rows(dmu, 2, 4);
    // [sharded_vjp]
    const imle::target_sums sums = layer.sums(pass0, dz0) + layer.sums(pass1, dz1);
    const auto [gradient0, counts0] = layer.vjp_shard(pass0, dz0, sums);
    const auto [gradient1, counts1] = layer.vjp_shard(pass1, dz1, sums);
    layer.target().update(sums + counts0 + counts1);
    // [/sharded_vjp]
    CHECK(equal(gradient0, rows(expected, 0, 2)));
    CHECK(equal(gradient1, rows(expected, 2, 4)));
    CHECK(layer.target().state().beta == whole_layer.target().state().beta);
    CHECK(layer.target().state().beta != 4);
}

TEST_CASE("docs: your own threads", "[docs]") {
    auto mine = layer_on_my_threads();
    imle::imle_layer one{imle::top_k{3}, imle::gumbel{}, imle::perturbation_target{}, {.samples = 64}};
    const tensor theta = numbers(3, 8);
    CHECK(equal(mine.forward(theta, imle::random_key{5}).samples(),
                one.forward(theta, imle::random_key{5}).samples()));
}

TEST_CASE("docs: the state of an adaptive target", "[docs]") {
    // [adaptive_state]
    imle::imle_layer layer{
        imle::top_k{3}, imle::gumbel{}, imle::adaptive_target{{.initial_beta = 1}}, {.samples = 8}};
    // ... training ...
    const imle::adaptive_target_state saved = layer.target().state();  // .beta, .grad_norm, and two more
    layer.target().restore(saved);
    // [/adaptive_state]
    const tensor theta = numbers(3, 8);
    (void)layer.vjp(layer.forward(theta, imle::random_key{0}), theta);
    CHECK(layer.target().state().beta != saved.beta);
    layer.target().restore(saved);
    CHECK(layer.target().state().beta == 1);
}

TEST_CASE("docs: an error", "[docs]") {
    const auto forgets = [](const auto&, auto& z) { z(0) = 1; };
    imle::imle_layer layer{forgets, imle::gumbel{}, imle::perturbation_target{}};
    const tensor theta = numbers(2, 3);
    const imle::random_key key{0};
    std::string said;
    // [error]
    try {
        (void)layer.forward(theta, key);
    } catch (const imle::solver_error& error) {
        said = error.what();
    }
    // [/error]
    CHECK(said ==
          "imle: the solver left z[1] unwritten or not finite, in instance 0, sample 0; expected every "
          "coordinate of z to be written with a finite number");
}

TEST_CASE("docs: failures and statistics", "[docs]") {
    // [failures]
    // One of n, but never one whose theta is below the reserve: then there is no answer.
    const auto auction = [](const auto& theta, auto& z) {
        const auto best = std::max_element(theta.data(), theta.data() + theta.size()) - theta.data();
        if (theta(best) < -0.5F) return imle::solve_status::infeasible;
        z.setZero();
        z(best) = 1;
        return imle::solve_status::solved;
    };
    imle::imle_layer layer{
        auction,
        imle::gumbel{},
        imle::perturbation_target{.beta = 2},
        {.samples = 8, .failures = imle::failure_policy::zero_gradient, .statistics = true}};
    // [/failures]
    const tensor theta = numbers(50, 3), dz = theta;
    // [statistics]
    const auto pass = layer.forward(theta, imle::random_key{1});
    const tensor gradient = layer.vjp(pass, dz);
    const imle::call_statistics& did = layer.statistics();  // of the vjp, the last pass
    // [/statistics]
    REQUIRE_FALSE(pass.failed_rows().empty());
    const Eigen::Index row = pass.failed_rows().front();
    CHECK((gradient(row, 0) == 0 && gradient(row, 1) == 0 && gradient(row, 2) == 0));
    CHECK(did.solves + did.skipped == 50 * 8);
    CHECK(did.skipped == pass.failed_rows().size() * 8);
    CHECK((did.zero_share() > 0 && did.zero_share() < 1));
    CHECK(did.solve_seconds <= did.seconds);
}

TEST_CASE("docs: stratified samples", "[docs]") {
    // [latin]
    imle::imle_layer layer{imle::top_k{3},
                           imle::gumbel{},
                           imle::perturbation_target{.beta = 10},
                           {.samples = 16, .sampling = imle::sampling::latin}};
    // [/latin]
    const tensor theta = numbers(200, 8);
    const imle::imle_layer independent{
        imle::top_k{3}, imle::gumbel{}, imle::perturbation_target{.beta = 10}, {.samples = 16}};
    const auto two = [&](const auto& from) {
        const tensor a = from.marginals(theta, imle::random_key{1}).marginals();
        const tensor b = from.marginals(theta, imle::random_key{2}).marginals();
        const Eigen::Tensor<float, 0, Eigen::RowMajor> sum = (a - b).square().sum();
        return sum();
    };
    CHECK(two(layer) < 0.8f * two(independent));
}
