#pragma once

/// @file
/// A layer's parts, and what they do to the few items that one worker takes at a time.
///
/// Symbols: theta [batch, n], eps [batch, sample, n], z and dz likewise; T_in and T_tgt the temperatures. An
/// item is one instance and sample. For a minimising solver theta is a cost c: everything is worked out for
/// -c, and negated where the solver and the caller look.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/concepts/target_distribution.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/multiply_add.hpp>
#include <imle/core/shape.hpp>
#include <imle/layer/detail/layer_call.hpp>
#include <imle/layer/detail/multiplicative_factor.hpp>
#include <imle/layer/detail/solver_port.hpp>
#include <imle/layer/detail/worker.hpp>
#include <imle/layer/layer_options.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Solver, noise, target and options. The functions work on `worker.items`, the items that are to be solved,
/// of which they keep the numbers one after another in the worker's memory.
template <class SolverT, class NoiseT, class TargetT>
class layer_parts {
  public:
    static constexpr bool minimizes = sense_of<SolverT> == sense::minimize;

    layer_parts(SolverT solver, NoiseT noise, TargetT target, const layer_options& options)
        : solver_(std::move(solver)),
          noise_(std::move(noise)),
          target_(std::move(target)),
          options_(options) {}

    [[nodiscard]] const SolverT& solver() const noexcept { return solver_; }
    [[nodiscard]] const NoiseT& noise() const noexcept { return noise_; }
    [[nodiscard]] TargetT& target() noexcept { return target_; }
    [[nodiscard]] const TargetT& target() const noexcept { return target_; }
    [[nodiscard]] const layer_options& options() const noexcept { return options_; }

    /// Fills in the contexts of the worker's items and, where asked, their noise: element
    /// ((first_instance + b) * S + s) * n + i of the key's sequence for coordinate i. Consecutive items'
    /// elements are consecutive, so they are asked for together.
    template <class Scalar, int Rank, int Layout>
    void load_items(worker<SolverT>& worker, const layer_call<Scalar, Rank, Layout>& call,
                    bool needs_noise) const {
        const std::uint64_t samples = static_cast<std::uint64_t>(call.samples);
        const std::uint64_t first_item = call.first_instance * samples;
        worker.contexts.resize(worker.items.size());
        for (std::size_t j = 0; j < worker.items.size(); ++j) {
            const std::uint64_t item = first_item + static_cast<std::uint64_t>(worker.items[j]);
            // Mostly the one before's next sample: a division takes as long as perturbing many numbers.
            if (j > 0 && worker.items[j] == worker.items[j - 1] + 1 &&
                worker.contexts[j - 1].sample + 1 < samples)
                worker.contexts[j] = {worker.contexts[j - 1].instance, worker.contexts[j - 1].sample + 1};
            else
                worker.contexts[j] = {item / samples, item % samples};
        }
        worker_scratch<Scalar>& memory = worker.template scratch_of<Scalar>();
        memory.has_noise = false;
        if constexpr (!is_zero_noise<NoiseT>) {
            if (!needs_noise) return;
            memory.has_noise = true;
            const std::size_t n = static_cast<std::size_t>(call.shape.n);
            Scalar* const noise = memory.noise.take(worker.item_count() * call.shape.n);
            for (std::size_t j = 0, end; j < worker.items.size(); j = end) {
                end = j + 1;
                while (end < worker.items.size() && worker.items[end] == worker.items[end - 1] + 1) ++end;
                const std::uint64_t item = first_item + static_cast<std::uint64_t>(worker.items[j]);
                const stopwatch watch(options_.statistics ? &worker.statistics.noise_seconds : nullptr);
                noise_.fill(call.key, item * n, std::span<Scalar>(noise + j * n, (end - j) * n));
            }
        }
    }

    /// z = MAP(theta + T_in * eps), or the argmin of c - T_in * eps, of the worker's items.
    template <class Scalar, int Rank, int Layout>
    void solve_perturbed_theta(worker<SolverT>& worker, const layer_call<Scalar, Rank, Layout>& call,
                               Scalar* z) const {
        load_theta(worker, call);
        perturb_and_solve(worker, call, options_.input_temperature, nullptr, z,
                          is_multiplicative_noise<NoiseT>
                              ? "theta * exp(T * noise - T^2 / 2), T the input_temperature, overflows or "
                                "underflows; expected a smaller temperature"
                              : "theta + input_temperature * noise overflows; expected finite sums");
    }

