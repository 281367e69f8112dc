#include <imle/adapters/adolc.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <adolc/adolc_fatalerror.h>

#include <imle/core/errors.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/check_adapter.hpp>

#include "adapters/adapter_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tensors.hpp"

namespace {

using adapter_fixtures::numbers;
using adapter_fixtures::of;
using adapter_fixtures::sample_tensor;
using adapter_fixtures::tensor;
using adapter_fixtures::values;
using actives = std::vector<adouble>;

constexpr short tag = 1, other_tag = 2;

// Weights of z that differ from number to number, and powers of two, so that sums of them are exact.
numbers weights(std::size_t size) {
    numbers w(size);
    for (std::size_t i = 0; i < size; ++i) w[i] = static_cast<double>(static_cast<int>(i * 7 % 5) - 2) / 2;
    return w;
}

actives inputs(std::span<const double> x) {
    actives a(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) a[i] <<= x[i];
    return a;
}

adouble weighted(const actives& z, const numbers& w) {
    adouble sum = 0;
    for (std::size_t i = 0; i < z.size(); ++i) sum += z[i] * w[i];
    return sum;
}

// Writes a tape of L = <weights, z(x)>.
template <class OnTapeT>
void trace(short t, OnTapeT& on_tape, const tensor& x, int keep = 0) {
    trace_on(t, keep);
    const actives z = on_tape.samples(inputs(of(x)));
    double loss;
    weighted(z, weights(z.size())) >>= loss;
    trace_off();
}

// What the layer itself gives for it.
template <class LayerT>
numbers own_gradient(const LayerT& layer, const tensor& x, imle::random_key key, std::uint64_t first = 0) {
    const auto [z, pullback] = layer.value_and_pullback(x, key, first);
    sample_tensor dz(z.dimensions());
    const numbers w = weights(static_cast<std::size_t>(z.size()));
    std::copy(w.begin(), w.end(), dz.data());
    return of(pullback(dz));
}

struct sweep {
    int code;
    numbers gradient;
};
sweep gradient_of(short t, const tensor& x) {
    sweep s{0, numbers(static_cast<std::size_t>(x.size()), 99)};
    s.code = gradient(t, static_cast<int>(x.size()), x.data(), s.gradient.data());
    return s;
}

imle::imle_layer top_two{
    imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{.beta = 2}, {.samples = 4}};

// One adapter for check_adapter: a tape is written, evaluated again, and pulled back.
template <bool PerSample, int Layout = Eigen::RowMajor>
const auto run =
    [](auto& layer, const auto& x, imle::random_key key, const imle::testing::adapter_loss<double>& loss) {
        constexpr int rank = imle::rank_of<decltype(x)>;
        Eigen::Index shape[rank];
        for (std::size_t i = 0; i < rank; ++i) shape[i] = x.dimension(i);
        imle::adolc_layer<std::remove_cvref_t<decltype(layer)>, rank, Layout> on_tape(layer, shape, key);
        trace_on(tag);
        const actives theta = loss.theta(inputs(of(x)));
        const actives z = PerSample ? on_tape.samples(theta) : on_tape.marginals(theta);
        double l;
        loss(z) >>= l;
        trace_off();
        imle::testing::adapter_result<double> result;
        for (const adouble& number : z) result.z.push_back(number.getValue());
        result.gradient.resize(static_cast<std::size_t>(x.size()));
        if (gradient(tag, static_cast<int>(x.size()), x.data(), result.gradient.data()) < 0)
            on_tape.rethrow_failure();
        return result;
    };

}  // namespace

TEST_CASE("adolc_layer keeps the laws of adapters", "[adapters][adolc]") {
    adapter_fixtures::check_adapter_laws(run<true>, run<false>);
}

TEST_CASE("adolc_layer takes column-major instances of any rank, and targets with a state",
          "[adapters][adolc]") {
    const imle::imle_layer layer{
        imle::top_k{4},
        imle::gumbel{},
        imle::adaptive_target{imle::adaptive_target_options{.initial_beta = 2, .beta_step = 0.1}},
        {.samples = 8, .difference = imle::difference::central, .threads = 4}};
    Eigen::Tensor<double, 3> theta(3, 4, 2);
    theta.setConstant(0.5);
    const auto report = imle::testing::check_adapter(run<true, Eigen::ColMajor>, layer, theta);
    INFO(report);
    CHECK(report.passed());
}

