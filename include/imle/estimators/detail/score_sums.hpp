#pragma once

/// @file
/// Sums over an instance's samples of weights times scores: the work of the estimates by score.

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <imle/core/rounded.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI::detail {

/// <x, y>. Element i goes to partial sum i % 8, on every instruction set, and the partial sums are added in
/// one order.
[[nodiscard]] inline double dot(const double* x, const double* y, std::size_t n) noexcept {
    using lanes = widest_lanes<double>;
    constexpr std::size_t partial = 8, vectors = partial / lanes::size;
    lanes sums[vectors];
    for (lanes& sum : sums) sum = lanes(0.0);
    std::size_t i = 0;
    for (; i + partial <= n; i += partial) {
#pragma GCC unroll 8
        for (std::size_t j = 0; j < vectors; ++j) {
            const std::size_t at = i + j * lanes::size;
            sums[j] = multiply_add(lanes::load(x + at), lanes::load(y + at), sums[j]);
        }
    }
    double each[partial];
    for (std::size_t j = 0; j < vectors; ++j) sums[j].store(each + j * lanes::size);
    for (std::size_t j = 0; i < n; ++i, ++j) each[j] += rounded(x[i] * y[i]);
    return ((each[0] + each[4]) + (each[2] + each[6])) + ((each[1] + each[5]) + (each[3] + each[7]));
}

/// values[s] = <x, z_s> for samples z_s of n numbers each, which follow one another. Each is summed from its
/// first number to its last; four at a time, because a sum waits for its last addition.
template <class Scalar>
void write_products(const double* x, const Scalar* z, std::size_t n, std::span<double> values) noexcept {
    constexpr std::size_t together = 4;
    std::size_t s = 0;
    for (; s + together <= values.size(); s += together, z += together * n) {
        double sums[together] = {};
        for (std::size_t i = 0; i < n; ++i) {
#pragma GCC unroll 4
            for (std::size_t j = 0; j < together; ++j)
                sums[j] += rounded(x[i] * static_cast<double>(z[j * n + i]));
        }
        for (std::size_t j = 0; j < together; ++j) values[s + j] = sums[j];
    }
    for (; s < values.size(); ++s, z += n) {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) sum += rounded(x[i] * static_cast<double>(z[i]));
        values[s] = sum;
    }
}

/// Subtracts from each number the mean of the others: the leave-one-out baseline. Equal numbers become
/// exactly 0, because all are differences from the first. A difference from a rounded mean would leave a
/// rounding error, which 1 / T would blow up. Needs two numbers or more.
inline void subtract_mean_of_others(std::span<double> values) noexcept {
    const double first = values.front(), count = static_cast<double>(values.size());
    double total = 0;
    for (double& a : values) total += a -= first;
    for (double& a : values) a -= (total - a) / (count - 1);
}

/// The mean of the numbers that a mask allows; the others are 0.
[[nodiscard]] inline double mean_of_allowed(std::span<const double> numbers, std::span<const bool> mask) {
    double sum = 0;
    for (const double x : numbers) sum += x;
    const auto forbidden = static_cast<std::size_t>(std::count(mask.begin(), mask.end(), false));
    return forbidden < numbers.size() ? sum / static_cast<double>(numbers.size() - forbidden) : 0;
}

/// Whether all samples, n numbers each, are equal.
template <class Scalar>
[[nodiscard]] bool all_equal(const Scalar* z, std::size_t samples, std::size_t n) {
    for (std::size_t s = 1; s < samples; ++s)
        if (!std::equal(z, z + n, z + s * n)) return false;
    return true;
}

/// One worker's sums over the samples s of one instance at a time, and the memory for them.
template <class NoiseT, class ReplayT>
class score_sums {
  public:
    /// replay: draws the noise of the pass again.
    score_sums(const NoiseT& noise, ReplayT replay, Eigen::Index samples, Eigen::Index n)
        : weights(static_cast<std::size_t>(samples)),
          slopes(weights.size()),
          sum(static_cast<std::size_t>(n)),
          cotangent(sum.size()),
          noise_(noise),
          replay_(std::move(replay)),
          numbers_(sum.size()) {}

    /// sum += sum over s of weights_s * score(eps_s). With a `cotangent`, n numbers, also writes slopes_s =
    /// <cotangent, score(eps_s)>. Coordinates that the mask forbids count as 0.
    void add_scores(Eigen::Index row, std::span<const bool> mask, const double* cotangent) {
        double* const score = numbers_.data();
        replay_.for_each_noise(row, [&](Eigen::Index sample, const auto* eps) {
            const auto s = static_cast<std::size_t>(sample);
            slopes[s] = 0;
            if (eps == nullptr) return;  // The temperature is 0 in theta's scalar.
            const auto score_of = [&](std::size_t i) {
                return static_cast<double>(noise_.score(static_cast<double>(eps[i])));
            };
            // The noise of a forbidden coordinate is 0, where a law need not have a score.
            if (mask.empty())
                for (std::size_t i = 0; i < sum.size(); ++i) score[i] = score_of(i);
            else
                for (std::size_t i = 0; i < sum.size(); ++i) score[i] = mask[i] ? score_of(i) : 0;
            scaled_sum(weights[s], score, sum.data(), sum.data(), sum.size());
            if (cotangent != nullptr) slopes[s] = dot(cotangent, score, sum.size());
        });
    }

    /// sum += sum over s of slopes_s * (z_s - origin), or of slopes_s * z_s if `origin` is null.
    template <class Scalar>
    void add_samples(const Scalar* z, const Scalar* origin) {
        double* const difference = numbers_.data();
        for (const double slope : slopes) {
            for (std::size_t i = 0; i < sum.size(); ++i)
                difference[i] =
                    static_cast<double>(z[i]) - (origin != nullptr ? static_cast<double>(origin[i]) : 0.0);
            scaled_sum(slope, difference, sum.data(), sum.data(), sum.size());
            z += sum.size();
        }
    }

    /// S numbers each.
    std::vector<double> weights, slopes;
    /// n numbers each: what is wanted, the row's cotangent, and one that differs from it by a constant.
    std::vector<double> sum, cotangent, shifted;

  private:
    const NoiseT& noise_;
    ReplayT replay_;
    std::vector<double> numbers_;
};

}  // namespace imle::inline IMLE_ABI::detail
