// The options of a call: ids, masks, one theta for many rows.

#include <imle/layer/call.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <type_traits>
#include <vector>

#include <imle/estimators/conditional_layer.hpp>
#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/negative_identity_layer.hpp>
#include <imle/estimators/perturbed_layer.hpp>
#include <imle/estimators/score_function_layer.hpp>
#include <imle/estimators/solve_all.hpp>
#include <imle/estimators/straight_through_layer.hpp>
#include <imle/families/softmax_family.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/layer/perturbed_sampler.hpp>
#include <imle/losses/fenchel_young_loss.hpp>
#include <imle/losses/regret.hpp>
#include <imle/losses/spo_plus_loss.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/noise/normal.hpp>
#include <imle/solvers/minimizing.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tensors.hpp"

using fixtures::numbers;
using fixtures::scalar_and_layout;
using imle::call_options;
using imle::random_key;
using support::furthest;
using support::message_of;
using support::same_bits;
using support::says;

namespace call_tests {

namespace {

using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using vector = Eigen::Tensor<double, 1, Eigen::RowMajor>;
using flags = Eigen::Array<bool, Eigen::Dynamic, 1>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::span<const bool> view(const flags& mask) {
    return {mask.data(), static_cast<std::size_t>(mask.size())};
}

/// The k largest of the allowed coordinates, the first ones of equal ones; k is the id modulo 3, plus 1.
struct top_by_id {
    imle::solve_status operator()(const auto& theta, auto& z, const imle::solve_context& context) const {
        std::vector<Eigen::Index> order;
        for (Eigen::Index i = 0; i < theta.size(); ++i)
            if (context.allows(i)) order.push_back(i);
        const std::size_t k = context.id % 3 + 1;
        if (order.size() < k) return imle::solve_status::infeasible;
        std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(),
                          [numbers = theta.data()](Eigen::Index a, Eigen::Index b) {
                              return numbers[a] != numbers[b] ? numbers[a] > numbers[b] : a < b;
                          });
        std::fill_n(z.data(), z.size(), 0);
        for (std::size_t j = 0; j < k; ++j) z.data()[order[j]] = 1;
        return imle::solve_status::solved;
    }
    void for_each_group(const auto& theta, const imle::solve_context&, auto&& f) const {
        f(Eigen::Index{0}, theta.size());
    }
};

/// Rows of 3, 5 and 8 coordinates in a batch of 8.
flags lengths_mask() {
    flags mask(24);
    for (Eigen::Index i = 0; i < 24; ++i)
        mask[i] = i % 8 < std::array<Eigen::Index, 3>{3, 5, 8}[static_cast<std::size_t>(i / 8)];
    return mask;
}

template <class TensorT>
TensorT padded(TensorT tensor, const flags& mask, double padding) {
    const Eigen::Index per_row = tensor.size() / mask.size();
    for (Eigen::Index i = 0; i < tensor.size(); ++i) {
        const Eigen::Index row = i / (8 * per_row), column = i % 8;
        if (!mask[row * 8 + column]) tensor.data()[i] = padding;
    }
    return tensor;
}

template <class TensorT>
bool is_zero_where_forbidden(const TensorT& tensor, const flags& mask) {
    return same_bits(tensor, padded(tensor, mask, 0.0));
}

/// A masked call of a layer gives the same results for any padding, and 0 in the padding.
template <class MakeT>
void check_mask(MakeT&& make) {
    const flags mask = lengths_mask();
    const matrix theta = numbers<matrix>({3, 8}, 1), dmu = numbers<matrix>({3, 8}, 2);
    const std::vector<std::uint64_t> ids{0, 1, 2};
    const call_options options{.first_instance = 4, .ids = ids, .mask = view(mask)};
    auto layer = make();
    const auto pass = layer.forward(padded(theta, mask, 0), random_key{1}, options);
    const auto dz = numbers<std::remove_cvref_t<decltype(pass.samples())>>(pass.samples().dimensions(), 3);
    const auto gradient = layer.vjp(pass, padded(dmu, mask, 0));
    const auto gradient_of_samples = layer.vjp(pass, padded(dz, mask, 0));
    CHECK(is_zero_where_forbidden(pass.samples(), mask));
    CHECK(is_zero_where_forbidden(gradient, mask));
    CHECK(is_zero_where_forbidden(gradient_of_samples, mask));
    CHECK(furthest(gradient, std::vector<double>(24, 0.0)) > 0);
    CHECK(std::ranges::equal(pass.ids(), ids));
    CHECK(std::ranges::equal(pass.mask(), view(mask)));
    for (const double padding : {nan, 1e30, -1e4}) {
        auto other = make();
        const auto again = other.forward(padded(theta, mask, padding), random_key{1}, options);
        CHECK(same_bits(again.samples(), pass.samples()));
        CHECK(same_bits(again.marginals(), pass.marginals()));
        CHECK(same_bits(other.vjp(again, padded(dmu, mask, padding)), gradient));
        CHECK(same_bits(other.vjp(again, padded(dz, mask, padding)), gradient_of_samples));
        if constexpr (std::remove_cvref_t<decltype(other)>::pulls_back_marginals) {
            auto third = make();
            const auto mean = third.marginals(padded(theta, mask, padding), random_key{1}, options);
            CHECK(is_zero_where_forbidden(mean.marginals(), mask));
            CHECK(is_zero_where_forbidden(third.vjp(mean, padded(dmu, mask, padding)), mask));
        }
    }
}

/// A theta shared by many rows: samples equal those of a batch that repeats it, and the gradient is the sum
/// of that batch's.
template <class Scalar, int Layout, class MakeT>
void check_shared(MakeT&& make, bool with_mask) {
    using instance = Eigen::Tensor<Scalar, 1, Layout>;
    using batch = Eigen::Tensor<Scalar, 2, Layout>;
    constexpr Eigen::Index count = 5, n = 6;
    constexpr bool row_major = Layout == Eigen::RowMajor;
    const auto one = numbers<instance>({n}, 7);
    batch repeated(row_major ? count : n, row_major ? n : count);
    for (Eigen::Index i = 0; i < count * n; ++i) repeated.data()[i] = one.data()[i % n];
    const std::vector<std::uint64_t> ids{4, 0, 2, 1, 8};
    flags mask = flags::Constant(with_mask ? count * n : 0, true);
    if (with_mask) mask[1] = mask[7] = mask[20] = false;
    const call_options options{.first_instance = 9, .ids = ids, .mask = view(mask)};

    auto layer = make(), other = make();
    const auto pass = layer.forward(imle::shared(one, count), random_key{3}, options);
    const auto expected = other.forward(repeated, random_key{3}, options);
    CHECK(same_bits(pass.samples(), expected.samples()));
    CHECK(same_bits(pass.marginals(), expected.marginals()));
    CHECK(same_bits(pass.theta(), one));
    const auto dz = numbers<std::remove_cvref_t<decltype(pass.samples())>>(pass.samples().dimensions(), 8);
    const auto gradient = layer.vjp(pass, dz);
    const batch rows = other.vjp(expected, dz);
    std::vector<double> sum(n, 0);
    for (Eigen::Index i = 0; i < count * n; ++i)
        sum[static_cast<std::size_t>(i % n)] += static_cast<double>(rows.data()[i]);
    CHECK(gradient.dimensions() == one.dimensions());
    CHECK(furthest(gradient, sum) <= (sizeof(Scalar) == 4 ? 1e-5 : 1e-13));
    CHECK(furthest(gradient, std::vector<double>(n, 0.0)) > 0);

    auto into = make();
    auto used = into.forward(imle::shared(one, 2), random_key{1}, {});
    into.forward_into(imle::shared(one, count), random_key{3}, used, options);
    CHECK(same_bits(used.samples(), pass.samples()));
    instance written(n);
    into.vjp_into(used, dz, written);
    CHECK(same_bits(written, gradient));
    auto taped = make();
    const auto [value, pullback] = taped.value_and_pullback(imle::shared(one, count), random_key{3}, options);
    CHECK(same_bits(value, pass.samples()));
    CHECK(pullback(dz).dimensions() == one.dimensions());
    if constexpr (std::remove_cvref_t<decltype(layer)>::pulls_back_marginals) {
        auto third = make(), fourth = make();
        const auto mean = third.marginals(imle::shared(one, count), random_key{3}, options);
        const auto mean_expected = fourth.marginals(repeated, random_key{3}, options);
        CHECK(same_bits(mean.marginals(), mean_expected.marginals()));
        const auto dmu = numbers<batch>(repeated.dimensions(), 9);
        const instance of_one = third.vjp(mean, dmu);
        const batch of_rows = fourth.vjp(mean_expected, dmu);
        std::fill(sum.begin(), sum.end(), 0.0);
        for (Eigen::Index i = 0; i < count * n; ++i)
            sum[static_cast<std::size_t>(i % n)] += static_cast<double>(of_rows.data()[i]);
        CHECK(furthest(of_one, sum) <= (sizeof(Scalar) == 4 ? 1e-5 : 1e-13));
    }
}

template <class F>
void for_each_layer(F&& f) {
    using imle::imle_layer;
    const imle::layer_options forward{.samples = 4, .target_temperature = 0.5}, plain{.samples = 4},
        central_latin{.samples = 4,
                      .difference = imle::difference::central,
                      .threads = 2,
                      .sampling = imle::sampling::latin};
    f([&] { return imle_layer{top_by_id{}, imle::gumbel{}, imle::perturbation_target{.beta = 2}, forward}; });
    f([&] {
        return imle_layer{top_by_id{}, imle::gumbel{}, imle::perturbation_target{.beta = 2}, central_latin};
    });
    f([&] { return imle_layer{top_by_id{}, imle::normal{}, imle::adaptive_target{}, plain}; });
    f([&] { return imle_layer{top_by_id{}, imle::normal{}, imle::instance_adaptive_target{}, plain}; });
    f([&] {
        return imle_layer{imle::minimizing(top_by_id{}), imle::gumbel{}, imle::adaptive_target{}, plain};
    });
    f([&] { return imle::straight_through_layer{top_by_id{}, imle::gumbel{}, plain}; });
    f([&] { return imle::perturbed_layer{top_by_id{}, imle::normal{}, {.samples = 4}}; });
    f([&] {
        return imle::perturbed_layer{top_by_id{}, imle::multiplicative{imle::normal{}}, {.samples = 4}};
    });
    f([&] { return imle::conditional_layer{top_by_id{}, imle::gumbel{}, {.samples = 4}}; });
    f([&] {
        return imle::negative_identity_layer{top_by_id{}, {.projection = imle::projection::standardize}};
    });
}

}  // namespace

