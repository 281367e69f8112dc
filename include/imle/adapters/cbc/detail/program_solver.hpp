#pragma once

/// @file
/// Solves one integer program for many objectives: CLP's relaxation, then a depth-first search, then CBC if
/// the tree is not small.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <ClpSimplex.hpp>
#include <CoinError.hpp>

#include <imle/adapters/cbc/detail/cbc_search.hpp>
#include <imle/adapters/cbc/detail/depth_first_search.hpp>
#include <imle/adapters/cbc/detail/search_state.hpp>
#include <imle/adapters/cbc/program.hpp>

namespace imle::inline IMLE_ABI::detail {

/// CLP allocates and frees blocks of 160 KB in every call. At first glibc returns such blocks to the system
/// each time, which costs more than the simplex method (measured: 10 to 20 ms per knapsack of 16 items
/// instead of 0.8). glibc raises its threshold to the size of the largest block freed so far, so freeing one
/// larger block is enough. With other libraries this does nothing.
inline void keep_freed_blocks() {
    void* volatile block = ::operator new (std::size_t{4} << 20);  // volatile prevents optimising it away
    ::operator delete(block);
}

/// Minimises over a `program_data` for many objectives.
///
/// If optima tie, the simplex method's answer depends on its initial basis. So no solve starts where the last
/// one ended. All start from the same feasible basis, found without an objective, in a fresh copy of one CLP
/// model. The result of a solve then depends on its objective alone, and the primal simplex still skips the
/// search for a first feasible vertex. The copy costs 2 microseconds for 16 variables.
class program_solver {
  public:
    program_solver(std::shared_ptr<const program_data> program, integer_program_limits limits,
                   cut_finder cuts = {})
        : program_(std::move(program)), limits_(limits), cuts_(std::move(cuts)) {}
    /// A copy shares the program, which never changes, and makes its own model at its first solve.
    program_solver(const program_solver& other)
        : program_(other.program_), limits_(other.limits_), cuts_(other.cuts_) {}
    program_solver(program_solver&&) = default;
    program_solver& operator=(const program_solver& other) { return *this = program_solver(other); }
    program_solver& operator=(program_solver&&) = default;

    [[nodiscard]] const program_data& program() const noexcept { return *program_; }

    /// Finds the x of least <costs, x>, with x_j = 0 where mask[j] is false. mask: empty, or one value per
    /// variable. If the limits allow it, x may be `not_proven` to be the least. Throws `solve_failure`, and
    /// `std::runtime_error` if CLP or CBC cannot solve the program.
    solve_status minimize(std::span<const double> costs, std::span<const bool> mask = {}) try {
        mask_ = mask;
        require_zero_in_bounds();
        scale(costs);
        if (program_->row_count() == 0 && !cuts_) {
            minimize_over_box();
            return solve_status::solved;
        }
        if (program_->variables() == 0) {
            require_empty_state();
            return solve_status::solved;
        }
        if (!start_) start_ = make_start();
        if (start_->status() == 1) fail(solve_status::infeasible);
        if (start_->status() != 0) cannot("find a first basis");

        search_budget budget(limits_);
        ClpSimplex model = make_model();
        if (budget.timed()) model.setMaximumWallSeconds(limits_.seconds);
        model.primal(0);
        if (model.status() == 2) fail_unbounded(budget);
        if (model.status() == 3) fail(solve_status::time_limit);
        if (model.status() != 0) cannot("solve the relaxation");

        incumbent best(*program_, costs_, mask_);
        search_end end = depth_first_search{model, *program_, cuts_, budget, best}.run();
        if (end != search_end::finished) {
            ClpSimplex afresh = make_model();
            end = search_by_cbc(afresh, *program_, cuts_, budget, best);
        }
        const bool accepted = end == search_end::limit && limits_.accept_incumbent && best.found();
        if (end == search_end::limit && !accepted) fail(solve_status::time_limit);
        if (end == search_end::trouble) cannot("find an x that satisfies all constraints");
        if (!best.found()) fail(solve_status::infeasible);
        state_ = best.state();
        return accepted ? solve_status::not_proven : solve_status::solved;
    } catch (const CoinError& error) {
        throw std::runtime_error("imle: CBC failed in " + error.className() + "::" + error.methodName() +
                                 ": " + error.message());
    }

    /// The x of the last `minimize`, with all variables.
    [[nodiscard]] std::span<const double> state() const noexcept { return state_; }

  private:
    /// Tolerances are absolute, so costs are scaled, without rounding, by a power of two that makes the
    /// largest one between 1 and 2.
    void scale(std::span<const double> costs) {
        double largest = 0;
        for (const double cost : costs) largest = std::max(largest, std::abs(cost));
        const int exponent = largest > 0 ? std::ilogb(largest) : 0;
        costs_.resize(costs.size());
        for (std::size_t j = 0; j < costs.size(); ++j) costs_[j] = std::ldexp(costs[j], -exponent);
    }

    /// Whether the mask sets variable j to 0.
    [[nodiscard]] bool is_fixed(std::size_t j) const noexcept { return !mask_.empty() && !mask_[j]; }

