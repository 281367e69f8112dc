#pragma once

/// @file
/// Branch and bound on CLP's relaxation, for programs whose tree is small.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <ClpSimplex.hpp>

#include <imle/adapters/cbc/detail/search_state.hpp>
#include <imle/adapters/cbc/program.hpp>
#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Offers a relaxation's x to the incumbent, rounded. If that breaks a row and there are continuous
/// variables, they are optimised again around the rounded integers; the model is left as it was but for its
/// values. False if it still breaks a row.
inline bool offer_rounded(ClpSimplex& model, const double* x, const program_data& program, incumbent& best) {
    if (best.offer(x)) return true;
    if (std::find(program.integer.begin(), program.integer.end(), false) == program.integer.end())
        return false;
    const std::vector<double> rounded = [&] {
        std::vector<double> values(x, x + program.variables());
        for (double& value : values) value = std::round(value);
        return values;
    }();
    ClpSimplex around(model);
    for (int j = 0; j < program.variables(); ++j)
        if (program.integer[static_cast<std::size_t>(j)])
            around.setColumnBounds(j, rounded[static_cast<std::size_t>(j)],
                                   rounded[static_cast<std::size_t>(j)]);
    around.dual(0);
    return around.status() == 0 && best.offer(around.primalColumnSolution());
}

/// Searches depth first: at each node the relaxation by the dual simplex from the parent's basis, then the
/// most fractional variable (the first of equals) rounded to its nearer side, then to the other one. A node
/// costs some ten microseconds for a small program, where `CbcModel` takes hundreds; but it has no cuts of
/// its own, no preprocessing and no heuristics, so a large tree is CBC's.
class depth_first_search {
  public:
    /// model: with costs, its relaxation solved; it is left in whatever state the search ends in. best:
    /// takes what is found.
    depth_first_search(ClpSimplex& model, const program_data& program, const cut_finder& cuts,
                       search_budget& budget, std::int64_t most_nodes, incumbent& best)
        : model_(model),
          program_(program),
          cuts_(cuts),
          budget_(budget),
          nodes_left_(most_nodes),
          best_(best) {}

    /// `limit` when the budget or `most_nodes` is used up.
    search_end run() {
        explore(true);
        return end_;
    }

  private:
    struct branching {
        int variable = -1;
        double value = 0;
    };

    /// False if the search must stop.
    bool explore(bool is_root) {
        if (nodes_left_ == 0 || budget_.exhausted()) return stop(search_end::limit);
        --nodes_left_;
        budget_.take_nodes(1);
        branching at;
        do {
            if (!is_root) model_.dual(0);
            is_root = false;
            if (model_.status() == 1) return true;  // no state here
            if (model_.status() != 0)
                return stop(model_.status() == 3 ? search_end::limit : search_end::trouble);
            if (model_.objectiveValue() >= best_.cutoff()) return true;
            if (budget_.timed() && budget_.seconds_left() <= 0) return stop(search_end::limit);
        } while (cut_off());

        at = most_fractional(integrality_tolerance);
        if (at.variable < 0) {
            if (offer_rounded(model_, model_.primalColumnSolution(), program_, best_)) return true;
            // Rounding broke a row, so what counted as integer was not.
            at = most_fractional(1e-12);
            if (at.variable < 0) return stop(search_end::trouble);
        }
        return branch(at);
    }

    bool branch(const branching& at) {
        const std::vector<unsigned char> basis(
            model_.statusArray(), model_.statusArray() + model_.numberColumns() + model_.numberRows());
        const double lower = model_.columnLower()[at.variable], upper = model_.columnUpper()[at.variable];
        const double down = std::floor(at.value);
        const bool down_first = at.value - down <= 0.5;
        for (const bool go_down : {down_first, !down_first}) {
            if (go_down)
                model_.setColumnBounds(at.variable, lower, down);
            else
                model_.setColumnBounds(at.variable, down + 1, upper);
            if (!explore(false)) return false;
            model_.setColumnBounds(at.variable, lower, upper);
            // Rows that were added below stay, since they hold everywhere; each is basic at first.
            std::copy(basis.begin(), basis.end(), model_.statusArray());
            for (int row = static_cast<int>(basis.size()) - model_.numberColumns(); row < model_.numberRows();
                 ++row)
                model_.setRowStatus(row, ClpSimplex::basic);
        }
        return true;
    }

    /// Adds the constraints that x breaks; false if there are none.
    bool cut_off() {
        if (!cuts_) return false;
        found_.clear();
        cuts_({model_.primalColumnSolution(), static_cast<std::size_t>(program_.variables())}, found_);
        if (found_.size() == 0) return false;
        found_.append_to(model_);
        return true;
    }

    [[nodiscard]] branching most_fractional(double tolerance) const {
        branching best;
        double furthest = tolerance;
        const double* x = model_.primalColumnSolution();
        for (int j = 0; j < program_.variables(); ++j) {
            if (!program_.integer[static_cast<std::size_t>(j)]) continue;
            const double distance = std::abs(x[j] - std::round(x[j]));
            if (distance <= furthest) continue;
            furthest = distance;
            best = {j, x[j]};
        }
        return best;
    }

    bool stop(search_end why) noexcept {
        end_ = why;
        return false;
    }

    ClpSimplex& model_;
    const program_data& program_;
    const cut_finder& cuts_;
    search_budget& budget_;
    std::int64_t nodes_left_;
    incumbent& best_;
    cutting_rows found_;
    search_end end_ = search_end::finished;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