TEST_CASE("the solver gets each row's id in both passes", "[layer][call]") {
    const matrix theta = numbers<matrix>({4, 8}, 1), dz = numbers<matrix>({4, 8}, 2);
    imle::imle_layer layer{top_by_id{}, imle::gumbel{}, imle::perturbation_target{.beta = 5}, {.samples = 3}};
    const auto size_of = [](const matrix& mu, Eigen::Index row) {
        double sum = 0;
        for (Eigen::Index i = 0; i < 8; ++i) sum += mu(row, i);
        return sum;
    };
    // Without ids it is the instance.
    const auto plain = layer.forward(theta, random_key{1}, 7);
    for (Eigen::Index row = 0; row < 4; ++row)
        CHECK(size_of(plain.marginals(), row) == Approx(double((7 + row) % 3 + 1)));
    CHECK(same_bits(layer.forward(theta, random_key{1}, {.first_instance = 7}).samples(), plain.samples()));
    std::vector<std::uint64_t> ids{7, 8, 9, 10};
    CHECK(same_bits(layer.forward(theta, random_key{1}, {.first_instance = 7, .ids = ids}).samples(),
                    plain.samples()));
    ids = {2, 0, 1, 5};
    auto pass = layer.forward(theta, random_key{1}, {.ids = ids});
    const matrix gradient = layer.vjp(pass, dz);
    for (Eigen::Index row = 0; row < 4; ++row) {
        const auto id = ids[static_cast<std::size_t>(row)];
        CHECK(size_of(pass.marginals(), row) == Approx(double(id % 3 + 1)));
        // Both of a row's solutions have as many coordinates.
        CHECK(size_of(gradient, row) == Approx(0).margin(1e-12));
    }
    // The pass has a copy, and a saved pass is the same.
    std::fill(ids.begin(), ids.end(), 0);
    CHECK(same_bits(layer.vjp(pass, dz), gradient));
    ids = {2, 0, 1, 5};
    const imle::sampled_pass<double, 2, Eigen::RowMajor> saved(pass.theta(), pass.samples(), pass.key(),
                                                               call_options{.ids = ids});
    CHECK(same_bits(layer.vjp(saved, dz), gradient));
    // A pass that is used again forgets them.
    layer.forward_into(theta, random_key{1}, pass, 7);
    CHECK(same_bits(pass.samples(), plain.samples()));
    CHECK(pass.ids().empty());
}

