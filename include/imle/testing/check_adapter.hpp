#pragma once

/// @file
/// The laws of an adapter for an engine of automatic differentiation.

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/solvers/categorical.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/adapter_loss.hpp>
#include <imle/testing/k_subsets.hpp>
#include <imle/testing/law_report.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The options of `check_adapter`.
struct check_adapter_options {
    /// The name in the report.
    std::string subject = "adapter";
    /// The kind of z.
    adapter_output output = adapter_output::samples;
    /// The number of random thetas and keys for each loss.
    int trials = 4;
    /// The seed of all random numbers: the result is a function of the adapter and the options.
    std::uint64_t seed = 1;
    /// The number of runs of the comparison with the exact gradient; 0 leaves it out.
    int exact_runs = 8;
    /// Samples per instance in each of these runs.
    Eigen::Index exact_samples = 2048;
    /// An upper bound of the probability that a correct adapter fails that comparison, by Bernstein's
    /// inequality with the exact variances, so without asymptotics. The seed is fixed, so trying again does
    /// not help after a failure.
    double false_alarm = 1e-6;
};

}  // namespace imle::inline IMLE_ABI::testing

namespace imle::inline IMLE_ABI::detail {

/// A target that counts the backward passes of all layers that have a copy of it.
struct counted_target : perturbation_target {
    std::shared_ptr<int> backward_passes = std::make_shared<int>(0);

    /// The layer calls this once in each vjp.
    [[nodiscard]] perturbation_target for_call(const target_sums&) const {
        ++*backward_passes;
        return *this;
    }
};

/// Runs an adapter on losses, and records in a report which laws it breaks.
template <class Scalar, class RunT>
class adapter_laws {
  public:
    using numbers = std::vector<Scalar>;
    using loss_type = testing::adapter_loss<Scalar>;
    using result_type = testing::adapter_result<Scalar>;

    adapter_laws(RunT& run, const testing::check_adapter_options& options, testing::law_report& report)
        : run_(run), options_(options), report_(report), random_(options.seed) {}

    /// Compares z and the gradient with the layer's own, number by number, for each kind of loss.
    template <class LayerT, class TensorT>
    void compare(const LayerT& layer, TensorT x) {
        const char* const kinds[] = {"a linear loss", "a loss of squares", "a loss that uses z twice",
                                     "a mean over samples"};
        const Eigen::Index copies = copies_of(layer.sample_count());
        for (int trial = 0; trial < options_.trials; ++trial)
            for (const std::string_view kind : kinds) {
                loss_type loss = zeros(static_cast<std::size_t>(x.size() * copies));
                loss.scale = trial % 2 == 0 ? Scalar(1) : Scalar(2);
                for (Scalar& w : loss.first)
                    w = weight() / static_cast<Scalar>(kind == kinds[3] ? copies : 1);
                if (kind == kinds[1])
                    std::generate(loss.square.begin(), loss.square.end(), [&] { return weight(); });
                if (kind == kinds[2])
                    std::generate(loss.second.begin(), loss.second.end(), [&] { return weight(); });
                compare_one(
                    layer, x, loss,
                    message(" (", kind, ", theta = ", loss.scale, " x, S = ", layer.sample_count(), ")"));
                for (Eigen::Index i = 0; i < x.size(); ++i) x.data()[i] = symmetric();
            }
    }

