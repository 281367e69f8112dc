#pragma once

/// @file
/// The mean and the noise of a gradient, from repetitions of it.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <Eigen/Core>

#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Independent repetitions g_r of one gradient, r = 1..R, each the mean of `samples_each` samples: the single
/// samples of a pass, or the gradients of several keys. With mu = E g_r and V = E |g_r - mu|^2,
///
///     signal_squared() = (|sum_r g_r|^2 - sum_r |g_r|^2) / (R (R - 1))        estimates |mu|^2, unbiased
///     noise_squared()  = (R sum_r |g_r|^2 - |sum_r g_r|^2) / (R (R - 1))      estimates V, unbiased
///
/// Blocks of the gradient, the rows of a batch, have independent noise of variances V_b. Where there is no
/// signal, signal_squared() deviates from 0 by at most
///
///     signal_error() = sqrt(2 sum_b V_b^2 / (R (R - 1)))
///
/// (the variance of a sum of products of independent vectors, with tr(Cov^2) <= V_b^2 for each block).
///
/// The first half of the repetitions and the rest are also summed apart: products between the halves are free
/// of the noise's own square. A single repetition counts as free of noise, and as both halves.
class gradient_moments {
  public:
    /// size: of the gradient; block: the numbers of a row.
    gradient_moments(std::size_t size, std::size_t block, Eigen::Index repetitions, Eigen::Index samples_each)
        : block_(std::max<std::size_t>(block, 1)),
          repetitions_(repetitions),
          samples_each_(static_cast<double>(samples_each)),
          squares_((size + block_ - 1) / block_) {
        for (auto& half : halves_) half.assign(size, 0.0);
    }

    /// Adds the next repetition. O(size).
    void add(std::span<const double> gradient) {
        std::vector<double>& half = halves_[2 * added_ < repetitions_ || repetitions_ == 1 ? 0 : 1];
        for (std::size_t i = 0; i < half.size(); ++i) half[i] += gradient[i];
        for (std::size_t b = 0; b < squares_.size(); ++b) {
            const auto row = block_of(gradient, b);
            squares_[b] += product_of(row, row);
        }
        if (++added_ == repetitions_) finish();
    }

    [[nodiscard]] double signal_squared() const noexcept { return signal_; }
    [[nodiscard]] double noise_squared() const noexcept { return noise_; }
    [[nodiscard]] double signal_error() const noexcept { return signal_error_; }

    /// The norm of the mean gradient over the norm of the noise of a gradient of S samples: 0 without a
    /// signal, infinite without noise.
    [[nodiscard]] double signal_to_noise(double samples) const noexcept {
        if (!(signal_ > 0)) return signal_ <= 0 ? 0 : signal_;
        return std::sqrt(signal_ / noise_of(samples));
    }

    /// The expected cosine of a gradient of S samples with its own mean: |mu| / sqrt(|mu|^2 + V / S).
    [[nodiscard]] double expected_cosine(double samples) const noexcept {
        if (!(signal_ > 0)) return 0;
        return std::sqrt(signal_ / (signal_ + noise_of(samples)));
    }

    /// The cosine of the gradients of the two halves; NaN if one is 0.
    [[nodiscard]] double cosine_of_halves() const noexcept {
        const auto& [a, b] = halves_of_both();
        const double norms = std::sqrt(product_of(a, a)) * std::sqrt(product_of(b, b));
        return norms > 0 ? product_of(a, b) / norms : std::numeric_limits<double>::quiet_NaN();
    }

    /// The number of samples S at which the gradients of two halves, S / 2 samples each, have an expected
    /// cosine of c. The cosine of two independent gradients of m samples is about |mu|^2 / (|mu|^2 + V / m),
    /// so m = c / (1 - c) * V / |mu|^2, and S = 2 m. NaN without a signal.
    [[nodiscard]] double samples_for_halves(double c) const noexcept {
        if (!(signal_ > 0)) return std::numeric_limits<double>::quiet_NaN();
        return 2 * c / (1 - c) * noise_of(1) / signal_;
    }

    /// An estimate, within [-1, 1], of the cosine of the means of two gradients whose repetitions share their
    /// noise. Only products of different halves are used, so the shared noise does not count as agreement. 0
    /// without a signal.
    [[nodiscard]] friend double cosine_of_means(const gradient_moments& one, const gradient_moments& other) {
        if (!(one.signal_ > 0) || !(other.signal_ > 0)) return 0;
        const auto& [a, b] = one.halves_of_both();
        const auto& [c, d] = other.halves_of_both();
        const double first = static_cast<double>(std::max<Eigen::Index>((one.repetitions_ + 1) / 2, 1));
        const double second = static_cast<double>(std::max<Eigen::Index>(one.repetitions_ / 2, 1));
        const double product = (product_of(a, d) + product_of(b, c)) / 2 / first / second;
        const double norms = std::sqrt(one.signal_) * std::sqrt(other.signal_);
        return std::clamp(product / norms, -1.0, 1.0);
    }

  private:
    struct two_halves {
        const std::vector<double>& first;
        const std::vector<double>& second;
    };
    [[nodiscard]] two_halves halves_of_both() const noexcept {
        return {halves_[0], halves_[repetitions_ == 1 ? 0 : 1]};
    }

    [[nodiscard]] double noise_of(double samples) const noexcept { return noise_ * samples_each_ / samples; }

    [[nodiscard]] std::span<const double> block_of(std::span<const double> values, std::size_t b) const {
        return values.subspan(b * block_, std::min(block_, values.size() - b * block_));
    }

    void finish() {
        std::vector<double> whole(halves_[0]);
        for (std::size_t i = 0; i < whole.size(); ++i) whole[i] += halves_[1][i];
        const double count = static_cast<double>(repetitions_), pairs = count * (count - 1);
        double errors = 0;
        for (std::size_t b = 0; b < squares_.size(); ++b) {
            const auto row = block_of(whole, b);
            const double square = product_of(row, row);
            if (repetitions_ == 1) {
                signal_ += square;
                continue;
            }
            signal_ += (square - squares_[b]) / pairs;
            const double difference = rounded(count * squares_[b]) - square;
            // Equal repetitions may leave a rounding error.
            const double noise = difference < 1e-12 * square ? 0 : difference / pairs;
            noise_ += noise;
            errors += rounded(noise * noise);
        }
        if (repetitions_ == 1) return;
        signal_error_ = std::sqrt(2 * errors / pairs);
        // What rounding leaves of gradients that have nothing in common.
        double squares = 0;
        for (const double square : squares_) squares += square;
        if (std::abs(signal_) * pairs < 1e-12 * squares) signal_ = 0;
    }

    [[nodiscard]] static double product_of(std::span<const double> a, std::span<const double> b) noexcept {
        double sum = 0;
        for (std::size_t i = 0; i < a.size(); ++i) sum += rounded(a[i] * b[i]);
        return sum;
    }

    std::size_t block_;
    Eigen::Index repetitions_;
    double samples_each_;
    Eigen::Index added_ = 0;
    std::array<std::vector<double>, 2> halves_;
    std::vector<double> squares_;  // sum_r |g_r|^2 of each block
    double signal_ = 0;
    double noise_ = 0;
    double signal_error_ = 0;
};

}  // namespace imle::inline IMLE_ABI::detail
