#include <imle/adapters/cppad.hpp>

#include <imle/noise/gumbel.hpp>
#include <imle/noise/no_noise.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/check_adapter.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "adapters/adapter_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"

using imle::testing::adapter_result;
using imle::testing::check_adapter;

namespace {

using ad = CppAD::AD<double>;
using numbers = std::vector<double>;
using variables = std::vector<ad>;
using tensor = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using sample_tensor = Eigen::Tensor<double, 3, Eigen::RowMajor>;

// What `check_adapter` runs: the operation is any of the two.
template <class AtomicT>
adapter_result<double> run_on(AtomicT& choose, const tensor& x,
                              const imle::testing::adapter_loss<double>& loss) {
    variables inputs(x.data(), x.data() + x.size());
    CppAD::Independent(inputs);
    variables outputs = choose(loss.theta(inputs));
    outputs.push_back(loss(outputs));
    CppAD::ADFun<double> f(inputs, outputs);

    numbers z = f.Forward(0, numbers(x.data(), x.data() + x.size()));
    numbers weights(z.size(), 0);
    weights.back() = 1;
    z.pop_back();
    return {z, f.Reverse(1, weights)};
}
const auto samples_on_cppad = [](auto& layer, const tensor& x, imle::random_key key, const auto& loss) {
    imle::cppad_layer choose{layer, {x.dimension(1)}, key};
    return run_on(choose, x, loss);
};
const auto marginals_on_cppad = [](auto& layer, const tensor& x, imle::random_key key, const auto& loss) {
    imle::cppad_marginals choose{layer, {x.dimension(1)}, key};
    return run_on(choose, x, loss);
};

auto layer_of(Eigen::Index samples) {
    return imle::imle_layer{
        imle::categorical{}, imle::gumbel{}, imle::perturbation_target{.beta = 2}, {.samples = samples}};
}

numbers random_numbers(std::size_t count, unsigned seed = 0) {
    numbers result(count);
    for (std::size_t i = 0; i < count; ++i)
        result[i] = static_cast<double>((i * 7 + seed * 5) % 11) / 8 - 0.6;
    return result;
}

// The layer's own z and pulled-back gradient.
template <class LayerT>
adapter_result<double> own(const LayerT& layer, const numbers& theta, Eigen::Index batch,
                           imle::random_key key, const numbers& dz) {
    const Eigen::TensorMap<const tensor> view(theta.data(), batch,
                                              static_cast<Eigen::Index>(theta.size()) / batch);
    const auto [z, pullback] = layer.value_and_pullback(view, key);
    REQUIRE(static_cast<std::size_t>(z.size()) == dz.size());
    const tensor gradient = pullback(Eigen::TensorMap<const sample_tensor>(dz.data(), z.dimensions()));
    return {{z.data(), z.data() + z.size()}, {gradient.data(), gradient.data() + gradient.size()}};
}

// CppAD's errors as exceptions: its own advice for programs that go on after one.
[[noreturn]] void throw_error(bool, int, const char*, const char*, const char* message) {
    throw std::domain_error(message);
}

}  // namespace

TEST_CASE("A layer on CppAD keeps all laws of an adapter", "[adapters]") {
    adapter_fixtures::check_adapter_laws(samples_on_cppad, marginals_on_cppad);
    const imle::imle_layer adaptive{imle::top_k{2},
                                    imle::gumbel{},
                                    imle::adaptive_target{},
                                    {.samples = 4, .difference = imle::difference::central}};
    const auto report = check_adapter(samples_on_cppad, adaptive, tensor(3, 5).setRandom());
    INFO(report);
    CHECK(report.passed());
}

TEST_CASE("cppad_layer takes the other estimators", "[adapters]") {
    const tensor x = adapter_fixtures::values(3, 5);
    const imle::random_key key{4};
    adapter_fixtures::for_each_estimator([&](const auto& layer) {
        imle::cppad_layer choose{layer, {5}, key};
        std::vector<ad> theta(x.data(), x.data() + x.size());
        CppAD::Independent(theta);
        CppAD::ADFun<double> f(theta, choose(theta));
        const auto samples = layer.forward(x, key).samples();
        const numbers z(samples.data(), samples.data() + samples.size()), weights = random_numbers(z.size());
        CHECK(f.Forward(0, numbers(x.data(), x.data() + x.size())) == z);
        CHECK(f.Reverse(1, weights) == adapter_fixtures::chain_rule(layer, x, key, weights));
    });
}

