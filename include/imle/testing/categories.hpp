#pragma once

/// @file
/// One of n.

#include <cstddef>
#include <span>

#include <imle/core/config.hpp>
#include <imle/testing/k_subsets.hpp>

namespace imle::inline IMLE_ABI {
namespace testing {

/// The family of `categorical`: one-hot vectors of n numbers. Here Gibbs and perturb-and-MAP are one law:
/// under Gumbel noise the argmax has the probabilities softmax(theta / T), so `gumbel_marginals` equals
/// `gibbs_marginals`, and the Jacobian is (diag(p) - p p') / T.
class categories : public k_subsets {
  public:
    /// 1 <= n <= 20.
    explicit categories(std::size_t n) : k_subsets(n, 1) {}

    /// softmax(theta / T).
    [[nodiscard]] vector softmax(std::span<const double> theta, double temperature = 1) const {
        return gibbs_marginals(theta, temperature);
    }
};

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
