#pragma once

/// @file
/// Sums over samples, in an order that depends on the plan alone.

#include <cstddef>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/layer/detail/sample_plan.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Adds up `n` numbers per item into a sum per instance, in double: first within a chunk in the order of
/// samples, then over chunks in their order. Different workers may add to different units at the same time.
class sample_sum {
  public:
    /// How many doubles the sums of a plan take.
    [[nodiscard]] static Eigen::Index size(const sample_plan& plan) {
        return plan.batch * plan.chunks * plan.n;
    }

    /// Sums in the caller's memory, `size(plan)` doubles.
    sample_sum(const sample_plan& plan, double* memory) : plan_(plan), partial_(memory) {}

    /// Adds `count` consecutive items, all of one unit, from `first` on; `values` are their count * n
    /// numbers. A chunk's items come in their order, from its first on.
    template <class Scalar>
    void add(Eigen::Index first, Eigen::Index count, const Scalar* values) {
        const Eigen::Index n = plan_.n;
        for (Eigen::Index item = first; item < first + count; ++item, values += n) {
            const Eigen::Index chunk = (item % plan_.samples) / plan_.chunk;
            double* const sum = partial_ + (item / plan_.samples * plan_.chunks + chunk) * n;
            // The first of a chunk begins its sum, on the thread that goes on with it: no thread fills the
            // others' memory with zeros. (0 + x, since a sum of nothing but -0 is 0.)
            if (item % plan_.samples % plan_.chunk == 0)
                for (Eigen::Index i = 0; i < n; ++i) sum[i] = 0.0 + static_cast<double>(values[i]);
            else
                for (Eigen::Index i = 0; i < n; ++i) sum[i] += static_cast<double>(values[i]);
        }
    }

    /// Writes (sum over samples) / samples / divisor for all instances, batch * n numbers. Call it once.
    template <class Scalar>
    void write_mean(double divisor, Scalar* out) {
        const Eigen::Index n = plan_.n;
        const double samples = static_cast<double>(plan_.samples);
        for (Eigen::Index instance = 0; instance < plan_.batch; ++instance) {
            double* const total = partial_ + instance * plan_.chunks * n;
            for (Eigen::Index chunk = 1; chunk < plan_.chunks; ++chunk)
                for (Eigen::Index i = 0; i < n; ++i) total[i] += total[chunk * n + i];
            for (Eigen::Index i = 0; i < n; ++i)
                out[instance * n + i] = static_cast<Scalar>(total[i] / samples / divisor);
        }
    }

  private:
    sample_plan plan_;
    double* partial_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
