#include <imle/adapters/stan.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/check_adapter.hpp>

#include "adapters/adapter_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"
#include "support/tensors.hpp"

namespace {

using adapter_fixtures::numbers;
using adapter_fixtures::of;
using adapter_fixtures::sample_tensor;
using adapter_fixtures::tensor;
using adapter_fixtures::values;
using stan::math::var;
using var_matrix = Eigen::Matrix<var, Eigen::Dynamic, Eigen::Dynamic>;
using var_vector = Eigen::Matrix<var, Eigen::Dynamic, 1>;

// Stan's tape is emptied whatever happens in a test.
struct tape {
    tape() = default;
    tape(const tape&) = delete;
    tape& operator=(const tape&) = delete;
    ~tape() { stan::math::recover_memory(); }
};

var_matrix variables(const tensor& x) {
    var_matrix v(x.dimension(0), x.dimension(1));
    for (Eigen::Index i = 0; i < v.rows(); ++i)
        for (Eigen::Index j = 0; j < v.cols(); ++j) v(i, j) = x(i, j);
    return v;
}

numbers adjoints(const var_matrix& v) {
    numbers g;
    for (Eigen::Index i = 0; i < v.rows(); ++i)
        for (Eigen::Index j = 0; j < v.cols(); ++j) g.push_back(v(i, j).adj());
    return g;
}

double weight(Eigen::Index b, Eigen::Index s, Eigen::Index j) {
    return static_cast<double>((b * 5 + s * 3 + j * 7) % 5 - 2) / 2;
}

// L = sum of weight(b, s, j) * z[s](b, j).
var weighted(const std::vector<var_matrix>& z) {
    var sum = 0;
    for (std::size_t s = 0; s < z.size(); ++s)
        for (Eigen::Index b = 0; b < z[s].rows(); ++b)
            for (Eigen::Index j = 0; j < z[s].cols(); ++j)
                sum += z[s](b, j) * weight(b, static_cast<Eigen::Index>(s), j);
    return sum;
}

// The layer's own gradient of it.
template <class LayerT>
numbers own_gradient(const LayerT& layer, const tensor& x, imle::random_key key, std::uint64_t first = 0) {
    auto [dz, pullback] = layer.value_and_pullback(x, key, first);
    for (Eigen::Index b = 0; b < dz.dimension(0); ++b)
        for (Eigen::Index s = 0; s < dz.dimension(1); ++s)
            for (Eigen::Index j = 0; j < dz.dimension(2); ++j) dz(b, s, j) = weight(b, s, j);
    return of(pullback(dz));
}

const imle::imle_layer top_two{
    imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{.beta = 2}, {.samples = 4}};

// One adapter for check_adapter.
template <bool PerSample>
const auto run =
    [](auto& layer, const auto& x, imle::random_key key, const imle::testing::adapter_loss<double>& loss) {
        const tape emptied;
        var_matrix in(x.dimension(0), x.size() / x.dimension(0));
        for (Eigen::Index i = 0; i < x.size(); ++i) in(i / in.cols(), i % in.cols()) = x.data()[i];
        const auto theta = in * loss.scale;  // an expression
        std::vector<var> z;
        if constexpr (PerSample) {
            const auto samples = [&] {
                if constexpr (imle::rank_of<decltype(x)> == 3)
                    return imle::stan_samples(layer, theta, {x.dimension(1), x.dimension(2)}, key);
                else
                    return imle::stan_samples(layer, theta, key);
            }();
            for (Eigen::Index b = 0; b < in.rows(); ++b)
                for (const var_matrix& s : samples)
                    for (Eigen::Index j = 0; j < in.cols(); ++j) z.push_back(s(b, j));
        } else {
            const var_matrix mu = imle::stan_marginals(layer, theta, key);
            for (Eigen::Index b = 0; b < in.rows(); ++b)
                for (Eigen::Index j = 0; j < in.cols(); ++j) z.push_back(mu(b, j));
        }
        var l = loss(z);
        l.grad();
        imle::testing::adapter_result<double> result;
        for (const var& number : z) result.z.push_back(number.val());
        result.gradient = adjoints(in);
        return result;
    };

// Counts its copies: copies in layers that a tape holds must be destroyed with the tape.
struct counted {
    std::shared_ptr<int> alive = std::make_shared<int>();
    void operator()(const auto& theta, auto& z) const { imle::categorical{}(theta, z); }
};

}  // namespace

