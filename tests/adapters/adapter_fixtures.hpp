#pragma once

// What the tests of adapters for engines share. An engine's own headers may have to come first.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/imle.hpp>
#include <imle/testing/check_adapter.hpp>

#include "support/catch.hpp"
#include "support/repeats.hpp"

namespace adapter_fixtures {

using tensor = Eigen::Tensor<double, 2, Eigen::RowMajor>;         // [batch, n]
using sample_tensor = Eigen::Tensor<double, 3, Eigen::RowMajor>;  // [batch, sample, n]
using numbers = std::vector<double>;

/// A tensor's numbers in the order of memory.
template <class T>
numbers of(const T& t) {
    return numbers(t.data(), t.data() + t.size());
}

/// Random numbers.
inline tensor values(Eigen::Index batch, Eigen::Index n, std::uint64_t seed = 1) {
    tensor t(batch, n);
    imle::gumbel{}.fill(imle::random_key{seed}, 0,
                        std::span<double>(t.data(), static_cast<std::size_t>(t.size())));
    return t;
}

/// The laws of adapters, for an engine's `samples` and for its `marginals`.
template <class SamplesT, class MarginalsT>
void check_adapter_laws(SamplesT&& samples, MarginalsT&& marginals) {
    using imle::testing::check_adapter;
    imle::testing::check_adapter_options options{.subject = "samples"};
    // Under sanitizers fewer runs; their bounds follow the number.
    options.trials = std::max(support::repeats(options.trials), 2);
    options.exact_runs = support::repeats(options.exact_runs);
    imle::testing::check_adapter_options of_marginals = options;
    of_marginals.subject = "marginals";
    of_marginals.output = imle::testing::adapter_output::marginals;
    for (const auto& report :
         {check_adapter<double>(samples, options), check_adapter<double>(marginals, of_marginals)}) {
        INFO(report);
        CHECK(report.passed());
    }
}

/// Calls f for each estimator that is no `imle_layer`: they lack some of its options, or a target.
template <class F>
void for_each_estimator(F&& f) {
    f(imle::straight_through_layer{imle::top_k{2}, imle::gumbel{}, {.samples = 4}});
    f(imle::perturbed_layer{imle::top_k{2}, imle::normal{}, {.samples = 4}});
    f(imle::conditional_layer{imle::top_k{2}, imle::gumbel{}, {.samples = 4}});
    f(imle::negative_identity_layer{imle::top_k{2}});
    f(imle::exact_layer{imle::k_subset_family{2}, {.samples = 4}});
    f(imle::score_function_layer{imle::k_subset_family{2}, {.samples = 4}});
    f(imle::simple_layer(2, {.samples = 4}));
}

/// The gradient for weights of all samples, by the chain rule and the layer's own vjp.
template <class LayerT>
numbers chain_rule(const LayerT& original, const tensor& theta, imle::random_key key,
                   const numbers& weights) {
    LayerT layer(original);
    const auto pass = layer.forward(theta, key);
    sample_tensor dz(pass.samples().dimensions());
    for (Eigen::Index i = 0; i < dz.size(); ++i)
        dz.data()[i] = static_cast<double>(pass.sample_count()) * weights[static_cast<std::size_t>(i)];
    return of(layer.vjp(pass, dz));
}

}  // namespace adapter_fixtures
