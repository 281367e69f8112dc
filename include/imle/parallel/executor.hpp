#pragma once

/// @file
/// The concept of an executor, by which you can supply your own threads.

#include <concepts>
#include <cstddef>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// Runs a function for each of a few indices, possibly at the same time.
///
/// Syntax: `executor.parallel_for(n, f)`; f is called with a `std::size_t` and cannot be copied, only
/// referenced.
///
/// Laws: f(i) is called exactly once for each i in [0, n), from any thread. parallel_for returns after all
/// calls have returned; whatever they wrote is then visible to the caller. f never throws, and n is at most
/// the layer's number of threads. f(i) is one worker's whole share, which takes its pieces from a common
/// counter, so an executor needs no scheduling of its own (running the calls one after another is correct).
///
/// Optional: `executor.least_work()`, a `std::chrono::nanoseconds`. The layer then begins on the calling
/// thread, and calls `parallel_for` once the rest of the work seems to take that long. Without it, the layer
/// calls `parallel_for` from the start.
///
/// Each copy of the layer copies its executor. A handle to a shared pool is fine.
template <class E>
concept Executor = std::copy_constructible<E> &&
    requires(E& executor, std::size_t n, void (&f)(std::size_t)) {
    executor.parallel_for(n, f);
};

}  // namespace imle::inline IMLE_ABI
