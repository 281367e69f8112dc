#pragma once

/// @file
/// The work behind `imle_layer`: perturb-and-MAP forward, implicit differentiation backward, piece by piece.
///
///     z[b,s]  = MAP(theta[b] + T_in * eps[b,s])                                       (perturb-and-MAP)
///     grad[b] = mean over s of z[b,s] - MAP(theta'[b,s] + T_tgt * eps[b,s])           (I-MLE)
///
/// The same eps serves both passes: it is replayed from the key.

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/concepts/solver.hpp>
#include <imle/concepts/target_distribution.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>
#include <imle/layer/detail/call_record.hpp>
#include <imle/layer/detail/layer_call.hpp>
#include <imle/layer/detail/layer_parts.hpp>
#include <imle/layer/detail/piece.hpp>
#include <imle/layer/detail/sample_plan.hpp>
#include <imle/layer/detail/sample_sum.hpp>
#include <imle/layer/detail/worker.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/parallel/detail/run_units.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A layer's parts and its workers. Copied by hand: see `imle_layer`.
template <class SolverT, class NoiseT, class TargetT, class ExecutorT>
class layer_engine {
    using parts_type = layer_parts<SolverT, NoiseT, TargetT>;

  public:
    layer_engine(SolverT solver, NoiseT noise, TargetT target, const layer_options& options,
                 ExecutorT executor)
        : parts_(std::move(solver), std::move(noise), std::move(target), options),
          executor_(std::move(executor)) {}

    /// Same parts, no worker yet.
    layer_engine(const layer_engine& other) : parts_(other.parts_), executor_(other.executor_) {}
    layer_engine& operator=(const layer_engine&) = delete;

    [[nodiscard]] const SolverT& solver() const noexcept { return parts_.solver(); }
    [[nodiscard]] const NoiseT& noise() const noexcept { return parts_.noise(); }
    [[nodiscard]] TargetT& target() noexcept { return parts_.target(); }
    [[nodiscard]] const layer_options& options() const noexcept { return parts_.options(); }

    /// What the last call did.
    [[nodiscard]] const call_record<SolverT>& record() const noexcept { return record_; }

    /// Writes z of every instance and sample.
    template <class Scalar, int Rank, int Layout>
    void sample(const layer_call<Scalar, Rank, Layout>& call, Scalar* z) {
        const sample_plan plan(call.shape.batch, call.samples, call.shape.n,
                               grain_of(call, pass_kind::samples));
        record_.expect_solves(solves_of(call));
        run<Scalar>(plan, 0, pass_kind::samples, [&](auto& worker, const piece& part) {
            parts_.load_items(worker, call, options().input_temperature != 0);
            parts_.solve_perturbed_theta(worker, call, z + part.first * plan.n);
        });
    }

    /// Writes the mean of z over the samples.
    template <class Scalar, int Rank, int Layout>
    void marginals(const layer_call<Scalar, Rank, Layout>& call, Scalar* mean) {
        record_.expect_solves(solves_of(call));
        reduce(call, pass_kind::marginals, 1.0, mean, [&](auto& worker, const piece& part, auto& sum) {
            const Eigen::Index n = call.shape.n;
            Scalar* const z = worker.template scratch_of<Scalar>().z.take(part.count * n);
            parts_.load_items(worker, call, options().input_temperature != 0);
            parts_.solve_perturbed_theta(worker, call, z);
            sum.add(part, worker.items, [&](std::size_t j) { return row_of(z, j, n); });
        });
    }

    /// Sums over the call for targets that ask for them; `nonzeros` is not known yet.
    template <class Scalar, int Rank, int Layout>
    [[nodiscard]] target_sums sums(const layer_call<Scalar, Rank, Layout>& call,
                                   const cotangent<Scalar>& dz) const {
        return sums_of_rows(call, dz, 0, call.shape.batch);
    }

