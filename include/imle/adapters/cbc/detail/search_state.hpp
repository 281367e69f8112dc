#pragma once

/// @file
/// What the searches of one solve share: the limits left, the tolerances, the best x so far, and constraints
/// that are added on the way.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include <ClpSimplex.hpp>

#include <imle/adapters/cbc/program.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The outcome of a search.
enum class search_end {
    finished,  // nothing is left to search
    limit,     // a limit of nodes or seconds was reached
    trouble    // CLP could not solve a relaxation, or its answer violates a constraint after rounding
};

/// The remaining limits of one solve.
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

/// How much better than the best value a bound must be for its part of the tree to be searched, if the
/// largest cost is between 1 and 2. CLP's tolerances are the same: the value of a relaxation is accurate to
/// about this.
inline constexpr double program_tolerance = 1e-9;
/// How much a rounded x may violate a row, relative to the row's largest term (or to 1).
inline constexpr double row_tolerance = 1e-7;
/// The largest distance from an integer that counts as integer, until rounding violates a row.
inline constexpr double integrality_tolerance = 1e-6;

/// The best feasible x and its cost. Only feasible x are accepted, whatever was rounded before.
class incumbent {
  public:
    /// mask: one value per variable, false if it must be 0; empty if none must.
    incumbent(const program_data& program, std::span<const double> costs, std::span<const bool> mask = {})
        : program_(program), costs_(costs), mask_(mask) {}

    [[nodiscard]] bool found() const noexcept { return found_; }
    [[nodiscard]] double cost() const noexcept { return cost_; }
    [[nodiscard]] const std::vector<double>& state() const noexcept { return state_; }
    /// Only values below this are of interest.
    [[nodiscard]] double cutoff() const noexcept { return cost_ - program_tolerance; }

    /// Rounds x and keeps it if it is the best. Returns false if it violates a row.
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
            if (!mask_.empty() && !mask_[j]) value = 0;
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

    /// The same for the x of a relaxation, given with its model. If the rounded x violates a row and there
    /// are continuous variables, optimises these again with the integers fixed.
    bool offer(const ClpSimplex& model, const double* x) {
        if (offer(x)) return true;
        if (!program_.is_mixed()) return false;
        ClpSimplex around(model);
        for (int j = 0; j < program_.variables(); ++j)
            if (program_.integer[static_cast<std::size_t>(j)])
                around.setColumnBounds(j, std::round(x[j]), std::round(x[j]));
        around.dual(0);
        return around.status() == 0 && offer(around.primalColumnSolution());
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
    std::span<const bool> mask_;
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
    /// Adds a term to the latest row.
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
    /// Appends the rows to a model. A new row starts basic, so that the basis stays a basis.
    void append_to(ClpSimplex& model) const {
        const std::vector<double> no_upper(lower_.size(), COIN_DBL_MAX);
        model.addRows(size(), lower_.data(), no_upper.data(), starts_.data(), variables_.data(),
                      values_.data());
    }

  private:
    std::vector<CoinBigIndex> starts_ = {0};
    std::vector<int> variables_;
    std::vector<double> values_, lower_;
};

/// Given a point x, adds constraints that every feasible x satisfies and this x violates; none if it violates
/// none. An infeasible x with integer values must be cut off.
using cut_finder = std::function<void(std::span<const double> x, cutting_rows& found)>;

}  // namespace imle::inline IMLE_ABI::detail
