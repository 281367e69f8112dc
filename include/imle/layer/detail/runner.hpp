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
#include <new>
#include <numeric>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/concepts/solver.hpp>
#include <imle/core/function_ref.hpp>
#include <imle/layer/call.hpp>
#include <imle/layer/detail/plan.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/parallel/idle_pool.hpp>
#include <imle/parallel/run_units.hpp>
#include <imle/random/words.hpp>
#include <imle/selection/k_largest.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Aligned memory that only grows. Its contents are undefined after `take`.
///
/// It uses the aligned new of the language instead of Eigen's allocator: Eigen's allocation and deallocation
/// functions (in Eigen's own namespace) may not match when translation units of different instruction sets
/// are linked.
template <class Scalar>
class buffer {
  public:
    [[nodiscard]] Scalar* take(Eigen::Index size) {
        if (size > size_) {
            memory_.reset();
            size_ = 0;
            memory_.reset(static_cast<Scalar*>(::operator new (
                static_cast<std::size_t>(size) * sizeof(Scalar), std::align_val_t{alignment})));
            size_ = size;
        }
        return memory_.get();
    }

  private:
    static constexpr std::size_t alignment = 64;
    struct release {
        void operator()(Scalar* memory) const noexcept {
            ::operator delete (memory, std::align_val_t{alignment});
        }
    };
    std::unique_ptr<Scalar, release> memory_;
    Eigen::Index size_ = 0;
};

/// The kind of a call's result. Later kinds need more memory.
enum class pass_kind { samples, marginals, gradient };

/// What a worker remembers of `largest_by_words`, and memory for it.
template <class Scalar>
struct drawing_memory {
    /// A number slightly below the last k-th largest. How far below, in units of the noise; 0: not known.
    Scalar bound = 0, margin = 0;
    /// Of how many runs it was of no use, one after the other, and how many calls to wait for the next.
    int useless_runs = 0, to_skip = 0;
    /// How many items it solved, and of how many it drew all noise.
    std::uint64_t items = 0, drawn_in_full = 0;
    buffer<word_of<Scalar>> words;
    buffer<lane_integer<Scalar>> last_orders;
    buffer<Scalar> numbers;

    /// The words of how many items of n numbers stay in the nearest cache.
    [[nodiscard]] static constexpr std::size_t items_at_a_time(std::size_t n) noexcept {
        return std::clamp<std::size_t>(4096 / n, 1, most_items);
    }
    static constexpr std::size_t most_items = 16;
    /// What is kept of the words of so many items: of each as many as can be compared, and a vector more.
    static constexpr std::size_t most_kept = (most_items + 1) * (most_to_compare + 16);

    void reserve(std::size_t n) {
        (void)words.take(static_cast<Eigen::Index>(2 * most_kept + items_at_a_time(n) * n));
        (void)last_orders.take(static_cast<Eigen::Index>(n));
        (void)numbers.take(static_cast<Eigen::Index>(2 * most_kept + n));
    }
};

/// One worker's memory for one scalar; each buffer holds one piece.
template <class Scalar>
struct worker_memory {
    buffer<Scalar> noise;
    /// The address of each item's theta or theta'. Items of one instance may share it.
    std::vector<const Scalar*> parameters;
    /// The memory of those parameters that are not the caller's.
    buffer<Scalar> own_parameters;
    buffer<Scalar> perturbed, z, other_z, negated_theta, scaled_dz;
    /// Some small parameters, several times. Aligned, since whole registers are read as soon as parts are
    /// written.
    alignas(64) std::array<Scalar, 512> repeated;
    drawing_memory<Scalar> drawing;
    /// For what it was last reserved.
    Eigen::Index reserved_count = -1, reserved_n = -1;
    pass_kind reserved_kind{};
};

/// Adds its lifetime to `seconds`. If that is null, it reads no clock.
class stopwatch {
  public:
    explicit stopwatch(double* seconds) : seconds_(seconds) {
        if (seconds_ != nullptr) start_ = clock::now();
    }
    stopwatch(const stopwatch&) = delete;
    stopwatch& operator=(const stopwatch&) = delete;
    ~stopwatch() {
        if (seconds_ != nullptr) *seconds_ += std::chrono::duration<double>(clock::now() - start_).count();
    }

  private:
    using clock = std::chrono::steady_clock;
    double* seconds_;
    clock::time_point start_;
};

/// One worker, but for its solver, whose type only `solver_worker` knows: what runs workers is compiled once
/// for all solvers.
struct worker {
    virtual ~worker() = default;
    /// Copies the layer's solver. The worker has a copy until `drop_solver`.
    virtual void copy_solver() = 0;
    /// Drops the copy, because an interrupted solver is in an unknown state.
    virtual void drop_solver() noexcept = 0;

