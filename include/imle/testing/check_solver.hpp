#pragma once

/// @file
/// The laws of a solver, checked against an enumerated family.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <imle/layer/solver_port.hpp>
#include <imle/testing/enumerated_family.hpp>
#include <imle/testing/law_report.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The options of `check_solver`: its inputs and its tolerance.
struct check_solver_options {
    /// The solver's domain, for each number of theta: `.highest = 0` for a solver of shortest paths that
    /// maximises, `.lowest = 0` for one that minimises costs.
    double lowest = -std::numeric_limits<double>::infinity();
    /// No number of theta is larger.
    double highest = std::numeric_limits<double>::infinity();
    /// The number of random vectors of each kind.
    int trials = 100;
    /// The seed of the random vectors.
    std::uint64_t seed = 1;
    /// How far from the best value an answer may be, as a share of the sum of |theta|: for example 1e-6 for a
    /// solver that stops at its own tolerance.
    double tolerance = 0;
};

}  // namespace imle::inline IMLE_ABI::testing

namespace imle::inline IMLE_ABI::detail {

/// Folds a number into [lowest, highest]: mirrored at a bound, so that on a half-line |t| keeps its
/// distribution, and clamped if that is not enough.
[[nodiscard]] inline double folded(double t, const testing::check_solver_options& options) {
    if (t > options.highest) t = options.highest - (t - options.highest);
    if (t < options.lowest) t = options.lowest + (options.lowest - t);
    return std::clamp(t, options.lowest, options.highest);
}

/// True if factor * theta is finite and within the domain.
[[nodiscard]] inline bool within(const std::vector<double>& theta, double factor,
                                 const testing::check_solver_options& options) {
    return std::all_of(theta.begin(), theta.end(), [&](double t) {
        return factor * t >= options.lowest && factor * t <= options.highest && std::abs(factor * t) < 1e37;
    });
}

/// Always zeros, unit vectors, denormal and huge numbers; then random vectors of several kinds.
template <class Scalar>
[[nodiscard]] std::vector<std::vector<double>> solver_inputs(std::size_t n,
                                                             const testing::check_solver_options& options) {
    if (!(options.lowest < options.highest))
        throw_invalid("check_solver_options::lowest", options.lowest, "less than highest");
    std::mt19937_64 random(options.seed);
    // Does not use the standard's distributions, which differ between libraries, so a failure is the same
    // everywhere.
    const auto unit = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
    const double tiny = static_cast<double>(std::numeric_limits<Scalar>::denorm_min());
    const double huge = std::pow(static_cast<double>(std::numeric_limits<Scalar>::max()), 0.8);
    const int smallest_gap =
        std::max(1, std::numeric_limits<Scalar>::digits - 7 - static_cast<int>(std::bit_width(n)));

    std::vector<std::vector<double>> inputs;
    const auto add = [&](auto&& number) {
        std::vector<double> theta(n);
        for (std::size_t i = 0; i < n; ++i) theta[i] = folded(number(i), options);
        inputs.push_back(std::move(theta));
    };
    add([](std::size_t) { return 0.0; });
    add([](std::size_t i) { return i % 2 == 0 ? 0.0 : -0.0; });
    add([](std::size_t) { return 1.0; });
    add([](std::size_t) { return -1.0; });
    for (std::size_t unit_at = 0; unit_at < n; ++unit_at) {
        add([&](std::size_t i) { return i == unit_at ? 1.0 : 0.0; });
        add([&](std::size_t i) { return i == unit_at ? -1.0 : 0.0; });
    }
    for (int trial = 0; trial < options.trials; ++trial) {
        add([&](std::size_t) { return 2 * unit() - 1; });
        add([&](std::size_t) { return std::floor(5 * unit()) - 2; });  // integers: ties
        // Near ties: integers plus multiples of one small gap. Their sums are exact in Scalar.
        const double gap = std::ldexp(1.0, -1 - trial % smallest_gap);
        const double size = std::ldexp(1.0, 10 * (trial % 3) - 10), sides = trial % 4 < 2 ? 1 : 2;
        add([&](std::size_t) {
            return size * ((unit() < 0.5 ? 1 : -sides) + gap * (std::floor(5 * unit()) - 2));
        });
        if (trial % 4 != 0) continue;
        add([&](std::size_t) { return (std::floor(9 * unit()) - 4) * tiny; });
        add([&](std::size_t) { return (2 * unit() - 1) * huge; });
        add([&](std::size_t) { return (unit() < 0.5 ? -1 : 1) * std::exp(40 * unit() - 20); });
    }
    return inputs;
}

/// Queries one solver for answers, and records in a report which laws they break.
template <class Scalar, int Rank, int Layout, class SolverT>
class solver_laws {
    static_assert(
        Solver<SolverT, Scalar, Rank, Layout>,
        "imle::testing::check_solver: the type is no imle::Solver for the family's rank, this scalar and "
        "this layout; see docs/concepts/solver.md");