TEST_CASE("The example of a layer on CppAD", "[adapters]") {
    imle::imle_layer layer{
        imle::top_k{2}, imle::gumbel{}, imle::perturbation_target{.beta = 2}, {.samples = 16}};
    const std::vector<double> wanted{0, 1, 0, 0, 1}, start(5, 0.0);
    std::vector<double> weights = start;
    // [use]
    imle::cppad_layer choose{layer, {5}, imle::random_key{1}};  // instances of 5 numbers

    std::vector<CppAD::AD<double>> theta(5), loss(1, 0.0);
    CppAD::Independent(theta);
    const auto z = choose(theta);  // 16 samples of 5 numbers
    for (std::size_t i = 0; i < z.size(); ++i) loss[0] += pow(z[i] - wanted[i % 5], 2) / 16;
    CppAD::ADFun<double> f(theta, loss);

    for (std::uint64_t step = 0; step < 100; ++step) {
        choose.set_key(imle::random_key{1}.fold_in(step));  // other noise for each step
        f.Forward(0, weights);
        const auto gradient = f.Reverse(1, std::vector<double>{1.0});
        for (std::size_t i = 0; i < 5; ++i) weights[i] -= 0.1 * gradient[i];
    }
    // [/use]
    const double first = f.Forward(0, start)[0], last = f.Forward(0, weights)[0];
    INFO("loss " << first << ", then " << last);
    CHECK(first > 1.5);
    CHECK(last < 0.75);
}

TEST_CASE("Instances of rank 2, column-major", "[adapters]") {
    const imle::imle_layer layer{
        imle::top_k{3}, imle::gumbel{}, imle::perturbation_target{.beta = 3}, {.samples = 2}};
    using layer_type = std::remove_const_t<decltype(layer)>;
    imle::cppad_layer rows{layer, {2, 3}, imle::random_key{4}};
    imle::cppad_layer<layer_type, 2, Eigen::ColMajor> columns{layer, {3, 2}, imle::random_key{4}};
    // top_k looks at the order of memory alone, so all of these agree.
    const auto expected = own(layer, random_numbers(12), 2, imle::random_key{4}, random_numbers(24, 3));
    const auto found = [&](auto& choose) {
        variables theta(12, 0.0);
        CppAD::Independent(theta);
        const variables z = choose(theta);
        CppAD::ADFun<double> f(theta, z);
        const numbers values = f.Forward(0, random_numbers(12));
        return adapter_result<double>{values, f.Reverse(1, random_numbers(24, 3))};
    };
    const auto by_rows = found(rows), by_columns = found(columns);
    CHECK(by_rows.z == expected.z);
    CHECK(by_rows.gradient == expected.gradient);
    CHECK(by_columns.z == expected.z);
    CHECK(by_columns.gradient == expected.gradient);
}

TEST_CASE("A layer works twice on one tape, on a copy of the tape and after optimize", "[adapters]") {
    const auto layer = layer_of(2);
    const imle::random_key key{9};
    imle::cppad_layer choose{layer, {4}, key};

    // Two calls, the second on what the first chose: each with its own noise.
    variables theta(8, 0.0);
    CppAD::Independent(theta);
    const variables z1 = choose(theta);
    variables theta2(8);
    for (std::size_t i = 0; i < 8; ++i) theta2[i] = 2 * theta[i] + z1[i];
    const variables z2 = choose(theta2, 1);
    variables loss(1, 0.0);
    const numbers w1 = random_numbers(16, 1), w2 = random_numbers(16, 2);
    for (std::size_t i = 0; i < 16; ++i) loss[0] += w1[i] * z1[i] + w2[i] * z2[i];
    CppAD::ADFun<double> f(theta, loss);

    const auto check = [&](CppAD::ADFun<double>& g, imle::random_key with) {
        const numbers values = random_numbers(8, 4);
        (void)g.Forward(0, values);
        const numbers found = g.Reverse(1, numbers{1.0});
        const numbers first_z = own(layer, values, 2, with, w1).z;
        numbers values2(8), dz1 = w1;
        for (std::size_t i = 0; i < 8; ++i) values2[i] = 2 * values[i] + first_z[i];
        const auto second = own(layer, values2, 2, with.fold_in(1), w2);
        for (std::size_t i = 0; i < 8; ++i) dz1[i] += second.gradient[i];
        const auto first = own(layer, values, 2, with, dz1);
        for (std::size_t i = 0; i < 8; ++i) CHECK(found[i] == first.gradient[i] + 2 * second.gradient[i]);
    };
    check(f, key);
    CppAD::ADFun<double> copy;
    copy = f;
    check(copy, key);
    choose.set_key(imle::random_key{10});
    CHECK(choose.key() == imle::random_key{10});
    check(f, imle::random_key{10});
    check(copy, imle::random_key{10});
    copy.optimize();  // compares values with the last sweep, so the key must be that one's
    check(copy, imle::random_key{10});
}