TEST_CASE("forbidden coordinates have no effect", "[layer][call]") {
    for_each_layer([](const auto& make) { check_mask(make); });
}

TEST_CASE("a solver sees 0 at forbidden coordinates, without noise, in both passes", "[layer][call]") {
    const flags mask = lengths_mask();
    const matrix theta = padded(numbers<matrix>({3, 8}, 1), mask, nan);
    int seen = 0, other = 0;
    const auto solver = [&](const auto& one, auto& z, const imle::solve_context& context) {
        for (Eigen::Index i = 0; i < one.size(); ++i) {
            if (context.allows(i)) continue;
            ++seen;
            other += one.data()[i] == 0 ? 0 : 1;
        }
        z.setZero();
        z.data()[context.sample % 2] = 1;
    };
    const imle::imle_layer layer{
        solver, imle::gumbel{}, imle::perturbation_target{}, {.samples = 2, .threads = 1}};
    const auto pass = layer.forward(theta, random_key{1}, {.mask = view(mask)});
    CHECK(is_zero_where_forbidden(pass.theta(), mask));
    static_cast<void>(layer.vjp(pass, padded(numbers<matrix>({3, 8}, 2), mask, nan)));
    CHECK(seen == 2 * 2 * 8);  // both passes, both samples, 5 + 3 padded coordinates
    CHECK(other == 0);

    // So does a replay of what it saw.
    imle::perturbed_sampler sampler{solver, imle::gumbel{}, {.samples = 2, .threads = 1}};
    auto replay = sampler.replay(pass);
    int replayed = 0;
    for (Eigen::Index row = 0; row < 3; ++row)
        replay.for_each(row, [&](const imle::perturbed_sample<double>& sample) {
            for (Eigen::Index i = 0; i < 8; ++i)
                if (!mask[row * 8 + i] && sample.parameters[i] == 0) ++replayed;
        });
    CHECK(replayed == 2 * 8);
}

