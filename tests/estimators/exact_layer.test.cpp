#include <imle/estimators/exact_layer.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <imle/estimators/score_function_layer.hpp>
#include <imle/estimators/solve_all.hpp>
#include <imle/families/k_subset_family.hpp>
#include <imle/families/softmax_family.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/testing/assignments.hpp>
#include <imle/testing/enumerated_family.hpp>
#include <imle/testing/gibbs_family.hpp>
#include <imle/testing/k_subsets.hpp>

#include "families/family_fixtures.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"
#include "testing/finite_differences.hpp"

using imle::exact_layer;
using imle::k_subset_family;
using imle::random_key;
using vector = std::vector<double>;

namespace {

template <class TensorT>
TensorT random_tensor(const std::array<Eigen::Index, TensorT::NumDimensions>& dimensions,
                      std::mt19937& random) {
    TensorT tensor(dimensions);
    std::normal_distribution<double> normal;
    for (Eigen::Index i = 0; i < tensor.size(); ++i)
        tensor.data()[i] = static_cast<typename TensorT::Scalar>(normal(random));
    return tensor;
}

template <class TensorT>
vector row(const TensorT& tensor, Eigen::Index b, std::size_t n) {
    const auto* const first = tensor.data() + b * static_cast<Eigen::Index>(n);
    return vector(first, first + n);
}

// A family that forgets a coordinate, or counts its calls, or is wrong otherwise.
struct faulty_family {
    bool in_sample = false, in_marginals = false;
    void sample(std::span<const double>, random_key, std::uint64_t item, std::span<double> z) const {
        for (std::size_t i = 0; i < z.size(); ++i)
            if (!in_sample || item != 5 || i != 1) z[i] = 1;
    }
    void marginals(std::span<const double>, std::span<double> mu) const {
        for (double& m : mu) m = in_marginals ? std::numeric_limits<double>::infinity() : 1;
    }
    void marginals_vjp(std::span<const double>, std::span<const double> d, std::span<double> gradient) const {
        std::copy(d.begin(), d.end(), gradient.begin());
    }
};

// Right forwards; the last number of what it writes backwards is wrong.
enum class bad_gradient { nan, unwritten, infinite };
struct wrong_backwards : faulty_family {
    explicit wrong_backwards(bad_gradient fault) : fault_(fault) {}
    void marginals_vjp(std::span<const double>, std::span<const double>, std::span<double> gradient) const {
        std::fill(gradient.begin(), gradient.end() - 1, 0.0);
        const volatile double zero = 0;
        if (fault_ == bad_gradient::nan) gradient.back() = zero / zero;
        if (fault_ == bad_gradient::infinite) gradient.back() = 1 / zero;
    }

  private:
    bad_gradient fault_;
};

struct forgets_in_map : faulty_family {
    void map(std::span<const double>, std::span<double> z) const { std::fill(z.begin(), z.end() - 1, 0.0); }
};

// What the layer computes, in terms of the family, for both scalars and layouts.
template <class Scalar, int Layout>
void check_layer() {
    std::mt19937 random(1);
    constexpr Eigen::Index batch = 3, samples = 4;
    constexpr std::size_t n = 6;
    constexpr bool row_major = Layout == Eigen::RowMajor;
    using theta_tensor = Eigen::Tensor<Scalar, 3, Layout>;
    using sample_tensor = Eigen::Tensor<Scalar, 4, Layout>;
    const auto theta = random_tensor<theta_tensor>(
        row_major ? std::array<Eigen::Index, 3>{batch, 2, 3} : std::array<Eigen::Index, 3>{2, 3, batch},
        random);
    const exact_layer layer{k_subset_family{2}, {.samples = samples}};
    const auto pass = layer.forward(theta, random_key{7}, 11);
    const auto shape = row_major ? std::array<Eigen::Index, 4>{batch, samples, 2, 3}
                                 : std::array<Eigen::Index, 4>{2, 3, samples, batch};
    REQUIRE(std::equal(shape.begin(), shape.end(), pass.samples().dimensions().begin()));
    CHECK(pass.key() == random_key{7});
    CHECK(pass.first_instance() == 11);
    const auto dz = random_tensor<sample_tensor>(shape, random);
    const auto dmu = random_tensor<theta_tensor>(theta.dimensions(), random);
    const auto gradient = layer.vjp(pass, dz), shared = layer.vjp(pass, dmu);
    const auto exact_mu = layer.marginals(theta);
    const auto from_marginals = layer.marginals_vjp(theta, dmu);
    const double slack = sizeof(Scalar) == 4 ? 1e-6 : 1e-13;
    for (Eigen::Index b = 0; b < batch; ++b) {
        const vector t = row(theta, b, n);
        vector mean(n, 0);
        for (Eigen::Index s = 0; s < samples; ++s) {
            const vector z = reference::sample(k_subset_family{2}, t, random_key{7},
                                               static_cast<std::uint64_t>((11 + b) * samples + s));
            CHECK(row(pass.samples(), b * samples + s, n) == z);
            for (std::size_t i = 0; i < n; ++i) mean[i] += row(dz, b * samples + s, n)[i] / samples;
        }
        CHECK(support::furthest(row(exact_mu, b, n), reference::marginals(k_subset_family{2}, t)) < slack);
        CHECK(support::furthest(row(gradient, b, n), reference::marginals_vjp(k_subset_family{2}, t, mean)) <
              slack);
        const vector expected = reference::marginals_vjp(k_subset_family{2}, t, row(dmu, b, n));
        CHECK(support::furthest(row(shared, b, n), expected) < slack);
        CHECK(support::furthest(row(from_marginals, b, n), expected) < slack);
    }
}

}  // namespace