TEST_CASE("adolc_layer takes the other estimators", "[adapters][adolc]") {
    const tensor x = values(3, 5);
    const imle::random_key key{4};
    adapter_fixtures::for_each_estimator([&](const auto& layer) {
        imle::adolc_layer on_tape{layer, {3, 5}, key};
        trace(tag, on_tape, x);
        const sweep found = gradient_of(tag, x);
        REQUIRE(found.code >= 0);
        const auto z = of(layer.forward(x, key).samples());
        CHECK(found.gradient == adapter_fixtures::chain_rule(layer, x, key, weights(z.size())));
        CHECK(std::any_of(found.gradient.begin(), found.gradient.end(), [](double g) { return g != 0; }));
    });
    // Marginals too, where the layer has them.
    const imle::straight_through_layer layer{imle::top_k{2}, imle::gumbel{}, {.samples = 4}};
    imle::adolc_layer on_tape{layer, {3, 5}, key};
    const actives mu = on_tape.marginals(inputs(of(x)));
    CHECK(mu[0].getValue() == layer.marginals(x, key).marginals()(0, 0));
}

TEST_CASE("adolc_layer in ten lines", "[adapters][adolc]") {
    const imle::imle_layer layer{
        imle::grid_shortest_path{}, imle::gumbel{}, imle::perturbation_target{.beta = 4}, {.samples = 8}};
    const auto x = of(values(2, 12));
    double found = 0;
    // [train]
    imle::adolc_layer on_tape{layer, {2, 3, 4}, imle::random_key{1}};  // two maps of 3 x 4

    trace_on(tag);
    std::vector<adouble> theta(24);
    for (std::size_t i = 0; i < theta.size(); ++i) theta[i] <<= x[i];
    const std::vector<adouble> mu = on_tape.marginals(theta);  // 2 * 3 * 4 numbers
    adouble loss = 0;
    for (const adouble& m : mu) loss += (m - 0.5) * (m - 0.5);
    loss >>= found;
    trace_off();

    std::vector<double> gradient(24);
    on_tape.set_key(imle::random_key{2});  // other noise, the same tape
    if (::gradient(tag, 24, x.data(), gradient.data()) < 0) on_tape.rethrow_failure();
    // [/train]
    imle::imle_layer own(layer);
    Eigen::Tensor<double, 3, Eigen::RowMajor> maps(2, 3, 4);
    std::copy(x.begin(), x.end(), maps.data());
    const auto pass = own.marginals(maps, imle::random_key{2});
    const Eigen::Tensor<double, 3, Eigen::RowMajor> dmu = (pass.marginals() - 0.5) * 2.0;
    CHECK(gradient == of(own.vjp(pass, dmu)));
    CHECK(std::any_of(gradient.begin(), gradient.end(), [](double g) { return g != 0; }));
}

TEST_CASE("A tape of ADOL-C is used again with other theta and other keys", "[adapters][adolc]") {
    imle::adolc_layer on_tape{top_two, {3, 5}, imle::random_key{1}, 7};
    trace(tag, on_tape, values(3, 5));
    for (std::uint64_t step = 0; step < 5; ++step) {
        const tensor x = values(3, 5, 10 + step);
        on_tape.set_key(imle::random_key{step});
        const sweep s = gradient_of(tag, x);
        CHECK(s.code >= 0);
        CHECK(s.gradient == own_gradient(top_two, x, imle::random_key{step}, 7));
    }
    // Without a tape: values only.
    CHECK(on_tape.key() == imle::random_key{4});
    const numbers x = of(values(3, 5, 3));
    const actives z = on_tape.samples(actives(x.begin(), x.end()));
    numbers found;
    for (const adouble& number : z) found.push_back(number.getValue());
    CHECK(found == of(top_two.forward(values(3, 5, 3), imle::random_key{4}, 7).samples()));
}

TEST_CASE("A layer on ADOL-C takes a call's options", "[adapters][adolc]") {
    const std::array<bool, 5> mask{true, false, true, true, true};
    const imle::call_options options{.first_instance = 3, .mask = mask};
    imle::adolc_layer on_tape{top_two, {2, 5}, imle::random_key{1}, options};
    imle::adolc_layer braced{top_two, {2, 5}, imle::random_key{1}, {.first_instance = 3, .mask = mask}};
    const tensor x = values(2, 5);
    const numbers expected = of(top_two.forward(x, imle::random_key{1}, options).samples());
    const actives theta(x.data(), x.data() + x.size());
    for (auto* const layer : {&on_tape, &braced}) {
        const actives z = layer->samples(theta);
        for (std::size_t i = 0; i < z.size(); ++i) CHECK(z[i].getValue() == expected[i]);
    }
}

