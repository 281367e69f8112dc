#pragma once

/// @file
/// Scores of mean 0 and standard deviation 1 within each instance.

#include "matrix.hpp"

namespace learning_to_explain {

/// A row minus its mean, divided by its standard deviation (plus 0.001, for rows of equal scores).
class standardized {
  public:
    explicit standardized(const matrix& scores)
        : scores_(scores.colwise() - scores.rowwise().mean()),
          deviations_(scores_.array().square().rowwise().mean().sqrt() + least_deviation) {
        scores_.array().colwise() /= deviations_;
    }

    [[nodiscard]] const matrix& scores() const { return scores_; }

    /// Maps a loss's gradient with respect to the standardized scores to its gradient with respect to the
    /// original scores.
    [[nodiscard]] matrix backward(const matrix& gradient) const {
        // s = (x - m) / d with d = sqrt(mean (x - m)^2) + c:
        // dL/dx = (g - mean g - s * mean(g s) * d / (d - c)) / d.
        const matrix centred = gradient.colwise() - gradient.rowwise().mean();
        const Eigen::ArrayXf along = gradient.cwiseProduct(scores_).rowwise().mean().array() * deviations_ /
                                     (deviations_ - least_deviation).max(least_deviation);
        return ((centred.array() - scores_.array().colwise() * along).colwise() / deviations_).matrix();
    }

  private:
    static constexpr float least_deviation = 1e-3F;

    matrix scores_;
    Eigen::ArrayXf deviations_;
};

}  // namespace learning_to_explain