    /// Throws unless every variable that the mask sets to 0 can be 0.
    void require_zero_in_bounds() const {
        for (std::size_t j = 0; j < mask_.size(); ++j) {
            const auto i = static_cast<Eigen::Index>(j);
            if (!mask_[j] && (program_->lower(i) > 0 || program_->upper(i) < 0))
                fail(solve_status::infeasible);
        }
    }

    /// A copy of the initial model with the costs, and bounds of 0 where the mask forbids.
    [[nodiscard]] ClpSimplex make_model() const {
        ClpSimplex model(*start_);
        if (!mask_.empty()) {
            for (std::size_t j = 0; j < mask_.size(); ++j)
                if (is_fixed(j)) model.setColumnBounds(static_cast<int>(j), 0, 0);
            model.dual(0);  // as for the initial model: without an objective it only has to become feasible
            if (model.status() == 1) fail(solve_status::infeasible);
            if (model.status() != 0) cannot("find a first basis");
        }
        std::copy(costs_.begin(), costs_.end(), model.objective());
        return model;
    }

    [[nodiscard]] std::unique_ptr<ClpSimplex> make_start() const {
        [[maybe_unused]] static const bool once = (keep_freed_blocks(), true);
        const program_data& program = *program_;
        const auto bounds = [](const Eigen::VectorXd& values) {
            std::vector<double> result(values.data(), values.data() + values.size());
            for (double& x : result) x = std::clamp(x, -COIN_DBL_MAX, COIN_DBL_MAX);
            return result;
        };
        const std::vector<double> none(static_cast<std::size_t>(program.variables()), 0.0);
        auto model = std::make_unique<ClpSimplex>();
        model->setLogLevel(0);
        model->setPrimalTolerance(program_tolerance);
        model->setDualTolerance(program_tolerance);
        model->loadProblem(program.variables(), program.row_count(), program.rows.outerIndexPtr(),
                           program.rows.innerIndexPtr(), program.rows.valuePtr(),
                           bounds(program.lower).data(), bounds(program.upper).data(), none.data(),
                           bounds(program.row_lower).data(), bounds(program.row_upper).data());
        // Without an objective any basis is dual feasible, so the dual simplex only has to make it primal
        // feasible.
        model->dual(0);
        return model;
    }

    /// Without rows, each variable goes to the bound that its cost prefers; without a cost, to the allowed
    /// value nearest to 0.
    void minimize_over_box() {
        state_.resize(costs_.size());
        for (std::size_t j = 0; j < state_.size(); ++j) {
            const auto i = static_cast<Eigen::Index>(j);
            const double low = is_fixed(j) ? 0 : program_->lower(i);
            const double high = is_fixed(j) ? 0 : program_->upper(i);
            state_[j] = costs_[j] < 0 ? high : costs_[j] > 0 ? low : std::clamp(0.0, low, high);
            if (std::abs(state_[j]) > largest_program_number) fail(solve_status::unbounded);
        }
    }

    /// Without variables, A x is 0.
    void require_empty_state() {
        for (Eigen::Index row = 0; row < program_->row_count(); ++row)
            if (program_->row_lower(row) > 0 || program_->row_upper(row) < 0) fail(solve_status::infeasible);
        state_.clear();
    }

    /// The relaxation is unbounded. If the program has a feasible x, then (by Meyer's theorem, for rational
    /// constraints) it is unbounded too.
    [[noreturn]] void fail_unbounded(search_budget& budget) {
        std::fill(costs_.begin(), costs_.end(), 0.0);
        ClpSimplex model = make_model();
        incumbent any(*program_, costs_, mask_);
        const search_end end = search_by_cbc(model, *program_, cuts_, budget, any);
        fail(any.found()                ? solve_status::unbounded
             : end == search_end::limit ? solve_status::time_limit
                                        : solve_status::infeasible);
    }

    [[noreturn]] void fail(solve_status status) const {
        const std::string what =
            status == solve_status::infeasible
                ? "is infeasible: no x satisfies all of its constraints; expected at least one"
            : status == solve_status::unbounded
                ? "is unbounded for this theta; expected constraints that bound <theta, x>"
                : message("was not solved within ", limits_in_words(),
                          "; expected larger limits or a smaller program");
        throw solve_failure(status, "imle: the integer program " + what);
    }

    /// Describes the limits that are set, or CLP's own.
    [[nodiscard]] std::string limits_in_words() const {
        const bool timed = limits_.seconds < std::numeric_limits<double>::infinity();
        const bool counted = limits_.nodes < std::numeric_limits<std::int64_t>::max();
        std::string words = timed ? message(limits_.seconds, " seconds") : "";
        if (counted) words += message(timed ? " and " : "", limits_.nodes, " nodes");
        return words.empty() ? "CLP's limits" : words;
    }

    [[noreturn]] void cannot(const char* what) const {
        throw std::runtime_error(message("imle: CBC could not ", what, " for an integer program of ",
                                         program_->row_count(), " rows and ", program_->variables(),
                                         " variables; expected numbers of similar magnitude in A and b"));
    }

    std::shared_ptr<const program_data> program_;
    integer_program_limits limits_;
    cut_finder cuts_;
    std::unique_ptr<ClpSimplex> start_;
    std::vector<double> costs_, state_;
    std::span<const bool> mask_;  // the mask of the current solve
};

}  // namespace imle::inline IMLE_ABI::detail
