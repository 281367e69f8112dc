#include <imle/layer/item_noise.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/losses/fenchel_young_loss.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/std_noise.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"

using namespace fixtures;
using imle::imle_layer;
using imle::perturbation_target;
using imle::random_key;
using imle::sampling;
using support::message_of;
using support::says;

namespace item_noise_tests {

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<double, 3, Eigen::RowMajor>;

template <class Scalar>
std::vector<Scalar> noise_of(sampling how, const random_key& key, std::uint64_t samples, std::size_t n,
                             std::uint64_t first_item, std::size_t items) {
    std::vector<Scalar> out(items * n);
    imle::detail::fill_item_noise(imle::gumbel{}, how, key, samples, n, first_item, std::span<Scalar>(out));
    return out;
}

/// Rows first .. first + count - 1 of a tensor [batch, ...].
template <class TensorT>
TensorT rows_of(const TensorT& tensor, Eigen::Index first, Eigen::Index count) {
    auto dimensions = tensor.dimensions();
    const Eigen::Index row = tensor.size() / dimensions[0];
    dimensions[0] = count;
    TensorT part(dimensions);
    std::copy_n(tensor.data() + first * row, part.size(), part.data());
    return part;
}

}  // namespace

TEMPLATE_TEST_CASE("latin sampling: the noise of an item is the same alone and with others", "[latin][layer]",
                   float, double) {
    const random_key key{3};
    for (const std::uint64_t samples : {2u, 10u, 16u})
        for (const std::size_t n : {1u, 9u, 70u}) {
            const auto whole = noise_of<TestType>(sampling::latin, key, samples, n, 7, 30);
            support::tally wrong;
            for (std::size_t i = 0; i < 30; ++i) {
                const auto one = noise_of<TestType>(sampling::latin, key, samples, n, 7 + i, 1);
                wrong.expect(
                    std::equal(one.begin(), one.end(), whole.begin() + static_cast<std::ptrdiff_t>(i * n)),
                    samples, " samples of ", n, ", item ", 7 + i);
            }
            CHECK(wrong == 0);
            // No number is left as it was.
            CHECK(whole != noise_of<TestType>(sampling::independent, key, samples, n, 7, 30));
        }
    CHECK(noise_of<TestType>(sampling::latin, key, 1, 9, 7, 30) ==
          noise_of<TestType>(sampling::independent, key, 1, 9, 7, 30));
    CHECK(noise_of<TestType>(sampling::latin, key, 4, 0, 7, 30).empty());
}

