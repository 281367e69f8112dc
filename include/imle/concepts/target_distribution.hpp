#pragma once

/// @file
/// The concept of a target distribution, and its optional hooks.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <span>
#include <utility>

#include <imle/core/rounded.hpp>

namespace imle::inline IMLE_ABI {

/// Builds the target parameters theta' of one instance and sample from theta and the cotangent dz.
///
/// Syntax: `target.parameters(theta, dz, theta_prime)` on a const object, with `std::span<const Scalar>
/// theta, dz` and `std::span<Scalar> theta_prime` of the same length, in memory order. It writes all of
/// theta_prime.
///
/// Laws, which no compiler can check (`imle::testing::check_target` does):
/// - a pure function of theta, dz and the target's value: the same arguments give the same bits;
/// - `dz = 0` changes nothing that the target does not change for every dz (for example theta' = alpha *
///   theta);
/// - the convention is to maximise <theta, z>: a step downhill subtracts dz. <theta'(dz) - theta'(-dz), dz>
///   is never positive, and negative for some dz unless `gradient_divisor()` is 0. For a minimising solver
///   the layer passes theta = -cost and negates the result; the target needs no knowledge of it.
///
/// Optional hooks, each used if present:
/// - `target.validate()`: throws `std::invalid_argument` if a value of the target is invalid. Called when a
///   layer is made and before each vjp.
/// - `target.gradient_divisor()`: the step taken, by which the gradient is divided (0 divides by 1).
/// - `target.for_call(const target_sums&)`: returns a target (any `TargetDistribution`) for this vjp, made
///   from sums over the whole call; its `parameters` and `gradient_divisor` are then used. For steps that
///   depend on norms.
/// - `target.for_instance(const target_sums&)`: replaces `for_call`; gets the sums over one instance and its
///   samples. Each instance then has its own target and its own step.
/// - `target.update(const target_sums&)`: called after a vjp that did not throw, with `nonzeros` filled in.
///   Only here may a target change its state.
template <class T, class Scalar>
concept TargetDistribution = std::copy_constructible<T> && std::floating_point<Scalar> &&
    requires(const T& target, std::span<const Scalar> theta, std::span<const Scalar> dz,
             std::span<Scalar> theta_prime) {
    target.parameters(theta, dz, theta_prime);
};

/// A target for float, double or both. The layer's class can require this before the scalar is known.
template <class T>
concept TargetDistributionOfSomeScalar = TargetDistribution<T, float> || TargetDistribution<T, double>;

/// A sum of squares, value * 2^exponent, in which no square of a double overflows or underflows. The exponent
/// is even, and 0 for sums of ordinary size. Its two members are plain numbers, the same on every machine.
struct square_sum {
    /// The sum is value * 2^exponent.
    double value = 0;
    /// Even; 0 for sums of ordinary size.
    int exponent = 0;

    constexpr square_sum() = default;
    /// sum * 2^power_of_two.
    constexpr square_sum(double sum, int power_of_two = 0) noexcept : value(sum), exponent(power_of_two) {}
    /// The sum as one double, if it fits.
    explicit operator double() const noexcept { return std::ldexp(value, exponent); }

    /// Adds (scale * x)^2 for all numbers x, in order.
    template <class Scalar>
    void add(std::span<const Scalar> numbers, Scalar scale = 1) noexcept {
        square_sum more{sum(numbers, scale)};
        if constexpr (sizeof(Scalar) > sizeof(float)) {  // the square of a float always fits a double
            if (!(more.value > 0x1p-900 && more.value < 0x1p+1000)) {
                double largest = 0;
                for (const Scalar x : numbers) largest = std::max(largest, std::abs(double(scale * x)));
                if (largest > 0) {
                    const int half = std::ilogb(largest);
                    more = {shifted_sum(numbers, scale, -half), 2 * half};
                }
            }
        }
        *this += more;
    }

    /// Adds another sum.
    square_sum& operator+=(square_sum other) noexcept {
        if (other.value == 0) return *this;
        if (value == 0) return *this = other;
        if (exponent < other.exponent) std::swap(*this, other);
        value += std::ldexp(other.value, other.exponent - exponent);
        return *this;
    }

    /// The sum of two sums.
    friend square_sum operator+(square_sum a, square_sum b) noexcept { return a += b; }

    /// The square root of the sum divided by `count`; 0 if `count` is 0. Unlike the sum, it always fits a
    /// double.
    [[nodiscard]] double root_mean(std::uint64_t count) const noexcept {
        return count == 0 ? 0 : std::ldexp(std::sqrt(value / static_cast<double>(count)), exponent / 2);
    }

    /// True if value and exponent are equal.
    friend bool operator==(const square_sum&, const square_sum&) noexcept = default;

  private:
    template <class Scalar>
    static double sum(std::span<const Scalar> numbers, Scalar scale) noexcept {
        double total = 0;
        for (const Scalar number : numbers) {
            const double x = static_cast<double>(scale * number);
            total += detail::rounded(x * x);
        }
        return total;
    }
    /// Adds the squares of the numbers times 2^shift.
    template <class Scalar>
    static double shifted_sum(std::span<const Scalar> numbers, Scalar scale, int shift) noexcept {
        double total = 0;
        for (const Scalar number : numbers) {
            const double x = std::ldexp(static_cast<double>(scale * number), shift);
            total += detail::rounded(x * x);
        }
        return total;
    }
};

/// The sums over a whole vjp that a target may use. Shards and ranks can add theirs up before use.
struct target_sums {
    /// Sum of theta^2 over the call's instances (of cost^2 for a minimising solver; the sign does not
    /// matter).
    square_sum theta_squared{};
    /// How many numbers are in that sum: instances * n.
    std::uint64_t theta_count = 0;
    /// Sum of dz^2 over the cotangents as given: one per sample, or one for all samples.
    square_sum dz_squared{};
    /// How many numbers are in that sum.
    std::uint64_t dz_count = 0;
    /// The number of coordinates in which the per-sample differences z - z' are not 0, over all instances and
    /// samples.
    std::uint64_t nonzeros = 0;
    /// The number of differences (instances * samples) over which `nonzeros` was counted.
    std::uint64_t differences = 0;

    /// The root mean square of theta; 0 if there is none.
    [[nodiscard]] double theta_rms() const noexcept { return theta_squared.root_mean(theta_count); }
    /// The root mean square of dz; 0 if there is none.
    [[nodiscard]] double dz_rms() const noexcept { return dz_squared.root_mean(dz_count); }

    /// Adds another shard's sums.
    target_sums& operator+=(const target_sums& other) noexcept {
        theta_squared += other.theta_squared;
        theta_count += other.theta_count;
        dz_squared += other.dz_squared;
        dz_count += other.dz_count;
        nonzeros += other.nonzeros;
        differences += other.differences;
        return *this;
    }
    /// The sum of two shards' sums.
    friend target_sums operator+(target_sums a, const target_sums& b) noexcept { return a += b; }
    /// True if all sums and counts are equal.
    friend bool operator==(const target_sums&, const target_sums&) noexcept = default;
};

namespace detail {

template <class T>
concept has_validate = requires(const T& target) {
    target.validate();
};
template <class T>
concept has_gradient_divisor = requires(const T& target) {
    { target.gradient_divisor() } -> std::convertible_to<double>;
};
template <class T>
concept has_for_call = requires(const T& target, const target_sums& sums) {
    target.for_call(sums);
};
template <class T>
concept has_for_instance = requires(const T& target, const target_sums& sums) {
    target.for_instance(sums);
};
template <class T>
concept has_update = requires(T& target, const target_sums& sums) {
    target.update(sums);
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
