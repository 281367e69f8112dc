#pragma once

/// @file
/// What one worker of a layer owns: a solver of its own, and scratch memory that is kept between calls.

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <imle/concepts/solve_context.hpp>
#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Aligned memory that only grows. Its numbers are undefined after `take`.
template <class Scalar>
class buffer {
  public:
    [[nodiscard]] Scalar* take(Eigen::Index size) {
        if (memory_.size() < size) memory_.resize(size);
        return memory_.data();
    }

  private:
    Eigen::Array<Scalar, Eigen::Dynamic, 1> memory_;
};

/// The scratch memory of one worker for one scalar: a piece's worth each.
template <class Scalar>
struct worker_scratch {
    buffer<Scalar> noise;
    buffer<Scalar> perturbed;
    buffer<Scalar> z;
    buffer<Scalar> other_z;
    buffer<Scalar> negated_theta;
    buffer<Scalar> negated_dz;
};

/// One worker.
template <class SolverT>
struct worker {
    /// This worker's copy of the layer's solver; empty until it is needed, and again after an exception,
    /// since what a solver was doing when it was interrupted is not known.
    std::optional<SolverT> solver;
    worker_scratch<float> float_scratch;
    worker_scratch<double> double_scratch;
    std::vector<solve_context> contexts;

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
