#pragma once

/// @file
/// Runs numbered units of work on a few workers, with errors that do not depend on the number of workers.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <mutex>
#include <stdexcept>

#include <imle/core/function_ref.hpp>
#include <imle/parallel/executor.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Calls f(worker, unit) for every unit in [0, units). Each worker in [0, workers) runs one unit at a time.
///
/// If units throw, the exception of the lowest unit is rethrown after all workers have stopped. Units are
/// handed out in ascending order, and each unit that was handed out is run, so every unit below a failing one
/// is run: the lowest failure is found whatever the number of workers.
///
/// If the executor declares its `least_work()`, worker 0 first runs units on the calling thread, and their
/// time tells how long the rest will take. It skips this if all units are expected to take `expected_seconds`
/// (0: not known) and that is enough work for threads.
///
/// Returns the approximate number of seconds that one thread would have taken, or 0 if that was not measured.
template <Executor ExecutorT>
double run_units(ExecutorT& executor, std::size_t workers, std::size_t units, double expected_seconds,
                 function_ref<void(std::size_t, std::size_t)> f) {
    using clock = std::chrono::steady_clock;
    using seconds = std::chrono::duration<double>;
    if (workers <= 1 || units <= 1) {
        for (std::size_t unit = 0; unit < units; ++unit) f(std::size_t{0}, unit);
        return 0;
    }
    std::size_t done = 0;
    seconds alone{0};
    if constexpr (requires { executor.least_work(); }) {
        const std::chrono::nanoseconds enough = executor.least_work();
        // Before that, clock overhead and cold caches dominate the measurement.
        constexpr std::chrono::microseconds first_guess{20};
        const clock::time_point start = clock::now();
        if (seconds(expected_seconds) < enough) {
            while (true) {
                f(std::size_t{0}, done++);
                alone = clock::now() - start;
                if (done == units) return alone.count();
                const seconds left = alone / static_cast<double>(done) * static_cast<double>(units - done);
                if (alone >= first_guess && left >= enough) break;
            }
        }
    }
    std::atomic<std::size_t> next{done};
    std::atomic<bool> failed{false};
    std::mutex failure_mutex;
    std::size_t failed_unit = units;
    std::exception_ptr failure;
    // Measured by the workers' own clocks, so that the time to wake threads does not count as work.
    std::atomic<clock::rep> together{0};

    auto work = [&](std::size_t worker) noexcept {
        const clock::time_point begin = clock::now();
        while (!failed.load(std::memory_order_relaxed)) {
            const std::size_t unit = next.fetch_add(1, std::memory_order_relaxed);
            if (unit >= units) break;
            try {
                f(worker, unit);
            } catch (...) {
                const std::lock_guard lock(failure_mutex);
                if (unit < failed_unit) {
                    failed_unit = unit;
                    failure = std::current_exception();
                }
                failed.store(true, std::memory_order_relaxed);
            }
        }
        together.fetch_add((clock::now() - begin).count(), std::memory_order_relaxed);
    };
    workers = std::min(workers, units - done);
    executor.parallel_for(workers, work);

    if (failure) std::rethrow_exception(failure);
    if (next.load() < units)
        throw std::logic_error(
            "imle: the executor's parallel_for returned before it had called its function");
    if constexpr (requires { executor.least_work(); })
        return (alone + seconds(clock::duration(together.load()))).count();
    return 0;
}

}  // namespace imle::inline IMLE_ABI::detail
