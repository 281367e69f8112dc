#pragma once

/// @file
/// The laws of a target distribution.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <imle/concepts/target_distribution.hpp>
#include <imle/core/finite.hpp>
#include <imle/testing/law_report.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The options of `check_target`.
struct check_target_options {
    /// The number of random pairs of theta and dz.
    int trials = 100;
    /// The seed of the random pairs.
    std::uint64_t seed = 1;
};

}  // namespace imle::inline IMLE_ABI::testing

namespace imle::inline IMLE_ABI::detail {

/// A theta and a cotangent of the same length.
template <class Scalar>
struct target_input {
    std::vector<Scalar> theta, dz;
};

/// Lengths 0, 1, odd and even; zero, tiny, large and random numbers, in every combination.
template <class Scalar>
[[nodiscard]] std::vector<target_input<Scalar>> target_inputs(const testing::check_target_options& options) {
    std::mt19937_64 random(options.seed);
    const auto unit = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
    const double tiny = static_cast<double>(std::numeric_limits<Scalar>::denorm_min());
    const double scales[] = {0, 1, 4 * tiny, 1e6};
    std::vector<target_input<Scalar>> inputs;
    for (int trial = 0; trial < options.trials; ++trial) {
        const std::size_t lengths[] = {5, 16, 1, 33, 0};
        const std::size_t n = lengths[trial % 5];
        const double theta_scale = scales[(trial / 5) % 4], dz_scale = scales[(trial / 20) % 4];
        target_input<Scalar> input{std::vector<Scalar>(n), std::vector<Scalar>(n)};
        for (Scalar& t : input.theta) t = static_cast<Scalar>((2 * unit() - 1) * theta_scale);
        for (Scalar& d : input.dz)  // cotangents are often partly 0
            d = static_cast<Scalar>(unit() < 0.3 ? 0 : (2 * unit() - 1) * dz_scale);
        inputs.push_back(std::move(input));
    }
    return inputs;
}

/// theta', between two guard values: a target must not write outside its span.
template <class Scalar>
struct target_answer {
    std::vector<Scalar> theta_prime;
    bool stayed_inside;
};

template <class TargetT, class Scalar>
[[nodiscard]] target_answer<Scalar> ask_target(const TargetT& target, const target_input<Scalar>& input) {
    const std::size_t n = input.theta.size();
    std::vector<Scalar> guarded(n + 2, unwritten<Scalar>());
    guarded.front() = guarded.back() = Scalar(-12345);
    target.parameters(std::span<const Scalar>(input.theta), std::span<const Scalar>(input.dz),
                      std::span<Scalar>(guarded).subspan(1, n));
    return {std::vector<Scalar>(guarded.begin() + 1, guarded.end() - 1),
            guarded.front() == Scalar(-12345) && guarded.back() == Scalar(-12345)};
}

/// <theta'(dz) - theta'(-dz), dz>, which is negative for a step downhill, and the largest rounding error of
/// it.
struct downhill_slope {
    double slope = 0, rounding = 0;
};

template <class Scalar, class TargetT>
[[nodiscard]] downhill_slope slope_of(const TargetT& target, const target_input<Scalar>& input,
                                      const std::vector<Scalar>& forward) {
    target_input<Scalar> turned = input;
    for (Scalar& d : turned.dz) d = -d;
    const std::vector<Scalar> backward = ask_target(target, turned).theta_prime;
    downhill_slope result;
    for (std::size_t i = 0; i < forward.size(); ++i) {
        const double plus = static_cast<double>(forward[i]), minus = static_cast<double>(backward[i]);
        const double d = static_cast<double>(input.dz[i]);
        result.slope += (plus - minus) * d;
        result.rounding += (std::abs(plus) + std::abs(minus)) * std::abs(d);
    }
    result.rounding *= 4 * static_cast<double>(std::numeric_limits<Scalar>::epsilon());
    return result;
}

/// Whether a cotangent of size 1 moves theta' downhill, from a theta of 0 or of size 1.
template <class Scalar, class TargetT>
[[nodiscard]] bool moves(const TargetT& target) {
    for (const Scalar theta : {Scalar(0), Scalar(1), Scalar(-1)}) {
        const target_input<Scalar> input{std::vector<Scalar>(4, theta), {1, -1, Scalar(0.5), 0}};
        const downhill_slope found = slope_of(target, input, ask_target(target, input).theta_prime);
        if (found.slope < -found.rounding) return true;
    }
    return false;
}

/// The laws of a target as a vjp uses it. `steps`: whether a cotangent of size 1 must change theta'.
template <class Scalar, class TargetT>
void check_fixed_target(const TargetT& target, const testing::check_target_options& options, bool steps,
                        const std::string& when, testing::law_report& report) {
    constexpr double epsilon = static_cast<double>(std::numeric_limits<Scalar>::epsilon());
    constexpr double tiny = static_cast<double>(std::numeric_limits<Scalar>::denorm_min());
    const auto inputs = target_inputs<Scalar>(options);
    std::vector<target_answer<Scalar>> first;
    for (const auto& input : inputs) first.push_back(ask_target(target, input));
    // alpha: the factor of theta at dz = 0. It is the same for all thetas, so it is computed once.
    const target_input<Scalar> one{{Scalar(1)}, {Scalar(0)}};
    const double alpha = static_cast<double>(ask_target(target, one).theta_prime[0]);

    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const target_input<Scalar>& input = inputs[i];
        const std::string at = message(" in trial ", i, ", of ", input.theta.size(), " numbers", when);
        const auto& answer = first[i].theta_prime;
        report.check("all of theta_prime is written, and finite for finite input",
                     all_finite(std::span<const Scalar>(answer)), at);
        report.check("nothing else is written", first[i].stayed_inside, at);
        const TargetT copy(target);
        report.check("pure: same arguments, same bits",
                     same_bits<Scalar>(answer, ask_target(target, input).theta_prime) &&
                         same_bits<Scalar>(answer, ask_target(copy, input).theta_prime),
                     at);

        const downhill_slope found = slope_of(target, input, answer);
        report.check("downhill: <theta'(dz) - theta'(-dz), dz> is not positive",
                     found.slope <= found.rounding, "it is ", found.slope, at);

        target_input<Scalar> still = input;
        std::fill(still.dz.begin(), still.dz.end(), Scalar(0));
        const auto unmoved = ask_target(target, still).theta_prime;
        for (std::size_t j = 0; j < unmoved.size(); ++j) {
            const double expected = alpha * static_cast<double>(still.theta[j]);
            report.check("dz = 0 leaves alpha * theta",
                         std::abs(static_cast<double>(unmoved[j]) - expected) <=
                             4 * epsilon * std::abs(expected) + tiny,
                         "theta' = ", unmoved[j], " for theta = ", still.theta[j], ", alpha = ", alpha, at);
        }
    }
    double divisor = 1;
    if constexpr (has_gradient_divisor<TargetT>) {
        divisor = static_cast<double>(target.gradient_divisor());
        report.check("the gradient's divisor is finite and not negative", is_finite(divisor) && divisor >= 0,
                     divisor, when);
    }
    if (steps && divisor != 0)
        report.check("dz moves theta', or gradient_divisor() is 0", moves<Scalar>(target),
                     "theta' is the same for dz and -dz of size 1", when);
}

