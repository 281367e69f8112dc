#pragma once

/// @file
/// The best one-to-one assignment of rows to columns.

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include <Eigen/Core>

#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/tensor.hpp>
#include <imle/solvers/detail/jonker_volgenant.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The MAP state of a distribution over assignments: z [rows, columns] has min(rows, columns) ones, at most
/// one in each row and in each column, where theta [rows, columns] sums up to the most. Each row (or column,
/// if there are fewer) is assigned, to a negative theta too if need be. A square one is a permutation matrix.
///
/// Jonker and Volgenant's algorithm: O(min^2 max) time at worst for sides of min and max numbers, O(rows *
/// columns) memory. Computed in double for float too: it costs no time, the answer is optimal up to the
/// rounding of doubles, and no sum overflows (numbers beyond 2^900 are scaled). Ties: the same answer each
/// time, in both layouts; which one it is depends on all of theta.
///
/// An instance without rows or columns has nothing to assign: z is as empty. Throws `std::invalid_argument`
/// for numbers that are not finite and for sides over 16384.
class assignment {
  public:
    static constexpr imle::sense sense = imle::sense::maximize;

    /// theta: one instance [rows, columns]; z: of its dimensions, all of it is written.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        using Scalar = scalar_of<ThetaT>;
        detail::require_instance(theta, z);
        const Eigen::Index rows = theta.dimension(0), columns = theta.dimension(1);
        if (std::max(rows, columns) > max_side)
            detail::throw_invalid("theta", detail::message("[", rows, ", ", columns, "]"),
                                  detail::message("sides of at most ", max_side));
        std::fill_n(z.data(), z.size(), Scalar(0));
        if (theta.size() == 0) return;

        // Whichever is fewer is assigned to the other; in a square the rows, in both layouts.
        constexpr bool row_major = layout_of<ThetaT> == Eigen::RowMajor;
        const Eigen::Index row_step = row_major ? columns : 1, column_step = row_major ? 1 : rows;
        const bool by_rows = rows <= columns;
        const int fewer = static_cast<int>(std::min(rows, columns));
        const int more = static_cast<int>(std::max(rows, columns));
        const Eigen::Index fewer_step = by_rows ? row_step : column_step;
        const Eigen::Index more_step = by_rows ? column_step : row_step;
        const double cost_factor = -scale(theta);
        problem_.resize(fewer, more);
        for (int i = 0; i < fewer; ++i)
            problem_.set_costs(i, theta.data() + i * fewer_step, more_step, cost_factor);
        problem_.solve();
        for (int i = 0; i < fewer; ++i)
            z.data()[i * fewer_step + problem_.column_of(i) * more_step] = Scalar(1);
    }

  private:
    static constexpr Eigen::Index max_side = 16384;  // a matrix of 2 GiB

    /// 1, or a power of 2 that leaves room for sums of the largest numbers.
    template <class ThetaT>
    static double scale(const ThetaT& theta) {
        if constexpr (std::is_same_v<scalar_of<ThetaT>, double>)
            for (const double t : detail::values_of(theta))
                if (std::abs(t) > 0x1p900) return 0x1p-124;
        return 1;
    }

    detail::jonker_volgenant problem_;
};

}  // namespace imle::inline IMLE_ABI