TEMPLATE_TEST_CASE("latin sampling: the layer perturbs by the item's noise, in both passes", "[latin][layer]",
                   (scalar_and_layout<double, Eigen::RowMajor>),
                   (scalar_and_layout<float, Eigen::ColMajor>)) {
    using Scalar = typename TestType::scalar;
    constexpr bool row_major = TestType::layout == Eigen::RowMajor;
    using tensor = Eigen::Tensor<Scalar, 2, TestType::layout>;
    constexpr Eigen::Index batch = 5, n = 11;
    const random_key key{7};
    const tensor theta = numbers<tensor>({row_major ? batch : n, row_major ? n : batch}, 1);
    const tensor dz = numbers<tensor>({row_major ? batch : n, row_major ? n : batch}, 2);
    for (const Eigen::Index samples : {1, 3, 4, 40}) {
        imle_layer layer{identity_solver,
                         imle::gumbel{},
                         perturbation_target{.alpha = 0.5, .beta = 2},
                         {.samples = samples,
                          .input_temperature = 0.5,
                          .target_temperature = 2,
                          .threads = 2,
                          .sampling = sampling::latin},
                         eager_threads()};
        const auto pass = layer.forward(theta, key, 100);
        const tensor gradient = layer.vjp(pass, dz);
        const tensor from_mean = layer.vjp(layer.marginals(theta, key, 100), dz);
        const auto noise = noise_of<Scalar>(sampling::latin, key, static_cast<std::uint64_t>(samples), n,
                                            static_cast<std::uint64_t>(100 * samples),
                                            static_cast<std::size_t>(batch * samples));
        support::tally wrong;
        for (Eigen::Index b = 0; b < batch; ++b)
            for (Eigen::Index i = 0; i < n; ++i) {
                const Scalar at = theta.data()[b * n + i];
                double mean = 0;
                for (Eigen::Index s = 0; s < samples; ++s) {
                    const Scalar eps = noise[static_cast<std::size_t>((b * samples + s) * n + i)];
                    const Scalar z = pass.samples().data()[(b * samples + s) * n + i];
                    wrong.expect(std::abs(z - (at + Scalar(0.5) * eps)) < Scalar(1e-5), "sample ", s, ": ",
                                 z);
                    mean += static_cast<double>(eps) / static_cast<double>(samples);
                }
                // z - z' = theta + eps / 2 - (theta / 2 - 2 dz + 2 eps)
                const double expected =
                    static_cast<double>(at) / 2 + 2 * static_cast<double>(dz.data()[b * n + i]) - 1.5 * mean;
                for (const tensor* found : {&gradient, &from_mean})
                    wrong.expect(std::abs(static_cast<double>(found->data()[b * n + i]) - expected) < 1e-5,
                                 found->data()[b * n + i], ", not ", expected);
            }
        CHECK(wrong == 0);
    }
}

TEST_CASE("latin sampling: bits do not depend on threads or shards", "[latin][layer]") {
    constexpr Eigen::Index batch = 7, n = 6;
    const matrix theta = numbers<matrix>({batch, n}, 1), dmu = numbers<matrix>({batch, n}, 3);
    for (const bool central : {false, true})
        for (const Eigen::Index samples : {4, 10, 70}) {
            imle::layer_options options{.samples = samples, .sampling = sampling::latin};
            if (central) options.difference = imle::difference::central;
            const auto make = [&](int threads) {
                options.threads = threads;
                return imle_layer{imle::top_k{2}, imle::gumbel{}, perturbation_target{.beta = 3}, options,
                                  eager_threads()};
            };
            auto one = make(1), three = make(3);
            const cube dz = numbers<cube>({batch, samples, n}, 4);
            const auto pass = one.forward(theta, random_key{9});
            const auto mean = one.marginals(theta, random_key{9});
            const matrix gradient = one.vjp(pass, dz), from_mean = one.vjp(mean, dmu);
            CHECK(same_bits(three.forward(theta, random_key{9}).samples(), pass.samples()));
            CHECK(same_bits(three.marginals(theta, random_key{9}).marginals(), mean.marginals()));
            CHECK(same_bits(three.vjp(pass, dz), gradient));
            CHECK(same_bits(three.vjp(mean, dmu), from_mean));
            for (const auto& [first, count] : {std::pair<Eigen::Index, Eigen::Index>{0, 3}, {3, 4}}) {
                const auto offset = static_cast<std::uint64_t>(first);
                const auto part = three.forward(rows_of(theta, first, count), random_key{9}, offset);
                CHECK(same_bits(part.samples(), rows_of(pass.samples(), first, count)));
                CHECK(same_bits(three.vjp(part, rows_of(dz, first, count)), rows_of(gradient, first, count)));
            }
        }
}