TEST_CASE("A reverse sweep of ADOL-C takes the noise of its own forward sweep", "[adapters][adolc]") {
    // Two tapes of one object, forward with two keys, then both backward; and each row of a vector sweep.
    const imle::random_key keys[] = {imle::random_key{3}.fold_in(1), imle::random_key{~std::uint64_t{0}}};
    const tensor x0 = values(2, 6, 1), x1 = values(2, 6, 2);
    imle::adolc_layer on_tape{top_two, {2, 6}, keys[0], ~std::uint64_t{0} >> 20};
    const std::uint64_t first = ~std::uint64_t{0} >> 20;
    trace(tag, on_tape, x0, 1);  // keeps what a reverse sweep needs
    on_tape.set_key(keys[1]);
    trace(other_tag, on_tape, x1, 1);
    on_tape.set_key(imle::random_key{0});
    numbers g0(12), g1(12);
    double one = 1;
    CHECK(fos_reverse(tag, 1, 12, &one, g0.data()) >= 0);
    CHECK(fos_reverse(other_tag, 1, 12, &one, g1.data()) >= 0);
    CHECK(g0 == own_gradient(top_two, x0, keys[0], first));
    CHECK(g1 == own_gradient(top_two, x1, keys[1], first));

    double u0 = 1, u1 = 0, u2 = 3;
    double* u[] = {&u0, &u1, &u2};
    numbers rows[] = {numbers(12), numbers(12, 5), numbers(12)};
    double* g[] = {rows[0].data(), rows[1].data(), rows[2].data()};
    double loss;
    on_tape.set_key(keys[1]);
    CHECK(zos_forward(tag, 1, 12, 1, x0.data(), &loss) >= 0);
    CHECK(fov_reverse(tag, 1, 12, 3, u, g) >= 0);
    CHECK(rows[0] == own_gradient(top_two, x0, keys[1], first));
    CHECK(rows[1] == numbers(12, 0));
    CHECK(rows[2] != rows[0]);  // not linear: a longer step, other answers
    imle::imle_layer thrice{
        imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{.beta = 6}, {.samples = 4}};
    CHECK(rows[2] == own_gradient(thrice, x0, keys[1], first));
}

TEST_CASE("ADOL-C may reuse the locations of dead variables for z", "[adapters][adolc]") {
    // theta = x^2 is computed by variables that are dead when z is recorded, but whose values their
    // derivatives need. The layer is used twice, the second time on numbers that depend on the first. theta
    // is used outside the layer too, so gradients add up.
    const tensor x = values(2, 5);
    imle::adolc_layer on_tape{top_two, {2, 5}, imle::random_key{1}};
    int places_taken = 0;
    const auto loss = [&](const actives& in) {
        actives theta(10);
        actives gone(200);
        const auto first_place = gone.front().loc(), last_place = gone.back().loc();
        for (std::size_t i = 0; i < gone.size(); ++i) {
            gone[i] = in[i % 10] * 1.5;
            theta[i % 10] = gone[i] * gone[i];
        }
        gone.clear();
        gone.shrink_to_fit();
        const actives z = on_tape.samples(theta);
        for (const adouble& number : z)
            places_taken += number.loc() >= first_place && number.loc() <= last_place;
        actives next(10);
        for (std::size_t i = 0; i < 10; ++i) next[i] = z[i] * 0.5 + theta[i];
        const actives mu = on_tape.marginals(next);
        adouble sum = weighted(z, weights(z.size())) + weighted(mu, weights(mu.size()));
        for (std::size_t i = 0; i < 10; ++i) sum += theta[i] * 0.25;
        return sum;
    };
    trace_on(tag);
    double value;
    loss(inputs(of(x))) >>= value;
    trace_off();
    REQUIRE(places_taken == 40);  // else this tests nothing
    const sweep s = gradient_of(tag, x);
    REQUIRE(s.code >= 0);

    imle::imle_layer own(top_two);
    const tensor theta = (x * 1.5) * (x * 1.5);
    const auto [z, pullback] = own.value_and_pullback(theta, imle::random_key{1});
    tensor next(2, 5);
    for (Eigen::Index i = 0; i < 10; ++i) next.data()[i] = z.data()[i] * 0.5 + theta.data()[i];
    const auto pass = own.marginals(next, imle::random_key{1});
    tensor dmu(2, 5);
    const numbers w10 = weights(10), w40 = weights(40);
    std::copy(w10.begin(), w10.end(), dmu.data());
    const tensor dnext = own.vjp(pass, dmu);
    sample_tensor dz(z.dimensions());
    for (Eigen::Index i = 0; i < 40; ++i)
        dz.data()[i] = w40[static_cast<std::size_t>(i)] + (i < 10 ? 0.5 * dnext.data()[i] : 0);
    const tensor expected = (pullback(dz) + dnext + 0.25) * x * 4.5;
    CHECK(support::furthest(s.gradient, expected) < 1e-12);
}