TEST_CASE("a mask gives what rows of their own length give", "[layer][call]") {
    // Without noise, so that a coordinate's place does not matter.
    const flags mask = lengths_mask();
    const matrix theta = numbers<matrix>({3, 8}, 1), dz = numbers<matrix>({3, 8}, 2);
    const auto make = [] {
        return imle::imle_layer{
            top_by_id{}, imle::no_noise{}, imle::instance_adaptive_target{{.initial_beta = 4}}, {}};
    };
    auto layer = make();
    const std::vector<std::uint64_t> ids{1, 1, 1};
    const auto pass =
        layer.forward(padded(theta, mask, nan), random_key{1}, {.ids = ids, .mask = view(mask)});
    const matrix gradient = layer.vjp(pass, dz);
    const imle::target_sums sums = layer.sums(pass, dz);
    CHECK(sums.theta_count == 16);
    CHECK(sums.dz_count == 16);
    imle::target_sums whole;
    for (Eigen::Index row = 0; row < 3; ++row) {
        const Eigen::Index n = std::array<Eigen::Index, 3>{3, 5, 8}[static_cast<std::size_t>(row)];
        matrix one(1, n), one_dz(1, n);
        for (Eigen::Index i = 0; i < n; ++i) one(0, i) = theta(row, i), one_dz(0, i) = dz(row, i);
        auto alone = make();
        const auto own = alone.forward(one, random_key{1}, 1);
        whole += alone.sums(own, one_dz);
        const matrix expected = alone.vjp(own, one_dz);
        for (Eigen::Index i = 0; i < 8; ++i) {
            CHECK(pass.samples()(row, 0, i) == (i < n ? own.samples()(0, 0, i) : 0));
            CHECK(gradient(row, i) == Approx(i < n ? expected(0, i) : 0));
        }
    }
    CHECK(sums.theta_rms() == Approx(whole.theta_rms()));
    CHECK(sums.dz_rms() == Approx(whole.dz_rms()));
}

