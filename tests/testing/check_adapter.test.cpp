#include <imle/testing/check_adapter.hpp>

#include <imle/core/tensor.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/messages.hpp"

using imle::testing::adapter_loss;
using imle::testing::adapter_output;
using imle::testing::adapter_result;
using imle::testing::check_adapter;
using imle::testing::check_adapter_options;
using imle::testing::law_report;

namespace {

// A miniature engine of tensors, all in double. Every step of an adapter is written out, so that each can be
// done wrong.
using numbers = std::vector<double>;
using tensor = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using sample_tensor = Eigen::Tensor<double, 3, Eigen::RowMajor>;

numbers operator+(numbers a, const numbers& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
    return a;
}
numbers operator*(double factor, numbers a) {
    for (double& x : a) x *= factor;
    return a;
}
template <class T>
numbers of(const T& t) {
    return numbers(t.data(), t.data() + t.size());
}

// theta, and its gradient for a cotangent of z, by the layer's vjp with a cotangent as it is given.
using vjp_function = std::function<numbers(const numbers&)>;
struct parts {
    numbers z;
    numbers first;  // cotangents of the terms of the loss
    numbers second;
    numbers square;
    double samples;
    std::size_t batch;
    std::size_t n;
    vjp_function vjp;
};

// Runs the layer and lets `backward` make the gradient of theta from the parts.
template <class F>
auto engine(F backward) {
    return [backward](auto& layer, const tensor& x, imle::random_key key, const adapter_loss<double>& loss) {
        const tensor theta = x * loss.scale;
        const auto pass = layer.forward(theta, key);
        parts p{of(pass.samples()),
                loss.first,
                loss.second,
                loss.square,
                static_cast<double>(layer.options().samples),
                static_cast<std::size_t>(x.dimension(0)),
                static_cast<std::size_t>(x.dimension(1)),
                [&](const numbers& dz) {
                    sample_tensor all(pass.samples().dimensions());
                    std::copy(dz.begin(), dz.end(), all.data());
                    return of(layer.vjp(pass, all));
                }};
        for (std::size_t i = 0; i < p.z.size(); ++i) p.square[i] *= 2 * p.z[i];
        return adapter_result<double>{p.z, loss.scale * backward(p)};
    };
}

const auto right = [](const parts& p) { return p.vjp(p.samples * (p.first + p.second + p.square)); };

numbers reordered(const numbers& a, std::size_t rows, std::size_t columns) {
    numbers result;
    for (std::size_t j = 0; j < columns; ++j)
        for (std::size_t i = 0; i < rows; ++i) result.push_back(a[i * columns + j]);
    return result;
}

// The one line that a report has for a faulty adapter; more lines than one are a fault of the checker.
template <class RunT>
std::string complaint(RunT&& run, check_adapter_options options = {.exact_runs = 0}) {
    const law_report report = check_adapter<double>(run, options);
    INFO(report);
    CHECK_FALSE(report.passed());
    CHECK(report.failures().size() == 1);
    return report.failures().empty() ? "" : report.failures().front();
}

}  // namespace

TEST_CASE("A right adapter keeps all laws", "[testing][adapter]") {
    const law_report report = check_adapter<double>(engine(right), {.subject = "spelt out"});
    INFO(report);
    CHECK(report.passed());
    CHECK(report.subject() == "spelt out");
    CHECK(report.trials("the gradient is the layer's own") == 48);
    CHECK(report.trials("a second run gives the same numbers") == 48);
    CHECK(report.trials("the layer is pulled back once") == 48);
    CHECK(report.trials("the gradient is the exact one on average") == 8);
    for (std::uint64_t seed = 2; seed < 8; ++seed)
        CHECK(check_adapter<double>(engine(right), {.seed = seed, .exact_runs = 0}).passed());
}