    /// Writes the gradient. `z` are the forward pass's samples; where it kept none, `z` is null and `mean_z`
    /// is its mean. `failed` are the rows that failed there, rising: their gradient is 0. Returns the counts
    /// for the target's update (zero where it has none). The target is not changed.
    template <class Scalar, int Rank, int Layout>
    target_sums vjp(const layer_call<Scalar, Rank, Layout>& call, const cotangent<Scalar>& dz,
                    const std::type_identity_t<Scalar>* z, const std::type_identity_t<Scalar>* mean_z,
                    std::span<const Eigen::Index> failed, const target_sums& sums, Scalar* gradient) {
        const auto vjp_with_one = [&](const auto& one) {
            const auto target_of = [&](Eigen::Index) -> const auto& {
                return one;
            };
            return vjp_with(target_of, step_of(one), call, dz, z, mean_z, failed, gradient);
        };
        if constexpr (has_for_instance<TargetT>) {
            instance_targets_.clear();
            for (Eigen::Index row = 0; row < call.shape.batch; ++row)
                instance_targets_.push_back(target().for_instance(sums_of_rows(call, dz, row, 1)));
            const auto target_of = [&](Eigen::Index row) -> const auto& {
                return instance_targets_[static_cast<std::size_t>(row)];
            };
            return vjp_with(target_of, std::nullopt, call, dz, z, mean_z, failed, gradient);
        } else if constexpr (has_for_call<TargetT>) {
            return vjp_with_one(target().for_call(sums));
        } else {
            return vjp_with_one(target());
        }
    }

    /// Marks the layer as in use for a call's time, gathers what its workers noted, and cleans up after an
    /// exception.
    class use {
      public:
        explicit use(layer_engine& engine) : engine_(engine) {
            if (engine_.in_use_.exchange(true, std::memory_order_acquire))
                throw std::logic_error(
                    "imle: the layer is in use by another call; expected one thread at a time and no call "
                    "from inside a solver (copy the layer: copies are independent and cheap)");
            engine_.record_.begin(engine_.workers_);
        }
        use(const use&) = delete;
        use& operator=(const use&) = delete;
        ~use() {
            // Without `succeeded`, what the workers' solvers were doing is not known: they are made afresh.
            if (!succeeded_)
                for (auto& worker : engine_.workers_) worker->solver.reset();
            engine_.in_use_.store(false, std::memory_order_release);
        }
        void succeeded() {
            engine_.record_.finish(engine_.workers_);
            succeeded_ = true;
        }

      private:
        layer_engine& engine_;
        bool succeeded_ = false;
    };

  private:
    static constexpr bool minimizes = parts_type::minimizes;

    /// The j-th of consecutive rows of n numbers.
    template <class Scalar>
    [[nodiscard]] static auto row_of(const Scalar* values, std::size_t j, Eigen::Index n) {
        return [row = values + static_cast<Eigen::Index>(j) * n](Eigen::Index i) { return row[i]; };
    }

    template <class Scalar, int Rank, int Layout>
    [[nodiscard]] solve_grain grain_of(const layer_call<Scalar, Rank, Layout>& call, pass_kind kind) const {
        constexpr bool one_by_one = !BatchSolver<SolverT, Scalar, Rank, Layout>;
        solve_grain grain{one_by_one, static_cast<Eigen::Index>(worker_count())};
        const item_cost& cost = cost_of(kind);
        if (one_by_one && cost.n == call.shape.n && cost.seconds > 0) {
            // Handing out a unit and reading the clock take some tenths of a microsecond.
            const double worth_handing_out = 5e-6;
            const double most = static_cast<double>(std::numeric_limits<int>::max());
            grain.least_items =
                static_cast<Eigen::Index>(std::min(most, std::ceil(worth_handing_out / cost.seconds)));
        }
        return grain;
    }

    template <class CallT>
    [[nodiscard]] static std::uint64_t solves_of(const CallT& call) {
        return static_cast<std::uint64_t>(call.shape.batch * call.samples);
    }