TEST_CASE("one instance's mask holds for all rows, and a batch may come first", "[layer][call]") {
    flags one = flags::Constant(8, true);
    one[2] = one[5] = false;
    flags all(24);
    for (Eigen::Index i = 0; i < 24; ++i) all[i] = one[i % 8];
    const matrix theta = padded(numbers<matrix>({3, 8}, 1), all, nan);
    const matrix dz = numbers<matrix>({3, 8}, 2);
    imle::imle_layer layer{top_by_id{}, imle::gumbel{}, imle::perturbation_target{.beta = 2}, {.samples = 4}};
    const auto by_one = layer.forward(theta, random_key{1}, {.mask = view(one)});
    const auto by_all = layer.forward(theta, random_key{1}, {.mask = view(all)});
    CHECK(same_bits(by_one.samples(), by_all.samples()));
    CHECK(same_bits(layer.vjp(by_one, dz), layer.vjp(by_all, dz)));

    const flags mask = lengths_mask();
    const auto clean = numbers<matrix>({3, 8}, 1);
    Eigen::Tensor<double, 2> first(3, 8);
    flags first_mask(24);  // the batch is fastest
    for (Eigen::Index row = 0; row < 3; ++row)
        for (Eigen::Index i = 0; i < 8; ++i) {
            first(row, i) = mask[row * 8 + i] ? clean(row, i) : nan;
            first_mask[i * 3 + row] = mask[row * 8 + i];
        }
    const auto wanted = layer.forward(padded(clean, mask, nan), random_key{1}, {.mask = view(mask)});
    const auto pass = layer.forward(imle::batch_first(first), random_key{1}, {.mask = view(first_mask)});
    const auto samples = pass.samples();
    for (Eigen::Index row = 0; row < 3; ++row)
        for (Eigen::Index s = 0; s < 4; ++s)
            for (Eigen::Index i = 0; i < 8; ++i) CHECK(samples(row, s, i) == wanted.samples()(row, s, i));
}

TEMPLATE_TEST_CASE("a shared theta is a batch that repeats it, and its gradient the rows' sum",
                   "[layer][call]", (scalar_and_layout<double, Eigen::RowMajor>),
                   (scalar_and_layout<float, Eigen::ColMajor>)) {
    using Scalar = typename TestType::scalar;
    constexpr int layout = TestType::layout;
    for_each_layer([](const auto& make) {
        check_shared<Scalar, layout>(make, false);
        check_shared<Scalar, layout>(make, true);
    });
    const auto exact = [] { return imle::exact_layer{imle::k_subset_family{2}, {.samples = 3}}; };
    const auto score = [] { return imle::score_function_layer{imle::k_subset_family{2}, {.samples = 3}}; };
    check_shared<Scalar, layout>(exact, false);
    check_shared<Scalar, layout>(exact, true);
    check_shared<Scalar, layout>(score, false);
    check_shared<Scalar, layout>(score, true);
}

