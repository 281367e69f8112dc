#pragma once

/// @file
/// Constraints that are too many to be written down, and so are found when they are broken.

#include <functional>
#include <span>
#include <vector>

#include <ClpSimplex.hpp>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

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
