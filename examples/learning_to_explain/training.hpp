#pragma once

/// @file
/// A selector and a predictor that learn together, and predictors alone for selections that are not learned.

#include <functional>
#include <string>
#include <vector>

#include <imle/random/random_key.hpp>

#include "dataset.hpp"
#include "network.hpp"
#include "scoring.hpp"

namespace learning_to_explain {

/// The source of the selections.
enum class method {
    imle,              ///< a selector, by I-MLE
    straight_through,  ///< a selector, by the straight-through estimator
    standardized,      ///< the same, of scores that are standardized within each instance
    no_random_masks,   ///< a selector, by I-MLE, but the predictor only learns from its selections
    fixed,             ///< the best selection that is the same for all instances
    random             ///< chance
};

/// "I-MLE", ...
[[nodiscard]] std::string title(method how);
/// Whether there is a selector.
[[nodiscard]] bool is_learned(method how);

struct training_options {
    int steps = 2000;
    int batch = 100;
    /// Selections per instance in a step.
    int samples = 4;
    /// I-MLE's step.
    double beta = 2;
    /// Whether to learn from drawn labels instead of their probabilities.
    bool drawn_labels = false;
    int threads = 1;
};

/// Scores on the test data, without noise.
struct curve_point {
    int step = 0;
    scores reached;
};

/// One run of one method.
struct training_record {
    std::vector<curve_point> curve;  ///< about 20 points; the last is the result
    matrix selected;                 ///< of the test data, at the end
    double seconds = 0;

    [[nodiscard]] const scores& result() const { return curve.back().reached; }
};

/// Calls `on_step` after each step. All methods use the same batches, initial weights and noise.
[[nodiscard]] training_record train(method how, const training_options& options, const dataset& training,
                                    const dataset& testing, const imle::random_key& key,
                                    const std::function<void()>& on_step);

}  // namespace learning_to_explain
