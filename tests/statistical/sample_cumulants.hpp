#pragma once

// The first four cumulants of a sample, and what they may be for a sample of a law with known cumulants.

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace statistical_tests {

/// Sums of powers of x - center.
class power_sums {
  public:
    explicit power_sums(double center) : center_(center) {}

    template <class Scalar>
    void add(std::span<const Scalar> numbers) {
        double first = 0, second = 0, third = 0, fourth = 0;
        for (const Scalar x : numbers) {
            const double d = static_cast<double>(x) - center_, square = d * d;
            first += d;
            second += square;
            third += square * d;
            fourth += square * square;
        }
        sums_[0] += first;
        sums_[1] += second;
        sums_[2] += third;
        sums_[3] += fourth;
        count_ += static_cast<double>(numbers.size());
    }

    /// The sample's cumulants 1 to 4; the bias of 1 / count is left in, as it is of no size here.
    [[nodiscard]] std::array<double, 4> cumulants() const {
        const double a = sums_[0] / count_, b = sums_[1] / count_, c = sums_[2] / count_,
                     d = sums_[3] / count_;
        const double second = b - a * a;
        const double fourth = d - 4 * a * c + 6 * a * a * b - 3 * a * a * a * a;
        return {center_ + a, second, c - 3 * a * b + 2 * a * a * a, fourth - 3 * second * second};
    }
    [[nodiscard]] double count() const { return count_; }

  private:
    double center_;
    double count_ = 0;
    std::array<double, 4> sums_{};
};

/// Standard deviation and skewness of the n-th sample cumulant, n = 1..4, of a sample of `count` numbers.
///
/// To first order in 1 / count the n-th sample cumulant is the mean over the sample of a polynomial in
/// d = x - mean (its influence function):
///
///     d,   d^2 - K2,   d^3 - 3 K2 d - K3,   d^4 - 6 K2 d^2 - 4 K3 d + 3 K2^2 - K4,
///
/// of which variance and third moment follow from the law's moments up to the twelfth, and these from its
/// cumulants, `cumulant(n)`.
struct cumulant_spread {
    double deviation;
    double skewness;
};
template <class Cumulant>
std::array<cumulant_spread, 4> cumulant_spreads(const Cumulant& cumulant, double count) {
    // Central moments: M_n = sum over j >= 2 of binomial(n - 1, j - 1) K_j M_(n - j).
    std::array<double, 13> moment{1};
    for (int n = 2; n <= 12; ++n) {
        double binomial = 1;
        for (int j = 1; j <= n; ++j) {
            if (j >= 2)
                moment[static_cast<std::size_t>(n)] +=
                    binomial * cumulant(j) * moment[static_cast<std::size_t>(n - j)];
            binomial *= static_cast<double>(n - j) / j;
        }
    }
    const double k2 = cumulant(2), k3 = cumulant(3), k4 = cumulant(4);
    const std::array<std::vector<double>, 4> influence{{
        {0, 1},
        {-k2, 0, 1},
        {-k3, -3 * k2, 0, 1},
        {3 * k2 * k2 - k4, -4 * k3, -6 * k2, 0, 1},
    }};
    std::array<cumulant_spread, 4> spreads{};
    for (std::size_t n = 0; n < 4; ++n) {
        const std::vector<double>& p = influence[n];
        double second = 0, third = 0;
        for (std::size_t a = 0; a < p.size(); ++a)
            for (std::size_t b = 0; b < p.size(); ++b) {
                second += p[a] * p[b] * moment[a + b];
                for (std::size_t c = 0; c < p.size(); ++c) third += p[a] * p[b] * p[c] * moment[a + b + c];
            }
        spreads[n] = {std::sqrt(second / count), third / std::pow(second, 1.5) / std::sqrt(count)};
    }
    return spreads;
}

}  // namespace statistical_tests