    /// Compares the mean of many gradients with the exact one. Under Gumbel noise categorical samples have
    /// the probabilities softmax(theta), so for L = mean over samples of <w, z> the expected gradient is
    /// softmax(theta) - softmax(theta - beta w).
    void compare_with_exact() {
        constexpr Eigen::Index batch = 2, n = 4;
        constexpr double scale = 2, beta = 1;
        const Eigen::Index samples = options_.exact_samples;
        const imle_layer layer(imle::categorical{}, imle::gumbel{},
                               imle::perturbation_target{.alpha = 1, .beta = beta}, {.samples = samples});
        Eigen::Tensor<Scalar, 2, Eigen::RowMajor> x(batch, n), w(batch, n);
        for (Eigen::Index i = 0; i < x.size(); ++i) {
            x.data()[i] = symmetric() / 2;
            w.data()[i] = weight();
        }
        const Eigen::Index copies = copies_of(samples);
        loss_type loss = zeros(static_cast<std::size_t>(x.size() * copies));
        loss.scale = static_cast<Scalar>(scale);
        for (std::size_t i = 0; i < loss.first.size(); ++i) {
            const auto b = static_cast<Eigen::Index>(i) / (copies * n), j = static_cast<Eigen::Index>(i) % n;
            loss.first[i] = w(b, j) / static_cast<Scalar>(copies);
        }

        std::vector<double> sum(static_cast<std::size_t>(x.size()), 0);
        for (int run = 0; run < options_.exact_runs; ++run) {
            const auto found = result_of(layer, x, next_key(), loss, " (the exact gradient)");
            if (!found) return;
            for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(found->gradient[i]);
        }

        const double trials = static_cast<double>(samples) * options_.exact_runs;
        const double level = std::log(2 * static_cast<double>(x.size()) / options_.false_alarm);
        for (Eigen::Index b = 0; b < batch; ++b) {
            std::vector<double> theta, target;
            for (Eigen::Index j = 0; j < n; ++j) {
                theta.push_back(scale * static_cast<double>(x(b, j)));
                target.push_back(theta.back() - beta * static_cast<double>(w(b, j)));
            }
            const testing::categories family(n);
            const auto p = family.softmax(theta), q = family.softmax(target);
            for (std::size_t j = 0; j < p.size(); ++j) {
                const double mean = p[j] - q[j];
                // The difference of one sample is -1, 0 or 1; `both` is the probability that both passes
                // choose j.
                const double variance = p[j] + q[j] - 2 * both(theta, target, j) - mean * mean;
                const double third = 2 * level / 3;  // 2 bounds the distance of a difference from its mean
                const double bound =
                    (third + std::sqrt(third * third + 2 * trials * variance * level)) / trials;
                const double found = sum[static_cast<std::size_t>(b * n) + j] / options_.exact_runs;
                const double exact = scale * mean;
                report_.check("the gradient is the exact one on average",
                              std::abs(found - exact) <= scale * (bound + 1e-6), "instance ", b,
                              ", coordinate ", j, ": ", found, ", exactly ", exact, ", expected within ",
                              scale * bound, " (", trials, " samples)");
            }
        }
    }

    /// Reports which laws were broken. A fault is named only if it explains every wrong gradient.
    void conclude() {
        std::size_t named = adapter_faults.size();
        const bool wrong = std::any_of(gradients_.begin(), gradients_.end(),
                                       [](const gradient_note& g) { return !g.difference.empty(); });
        for (std::size_t f = adapter_faults.size(); wrong && f-- > 0;)
            if (std::all_of(gradients_.begin(), gradients_.end(),
                            [&](const gradient_note& g) { return g.explained[f]; }))
                named = f;
        for (const gradient_note& g : gradients_) {
            for (std::size_t f = 0; f < adapter_faults.size(); ++f)
                report_.check(adapter_faults[f].law, g.difference.empty() || f != named,
                              adapter_faults[f].advice, g.where);
            report_.check("the gradient is the layer's own",
                          g.difference.empty() || named != adapter_faults.size(), g.difference, g.where);
            // Wrong gradients explain the rest.
            report_.check("the layer is pulled back once", wrong || g.backward_passes <= 1,
                          "one backward pass of the engine called the layer's vjp ", g.backward_passes,
                          " times: it solves for nothing, and a target with a state learns too often",
                          g.where);
        }
    }

  private:
    /// The faults that explain one gradient, and where it differs from the right one, if it does.
    struct gradient_note {
        std::array<bool, adapter_faults.size()> explained;
        std::string difference, where;
        int backward_passes;
    };

