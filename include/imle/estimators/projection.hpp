#pragma once

/// @file
/// The projections of an instance's theta before it is solved, and their Jacobians.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// A map of an instance's theta to another theta with the same solutions (for some or all solvers), through
/// whose Jacobian the gradient goes, which removes directions that cannot change the solution. After Sahoo,
/// Paulus, Vlastelica, Musil, Kuleshov, Martius, "Backpropagation through combinatorial algorithms: identity
/// with projection works" (ICLR 2023, arXiv 2205.15213): theirs are the hyperplane of sum 0 and the unit
/// sphere, in this order where both are taken, as in their `IdentitySubsetLayer`.
enum class projection {
    /// theta as it is.
    none,
    /// theta - mean(theta). For solvers whose solutions all have the same sum: k-subsets, one of n,
    /// permutations, tours.
    center,
    /// theta / |theta|, the Euclidean norm. For every solver that maximises or minimises a linear function: a
    /// positive factor changes no solution. 0 stays 0.
    normalize,
    /// Centred, then normalised. A constant theta becomes 0.
    standardize,
};

namespace detail {

/// One instance's theta, projected; its memory is used again for the next one. All in double.
class projected_instance {
  public:
    explicit projected_instance(projection kind)
        : centers_(kind == projection::center || kind == projection::standardize),
          normalizes_(kind == projection::normalize || kind == projection::standardize) {}

    /// Projects n numbers: `values()` are then the result. O(n).
    template <class Scalar>
    void project(std::span<const Scalar> theta) {
        values_.assign(theta.begin(), theta.end());
        if (centers_ && !values_.empty()) {
            // From the first number on, so that equal ones become exactly 0 and not what rounding leaves,
            // which a norm would blow up.
            const double first = values_.front();
            for (double& x : values_) x -= first;
            subtract_mean(values_);
        }
        if (normalizes_) {
            // The norm is largest * root: the squares of x / largest neither overflow nor vanish.
            largest_ = 0;
            for (const double x : values_) largest_ = std::max(largest_, std::abs(x));
            if (!(largest_ > 0)) return;
            double sum = 0;
            for (double& x : values_) {
                x /= largest_;
                sum += x * x;
            }
            root_ = std::sqrt(sum);
            for (double& x : values_) x /= root_;
        }
    }

    [[nodiscard]] std::span<const double> values() const noexcept { return values_; }

    /// g becomes J' g, where J is the projection's Jacobian at the theta that was projected last: I - 11'/n
    /// for the centre, (I - u u') / |v| for u = v / |v|, and 0 for v = 0. O(n).
    void pull_back(std::span<double> g) const {
        if (normalizes_) {
            double along = 0;
            for (std::size_t i = 0; i < g.size(); ++i) along += g[i] * values_[i];
            for (std::size_t i = 0; i < g.size(); ++i)
                g[i] = largest_ > 0 ? (g[i] - along * values_[i]) / root_ / largest_ : 0;
        }
        if (centers_) subtract_mean(g);
    }

  private:
    static void subtract_mean(std::span<double> values) {
        double mean = 0;
        for (const double x : values) mean += x / static_cast<double>(values.size());
        for (double& x : values) x -= mean;
    }

    bool centers_;
    bool normalizes_;
    double largest_ = 1;
    double root_ = 1;
    std::vector<double> values_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
