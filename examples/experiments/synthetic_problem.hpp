#pragma once

/// @file
/// The problem of the synthetic experiment.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/testing/k_subsets.hpp>

#include "reference_normals.hpp"

namespace experiments::synthetic_experiment {

inline constexpr int n = 10;
inline constexpr int k = 5;

/// [run, element]: the runs form a batch, so that one call computes a step of all runs.
using tensor2 = Eigen::Tensor<float, 2, Eigen::RowMajor>;
/// [run, sample, element]
using tensor3 = Eigen::Tensor<float, 3, Eigen::RowMajor>;

/// The problem: find a theta with a small E ||z - b||^2, where z is drawn from the family p(z; theta) of
/// 5-subsets.
class problem {
  public:
    /// The reference's problem: ten numbers for theta0, and the absolute values of the next ten for b.
    problem() {
        reference_normals normal(0);
        for (double& x : theta0) x = normal();
        for (double& x : b) x = std::abs(normal());
        least_loss = std::numeric_limits<double>::infinity();
        for (const std::vector<double>& z : subsets_.states()) least_loss = std::min(least_loss, loss(z));
    }

    std::array<double, n> theta0{};
    std::array<double, n> b{};
    /// The loss of the best subset, a lower bound of every expectation.
    double least_loss = 0;

    [[nodiscard]] double loss(std::span<const double> z) const {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) sum += (z[i] - b[i]) * (z[i] - b[i]);
        return sum;
    }

    /// E ||z - b||^2 - least_loss, by enumeration of all 252 subsets.
    [[nodiscard]] double gap(const float* theta) const {
        const std::vector<double> copy(theta, theta + n);
        return subsets_.gibbs_expected(copy, 1, [&](std::span<const double> z) { return loss(z); }) -
               least_loss;
    }

    /// The losses of the samples, [run, sample].
    [[nodiscard]] tensor2 losses(const tensor3& z) const {
        tensor2 result(z.dimension(0), z.dimension(1));
        for (Eigen::Index i = 0; i < result.size(); ++i) {
            const std::vector<double> one(z.data() + i * n, z.data() + (i + 1) * n);
            result.data()[i] = static_cast<float>(loss(one));
        }
        return result;
    }

    /// The loss's gradient at the samples, of their shape.
    [[nodiscard]] tensor3 cotangent(const tensor3& z) const {
        tensor3 dz(z.dimensions());
        for (Eigen::Index i = 0; i < z.size(); ++i)
            dz.data()[i] = 2 * (z.data()[i] - static_cast<float>(b[static_cast<std::size_t>(i % n)]));
        return dz;
    }

  private:
    imle::testing::k_subsets subsets_{n, k};
};

}  // namespace experiments::synthetic_experiment