TEST_CASE("an exact layer samples and differentiates its family", "[estimators][exact_layer]") {
    check_layer<double, Eigen::RowMajor>();
    check_layer<double, Eigen::ColMajor>();
    check_layer<float, Eigen::RowMajor>();
    check_layer<float, Eigen::ColMajor>();
}

TEST_CASE("an exact layer's gradient of a linear loss is the exact one", "[estimators][exact_layer]") {
    std::mt19937 random(2);
    using tensor = Eigen::Tensor<double, 3, Eigen::RowMajor>;
    const imle::testing::assignments assignments(3, 3);
    const exact_layer layer{imle::testing::gibbs_family{assignments}, {.samples = 2}};
    const auto theta = random_tensor<tensor>({2, 3, 3}, random), w = random_tensor<tensor>({2, 3, 3}, random);
    const auto gradient = layer.vjp(layer.forward(theta, random_key{1}), w);
    for (Eigen::Index b = 0; b < 2; ++b) {
        const vector weights = row(w, b, 9);
        const auto loss = [&](std::span<const double> z) {
            return reference::dot(vector(z.begin(), z.end()), weights);
        };
        CHECK(support::furthest(row(gradient, b, 9),
                                assignments.gibbs_expected_gradient(row(theta, b, 9), 1, loss)) < 1e-12);
    }
}

TEST_CASE("an exact layer's shards have the whole batch's samples", "[estimators][exact_layer]") {
    std::mt19937 random(3);
    using tensor = Eigen::Tensor<float, 2, Eigen::RowMajor>;
    const auto theta = random_tensor<tensor>({4, 8}, random);
    const exact_layer layer{k_subset_family{3}, {.samples = 5}};
    const auto whole = layer.forward(theta, random_key{5});
    tensor shard(1, 8);
    for (Eigen::Index b = 0; b < 4; ++b) {
        std::copy_n(theta.data() + b * 8, 8, shard.data());
        const auto part = layer.forward(shard, random_key{5}, static_cast<std::uint64_t>(b));
        CHECK(std::equal(part.samples().data(), part.samples().data() + 40, whole.samples().data() + b * 40));
    }
}

TEST_CASE("an exact layer's pullback follows the chain rule", "[estimators][exact_layer]") {
    std::mt19937 random(4);
    using tensor = Eigen::Tensor<double, 2, Eigen::ColMajor>;
    const auto theta = random_tensor<tensor>({5, 2}, random), dmu = random_tensor<tensor>({5, 2}, random);
    const exact_layer layer{k_subset_family{2}, {.samples = 4}};
    const auto [value, pullback] = layer.value_and_pullback(theta, random_key{6});
    Eigen::Tensor<double, 3, Eigen::ColMajor> dz(5, 4, 2);
    for (Eigen::Index b = 0; b < 2; ++b)
        for (Eigen::Index s = 0; s < 4; ++s)
            for (Eigen::Index i = 0; i < 5; ++i) dz(i, s, b) = dmu(i, b) / 4;
    const auto pulled = pullback(dz), expected = layer.vjp(layer.forward(theta, random_key{6}), dmu);
    for (Eigen::Index i = 0; i < 10; ++i) CHECK(pulled.data()[i] == Approx(expected.data()[i]).margin(1e-14));
    CHECK(value.size() == 40);
    CHECK(layer.family() == k_subset_family{2});
    CHECK(layer.options().samples == 4);
}

