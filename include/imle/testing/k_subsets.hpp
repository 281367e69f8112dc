#pragma once

/// @file
/// All k-subsets of n elements, and the one-hot vectors.

#include <bit>
#include <cstddef>
#include <span>

#include <imle/testing/matroid_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The family of `top_k`: 0/1 vectors of n numbers of which k are 1. Its perturb-and-MAP marginals under
/// Gumbel noise (`gumbel_marginals`) are the inclusion probabilities of the Plackett-Luce model for k draws
/// without replacement. 1 <= n <= 20 and 0 <= k <= n, else `std::invalid_argument`.
class k_subsets : public matroid_family {
  public:
    /// n: the size of a vector, 1 to 20; k: the number of ones, 0 to n.
    k_subsets(std::size_t n, std::size_t k)
        : matroid_family(detail::message("the ", k, "-subsets of ", n), n,
                         [k = checked(n, k)](subset s, std::size_t) {
                             return static_cast<std::size_t>(std::popcount(s)) < k;
                         }) {}

  private:
    static std::size_t checked(std::size_t n, std::size_t k) {
        if (k > n) detail::throw_invalid("k", k, detail::message("at most n = ", n));
        return k;
    }
};

/// The family of `categorical`: one-hot vectors of n numbers. Here Gibbs and perturb-and-MAP have the same
/// law: under Gumbel noise the argmax has the probabilities softmax(theta / T). So `gumbel_marginals` equals
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

}  // namespace imle::inline IMLE_ABI::testing
