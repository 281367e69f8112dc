#pragma once

/// @file
/// The problems of the experiment on bias, whose gradient is known exactly.

#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

namespace experiments::bias_experiment {

/// The number of states, of which one is drawn.
inline constexpr Eigen::Index n = 50;

/// [problem, element]
using tensor2 = Eigen::Tensor<float, 2, Eigen::RowMajor>;
/// [problem, sample, element]
using tensor3 = Eigen::Tensor<float, 3, Eigen::RowMajor>;

/// A theta ~ N(0, I) and a b = |N(0, I)| for each problem: the reference's own, which it seeds by the
/// problem's number. The loss of a one-hot z is ||z - b||^2.
struct problems {
    tensor2 theta, b;
    /// The gradient of E ||z - b||^2, z one-hot with the probabilities softmax(theta).
    tensor2 exact_gradient;

    explicit problems(Eigen::Index count);

    [[nodiscard]] Eigen::Index count() const { return theta.dimension(0); }

    /// One problem, as a batch of one.
    [[nodiscard]] problems only(Eigen::Index problem) const;

    /// The loss's gradient at the samples, 2 (z - b), of their shape.
    [[nodiscard]] tensor3 cotangent(const tensor3& z) const;

    /// The samples' losses, [problem, sample].
    [[nodiscard]] tensor2 losses(const tensor3& z) const;

    /// The cosine of each problem's gradient with the exact one; 0 for a gradient of 0.
    [[nodiscard]] std::vector<double> cosines(const tensor2& gradient) const;
};

}  // namespace experiments::bias_experiment
