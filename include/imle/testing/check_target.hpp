#pragma once

/// @file
/// The laws of a target distribution.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <imle/concepts/target_distribution.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/testing/law_report.hpp>

namespace imle::inline IMLE_ABI {
namespace testing {

/// The options of `check_target`.
struct check_target_options {
    /// How many random pairs of theta and dz.
    int trials = 100;
    /// Other seeds, other pairs.
    std::uint64_t seed = 1;
};

}  // namespace testing

namespace detail {

/// A theta and a cotangent of one length.
template <class Scalar>
struct target_input {
    std::vector<Scalar> theta;
    std::vector<Scalar> dz;
};

/// Lengths 0, 1, odd and even; zeros, the tiny, the large and the random, in every combination.
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
        for (Scalar& d : input.dz)  // cotangents are often 0 in places
            d = static_cast<Scalar>(unit() < 0.3 ? 0 : (2 * unit() - 1) * dz_scale);
        inputs.push_back(std::move(input));
    }
    return inputs;
}

/// theta', between two guards that must stay: outside of it a target has nothing to write.
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

template <class Scalar>
[[nodiscard]] bool same_target_bits(const std::vector<Scalar>& a, const std::vector<Scalar>& b) {
    return a.size() == b.size() &&
           (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(Scalar)) == 0);
}

template <class Scalar, class TargetT>
void check_parameters(const TargetT& target, const testing::check_target_options& options,
                      testing::law_report& report) {
    const auto inputs = target_inputs<Scalar>(options);
    std::vector<target_answer<Scalar>> first;
    for (const auto& input : inputs) first.push_back(ask_target(target, input));
    // alpha: what dz = 0 leaves of theta. It is the same for all thetas, so ask once.
    const target_input<Scalar> one{{Scalar(1)}, {Scalar(0)}};
    const double alpha = static_cast<double>(ask_target(target, one).theta_prime[0]);

    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const target_input<Scalar>& input = inputs[i];
        const std::string at = message(" in trial ", i, ", of ", input.theta.size(), " numbers");
        const auto& answer = first[i].theta_prime;
        report.check("all of theta_prime is written, and finite for finite input",
                     all_finite(std::span<const Scalar>(answer)), at);
        report.check("nothing else is written", first[i].stayed_inside, at);
        const TargetT copy(target);
        report.check("pure: same arguments, same bits",
                     same_target_bits(answer, ask_target(target, input).theta_prime) &&
                         same_target_bits(answer, ask_target(copy, input).theta_prime),
                     at);

        target_input<Scalar> still = input;
        std::fill(still.dz.begin(), still.dz.end(), Scalar(0));
        const auto unmoved = ask_target(target, still).theta_prime;
        for (std::size_t j = 0; j < unmoved.size(); ++j) {
            const double expected = alpha * static_cast<double>(still.theta[j]);
            const double slack =
                4 * static_cast<double>(std::numeric_limits<Scalar>::epsilon()) * std::abs(expected) +
                static_cast<double>(std::numeric_limits<Scalar>::denorm_min());
            report.check("dz = 0 leaves alpha * theta",
                         std::abs(static_cast<double>(unmoved[j]) - expected) <= slack,
                         "theta' = ", unmoved[j], " for theta = ", still.theta[j], ", alpha = ", alpha, at);
        }
    }
}

}  // namespace detail

namespace testing {

/// Checks the laws of the `TargetDistribution` concept:
///
///     CHECK(imle::testing::check_target<float>(my_target{}).passed());
///
/// - theta' is written in full, finite for finite input, and nothing beside it is written;
/// - pure: the same arguments give the same bits, on a copy too;
/// - dz = 0 leaves alpha * theta, for one number alpha that is the target's own (0 and 1 included);
/// - `gradient_divisor`, where there is one, is finite and not negative; `validate` accepts the target;
/// - the same for what `for_call` or `for_instance` makes, where there is one.
///
/// Inputs of 0, 1 and more numbers: zeros, the denormal, the large (1e6) and the random. Deterministic.
template <class Scalar, class TargetT>
requires TargetDistribution<TargetT, Scalar>
[[nodiscard]] law_report check_target(const TargetT& target, const check_target_options& options = {}) {
    law_report report("a target distribution");
    if constexpr (detail::has_validate<TargetT>) target.validate();
    const auto check_divisor = [&](const auto& t) {
        if constexpr (detail::has_gradient_divisor<std::remove_cvref_t<decltype(t)>>) {
            const double divisor = static_cast<double>(t.gradient_divisor());
            report.check("the gradient's divisor is finite and not negative",
                         detail::is_finite(divisor) && divisor >= 0, divisor);
        }
    };
    detail::check_parameters<Scalar>(target, options, report);
    check_divisor(target);
    if constexpr (detail::has_for_call<TargetT> || detail::has_for_instance<TargetT>) {
        const target_sums zero{};
        const target_sums moving{.theta_squared = 8,
                                 .theta_count = 2,
                                 .dz_squared = 3,
                                 .dz_count = 12,
                                 .nonzeros = 4,
                                 .differences = 6};
        const target_sums still{.theta_squared = 8,
                                .theta_count = 2,
                                .dz_squared = 0,
                                .dz_count = 12,
                                .nonzeros = 0,
                                .differences = 6};
        for (const target_sums& sums : {zero, moving, still}) {
            const auto fixed = [&] {
                if constexpr (detail::has_for_instance<TargetT>)
                    return target.for_instance(sums);
                else
                    return target.for_call(sums);
            }();
            detail::check_parameters<Scalar>(fixed, options, report);
            check_divisor(fixed);
        }
    }
    return report;
}

}  // namespace testing
}  // namespace imle::inline IMLE_ABI