TEST_CASE("the best answers of layers around families", "[estimators][exact_layer]") {
    using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
    std::mt19937 random(8);
    const auto theta = random_tensor<matrix>({3, 6}, random);
    const exact_layer layer{k_subset_family{2}, {.samples = 4}};
    const imle::score_function_layer score{k_subset_family{2}};
    const matrix expected = imle::solve_all(imle::top_k{2}, theta);
    CHECK(support::same_bits(layer.map(theta), expected));
    CHECK(support::same_bits(layer.map(theta * 1.0, 7), expected));
    CHECK(support::same_bits(score.map(theta), expected));
    CHECK(support::same_bits(exact_layer{imle::softmax_family{}}.map(theta),
                             matrix(imle::solve_all(imle::categorical{}, theta))));
    CHECK(layer.map(matrix(0, 6)).size() == 0);

    // In float, column-major, with the batch first, and for one theta of many rows.
    Eigen::Tensor<float, 3, Eigen::ColMajor> columns(2, 3, 4);
    columns.setRandom();
    CHECK(support::same_bits(layer.map(columns), imle::solve_all(imle::top_k{2}, columns)));
    const Eigen::Tensor<double, 2> first = theta.swap_layout().shuffle(std::array<int, 2>{1, 0});
    const Eigen::Tensor<double, 2> of_first = layer.map(imle::batch_first(first));
    for (Eigen::Index b = 0; b < 3; ++b)
        for (Eigen::Index i = 0; i < 6; ++i) CHECK(of_first(b, i) == expected(b, i));
    const Eigen::Tensor<double, 1, Eigen::RowMajor> one = theta.chip<0>(1);
    const matrix shared = layer.map(imle::shared(one, 5));
    REQUIRE(shared.dimension(0) == 5);
    for (Eigen::Index b = 0; b < 5; ++b) CHECK(row(shared, b, 6) == row(expected, 1, 6));

    // Under a mask: one for each row, or one instance's; what it forbids may be anything.
    std::array<bool, 18> mask{};
    for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 5 != 1;
    const std::vector<std::uint64_t> ids{4, 5, 6};
    matrix padded = theta;
    for (std::size_t i = 0; i < mask.size(); ++i)
        if (!mask[i]) padded.data()[i] = std::nan("");
    CHECK(support::same_bits(
        layer.map(padded, imle::call_options{.ids = ids, .mask = mask}),
        imle::solve_all(imle::top_k{2}, padded, imle::call_options{.ids = ids, .mask = mask})));
    const std::span<const bool> row_mask = std::span<const bool>(mask).first(6);
    CHECK(support::same_bits(score.map(theta, imle::call_options{.mask = row_mask}),
                             imle::solve_all(imle::top_k{2}, theta, imle::call_options{.mask = row_mask})));

    CHECK_THROWS_WITH(layer.map(padded), mentions("theta is nan"));
    CHECK_THROWS_WITH(layer.map(theta, imle::call_options{.ids = std::span(ids).first(2)}),
                      mentions("call_options::ids"));
    CHECK_THROWS_WITH(exact_layer{k_subset_family{7}}.map(theta), mentions("at least k = 7"));
    const exact_layer gibbs{imle::testing::gibbs_family{imle::testing::k_subsets(6, 2)}};
    CHECK(support::same_bits(gibbs.map(theta), expected));
    CHECK_THROWS_WITH(gibbs.map(theta, imle::call_options{.mask = row_mask}),
                      mentions("a family that does not support masks"));
}

TEST_CASE("an exact layer of an empty batch, and without a cotangent", "[estimators][exact_layer]") {
    const exact_layer layer{k_subset_family{2}};
    CHECK(layer.options().samples == 1);
    const Eigen::Tensor<double, 2, Eigen::RowMajor> none(0, 5);
    CHECK(layer.forward(none, random_key{1}).samples().size() == 0);
    CHECK(layer.marginals(none).size() == 0);
    CHECK(layer.vjp(layer.forward(none, random_key{1}), none).size() == 0);
    Eigen::Tensor<double, 2, Eigen::RowMajor> theta(1, 5), zero(1, 5);
    theta.setConstant(1);
    zero.setZero();
    const auto gradient = layer.vjp(layer.forward(theta, random_key{1}), zero);
    for (Eigen::Index i = 0; i < 5; ++i) CHECK(gradient.data()[i] == 0);
}