  public:
    using vector = std::vector<double>;
    using numbers = std::vector<Scalar>;
    static constexpr double sign = sense_of<SolverT> == sense::minimize ? -1 : 1;

    solver_laws(const SolverT& solver, const testing::enumerated_family<Rank>& family, double tolerance,
                testing::law_report& report)
        : original_(solver), solver_(solver), family_(family), tolerance_(tolerance), report_(report) {
        for (const vector& state : family.states())
            for (const double entry : state)
                largest_entry_ = entry == std::floor(entry) ? std::max(largest_entry_, std::abs(entry))
                                                            : std::numeric_limits<double>::infinity();
        std::copy_n(family.dimensions().begin(), Rank, shape_.instance.begin());
        shape_.n = static_cast<Eigen::Index>(family.size());
    }

    /// One answer, checked against the laws that concern a single answer. Empty if the solver threw.
    std::optional<vector> single(const vector& theta) {
        const auto z = solve(solver_, theta);
        if (!z) return std::nullopt;
        const bool written = all_finite(std::span<const Scalar>(*z));
        report_.check("all of z is written", written, "z = ", *z, " for theta = ", theta);
        const vector state = to_family(*z);
        if (!report_.check("z is a state", written && family_.contains(state), "z = ", state,
                           " for theta = ", theta))
            return std::nullopt;

        const vector gain = scaled(theta, sign);
        const vector values = family_.values(gain);
        const double best = *std::max_element(values.begin(), values.end());
        const double reached = std::inner_product(state.begin(), state.end(), gain.begin(), 0.0);
        report_.check("z is optimal", reached >= best - slack(theta), "z = ", state, " has ", sign * reached,
                      ", the best state ", sign * best, " for theta = ", theta);

        const auto again = solve(solver_, theta);
        report_.check("deterministic", again && same_bits<Scalar>(*z, *again),
                      "a second call differs for theta = ", theta);
        SolverT copy(original_);
        const auto by_copy = solve(copy, theta);
        report_.check("deterministic on a copy", by_copy && same_bits<Scalar>(*z, *by_copy),
                      "a copy differs for theta = ", theta);
        return state;
    }

    /// <theta - theta', z - z'> >= 0, or <= 0 for a minimising solver.
    void monotone(const vector& theta1, const vector& z1, const vector& theta2, const vector& z2) {
        double product = 0;
        for (std::size_t i = 0; i < z1.size(); ++i) product += (theta1[i] - theta2[i]) * (z1[i] - z2[i]);
        report_.check("monotone", sign * product >= -(rounding(theta1) + rounding(theta2)),
                      "<theta - theta', z - z'> = ", product, " for theta = ", theta1,
                      " and theta' = ", theta2);
    }

    /// Checks that factor * theta gives the same answer, if the best state leads by more than rounding
    /// errors.
    void scaling(const vector& theta, const vector& z, double factor) {
        const vector moved = rounded(scaled(theta, factor));
        // A denormal has too few digits: half of it may be a different problem.
        for (const double t : moved)
            if (t != 0 && std::abs(t) < static_cast<double>(std::numeric_limits<Scalar>::min())) return;
        if (family_.maximizers(scaled(theta, sign), 8 * rounding(theta)).size() != 1) return;
        if (family_.maximizers(scaled(moved, sign), 8 * rounding(moved)).size() != 1) return;
        const auto other = solve(solver_, moved);
        report_.check("invariant to positive scaling", other && to_family(*other) == z, "z changes for ",
                      factor, " * theta, theta = ", theta);
    }

    /// Checks that `solve_batch` over all thetas has the bits of single solves.
    void batch(std::span<const vector> thetas) {
        if constexpr (BatchSolver<SolverT, Scalar, Rank, Layout>) {
            const std::size_t n = family_.size();
            numbers given, expected;
            for (const vector& theta : thetas) {
                const auto z = solve(solver_, theta);
                if (!z) return;
                const numbers one = to_scalar(theta);
                given.insert(given.end(), one.begin(), one.end());
                expected.insert(expected.end(), z->begin(), z->end());
            }
            const std::vector<solve_context> contexts(thetas.size());
            const auto zs = answer<Rank + 1>(
                given, shape_.batched(static_cast<Eigen::Index>(thetas.size())),
                [&](auto& theta, auto& z) {
                    if constexpr (solves_batches_with_context<SolverT, Scalar, Rank, Layout>)
                        solver_.solve_batch(theta, z, std::span<const solve_context>(contexts));
                    else
                        solver_.solve_batch(theta, z);
                },
                " from solve_batch of ", thetas.size());
            for (std::size_t b = 0; zs && b < thetas.size(); ++b)
                report_.check("solve_batch gives the bits of single solves",
                              same_bits(std::span<const Scalar>(*zs).subspan(b * n, n),
                                        std::span<const Scalar>(expected).subspan(b * n, n)),
                              "instance ", b, " of ", thetas.size(), " for theta = ", thetas[b]);
        }
    }

