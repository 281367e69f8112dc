#pragma once

/// @file
/// The matrices that the whole example uses.

#include <Eigen/Core>

namespace learning_to_explain {

/// A row is an instance, so that `imle::as_tensor` views it as a batch.
using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
/// One number per instance.
using vector = Eigen::VectorXf;

/// 1 / (1 + exp(-logit)), number by number.
template <class Derived>
[[nodiscard]] auto probabilities(const Eigen::MatrixBase<Derived>& logits) {
    return (1 + (-logits.array()).exp()).inverse().matrix();
}

}  // namespace learning_to_explain