TEST_CASE("an exact layer says what is wrong", "[estimators][exact_layer][errors]") {
    using tensor = Eigen::Tensor<double, 2, Eigen::RowMajor>;
    CHECK_THROWS_WITH((exact_layer{k_subset_family{1}, {.samples = 0}}),
                      mentions("exact_options::samples is 0"));
    const exact_layer layer{k_subset_family{2}, {.samples = 3}};
    tensor theta(2, 4);
    theta.setConstant(0.5);
    const auto pass = layer.forward(theta, random_key{1});
    CHECK_THROWS_WITH(layer.vjp(pass, tensor(2, 5)), mentions("[2, 5]") && mentions("theta's shape [2, 4]"));
    Eigen::Tensor<double, 3, Eigen::RowMajor> dz(2, 2, 4);
    CHECK_THROWS_WITH(layer.vjp(pass, dz), mentions("the samples' shape [2, 3, 4]"));
    tensor bad = theta;
    bad(1, 2) = std::nan("");
    CHECK_THROWS_WITH(layer.forward(bad, random_key{1}), mentions("theta is nan in row 1, coordinate 2"));
    CHECK_THROWS_WITH(layer.marginals(bad), mentions("theta is nan"));
    CHECK_THROWS_WITH(layer.vjp(pass, bad), mentions("dz is nan in row 1"));
    CHECK_THROWS_WITH(layer.marginals_vjp(theta, bad), mentions("dmu is nan"));
    CHECK_THROWS_WITH(layer.marginals_vjp(theta, tensor(2, 5)), mentions("dmu"));
    CHECK_THROWS_WITH((exact_layer{k_subset_family{5}}.forward(theta, random_key{1})),
                      mentions("at least k = 5"));
    CHECK_THROWS_WITH(layer.forward(theta, random_key{1}, std::numeric_limits<std::uint64_t>::max()),
                      mentions("first_instance"));
}

TEST_CASE("an exact layer checks its family's samples and marginals", "[estimators][exact_layer][errors]") {
    Eigen::Tensor<double, 2, Eigen::RowMajor> theta(4, 3);
    theta.setZero();
    const exact_layer forgetful{faulty_family{.in_sample = true}, {.samples = 2}};
    CHECK_NOTHROW(forgetful.forward(theta, random_key{1}, 10));
    try {
        static_cast<void>(forgetful.forward(theta, random_key{1}, 1));
        FAIL("a coordinate that was not written passed");
    } catch (const imle::solver_error& error) {
        CHECK(error.instance() == 2);  // item 5 = 2 * 2 + 1
        CHECK(error.sample() == 1);
        CHECK_THAT(error.what(), mentions("coordinate 1"));
    }
    const exact_layer infinite{faulty_family{.in_marginals = true}};
    CHECK_THROWS_AS(infinite.marginals(theta), imle::solver_error);
    CHECK_THROWS_WITH(exact_layer{forgets_in_map{}}.map(theta, 5),
                      mentions("the family's map wrote") && mentions("coordinate 2 in instance 5"));
}

TEST_CASE("an exact layer checks its family's gradient", "[estimators][exact_layer][errors]") {
    using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
    matrix theta(3, 4), dmu(3, 4);
    theta.setZero();
    dmu.setZero();
    dmu(2, 1) = 1;  // a zero cotangent asks no family
    const Eigen::Tensor<double, 3, Eigen::RowMajor> dz = dmu.reshape(std::array<Eigen::Index, 3>{3, 1, 4});
    for (const bad_gradient fault : {bad_gradient::nan, bad_gradient::unwritten, bad_gradient::infinite}) {
        const exact_layer layer{wrong_backwards{fault}};
        const auto expect_error = [&](auto&& call, std::uint64_t instance) {
            try {
                static_cast<void>(call());
                FAIL("fault " << static_cast<int>(fault) << " passed");
            } catch (const imle::solver_error& error) {
                CHECK(error.instance() == instance);
                CHECK_THAT(error.what(), mentions("marginals_vjp") && mentions("coordinate 3"));
            }
        };
        const auto pass = layer.forward(theta, random_key{1}, 5);
        expect_error([&] { return layer.vjp(pass, dmu); }, 7);
        expect_error([&] { return layer.vjp(pass, dz); }, 7);
        expect_error([&] { return layer.vjp(layer.marginals(theta, random_key{1}, 5), dmu); }, 7);
        expect_error([&] { return layer.marginals_vjp(theta, dmu); }, 2);
        const matrix large = dmu * 1e300;
        expect_error([&] { return layer.vjp(pass, large); }, 7);
        CHECK_NOTHROW(layer.vjp(pass, matrix(dmu * 0.0)));
    }
}