/// Sums of a call with so many nonzeros in 6 differences.
[[nodiscard]] inline target_sums sums_with(double dz_squared, std::uint64_t nonzeros) {
    return {.theta_squared = 8,
            .theta_count = 2,
            .dz_squared = dz_squared,
            .dz_count = 12,
            .nonzeros = nonzeros,
            .differences = 6};
}

/// The laws of the target itself and of the targets that it makes for a call or an instance.
template <class Scalar, class TargetT>
void check_target_and_calls(const TargetT& target, const testing::check_target_options& options, bool steps,
                            const std::string& when, testing::law_report& report) {
    if constexpr (has_validate<TargetT>) target.validate();
    if constexpr (has_for_call<TargetT> || has_for_instance<TargetT>) {
        check_fixed_target<Scalar>(target, options, false, when, report);  // a vjp does not use it directly
        for (const target_sums& sums : {target_sums{}, sums_with(3, 4), sums_with(0, 0)}) {
            const auto fixed = [&] {
                if constexpr (has_for_instance<TargetT>)
                    return target.for_instance(sums);
                else
                    return target.for_call(sums);
            }();
            check_fixed_target<Scalar>(fixed, options, steps && sums.dz_rms() > 0, when, report);
        }
    } else {
        check_fixed_target<Scalar>(target, options, steps, when, report);
    }
}

/// The laws after `update`, if there is one: few, many and no changes, and a call without instances.
template <class Scalar, class TargetT>
void check_updates(const TargetT& target, testing::check_target_options options,
                   testing::law_report& report) {
    if constexpr (has_update<TargetT>) {
        options.trials = std::min(options.trials, 40);
        for (const target_sums& sums : {sums_with(3, 12), sums_with(3, 1), sums_with(0, 0), target_sums{}})
            for (const int times : {1, 50}) {
                const std::string when = message(", after ", times, " updates with ", sums.nonzeros,
                                                 " changes in ", sums.differences, " differences");
                TargetT learned(target);
                std::string what;
                try {
                    for (int i = 0; i < times; ++i) learned.update(sums);
                    check_target_and_calls<Scalar>(learned, options, false, when, report);
                } catch (const std::exception& error) {
                    what = error.what();
                }
                report.check("update leaves a target that works", what.empty(), what, when);
            }
    }
}

}  // namespace imle::inline IMLE_ABI::detail

namespace imle::inline IMLE_ABI::testing {

/// Checks the laws of the `TargetDistribution` concept:
///
///     CHECK(imle::testing::check_target<float>(my_target{}).passed());
///
/// - theta' is written in full, is finite for finite input, and nothing outside its span is written;
/// - pure: the same arguments give the same bits, on a copy too;
/// - dz = 0 leaves alpha * theta, for a number alpha that belongs to the target (possibly 0 or 1);
/// - downhill: <theta'(dz) - theta'(-dz), dz> <= 0 up to rounding, and negative for some dz of size 1, unless
///   `gradient_divisor()` is 0, which means that the target takes no step (beta = 0);
/// - `gradient_divisor`, if there is one, is finite and not negative; `validate` accepts the target;
/// - the targets that `for_call` or `for_instance` makes, if there are such hooks, obey the same laws (and
///   must move);
/// - after each of several series of calls of `update`, if there is one, the same laws hold, except that the
///   target need not move.
///
/// Inputs have 0, 1 and more numbers: zero, denormal, large (1e6) and random. Deterministic.
template <class Scalar, class TargetT>
requires TargetDistribution<TargetT, Scalar>
[[nodiscard]] law_report check_target(const TargetT& target, const check_target_options& options = {}) {
    law_report report("a target distribution");
    detail::check_target_and_calls<Scalar>(target, options, true, "", report);
    detail::check_updates<Scalar>(target, options, report);
    return report;
}

}  // namespace imle::inline IMLE_ABI::testing