TEST_CASE("latin sampling: shards of a vjp that learns are the whole", "[latin][layer]") {
    const matrix theta = numbers<matrix>({6, 8}, 1);
    const cube dz = numbers<cube>({6, 4, 8}, 2);
    imle_layer whole{imle::top_k{3}, imle::normal{}, imle::adaptive_target{{.beta_step = 0.1}},
                     imle::layer_options{.samples = 4, .sampling = sampling::latin}};
    auto shards = whole;
    const matrix expected = whole.vjp(whole.forward(theta, random_key{1}), dz);
    const auto pass0 = shards.forward(rows_of(theta, 0, 2), random_key{1}, 0);
    const auto pass1 = shards.forward(rows_of(theta, 2, 4), random_key{1}, 2);
    const auto sums = shards.sums(pass0, rows_of(dz, 0, 2)) + shards.sums(pass1, rows_of(dz, 2, 4));
    const auto [gradient0, counts0] = shards.vjp_shard(pass0, rows_of(dz, 0, 2), sums);
    const auto [gradient1, counts1] = shards.vjp_shard(pass1, rows_of(dz, 2, 4), sums);
    shards.target().update(sums + counts0 + counts1);
    CHECK(shards.target().state() == whole.target().state());
    CHECK(furthest(gradient0, rows_of(expected, 0, 2)) < 1e-12);
    CHECK(furthest(gradient1, rows_of(expected, 2, 4)) < 1e-12);
}

TEST_CASE("latin sampling: a noise without quantiles is refused in one sentence", "[latin][layer]") {
    const auto made_with = [](auto noise, imle::layer_options options) {
        return message_of<std::invalid_argument>([&] {
            imle_layer layer{cube_solver, noise, perturbation_target{}, options};
        });
    };
    const imle::layer_options latin{.samples = 4, .sampling = sampling::latin};
    for (const std::string& message :
         {made_with(hashed_noise{}, latin),
          made_with(imle::std_noise<std::normal_distribution<float>>{}, latin),
          message_of<std::invalid_argument>([] {
              imle::fenchel_young_loss loss{cube_solver, hashed_noise{}, {.sampling = sampling::latin}};
          })})
        CHECK(says(message, {"layer_options::sampling", "fill_quantiles", "sampling::independent"}));
    CHECK(made_with(imle::normal{}, latin).empty());
    CHECK(made_with(imle::no_noise{}, latin).empty());
    CHECK(made_with(hashed_noise{}, {.samples = 4}).empty());
    CHECK(says(made_with(imle::normal{}, {.sampling = static_cast<sampling>(7)}),
               {"layer_options::sampling", "7", "sampling::latin"}));
    CHECK(says(message_of<std::invalid_argument>([] {
                   imle::fenchel_young_loss loss{
                       cube_solver, imle::normal{}, {.sampling = static_cast<sampling>(7)}};
               }),
               {"fenchel_young_options::sampling", "7"}));
}

TEST_CASE("latin sampling: the Fenchel-Young loss uses it too", "[latin][losses]") {
    const matrix theta = numbers<matrix>({3, 8}, 1), y = numbers<matrix>({3, 8}, 2);
    imle_layer layer{imle::top_k{3}, imle::normal{}, perturbation_target{},
                     imle::layer_options{.samples = 10, .sampling = sampling::latin}};
    const auto pass = layer.forward(theta, random_key{4}, 2);
    const auto result =
        imle::fenchel_young_loss{imle::top_k{3},
                                 imle::normal{},
                                 {.samples = 10, .sampling = sampling::latin}}(theta, y, random_key{4}, 2);
    const matrix expected = pass.marginals() - y;
    CHECK(furthest(result.gradient, expected) < 1e-12);
    // mean over s of <theta + eps_s, z_s - y>, with the same noise.
    for (Eigen::Index b = 0; b < 3; ++b) {
        std::vector<double> eps(80);
        imle::detail::fill_item_noise(imle::normal{}, sampling::latin, random_key{4}, 10, 8,
                                      static_cast<std::uint64_t>((2 + b) * 10), std::span<double>(eps));
        double value = 0;
        for (Eigen::Index s = 0; s < 10; ++s)
            for (Eigen::Index i = 0; i < 8; ++i)
                value += (theta(b, i) + eps[static_cast<std::size_t>(s * 8 + i)]) *
                         (pass.samples()(b, s, i) - y(b, i)) / 10;
        CHECK(result.values(b) == Approx(value));
    }
}

}  // namespace item_noise_tests
