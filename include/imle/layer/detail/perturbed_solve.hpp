#pragma once

/// @file
/// One worker's solves: z = MAP(parameters + T * eps) for the few items of a piece.
///
/// Symbols: theta is [batch, n]; eps and z are [batch, sample, n]; an item is one instance and sample. For a
/// minimising solver theta is a cost c: all computations use -c, which is negated again for the solver.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <imle/concepts/noise_distribution.hpp>
#include <imle/core/rounded.hpp>
#include <imle/layer/detail/runner.hpp>
#include <imle/layer/item_noise.hpp>
#include <imle/layer/solver_port.hpp>
#include <imle/simd/exponential.hpp>
#include <imle/simd/scaled_sum.hpp>

namespace imle::inline IMLE_ABI::detail {

/// factors[i] = exp(T * xi[i] - T^2 / 2), by which multiplicative noise scales theta: log-normal with mean 1
/// for standard normal xi (Dalle, Baty, Bouvier, Parmentier, "Learning with combinatorial optimization
/// layers: a probabilistic approach", 2022). Without the term T^2 / 2 its mean would be exp(T^2 / 2).
/// `factors` may be xi.
template <class Scalar>
inline void write_noise_factors(Scalar temperature, const Scalar* xi, Scalar* factors,
                                std::size_t n) noexcept {
    const Scalar shift = rounded(-temperature * temperature / 2);
    for_each_lanes<Scalar>(n, [&]<class Lanes>(std::type_identity<Lanes>, std::size_t i) {
        exp_of(multiply_add(Lanes(temperature), Lanes::load(xi + i), Lanes(shift))).store(factors + i);
    });
}

/// Whether the bits of a perturbed solve depend on noise.
template <class NoiseT>
[[nodiscard]] bool perturbs(double temperature) noexcept {
    return !is_zero_noise<NoiseT> && temperature != 0;
}

/// The parameters of items, of n numbers each. If those are few, they are written several times, so that
/// several items with the same parameters are perturbed together: one alone would leave most lanes empty.
template <class Scalar>
class repetition {
  public:
    using memory = decltype(worker_memory<Scalar>::repeated);

    repetition(memory& copies, std::span<const Scalar* const> parameters, Eigen::Index n)
        : copies_(copies), parameters_(parameters), n_(n) {
        constexpr Eigen::Index few = 64;
        if (n == 0 || n > few) return;
        const auto all = static_cast<Eigen::Index>(parameters.size());
        const auto most = static_cast<Eigen::Index>(copies.size());
        most_ = all * n <= most ? all : most / n;
    }

    struct run {
        const Scalar* numbers;
        Eigen::Index count;
    };
    /// The parameters of item j and of `count` - 1 items after it, one after the other. Valid until the next
    /// call.
    [[nodiscard]] run from(Eigen::Index j) {
        const auto first = static_cast<std::size_t>(j);
        const Scalar* const own = parameters_[first];
        const std::size_t end = std::min(parameters_.size(), first + static_cast<std::size_t>(most_));
        std::size_t next = first + 1;
        while (next < end && parameters_[next] == own) ++next;
        const auto count = static_cast<Eigen::Index>(next - first);
        if (count == 1) return {own, 1};
        if (own != written_) copied_ = 0;
        written_ = own;
        for (const Eigen::Index size = count * n_; copied_ < size;) {
            const Eigen::Index more = copied_ == 0 ? n_ : std::min(copied_, size - copied_);
            std::copy_n(copied_ == 0 ? own : copies_.data(), more, copies_.data() + copied_);
            copied_ += more;
        }
        return {copies_.data(), count};
    }

  private:
    memory& copies_;
    std::span<const Scalar* const> parameters_;
    Eigen::Index n_;
    Eigen::Index most_ = 1;
    const Scalar* written_ = nullptr;
    Eigen::Index copied_ = 0;
};

/// Solves with a layer's solver and noise. Functions that take items work on `worker.items` or some of them.
/// They return memory of the worker, which is valid until the next call.
template <class SolverT, class NoiseT>
class perturbed_solve {
  public:
    static constexpr bool minimizes = sense_of<SolverT> == sense::minimize;
    using worker_type = worker<SolverT>;

    perturbed_solve(const SolverT& solver, const NoiseT& noise, const layer_options& options)
        : solver_(solver), noise_(noise), options_(options) {}