TEST_CASE("an exact layer's gradient of huge cotangents", "[estimators][exact_layer]") {
    using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
    constexpr double most = std::numeric_limits<double>::max();
    matrix theta(1, 3), dmu(1, 3);
    theta.setValues({{0.5, -0.25, 0}});
    dmu.setValues({{most, -most, -most}});
    const matrix small = dmu * 0x1p-600;
    // Sums of the family's overflow on the way, the gradient does not.
    const auto check = [&](const auto& layer) {
        const auto pass = layer.forward(theta, random_key{1});
        const auto gradient = layer.vjp(pass, dmu), expected = layer.vjp(pass, small);
        for (Eigen::Index i = 0; i < 3; ++i)
            CHECK(gradient(0, i) == Approx(expected(0, i) * 0x1p600).epsilon(1e-13));
        CHECK(layer.marginals_vjp(theta, dmu)(0, 1) == gradient(0, 1));
    };
    check(exact_layer{k_subset_family{1}});
    check(exact_layer{imle::softmax_family{}});
    check(exact_layer{imle::testing::gibbs_family{imle::testing::k_subsets(3, 1)}});

    // A mean of numbers that are all the largest is not infinite.
    for (const Eigen::Index samples : {2, 3, 49, 1000}) {
        const exact_layer layer{imle::softmax_family{}, {.samples = samples}};
        Eigen::Tensor<double, 3, Eigen::RowMajor> dz(1, samples, 3);
        for (Eigen::Index s = 0; s < samples; ++s)
            for (Eigen::Index i = 0; i < 3; ++i) dz(0, s, i) = dmu(0, i);
        const auto pass = layer.forward(theta, random_key{1});
        const auto gradient = layer.vjp(pass, dz), expected = layer.vjp(pass, dmu);
        for (Eigen::Index i = 0; i < 3; ++i) CHECK(gradient(0, i) == Approx(expected(0, i)).epsilon(1e-12));
    }

    // Here the gradient itself leaves the range: the first number of z is 5 or -5, its variance 25.
    const imle::testing::enumerated_family<1> wide("wide", {3}, {{5, 0, 0}, {-5, 0, 0}});
    const exact_layer layer{imle::testing::gibbs_family{wide}};
    theta.setZero();
    const auto pass = layer.forward(theta, random_key{1});
    CHECK_THROWS_AS(layer.vjp(pass, dmu), std::invalid_argument);
    CHECK_THROWS_WITH(layer.vjp(pass, dmu),
                      mentions("the gradient is inf") && mentions("a smaller cotangent"));
    const Eigen::Tensor<float, 2, Eigen::RowMajor> narrow = theta.cast<float>();
    Eigen::Tensor<float, 2, Eigen::RowMajor> huge(1, 3);
    huge.setConstant(3e38F);
    CHECK_THROWS_AS(layer.marginals_vjp(narrow, huge), std::invalid_argument);
}

TEST_CASE("simple_layer is the exact layer of k-subsets", "[estimators][simple]") {
    const auto layer = imle::simple_layer(3, {.samples = 2});
    STATIC_REQUIRE(std::is_same_v<decltype(layer), const imle::exact_layer<imle::k_subset_family>>);
    CHECK(layer.family().k() == 3);
    CHECK(layer.options().samples == 2);
    CHECK(imle::simple_layer(0).options().samples == 1);
    CHECK_THROWS_AS(imle::simple_layer(-1), std::invalid_argument);

    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(1, 4), loss(1, 4);
    theta.setValues({{0, 1, 2, 3}});
    loss.setValues({{1, 0, 0, 0}});
    const auto pass = layer.forward(theta, imle::random_key{1});
    CHECK(std::count(pass.samples().data(), pass.samples().data() + 8, 1.0f) == 6);
    // 3 of 4: the one left out is i with probability softmax(-theta)_i.
    const double e = std::exp(1.0), out = e * e * e / (e * e * e + e * e + e + 1);
    CHECK(layer.marginals(theta)(0, 0) == Approx(1 - out));
    CHECK(layer.vjp(pass, loss)(0, 0) == Approx(out * (1 - out)));
}
