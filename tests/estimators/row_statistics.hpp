#pragma once

// The mean of an estimator over many independent keys, by a batch of one instance over and over: each row has
// noise of its own.

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <unsupported/Eigen/CXX11/Tensor>

#include "support/catch.hpp"
#include "support/tensors.hpp"

namespace estimator_tests {

using vector = std::vector<double>;
using matrix = Eigen::Tensor<double, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<double, 3, Eigen::RowMajor>;
using support::rows_of;

struct row_statistics {
    vector mean, variance;
    double rows;

    explicit row_statistics(const matrix& values) : rows(static_cast<double>(values.dimension(0))) {
        for (Eigen::Index i = 0; i < values.dimension(1); ++i) {
            double sum = 0, squares = 0;
            for (Eigen::Index b = 0; b < values.dimension(0); ++b) sum += values(b, i);
            const double m = sum / rows;
            for (Eigen::Index b = 0; b < values.dimension(0); ++b)
                squares += (values(b, i) - m) * (values(b, i) - m);
            mean.push_back(m);
            variance.push_back(squares / (rows - 1));
        }
    }

    // The deviation of the mean.
    [[nodiscard]] double error(std::size_t i) const { return std::sqrt(variance[i] / rows); }
    [[nodiscard]] double total_variance() const {
        double sum = 0;
        for (const double v : variance) sum += v;
        return sum;
    }
};

// Each coordinate's mean is within six deviations (a false alarm of 2e-9 each, by the central limit theorem),
// and the deviation so small that this says something: below `resolution` of the largest number expected.
inline void check_mean(const matrix& values, const vector& expected, double resolution = 0.05) {
    const row_statistics found(values);
    REQUIRE(found.mean.size() == expected.size());
    double largest = 0;
    for (const double x : expected) largest = std::max(largest, std::abs(x));
    for (std::size_t i = 0; i < expected.size(); ++i) {
        INFO("coordinate " << i << ": " << found.mean[i] << " +- " << found.error(i) << ", expected "
                           << expected[i]);
        CHECK(std::abs(found.mean[i] - expected[i]) < 6 * found.error(i) + 1e-12);
        CHECK(found.error(i) < resolution * largest);
    }
}

}  // namespace estimator_tests
