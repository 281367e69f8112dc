#pragma once

/// @file
/// The execution of a call: workers, their threads and their statistics.
///
/// A call takes a workspace from a pool and returns it. So calls of one layer from several threads share
/// nothing while they solve, and later calls reuse memory and solvers.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>
#include <thread>
#include <type_traits>
#include <vector>

#include <imle/core/function_ref.hpp>
#include <imle/layer/detail/plan.hpp>
#include <imle/layer/detail/worker.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/parallel/idle_pool.hpp>
#include <imle/parallel/run_units.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Memory, workers and threads of one call, reused by the next.
struct workspace {
    virtual ~workspace() = default;
    /// `run_units` by this workspace's executor.
    virtual double run(std::size_t workers, std::size_t units, double expected_seconds,
                       function_ref<void(std::size_t, std::size_t)> f) = 0;

    /// The time per item in the last call of each kind. It decides whether waking threads is worthwhile. No
    /// result depends on it.
    struct item_cost {
        Eigen::Index n = -1;
        double seconds = 0;
    };

    std::vector<std::unique_ptr<worker>> workers;
    buffer<double> sums;
    chunk_rows<float> float_rows;
    chunk_rows<double> double_rows;
    std::array<item_cost, 3> costs;
};

template <class ExecutorT>
struct executor_workspace final : workspace {
    explicit executor_workspace(const ExecutorT& original) : executor(original) {}
    double run(std::size_t workers_used, std::size_t units, double expected_seconds,
               function_ref<void(std::size_t, std::size_t)> f) override {
        return run_units(executor, workers_used, units, expected_seconds, f);
    }

    ExecutorT executor;
};

/// The workspaces of a layer that are not in use, and the statistics of its last call.
class workspace_pool {
  public:
    [[nodiscard]] idle_pool<workspace>::loan take(function_ref<std::unique_ptr<workspace>()> make) {
        return idle_.take(make);
    }

    void note(const call_statistics& statistics) noexcept {
        const std::lock_guard lock(mutex_);
        statistics_ = statistics;
    }

    [[nodiscard]] call_statistics statistics() const {
        const std::lock_guard lock(mutex_);
        return statistics_;
    }

  private:
    idle_pool<workspace> idle_;
    mutable std::mutex mutex_;
    call_statistics statistics_;
};

/// The size of a call, and how its solver takes the items.
struct call_work {
    Eigen::Index batch;
    Eigen::Index samples;
    Eigen::Index n;
    /// As in `solve_grain`.
    bool one_by_one;
    Eigen::Index width;
};

/// The work of one call from beginning to end: divided into units and pieces by a `sample_plan`, done by the
/// workers of one workspace.
class call_runner {
  public:
    /// The functions make what is missing: a workspace of the layer's executor, a worker for its solver.
    call_runner(workspace_pool& pool, const layer_options& options,
                function_ref<std::unique_ptr<workspace>()> make_workspace,
                function_ref<std::unique_ptr<worker>()> make_worker)
        : pool_(pool), options_(options), make_worker_(make_worker), space_(pool.take(make_workspace)) {
        if (options.statistics) start_ = std::chrono::steady_clock::now();
        for (auto& worker : space_->workers) {
            worker->failed_rows.clear();
            worker->statistics = {};
            worker->nonzeros = 0;
        }
    }
    call_runner(const call_runner&) = delete;
    call_runner& operator=(const call_runner&) = delete;
    ~call_runner() {
        // Without `finish`, the workers' solvers are in an unknown state: they are replaced.
        if (!finished_)
            for (auto& worker : space_->workers) worker->drop_solver();
    }

    [[nodiscard]] const layer_options& options() const noexcept { return options_; }

    /// Sets how many solves the call would take if none were skipped.
    void expect_solves(Eigen::Index count) noexcept { expected_solves_ = static_cast<std::uint64_t>(count); }

    /// Calls f(worker, piece) for every piece of a call of this scalar; `worker.items` are then the items of
    /// the piece.
    template <class Scalar>
    void for_each_piece(const call_work& work, pass_kind kind,
                        function_ref<void(worker&, const item_range&)> f) {
        run<Scalar>(sample_plan(work.batch, work.samples, work.n, grain_of(work, kind)), 0, kind, f);
    }