    /// What a target may know of `count` rows of the call from `first` on, but for `nonzeros`.
    template <class Scalar, int Rank, int Layout>
    [[nodiscard]] static target_sums sums_of_rows(const layer_call<Scalar, Rank, Layout>& call,
                                                  const cotangent<Scalar>& dz, Eigen::Index first,
                                                  Eigen::Index count) {
        const Eigen::Index dz_per_row = (dz.per_sample ? call.samples : 1) * call.shape.n;
        target_sums result;
        result.theta_squared = sum_of_squares(call.theta + first * call.shape.n, count * call.shape.n);
        result.theta_count = static_cast<std::uint64_t>(count * call.shape.n);
        result.dz_squared = sum_of_squares(dz.dz + first * dz_per_row, count * dz_per_row, dz.scale);
        result.dz_count = static_cast<std::uint64_t>(count * dz_per_row);
        return result;
    }

    /// A float's square fits a double; a double's may not, but fits a long double.
    template <class Scalar>
    [[nodiscard]] static long double sum_of_squares(const Scalar* values, Eigen::Index size,
                                                    Scalar scale = 1) {
        std::conditional_t<std::is_same_v<Scalar, float>, double, long double> total = 0;
        for (Eigen::Index i = 0; i < size; ++i) {
            const auto x = static_cast<decltype(total)>(scale * values[i]);
            total += x * x;
        }
        return total;
    }

    // ---- the cut into units and pieces --------------------------------------------------------------------

    /// Calls f(worker, piece) for every piece of a plan whose first instance is `instance_offset` of the
    /// call; `worker.items` are then the piece's.
    template <class Scalar, class F>
    void run(const sample_plan& plan, Eigen::Index instance_offset, pass_kind kind, F&& f) {
        const std::size_t units = static_cast<std::size_t>(plan.units());
        const std::size_t workers = std::min(units, worker_count());
        while (workers_.size() < workers) workers_.push_back(std::make_unique<worker<SolverT>>());
        for (std::size_t i = 0; i < workers; ++i)
            workers_[i]->template prepare<Scalar>(solver(), std::min(plan.piece, plan.batch * plan.samples),
                                                  plan.n, kind);
        const bool timed = options().statistics;
        const stopwatch parallel(timed ? &record_.parallel_seconds() : nullptr);
        const double items = static_cast<double>(plan.batch * plan.samples);
        item_cost& cost = cost_of(kind);
        const double expected_seconds = cost.n == plan.n ? cost.seconds * items : 0;
        double spent = 0;
        {
            // What one worker does is timed too where others might have helped: solves may become slower.
            const stopwatch alone(units == 1 && worker_count() > 1 ? &spent : nullptr);
            const auto do_unit = [&](std::size_t worker_index, std::size_t unit) {
                worker<SolverT>& worker = *workers_[worker_index];
                const stopwatch working(timed ? &worker.statistics.seconds : nullptr);
                const auto [first, last] = plan.items(static_cast<Eigen::Index>(unit));
                for (Eigen::Index item = first; item < last; item += plan.piece) {
                    const piece part{instance_offset * plan.samples + item,
                                     std::min(plan.piece, last - item)};
                    worker.items.resize(static_cast<std::size_t>(part.count));
                    std::iota(worker.items.begin(), worker.items.end(), part.first);
                    f(worker, part);
                }
            };
            spent = run_units(executor_, workers, units, expected_seconds, do_unit);
        }
        if (spent > 0) cost = {plan.n, spent / items};
    }

    [[nodiscard]] std::size_t worker_count() const {
        const unsigned count = options().threads > 0 ? static_cast<unsigned>(options().threads)
                                                     : std::thread::hardware_concurrency();
        return std::max(1u, count);
    }