    /// Drops the worker's items whose cotangent is zero, which no scale changes.
    template <class Scalar, int Rank, int Layout>
    void drop_zero_cotangents(worker<SolverT>& worker, const layer_call<Scalar, Rank, Layout>& call,
                              const cotangent<Scalar>& dz) const {
        std::erase_if(worker.items, [&](Eigen::Index item) {
            const Scalar* const values = cotangent_of(call, dz, item);
            return std::all_of(values, values + call.shape.n, [](Scalar x) { return x == Scalar(0); });
        });
    }

    /// Works out theta' of the worker's items, for dz or, on the other side of a central difference, for -dz:
    /// once for all samples of an instance that have one cotangent. `target_of` gives each row's target. With
    /// `drop_unmoved`, items are dropped whose theta' is theta, bit for bit.
    template <class Scalar, int Rank, int Layout, class TargetOfT>
    void load_theta_prime(worker<SolverT>& worker, const layer_call<Scalar, Rank, Layout>& call,
                          const TargetOfT& target_of, const cotangent<Scalar>& dz, bool other_side,
                          bool drop_unmoved) const {
        const Eigen::Index n = call.shape.n;
        const std::size_t size = static_cast<std::size_t>(n);
        worker_scratch<Scalar>& memory = worker.template scratch_of<Scalar>();
        Scalar* theta_prime = memory.own_parameters.take(worker.item_count() * n);
        memory.parameters.clear();
        Eigen::Index row_end = 0;
        bool dropped = true;
        std::size_t kept = 0;
        for (const Eigen::Index item : worker.items) {
            if (dz.per_sample || item >= row_end) {
                if (!dropped) theta_prime += n;
                const Eigen::Index row = item / call.samples;
                row_end = (row + 1) * call.samples;
                const Scalar* theta = call.theta + row * n;
                const Scalar* item_dz = cotangent_of(call, dz, item);
                if constexpr (minimizes) theta = scaled(memory.negated_theta, theta, n, Scalar(-1));
                const Scalar scale = other_side ? -dz.scale : dz.scale;
                if (scale != Scalar(1)) item_dz = scaled(memory.scaled_dz, item_dz, n, scale);
                // What a target forgets to write must not pass for a number of an earlier item.
                std::fill_n(theta_prime, n, unwritten<Scalar>());
                target_of(row).parameters(std::span<const Scalar>(theta, size),
                                          std::span<const Scalar>(item_dz, size),
                                          std::span<Scalar>(theta_prime, size));
                dropped = drop_unmoved && std::memcmp(theta_prime, theta, size * sizeof(Scalar)) == 0;
            }
            if (dropped) continue;
            memory.parameters.push_back(theta_prime);
            worker.items[kept++] = item;
        }
        worker.items.resize(kept);
    }

    /// z' = MAP(theta' + T_tgt * eps) of the worker's items, after `load_theta_prime`. `start` is null or,
    /// for each item of the call, a solution to start from.
    template <class Scalar, int Rank, int Layout>
    void solve_theta_prime(worker<SolverT>& worker, const layer_call<Scalar, Rank, Layout>& call,
                           const std::type_identity_t<Scalar>* start, Scalar* z) const {
        perturb_and_solve(worker, call, options_.target_temperature, start, z,
                          "the target's theta' + target_temperature * noise overflows; expected alpha, beta "
                          "and a temperature that keep it finite");
    }

  private:
    template <class Scalar, int Rank, int Layout>
    [[nodiscard]] static const Scalar* cotangent_of(const layer_call<Scalar, Rank, Layout>& call,
                                                    const cotangent<Scalar>& dz, Eigen::Index item) {
        return dz.dz + (dz.per_sample ? item : item / call.samples) * call.shape.n;
    }

    template <class Scalar>
    [[nodiscard]] static const Scalar* scaled(buffer<Scalar>& memory, const Scalar* values, Eigen::Index n,
                                              Scalar factor) {
        Scalar* const result = memory.take(n);
        for (Eigen::Index i = 0; i < n; ++i) result[i] = factor * values[i];
        return result;
    }

    /// theta of the worker's items, negated if it is a cost.
    template <class Scalar, int Rank, int Layout>
    static void load_theta(worker<SolverT>& worker, const layer_call<Scalar, Rank, Layout>& call) {
        const Eigen::Index n = call.shape.n;
        worker_scratch<Scalar>& memory = worker.template scratch_of<Scalar>();
        memory.parameters.clear();
        [[maybe_unused]] Scalar* next = memory.own_parameters.take(minimizes ? worker.item_count() * n : 0);
        const Scalar* theta = nullptr;
        Eigen::Index row_end = 0;
        for (const Eigen::Index item : worker.items) {
            if (item >= row_end) {
                const Eigen::Index row = item / call.samples;
                row_end = (row + 1) * call.samples;
                theta = call.theta + row * n;
                if constexpr (minimizes) {
                    for (Eigen::Index i = 0; i < n; ++i) next[i] = -theta[i];
                    theta = next;
                    next += n;
                }
            }
            memory.parameters.push_back(theta);
        }
    }