TEST_CASE("Reverse keeps to the noise of its forward sweep", "[adapters]") {
    const auto layer = layer_of(4);
    imle::cppad_layer choose{layer, {3}, imle::random_key{1}};
    variables theta(6, 0.0);
    CppAD::Independent(theta);
    const variables z = choose(theta);
    CppAD::ADFun<double> f(theta, z);
    CppAD::ADFun<double> g;
    g = f;
    const numbers dz = random_numbers(24, 7), one = random_numbers(6, 1), other = random_numbers(6, 2);

    (void)f.Forward(0, one);
    choose.set_key(imle::random_key{2});
    (void)g.Forward(0, other);
    CHECK(f.Reverse(1, dz) == own(layer, one, 2, imle::random_key{1}, dz).gradient);
    CHECK(g.Reverse(1, dz) == own(layer, other, 2, imle::random_key{2}, dz).gradient);
    CHECK(f.Reverse(1, dz) == own(layer, one, 2, imle::random_key{1}, dz).gradient);

    // At one theta too: z tells the keys apart.
    choose.set_key(imle::random_key{1});
    (void)f.Forward(0, one);
    choose.set_key(imle::random_key{2});
    (void)g.Forward(0, one);
    const auto first = own(layer, one, 2, imle::random_key{1}, dz);
    const auto second = own(layer, one, 2, imle::random_key{2}, dz);
    REQUIRE(first.z != second.z);
    CHECK(f.Reverse(1, dz) == first.gradient);
    CHECK(g.Reverse(1, dz) == second.gradient);

    // Only so many passes are remembered. With another key since, a guess would be wrong noise.
    choose.set_remembered_passes(1);
    const CppAD::ErrorHandler handler(throw_error);
    (void)f.Forward(0, one);
    (void)g.Forward(0, other);
    CHECK(support::says(support::message_of<std::domain_error>([&] { (void)f.Reverse(1, dz); }),
                        {"no longer remembered", "at most 1 passes", "set_remembered_passes"}));
    CHECK(g.Reverse(1, dz) == own(layer, other, 2, imle::random_key{2}, dz).gradient);
    CHECK_THROWS_AS(choose.set_remembered_passes(0), std::invalid_argument);

    // With one key throughout it is computed again.
    imle::cppad_layer steady{layer, {3}, imle::random_key{1}};
    steady.set_remembered_passes(1);
    variables again(6, 0.0);
    CppAD::Independent(again);
    CppAD::ADFun<double> h(again, steady(again));
    CppAD::ADFun<double> k;
    k = h;
    (void)h.Forward(0, one);
    (void)k.Forward(0, other);
    CHECK(h.Reverse(1, dz) == own(layer, one, 2, imle::random_key{1}, dz).gradient);
}