    /// Means over samples of what `add_piece(worker, piece, sum)` adds, divided by `divisor`. Instances are
    /// taken in waves, so that the partial sums' memory is bounded for any batch.
    template <class Scalar, int Rank, int Layout, class F>
    void reduce(const layer_call<Scalar, Rank, Layout>& call, pass_kind kind, double divisor, Scalar* mean,
                F&& add_piece) {
        const solve_grain grain = grain_of(call, kind);
        const sample_plan whole(call.shape.batch, call.samples, call.shape.n, grain);
        const Eigen::Index most_doubles = Eigen::Index{1} << 22;  // 32 MiB
        const Eigen::Index per_instance = std::max<Eigen::Index>(1, whole.chunks * whole.n);
        // A whole number of units, so that the waves cut the call where the plan does.
        const Eigen::Index wave =
            std::max<Eigen::Index>(1, most_doubles / per_instance / whole.instances_per_unit()) *
            whole.instances_per_unit();
        for (Eigen::Index begin = 0; begin < whole.batch; begin += wave) {
            const sample_plan plan(std::min(wave, whole.batch - begin), call.samples, call.shape.n, grain);
            sample_sum sum(plan, begin * plan.samples, sums_.take(sample_sum::size(plan)));
            run<Scalar>(plan, begin, kind,
                        [&](auto& worker, const piece& part) { add_piece(worker, part, sum); });
            sum.write_mean(divisor, mean + begin * plan.n);
        }
    }

    // ---- the backward pass --------------------------------------------------------------------------------

    /// `target_of(row)` is a row's target. `step` is the step by which all are divided, or nothing where each
    /// row has its own.
    template <class TargetOfT, class Scalar, int Rank, int Layout>
    target_sums vjp_with(const TargetOfT& target_of, std::optional<double> step,
                         const layer_call<Scalar, Rank, Layout>& call, const cotangent<Scalar>& dz,
                         const Scalar* z, const Scalar* mean_z, std::span<const Eigen::Index> failed,
                         Scalar* gradient) {
        constexpr bool counts = has_update<TargetT>;
        const bool central = options().difference == difference::central;
        // Without z, a one-sided difference needs only the mean of z'; counting needs each difference, and so
        // z.
        const bool solves_z = !central && z == nullptr && counts;
        const bool only_other = !central && z == nullptr && !counts;
        const bool needs_noise =
            options().target_temperature != 0 || (solves_z && options().input_temperature != 0);
        // With equal temperatures an unmoved theta' is the forward pass's problem again: the difference is 0.
        const bool skips_unmoved = !central && options().input_temperature == options().target_temperature;
        const double sides = central ? 2 : 1;
        const double divisor = sides * step.value_or(1);
        std::atomic<std::uint64_t> nonzeros{0};
        record_.expect_solves(solves_of(call) * (central || solves_z ? 2 : 1));

        reduce(
            call, pass_kind::gradient, only_other ? 1.0 : divisor, gradient,
            [&](auto& worker, const piece& part, auto& sum) {
                const Eigen::Index n = call.shape.n;
                worker_scratch<Scalar>& memory = worker.template scratch_of<Scalar>();
                Scalar* const other = memory.other_z.take(part.count * n);
                if (!failed.empty()) drop_failed(worker, call.samples, failed);
                if (central) parts_.drop_zero_cotangents(worker, call, dz);
                parts_.load_theta_prime(worker, call, target_of, dz, false, skips_unmoved);
                parts_.load_items(worker, call, needs_noise);
                parts_.solve_theta_prime(worker, call, central ? nullptr : z, other);
                if (only_other) {
                    // Of an instance that was skipped nothing is used: see `subtract_from_mean`.
                    sum.add(part, worker.items, [&](std::size_t j) { return row_of(other, j, n); });
                    return;
                }
                Scalar* solved = nullptr;
                if (central || solves_z) {
                    solved = memory.z.take(part.count * n);
                    if (central) {
                        parts_.load_theta_prime(worker, call, target_of, dz, true, false);
                        parts_.solve_theta_prime(worker, call, nullptr, solved);
                    } else {
                        parts_.solve_perturbed_theta(worker, call, solved);
                    }
                }
                const auto difference_of = [&](std::size_t j) {
                    const Scalar* const far = other + static_cast<Eigen::Index>(j) * n;
                    const Scalar* const near = solved != nullptr ? solved + static_cast<Eigen::Index>(j) * n
                                                                 : z + worker.items[j] * n;
                    return [=](Eigen::Index i) { return minimizes ? far[i] - near[i] : near[i] - far[i]; };
                };
                if (options().statistics) count_differences(worker, part, n, difference_of);
                if constexpr (counts)
                    nonzeros.fetch_add(count_nonzeros(worker, n, difference_of), std::memory_order_relaxed);
                sum.add(part, worker.items, difference_of);
            });

        const Eigen::Index theta_size = call.shape.batch * call.shape.n;
        if (only_other) subtract_from_mean(call, target_of, dz, skips_unmoved, mean_z, divisor, gradient);
        if (!step)
            for (Eigen::Index row = 0; row < call.shape.batch; ++row)
                divide(gradient + row * call.shape.n, call.shape.n, step_of(target_of(row)));
        for (const Eigen::Index row : failed)
            std::fill_n(gradient + row * call.shape.n, call.shape.n, Scalar(0));
        for (const Eigen::Index row : record_.gather_failures(workers_))
            std::fill_n(gradient + row * call.shape.n, call.shape.n, Scalar(0));
        const std::span<const Scalar> whole(gradient, static_cast<std::size_t>(theta_size));
        if (!all_finite(whole)) {
            const auto row = static_cast<Eigen::Index>(first_not_finite(whole)) / call.shape.n;
            throw_invalid("the gradient divided by the target's step",
                          message("infinite at step ", step_of(target_of(row))),
                          "a step large enough, or an unscaled gradient");
        }
        target_sums result;
        if constexpr (counts) {
            result.nonzeros = nonzeros.load();
            result.differences = static_cast<std::uint64_t>(call.shape.batch * call.samples);
        }
        return result;
    }