TEST_CASE("Each fault of an adapter is named", "[testing][adapter]") {
    using support::says;
    for (const std::uint64_t seed : {1u, 2u}) {
        const check_adapter_options options{.trials = 2, .seed = seed, .exact_runs = 0};
        const auto said = [&](auto&& backward) { return complaint(engine(backward), options); };
        CHECK(says(said([](const parts& p) { return 0 * right(p); }), {"theta is reached", "cut off"}));
        CHECK(says(said([](const parts& p) { return -1 * right(p); }), {"the right sign"}));
        CHECK(says(said([](const parts& p) { return 2 * right(p); }), {"arrives once", "twice"}));
        CHECK(says(said([](const parts& p) { return p.vjp(p.first + p.second + p.square); }),
                   {"the step does not shrink", "expected vjp(pass, S * dz)"}));
        CHECK(says(said([](const parts& p) { return p.samples * p.vjp(p.first + p.second + p.square); }),
                   {"a mean over samples", "short step"}));
        CHECK(says(said([](const parts& p) { return p.samples * right(p); }),
                   {"a mean over samples", "S belongs into the cotangent"}));
        CHECK(says(said([](const parts& p) {
                       return p.vjp(p.samples * p.first) + p.vjp(p.samples * p.second) +
                              p.vjp(p.samples * p.square);
                   }),
                   {"the whole cotangent arrives in one call", "each term of the loss"}));
        CHECK(says(said([](const parts& p) {
                       return p.vjp(p.samples * p.first) + p.vjp(p.samples * p.second) +
                              2 * p.vjp(p.samples / 2 * p.square);
                   }),
                   {"the whole cotangent arrives in one call", "each use of z"}));
        CHECK(says(said([](const parts& p) {
                       numbers total(p.batch * p.n, 0);
                       const numbers dz = p.first + p.second + p.square;
                       for (std::size_t i = 0; i < dz.size(); ++i) {
                           numbers alone(dz.size(), 0);
                           alone[i] = p.samples * dz[i];
                           total = total + p.vjp(alone);
                       }
                       return total;
                   }),
                   {"the whole cotangent arrives in one call", "each number of z"}));
        CHECK(says(said([](const parts& p) { return p.vjp(p.samples * p.first); }),
                   {"the whole cotangent arrives in one call", "first term only"}));
        CHECK(says(said([](const parts& p) {
                       numbers dz = p.first + p.second + p.square;
                       const auto samples = static_cast<std::size_t>(p.samples);
                       for (std::size_t b = 0; b < p.batch; ++b)
                           for (std::size_t j = 0; j < p.n; ++j) {
                               double sum = 0;
                               for (std::size_t s = 0; s < samples; ++s)
                                   sum += dz[(b * samples + s) * p.n + j];
                               for (std::size_t s = 0; s < samples; ++s)
                                   dz[(b * samples + s) * p.n + j] = sum;
                           }
                       return p.vjp(dz);
                   }),
                   {"each sample has its own cotangent"}));
        CHECK(says(said([](const parts& p) {
                       const numbers g = right(p);
                       numbers rotated(g.begin() + static_cast<std::ptrdiff_t>(p.n), g.end());
                       rotated.insert(rotated.end(), g.begin(), g.begin() + static_cast<std::ptrdiff_t>(p.n));
                       return rotated;
                   }),
                   {"each instance has its own gradient"}));
        CHECK(says(said([](const parts& p) { return reordered(right(p), p.batch, p.n); }),
                   {"numbers keep their places", "the gradient is transposed"}));
        CHECK(says(said([](const parts& p) {
                       return p.vjp(p.samples * reordered(p.first + p.second + p.square,
                                                          p.batch * static_cast<std::size_t>(p.samples),
                                                          p.n));
                   }),
                   {"the gradient is the layer's own"}));  // an order that is no fault with a name
        CHECK(says(said([](const parts& p) {               // [batch, sample, n] to [sample, batch, n]
                       const numbers dz = p.first + p.second + p.square;
                       numbers wrong;
                       const auto samples = static_cast<std::size_t>(p.samples);
                       for (std::size_t s = 0; s < samples; ++s)
                           for (std::size_t b = 0; b < p.batch; ++b)
                               for (std::size_t j = 0; j < p.n; ++j)
                                   wrong.push_back(p.samples * dz[(b * samples + s) * p.n + j]);
                       return p.vjp(wrong);
                   }),
                   {"numbers keep their places", "samples come before the batch"}));
        CHECK(says(said([](const parts& p) {  // a fault without a name
                       numbers g = right(p);
                       g.front() += 1;
                       return g;
                   }),
                   {"the gradient is the layer's own", "the gradient[0] is", "expected"}));
    }
}

