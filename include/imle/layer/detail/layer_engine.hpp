#pragma once

/// @file
/// The work behind `imle_layer`: perturb-and-MAP forward, implicit differentiation backward, piece by piece.
///
/// Symbols: theta [batch, n], eps [batch, sample, n], z and dz likewise; T_in and T_tgt the temperatures.
///
///     z[b,s]  = MAP(theta[b] + T_in * eps[b,s])                                       (perturb-and-MAP)
///     grad[b] = mean over s of z[b,s] - MAP(theta'[b,s] + T_tgt * eps[b,s])           (I-MLE)
///
/// For a minimising solver theta is a cost c: everything is worked out for -c, and negated where the solver
/// and the caller look. The same eps serves both passes: it is replayed from the key.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <thread>
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
#include <imle/layer/detail/sample_plan.hpp>
#include <imle/layer/detail/sample_sum.hpp>
#include <imle/layer/detail/solver_port.hpp>
#include <imle/layer/detail/worker.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/parallel/detail/run_units.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A layer's parts and its workers. Copied by hand: see `imle_layer`.
template <class SolverT, class NoiseT, class TargetT, class ExecutorT>
class layer_engine {
  public:
    layer_engine(SolverT solver, NoiseT noise, TargetT target, const layer_options& options,
                 ExecutorT executor)
        : solver_(std::move(solver)),
          noise_(std::move(noise)),
          target_(std::move(target)),
          options_(options),
          executor_(std::move(executor)) {}

    /// Same parts, no worker yet.
    layer_engine(const layer_engine& other)
        : solver_(other.solver_),
          noise_(other.noise_),
          target_(other.target_),
          options_(other.options_),
          executor_(other.executor_) {}
    layer_engine& operator=(const layer_engine&) = delete;

    [[nodiscard]] const SolverT& solver() const noexcept { return solver_; }
    [[nodiscard]] const NoiseT& noise() const noexcept { return noise_; }
    [[nodiscard]] TargetT& target() noexcept { return target_; }
    [[nodiscard]] const layer_options& options() const noexcept { return options_; }

    /// Writes z of every instance and sample.
    template <class Scalar, int Rank, int Layout>
    void sample(const layer_call<Scalar, Rank, Layout>& call, Scalar* z) {
        const sample_plan plan(call.shape.batch, call.samples, call.shape.n);
        run(
            plan, 0, call,
            [&](auto& worker, const auto& plan_piece) {
                solve_perturbed_theta(worker, call, plan_piece, z + plan_piece.first * plan.n);
            },
            options_.input_temperature != 0);
    }

    /// Writes the mean of z over the samples.
    template <class Scalar, int Rank, int Layout>
    void marginals(const layer_call<Scalar, Rank, Layout>& call, Scalar* mean) {
        reduce(call, 1.0, mean, options_.input_temperature != 0, [&](auto& worker, const auto& plan_piece) {
            Scalar* const z = worker.template scratch_of<Scalar>().z.take(plan_piece.count * call.shape.n);
            solve_perturbed_theta(worker, call, plan_piece, z);
            return static_cast<const Scalar*>(z);
        });
    }

    /// Sums over the call for targets that ask for them; `nonzeros` is not known yet.
    template <class Scalar, int Rank, int Layout>
    [[nodiscard]] target_sums sums(const layer_call<Scalar, Rank, Layout>& call,
                                   const cotangent<Scalar>& dz) const {
        const Eigen::Index theta_size = call.shape.batch * call.shape.n;
        const Eigen::Index dz_size = dz.per_sample ? theta_size * call.samples : theta_size;
        target_sums result;
        result.theta_squared = sum_of_squares(call.theta, theta_size);
        result.theta_count = static_cast<std::uint64_t>(theta_size);
        result.dz_squared = sum_of_squares(dz.dz, dz_size);
        result.dz_count = static_cast<std::uint64_t>(dz_size);
        return result;
    }

    /// Writes the gradient. `z` are the forward pass's samples; where it kept none, `z` is null and `mean_z`
    /// is its mean. Returns the counts for the target's update (zero where it has none). The target is not
    /// changed.
    template <class Scalar, int Rank, int Layout>
    target_sums vjp(const layer_call<Scalar, Rank, Layout>& call, const cotangent<Scalar>& dz,
                    const std::type_identity_t<Scalar>* z, const std::type_identity_t<Scalar>* mean_z,
                    const target_sums& sums, Scalar* gradient) {
        if constexpr (has_for_call<TargetT>)
            return vjp_with(target_.for_call(sums), call, dz, z, mean_z, gradient);
        else
            return vjp_with(target_, call, dz, z, mean_z, gradient);
    }