TEST_CASE("Calls on CppAD have first instance, ids and mask", "[adapters]") {
    const CppAD::ErrorHandler handler(throw_error);
    // The id is the number of elements to choose.
    const auto choose_by_id = [](const auto& theta, auto& z, const imle::solve_context& context) {
        return imle::top_k{context.id}(theta, z, context);
    };
    const imle::imle_layer layer{
        choose_by_id, imle::gumbel{}, imle::perturbation_target{.beta = 2}, {.samples = 3}};
    const std::vector<std::uint64_t> ids{1, 2}, other_ids{2, 0};
    const std::array<bool, 8> mask{true, true, true, false, false, true, true, true};
    const imle::call_options both{.first_instance = 5, .ids = ids, .mask = mask};
    const numbers values = random_numbers(8, 1), dz = random_numbers(24, 2);

    // The layer's own, by samples and by marginals.
    const tensor theta = Eigen::TensorMap<const tensor>(values.data(), 2, 4);
    const auto by_layer = [&](const imle::call_options& options, imle::random_key key) {
        auto [z, pullback] = layer.value_and_pullback(theta, key, options);
        const tensor gradient = pullback(Eigen::TensorMap<const sample_tensor>(dz.data(), 2, 3, 4));
        return adapter_result<double>{adapter_fixtures::of(z), adapter_fixtures::of(gradient)};
    };
    const auto means_by_layer = [&](const imle::call_options& options, imle::random_key key) {
        auto [mu, pullback] = layer.marginals_and_pullback(theta, key, options);
        const tensor gradient = pullback(Eigen::TensorMap<const tensor>(dz.data(), 2, 4));
        return adapter_result<double>{adapter_fixtures::of(mu), adapter_fixtures::of(gradient)};
    };
    const auto record = [](auto& choose) {
        variables x(8, 0.0);
        CppAD::Independent(x);
        return std::make_unique<CppAD::ADFun<double>>(x, choose(x));
    };
    const auto replay = [&](CppAD::ADFun<double>& f, const adapter_result<double>& expected) {
        CHECK(f.Forward(0, values) == expected.z);
        CHECK(f.Reverse(1, numbers(dz.begin(), dz.begin() + static_cast<std::ptrdiff_t>(f.Range()))) ==
              expected.gradient);
    };
    const imle::random_key key{3};
    imle::cppad_layer samples{layer, {4}, key, both};
    imle::cppad_marginals means{layer, {4}, key, both};
    const auto f = record(samples), g = record(means);
    replay(*f, by_layer(both, key));
    replay(*g, means_by_layer(both, key));
    CHECK(by_layer(both, key).z != by_layer({.ids = ids, .mask = mask}, key).z);
    CHECK(by_layer(both, key).z != by_layer({.first_instance = 5, .ids = ids}, key).z);
    CHECK(samples.options().first_instance == 5);

    // The next rows, on the same tape: a reverse sweep keeps to the options of its forward sweep.
    (void)f->Forward(0, values);
    samples.set_options(imle::call_options{.ids = other_ids});
    CHECK(f->Reverse(1, dz) == by_layer(both, key).gradient);
    replay(*f, by_layer({.ids = other_ids}, key));
    samples.set_options(7);  // only the first instance: ids are the instances, 7 and 8 of 4
    CHECK_THROWS_AS(f->Forward(0, values), std::invalid_argument);
    samples.set_options(imle::call_options{.ids = std::span(ids).first(1)});
    CHECK(support::says(support::message_of<std::invalid_argument>([&] { (void)f->Forward(0, values); }),
                        {"call_options::ids", "one id per row, 2"}));
    samples.set_options(both);
    replay(*f, by_layer(both, key));

    // What a mask forbids may be anything, and the pass is still recognised: after another key it could not
    // be computed again.
    numbers padded = values;
    padded[3] = std::numeric_limits<double>::quiet_NaN();
    padded[4] = 1e300;
    CHECK(f->Forward(0, padded) == by_layer(both, key).z);
    samples.set_key(imle::random_key{4});
    CHECK(f->Reverse(1, dz) == by_layer(both, key).gradient);
    CHECK(by_layer(both, key).gradient[3] == 0);

    // A pass that is forgotten is computed again, unless the options have changed since.
    imle::cppad_layer forgetful{layer, {4}, key, both};
    forgetful.set_remembered_passes(1);
    const auto h = record(forgetful), other = record(forgetful);
    const auto forget = [&] {
        (void)h->Forward(0, values);
        (void)other->Forward(0, random_numbers(8, 9));
    };
    forget();
    CHECK(h->Reverse(1, dz) == by_layer(both, key).gradient);
    forget();
    forgetful.set_options(both);
    CHECK(support::says(support::message_of<std::domain_error>([&] { (void)h->Reverse(1, dz); }),
                        {"the key or the options may have changed"}));

    // A plain number is the first instance, as in a layer's call.
    const auto plain = layer_of(3);
    imle::cppad_layer shard{plain, {4}, key, 6};
    const auto part = record(shard);
    CHECK(part->Forward(0, values) == adapter_fixtures::of(plain.forward(theta, key, 6).samples()));
    imle::cppad_layer braced{layer, {4}, key, {.ids = ids}};
    CHECK(record(braced)->Forward(0, values) == by_layer({.ids = ids}, key).z);
}