TEST_CASE("What a loss does not reach gives no gradient on ADOL-C's tape", "[adapters][adolc]") {
    // With alpha = 0 a vjp of nothing would be z - MAP(noise).
    const imle::imle_layer layer{imle::top_k{2},
                                 imle::gumbel{},
                                 imle::adaptive_target{imle::adaptive_target_options{.initial_alpha = 0}},
                                 {.samples = 4}};
    imle::adolc_layer on_tape{layer, {2, 5}, imle::random_key{1}};
    const tensor x = values(2, 5);
    trace_on(tag);
    const actives in = inputs(of(x));
    const actives unused = on_tape.samples(in);
    double loss;
    adouble sum = in[0] * 2.0;
    sum >>= loss;
    trace_off();
    const sweep s = gradient_of(tag, x);
    numbers expected(10, 0);
    expected[0] = 2;
    CHECK(s.gradient == expected);
    CHECK(on_tape.layer().target().state().beta == layer.target().state().beta);
}

TEST_CASE("Errors of a layer on ADOL-C's tape", "[adapters][adolc]") {
    using support::message_of;
    using support::says;
    bool broken = false;
    const auto solver = [&broken](const auto& theta, auto& z) {
        if (broken) throw std::runtime_error("no licence");
        imle::categorical{}(theta, z);
    };
    const imle::imle_layer layer{
        solver, imle::gumbel{}, imle::perturbation_target{.beta = 2}, {.samples = 4}};
    const tensor x = values(2, 5);
    std::optional<imle::adolc_layer<std::remove_cvref_t<decltype(layer)>, 2>> held;
    held.emplace(imle::adolc_layer{layer, {2, 5}, imle::random_key{1}});  // it moves
    auto& on_tape = *held;

    SECTION("shapes") {
        CHECK(says(message_of<std::invalid_argument>([&] { (void)on_tape.samples(actives(9)); }),
                   {"theta is a list of 9 numbers", "expected 10", "[2, 5]"}));
        CHECK(says(message_of<std::invalid_argument>([&] { (void)on_tape.marginals(actives(11)); }),
                   {"theta is a list of 11 numbers"}));
        CHECK(says(message_of<std::invalid_argument>([&] {
                       (void)imle::adolc_layer{layer, {2, 0}, imle::random_key{1}};
                   }),
                   {"shape is [2, 0]", "at least 1"}));
        CHECK(says(message_of<std::invalid_argument>([&] {
                       (void)imle::adolc_layer{layer, {1 << 20, 1 << 10}, imle::random_key{1}};
                   }),
                   {"shape is one with 4294967302 numbers", "2147483647"}));
    }
    SECTION("while the tape is written, which goes on as if nothing had been called") {
        trace_on(tag);
        const actives in = inputs(of(x));
        broken = true;
        CHECK(message_of<std::runtime_error>([&] { (void)on_tape.samples(in); }) == "no licence");
        broken = false;
        const actives z = on_tape.samples(in);
        double loss;
        weighted(z, weights(z.size())) >>= loss;
        trace_off();
        CHECK(gradient_of(tag, x).gradient == own_gradient(layer, x, imle::random_key{1}));
    }
    SECTION("in a forward sweep: ADOL-C's code, NaN, and the solver's own exception") {
        trace(tag, on_tape, x);
        broken = true;
        double loss = 0;
        CHECK(zos_forward(tag, 1, 10, 1, x.data(), &loss) < 0);
        CHECK(std::isnan(loss));
        CHECK(gradient_of(tag, x).code < 0);
        CHECK(message_of<std::runtime_error>([&] { on_tape.rethrow_failure(); }) == "no licence");
        CHECK_NOTHROW(on_tape.rethrow_failure());  // told once
        broken = false;
        // A reverse sweep all the same has nothing to start from.
        numbers g(10);
        double one = 1;
        CHECK(fos_reverse(tag, 1, 10, &one, g.data()) < 0);
        CHECK(std::isnan(g[0]));
        CHECK(says(message_of<std::logic_error>([&] { on_tape.rethrow_failure(); }),
                   {"follows a forward sweep in which the layer failed"}));
        const sweep s = gradient_of(tag, x);
        CHECK(s.code >= 0);
        CHECK(s.gradient == own_gradient(layer, x, imle::random_key{1}));
    }
    SECTION("in a forward sweep with NaN for theta") {
        trace(tag, on_tape, x);
        tensor bad = x;
        bad(1, 2) = std::nan("");
        CHECK(gradient_of(tag, bad).code < 0);
        CHECK(says(message_of<std::invalid_argument>([&] { on_tape.rethrow_failure(); }),
                   {"theta is nan in row 1, coordinate 2"}));
    }
    SECTION("in a reverse sweep") {
        trace(tag, on_tape, x, 1);
        broken = true;
        numbers g(10);
        double one = 1;
        CHECK(fos_reverse(tag, 1, 10, &one, g.data()) < 0);
        CHECK(std::all_of(g.begin(), g.end(), [](double d) { return std::isnan(d); }));
        CHECK(message_of<std::runtime_error>([&] { on_tape.rethrow_failure(); }) == "no licence");
        broken = false;
        CHECK(gradient_of(tag, x).gradient == own_gradient(layer, x, imle::random_key{1}));
    }
    SECTION("derivatives in a direction, and second ones") {
        trace(tag, on_tape, x);
        numbers direction(10, 1), result(10);
        double loss, tangent;
        CHECK(fos_forward(tag, 1, 10, 0, x.data(), direction.data(), &loss, &tangent) < 0);
        CHECK(std::isnan(tangent));
        CHECK(says(message_of<std::logic_error>([&] { on_tape.rethrow_failure(); }),
                   {"no directional and no second derivatives", "zos_forward and a reverse sweep"}));
        std::vector<double*> directions;
        std::vector<numbers> rows(10, numbers(2, 1));
        for (numbers& row : rows) directions.push_back(row.data());
        numbers both(2);
        double* tangents[] = {both.data()};
        CHECK(fov_forward(tag, 1, 10, 2, x.data(), directions.data(), &loss, tangents) < 0);
        CHECK(std::isnan(both[1]));
        CHECK_THROWS_AS(on_tape.rethrow_failure(), std::logic_error);
        CHECK(hess_vec(tag, 10, of(x).data(), direction.data(), result.data()) < 0);
        CHECK_THROWS_AS(on_tape.rethrow_failure(), std::logic_error);
    }
    SECTION("sweeps of higher order: ADOL-C's own error") {
        constexpr short lost = 4;  // after which the tape is unusable
        trace(lost, on_tape, x);
        std::vector<numbers> rows(10, numbers(2, 1));
        std::vector<double*> coefficients;
        for (numbers& row : rows) coefficients.push_back(row.data());
        double loss;
        numbers result(2);
        double* results[] = {result.data()};
        CHECK_THROWS_AS(hos_forward(lost, 1, 10, 2, 0, x.data(), coefficients.data(), &loss, results),
                        FatalError);
    }
    SECTION("when it is gone") {
        constexpr short lost = 3;  // ADOL-C's own errors leave a tape unusable
        trace(lost, on_tape, x);
        held.reset();
        double loss = 0;
        CHECK_THROWS_AS(zos_forward(lost, 1, 10, 1, x.data(), &loss), FatalError);
    }
}