    /// Marks the layer as in use for a call's time, and cleans up after an exception.
    class use {
      public:
        explicit use(layer_engine& engine) : engine_(engine) {
            if (engine_.in_use_.exchange(true, std::memory_order_acquire))
                throw std::logic_error(
                    "imle: the layer is in use by another call; expected one thread at a time and no call "
                    "from "
                    "inside a solver (copy the layer: copies are independent and cheap)");
        }
        use(const use&) = delete;
        use& operator=(const use&) = delete;
        ~use() {
            // Without `succeeded`, what the workers' solvers were doing is not known: they are made afresh.
            if (!succeeded_)
                for (auto& worker : engine_.workers_) worker->solver.reset();
            engine_.in_use_.store(false, std::memory_order_release);
        }
        void succeeded() noexcept { succeeded_ = true; }

      private:
        layer_engine& engine_;
        bool succeeded_ = false;
    };

  private:
    static constexpr bool minimizes = sense_of<SolverT> == sense::minimize;

    /// A float's square fits a double; a double's may not, but fits a long double.
    template <class Scalar>
    [[nodiscard]] static long double sum_of_squares(const Scalar* values, Eigen::Index size) {
        std::conditional_t<std::is_same_v<Scalar, float>, double, long double> total = 0;
        for (Eigen::Index i = 0; i < size; ++i) {
            const auto x = static_cast<decltype(total)>(values[i]);
            total += x * x;
        }
        return total;
    }

    // ---- the cut into units and pieces --------------------------------------------------------------------

    /// Calls f(worker, piece) for every piece of a plan whose first instance is `instance_offset` of the
    /// call.
    template <class Scalar, int Rank, int Layout, class F>
    void run(const sample_plan& plan, Eigen::Index instance_offset,
             const layer_call<Scalar, Rank, Layout>& call, F&& f, bool needs_noise) {
        const std::size_t units = static_cast<std::size_t>(plan.units());
        const std::size_t workers = std::min(units, worker_count());
        while (workers_.size() < workers) workers_.push_back(std::make_unique<worker<SolverT>>());
        run_units(executor_, workers, units, [&](std::size_t worker_index, std::size_t unit) {
            worker<SolverT>& worker = *workers_[worker_index];
            if (!worker.solver) worker.solver.emplace(solver_);
            const auto [first, last] = plan.items(static_cast<Eigen::Index>(unit));
            for (Eigen::Index item = first; item < last; item += plan.piece)
                f(worker, load_piece(worker, call, instance_offset * plan.samples + item,
                                     std::min(plan.piece, last - item), needs_noise));
        });
    }

    [[nodiscard]] std::size_t worker_count() const {
        const unsigned count = options_.threads > 0 ? static_cast<unsigned>(options_.threads)
                                                    : std::thread::hardware_concurrency();
        return std::max(1u, count);
    }

    /// Fills in the contexts and, where asked, the noise of `count` items of the call.
    template <class Scalar, int Rank, int Layout>
    [[nodiscard]] piece<Scalar> load_piece(worker<SolverT>& worker,
                                           const layer_call<Scalar, Rank, Layout>& call, Eigen::Index first,
                                           Eigen::Index count, bool needs_noise) {
        const std::uint64_t samples = static_cast<std::uint64_t>(call.samples);
        const std::uint64_t first_item = call.first_instance * samples + static_cast<std::uint64_t>(first);
        worker.contexts.resize(static_cast<std::size_t>(count));
        for (std::size_t i = 0; i < worker.contexts.size(); ++i)
            worker.contexts[i] = {(first_item + i) / samples, (first_item + i) % samples};
        piece<Scalar> result{first, count, worker.contexts, nullptr};
        if constexpr (!is_zero_noise<NoiseT>)
            if (needs_noise) {
                const Eigen::Index size = count * call.shape.n;
                Scalar* const noise = worker.template scratch_of<Scalar>().noise.take(size);
                noise_.fill(call.key, first_item * static_cast<std::uint64_t>(call.shape.n),
                            std::span<Scalar>(noise, static_cast<std::size_t>(size)));
                result.noise = noise;
            }
        return result;
    }

