#pragma once

/// @file
/// The measurements of the experiment on bias, and its picture.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "statistics.hpp"
#include "support/picture_writer.hpp"

namespace experiments::bias_experiment {

/// The results of one estimator: for each repetition with other noise, the cosine of each problem.
struct measurement {
    std::vector<std::vector<double>> cosines = {};
    /// For each repetition, the share of zeros in a sample's difference.
    std::vector<double> zero_shares = {};

    /// Over the problems; each problem's cosine is its mean over the repetitions.
    [[nodiscard]] mean_and_deviation over_problems() const {
        std::vector<double> means(cosines.front().size(), 0);
        for (const std::vector<double>& each : cosines)
            for (std::size_t p = 0; p < means.size(); ++p)
                means[p] += each[p] / static_cast<double>(cosines.size());
        return summarize(means);
    }

    /// Over the repetitions, each averaged over the problems: the effect of the noise alone.
    [[nodiscard]] mean_and_deviation over_repetitions() const {
        std::vector<double> means;
        for (const std::vector<double>& each : cosines) means.push_back(summarize(each).mean);
        return summarize(means);
    }
};

/// I-MLE with a step, one-sided and central.
struct step_measurement {
    double lambda = 0;
    /// Whether the references have this step, so that it is measured in all repetitions.
    bool has_reference = false;
    double forward_reference = 0, central_reference = 0, zeros_reference = 0;
    measurement forward = {}, central = {};
};

/// The adaptive target, one per problem, as in the reference.
struct adaptive_measurement {
    struct side {
        measurement found;
        /// The final lambda of each problem's target.
        std::vector<double> lambdas;
    };
    side forward, central;
};

/// An estimator without a step.
struct other_measurement {
    std::string name;
    std::optional<double> reference;
    measurement found;
};

/// Cosine and zeros over lambda. The first two of `others` are drawn as lines for comparison.
[[nodiscard]] example_support::picture draw(const std::vector<step_measurement>& steps,
                                            const std::vector<other_measurement>& others,
                                            const adaptive_measurement& adaptive);

}  // namespace experiments::bias_experiment