    template <class LayerT, class TensorT>
    void compare_one(const LayerT& layer, const TensorT& x, const loss_type& loss, const std::string& where) {
        const random_key key = next_key();
        adapter_case<Scalar, LayerT, TensorT> expected(layer, x, key, loss, options_.output);
        const auto found = result_of(layer, x, key, loss, where);
        if (!found) return;
        const std::string other_z = difference(found->z, expected.z());
        if (!report_.check("z is the layer's own", other_z.empty(), "z", other_z, where)) return;
        const std::string other_gradient = difference(found->gradient, expected.right());
        gradients_.push_back({expected.explained(found->gradient),
                              other_gradient.empty() ? "" : "the gradient" + other_gradient, where,
                              backward_passes_});

        const auto again = result_of(layer, x, key, loss, where);
        report_.check("a second run gives the same numbers",
                      again && again->z == found->z && again->gradient == found->gradient, where);
    }

    /// The engine's result for a copy of the layer. Empty if it threw or a size is wrong.
    template <class LayerT, class TensorT>
    std::optional<result_type> result_of(const LayerT& layer, const TensorT& x, random_key key,
                                         const loss_type& loss, const std::string& where) {
        static_assert(
            std::is_invocable_r_v<result_type, RunT&, LayerT&, const TensorT&, random_key, const loss_type&>,
            "imle::testing::check_adapter: the adapter's run takes (layer, x, key, loss) and returns "
            "an imle::testing::adapter_result<Scalar>; see docs/your-engine.md");
        LayerT copy(layer);
        result_type found;
        const int before = backward_passes_of(layer);
        try {
            found = run_(copy, x, key, loss);
            backward_passes_ = backward_passes_of(layer) - before;
        } catch (const std::exception& error) {
            report_.check("no exception", false, error.what(), where);
            return std::nullopt;
        }
        report_.check("no exception", true);
        const bool all_z = report_.check("z has its size", found.z.size() == loss.first.size(), "z has ",
                                         found.z.size(), " numbers; expected ", loss.first.size(), where);
        const bool all_x = report_.check(
            "the gradient has x's size", found.gradient.size() == static_cast<std::size_t>(x.size()),
            "the gradient has ", found.gradient.size(), " numbers; expected ", x.size(), where);
        if (!all_z || !all_x) return std::nullopt;
        return found;
    }

    /// The number of backward passes so far; 0 if the layer's target does not count them.
    template <class LayerT>
    static int backward_passes_of(const LayerT& layer) {
        if constexpr (std::same_as<std::remove_cvref_t<decltype(layer.target())>, counted_target>)
            return *layer.target().backward_passes;
        else
            return 0;
    }

    /// The first difference of the two; empty if there is none.
    static std::string difference(const numbers& found, const numbers& right) {
        for (std::size_t i = 0; i < right.size(); ++i)
            if (!(found[i] == right[i])) return message("[", i, "] is ", found[i], "; expected ", right[i]);
        return {};
    }

    static loss_type zeros(std::size_t size) {
        return {Scalar(1), numbers(size, 0), numbers(size, 0), numbers(size, 0)};
    }
    /// The number of z per number of theta.
    [[nodiscard]] Eigen::Index copies_of(Eigen::Index samples) const {
        return options_.output == testing::adapter_output::samples ? samples : 1;
    }

    /// P(argmax of theta + g and argmax of theta' + g are both j) for Gumbel noise g: g_j must exceed each
    /// g_i by the larger of two differences, which is a softmax again.
    static double both(const std::vector<double>& theta, const std::vector<double>& target, std::size_t j) {
        double total = 0;
        for (std::size_t i = 0; i < theta.size(); ++i)
            total += std::exp(std::max(theta[i] - theta[j], target[i] - target[j]));
        return 1 / total;
    }