    /// Means over samples of what `numbers(worker, piece)` returns, divided by `divisor`. Instances are taken
    /// in waves, so that the partial sums' memory is bounded for any batch.
    template <class Scalar, int Rank, int Layout, class F>
    void reduce(const layer_call<Scalar, Rank, Layout>& call, double divisor, Scalar* mean, bool needs_noise,
                F&& numbers) {
        const sample_plan whole(call.shape.batch, call.samples, call.shape.n);
        const Eigen::Index most_doubles = Eigen::Index{1} << 22;  // 32 MiB
        const Eigen::Index per_instance = std::max<Eigen::Index>(1, whole.chunks * whole.n);
        // A whole number of units, so that the waves cut the call where the plan does.
        const Eigen::Index wave =
            std::max<Eigen::Index>(1, most_doubles / per_instance / whole.instances_per_unit) *
            whole.instances_per_unit;
        for (Eigen::Index begin = 0; begin < whole.batch; begin += wave) {
            const sample_plan plan(std::min(wave, whole.batch - begin), call.samples, call.shape.n);
            sample_sum sum(plan, sums_.take(sample_sum::size(plan)));
            run(
                plan, begin, call,
                [&](auto& worker, const auto& plan_piece) {
                    sum.add(plan_piece.first - begin * plan.samples, plan_piece.count,
                            numbers(worker, plan_piece));
                },
                needs_noise);
            sum.write_mean(divisor, mean + begin * plan.n);
        }
    }

    // ---- one piece ----------------------------------------------------------------------------------------

    /// z = MAP(theta + T_in * eps), or the argmin of c - T_in * eps.
    template <class Scalar, int Rank, int Layout>
    void solve_perturbed_theta(worker<SolverT>& worker, const layer_call<Scalar, Rank, Layout>& call,
                               const piece<Scalar>& part, Scalar* z) {
        const Eigen::Index n = call.shape.n;
        Scalar* const perturbed = worker.template scratch_of<Scalar>().perturbed.take(part.count * n);
        for (Eigen::Index k = 0; k < part.count; ++k)
            std::copy_n(call.theta + (part.first + k) / call.samples * n, n, perturbed + k * n);
        const Scalar temperature = static_cast<Scalar>(options_.input_temperature);
        add_noise(minimizes ? -temperature : temperature, part.noise, part.count * n, perturbed);
        solve_checked(worker, call, part, perturbed, z,
                      "theta + input_temperature * noise overflows; expected finite sums");
    }

    /// z' = MAP(theta' + T_tgt * eps) for the cotangent dz or, on the other side of a central difference,
    /// -dz.
    template <class Scalar, int Rank, int Layout, class CallTargetT>
    void solve_target(worker<SolverT>& worker, const layer_call<Scalar, Rank, Layout>& call,
                      const piece<Scalar>& part, const CallTargetT& target, const cotangent<Scalar>& dz,
                      bool other_side, Scalar* z) {
        const Eigen::Index n = call.shape.n;
        const std::size_t size = static_cast<std::size_t>(n);
        worker_scratch<Scalar>& memory = worker.template scratch_of<Scalar>();
        Scalar* const theta_prime = memory.perturbed.take(part.count * n);
        // What a target forgets to write must not pass for a number of an earlier piece.
        std::fill_n(theta_prime, part.count * n, unwritten<Scalar>());
        for (Eigen::Index k = 0; k < part.count; ++k) {
            const Eigen::Index instance = (part.first + k) / call.samples;
            const Scalar* theta = call.theta + instance * n;
            const Scalar* item_dz = dz.dz + (dz.per_sample ? part.first + k : instance) * n;
            if constexpr (minimizes) theta = negated(memory.negated_theta, theta, n);
            if (other_side) item_dz = negated(memory.negated_dz, item_dz, n);
            target.parameters(std::span<const Scalar>(theta, size), std::span<const Scalar>(item_dz, size),
                              std::span<Scalar>(theta_prime + k * n, size));
        }
        add_noise(static_cast<Scalar>(options_.target_temperature), part.noise, part.count * n, theta_prime);
        if constexpr (minimizes)
            for (Eigen::Index i = 0; i < part.count * n; ++i) theta_prime[i] = -theta_prime[i];
        solve_checked(
            worker, call, part, theta_prime, z,
            "the target's theta' + target_temperature * noise overflows; expected alpha, beta and a temperature "
            "that keep it finite");
    }

    template <class Scalar>
    [[nodiscard]] static const Scalar* negated(buffer<Scalar>& memory, const Scalar* values, Eigen::Index n) {
        Scalar* const result = memory.take(n);
        for (Eigen::Index i = 0; i < n; ++i) result[i] = -values[i];
        return result;
    }

    template <class Scalar>
    static void add_noise(Scalar temperature, const Scalar* noise, Eigen::Index size, Scalar* parameters) {
        if (noise == nullptr || temperature == Scalar(0)) return;
        for (Eigen::Index i = 0; i < size; ++i)
            parameters[i] = multiply_add(temperature, noise[i], parameters[i]);
    }

