// One list of requirements for all layers.

#include <concepts>
#include <cstdint>

#include <imle/estimators/blackbox.hpp>
#include <imle/estimators/conditional_layer.hpp>
#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/negative_identity_layer.hpp>
#include <imle/estimators/perturbed_layer.hpp>
#include <imle/estimators/score_function_layer.hpp>
#include <imle/estimators/straight_through_layer.hpp>
#include <imle/families/softmax_family.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/layer/pass.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"

namespace {

using imle::random_key;

// The properties that a model may rely on with any estimator.
template <class LayerT, class Scalar, int Rank, int Layout>
concept DifferentiableLayer = std::copy_constructible<LayerT> &&
    requires(LayerT& layer, const LayerT& fixed, const Eigen::Tensor<Scalar, Rank, Layout>& theta,
             const Eigen::Tensor<Scalar, Rank + 1, Layout>& dz, random_key key, std::uint64_t first,
             const imle::sampled_pass<Scalar, Rank, Layout>& pass) {
    { fixed.forward(theta, key) } -> std::same_as<imle::sampled_pass<Scalar, Rank, Layout>>;
    { fixed.forward(theta, key, first) } -> std::same_as<imle::sampled_pass<Scalar, Rank, Layout>>;
    { layer.vjp(pass, theta) } -> std::same_as<Eigen::Tensor<Scalar, Rank, Layout>>;
    { layer.vjp(pass, dz) } -> std::same_as<Eigen::Tensor<Scalar, Rank, Layout>>;
    {
        fixed.value_and_pullback(theta, key).value
        } -> std::convertible_to<Eigen::Tensor<Scalar, Rank + 1, Layout>>;
    {
        fixed.value_and_pullback(theta, key, first).pullback(dz)
        } -> std::same_as<Eigen::Tensor<Scalar, Rank, Layout>>;
    { fixed.map(theta) } -> std::same_as<Eigen::Tensor<Scalar, Rank, Layout>>;
    fixed.options();
};

template <class LayerT>
inline constexpr bool for_vectors = DifferentiableLayer<LayerT, float, 2, Eigen::RowMajor>&&
    DifferentiableLayer<LayerT, float, 2, Eigen::ColMajor>&& DifferentiableLayer<
        LayerT, double, 2, Eigen::RowMajor>&& DifferentiableLayer<LayerT, double, 2, Eigen::ColMajor>;

// A pass of the layer itself and the chain rule, whatever the layer estimates.
template <class LayerT>
void check_one_interface(LayerT layer, Eigen::Index samples) {
    static_assert(for_vectors<LayerT>);
    using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
    using cube = Eigen::Tensor<double, 3, Eigen::RowMajor>;
    const auto theta = fixtures::numbers<matrix>({3, 4}, 1), dmu = fixtures::numbers<matrix>({3, 4}, 2);
    const random_key key{5};
    const auto pass = layer.forward(theta, key, 6);
    CHECK(pass.sample_count() == samples);
    CHECK(pass.key() == key);
    CHECK(pass.first_instance() == 6);
    CHECK(fixtures::same_bits(pass.theta(), theta));
    LayerT copy(layer);
    CHECK(fixtures::same_bits(copy.forward(theta, key, 6).samples(), pass.samples()));

    // Copies, since a layer may learn from a vjp.
    const matrix gradient = LayerT(layer).vjp(pass, dmu);
    CHECK(gradient.dimensions() == theta.dimensions());
    cube dz(3, samples, 4);
    for (Eigen::Index b = 0; b < 3; ++b)
        for (Eigen::Index s = 0; s < samples; ++s)
            for (Eigen::Index i = 0; i < 4; ++i) dz(b, s, i) = dmu(b, i);
    CHECK(fixtures::furthest(LayerT(layer).vjp(pass, dz), gradient) < 1e-12);
    const auto [value, pullback] = layer.value_and_pullback(theta, key, 6);
    CHECK(fixtures::same_bits(value, pass.samples()));
    CHECK(fixtures::furthest(pullback(cube(dz / static_cast<double>(samples))), gradient) < 1e-12);

    // A shard.
    const matrix last = theta.slice(std::array<Eigen::Index, 2>{2, 0}, std::array<Eigen::Index, 2>{1, 4});
    const auto part = layer.forward(last, key, 8);
    CHECK(std::equal(part.samples().data(), part.samples().data() + part.samples().size(),
                     pass.samples().data() + 2 * samples * 4));
}

struct no_layer {
    int options() const { return 0; }
};

}  // namespace

static_assert(!for_vectors<no_layer> && !for_vectors<imle::top_k<>>);

TEST_CASE("All layers have one interface", "[estimators]") {
    const imle::layer_options options{.samples = 4};
    check_one_interface(
        imle::imle_layer{imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{}, options}, 4);
    check_one_interface(
        imle::imle_layer{imle::top_k{2}, imle::multiplicative{}, imle::adaptive_target{}, options}, 4);
    check_one_interface(imle::blackbox(imle::top_k{2}, 3.0), 1);
    check_one_interface(imle::straight_through_layer{imle::top_k{2}, imle::gumbel{}, options}, 4);
    check_one_interface(
        imle::negative_identity_layer{imle::top_k{2}, {.projection = imle::projection::standardize}}, 1);
    check_one_interface(
        imle::perturbed_layer{imle::minimizing(imle::top_k{2}), imle::gumbel{}, {.samples = 4}}, 4);
    check_one_interface(imle::perturbed_layer{imle::categorical{}, imle::multiplicative{}, {.samples = 4}},
                        4);
    check_one_interface(
        imle::conditional_layer{imle::minimizing(imle::top_k{2}), imle::gumbel{}, {.samples = 4}}, 4);
    check_one_interface(imle::score_function_layer{imle::softmax_family{}, {.samples = 4}}, 4);
    check_one_interface(imle::exact_layer{imle::softmax_family{}, {.samples = 4}}, 4);
    check_one_interface(imle::simple_layer(2, {.samples = 4}), 4);
}