TEST_CASE("a shared theta's gradient is cut into blocks of rows", "[layer][call]") {
    // 2^20 numbers at a time: 3,000 rows of 700 take three blocks, and 1,600 two.
#if defined(IMLE_TEST_BRIEF)
    const Eigen::Index count = 1600;
#else
    const Eigen::Index count = 3000;
#endif
    const auto one = numbers<vector>({700}, 1);
    matrix repeated(count, 700);
    for (Eigen::Index i = 0; i < repeated.size(); ++i) repeated.data()[i] = one.data()[i % 700];
    const auto dz = numbers<matrix>({count, 700}, 2);
    // Ids and masks differ from row to row, so a block with another block's ids or masks would be noticed.
    std::vector<std::uint64_t> ids(static_cast<std::size_t>(count));
    flags mask(repeated.size());
    for (std::size_t row = 0; row < ids.size(); ++row) ids[row] = row * 7 % 11;
    for (Eigen::Index i = 0; i < mask.size(); ++i) mask[i] = (i / 700 + i % 700) % 5 != 0;
    const call_options options{.ids = ids, .mask = view(mask)};
    imle::imle_layer layer{top_by_id{}, imle::no_noise{}, imle::adaptive_target{}, {}}, other = layer;
    const vector gradient = layer.vjp(layer.forward(imle::shared(one, count), random_key{1}, options), dz);
    const matrix rows = other.vjp(other.forward(repeated, random_key{1}, options), dz);
    std::vector<double> sum(700, 0);
    for (Eigen::Index i = 0; i < rows.size(); ++i) sum[static_cast<std::size_t>(i % 700)] += rows.data()[i];
    const double largest = furthest(gradient, std::vector<double>(700, 0.0));
    CHECK(furthest(gradient, sum) <= 1e-11 * largest);
    CHECK(layer.target().state() == other.target().state());
}

TEST_CASE("a shared theta without rows", "[layer][call]") {
    const auto one = numbers<vector>({4}, 1);
    imle::imle_layer layer{top_by_id{}, imle::gumbel{}, imle::perturbation_target{}, {}};
    const auto pass = layer.forward(imle::shared(one, 0), random_key{1});
    CHECK(pass.samples().size() == 0);
    CHECK(same_bits(layer.vjp(pass, pass.samples()), std::vector<double>(4, 0.0)));
    CHECK(says(message_of<std::invalid_argument>([&] { (void)imle::shared(one, -1); }), {"count", "-1"}));
}

TEST_CASE("the best answers, by a layer and without one", "[layer][call]") {
    const flags mask = lengths_mask();
    const matrix theta = padded(numbers<matrix>({3, 8}, 1), mask, nan);
    const std::vector<std::uint64_t> ids{2, 1, 0};
    const call_options options{.ids = ids, .mask = view(mask)};
    const matrix z = imle::solve_all(top_by_id{}, theta, options, 2);
    for (Eigen::Index row = 0; row < 3; ++row) {
        double count = 0;
        for (Eigen::Index i = 0; i < 8; ++i) {
            count += z(row, i);
            for (Eigen::Index j = 0; j < 8; ++j)
                if (z(row, i) == 1 && mask[row * 8 + j] && z(row, j) == 0)
                    CHECK(theta(row, i) >= theta(row, j));
        }
        CHECK(count == double(3 - row));
        CHECK(is_zero_where_forbidden(z, mask));
    }
    imle::imle_layer layer{top_by_id{}, imle::gumbel{}, imle::perturbation_target{}, {.samples = 4}};
    CHECK(same_bits(layer.map(theta, options), z));
    const auto one = numbers<vector>({8}, 3);
    const matrix shared = layer.map(imle::shared(one, 3), {.ids = ids});
    for (Eigen::Index row = 0; row < 3; ++row) {
        const matrix alone = layer.map(matrix(one.reshape(std::array<Eigen::Index, 2>{1, 8})),
                                       ids[static_cast<std::size_t>(row)]);
        for (Eigen::Index i = 0; i < 8; ++i) CHECK(shared(row, i) == alone(0, i));
    }
}

