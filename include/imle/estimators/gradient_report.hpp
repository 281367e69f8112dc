#pragma once

/// @file
/// What `diagnose` says about a gradient.

#include <cmath>
#include <limits>
#include <locale>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <imle/layer/layer_options.hpp>

namespace imle::inline IMLE_ABI {

/// The result of `diagnose`. A number that has no meaning for the layer is NaN; a line of the printed report
/// then says so.
struct gradient_report {
    /// The share of pairs (of an instance and a sample) whose two solutions are equal. Such a pair tells the
    /// gradient nothing. The two are z and z', or both sides of a central difference. NaN for layers that
    /// compare no solutions.
    double unchanged_share = std::numeric_limits<double>::quiet_NaN();
    /// The mean number of coordinates in which the two solutions of a pair differ, equal pairs included.
    double mean_changed = std::numeric_limits<double>::quiet_NaN();
    /// The share of samples that equal the MAP state, the answer without noise. NaN for families without
    /// `map`.
    double map_share = std::numeric_limits<double>::quiet_NaN();
    /// rms(beta * dz) / rms(theta) with the step actually taken (lambda, for adaptive targets). NaN for
    /// targets and layers without a beta.
    double relative_step = std::numeric_limits<double>::quiet_NaN();
    /// The norm of the mean gradient over the norm of the noise of the layer's gradient (of S samples),
    /// estimated without bias in the squares: 0 if no signal is seen, infinite without noise.
    double signal_to_noise = std::numeric_limits<double>::quiet_NaN();
    /// The cosine of two independent gradients, over all numbers of theta. For `imle_layer`: of the first
    /// half of the samples and the rest, or of two keys if there is one sample. NaN if one of the two is 0.
    double cosine_of_halves = std::numeric_limits<double>::quiet_NaN();
    /// The mean time of one solve, in seconds. The only number that the key does not determine. NaN for exact
    /// families.
    double solve_seconds = std::numeric_limits<double>::quiet_NaN();
    /// A beta in the unit of the layer's target: `perturbation_target::beta`, or the beta of an adaptive
    /// target's state and options. It is the layer's own one if no other is clearly better. NaN if the layer
    /// has no beta, or if no step shows a signal.
    double suggested_beta = std::numeric_limits<double>::quiet_NaN();
    /// The number of samples at which the gradients of two halves have an expected cosine of 0.9, with the
    /// suggested beta. 0 if it is not known, because no signal is seen.
    Eigen::Index suggested_samples = 0;
    /// The difference that gives the better gradient for the same number of solves; empty if the layer takes
    /// no difference, or if it is not known.
    std::optional<difference> suggested_difference = {};
    /// Stratified samples if they lower the gradient's variance clearly; empty if the layer has no such
    /// option, a single sample, or noise that cannot be stratified, or if it is not known.
    std::optional<sampling> suggested_sampling = {};
    /// The layer's own beta, in the same unit. NaN if it has none.
    double beta = std::numeric_limits<double>::quiet_NaN();
    /// The layer's own number of samples.
    Eigen::Index samples = 0;
    /// What to change, in sentences.
    std::vector<std::string> advice = {};
};

namespace detail {

/// Three significant digits, or all digits before the point.
[[nodiscard]] inline std::string in_words(double number) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    const bool is_large = std::abs(number) >= 1000 && std::abs(number) < 1e6;
    if (is_large) out << std::fixed;
    out.precision(is_large ? 0 : 3);
    out << number;
    return out.str();
}
[[nodiscard]] inline std::string percent(double share) {
    return in_words(100 * share) + " %";
}

}  // namespace detail

/// Prints the report in about ten lines: what was measured, then the advice.
inline std::ostream& operator<<(std::ostream& out, const gradient_report& report) {
    using detail::in_words;
    const auto line = [&](const char* name, double number, const std::string& text, const char* otherwise) {
        out << name << (std::isnan(number) ? otherwise : text) << '\n';
    };
    line("equal pairs    ", report.unchanged_share,
         detail::percent(report.unchanged_share) + " of the pairs of solutions tell the gradient nothing",
         "this layer compares no solutions");
    line("changes        ", report.mean_changed,
         in_words(report.mean_changed) + " coordinates in a pair, on average",
         "this layer compares no solutions");
    line("MAP            ", report.map_share,
         detail::percent(report.map_share) + " of the samples equal the answer without noise",
         "this layer has no answer without noise");
    line("step           ", report.relative_step,
         (std::isinf(report.relative_step) ? "theta is 0; the step has"
                                           : in_words(report.relative_step) + " of theta's rms, with") +
             std::string(" a beta of ") + in_words(report.beta),
         std::isnan(report.beta) ? "this layer has no beta" : "theta and the step are 0");
    line("signal         ", report.signal_to_noise,
         std::isinf(report.signal_to_noise)
             ? std::string("this gradient has no noise")
             : in_words(report.signal_to_noise) +
                   " times the noise, with S = " + std::to_string(report.samples),
         "not known");
    line("agreement      ", report.cosine_of_halves,
         in_words(report.cosine_of_halves) + ", the cosine of two independent gradients",
         "not known, because a gradient is 0");
    line("solve          ", report.solve_seconds, in_words(report.solve_seconds) + " seconds",
         "this layer has no solver");
    for (const std::string& sentence : report.advice) out << "advice         " << sentence << '\n';
    return out;
}

}  // namespace imle::inline IMLE_ABI
