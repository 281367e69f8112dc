#pragma once

/// @file
/// The pairs of solutions from which `imle_layer` makes its gradient, sample by sample.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/estimators/detail/gradient_moments.hpp>
#include <imle/layer/imle_layer.hpp>

namespace imle::inline IMLE_ABI::detail {

/// What the pairs of solutions of a gradient say about it.
struct pair_counts {
    /// The gradient, from its single samples.
    gradient_moments gradient;
    /// Pairs of instances that did not fail; those of them that are equal; coordinates that differ in all.
    std::uint64_t pairs = 0;
    std::uint64_t equal_pairs = 0;
    std::uint64_t changed_coordinates = 0;
    std::size_t failed_rows = 0;

    [[nodiscard]] std::uint64_t changed_pairs() const noexcept { return pairs - equal_pairs; }
    /// The share of equal pairs; NaN if there are no pairs.
    [[nodiscard]] double equal_share() const noexcept { return share_of(equal_pairs); }
    /// The mean number of coordinates in which a pair differs; NaN if there are no pairs.
    [[nodiscard]] double mean_changed() const noexcept { return share_of(changed_coordinates); }

  private:
    [[nodiscard]] double share_of(std::uint64_t count) const noexcept {
        if (pairs == 0) return std::numeric_limits<double>::quiet_NaN();
        return static_cast<double>(count) / static_cast<double>(pairs);
    }
};

/// A layer with the forward half of an `imle_layer`, but with workers and statistics of its own. It solves at
/// the parameters of any target under the noise of a pass.
template <class SolverT, class NoiseT>
class solution_sampler
    : public sampler_layer<solution_sampler<SolverT, NoiseT>, SolverT, NoiseT, thread_executor> {
    using base = sampler_layer<solution_sampler, SolverT, NoiseT, thread_executor>;

  public:
    /// The time and the number of the solves so far.
    struct work {
        double seconds = 0;
        std::uint64_t solves = 0;
    };

    solution_sampler(const SolverT& solver, const NoiseT& noise, layer_options options)
        : base({solver, noise, timed(options), thread_executor{}}) {}

    /// z = MAP(theta'(sign * dz) + T * eps) of every instance and sample of a call, with the target of each
    /// row, under the call's noise; batch * S * n numbers. Adds the rows for which a solve failed. batch * S
    /// solves.
    template <class Scalar, class CallT, class TargetOfT>
    void solve(const CallT& call, const cotangent<Scalar>& dz, const TargetOfT& target_of, Scalar sign,
               double temperature, std::vector<Scalar>& z, std::vector<Eigen::Index>& failed_rows) const {
        const Eigen::Index n = call.shape.n;
        z.resize(static_cast<std::size_t>(call.shape.batch * call.samples * n));
        this->sampler_.in_one_call(call, [&](call_runner& runner, const auto& solve) {
            runner.expect_solves(call.shape.batch * call.samples);
            const auto solve_piece = [&](worker& own, const item_range& piece) {
                const auto size = static_cast<std::size_t>(n);
                std::vector<Scalar> theta(size), item_dz(size);
                std::vector<Scalar> parameters(own.items.size() * size, unwritten<Scalar>());
                std::vector<const Scalar*> addresses;
                for (const Eigen::Index item : own.items) {
                    Scalar* const out = parameters.data() + addresses.size() * size;
                    const Eigen::Index row = item / call.samples;
                    const Scalar* const given = dz.dz + (dz.per_sample ? item : row) * n;
                    for (std::size_t i = 0; i < size; ++i) {
                        theta[i] =
                            base::sampler_type::minimizes ? -call.theta_of(row)[i] : call.theta_of(row)[i];
                        item_dz[i] = sign * dz.scale * given[i];
                    }
                    target_of(row).parameters(std::span<const Scalar>(theta),
                                              std::span<const Scalar>(item_dz), std::span<Scalar>(out, size));
                    addresses.push_back(out);
                }
                solve.solve(own, addresses, temperature,
                            solve.perturbs(temperature) ? solve.noise(own) : nullptr, nullptr,
                            z.data() + piece.first * n,
                            "the target's theta' + target_temperature * noise overflows; expected alpha, "
                            "beta and a temperature that keep it finite");
            };
            runner.for_each_piece<Scalar>(solve.work(), pass_kind::samples, solve_piece);
            runner.add_failures(failed_rows);
        });
        count();
    }

    /// Adds the solves of the call that ended last to `total`.
    void count() const {
        const call_statistics last = this->statistics();
        total_.seconds += last.solve_seconds;
        total_.solves += last.solves;
    }
    [[nodiscard]] const work& total() const noexcept { return total_; }

  private:
    friend layer_interface<solution_sampler>;

    static layer_options timed(layer_options options) {
        options.statistics = true;
        return options;
    }

    mutable work total_;
};

/// The rows of a pass, whose theta may be shared.
template <class PassT>
[[nodiscard]] const auto& rows_of_pass(const PassT& pass) {
    if constexpr (is_shared_pass<PassT>)
        return pass.rows();
    else
        return pass;
}

/// All solutions of some calls: those of call p, batch * S * n numbers, are z[p].
template <class Scalar>
struct solution_set {
    std::vector<std::vector<Scalar>> z;
    std::vector<Eigen::Index> failed_rows;
};

/// One call of a layer or, if it has one sample, two with different keys; and the solutions that its backward
/// pass would compare, for any target.
template <class SolverT, class NoiseT, class ThetaT, DenseTensor CotangentT>
class solution_pairs {
    using sampler_type = solution_sampler<SolverT, NoiseT>;
    using pass_type = decltype(std::declval<const sampler_type&>().forward(
        std::declval<const ThetaT&>(), random_key{}, std::declval<const call_options&>()));