    /// Solves the items up to the first whose parameters are not finite, then throws for that one: an error
    /// of a lower item comes first.
    template <class Scalar, int Rank, int Layout>
    void solve_checked(worker<SolverT>& worker, const layer_call<Scalar, Rank, Layout>& call,
                       const piece<Scalar>& part, const Scalar* parameters, Scalar* z, const char* overflow) {
        const std::size_t size = static_cast<std::size_t>(part.count * call.shape.n);
        const std::span<const Scalar> all(parameters, size);
        if (all_finite(all)) {
            solve_all<Scalar, Rank, Layout>(*worker.solver, call.shape, parameters, z, part.contexts);
            return;
        }
        const std::size_t n = static_cast<std::size_t>(call.shape.n);
        const std::size_t bad = first_not_finite(all) / n;
        solve_all<Scalar, Rank, Layout>(*worker.solver, call.shape, parameters, z, part.contexts.first(bad));
        const solve_context& at = part.contexts[bad];
        const std::string where = message(" in instance ", at.instance, ", sample ", at.sample);
        if (part.noise != nullptr && !all_finite(std::span<const Scalar>(part.noise + bad * n, n)))
            throw noise_error(message("imle: the noise distribution's fill gave a number that is not finite",
                                      where, "; expected finite noise"),
                              at.instance, at.sample);
        throw std::invalid_argument(message("imle: ", overflow, where));
    }

    // ---- the backward pass --------------------------------------------------------------------------------

    template <class CallTargetT, class Scalar, int Rank, int Layout>
    target_sums vjp_with(const CallTargetT& target, const layer_call<Scalar, Rank, Layout>& call,
                         const cotangent<Scalar>& dz, const Scalar* z, const Scalar* mean_z,
                         Scalar* gradient) {
        constexpr bool counts = has_update<TargetT>;
        const bool central = options_.difference == difference::central;
        // Without z, a one-sided difference needs only the mean of z'; counting needs each difference, and so
        // z.
        const bool solves_z = !central && z == nullptr && counts;
        const bool only_other = !central && z == nullptr && !counts;
        const bool needs_noise =
            options_.target_temperature != 0 || (solves_z && options_.input_temperature != 0);
        const double step = step_of(target);
        const double divisor = central ? 2 * step : step;
        std::atomic<std::uint64_t> nonzeros{0};

        reduce(call, only_other ? 1.0 : divisor, gradient, needs_noise, [&](auto& worker, const auto& part) {
            const Eigen::Index size = part.count * call.shape.n;
            worker_scratch<Scalar>& memory = worker.template scratch_of<Scalar>();
            Scalar* const other = memory.other_z.take(size);
            solve_target(worker, call, part, target, dz, false, other);
            if (only_other) return static_cast<const Scalar*>(other);

            const Scalar* near = z == nullptr ? nullptr : z + part.first * call.shape.n;
            if (central || solves_z) {
                Scalar* const solved = memory.z.take(size);
                if (central)
                    solve_target(worker, call, part, target, dz, true, solved);
                else
                    solve_perturbed_theta(worker, call, part, solved);
                near = solved;
            }
            std::uint64_t count = 0;
            for (Eigen::Index i = 0; i < size; ++i) {
                const Scalar change = minimizes ? other[i] - near[i] : near[i] - other[i];
                if constexpr (counts) count += change != Scalar(0);
                other[i] = change;
            }
            if constexpr (counts) nonzeros.fetch_add(count, std::memory_order_relaxed);
            return static_cast<const Scalar*>(other);
        });

        const Eigen::Index theta_size = call.shape.batch * call.shape.n;
        if (only_other)
            for (Eigen::Index i = 0; i < theta_size; ++i) {
                const double near = static_cast<double>(mean_z[i]);
                const double other = static_cast<double>(gradient[i]);
                gradient[i] = static_cast<Scalar>((minimizes ? other - near : near - other) / divisor);
            }
        if (!all_finite(std::span<const Scalar>(gradient, static_cast<std::size_t>(theta_size))))
            throw_invalid("the gradient divided by the target's step", message("infinite at step ", step),
                          "a step large enough, or an unscaled gradient");
        target_sums result;
        if constexpr (counts) {
            result.nonzeros = nonzeros.load();
            result.differences = static_cast<std::uint64_t>(call.shape.batch * call.samples);
        }
        return result;
    }

    /// The step by which the gradient is divided: 1 where the target has none, or took none.
    template <class CallTargetT>
    [[nodiscard]] static double step_of(const CallTargetT& target) {
        if constexpr (has_gradient_divisor<CallTargetT>) {
            const double divisor = target.gradient_divisor();
            return divisor == 0 ? 1.0 : divisor;
        } else {
            return 1.0;
        }
    }

    SolverT solver_;
    NoiseT noise_;
    TargetT target_;
    layer_options options_;
    ExecutorT executor_;
    std::vector<std::unique_ptr<worker<SolverT>>> workers_;
    buffer<double> sums_;
    std::atomic<bool> in_use_{false};
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