TEST_CASE("The adapter to Stan keeps the laws of adapters", "[adapters][stan]") {
    adapter_fixtures::check_adapter_laws(run<true>, run<false>);

    // Instances of rank 2, a target with a state, threads.
    const imle::imle_layer layer{
        imle::grid_shortest_path{},
        imle::gumbel{},
        imle::adaptive_target{imle::adaptive_target_options{.initial_beta = 2, .beta_step = 0.1}},
        {.samples = 8, .difference = imle::difference::central, .threads = 4}};
    Eigen::Tensor<double, 3, Eigen::RowMajor> theta(2, 3, 4);
    theta.setConstant(-0.5);
    const auto maps = imle::testing::check_adapter(run<true>, layer, theta);
    INFO(maps);
    CHECK(maps.passed());
}

TEST_CASE("The adapter to Stan takes the other estimators", "[adapters][stan]") {
    const tensor x = values(3, 5);
    const imle::random_key key{4};
    adapter_fixtures::for_each_estimator([&](auto layer) {
        const tape empties_it;
        const var_matrix theta = variables(x);
        const auto z = imle::stan_samples(layer, theta, key);
        // weights by sample for Stan, [batch, sample, n] for the layer
        const auto samples = static_cast<Eigen::Index>(z.size());
        numbers weights(static_cast<std::size_t>(samples * x.size()));
        var loss = 0;
        for (Eigen::Index s = 0; s < samples; ++s)
            for (Eigen::Index b = 0; b < 3; ++b)
                for (Eigen::Index j = 0; j < 5; ++j) {
                    const double w = static_cast<double>((s * 7 + b * 5 + j * 3) % 11) / 8 - 0.5;
                    weights[static_cast<std::size_t>((b * samples + s) * 5 + j)] = w;
                    loss += w * z[static_cast<std::size_t>(s)](b, j);
                }
        loss.grad();
        CHECK(adjoints(theta) == adapter_fixtures::chain_rule(layer, x, key, weights));
    });
}

TEST_CASE("The adapter to Stan in ten lines", "[adapters][stan]") {
    const auto x = values(3, 5);
    const double wanted = 0.4;
    imle::imle_layer layer = top_two;
    // [train]
    using stan::math::var;
    Eigen::Matrix<var, Eigen::Dynamic, Eigen::Dynamic> theta(3, 5);  // an instance in each row
    for (Eigen::Index i = 0; i < 15; ++i) theta(i / 5, i % 5) = x(i / 5, i % 5);

    const auto z = imle::stan_samples(layer, theta, imle::random_key{7});  // z[s](b, j)
    var loss = 0;
    for (const auto& sample : z)
        for (Eigen::Index i = 0; i < 15; ++i) loss += (sample(i) - wanted) * (sample(i) - wanted);
    loss *= 1.0 / static_cast<double>(z.size());  // a mean over samples: the step stays as long as it was
    loss.grad();
    const double gradient = theta(0, 0).adj();
    // [/train]
    const tape emptied;
    auto [dz, pullback] = top_two.value_and_pullback(x, imle::random_key{7});
    dz = (dz - wanted) * 0.5;
    CHECK(gradient == pullback(dz)(0, 0));
    CHECK(adjoints(theta) == of(pullback(dz)));
}

TEST_CASE("Stan's vectors are single instances", "[adapters][stan]") {
    const tape emptied;
    imle::imle_layer layer = top_two;
    const tensor x = values(1, 6);
    const imle::random_key key{3};
    const sample_tensor expected = layer.forward(x, key, 9).samples();
    const auto expected_mean = layer.marginals(x, key, 9).marginals();

    std::vector<var> list;
    var_vector column(6);
    Eigen::Matrix<var, 1, 6> row;  // of a fixed size
    for (Eigen::Index j = 0; j < 6; ++j) {
        list.push_back(x(0, j));
        column(j) = row(j) = list.back();
    }
    const auto from_list = imle::stan_samples(layer, list, key, 9);
    const auto from_column = imle::stan_samples(layer, column, key, 9);
    const auto from_row = imle::stan_samples(layer, row, key, 9);
    const auto from_array = imle::stan_samples(layer, column.array(), key, 9);
    STATIC_REQUIRE(std::is_same_v<decltype(from_list), const std::vector<std::vector<var>>>);
    STATIC_REQUIRE(std::is_same_v<decltype(from_row), const std::vector<Eigen::Matrix<var, 1, 6>>>);
    const std::vector<var> mean = imle::stan_marginals(layer, list, {2, 3}, key, 9);
    var sum = 0;
    support::tally wrong;
    for (Eigen::Index s = 0; s < 4; ++s)
        for (Eigen::Index j = 0; j < 6; ++j) {
            const auto at = static_cast<std::size_t>(s);
            const double z = expected(0, s, j);
            wrong.expect(from_list[at][static_cast<std::size_t>(j)].val() == z, "from a list: sample ", s,
                         ", element ", j);
            wrong.expect(from_column[at](j).val() == z, "from a column: sample ", s, ", element ", j);
            wrong.expect(from_row[at](j).val() == z, "from a row: sample ", s, ", element ", j);
            wrong.expect(from_array[at](j).val() == z, "from an array: sample ", s, ", element ", j);
            sum += from_column[at](j) * weight(0, s, j);
        }
    for (std::size_t j = 0; j < 6; ++j)
        wrong.expect(mean[j].val() == expected_mean.data()[j], "marginal ", j);
    CHECK(wrong == 0);
    sum.grad();
    numbers gradient;
    for (const var& theta : list) gradient.push_back(theta.adj());
    CHECK(gradient == own_gradient(layer, x, key, 9));
}

