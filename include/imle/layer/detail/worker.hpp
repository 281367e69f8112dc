#pragma once

/// @file
/// One worker of a call: its memory, its copy of the solver, and its part of the statistics.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <vector>

#include <imle/concepts/solver.hpp>
#include <imle/layer/layer_options.hpp>
#include <imle/random/words.hpp>
#include <imle/selection/k_largest.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Aligned memory of any type that only grows. Its contents are undefined after `take`.
///
/// It uses the aligned new of the language instead of Eigen's allocator: Eigen's allocation and deallocation
/// functions (in Eigen's own namespace) may not match when translation units of different instruction sets
/// are linked.
class aligned_memory {
  public:
    [[nodiscard]] void* take(std::size_t bytes) {
        if (bytes > size_) grow(bytes);
        return memory_.get();
    }

  private:
    static constexpr std::align_val_t alignment{64};
    struct release {
        void operator()(void* memory) const noexcept { ::operator delete (memory, alignment); }
    };

    /// Not inlined: a worker takes a dozen buffers.
    [[gnu::noinline]] void grow(std::size_t bytes) {
        memory_.reset();
        size_ = 0;
        memory_.reset(::operator new (bytes, alignment));
        size_ = bytes;
    }

    std::unique_ptr<void, release> memory_;
    std::size_t size_ = 0;
};

/// The same for `size` numbers of one type.
template <class Scalar>
class buffer {
  public:
    [[nodiscard]] Scalar* take(Eigen::Index size) {
        return static_cast<Scalar*>(memory_.take(static_cast<std::size_t>(size) * sizeof(Scalar)));
    }

  private:
    aligned_memory memory_;
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
    buffer<const Scalar*> parameters;
    /// The memory of those parameters that are not the caller's.
    buffer<Scalar> own_parameters;
    buffer<Scalar> perturbed, z, other_z, negated_theta, scaled_dz;
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
        (void)memory.parameters.take(count);
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

}  // namespace imle::inline IMLE_ABI::detail