    /// Computes means over samples of the numbers that `add_piece(worker, piece, sum)` adds, divided by
    /// `divisor`. It processes a limited number of instances at a time, so the memory of the partial sums is
    /// bounded for any batch.
    template <class Scalar>
    void reduce(
        const call_work& work, pass_kind kind, double divisor, Scalar* mean,
        function_ref<void(worker&, const item_range&, sample_sum<std::type_identity_t<Scalar>>&)> add_piece) {
        const solve_grain grain = grain_of(work, kind);
        const sample_plan whole(work.batch, work.samples, work.n, grain);
        // 32 MiB; or half a MiB, which stays in cache, if no threads have to wait for one another in between.
        const Eigen::Index most_doubles = Eigen::Index{1} << (worker_count() == 1 ? 16 : 22);
        const Eigen::Index per_instance = std::max<Eigen::Index>(1, whole.chunks * whole.n);
        // A whole number of units, so that the boundaries are those of the plan.
        const Eigen::Index at_a_time =
            std::max<Eigen::Index>(1, most_doubles / per_instance / whole.instances_per_unit()) *
            whole.instances_per_unit();
        for (Eigen::Index first = 0; first < whole.batch; first += at_a_time) {
            const sample_plan plan(std::min(at_a_time, whole.batch - first), work.samples, work.n, grain);
            if (plan.parts > 1) rows_of<Scalar>().prepare(plan, grain.workers);
            sample_sum<Scalar> sum(plan, first * plan.samples,
                                   space_->sums.take(sample_sum<Scalar>::size(plan)), &rows_of<Scalar>());
            run<Scalar>(plan, first, kind,
                        [&](worker& own, const item_range& piece) { add_piece(own, piece, sum); });
            for_each_row(plan.batch, plan.chunks * plan.n, [&](std::size_t, Eigen::Index row) {
                sum.write_mean(row, divisor, mean + (first + row) * plan.n);
            });
        }
    }

    /// Calls f(worker, unit) for every unit in [0, units), for work that needs no solver. `worker`, below
    /// `worker_count()`, runs one unit at a time. Errors are those of `run_units`.
    void for_each_unit(std::size_t units, function_ref<void(std::size_t, std::size_t)> f) {
        space_->run(std::min(units, worker_count()), units, 0, f);
    }

    /// Calls f(worker, row) for every row in [0, rows), for work on so many numbers a row. Otherwise as
    /// `for_each_unit`.
    void for_each_row(Eigen::Index rows, Eigen::Index numbers,
                      function_ref<void(std::size_t, Eigen::Index)> f) {
        // Enough for a unit to be worth handing out.
        const Eigen::Index of_unit = std::max<Eigen::Index>(1, 8192 / std::max<Eigen::Index>(1, numbers));
        for_each_unit(static_cast<std::size_t>((rows + of_unit - 1) / of_unit),
                      [&](std::size_t worker_index, std::size_t unit) {
                          const Eigen::Index first = static_cast<Eigen::Index>(unit) * of_unit;
                          for (Eigen::Index row = first; row < std::min(rows, first + of_unit); ++row)
                              f(worker_index, row);
                      });
    }

    /// The largest number of workers.
    [[nodiscard]] std::size_t worker_count() const {
        const unsigned count = options_.threads > 0 ? static_cast<unsigned>(options_.threads)
                                                    : std::thread::hardware_concurrency();
        return std::max(1u, count);
    }

    /// Adds the rows for which a solve failed to `rows`, each once, in ascending order.
    void add_failures(std::vector<Eigen::Index>& rows) const {
        for (const auto& worker : space_->workers)
            if (!worker->failed_rows.empty())
                rows.insert(rows.end(), worker->failed_rows.begin(), worker->failed_rows.end());
        if (rows.empty()) return;
        std::sort(rows.begin(), rows.end());
        rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    }

    /// Calls f(row) for every row for which a solve failed, possibly more than once.
    void for_each_failure(function_ref<void(Eigen::Index)> f) const {
        for (const auto& worker : space_->workers)
            for (const Eigen::Index row : worker->failed_rows) f(row);
    }

    /// The number of nonzeros in the differences.
    [[nodiscard]] std::uint64_t nonzeros() const noexcept {
        std::uint64_t count = 0;
        for (const auto& worker : space_->workers) count += worker->nonzeros;
        return count;
    }

    /// A worker for work that the calling thread does alone, between pieces.
    [[nodiscard]] worker& first_worker() noexcept { return *space_->workers.front(); }