TEST_CASE("Solves without an answer on ADOL-C's tape", "[adapters][adolc]") {
    // Row 1 has no answer forward: its z and its gradient are 0, the other rows' are what they are. Backward
    // it would have one, so the tape must know.
    bool forward = true;
    const auto solver = [&forward](const auto& theta, auto& z, const imle::solve_context& context) {
        if (forward && context.instance == 1) return imle::solve_status::infeasible;
        imle::categorical{}(theta, z);
        return imle::solve_status::solved;
    };
    const imle::imle_layer layer{solver,
                                 imle::gumbel{},
                                 imle::perturbation_target{.alpha = 0, .beta = 2},
                                 {.samples = 4, .failures = imle::failure_policy::zero_gradient}};
    const tensor x = values(3, 5);
    const auto [z, pullback] = layer.value_and_pullback(x, imle::random_key{1});
    sample_tensor dz(z.dimensions());
    const numbers w = weights(static_cast<std::size_t>(z.size()));
    std::copy(w.begin(), w.end(), dz.data());
    imle::adolc_layer on_tape{layer, {3, 5}, imle::random_key{1}};
    trace(tag, on_tape, x, 1);
    forward = false;
    numbers g(15);
    double one = 1;
    CHECK(fos_reverse(tag, 1, 15, &one, g.data()) >= 0);
    CHECK(g == of(pullback(dz)));
    CHECK(std::all_of(g.begin() + 5, g.begin() + 10, [](double d) { return d == 0; }));
    CHECK(std::any_of(g.begin(), g.end(), [](double d) { return d != 0; }));
}
