#pragma once

/// @file
/// What a loss gives: a number for each instance, and its gradient.

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// A loss of a batch, instance by instance: nothing is averaged over the batch, so what is done with it is
/// the caller's choice (the gradient of a mean is `gradient` / batch). `Rank` is theta's, the batch included.
template <class Scalar, int Rank, int Layout>
struct loss_value {
    /// One for each instance: [batch].
    Eigen::Tensor<Scalar, 1, Layout> values;
    /// d values[b] / d theta[b], of theta's shape.
    Eigen::Tensor<Scalar, Rank, Layout> gradient;
};

}  // namespace imle::inline IMLE_ABI