TEST_CASE("invalid call options are refused", "[layer][call]") {
    const matrix theta = numbers<matrix>({3, 8}, 1);
    const flags mask = lengths_mask();
    const std::vector<std::uint64_t> ids{1, 2};
    imle::imle_layer layer{top_by_id{}, imle::gumbel{}, imle::perturbation_target{}, {}};
    CHECK(says(
        message_of<std::invalid_argument>([&] { (void)layer.forward(theta, random_key{1}, {.ids = ids}); }),
        {"call_options::ids", "a list of 2", "one id per row, 3"}));
    CHECK(says(message_of<std::invalid_argument>(
                   [&] { (void)layer.forward(theta, random_key{1}, {.mask = view(mask).first(23)}); }),
               {"call_options::mask", "a list of 23", "24", "8"}));
    matrix bad = theta;
    bad(1, 4) = nan;
    CHECK(says(message_of<std::invalid_argument>(
                   [&] { (void)layer.forward(bad, random_key{1}, {.mask = view(mask)}); }),
               {"theta", "nan", "row 1", "coordinate 4"}));
    bad = theta;
    bad(1, 5) = nan;
    CHECK_NOTHROW(layer.forward(bad, random_key{1}, {.mask = view(mask)}));

    // A solver that cannot get a mask, and one that ignores it.
    const auto blind = [](const auto& given, auto& z) { std::copy_n(given.data(), given.size(), z.data()); };
    imle::imle_layer without{blind, imle::gumbel{}, imle::perturbation_target{}, {}};
    CHECK(says(message_of<std::invalid_argument>(
                   [&] { (void)without.forward(theta, random_key{1}, {.mask = view(mask)}); }),
               {"call_options::mask", "takes no context"}));
    CHECK_NOTHROW(without.forward(theta, random_key{1}, {.ids = std::vector<std::uint64_t>{1, 2, 3}}));
    const auto careless = [](const auto&, auto& z, const imle::solve_context&) {
        std::fill_n(z.data(), z.size(), 1);
    };
    imle::imle_layer wrong{careless, imle::gumbel{}, imle::perturbation_target{}, {}};
    CHECK(says(message_of<imle::solver_error>(
                   [&] { (void)wrong.forward(theta, random_key{1}, {.mask = view(mask)}); }),
               {"coordinate 3", "mask forbids", "instance 0"}));

    // Nothing feasible is left.
    const flags none = flags::Constant(8, false);
    CHECK(says(message_of<imle::solve_failure>(
                   [&] { (void)layer.forward(theta, random_key{1}, {.mask = view(none)}); }),
               {"infeasible"}));
    imle::imle_layer tolerant{top_by_id{},
                              imle::gumbel{},
                              imle::perturbation_target{},
                              {.samples = 2, .failures = imle::failure_policy::zero_gradient}};
    const auto pass = tolerant.forward(theta, random_key{1}, {.mask = view(none)});
    CHECK(pass.failed_rows() == std::vector<Eigen::Index>{0, 1, 2});
    CHECK(same_bits(tolerant.vjp(pass, theta), std::vector<double>(24, 0.0)));
}

