#pragma once

/// @file
/// All subsets of k of n elements, and one of n.

#include <bit>
#include <cstddef>
#include <span>

#include <imle/testing/matroid_family.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The family of `top_k`: 0/1 vectors of n numbers of which k are 1. Under Gumbel noise its perturb-and-MAP
/// marginals (`gumbel_marginals`) are Plackett and Luce's inclusion probabilities for k draws without
/// replacement. 1 <= n <= 20 and 0 <= k <= n, else `std::invalid_argument`.
class k_subsets : public matroid_family {
  public:
    /// n: how many numbers, 1 to 20; k: how many of them are 1, 0 to n.
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

}  // namespace imle::inline IMLE_ABI::testing
