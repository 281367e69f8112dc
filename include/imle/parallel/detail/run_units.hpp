#pragma once

/// @file
/// Numbered units of work on a few workers, with errors that do not depend on how many.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <mutex>
#include <stdexcept>

#include <imle/core/config.hpp>
#include <imle/parallel/executor.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Calls f(worker, unit) for every unit in [0, units), each worker in [0, workers) one unit at a time.
///
/// If units throw, what the lowest of them threw is rethrown after all workers have stopped. Units are handed
/// out in rising order and one that was handed out is always run, so every unit below a failing one is run:
/// the lowest failure is found whatever the number of workers.
///
/// Where the executor says how much work is worth its threads, worker 0 does the first units on the calling
/// thread while their time tells how long the rest will take.
template <Executor ExecutorT, class F>
void run_units(ExecutorT& executor, std::size_t workers, std::size_t units, F&& f) {
    if (workers <= 1 || units <= 1) {
        for (std::size_t unit = 0; unit < units; ++unit) f(std::size_t{0}, unit);
        return;
    }
    std::size_t done = 0;
    if constexpr (requires { executor.least_work(); }) {
        using clock = std::chrono::steady_clock;
        const std::chrono::nanoseconds enough = executor.least_work();
        // Until then the clock tells more of itself and of cold caches.
        constexpr std::chrono::microseconds first_guess{20};
        for (const auto start = clock::now(); enough.count() > 0;) {
            f(std::size_t{0}, done++);
            if (done == units) return;
            const auto spent = clock::now() - start;
            const double left = static_cast<double>(spent.count()) / static_cast<double>(done) *
                                static_cast<double>(units - done);
            if (spent >= first_guess && std::chrono::duration<double, clock::period>(left) >= enough) break;
        }
    }
    std::atomic<std::size_t> next{done};
    std::atomic<bool> failed{false};
    std::mutex failure_mutex;
    std::size_t failed_unit = units;
    std::exception_ptr failure;

    auto work = [&](std::size_t worker) noexcept {
        while (!failed.load(std::memory_order_relaxed)) {
            const std::size_t unit = next.fetch_add(1, std::memory_order_relaxed);
            if (unit >= units) return;
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
    };
    executor.parallel_for(workers < units - done ? workers : units - done, work);

    if (failure) std::rethrow_exception(failure);
    if (next.load() < units)
        throw std::logic_error(
            "imle: the executor's parallel_for returned before it had called its function");
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