TEST_CASE("families with masks are those of the allowed coordinates", "[layer][call]") {
    const flags mask = lengths_mask();
    const matrix theta = numbers<matrix>({3, 8}, 1), dmu = numbers<matrix>({3, 8}, 2);
    const auto check = [&](const auto& layer) {
        const auto pass = layer.forward(padded(theta, mask, nan), random_key{1}, {.mask = view(mask)});
        const auto mean = layer.marginals(padded(theta, mask, nan), random_key{1}, {.mask = view(mask)});
        const matrix gradient = layer.vjp(pass, padded(dmu, mask, nan));
        for (Eigen::Index row = 0; row < 3; ++row) {
            const Eigen::Index n = std::array<Eigen::Index, 3>{3, 5, 8}[static_cast<std::size_t>(row)];
            matrix one(1, n), one_dmu(1, n);
            for (Eigen::Index i = 0; i < n; ++i) one(0, i) = theta(row, i), one_dmu(0, i) = dmu(row, i);
            const auto own = layer.forward(one, random_key{1}, row);
            const auto own_mean = layer.marginals(one, random_key{1}, row);
            const matrix own_gradient = layer.vjp(own, one_dmu);
            for (Eigen::Index i = 0; i < 8; ++i) {
                CHECK(mean.marginals()(row, i) == Approx(i < n ? own_mean.marginals()(0, i) : 0));
                CHECK(gradient(row, i) == Approx(i < n ? own_gradient(0, i) : 0));
            }
        }
    };
    check(imle::exact_layer{imle::k_subset_family{2}, {.samples = 3}});
    check(imle::score_function_layer{imle::k_subset_family{2}, {.samples = 3}});
    check(imle::exact_layer{imle::softmax_family{}, {.samples = 3}});
    const imle::exact_layer layer{imle::softmax_family{}};
    const flags none = flags::Constant(8, false);
    CHECK(says(message_of<std::invalid_argument>(
                   [&] { (void)layer.forward(theta, random_key{1}, {.mask = view(none)}); }),
               {"call_options::mask", "row 0"}));
}

TEST_CASE("losses take ids, masks and shared thetas", "[layer][call]") {
    const flags mask = lengths_mask();
    const matrix theta = numbers<matrix>({3, 8}, 1), truth = numbers<matrix>({3, 8}, 2);
    const std::vector<std::uint64_t> ids{0, 1, 2};
    const call_options options{.first_instance = 4, .ids = ids, .mask = view(mask)};
    const matrix y = imle::solve_all(top_by_id{}, truth, options);

    const imle::fenchel_young_loss young{top_by_id{}, imle::gumbel{}, {.samples = 5}};
    const auto loss = young(padded(theta, mask, 0), y, random_key{1}, options);
    const auto same = young(padded(theta, mask, nan), padded(y, mask, nan), random_key{1}, options);
    CHECK(same_bits(loss.values, same.values));
    CHECK(same_bits(loss.gradient, same.gradient));
    CHECK(is_zero_where_forbidden(loss.gradient, mask));
    for (Eigen::Index row = 0; row < 3; ++row) CHECK(loss.values(row) >= 0);
    const auto maxima = young.perturbed_maximum(padded(theta, mask, nan), random_key{1}, options);
    CHECK(maxima.size() == 3);

    const imle::spo_plus_loss spo{top_by_id{}};
    const auto plus = spo(padded(theta, mask, nan), padded(truth, mask, nan), options);
    const auto given = spo(padded(theta, mask, 1e9), padded(truth, mask, -5), y, options);
    CHECK(same_bits(plus.values, given.values));
    CHECK(same_bits(plus.gradient, given.gradient));
    CHECK(is_zero_where_forbidden(plus.gradient, mask));
    const auto regrets =
        imle::regret(top_by_id{}, padded(theta, mask, nan), padded(truth, mask, nan), options);
    for (Eigen::Index row = 0; row < 3; ++row) {
        CHECK(regrets(row) >= 0);
        CHECK(plus.values(row) >= regrets(row) - 1e-12);
    }

    const auto one = numbers<vector>({8}, 3);
    matrix repeated(3, 8);
    for (Eigen::Index i = 0; i < 24; ++i) repeated.data()[i] = one.data()[i % 8];
    const auto shared = young(imle::shared(one, 3), y, random_key{1}, options);
    const auto rows = young(repeated, y, random_key{1}, options);
    CHECK(same_bits(shared.values, rows.values));
    std::vector<double> sum(8, 0);
    for (Eigen::Index i = 0; i < 24; ++i) sum[static_cast<std::size_t>(i % 8)] += rows.gradient.data()[i];
    CHECK(furthest(shared.gradient, sum) <= 1e-13);
}

}  // namespace call_tests
