#pragma once

/// @file
/// What the searches share: how long they may go on, the best state so far, and constraints found on the way.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include <Eigen/Core>

#include <ClpSimplex.hpp>

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

/// By how much a bound must be better than the best value for its part of the tree to be searched, where the
/// largest cost is between 1 and 2. Also CLP's tolerances: a relaxation's value is right to about this.
inline constexpr double program_tolerance = 1e-9;
/// By how much a rounded x may break a row, relative to the row's largest term (or to 1).
inline constexpr double row_tolerance = 1e-7;
/// How far from an integer counts as integer, until rounding is seen to break a row.
inline constexpr double integrality_tolerance = 1e-6;

/// The best state and its cost. Only feasible states get in, whatever was rounded on the way.
class incumbent {
  public:
    incumbent(const program_data& program, std::span<const double> costs)
        : program_(program), costs_(costs) {}

    [[nodiscard]] bool found() const noexcept { return found_; }
    [[nodiscard]] double cost() const noexcept { return cost_; }
    [[nodiscard]] const std::vector<double>& state() const noexcept { return state_; }
    /// Only what is cheaper than this is worth a look.
    [[nodiscard]] double cutoff() const noexcept { return cost_ - program_tolerance; }

    /// Rounds x to a state and keeps it if it is the best. False if it breaks a row.
    bool offer(const double* x) {
        const auto n = static_cast<std::size_t>(program_.variables());
        candidate_.assign(x, x + n);
        double cost = 0;
        for (std::size_t j = 0; j < n; ++j) {
            double& value = candidate_[j];
            const auto i = static_cast<Eigen::Index>(j);
            // + 0.0 turns -0.0 into 0.0.
            if (program_.integer[j]) value = std::round(value) + 0.0;
            value = std::clamp(value, program_.lower(i), program_.upper(i));
            cost += costs_[j] * value;
        }
        if (!keeps_rows()) return false;
        if (!found_ || cost < cost_) {
            found_ = true;
            cost_ = cost;
            state_.swap(candidate_);
        }
        return true;
    }

  private:
    [[nodiscard]] bool keeps_rows() {
        const program_data::matrix& a = program_.rows;
        sums_.assign(static_cast<std::size_t>(a.rows()), 0);
        largest_.assign(sums_.size(), 1);
        for (int j = 0; j < a.outerSize(); ++j) {
            const double x = candidate_[static_cast<std::size_t>(j)];
            if (x == 0) continue;
            for (program_data::matrix::InnerIterator term(a, j); term; ++term) {
                const auto row = static_cast<std::size_t>(term.row());
                sums_[row] += term.value() * x;
                largest_[row] = std::max(largest_[row], std::abs(term.value() * x));
            }
        }
        for (std::size_t row = 0; row < sums_.size(); ++row) {
            const auto i = static_cast<Eigen::Index>(row);
            const double slack = row_tolerance * largest_[row];
            if (sums_[row] > program_.row_upper(i) + slack || sums_[row] < program_.row_lower(i) - slack)
                return false;
        }
        return true;
    }

    const program_data& program_;
    std::span<const double> costs_;
    bool found_ = false;
    double cost_ = std::numeric_limits<double>::infinity();
    std::vector<double> state_, candidate_, sums_, largest_;
};

/// A list of constraints sum_j value_j x_j >= lower.
class cutting_rows {
  public:
    void begin_row(double lower) {
        lower_.push_back(lower);
        starts_.push_back(starts_.back());
    }
    /// A term of the row begun last.
    void add(int variable, double value) {
        variables_.push_back(variable);
        values_.push_back(value);
        ++starts_.back();
    }
    [[nodiscard]] int size() const noexcept { return static_cast<int>(lower_.size()); }
    void clear() {
        starts_.assign(1, 0);
        variables_.clear();
        values_.clear();
        lower_.clear();
    }
    /// Appends them to a model. A new row starts basic, so that the basis stays one.
    void append_to(ClpSimplex& model) const {
        const std::vector<double> no_upper(lower_.size(), COIN_DBL_MAX);
        model.addRows(size(), lower_.data(), no_upper.data(), starts_.data(), variables_.data(),
                      values_.data());
    }

  private:
    std::vector<CoinBigIndex> starts_ = {0};
    std::vector<int> variables_;
    std::vector<double> values_;
    std::vector<double> lower_;
};

/// Given a point x, adds constraints that every state fulfils and x does not; none if x fulfils them all. An
/// integer x that is no state must be cut off.
using cut_finder = std::function<void(std::span<const double> x, cutting_rows& found)>;

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
