#pragma once

/// @file
/// The concept of an executor: how a caller hands in their own threads.

#include <concepts>
#include <cstddef>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// Runs a function for each of a few indices, perhaps at the same time.
///
/// Syntax: `executor.parallel_for(n, f)`, f callable with a `std::size_t`, copyable by reference only.
///
/// Laws: f(i) is called exactly once for each i in [0, n), from any thread; the call returns when all have
/// returned, and what they wrote is then visible to the caller. f never throws, and n is at most the layer's
/// number of threads: f(i) is one worker's whole share, which takes its pieces from a common counter, so an
/// executor needs no scheduling of its own (running them one after another is correct).
///
/// Optional: `executor.least_work()`, a `std::chrono::nanoseconds`. The layer then begins on the calling
/// thread, and calls `parallel_for` once what is left seems to take that long; without it, from the start.
///
/// A copy is made for each copy of the layer; a handle to a pool that is shared does.
template <class E>
concept Executor = std::copy_constructible<E> &&
    requires(E& executor, std::size_t n, void (&f)(std::size_t)) {
    executor.parallel_for(n, f);
};

}  // namespace imle::inline IMLE_ABI
