#pragma once

/// @file
/// What a layer remembers of a call: which instances failed, and the statistics.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/layer/call_statistics.hpp>
#include <imle/layer/detail/worker.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Workers note for themselves; this adds up, in an order that does not depend on which worker did what.
template <class SolverT>
class call_record {
  public:
    using worker_list = std::vector<std::unique_ptr<worker<SolverT>>>;

    /// A call begins: nothing is known of it.
    void begin(worker_list& workers) noexcept {
        for (auto& worker : workers) {
            worker->failed_rows.clear();
            worker->statistics = {};
        }
        failed_rows_.clear();
        statistics_ = {};
        expected_solves_ = 0;
        parallel_seconds_ = 0;
        start_ = std::chrono::steady_clock::now();
    }

    /// How many solves the call would take if none were skipped.
    void expect_solves(std::uint64_t count) noexcept { expected_solves_ = count; }

    /// Where the time of parallel sections is added.
    [[nodiscard]] double& parallel_seconds() noexcept { return parallel_seconds_; }

    /// The rows for which a solve has failed so far, rising. They are also what `failed_rows` will give.
    std::span<const Eigen::Index> gather_failures(worker_list& workers) {
        for (auto& worker : workers) {
            failed_rows_.insert(failed_rows_.end(), worker->failed_rows.begin(), worker->failed_rows.end());
            worker->failed_rows.clear();
        }
        std::sort(failed_rows_.begin(), failed_rows_.end());
        failed_rows_.erase(std::unique(failed_rows_.begin(), failed_rows_.end()), failed_rows_.end());
        return failed_rows_;
    }

    /// The call has succeeded.
    void finish(worker_list& workers) {
        gather_failures(workers);
        const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
        double working_seconds = 0;
        for (const auto& worker : workers) {
            const call_statistics& part = worker->statistics;
            statistics_.solves += part.solves;
            statistics_.failed += part.failed;
            statistics_.differences += part.differences;
            statistics_.zero_differences += part.zero_differences;
            statistics_.noise_seconds += part.noise_seconds;
            statistics_.solve_seconds += part.solve_seconds;
            working_seconds += part.seconds;
        }
        statistics_.skipped = expected_solves_ - statistics_.solves;
        statistics_.seconds = spent.count();
        statistics_.other_seconds = (spent.count() - parallel_seconds_) + working_seconds -
                                    statistics_.noise_seconds - statistics_.solve_seconds;
    }

    [[nodiscard]] const std::vector<Eigen::Index>& failed_rows() const noexcept { return failed_rows_; }
    [[nodiscard]] const call_statistics& statistics() const noexcept { return statistics_; }

  private:
    std::vector<Eigen::Index> failed_rows_;
    call_statistics statistics_;
    std::uint64_t expected_solves_ = 0;
    double parallel_seconds_ = 0;
    std::chrono::steady_clock::time_point start_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
