#pragma once

/// @file
/// Sums over samples, in an order that depends on the plan alone.

#include <algorithm>
#include <cstddef>
#include <span>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/layer/detail/piece.hpp>
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

    /// Sums in the caller's memory, `size(plan)` doubles, of items that are counted from `first_item` on.
    sample_sum(const sample_plan& plan, Eigen::Index first_item, double* memory)
        : plan_(plan), first_item_(first_item), partial_(memory) {}

    /// Adds the numbers row(j)(i), i < n, of items[j] for all j. `items`, rising, are all or some of a
    /// piece's items; the others count as zeros. A chunk's pieces come in their order.
    template <class RowT>
    void add(const piece& part, std::span<const Eigen::Index> items, RowT&& row) {
        std::size_t j = 0;
        for_each_item(part, [&](Eigen::Index item, bool begins, double* sum) {
            if (j < items.size() && items[j] == item)
                add_row(row(j++), begins, sum);
            else if (begins)
                std::fill_n(sum, plan_.n, 0.0);
        });
    }

    /// Adds all items of a piece, whose numbers are `values` and those behind them.
    template <class Scalar>
    void add(const piece& part, const Scalar* values) {
        for_each_item(part, [&](Eigen::Index, bool begins, double* sum) {
            add_row([values](Eigen::Index i) { return values[i]; }, begins, sum);
            values += plan_.n;
        });
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
    /// Calls f(item, whether it is the first of its chunk, the chunk's sum) for a piece's items.
    template <class F>
    void for_each_item(const piece& part, F&& f) const {
        const Eigen::Index first = part.first - first_item_;
        Eigen::Index sample = first % plan_.samples;
        Eigen::Index in_chunk = sample % plan_.chunk;
        double* sum = partial_ + (first / plan_.samples * plan_.chunks + sample / plan_.chunk) * plan_.n;
        for (Eigen::Index item = part.first; item < part.first + part.count; ++item) {
            f(item, in_chunk == 0, sum);
            ++in_chunk;
            if (++sample == plan_.samples || in_chunk == plan_.chunk) {
                in_chunk = 0;
                sum += plan_.n;
                if (sample == plan_.samples) sample = 0;
            }
        }
    }

    /// The first item of a chunk begins its sum, on the thread that goes on with it: no thread fills the
    /// others' memory with zeros. (0 + x, since a sum of nothing but -0 is 0.)
    template <class RowT>
    void add_row(const RowT& row, bool begins, double* sum) const {
        const Eigen::Index n = plan_.n;
        if (begins)
            for (Eigen::Index i = 0; i < n; ++i) sum[i] = 0.0 + static_cast<double>(row(i));
        else
            for (Eigen::Index i = 0; i < n; ++i) sum[i] += static_cast<double>(row(i));
    }

    sample_plan plan_;
    Eigen::Index first_item_;
    double* partial_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