    /// gradient = (mean of z - gradient) / divisor where the gradient's memory holds the mean of z', which
    /// the instances that were skipped lack.
    template <class TargetOfT, class Scalar, int Rank, int Layout>
    void subtract_from_mean(const layer_call<Scalar, Rank, Layout>& call, const TargetOfT& target_of,
                            const cotangent<Scalar>& dz, bool skips_unmoved, const Scalar* mean_z,
                            double divisor, Scalar* gradient) {
        const Eigen::Index n = call.shape.n;
        for (Eigen::Index instance = 0; instance < call.shape.batch; ++instance) {
            Scalar* const row = gradient + instance * n;
            if (skips_unmoved) {
                worker<SolverT>& worker = *workers_.front();
                worker.items.assign(1, instance * call.samples);
                parts_.load_theta_prime(worker, call, target_of, dz, false, true);
                if (worker.items.empty()) {
                    std::fill_n(row, n, Scalar(0));
                    continue;
                }
            }
            for (Eigen::Index i = 0; i < n; ++i) {
                const double near = static_cast<double>(mean_z[instance * n + i]);
                const double other = static_cast<double>(row[i]);
                row[i] = static_cast<Scalar>((minimizes ? other - near : near - other) / divisor);
            }
        }
    }

    template <class Scalar>
    static void divide(Scalar* values, Eigen::Index n, double divisor) {
        for (Eigen::Index i = 0; i < n; ++i)
            values[i] = static_cast<Scalar>(static_cast<double>(values[i]) / divisor);
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

    parts_type parts_;
    ExecutorT executor_;
    /// How long an item took in the last call of each kind, for whether threads are worth their waking. No
    /// result depends on it.
    struct item_cost {
        Eigen::Index n = -1;
        double seconds = 0;
    };
    [[nodiscard]] item_cost& cost_of(pass_kind kind) { return item_costs_[static_cast<std::size_t>(kind)]; }
    [[nodiscard]] const item_cost& cost_of(pass_kind kind) const {
        return item_costs_[static_cast<std::size_t>(kind)];
    }
    std::array<item_cost, 3> item_costs_;
    /// Each instance's target, for a target that makes them.
    static auto no_targets() {
        if constexpr (has_for_instance<TargetT>)
            return std::vector<decltype(std::declval<const TargetT&>().for_instance(target_sums{}))>();
        else
            return nullptr;
    }
    [[no_unique_address]] decltype(no_targets()) instance_targets_ = no_targets();
    typename call_record<SolverT>::worker_list workers_;
    call_record<SolverT> record_;
    buffer<double> sums_;
    std::atomic<bool> in_use_{false};
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