TEST_CASE("CppAD drops what a loss does not need, and knows the pattern of the Jacobian", "[adapters]") {
    const auto layer = layer_of(2);
    imle::cppad_layer choose{layer, {3}, imle::random_key{6}};
    variables theta(9, 0.0);
    CppAD::Independent(theta);
    variables z = choose(theta);
    CppAD::ADFun<double> f(theta, z);

    // Instance 1 alone, and of its z two numbers. Its theta is computed, so that it could be dropped.
    numbers dz(18, 0.0);
    dz[7] = 1;
    dz[10] = -2;
    variables again(9, 0.0);
    CppAD::Independent(again);
    variables twice(9);
    for (std::size_t i = 0; i < 9; ++i) twice[i] = 2 * again[i];
    const variables all = choose(twice);
    variables part(1);
    part[0] = all[7] - 2 * all[10];
    CppAD::ADFun<double> g(again, part);
    g.optimize();
    (void)g.Forward(0, random_numbers(9));
    numbers doubled = random_numbers(9);
    for (double& x : doubled) x *= 2;
    numbers expected = own(layer, doubled, 3, imle::random_key{6}, dz).gradient;
    for (double& x : expected) x *= 2;
    CHECK(g.Reverse(1, numbers{1.0}) == expected);
    CHECK(std::count(expected.begin() + 3, expected.begin() + 6, 0.0) < 3);

    using indices = CppAD::vector<std::size_t>;
    CppAD::sparse_rc<indices> identity(9, 9, 9), pattern;
    for (std::size_t i = 0; i < 9; ++i) identity.set(i, i, i);
    f.for_jac_sparsity(identity, false, false, false, pattern);
    CHECK(pattern.nnz() == 3 * 6 * 3);
    support::tally outside;
    for (std::size_t k = 0; k < pattern.nnz(); ++k)
        outside.expect(pattern.row()[k] / 6 == pattern.col()[k] / 3, "row ", pattern.row()[k], ", column ",
                       pattern.col()[k]);
    CHECK(outside == 0);
    CppAD::sparse_rc<indices> rows(18, 18, 18), backward;
    for (std::size_t i = 0; i < 18; ++i) rows.set(i, i, i);
    f.rev_jac_sparsity(rows, false, false, false, backward);
    CHECK(backward.nnz() == pattern.nnz());
}

TEST_CASE("Mistakes and exceptions on CppAD", "[adapters]") {
    using support::message_of;
    using support::says;
    const auto layer = layer_of(2);
    imle::cppad_layer choose{layer, {3}, imle::random_key{1}};
    CHECK_THROWS_AS((imle::cppad_layer{layer, {3, 0}, imle::random_key{1}}), std::invalid_argument);
    CHECK(says(message_of<std::invalid_argument>([&] { (void)choose(variables(4, 0.0)); }),
               {"imle: theta is of 4 numbers", "a positive multiple of 3"}));
    CHECK(says(message_of<std::invalid_argument>([&] {
                   variables theta(3, 0.0), z(5);
                   choose(0, theta, z);
               }),
               {"imle: z is of 5 numbers", "6: batch * samples * n"}));

    variables theta(6, 0.0);
    CppAD::Independent(theta);
    CHECK_THROWS_AS(choose(variables(theta.begin(), theta.end() - 1)), std::invalid_argument);
    CppAD::ADFun<double> f(theta, choose(theta));  // the recording goes on
    const numbers values = random_numbers(6), dz = random_numbers(12, 2);
    numbers odd = values;
    odd[4] = std::numeric_limits<double>::quiet_NaN();
    const auto expected = own(layer, values, 2, imle::random_key{1}, dz);
    const auto still_right = [&] {
        CHECK(f.Forward(0, values) == expected.z);
        CHECK(f.Reverse(1, dz) == expected.gradient);
    };
    still_right();
    CHECK(
        says(message_of<std::invalid_argument>([&] { (void)f.Forward(0, odd); }), {"theta is nan", "row 1"}));
    still_right();

    const CppAD::ErrorHandler handler(throw_error);
    const auto refused = [&](auto&& f_of) {
        CHECK(says(message_of<std::domain_error>(f_of),
                   {"no derivative", "expected Forward(0, x) and Reverse(1, w)"}));
        still_right();
    };
    refused([&] { (void)f.Forward(1, values); });
    refused([&] {
        (void)f.Forward(0, values);
        (void)f.Forward(1, values);
    });
    refused([&] { (void)f.Hessian(values, 0); });
    refused([&] {
        std::vector<CppAD::vector<bool>> unused;
        CppAD::sparse_rc<CppAD::vector<std::size_t>> pattern;
        CppAD::vector<bool> select_x(6), select_y(12);
        for (std::size_t i = 0; i < 6; ++i) select_x[i] = true;
        for (std::size_t i = 0; i < 12; ++i) select_y[i] = true;
        f.for_hes_sparsity(select_x, select_y, false, pattern);
    });

    // Values, but no derivatives, on a tape of a tape.
    auto af = f.base2ad();
    const variables constants(values.begin(), values.end());
    const variables az = af.Forward(0, constants);
    for (std::size_t i = 0; i < 12; ++i) CHECK(az[i] == expected.z[i]);
    refused([&] { (void)af.Reverse(1, variables(12, 1.0)); });
}