TEST_CASE("Stan's tape is used more than once", "[adapters][stan]") {
    const tape emptied;
    imle::imle_layer layer = top_two;
    const tensor x = values(2, 5);
    const var_matrix theta = variables(x);
    const imle::random_key key{5};

    SECTION("several gradients of one tape") {
        const auto z = imle::stan_samples(layer, theta, key);
        var loss = weighted(z);
        var thrice = 3 * loss;
        loss.grad();
        const numbers once = adjoints(theta);
        CHECK(once == own_gradient(layer, x, key));
        stan::math::set_zero_all_adjoints();
        loss.grad();
        CHECK(adjoints(theta) == once);
        stan::math::set_zero_all_adjoints();
        thrice.grad();
        const imle::imle_layer longer{
            imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{.beta = 6}, {.samples = 4}};
        CHECK(adjoints(theta) == own_gradient(longer, x, key));  // a longer step, not a multiple
    }
    SECTION("two uses of the layer, one on what the other gives, and theta beside them") {
        const auto z = imle::stan_samples(layer, theta, key);
        const var_matrix next = z[1] * 0.5 + theta;
        const var_matrix mu = imle::stan_marginals(layer, next, key);
        var loss = weighted(z);
        for (Eigen::Index i = 0; i < 10; ++i)
            loss += mu(i / 5, i % 5) * weight(i / 5, 0, i % 5) + 0.25 * theta(i / 5, i % 5);
        loss.grad();

        auto [dz, pullback] = top_two.value_and_pullback(x, key);
        tensor beside(2, 5), dmu(2, 5);
        for (Eigen::Index i = 0; i < 10; ++i) {
            beside(i / 5, i % 5) = dz(i / 5, 1, i % 5) * 0.5 + x(i / 5, i % 5);
            dmu(i / 5, i % 5) = weight(i / 5, 0, i % 5);
        }
        const tensor dnext = layer.vjp(layer.marginals(beside, key), dmu);
        for (Eigen::Index b = 0; b < 2; ++b)
            for (Eigen::Index s = 0; s < 4; ++s)
                for (Eigen::Index j = 0; j < 5; ++j)
                    dz(b, s, j) = weight(b, s, j) + (s == 1 ? 0.5 * dnext(b, j) : 0);
        const tensor expected = pullback(dz) + dnext + 0.25;
        const numbers found = adjoints(theta);
        CHECK(support::furthest(found, expected) < 1e-12);
    }
    SECTION("nested") {
        const auto outer = imle::stan_samples(layer, theta, key);
        stan::math::start_nested();
        {
            const var_matrix inner = variables(x);
            var loss = weighted(imle::stan_samples(layer, inner, key.fold_in(1)));
            loss.grad();
            CHECK(adjoints(inner) == own_gradient(layer, x, key.fold_in(1)));
        }
        stan::math::recover_memory_nested();
        CHECK(adjoints(theta) == numbers(10, 0));
        var loss = weighted(outer);
        loss.grad();
        CHECK(adjoints(theta) == own_gradient(layer, x, key));
    }
}

TEST_CASE("What a loss does not reach gives no gradient on Stan's tape", "[adapters][stan]") {
    // With alpha = 0 a vjp of nothing would be z - MAP(noise).
    const tape emptied;
    imle::imle_layer layer{imle::top_k{2},
                           imle::gumbel{},
                           imle::adaptive_target{imle::adaptive_target_options{.initial_alpha = 0}},
                           {.samples = 4}};
    const double beta = layer.target().state().beta;
    const var_matrix theta = variables(values(2, 5));
    const auto unused = imle::stan_samples(layer, theta, imle::random_key{1});
    var loss = 2 * theta(0, 0);
    loss.grad();
    numbers expected(10, 0);
    expected[0] = 2;
    CHECK(adjoints(theta) == expected);
    CHECK(layer.target().state().beta == beta);
}