    /// eps of the worker's items, n numbers each. Coordinate i gets element ((first_instance + b) * S + s) *
    /// n + i of the key's sequence. Elements of consecutive items are consecutive, so one request covers them
    /// all. With `sampling::latin` their words are stratified: see `fill_item_noise`.
    template <class Scalar, int Rank, int Layout>
    [[nodiscard]] const Scalar* noise(worker_type& worker,
                                      const layer_call<Scalar, Rank, Layout>& call) const {
        const std::vector<Eigen::Index>& items = worker.items;
        const std::uint64_t first_item = call.first_instance() * static_cast<std::uint64_t>(call.samples);
        const std::size_t n = static_cast<std::size_t>(call.shape.n);
        Scalar* const noise =
            worker.template memory_of<Scalar>().noise.take(worker.item_count() * call.shape.n);
        for (std::size_t j = 0, end; j < items.size(); j = end) {
            end = j + 1;
            while (end < items.size() && items[end] == items[end - 1] + 1) ++end;
            const std::uint64_t item = first_item + static_cast<std::uint64_t>(items[j]);
            const stopwatch watch(options_.statistics ? &worker.statistics.noise_seconds : nullptr);
            fill_item_noise(noise_, options_.sampling, call.key, static_cast<std::uint64_t>(call.samples), n,
                            item, std::span<Scalar>(noise + j * n, (end - j) * n));
        }
        return noise;
    }

    /// theta of the worker's items; a cost is negated.
    template <class Scalar, int Rank, int Layout>
    [[nodiscard]] std::span<const Scalar* const> theta(worker_type& worker,
                                                       const layer_call<Scalar, Rank, Layout>& call) const {
        const Eigen::Index n = call.shape.n;
        worker_memory<Scalar>& memory = worker.template memory_of<Scalar>();
        memory.parameters.clear();
        [[maybe_unused]] Scalar* next = memory.own_parameters.take(minimizes ? worker.item_count() * n : 0);
        const Scalar* theta = nullptr;
        Eigen::Index row_end = 0;
        for (const Eigen::Index item : worker.items) {
            if (item >= row_end) {
                const Eigen::Index row = call.row_of(item);
                row_end = (row + 1) * call.samples;
                theta = call.theta_of(row);
                if constexpr (minimizes) {
                    for (Eigen::Index i = 0; i < n; ++i) next[i] = -theta[i];
                    theta = next;
                    next += n;
                }
            }
            memory.parameters.push_back(theta);
        }
        return memory.parameters;
    }

    /// z = MAP(theta + T_in * eps) of the worker's items, or the argmin of c - T_in * eps.
    template <class Scalar, int Rank, int Layout>
    void solve_theta(worker_type& worker, const layer_call<Scalar, Rank, Layout>& call, double temperature,
                     const std::type_identity_t<Scalar>* noise, Scalar* z) const {
        solve(worker, call, theta(worker, call), temperature, noise, nullptr, z,
              is_multiplicative_noise<NoiseT>
                  ? "theta * exp(T * noise - T^2 / 2), T the input_temperature, overflows or underflows; "
                    "expected a smaller temperature"
                  : "theta + input_temperature * noise overflows; expected finite sums");
    }