  public:
    using Scalar = scalar_of<CotangentT>;
    using solutions = solution_set<Scalar>;

    /// batch * S solves; 2 * batch if S = 1 and there is noise; and batch for the MAP states.
    solution_pairs(const SolverT& solver, const NoiseT& noise, const layer_options& options,
                   const ThetaT& theta, const CotangentT& dz, random_key key, const call_options& given)
        : sampler_(solver, noise, options),
          input_noise_(!is_zero_noise<NoiseT> && options.input_temperature != 0),
          target_noise_(!is_zero_noise<NoiseT> && options.target_temperature != 0) {
        const bool second_key = options.samples == 1 && (input_noise_ || target_noise_);
        passes_.reserve(2);
        for (std::uint64_t i = 0; i < (second_key ? 2 : 1); ++i) {
            passes_.push_back(sampler_.forward(theta, i == 0 ? key : key.fold_in(i), given));
            sampler_.count();
        }
        dz_ = checked_cotangent(rows_of_pass(passes_.front()), dz);
        for (const pass_type& pass : passes_) {
            const auto& rows = rows_of_pass(pass);
            const Scalar* const z = rows.samples().data();
            samples_.z.emplace_back(z, z + rows.samples().size());
            const auto& failed = rows.failed_rows();
            samples_.failed_rows.insert(samples_.failed_rows.end(), failed.begin(), failed.end());
        }
        const auto map = sampler_.map(theta, given);
        sampler_.count();
        std::uint64_t equal = 0, count = 0;
        const auto first = call();
        const std::vector<bool> failed = failures_of({&samples_});
        for (const auto& z : samples_.z)
            for (Eigen::Index item = 0; item < first.shape.batch * first.samples; ++item) {
                const Eigen::Index row = item / first.samples;
                if (failed[static_cast<std::size_t>(row)]) continue;
                const Scalar* const best = map.data() + row * first.shape.n;
                ++count;
                equal += std::equal(best, best + first.shape.n, z.data() + item * first.shape.n) ? 1 : 0;
            }
        if (count > 0) map_share_ = static_cast<double>(equal) / static_cast<double>(count);
    }

    [[nodiscard]] const pass_type& pass() const noexcept { return passes_.front(); }
    [[nodiscard]] auto call() const { return call_of_pass(0); }
    [[nodiscard]] const cotangent<Scalar>& dz() const noexcept { return dz_; }
    /// Whether the forward pass is random, and whether any pass is.
    [[nodiscard]] bool has_input_noise() const noexcept { return input_noise_; }
    /// The number of independent gradients of one sample: S, or two keys.
    [[nodiscard]] Eigen::Index repetitions() const { return calls() * call().samples; }
    [[nodiscard]] double map_share() const noexcept { return map_share_; }
    [[nodiscard]] double seconds_a_solve() const noexcept {
        const auto& total = sampler_.total();
        if (total.solves == 0) return std::numeric_limits<double>::quiet_NaN();
        return total.seconds / static_cast<double>(total.solves);
    }

    /// The samples z of the forward pass.
    [[nodiscard]] const solutions& samples() const noexcept { return samples_; }

