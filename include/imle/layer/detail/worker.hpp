#pragma once

/// @file
/// What one worker of a layer owns: a solver of its own, and scratch memory that is kept between calls.

#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/layer/call_statistics.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Aligned memory that only grows. Its numbers are undefined after `take`.
///
/// By the language's aligned new and not by Eigen's allocator, whose two halves (in Eigen's own namespace) do
/// not fit one another when translation units of different instruction sets are linked.
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

/// The scratch memory of one worker for one scalar: a piece's worth each.
template <class Scalar>
struct worker_scratch {
    buffer<Scalar> noise;
    bool has_noise = false;
    /// Where each item's theta or theta' is. Items of one instance may share it.
    std::vector<const Scalar*> parameters;
    /// Memory for those that are not the caller's.
    buffer<Scalar> own_parameters;
    buffer<Scalar> perturbed;
    buffer<Scalar> z;
    buffer<Scalar> other_z;
    buffer<Scalar> negated_theta;
    buffer<Scalar> scaled_dz;
};

/// Adds the time of its life to `seconds`, unless that is null: no clock is read then.
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

/// What a call computes.
enum class pass_kind { samples, marginals, gradient };

/// One worker.
template <class SolverT>
struct worker {
    /// This worker's copy of the layer's solver; empty until it is needed, and again after an exception,
    /// since what a solver was doing when it was interrupted is not known.
    std::optional<SolverT> solver;
    worker_scratch<float> float_scratch;
    worker_scratch<double> double_scratch;
    /// The items (instance * samples + sample) that are to be solved now, rising, and their contexts.
    std::vector<Eigen::Index> items;
    std::vector<solve_context> contexts;
    /// The rows of the call's instances for which a solve failed, in any order.
    std::vector<Eigen::Index> failed_rows;
    /// This worker's part of the call's statistics; `seconds` is its time in all units.
    call_statistics statistics;

    /// Makes room for pieces of `count` items of `n` numbers before the work begins: which worker comes to
    /// work is chance, and no later call of the same kind should allocate.
    template <class Scalar>
    void prepare(const SolverT& original, Eigen::Index count, Eigen::Index n, pass_kind kind) {
        if (!solver) solver.emplace(original);
        items.reserve(static_cast<std::size_t>(count));
        contexts.reserve(static_cast<std::size_t>(count));
        worker_scratch<Scalar>& memory = scratch_of<Scalar>();
        (void)memory.noise.take(count * n);
        memory.parameters.reserve(static_cast<std::size_t>(count));
        (void)memory.own_parameters.take(count * n);
        (void)memory.perturbed.take(count * n);
        if (kind == pass_kind::samples) return;
        (void)memory.z.take(count * n);
        if (kind == pass_kind::marginals) return;
        (void)memory.other_z.take(count * n);
        (void)memory.negated_theta.take(n);
        (void)memory.scaled_dz.take(n);
    }

    [[nodiscard]] Eigen::Index item_count() const noexcept { return static_cast<Eigen::Index>(items.size()); }
    [[nodiscard]] Eigen::Index item(Eigen::Index j) const { return items[static_cast<std::size_t>(j)]; }
    template <class Scalar>
    [[nodiscard]] worker_scratch<Scalar>& scratch_of() {
        if constexpr (std::is_same_v<Scalar, float>)
            return float_scratch;
        else
            return double_scratch;
    }
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