    // Does not use the standard's distributions, which differ between libraries, so a failure is the same
    // everywhere.
    Scalar symmetric() { return static_cast<Scalar>(static_cast<double>(random_() >> 11) * 0x1p-52 - 1); }
    /// A nonzero multiple of 1/4 in [-2, 2].
    Scalar weight() {
        const auto eighths = static_cast<int>(random_() >> 60);
        return static_cast<Scalar>(eighths < 8 ? eighths - 8 : eighths - 7) / 4;
    }
    random_key next_key() { return random_key(random_()); }

    RunT& run_;
    const testing::check_adapter_options& options_;
    testing::law_report& report_;
    std::mt19937_64 random_;
    std::vector<gradient_note> gradients_;
    int backward_passes_ = 0;  // of the last run
};

}  // namespace imle::inline IMLE_ABI::detail

namespace imle::inline IMLE_ABI::testing {

/// Checks an adapter with your own layer and theta. S should be a power of two, and z should consist of small
/// integers, so that cotangents are exact. theta is used for the first check; the others use random ones, in
/// (-1, 1) and (-2, 2). The exact gradient is not compared, because it is not known, and calls of vjp are not
/// counted.
template <class LayerT, class TensorT, class RunT>
[[nodiscard]] law_report check_adapter(RunT&& run, const LayerT& layer, const TensorT& theta,
                                       const check_adapter_options& options = {}) {
    law_report report(options.subject);
    detail::adapter_laws<scalar_of<TensorT>, std::remove_reference_t<RunT>> laws(run, options, report);
    laws.compare(layer, theta);
    laws.conclude();
    return report;
}

/// Checks an adapter for an engine. `run` is about ten lines in which the engine computes a loss and its
/// gradient:
///
///     const auto run = [](auto& layer, const auto& x, imle::random_key key, const auto& loss) {
///         // x: Eigen::Tensor<Scalar, 2, Eigen::RowMajor> [batch, n]; theta = loss.scale * x, in the engine;
///         // z = the adapter's, of layer, theta and key; L = loss(z), in the engine; dL/dx by the engine
///         return imle::testing::adapter_result<Scalar>{all of z, all of dL/dx};
///     };
///     CHECK(imle::testing::check_adapter<Scalar>(run).passed());
///
/// The layer is an `imle_layer` of `categorical`, `gumbel` and a `perturbation_target` that counts. It is a
/// copy that `run` may use freely until it returns. For the loss see `adapter_loss`. Laws:
///
/// - z and the gradient equal the layer's own, number by number, for linear losses and others, for a z that
///   is used twice, and for a mean over samples. If gradients are wrong and a known fault explains all of
///   them, the report names the fault: no factor S, a vjp for each user of z, a transposed cotangent, ...
/// - the layer's vjp is called once for each backward pass of the engine;
/// - a second run gives the same results;
/// - the mean of many gradients is the exact one, which is known for the family `categories`.
///
/// A `std::exception` thrown by `run` is reported; any other exception passes through.
template <class Scalar, class RunT>
[[nodiscard]] law_report check_adapter(RunT&& run, const check_adapter_options& options = {}) {
    using layer_type = imle_layer<imle::categorical<>, imle::gumbel, detail::counted_target>;
    const std::array<Eigen::Index, 3> shapes[] = {{3, 5, 4}, {2, 3, 8}, {1, 4, 1}};
    law_report report(options.subject);
    detail::adapter_laws<Scalar, std::remove_reference_t<RunT>> laws(run, options, report);
    for (const auto& [batch, n, samples] : shapes) {
        Eigen::Tensor<Scalar, 2, Eigen::RowMajor> theta(batch, n);
        theta.setZero();
        const detail::counted_target target{{.alpha = 1, .beta = 0.75}};
        laws.compare(layer_type(imle::categorical{}, imle::gumbel{}, target, {.samples = samples}), theta);
    }
    laws.conclude();
    if (options.exact_runs > 0) laws.compare_with_exact();
    return report;
}

}  // namespace imle::inline IMLE_ABI::testing