TEST_CASE("Faults of an adapter outside the vjp are found", "[testing][adapter]") {
    using support::says;
    const auto honest = engine(right);
    const auto changed = [&](auto change) {
        return [=](auto& layer, const tensor& x, imle::random_key key, const adapter_loss<double>& loss) {
            auto result = honest(layer, x, key, loss);
            change(result, loss);
            return result;
        };
    };
    using result = adapter_result<double>&;
    using loss = const adapter_loss<double>&;
    CHECK(says(complaint(changed([](result r, loss l) { r.gradient = 1 / l.scale * r.gradient; })),
               {"the gradient goes on to what theta was computed from"}));
    CHECK(says(complaint(changed([](result r, loss) { r.z.back() += 1; })), {"z is the layer's own", "z["}));
    CHECK(
        says(complaint(changed([](result r, loss) { r.z.pop_back(); })), {"z has its size", "expected 60"}));
    CHECK(says(complaint(changed([](result r, loss) { r.gradient.push_back(0); })),
               {"the gradient has x's size", "16 numbers; expected 15"}));
    CHECK(says(complaint(changed([](result, loss) { throw std::runtime_error("no such tape"); })),
               {"no exception", "no such tape"}));
    int calls = 0;
    CHECK(says(complaint(changed([&calls](result r, loss) {
                   if (++calls % 2 == 0) r.gradient.front() += 1;  // leftovers
               })),
               {"a second run gives the same numbers"}));
    // Noise that is drawn anew backward.
    CHECK(says(complaint([](auto& layer, const tensor& x, imle::random_key key, loss l) {
                   const tensor theta = x * l.scale;
                   const auto [z, pullback] = layer.value_and_pullback(theta, key);
                   auto [other, wrong] = layer.value_and_pullback(theta, key.fold_in(1));
                   for (std::size_t i = 0; i < l.first.size(); ++i)
                       other.data()[i] = l.first[i] + l.second[i] + 2 * l.square[i] * z.data()[i];
                   return adapter_result<double>{of(z), l.scale * of(wrong(other))};
               }),
               {"the gradient is the layer's own"}));
}

TEST_CASE("An engine that pulls back twice in one backward pass is found", "[testing][adapter]") {
    using support::says;
    // The numbers are right, whichever is kept.
    CHECK(says(complaint(engine([](const parts& p) {
                   (void)right(p);
                   return right(p);
               })),
               {"the layer is pulled back once", "called the layer's vjp 2 times"}));
    CHECK(says(complaint(engine([](const parts& p) { return 0.5 * (right(p) + right(p)); })),
               {"the layer is pulled back once", "2 times"}));
    CHECK(says(complaint(engine([](const parts& p) {
                   (void)p.vjp(0 * p.first);  // before anything came back
                   return right(p);
               })),
               {"the layer is pulled back once"}));
    // A vjp on a copy, or by a pullback, counts as a call; so does one for marginals.
    CHECK(
        says(complaint([](auto& layer, const tensor& x, imle::random_key key, const adapter_loss<double>& l) {
                 const tensor theta = x * l.scale;
                 auto copy = layer;
                 auto [z, pullback] = copy.value_and_pullback(theta, key);
                 auto dz = z;
                 for (std::size_t i = 0; i < l.first.size(); ++i)
                     dz.data()[i] = l.first[i] + l.second[i] + 2 * l.square[i] * z.data()[i];
                 (void)pullback(dz);
                 return adapter_result<double>{of(z), l.scale * of(pullback(dz))};
             }),
             {"the layer is pulled back once"}));
    const auto of_marginals = [](int times) {
        return [=](auto& layer, const tensor& x, imle::random_key key, const adapter_loss<double>& l) {
            const tensor theta = x * l.scale;
            const auto pass = layer.marginals(theta, key);
            tensor dmu = pass.marginals();
            for (std::size_t i = 0; i < l.first.size(); ++i)
                dmu.data()[i] = l.first[i] + l.second[i] + 2 * l.square[i] * dmu.data()[i];
            numbers gradient;
            for (int call = 0; call < times; ++call) gradient = l.scale * of(layer.vjp(pass, dmu));
            return adapter_result<double>{of(pass.marginals()), gradient};
        };
    };
    const check_adapter_options marginals{.output = adapter_output::marginals, .exact_runs = 0};
    CHECK(check_adapter<double>(of_marginals(1), marginals).passed());
    CHECK(says(complaint(of_marginals(3), marginals), {"the layer is pulled back once", "3 times"}));
}