    /// Checks that `solve_from` has the bits of a single solve, whichever state it starts from.
    void warm(const vector& theta, const vector& start_theta) {
        if constexpr (WarmSolver<SolverT, Scalar, Rank, Layout>) {
            const auto start = solve(solver_, start_theta), expected = solve(solver_, theta);
            if (!start || !expected) return;
            const_view<Scalar, Rank, Layout> start_view(start->data(), shape_.instance);
            const auto z = answer<Rank>(
                to_scalar(theta), shape_.instance,
                [&](auto& theta_view, auto& z_view) {
                    if constexpr (starts_with_context<SolverT, Scalar, Rank, Layout>)
                        solver_.solve_from(theta_view, start_view, z_view, solve_context{});
                    else
                        solver_.solve_from(theta_view, start_view, z_view);
                },
                " from solve_from");
            if (z)
                report_.check("solve_from gives the bits of single solves", same_bits<Scalar>(*z, *expected),
                              "for theta = ", theta, ", from the answer for ", start_theta);
        }
    }

    /// theta rounded to Scalar, as the solver gets it.
    [[nodiscard]] static vector rounded(const vector& theta) {
        vector result;
        for (const double t : theta) result.push_back(static_cast<double>(static_cast<Scalar>(t)));
        return result;
    }

  private:
    std::optional<numbers> solve(SolverT& solver, const vector& theta) {
        return answer<Rank>(
            to_scalar(theta), shape_.instance,
            [&](auto& theta_view, auto& z_view) {
                const solve_status status =
                    solve_one<Scalar, Rank, Layout>(solver, theta_view, z_view, solve_context{});
                if (!has_answer(status))
                    throw std::runtime_error(message("the status is '", status, "'"));
            },
            " for theta = ", theta);
    }

    /// The z that call(theta, z) writes. Empty if it throws; then `where` is used in the report.
    template <int ViewRank, class CallT, class... Where>
    std::optional<numbers> answer(const numbers& theta,
                                  const Eigen::DSizes<Eigen::Index, ViewRank>& dimensions, CallT&& call,
                                  const Where&... where) {
        numbers z(theta.size(), unwritten<Scalar>());
        const_view<Scalar, ViewRank, Layout> theta_view(theta.data(), dimensions);
        mutable_view<Scalar, ViewRank, Layout> z_view(z.data(), dimensions);
        std::string what;
        try {
            call(theta_view, z_view);
        } catch (const std::exception& error) {
            what = error.what();
        }
        if (!report_.check("no exception", what.empty(), what, where...)) return std::nullopt;
        return z;
    }

    /// The largest rounding error of a sum of n numbers in Scalar.
    [[nodiscard]] double rounding(const vector& theta) const {
        double sum = 0;
        for (const double t : theta) sum += std::abs(t);
        const double epsilon = static_cast<double>(std::numeric_limits<Scalar>::epsilon());
        return (2 * static_cast<double>(theta.size()) * epsilon + tolerance_) * sum;
    }

    /// How much a value may fall short of the best. If all numbers are multiples of one unit, small enough
    /// that every sum is exact in Scalar with digits to spare, nothing is rounded, and the slack is less than
    /// one unit.
    [[nodiscard]] double slack(const vector& theta) const {
        double sum = 0, unit = std::numeric_limits<double>::infinity();
        for (const double t : theta) {
            sum += std::abs(t);
            if (t != 0) unit = std::min(unit, lowest_bit(t));
        }
        const double exact = std::ldexp(1.0, std::numeric_limits<Scalar>::digits - 4);
        if (tolerance_ == 0 && sum > 0 && sum / unit * largest_entry_ <= exact) return unit / 2;
        return rounding(theta);
    }
    /// The largest power of two that divides t.
    [[nodiscard]] static double lowest_bit(double t) {
        int exponent = 0;
        const double mantissa = std::abs(std::frexp(t, &exponent));
        const auto digits = static_cast<std::uint64_t>(std::ldexp(mantissa, 53));
        return std::ldexp(1.0, exponent - 53 + std::countr_zero(digits));
    }

