#pragma once

/// @file
/// The sentences of a gradient's report.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include <imle/estimators/detail/step_search.hpp>
#include <imle/estimators/gradient_report.hpp>

namespace imle::inline IMLE_ABI::detail {

/// S for a cosine of 0.9 of halves, rounded up; 0 if it is not known.
[[nodiscard]] inline Eigen::Index whole_samples(double samples) noexcept {
    if (!(samples < 1e9)) return 0;
    return std::max<Eigen::Index>(1, static_cast<Eigen::Index>(std::ceil(samples)));
}

/// What the advice depends on besides the report's numbers.
struct advice_context {
    /// The option that holds beta, if the layer has one.
    const char* beta_option = nullptr;
    bool per_sample = false;
    bool is_central = false;
    bool zero_cotangent = false;
    bool zero_step = false;
    std::size_t failed_rows = 0;
    /// The variance of the gradient of independent samples over that of stratified ones; NaN if not known.
    double latin_gain = std::numeric_limits<double>::quiet_NaN();
    bool is_latin = false;
    step_advice step;
};

inline void add_advice(gradient_report& report, const advice_context& context) {
    const auto say = [&](const auto&... parts) { report.advice.push_back(message(parts...)); };
    if (context.failed_rows > 0)
        say("the solver had no answer in ", context.failed_rows, " rows, whose gradient is 0");
    if (context.zero_cotangent) {
        say("dz is 0 everywhere: the loss does not depend on z, or its slope is lost on the way");
        return;
    }
    if (context.zero_step)
        say("theta is 0 everywhere, and the step is relative to it: start theta away from 0");
    const step_advice& step = context.step;
    if (context.beta_option != nullptr && !context.zero_step) {
        const std::string cosines = std::isnan(step.cosine)
                                        ? ""
                                        : message(", the expected cosine with the exact gradient from ",
                                                  in_words(step.cosine_now), " to ", in_words(step.cosine));
        if (std::isnan(report.suggested_beta))
            say("no step shows a signal: take more samples, or a larger batch, and ask again");
        else if (report.suggested_beta == report.beta)
            say("keep the beta of ", in_words(report.beta));
        else
            say("set ", context.beta_option, " to ", in_words(report.suggested_beta), " (it is ",
                in_words(report.beta), ")", cosines.empty() ? "" : ": that brings" + cosines.substr(1));
        if (context.per_sample && report.samples > 1 && report.suggested_beta > 4 * report.beta)
            say("dz has a cotangent for each sample. If the loss is a mean over samples, each is divided by ",
                report.samples, ", and so is the step: use pull_back, or pass vjp the marginals' cotangent");
    }
    if (report.suggested_samples > 0 && !std::isinf(report.signal_to_noise))
        say("S = ", report.suggested_samples, " gives a cosine of 0.9 between two halves of the samples",
            report.suggested_beta == report.beta || std::isnan(report.suggested_beta)
                ? ""
                : " at the suggested beta",
            " (S is ", report.samples, ")");
    else if (report.suggested_samples == 0)
        say("no number of samples is known for a cosine of 0.9: there is no signal to see");
    if (report.suggested_difference) {
        const char* const own = context.is_central ? "difference::central" : "difference::forward";
        const char* const other = context.is_central ? "difference::forward" : "difference::central";
        if (step.prefers_other_difference)
            say("take ", other, " with a beta of ", in_words(step.other_beta),
                ": for the same number of solves, the expected cosine is ", in_words(step.other_cosine));
        else
            say("keep ", own, ": for the same number of solves, the other is not better");
    }
    if (report.suggested_sampling == sampling::latin)
        say(context.is_latin ? "keep" : "take",
            " sampling::latin: for the same solves, the gradient's variance is ",
            in_words(context.latin_gain), " times lower than with independent samples");
    else if (report.suggested_sampling && context.is_latin)
        say("sampling::latin gains nothing for this gradient: its variance is ", in_words(context.latin_gain),
            " times lower than with independent samples");
    if (report.map_share > 0.95 && !std::isinf(report.signal_to_noise))
        say("nearly all samples are the MAP state: raise the input temperature, or theta's scale is too "
            "large for it");
}

}  // namespace imle::inline IMLE_ABI::detail
