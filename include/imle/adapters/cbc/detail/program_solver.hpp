#pragma once

/// @file
/// Solves one integer program for many objectives.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
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
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// CLP allocates and frees blocks of 160 KB in every call, and glibc at first returns such blocks to the
/// system each time, which costs more than the simplex method (measured: 10 to 20 ms a knapsack of 16 items
/// instead of 0.8). glibc raises its threshold to the size of the largest block freed so far, so freeing a
/// larger one, once, is enough. Elsewhere this does nothing.
inline void keep_freed_blocks() {
    void* volatile block = ::operator new (std::size_t{4} << 20);  // volatile: not to be optimised away
    ::operator delete(block);
}

/// Minimises over a `program_data`, again and again.
///
/// Where optima tie, the simplex method's answer depends on the basis that it starts from. So no solve starts
/// where the last one ended. All start from one basis, feasible and found for no objective, in a fresh copy
/// of one model of CLP: what a solve returns depends on its objective alone, and primal simplex still saves
/// the way to a first feasible vertex. The copy costs 2 microseconds for 16 variables.
class program_solver {
  public:
    program_solver(std::shared_ptr<const program_data> program, integer_program_limits limits,
                   cut_finder cuts = {})
        : program_(std::move(program)), limits_(limits), cuts_(std::move(cuts)) {}
    /// A copy shares the program, which nobody changes, and makes its own model when it first solves.
    program_solver(const program_solver& other)
        : program_(other.program_), limits_(other.limits_), cuts_(other.cuts_) {}
    program_solver(program_solver&&) = default;
    program_solver& operator=(const program_solver& other) { return *this = program_solver(other); }
    program_solver& operator=(program_solver&&) = default;
    ~program_solver() = default;

    [[nodiscard]] const program_data& program() const noexcept { return *program_; }

    /// The state of least <costs, x>, valid until the next call. Throws `solve_failure`, and
    /// `std::runtime_error` if CLP or CBC cannot solve the program.
    std::span<const double> minimize(std::span<const double> costs) {
        try {
            return checked_minimize(costs);
        } catch (const CoinError& error) {
            throw std::runtime_error("imle: CBC failed in " + error.className() + "::" + error.methodName() +
                                     ": " + error.message());
        }
    }

  private:
    /// By `depth_first_search`, and then CBC starts: measured, it is the faster one on trees of fewer nodes.
    static constexpr std::int64_t small_tree = 2000;

    std::span<const double> checked_minimize(std::span<const double> costs) {
        scale(costs);
        if (program_->row_count() == 0 && !cuts_) return minimize_over_box();
        if (program_->variables() == 0) return only_state();
        if (!start_) start_ = make_start();
        if (start_->status() == 1) fail(solve_status::infeasible);
        if (start_->status() != 0) cannot("find a first basis");

        search_budget budget(limits_);
        ClpSimplex model(*start_);
        std::copy(costs_.begin(), costs_.end(), model.objective());
        if (budget.timed()) model.setMaximumWallSeconds(limits_.seconds);
        model.primal(0);
        if (model.status() == 2) fail_unbounded();
        if (model.status() == 3) fail(solve_status::time_limit);
        if (model.status() != 0) cannot("solve the relaxation");

        incumbent best(*program_, costs_);
        search_end end = depth_first_search(model, *program_, cuts_, budget, small_tree, best).run();
        if (end != search_end::finished && !budget.exhausted()) {
            ClpSimplex afresh(*start_);
            std::copy(costs_.begin(), costs_.end(), afresh.objective());
            end = search_by_cbc(afresh, *program_, cuts_, budget, best);
        }
        if (end == search_end::limit) fail(solve_status::time_limit);
        if (end == search_end::trouble) cannot("find a state that keeps all constraints");
        if (!best.found()) fail(solve_status::infeasible);
        state_ = best.state();
        return state_;
    }

    /// Tolerances are absolute, so costs are scaled by a power of two, which rounds nothing, to a largest one
    /// between 1 and 2.
    void scale(std::span<const double> costs) {
        double largest = 0;
        for (const double cost : costs) largest = std::max(largest, std::abs(cost));
        const int exponent = largest > 0 ? std::ilogb(largest) : 0;
        costs_.resize(costs.size());
        for (std::size_t j = 0; j < costs.size(); ++j) costs_[j] = std::ldexp(costs[j], -exponent);
    }

    [[nodiscard]] std::unique_ptr<ClpSimplex> make_start() const {
        static const bool once = (keep_freed_blocks(), true);
        static_cast<void>(once);
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
        // Without an objective any basis is dual feasible, so the dual simplex only has to become feasible.
        model->dual(0);
        return model;
    }

    /// Without rows each variable goes to the bound that its cost sends it to; without a cost to 0, or as
    /// near to it as it may.
    std::span<const double> minimize_over_box() {
        state_.resize(costs_.size());
        for (std::size_t j = 0; j < state_.size(); ++j) {
            const auto i = static_cast<Eigen::Index>(j);
            const double low = program_->lower(i), high = program_->upper(i);
            state_[j] = costs_[j] < 0 ? high : costs_[j] > 0 ? low : std::clamp(0.0, low, high);
            if (std::abs(state_[j]) > largest_program_number) fail(solve_status::unbounded);
        }
        return state_;
    }

    /// Without variables A x is 0.
    std::span<const double> only_state() {
        for (Eigen::Index row = 0; row < program_->row_count(); ++row)
            if (program_->row_lower(row) > 0 || program_->row_upper(row) < 0) fail(solve_status::infeasible);
        state_.clear();
        return state_;
    }

    /// The relaxation has no upper bound. If there is a state at all, then (by Meyer's theorem, for rational
    /// constraints) neither has the program.
    [[noreturn]] void fail_unbounded() {
        std::fill(costs_.begin(), costs_.end(), 0.0);
        search_budget budget(limits_);
        ClpSimplex model(*start_);
        incumbent any(*program_, costs_);
        const search_end end = search_by_cbc(model, *program_, cuts_, budget, any);
        fail(any.found()                ? solve_status::unbounded
             : end == search_end::limit ? solve_status::time_limit
                                        : solve_status::infeasible);
    }

    [[noreturn]] void fail(solve_status status) const {
        switch (status) {
            case solve_status::infeasible:
                throw solve_failure(status,
                                    "imle: the integer program is infeasible: no x keeps all of its "
                                    "constraints; expected at least one");
            case solve_status::unbounded:
                throw solve_failure(status,
                                    "imle: the integer program is unbounded for this theta; expected bounds "
                                    "that hold <theta, x> back");
            default:
                throw solve_failure(status, message("imle: the integer program was not solved within ",
                                                    limits_.seconds, " seconds and ", limits_.nodes,
                                                    " nodes; expected larger limits or a smaller program"));
        }
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
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