TEST_CASE("A solver's exception reaches the user of CppAD", "[adapters]") {
    auto fails = std::make_shared<bool>(false);
    const auto moody = [fails](const auto& theta, auto& z) {
        if (*fails) throw std::length_error("moody");
        imle::categorical{}(theta, z);
    };
    const imle::imle_layer layer{moody, imle::gumbel{}, imle::perturbation_target{.beta = 2}, {.samples = 2}};
    imle::cppad_layer choose{layer, {3}, imle::random_key{1}};
    variables theta(6, 0.0);
    CppAD::Independent(theta);
    *fails = true;
    CHECK_THROWS_AS(choose(theta), std::length_error);
    *fails = false;
    ad::abort_recording();
    CppAD::Independent(theta);
    CppAD::ADFun<double> f(theta, choose(theta));
    const numbers values = random_numbers(6), dz = random_numbers(12, 2);
    const auto expected = own(layer, values, 2, imle::random_key{1}, dz);
    for (int round = 0; round < 2; ++round) {
        CHECK(f.Forward(0, values) == expected.z);
        *fails = true;
        CHECK(support::message_of<std::length_error>([&] { (void)f.Reverse(1, dz); }) == "moody");
        CHECK(support::message_of<std::length_error>([&] { (void)f.Forward(0, values); }) == "moody");
        *fails = false;
        CHECK(f.Reverse(1, dz) == expected.gradient);
    }
}

namespace {

// The functions by which CppAD learns about threads.
constexpr std::size_t worker_count = 4;
thread_local std::size_t thread_number = 0;
bool parallel = false;
bool in_parallel() {
    return parallel;
}
std::size_t number_of_thread() {
    return thread_number;
}

}  // namespace

TEST_CASE("Threads record and replay on CppAD, each with a layer of its own", "[adapters]") {
    const auto layer = layer_of(4);
    using atomic = decltype(imle::cppad_layer{layer, {3}, imle::random_key{1}});
    std::deque<atomic> layers;  // made before CppAD's parallel mode
    const Eigen::Index instance[] = {3};
    for (std::size_t i = 0; i < worker_count; ++i) layers.emplace_back(layer, instance, imle::random_key{1});
    CppAD::thread_alloc::parallel_setup(worker_count, in_parallel, number_of_thread);
    CppAD::thread_alloc::hold_memory(true);
    CppAD::parallel_ad<double>();
    CppAD::parallel_ad<ad>();

    std::vector<numbers> found(worker_count);
    parallel = true;
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 1; i < worker_count; ++i)
            threads.emplace_back([&, i] {
                thread_number = i;
                atomic& choose = layers[i];
                variables theta(6, 0.0);
                CppAD::Independent(theta);
                CppAD::ADFun<double> f(theta, choose(theta));
                for (std::uint64_t step = 0; step < 50; ++step) {
                    choose.set_key(imle::random_key{step});
                    (void)f.Forward(0, random_numbers(6, static_cast<unsigned>(step)));
                    const numbers gradient = f.Reverse(1, random_numbers(24));
                    found[i].insert(found[i].end(), gradient.begin(), gradient.end());
                }
            });
    }
    parallel = false;
    for (std::size_t i = 0; i < worker_count; ++i) CppAD::thread_alloc::free_available(i);
    CppAD::thread_alloc::parallel_setup(1, nullptr, nullptr);
    CppAD::thread_alloc::hold_memory(false);

    numbers expected;
    for (std::uint64_t step = 0; step < 50; ++step) {
        const auto right = own(layer, random_numbers(6, static_cast<unsigned>(step)), 2,
                               imle::random_key{step}, random_numbers(24));
        expected.insert(expected.end(), right.gradient.begin(), right.gradient.end());
    }
    for (std::size_t i = 1; i < worker_count; ++i) CHECK(found[i] == expected);
}
