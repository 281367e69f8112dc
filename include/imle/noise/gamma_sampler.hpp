#pragma once

/// @file
/// Gamma draws of any shape, also with a shape and a scale for each number.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include <imle/core/backports.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/noise/detail/gamma_group.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>

namespace imle::inline IMLE_ABI {

/// Draws from Gamma(shape, scale), density x^(shape - 1) exp(-x / scale) / (Gamma(shape) scale^shape), by the
/// rejection method of Marsaglia and Tsang, "A simple method for generating gamma variables" (ACM TOMS 26,
/// 2000), a vector of numbers at a time. The normal numbers come from a `quantile_table`.
///
/// The sampler prepares nothing for a shape, so each number may have its own. For many numbers of one shape,
/// the noise `imle::gamma`, a table of the inverse law, takes a fraction of the time.
///
/// Attempt a at element i is a function of (key, i, a) alone, so random access holds. A number takes about
/// 1.05 attempts at worst (shape near 1). Decisions use 64 random bits and double precision, so the law is
/// exact up to the rounding of the numbers themselves.
class gamma_sampler {
  public:
    /// One shape and one scale for all numbers. Throws `std::invalid_argument` unless both are finite, above
    /// 0 and within the range of floats.
    explicit gamma_sampler(double shape, double scale = 1)
        : shape_(checked("shape of gamma_sampler", shape)),
          scale_(checked("scale of gamma_sampler", scale)) {}

    /// Element i of `out` is element `first + i` of the key's sequence: the same number that the other `fill`
    /// gives for this shape and scale. Random access; O(out.size()). Any number of threads may call it.
    void fill(const random_key& key, std::uint64_t first, std::span<float> out) const {
        fill_one_law<float>(key, first, out);
    }
    /// The same in double.
    void fill(const random_key& key, std::uint64_t first, std::span<double> out) const {
        fill_one_law<double>(key, first, out);
    }

    /// Element i of `out` is element `first + i` of the key's sequence, with shape `shapes[i]` and scale
    /// `scales[i]`. It depends only on the key, its index, its shape and its scale. `out` may be the memory
    /// of `shapes` or of `scales`. A number too large for its type becomes infinite; one too small becomes 0.
    ///
    /// Throws `std::invalid_argument`, before it writes anything, unless all three have the same size and all
    /// shapes and scales are finite and above 0. O(out.size()).
    static void fill(const random_key& key, std::uint64_t first, std::span<const float> shapes,
                     std::span<const float> scales, std::span<float> out) {
        fill_each_law(key, first, shapes, scales, out);
    }
    /// The same in double.
    static void fill(const random_key& key, std::uint64_t first, std::span<const double> shapes,
                     std::span<const double> scales, std::span<double> out) {
        fill_each_law(key, first, shapes, scales, out);
    }

    /// The parameter `shape`.
    [[nodiscard]] double shape() const noexcept { return shape_; }
    /// The parameter `scale`.
    [[nodiscard]] double scale() const noexcept { return scale_; }
    /// The lower bound of all draws: 0.
    [[nodiscard]] double lower_bound() const noexcept { return 0; }
    /// shape * scale.
    [[nodiscard]] double mean() const noexcept { return shape_ * scale_; }
    /// shape * scale^2.
    [[nodiscard]] double variance() const noexcept { return shape_ * scale_ * scale_; }

    /// True if the parameters are equal.
    friend bool operator==(const gamma_sampler&, const gamma_sampler&) noexcept = default;

  private:
    static constexpr std::size_t group_size = detail::gammas_per_group;

    static double checked(const char* argument, double x) {
        constexpr double largest = std::numeric_limits<float>::max();
        constexpr double smallest = std::numeric_limits<float>::denorm_min();
        if (!(x >= smallest && x <= largest))
            detail::throw_invalid(argument, x, "above 0 and within the range of floats");
        return x;
    }

    template <class Scalar>
    static void check_each(const char* what, std::span<const Scalar> values, std::size_t size) {
        if (values.size() != size)
            detail::throw_invalid(detail::message("the number of ", what, " of gamma_sampler::fill").c_str(),
                                  values.size(), detail::message(size, ", the number of numbers"));
        // A number is positive and finite if its bits, as an integer, are from 1 to those of the largest
        // number. The loop has no branch, so that it vectorises.
        using bits = typename detail::exponent_mask<Scalar>::bits;
        bits bad = 0;
        for (const Scalar x : values)
            bad |= static_cast<bits>(detail::bit_cast<bits>(x) - 1u >=
                                     detail::exponent_mask<Scalar>::value - 1u);
        if (bad == 0) return;
        for (std::size_t i = 0; i < size; ++i)
            if (!detail::is_finite(values[i]) || !(values[i] > 0))
                detail::throw_invalid(detail::message(what, "[", i, "] of gamma_sampler::fill").c_str(),
                                      values[i], "a finite number above 0");
    }

    template <class Scalar>
    void fill_one_law(const random_key& key, std::uint64_t first, std::span<Scalar> out) const {
        if (out.empty()) return;
        const detail::one_gamma_law<Scalar> law(static_cast<Scalar>(shape_), static_cast<Scalar>(scale_));
        const detail::gamma_keys keys(key);
        detail::fill_in_groups<group_size, detail::most_gamma_groups>(
            first, out, [&](std::uint64_t group, std::size_t count, Scalar* destination) {
                detail::gamma_groups(keys, law, group, count, destination);
            });
    }

    template <class Scalar>
    static void fill_each_law(const random_key& key, std::uint64_t first, std::span<const Scalar> shapes,
                              std::span<const Scalar> scales, std::span<Scalar> out) {
        check_each("shapes", shapes, out.size());
        check_each("scales", scales, out.size());
        const detail::gamma_keys keys(key);
        detail::fill_in_groups<group_size, detail::most_gamma_groups>(
            first, out, [&](std::uint64_t group, std::size_t count, Scalar* destination) {
                // The group's beginning in the caller's arrays. For the first group it may lie "before" them.
                const auto begin = static_cast<std::size_t>(group * group_size - first);
                if (begin < out.size() && out.size() - begin >= count * group_size) {
                    const detail::gamma_laws<Scalar> laws(shapes.data() + begin, scales.data() + begin);
                    detail::gamma_groups(keys, laws, group, count, destination);
                    return;
                }
                Scalar own_shapes[group_size], own_scales[group_size];
                for (std::size_t i = 0; i < group_size; ++i) {
                    const std::size_t place = begin + i;
                    own_shapes[i] = place < out.size() ? shapes[place] : Scalar(1);
                    own_scales[i] = place < out.size() ? scales[place] : Scalar(1);
                }
                const detail::gamma_laws<Scalar> laws(own_shapes, own_scales);
                detail::gamma_groups(keys, laws, group, 1, destination);
            });
    }

    double shape_;
    double scale_;
};

}  // namespace imle::inline IMLE_ABI
