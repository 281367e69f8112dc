#pragma once

/// @file
/// No noise: perturb-and-MAP becomes MAP.

#include <algorithm>
#include <cstdint>
#include <span>

#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// The law of a number that is always 0. With it and a scaled perturbation target, the layer is the blackbox
/// differentiation of Vlastelica et al. (ICLR 2020).
struct no_noise {
    /// Every number is 0, so the layer need not draw it.
    static constexpr bool is_zero = true;

    /// Fills with 0. O(out.size()).
    void fill(const random_key&, std::uint64_t, std::span<float> out) const noexcept {
        std::fill(out.begin(), out.end(), 0.0f);
    }
    /// The same in double.
    void fill(const random_key&, std::uint64_t, std::span<double> out) const noexcept {
        std::fill(out.begin(), out.end(), 0.0);
    }
    /// Fills with 0, whatever the words.
    void fill_quantiles(std::span<const std::uint32_t>, std::span<float> out) const noexcept {
        std::fill(out.begin(), out.end(), 0.0f);
    }
    /// The same in double.
    void fill_quantiles(std::span<const std::uint64_t>, std::span<double> out) const noexcept {
        std::fill(out.begin(), out.end(), 0.0);
    }
    /// 0.
    [[nodiscard]] constexpr double mean() const noexcept { return 0; }
    /// 0.
    [[nodiscard]] constexpr double variance() const noexcept { return 0; }
    /// 0 below 0, 1 from 0 on. The law has no density.
    [[nodiscard]] constexpr double cdf(double x) const noexcept { return x < 0 ? 0 : 1; }
    /// 0 for every u.
    [[nodiscard]] constexpr double quantile(double) const noexcept { return 0; }

    /// Always true.
    friend constexpr bool operator==(const no_noise&, const no_noise&) noexcept = default;
};

}  // namespace imle::inline IMLE_ABI
