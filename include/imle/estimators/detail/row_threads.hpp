#pragma once

/// @file
/// The threads of a layer whose rows are independent of each other and need no solver.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>

#include <Eigen/Core>

#include <imle/core/function_ref.hpp>
#include <imle/parallel/idle_pool.hpp>
#include <imle/parallel/run_units.hpp>

namespace imle::inline IMLE_ABI::detail {

/// What a call does with each row.
enum class row_work { samples, marginals, map, gradient };

/// Shares the rows of a call among threads. Calls from several threads do not wait for one another: each
/// borrows an executor, whose threads the next call uses again.
template <Executor ExecutorT>
class row_threads {
  public:
    /// `threads`: the largest number of workers of a call; 0 is one for each core.
    row_threads(int threads, ExecutorT executor)
        : workers_(std::max(
              1U, threads > 0 ? static_cast<unsigned>(threads) : std::thread::hardware_concurrency())),
          original_(std::move(executor)) {}

    /// The largest number of workers of a call.
    [[nodiscard]] std::size_t workers() const noexcept { return workers_; }

    /// Calls f(worker, row) once for every row in [0, batch). A worker, below `workers()`, does one row at a
    /// time. If rows throw, the exception of the lowest row is rethrown. `size`: the numbers of a row, by
    /// which a call's time is guessed from the last one's. No result depends on the guess.
    void for_each_row(row_work work, Eigen::Index batch, Eigen::Index size,
                      function_ref<void(std::size_t, Eigen::Index)> f) {
        const auto used = idle_.take([&] { return std::make_unique<borrowed>(original_); });
        row_cost& cost = used->costs[static_cast<std::size_t>(work)];
        const double expected = cost.size == size ? cost.seconds : 0;
        const Eigen::Index rows = rows_of_unit(batch, expected);
        const auto units = static_cast<std::size_t>((batch + rows - 1) / rows);
        const auto do_unit = [&](std::size_t worker, std::size_t unit) {
            const Eigen::Index first = static_cast<Eigen::Index>(unit) * rows;
            for (Eigen::Index row = first; row < std::min(batch, first + rows); ++row) f(worker, row);
        };
        const double all = run_units(used->executor, std::min(units, workers_), units,
                                     expected * static_cast<double>(batch), do_unit);
        if (all > 0) cost = {size, all / static_cast<double>(batch)};
    }

  private:
    struct row_cost {
        Eigen::Index size = -1;
        double seconds = 0;
    };
    struct borrowed {
        explicit borrowed(const ExecutorT& original) : executor(original) {}
        ExecutorT executor;
        std::array<row_cost, 4> costs;
    };

    /// Enough rows that handing them out, some tenths of a microsecond, does not count; few enough for every
    /// worker to have several units.
    [[nodiscard]] Eigen::Index rows_of_unit(Eigen::Index batch, double seconds_a_row) const {
        const auto most = std::max(1.0, static_cast<double>(batch) / (4.0 * static_cast<double>(workers_)));
        const double worth_handing_out = 5e-6;
        return seconds_a_row > 0
                   ? static_cast<Eigen::Index>(std::clamp(worth_handing_out / seconds_a_row, 1.0, most))
                   : 1;
    }

    std::size_t workers_;
    ExecutorT original_;
    idle_pool<borrowed> idle_;
};

}  // namespace imle::inline IMLE_ABI::detail