    bool has_solver = false;
    /// Whether the solver `chooses_largest`.
    bool needs_drawing_memory = false;

    worker_memory<float> float_memory;
    worker_memory<double> double_memory;
    /// The items of the piece that are to be solved, in ascending order, and their contexts.
    std::vector<Eigen::Index> items;
    std::vector<solve_context> contexts;
    /// The rows of the call for which a solve failed, in any order.
    std::vector<Eigen::Index> failed_rows;
    /// This worker's part of the call's statistics; `seconds` is its total time in units.
    call_statistics statistics;
    /// The number of nonzeros in the differences z - z'.
    std::uint64_t nonzeros = 0;

    /// Reserves memory for pieces of `count` items of `n` numbers before the work begins. Which workers get
    /// work is a matter of chance, and no later call of the same kind should allocate.
    template <class Scalar>
    void prepare(Eigen::Index count, Eigen::Index n, pass_kind kind) {
        if (!has_solver) copy_solver();
        worker_memory<Scalar>& memory = memory_of<Scalar>();
        if (count <= memory.reserved_count && n == memory.reserved_n && kind <= memory.reserved_kind) return;
        items.reserve(static_cast<std::size_t>(count));
        contexts.reserve(static_cast<std::size_t>(count));
        (void)memory.noise.take(count * n);
        memory.parameters.reserve(static_cast<std::size_t>(count));
        (void)memory.own_parameters.take(count * n);
        (void)memory.perturbed.take(count * n);
        if (needs_drawing_memory && n > 0) memory.drawing.reserve(static_cast<std::size_t>(n));
        if (kind != pass_kind::samples) (void)memory.z.take(count * n);
        if (kind == pass_kind::gradient) {
            (void)memory.other_z.take(count * n);
            (void)memory.negated_theta.take(n);
            (void)memory.scaled_dz.take(n);
        }
        memory.reserved_count = count;
        memory.reserved_n = n;
        memory.reserved_kind = kind;
    }

    [[nodiscard]] Eigen::Index item_count() const noexcept { return static_cast<Eigen::Index>(items.size()); }
    template <class Scalar>
    [[nodiscard]] worker_memory<Scalar>& memory_of() {
        if constexpr (std::is_same_v<Scalar, float>)
            return float_memory;
        else
            return double_memory;
    }
};

/// A worker with its copy of the layer's solver. The copy is empty until needed, and again after an
/// exception.
template <class SolverT>
struct solver_worker final : worker {
    /// `layer_solver` outlives the worker.
    explicit solver_worker(const SolverT& layer_solver) : original(layer_solver) {
        needs_drawing_memory = chooses_largest<SolverT>;
    }
    void copy_solver() override {
        solver.emplace(original);
        has_solver = true;
    }
    void drop_solver() noexcept override {
        solver.reset();
        has_solver = false;
    }

    const SolverT& original;
    std::optional<SolverT> solver;
};

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
        const bool timed = options_.statistics;
        const stopwatch parallel(timed ? &parallel_seconds_ : nullptr);
        const auto do_unit = [&](std::size_t worker_index, std::size_t unit_index) {
            worker& own = *workers[worker_index];
            const stopwatch working(timed ? &own.statistics.seconds : nullptr);
            const item_range unit = plan.items(static_cast<Eigen::Index>(unit_index));
            for (Eigen::Index done = 0; done < unit.count; done += plan.piece_size) {
                const item_range piece{first_instance * plan.samples + unit.first + done,
                                       std::min(plan.piece_size, unit.count - done)};
                own.items.resize(static_cast<std::size_t>(piece.count));
                std::iota(own.items.begin(), own.items.end(), piece.first);
                f(own, piece);
            }
        };
        if (worker_count() == 1) {
            for (std::size_t unit = 0; unit < units; ++unit) do_unit(0, unit);
            return;
        }
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

    template <class Scalar>
    [[nodiscard]] chunk_rows<Scalar>& rows_of() noexcept {
        if constexpr (std::is_same_v<Scalar, float>)
            return space_->float_rows;
        else
            return space_->double_rows;
    }

    [[nodiscard]] solve_grain grain_of(const call_work& work, pass_kind kind) const {
        solve_grain grain{work.one_by_one, static_cast<Eigen::Index>(worker_count()), 1, work.width};
        const auto& cost = space_->costs[static_cast<std::size_t>(kind)];
        if (work.one_by_one && cost.n == work.n && cost.seconds > 0) {
            // Handing out a unit and reading the clock take some tenths of a microsecond.
            const double worth_handing_out = 5e-6;
            const double most = static_cast<double>(std::numeric_limits<int>::max());
            grain.least_items =
                static_cast<Eigen::Index>(std::min(most, std::ceil(worth_handing_out / cost.seconds)));
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