    /// z = MAP(parameters + T * eps) of the worker's items. Both passes use this function, so the operations
    /// and their order are the same: if theta' is theta and the temperatures are equal, the solver gets the
    /// bits of the forward pass again. `noise` may be null. `start` is null or holds, for each item of the
    /// call, a solution to start from. `overflow` is the error message for a sum that is not finite.
    template <class Scalar, int Rank, int Layout>
    void solve(worker_type& worker, const layer_call<Scalar, Rank, Layout>& call,
               std::span<const Scalar* const> parameters, double temperature,
               const std::type_identity_t<Scalar>* noise, const std::type_identity_t<Scalar>* start,
               Scalar* z, const char* overflow) const {
        const Eigen::Index n = call.shape.n;
        Scalar* const perturbed = worker.template memory_of<Scalar>().perturbed.take(worker.item_count() * n);
        const Scalar scale = static_cast<Scalar>(temperature);
        // Checks right here, while the numbers are in the nearest cache.
        finite_check<Scalar> check;
        repetition<Scalar> repeated(worker.template memory_of<Scalar>().repeated, parameters, n);
        for (Eigen::Index j = 0; j < worker.item_count();) {
            const auto [from, count] = repeated.from(j);
            const Eigen::Index size = count * n;
            Scalar* const out = perturbed + j * n;
            if (noise != nullptr && scale != Scalar(0))
                perturb(from, scale, noise + j * n, out, size, check);
            else
                for (Eigen::Index i = 0; i < size; ++i) check.add(out[i] = minimizes ? -from[i] : from[i]);
            j += count;
        }
        load_contexts(worker, call);
        if (call.is_masked()) {
            // Checks again: numbers at forbidden coordinates must not count.
            check = {};
            for (Eigen::Index j = 0; j < worker.item_count(); ++j) {
                Scalar* const out = perturbed + j * n;
                write_forbidden(worker.contexts[static_cast<std::size_t>(j)].mask, out);
                for (Eigen::Index i = 0; i < n; ++i) check.add(out[i]);
            }
        }
        if (check.all_finite()) {
            solve_items(worker, call, perturbed, worker.items.size(), start, z);
            return;
        }
        // Items before the first bad one are solved, because an error of a lower item takes precedence.
        const std::span<const Scalar> all(perturbed, static_cast<std::size_t>(worker.item_count() * n));
        const std::size_t bad = first_not_finite(all) / static_cast<std::size_t>(n);
        solve_items(worker, call, perturbed, bad, start, z);
        const solve_context& at = worker.contexts[bad];
        const std::string where = message(" in instance ", at.instance, ", sample ", at.sample);
        const auto size = static_cast<std::size_t>(n);
        if (noise != nullptr && !all_finite(std::span<const Scalar>(noise + bad * size, size)))
            throw noise_error(message("imle: the noise distribution's fill gave a number that is not finite",
                                      where, "; expected finite noise"),
                              at.instance, at.sample);
        throw std::invalid_argument(message("imle: ", overflow, where));
    }

  private:
    static void load_contexts(worker_type& worker, const auto& call) {
        const std::vector<Eigen::Index>& items = worker.items;
        const std::uint64_t samples = static_cast<std::uint64_t>(call.samples);
        std::vector<solve_context>& contexts = worker.contexts;
        contexts.resize(items.size());
        solve_context of_row{};
        std::uint64_t sample = samples;
        for (std::size_t j = 0; j < items.size(); ++j) {
            // This is usually the next sample of the item before.
            if (j == 0 || items[j] != items[j - 1] + 1 || ++sample >= samples) {
                const Eigen::Index row = call.row_of(items[j]);
                sample = static_cast<std::uint64_t>(items[j] - row * call.samples);
                of_row = call.context_of(row, sample);
            }
            // Not a copy of the context before: its number of the sample would still be on its way to memory.
            contexts[j] = {of_row.instance, sample, of_row.id, of_row.mask};
        }
    }

    /// out = parameters + scale * noise or, for multiplicative noise, parameters * exp(scale * noise -
    /// scale^2 / 2). For a cost, out is the negative of that. A factor that underflows gives NaN, because
    /// theta would be lost.
    template <class Scalar>
    static void perturb(const Scalar* parameters, Scalar scale, const Scalar* noise, Scalar* out,
                        Eigen::Index n, finite_check<Scalar>& check) {
        const auto size = static_cast<std::size_t>(n);
        if constexpr (is_multiplicative_noise<NoiseT>) {
            write_noise_factors(scale, noise, out, size);
            for (std::size_t i = 0; i < size; ++i)
                out[i] = out[i] >= std::numeric_limits<Scalar>::min() ? parameters[i] * out[i]
                                                                      : unwritten<Scalar>();
            for (std::size_t i = 0; i < size; ++i) check.add(out[i] = minimizes ? -out[i] : out[i]);
        } else {
            write_scaled_sum<minimizes>(scale, noise, parameters, out, size, check);
        }
    }

    /// Solves the first `count` of the worker's items.
    template <class Scalar, int Rank, int Layout>
    void solve_items(worker_type& worker, const layer_call<Scalar, Rank, Layout>& call,
                     const Scalar* parameters, std::size_t count, const std::type_identity_t<Scalar>* start,
                     Scalar* z) const {
        worker.statistics.solves += count;
        const stopwatch watch(options_.statistics ? &worker.statistics.solve_seconds : nullptr);
        solver_port<Scalar, Rank, Layout, SolverT>(solver_, worker.solver, call.shape,
                                                   options_.failures == failure_policy::zero_gradient)
            .solve(parameters, z, std::span<const solve_context>(worker.contexts).first(count), start,
                   worker.items, [&](std::size_t j) {
                       ++worker.statistics.failed;
                       worker.failed_rows.push_back(worker.items[j] / call.samples);
                   });
    }

    const SolverT& solver_;
    const NoiseT& noise_;
    const layer_options& options_;
};

}  // namespace imle::inline IMLE_ABI::detail