TEST_CASE("The exact gradient finds faults on its own", "[testing][adapter]") {
    const char* law = "the gradient is the exact one on average";
    const auto broken = [&](auto&& backward) {
        return check_adapter<double>(engine(backward), {.trials = 0}).broken(law);
    };
    CHECK_FALSE(broken(right));
    CHECK(broken([](const parts& p) { return 0 * right(p); }));
    CHECK(broken([](const parts& p) { return -1 * right(p); }));
    CHECK(broken([](const parts& p) { return 1.25 * right(p); }));
    CHECK(broken([](const parts& p) { return p.vjp(p.first + p.second + p.square); }));
    CHECK(broken([](const parts& p) { return p.vjp(1.25 * p.samples * (p.first + p.second + p.square)); }));
    CHECK(broken([](const parts& p) { return p.samples * p.vjp(p.first + p.second + p.square); }));
}

TEST_CASE("Adapters of marginals pass dz to vjp unchanged", "[testing][adapter]") {
    const auto run = [](bool with_samples) {
        return [=](auto& layer, const tensor& x, imle::random_key key, const adapter_loss<double>& loss) {
            const tensor theta = x * loss.scale;
            const auto pass = layer.marginals(theta, key);
            tensor dmu = pass.marginals();
            for (std::size_t i = 0; i < loss.first.size(); ++i)
                dmu.data()[i] = loss.first[i] + loss.second[i] + 2 * loss.square[i] * dmu.data()[i];
            if (with_samples) dmu = dmu * static_cast<double>(layer.options().samples);
            return adapter_result<double>{of(pass.marginals()), loss.scale * of(layer.vjp(pass, dmu))};
        };
    };
    const law_report report = check_adapter<double>(run(false), {.output = adapter_output::marginals});
    INFO(report);
    CHECK(report.passed());
    CHECK(support::says(complaint(run(true), {.output = adapter_output::marginals, .exact_runs = 0}),
                        {"the step is that of the cotangent", "expected vjp(pass, dz) for marginals"}));
}

TEST_CASE("check_adapter takes a layer of the caller", "[testing][adapter]") {
    // Column-major instances of rank 2, floats, central differences and a target with a state.
    imle::imle_layer layer{
        imle::top_k{4},
        imle::gumbel{},
        imle::adaptive_target{imle::adaptive_target_options{.initial_beta = 2, .beta_step = 0.1}},
        {.samples = 8, .difference = imle::difference::central}};
    Eigen::Tensor<float, 3> theta(3, 4, 2);
    theta.setRandom();
    bool forgets = false;
    const auto run = [&](auto& own, const auto& x, imle::random_key key, const adapter_loss<float>& loss) {
        const Eigen::Tensor<float, 3> scaled = x * loss.scale;
        const auto pass = own.forward(scaled, key);
        auto dz = pass.samples();
        for (std::size_t i = 0; i < loss.first.size(); ++i)
            dz.data()[i] =
                (forgets ? 1 : 8) * (loss.first[i] + loss.second[i] + 2 * loss.square[i] * dz.data()[i]);
        const Eigen::Tensor<float, 3> gradient = own.vjp(pass, dz) * loss.scale;
        const auto& z = pass.samples();
        return adapter_result<float>{{z.data(), z.data() + z.size()},
                                     {gradient.data(), gradient.data() + gradient.size()}};
    };
    const law_report report = check_adapter(run, layer, theta);
    INFO(report);
    CHECK(report.passed());
    CHECK(layer.target().state().beta == 2);  // the checks worked on copies
    forgets = true;
    CHECK_FALSE(check_adapter(run, layer, theta).passed());
}