    /// MAP(theta'(sign * dz) + T * eps) of every instance and sample.
    template <class TargetOfT>
    [[nodiscard]] solutions solve(const TargetOfT& target_of, Scalar sign, double temperature) const {
        solutions found;
        found.z.resize(passes_.size());
        for (std::size_t p = 0; p < passes_.size(); ++p)
            sampler_.solve(call_of_pass(p), dz_, target_of, sign, temperature, found.z[p], found.failed_rows);
        return found;
    }

    /// Compares two solutions of every instance and sample. The gradient of a row is divided by
    /// divisor_of(row). For costs, and for central differences, it has another sign or factor than the
    /// layer's: no share, no ratio and no cosine depends on it. O(calls * batch * S * n).
    template <class DivisorOfT>
    [[nodiscard]] pair_counts compare(const solutions& near, const solutions& far,
                                      DivisorOfT&& divisor_of) const {
        const auto call = this->call();
        const auto n = static_cast<std::size_t>(call.shape.n);
        std::vector<double> gradient(static_cast<std::size_t>(call.theta_rows()) * n);
        pair_counts counts{gradient_moments(gradient.size(), n, repetitions(), 1)};
        const std::vector<bool> failed = failures_of({&samples_, &near, &far});
        counts.failed_rows = static_cast<std::size_t>(std::count(failed.begin(), failed.end(), true));
        for (std::size_t p = 0; p < passes_.size(); ++p)
            for (Eigen::Index s = 0; s < call.samples; ++s) {
                std::fill(gradient.begin(), gradient.end(), 0.0);
                for (Eigen::Index row = 0; row < call.shape.batch; ++row) {
                    if (failed[static_cast<std::size_t>(row)]) continue;
                    const std::size_t at = static_cast<std::size_t>(row * call.samples + s) * n;
                    const Scalar *const a = near.z[p].data() + at, *const b = far.z[p].data() + at;
                    double* const out =
                        gradient.data() + (call.shares_theta ? 0 : static_cast<std::size_t>(row) * n);
                    const double divisor = divisor_of(row);
                    std::uint64_t changed = 0;
                    for (std::size_t i = 0; i < n; ++i) {
                        if (a[i] == b[i]) continue;
                        ++changed;
                        out[i] += (static_cast<double>(a[i]) - static_cast<double>(b[i])) / divisor;
                    }
                    ++counts.pairs;
                    counts.equal_pairs += changed == 0 ? 1 : 0;
                    counts.changed_coordinates += changed;
                }
                counts.gradient.add(gradient);
            }
        return counts;
    }

    /// The standard deviation of the noise, from at most 256 of its numbers that the forward pass used too. 1
    /// for noise that multiplies.
    [[nodiscard]] double noise_deviation() const {
        if constexpr (is_multiplicative_noise<NoiseT>) {
            return 1;
        } else {
            const auto call = this->call();
            const auto items = static_cast<std::uint64_t>(call.shape.batch * call.samples);
            const auto n = static_cast<std::uint64_t>(call.shape.n);
            std::vector<Scalar> eps(static_cast<std::size_t>(std::min<std::uint64_t>(256, items * n)));
            if (is_zero_noise<NoiseT> || eps.empty()) return 0;
            sampler_.noise().fill(call.key,
                                  call.first_instance() * static_cast<std::uint64_t>(call.samples) * n,
                                  std::span<Scalar>(eps));
            const double count = static_cast<double>(eps.size());
            double mean = 0, sum = 0;
            for (const Scalar x : eps) mean += static_cast<double>(x) / count;
            for (const Scalar x : eps) {
                const double difference = static_cast<double>(x) - mean;
                sum += rounded(difference * difference);
            }
            return std::sqrt(sum / count);
        }
    }

  private:
    [[nodiscard]] Eigen::Index calls() const noexcept { return static_cast<Eigen::Index>(passes_.size()); }
    [[nodiscard]] auto call_of_pass(std::size_t p) const { return call_of(rows_of_pass(passes_[p])); }
    [[nodiscard]] std::vector<bool> failures_of(std::initializer_list<const solutions*> sets) const {
        std::vector<bool> failed(static_cast<std::size_t>(call().shape.batch));
        for (const solutions* const set : sets)
            for (const Eigen::Index row : set->failed_rows) failed[static_cast<std::size_t>(row)] = true;
        return failed;
    }

    sampler_type sampler_;
    bool input_noise_;
    bool target_noise_;
    std::vector<pass_type> passes_;
    cotangent<Scalar> dz_{nullptr, false};
    solutions samples_;
    double map_share_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace imle::inline IMLE_ABI::detail