    /// Marks the call as successful.
    void finish() noexcept {
        finished_ = true;
        if (!options_.statistics) return;
        const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
        call_statistics total;
        for (const auto& worker : space_->workers) {
            const call_statistics& part = worker->statistics;
            total.solves += part.solves;
            total.failed += part.failed;
            total.differences += part.differences;
            total.zero_differences += part.zero_differences;
            total.noise_seconds += part.noise_seconds;
            total.solve_seconds += part.solve_seconds;
            total.other_seconds += part.seconds;
        }
        total.skipped = expected_solves_ - total.solves;
        total.seconds = spent.count();
        total.other_seconds += spent.count() - parallel_seconds_ - total.noise_seconds - total.solve_seconds;
        pool_.note(total);
    }

  private:
    /// Processes the pieces of a plan; its first instance is instance `first_instance` of the call.
    template <class Scalar>
    void run(const sample_plan& plan, Eigen::Index first_instance, pass_kind kind,
             function_ref<void(worker&, const item_range&)> f) {
        auto& workers = space_->workers;
        const std::size_t units = static_cast<std::size_t>(plan.units());
        const std::size_t count = std::min(units, worker_count());
        while (workers.size() < count) workers.push_back(make_worker_());
        for (std::size_t i = 0; i < count; ++i)
            workers[i]->prepare<Scalar>(std::min(plan.piece_size, plan.batch * plan.samples), plan.n, kind);
        const stopwatch parallel(options_.statistics ? &parallel_seconds_ : nullptr);
        if (worker_count() == 1) {
            for (std::size_t unit = 0; unit < units; ++unit)
                run_unit(*workers[0], plan, unit, first_instance, f);
            return;
        }
        const auto do_unit = [&](std::size_t worker_index, std::size_t unit) {
            run_unit(*workers[worker_index], plan, unit, first_instance, f);
        };
        const double items = static_cast<double>(plan.batch * plan.samples);
        auto& cost = space_->costs[static_cast<std::size_t>(kind)];
        const double expected_seconds = cost.n == plan.n ? cost.seconds * items : 0;
        double spent = 0;
        {
            // If others might have helped, the work of a single worker is timed too: solves may become
            // slower.
            const stopwatch alone(units == 1 ? &spent : nullptr);
            spent = space_->run(count, units, expected_seconds, do_unit);
        }
        if (spent > 0) cost = {plan.n, spent / items};
    }

    /// Processes the pieces of one unit.
    void run_unit(worker& own, const sample_plan& plan, std::size_t unit_index, Eigen::Index first_instance,
                  function_ref<void(worker&, const item_range&)> f) const {
        const stopwatch working(options_.statistics ? &own.statistics.seconds : nullptr);
        const item_range unit = plan.items(static_cast<Eigen::Index>(unit_index));
        for (Eigen::Index done = 0; done < unit.count; done += plan.piece_size) {
            const item_range piece{first_instance * plan.samples + unit.first + done,
                                   std::min(plan.piece_size, unit.count - done)};
            own.items.resize(static_cast<std::size_t>(piece.count));
            std::iota(own.items.begin(), own.items.end(), piece.first);
            f(own, piece);
        }
    }

    template <class Scalar>
    [[nodiscard]] chunk_rows<Scalar>& rows_of() noexcept {
        if constexpr (std::is_same_v<Scalar, float>)
            return space_->float_rows;
        else
            return space_->double_rows;
    }

    [[nodiscard]] solve_grain grain_of(const call_work& work, pass_kind kind) const {
        solve_grain grain{work.one_by_one, static_cast<Eigen::Index>(worker_count()), 1, work.width};
        // A solver that takes any batch, but solves some items at once, should get as many.
        if (work.one_by_one && work.width != solve_grain{}.width) grain.least_items = work.width;
        const auto& cost = space_->costs[static_cast<std::size_t>(kind)];
        if (work.one_by_one && cost.n == work.n && cost.seconds > 0) {
            // Handing out a unit and reading the clock take some tenths of a microsecond.
            const double worth_handing_out = 5e-6;
            const double most = static_cast<double>(std::numeric_limits<int>::max());
            grain.least_items = std::max(
                grain.least_items,
                static_cast<Eigen::Index>(std::min(most, std::ceil(worth_handing_out / cost.seconds))));
        }
        return grain;
    }

    workspace_pool& pool_;
    const layer_options& options_;
    function_ref<std::unique_ptr<worker>()> make_worker_;
    idle_pool<workspace>::loan space_;
    std::uint64_t expected_solves_ = 0;
    double parallel_seconds_ = 0;
    std::chrono::steady_clock::time_point start_;  // only with statistics
    bool finished_ = false;
};

}  // namespace imle::inline IMLE_ABI::detail
