#pragma once

/// @file
/// What all built-in solvers share: the concepts and checks of the two tensors of a call, and the memory
/// that they keep between solves.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>

#include <Eigen/Core>

#include <imle/concepts/solver.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/finite.hpp>
#include <imle/core/shape.hpp>

namespace imle::inline IMLE_ABI::detail {

/// theta, of one instance or of a batch: a tensor, view or map of float or double. Wider than the views of
/// the `Solver` concept, so that a solver can also be called with an `Eigen::Tensor` by hand.
template <class T>
concept Instance = DenseTensor<T> && requires {
    requires(std::same_as<scalar_of<T>, float> || std::same_as<scalar_of<T>, double>);
};

/// The same, of this many dimensions.
template <class T, int Rank>
concept InstanceOfRank = Instance<T> && requires {
    requires(rank_of<T> == Rank);
};

/// Several instances, in one more, outermost dimension.
template <class T>
concept BatchOfInstances = Instance<T> && requires {
    requires(rank_of<T> >= 2);
};

/// z for such a theta: of the same scalar, rank and layout, and writable.
template <class ZT, class ThetaT>
concept StateOf = InstanceOfRank<ZT, rank_of<ThetaT>> && requires(ZT& z) {
    requires(layout_of<ZT> == layout_of<ThetaT>);
    { z.data() } -> std::same_as<scalar_of<ThetaT>*>;
};

/// A solver of instances like ThetaT that writes z.
template <class SolverT, class ThetaT>
concept WritesZ = DenseTensor<ThetaT> &&
    (writes_with_context<SolverT, scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>> ||
     writes<SolverT, scalar_of<ThetaT>, rank_of<ThetaT>, layout_of<ThetaT>>);

/// The numbers of an instance, or of a batch of them, in the order of memory.
template <DenseTensor T>
[[nodiscard]] std::span<const scalar_of<T>> values_of(const T& tensor) noexcept {
    return {tensor.data(), static_cast<std::size_t>(tensor.size())};
}

/// Throws unless z has theta's dimensions.
template <class ThetaT, class ZT>
void require_dimensions(const ThetaT& theta, const ZT& z) {
    if (!same_dimensions(dimensions_of(theta), dimensions_of(z)))
        throw_invalid("z", "of shape " + shape_string(dimensions_of(z)),
                      "theta's shape, " + shape_string(dimensions_of(theta)));
}

/// Throws unless a batch has one context for each instance.
inline void require_contexts(std::size_t given, Eigen::Index batch) {
    if (given != static_cast<std::size_t>(batch))
        throw_invalid("contexts", message("a list of ", given), message(batch, ", one for each instance"));
}

/// The mask of a batch's instance. contexts: one for each instance, or none.
[[nodiscard]] inline std::span<const bool> mask_of(std::span<const solve_context> contexts,
                                                   std::size_t instance) noexcept {
    return contexts.empty() ? std::span<const bool>() : contexts[instance].mask;
}

/// Throws unless an instance's numbers are finite where its mask allows (everywhere, if it is empty): an
/// argmax needs an order, and NaN has none. Also throws for a mask of another size.
template <class Scalar>
void require_numbers(std::span<const Scalar> values, std::span<const bool> mask) {
    if (!mask.empty() && mask.size() != values.size())
        throw_invalid("context.mask", message("of ", mask.size(), " values"),
                      message(values.size(), ", one for each number of theta, or none"));
    if (all_finite(values)) return;
    for (std::size_t i = first_not_finite(values); i < values.size(); ++i)
        if ((mask.empty() || mask[i]) && !all_finite(values.subspan(i, 1)))
            throw_invalid("theta", message(values[i], " at element ", i, " in memory"),
                          "finite numbers (to forbid a choice, use a mask or a large finite number)");
}

/// Throws unless z has theta's dimensions and theta is finite where the context's mask allows.
template <class ThetaT, class ZT>
void require_instance(const ThetaT& theta, const ZT& z, const solve_context& context = {}) {
    require_dimensions(theta, z);
    require_numbers(values_of(theta), context.mask);
}

/// Copies an instance's numbers, with -infinity where the mask forbids: a search for the largest then finds
/// the allowed ones first. Returns the number of allowed ones.
template <class Scalar>
std::size_t copy_allowed(std::span<const Scalar> values, std::span<const bool> mask, Scalar* copy) noexcept {
    constexpr Scalar least = -std::numeric_limits<Scalar>::infinity();
    for (std::size_t i = 0; i < values.size(); ++i) copy[i] = mask[i] ? values[i] : least;
    return static_cast<std::size_t>(std::count(mask.begin(), mask.end(), true));
}

/// Writes z = 0, for a solve that has no answer.
template <class ZT>
[[nodiscard]] solve_status no_answer(ZT& z) {
    std::fill_n(z.data(), z.size(), scalar_of<ZT>(0));
    return solve_status::infeasible;
}

/// A buffer that grows to the largest size requested and stays. It keeps its contents when it grows; its
/// copies start empty.
template <class T>
class growing_buffer {
  public:
    growing_buffer() = default;
    growing_buffer(const growing_buffer&) noexcept {}
    growing_buffer(growing_buffer&& other) noexcept { swap(other); }
    growing_buffer& operator=(const growing_buffer&) noexcept { return *this; }
    growing_buffer& operator=(growing_buffer&& other) noexcept {
        swap(other);
        return *this;
    }
    ~growing_buffer() { delete[] memory_; }

    [[nodiscard]] std::span<T> take(std::size_t n) {
        if (size_ < n) {
            T* const larger = new T[n]();
            std::move(memory_, memory_ + size_, larger);
            delete[] std::exchange(memory_, larger);
            size_ = n;
        }
        return {memory_, n};
    }

  private:
    void swap(growing_buffer& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(size_, other.size_);
    }

    T* memory_ = nullptr;
    std::size_t size_ = 0;
};

/// One growing buffer for each type of Ts, so that a solver allocates nothing in steady state. It holds
/// nothing of value between solves: a copy starts empty.
template <class... Ts>
class basic_scratch : growing_buffer<Ts>... {
  public:
    /// n elements of type T: what was written there before, or zero. Valid until the next `get<T>`.
    template <class T>
    [[nodiscard]] std::span<T> get(std::size_t n) {
        return growing_buffer<T>::take(n);
    }
};

/// The scratch of solvers that work on numbers.
using scratch = basic_scratch<float, double>;

}  // namespace imle::inline IMLE_ABI::detail
