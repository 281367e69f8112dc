#pragma once

/// @file
/// How long a search may go on, and how it ended.

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <imle/adapters/cbc/program.hpp>
#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// How a search ended.
enum class search_end {
    /// Nothing is left to be searched.
    finished,
    /// A limit of nodes or seconds was reached.
    limit,
    /// CLP could not solve a relaxation, or what it found breaks a constraint after rounding.
    trouble
};

/// The rest of one solve's limits.
class search_budget {
  public:
    explicit search_budget(const integer_program_limits& limits)
        : nodes_(limits.nodes), timed_(limits.seconds < 1e9), seconds_(limits.seconds) {
        if (timed_) start_ = std::chrono::steady_clock::now();
    }
    [[nodiscard]] std::int64_t nodes_left() const noexcept { return nodes_; }
    void take_nodes(std::int64_t count) noexcept { nodes_ = std::max<std::int64_t>(0, nodes_ - count); }

    [[nodiscard]] bool timed() const noexcept { return timed_; }
    [[nodiscard]] double seconds_left() const {
        return seconds_ - std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }
    [[nodiscard]] bool exhausted() const { return nodes_ == 0 || (timed_ && seconds_left() <= 0); }

  private:
    std::int64_t nodes_;
    bool timed_;
    double seconds_;
    std::chrono::steady_clock::time_point start_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