    // The family's order is row-major; in a column-major instance the first dimension is innermost.
    [[nodiscard]] std::size_t in_memory(std::size_t i) const {
        if constexpr (Layout == Eigen::RowMajor) return i;
        std::size_t place = 0, stride = family_.size();
        for (std::size_t d = static_cast<std::size_t>(Rank); d-- > 0;) {
            const auto extent = static_cast<std::size_t>(family_.dimensions()[d]);
            stride /= extent;
            place += i % extent * stride;
            i /= extent;
        }
        return place;
    }
    [[nodiscard]] numbers to_scalar(const vector& theta) const {
        numbers result(theta.size());
        for (std::size_t i = 0; i < theta.size(); ++i) result[in_memory(i)] = static_cast<Scalar>(theta[i]);
        return result;
    }
    [[nodiscard]] vector to_family(const numbers& z) const {
        vector result(z.size());
        for (std::size_t i = 0; i < z.size(); ++i) result[i] = static_cast<double>(z[in_memory(i)]);
        return result;
    }

    [[nodiscard]] static vector scaled(vector theta, double factor) {
        for (double& t : theta) t *= factor;
        return theta;
    }

    SolverT original_;
    SolverT solver_;
    const testing::enumerated_family<Rank>& family_;
    double tolerance_;
    double largest_entry_ = 0;  // infinite if a state has non-integers, because its values may round
    testing::law_report& report_;
    batch_shape<Rank, Layout> shape_;
};

}  // namespace imle::inline IMLE_ABI::detail

namespace imle::inline IMLE_ABI::testing {

/// Checks the laws of the `Solver` concept on a small family whose states are the solver's feasible answers:
///
///     CHECK(imle::testing::check_solver<float>(my_solver{}, imle::testing::k_subsets(8, 3)).passed());
///     check_solver<double>(imle::grid_shortest_path{}, grid_paths(3, 3), {.highest = 0});
///
/// - feasible: z is one of the family's states, and is written in full;
/// - optimal: no state has a better value (lower, for `sense::minimize`), up to rounding; the check is exact
///   if sums of theta do not round;
/// - deterministic: the same bits when called again and on a copy;
/// - monotone: <theta - theta', z - z'> >= 0 (<= 0 for `sense::minimize`);
/// - invariant to positive scaling, unless another state ties;
/// - `solve_batch`, if there is one, gives the bits of single solves in batches of many sizes;
/// - `solve_from`, if there is one, gives the bits of single solves whatever state it starts from.
///
/// Any state may win a tie, as long as it is always the same. The inputs are zeros, unit vectors, denormal
/// and huge numbers, small integers (ties), integers plus small gaps of many magnitudes (near ties) and
/// `trials` random vectors, all within the domain of `options`. Scalar and Layout are those of theta and z.
/// The solver is copied. Deterministic.
template <class Scalar, int Layout = Eigen::RowMajor, class SolverT, int Rank>
[[nodiscard]] law_report check_solver(const SolverT& solver, const enumerated_family<Rank>& family,
                                      const check_solver_options& options = {}) {
    using laws = detail::solver_laws<Scalar, Rank, Layout, SolverT>;
    law_report report("a solver on " + family.name());
    laws check(solver, family, options.tolerance, report);

    auto thetas = detail::solver_inputs<Scalar>(family.size(), options);
    std::vector<std::vector<double>> zs;
    for (auto& theta : thetas)
        zs.push_back(check.single(theta = laws::rounded(theta)).value_or(std::vector<double>{}));

    for (std::size_t i = 0; i < thetas.size(); ++i) {
        if (zs[i].empty()) continue;
        // Compares each input with a few others, of the same kind and of any kind.
        for (const std::size_t other : {i + 1, i + 2, i * 7 + 3}) {
            const std::size_t j = other % thetas.size();
            if (!zs[j].empty()) check.monotone(thetas[i], zs[i], thetas[j], zs[j]);
            if (!zs[j].empty()) check.warm(thetas[i], thetas[j]);
        }
        for (const double factor : {0.5, 3.7, 1000.0})
            if (detail::within(thetas[i], factor, options)) check.scaling(thetas[i], zs[i], factor);
    }
    const std::span<const std::vector<double>> all(thetas);
    for (const std::size_t size : {1u, 2u, 3u, 7u, 16u, 17u, 33u})
        if (size <= all.size()) check.batch(all.subspan((all.size() - size) / 2, size));
    check.batch(all);
    return report;
}

}  // namespace imle::inline IMLE_ABI::testing