TEST_CASE("An adaptive target learns through Stan's tape, which outlives the layer's name",
          "[adapters][stan]") {
    const tape emptied;
    using layer_type = imle::imle_layer<imle::top_k<>, imle::gumbel, imle::adaptive_target>;
    const auto made = [] {
        return layer_type{imle::top_k{2}, imle::gumbel{}, imle::adaptive_target{}, {.samples = 4}};
    };
    layer_type moved = made();
    const var_matrix theta = variables(values(2, 5));
    var loss = 0;
    {
        layer_type layer = made();
        loss = weighted(imle::stan_samples(layer, theta, imle::random_key{1}));
        moved = std::move(layer);
    }
    loss.grad();
    CHECK(adjoints(theta) == own_gradient(made(), values(2, 5), imle::random_key{1}));
    CHECK(moved.target().state().beta != made().target().state().beta);

    layer_type other = made();
    const var_matrix again = variables(values(2, 5));
    var sum = 0;
    {
        layer_type layer = made();
        const var_matrix mu = imle::stan_marginals(layer, again, imle::random_key{1});
        for (Eigen::Index i = 0; i < 10; ++i) sum += mu(i / 5, i % 5) * weight(i / 5, 0, i % 5);
        other = std::move(layer);
    }
    sum.grad();
    layer_type own = made();
    tensor dmu(2, 5);
    for (Eigen::Index i = 0; i < 10; ++i) dmu(i / 5, i % 5) = weight(i / 5, 0, i % 5);
    CHECK(adjoints(again) == of(own.vjp(own.marginals(values(2, 5), imle::random_key{1}), dmu)));
    CHECK(other.target().state() == own.target().state());
}

TEST_CASE("Errors of a layer on Stan's tape", "[adapters][stan]") {
    using support::message_of;
    using support::says;
    const tape emptied;
    bool broken = false;
    imle::imle_layer layer{[&broken](const auto& theta, auto& z) {
                               if (broken) throw std::domain_error("no licence");
                               imle::categorical{}(theta, z);
                           },
                           imle::gumbel{},
                           imle::perturbation_target{.beta = 2},
                           {.samples = 4}};
    const tensor x = values(2, 6);
    const var_matrix theta = variables(x);
    const imle::random_key key{1};

    CHECK(says(message_of<std::invalid_argument>([&] {
                   (void)imle::stan_samples(layer, theta, {2, 4}, key);
               }),
               {"instance is [2, 4]", "theta's 6 numbers"}));
    var_matrix empty = theta;
    empty(1, 3) = var();
    CHECK(says(message_of<std::invalid_argument>([&] { (void)imle::stan_marginals(layer, empty, key); }),
               {"theta is without a value in row 1, coordinate 3"}));
    empty(1, 3) = std::nan("");
    CHECK(says(message_of<std::invalid_argument>([&] { (void)imle::stan_samples(layer, empty, key); }),
               {"theta is nan in row 1, coordinate 3"}));

    broken = true;
    CHECK(message_of<std::domain_error>([&] { (void)imle::stan_samples(layer, theta, key); }) ==
          "no licence");
    broken = false;
    var loss = weighted(imle::stan_samples(layer, theta, key));
    broken = true;
    CHECK(message_of<std::domain_error>([&] { loss.grad(); }) == "no licence");
    broken = false;
    stan::math::set_zero_all_adjoints();
    loss.grad();
    CHECK(adjoints(theta) == own_gradient(layer, x, key));
    stan::math::set_zero_all_adjoints();
    var infinite = loss * std::numeric_limits<double>::infinity();
    CHECK(says(message_of<std::invalid_argument>([&] { infinite.grad(); }), {"dz is ", "a finite"}));
}

TEST_CASE("Recovering the memory of Stan's tape frees the layer's passes", "[adapters][stan]") {
    counted solver;
    const long before = solver.alive.use_count();
    {
        imle::imle_layer layer{solver, imle::gumbel{}, imle::perturbation_target{}, {.samples = 4}};
        (void)imle::stan_samples(layer, variables(values(2, 5)), imle::random_key{1});
    }
    CHECK(solver.alive.use_count() > before);
    stan::math::recover_memory();
    CHECK(solver.alive.use_count() == before);
}

TEST_CASE("Threads have tapes and layers of their own", "[adapters][stan]") {
    std::vector<int> wrong(4, 0);
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                stan::math::ChainableStack of_this_thread;
                imle::imle_layer layer = top_two;
                for (std::uint64_t i = 0; i < 50; ++i) {
                    const tape emptied;
                    const imle::random_key key = imle::random_key{t}.fold_in(i);
                    const tensor x = values(3, 5, i);
                    const var_matrix theta = variables(x);
                    var loss = weighted(imle::stan_samples(layer, theta, key));
                    loss.grad();
                    wrong[t] += adjoints(theta) != own_gradient(layer, x, key);
                }
            });
    }
    CHECK(wrong == std::vector<int>(4, 0));
}