    /// Both passes come through here, with the same operations in the same order: where theta' is theta and
    /// the temperatures are equal, the solver would be given the bits of the forward pass again.
    template <class Scalar, int Rank, int Layout>
    void perturb_and_solve(worker<SolverT>& worker, const layer_call<Scalar, Rank, Layout>& call,
                           double temperature, const std::type_identity_t<Scalar>* start, Scalar* z,
                           const char* overflow) const {
        const Eigen::Index n = call.shape.n;
        worker_scratch<Scalar>& memory = worker.template scratch_of<Scalar>();
        const Eigen::Index size = worker.item_count() * n;
        Scalar* const perturbed = memory.perturbed.take(size);
        const Scalar* const noise = memory.has_noise ? memory.noise.take(size) : nullptr;
        const Scalar scale = static_cast<Scalar>(temperature);
        const bool perturbs = noise != nullptr && scale != Scalar(0);
        // One pass over the numbers: here they are in the nearest cache.
        finite_check<Scalar> check;
        for (Eigen::Index j = 0; j < worker.item_count(); ++j) {
            const Scalar* const parameters = memory.parameters[static_cast<std::size_t>(j)];
            Scalar* const out = perturbed + j * n;
            if (perturbs)
                perturb(parameters, scale, noise + j * n, out, n, check);
            else
                for (Eigen::Index i = 0; i < n; ++i)
                    check.add(out[i] = minimizes ? -parameters[i] : parameters[i]);
        }
        solve_checked(worker, call, perturbed, check.all_finite(), noise, start, z, overflow);
    }

    /// out = parameters + scale * noise, or parameters * exp(scale * noise - scale^2 / 2) where the noise
    /// multiplies; or the cost that is its negative. A factor that underflows gives NaN: theta would be lost.
    template <class Scalar>
    static void perturb(const Scalar* parameters, Scalar scale, const Scalar* noise, Scalar* out,
                        Eigen::Index n, finite_check<Scalar>& check) {
        for (Eigen::Index i = 0; i < n; ++i) {
            Scalar perturbed;
            if constexpr (is_multiplicative_noise<NoiseT>) {
                const Scalar factor = multiplicative_factor(scale, noise[i]);
                perturbed = factor >= std::numeric_limits<Scalar>::min() ? parameters[i] * factor
                                                                         : unwritten<Scalar>();
            } else {
                perturbed = multiply_add(scale, noise[i], parameters[i]);
            }
            check.add(out[i] = minimizes ? -perturbed : perturbed);
        }
    }

    /// Solves the items up to the first whose parameters are not finite, then throws for that one: an error
    /// of a lower item comes first.
    template <class Scalar, int Rank, int Layout>
    void solve_checked(worker<SolverT>& worker, const layer_call<Scalar, Rank, Layout>& call,
                       const Scalar* parameters, bool finite, const Scalar* noise,
                       const std::type_identity_t<Scalar>* start, Scalar* z, const char* overflow) const {
        const std::span<const solve_context> contexts = worker.contexts;
        const std::span<const Eigen::Index> items = worker.items;
        const std::size_t n = static_cast<std::size_t>(call.shape.n);
        const auto solve = [&](std::size_t count) {
            worker.statistics.solves += count;
            const stopwatch watch(options_.statistics ? &worker.statistics.solve_seconds : nullptr);
            solver_port<Scalar, Rank, Layout, SolverT>(solver_, worker.solver, call.shape,
                                                       options_.failures == failure_policy::zero_gradient)
                .solve(parameters, z, contexts.first(count), start, items, [&](std::size_t j) {
                    ++worker.statistics.failed;
                    worker.failed_rows.push_back(items[j] / call.samples);
                });
        };
        if (finite) {
            solve(items.size());
            return;
        }
        const std::size_t bad = first_not_finite(std::span(parameters, items.size() * n)) / n;
        solve(bad);
        const solve_context& at = contexts[bad];
        const std::string where = message(" in instance ", at.instance, ", sample ", at.sample);
        if (noise != nullptr && !all_finite(std::span<const Scalar>(noise + bad * n, n)))
            throw noise_error(message("imle: the noise distribution's fill gave a number that is not finite",
                                      where, "; expected finite noise"),
                              at.instance, at.sample);
        throw std::invalid_argument(message("imle: ", overflow, where));
    }

    SolverT solver_;
    NoiseT noise_;
    TargetT target_;
    layer_options options_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
