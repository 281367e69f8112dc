#pragma once

/// @file
/// Solves one integer program for many objectives, by CLP's relaxation and branch and bound: a depth-first
/// search if the tree is small, otherwise CBC.

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

#include <CbcHeuristic.hpp>
#include <CbcHeuristicDiveCoefficient.hpp>
#include <CbcHeuristicFPump.hpp>
#include <CbcHeuristicGreedy.hpp>
#include <CbcHeuristicLocal.hpp>
#include <CbcModel.hpp>
#include <CglClique.hpp>
#include <CglFlowCover.hpp>
#include <CglGomory.hpp>
#include <CglKnapsackCover.hpp>
#include <CglMixedIntegerRounding2.hpp>
#include <CglProbing.hpp>
#include <CglTwomir.hpp>
#include <ClpSimplex.hpp>
#include <CoinError.hpp>
#include <OsiClpSolverInterface.hpp>

#include <imle/adapters/cbc/program.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Rounds a relaxation's x and offers it to the incumbent. If the rounded x violates a row and there are
/// continuous variables, optimises these again with the integers fixed; of the model, only its values change.
/// Returns false if x still violates a row.
inline bool offer_rounded(ClpSimplex& model, const double* x, const program_data& program, incumbent& best) {
    if (best.offer(x)) return true;
    if (!program.is_mixed()) return false;
    ClpSimplex around(model);
    for (int j = 0; j < program.variables(); ++j)
        if (program.integer[static_cast<std::size_t>(j)])
            around.setColumnBounds(j, std::round(x[j]), std::round(x[j]));
    around.dual(0);
    return around.status() == 0 && best.offer(around.primalColumnSolution());
}

/// A depth-first search: at each node it solves the relaxation by the dual simplex from the parent's basis,
/// then rounds the most fractional variable (the first of equal ones) to its nearer side, then to the other
/// one. A node costs some ten microseconds for a small program, while `CbcModel` takes hundreds. But it has
/// no cuts of its own, no preprocessing and no heuristics, so CBC handles large trees.
struct depth_first_search {
    ClpSimplex& model;  // with costs, its relaxation solved; the search leaves it in any state
    const program_data& program;
    const cut_finder& cuts;
    search_budget& budget;
    std::int64_t nodes_left;
    incumbent& best;  // receives what is found
    cutting_rows found = {};
    search_end end = search_end::finished;

    /// Returns `limit` when the budget or `nodes_left` is used up.
    search_end run() {
        explore(true);
        return end;
    }

  private:
    struct branching {
        int variable = -1;
        double value = 0;
    };

    /// Returns false if the search must stop.
    bool explore(bool is_root) {
        if (nodes_left == 0 || budget.exhausted()) return stop(search_end::limit);
        --nodes_left;
        budget.take_nodes(1);
        do {
            if (!is_root) model.dual(0);
            is_root = false;
            if (model.status() == 1) return true;  // infeasible here
            if (model.status() != 0)
                return stop(model.status() == 3 ? search_end::limit : search_end::trouble);
            if (model.objectiveValue() >= best.cutoff()) return true;
            if (budget.timed() && budget.seconds_left() <= 0) return stop(search_end::limit);
        } while (cut_off());

        branching at = most_fractional(integrality_tolerance);
        if (at.variable < 0) {
            if (offer_rounded(model, model.primalColumnSolution(), program, best)) return true;
            // Rounding violated a row, so a value that counted as integer was not.
            at = most_fractional(1e-12);
            if (at.variable < 0) return stop(search_end::trouble);
        }
        return branch(at);
    }

    bool branch(const branching& at) {
        const int rows = model.numberRows();
        const std::vector<unsigned char> basis(model.statusArray(),
                                               model.statusArray() + model.numberColumns() + rows);
        const double lower = model.columnLower()[at.variable], upper = model.columnUpper()[at.variable];
        const double down = std::floor(at.value);
        const bool down_first = at.value - down <= 0.5;
        for (const bool go_down : {down_first, !down_first}) {
            model.setColumnBounds(at.variable, go_down ? lower : down + 1, go_down ? down : upper);
            if (!explore(false)) return false;
            model.setColumnBounds(at.variable, lower, upper);
            // Rows that were added below stay, because they hold everywhere; each is basic at first.
            std::copy(basis.begin(), basis.end(), model.statusArray());
            for (int row = rows; row < model.numberRows(); ++row) model.setRowStatus(row, ClpSimplex::basic);
        }
        return true;
    }

    /// Adds the constraints that x violates; returns false if there are none.
    bool cut_off() {
        if (!cuts) return false;
        found.clear();
        cuts({model.primalColumnSolution(), static_cast<std::size_t>(program.variables())}, found);
        if (found.size() == 0) return false;
        found.append_to(model);
        return true;
    }

    [[nodiscard]] branching most_fractional(double tolerance) const {
        branching most;
        double furthest = tolerance;
        const double* x = model.primalColumnSolution();
        for (int j = 0; j < program.variables(); ++j) {
            if (!program.integer[static_cast<std::size_t>(j)]) continue;
            const double distance = std::abs(x[j] - std::round(x[j]));
            if (distance <= furthest) continue;
            furthest = distance;
            most = {j, x[j]};
        }
        return most;
    }

    bool stop(search_end why) noexcept {
        end = why;
        return false;
    }
};

/// The heuristics of CBC's command, with its settings, but for RINS, which took a tenth of bell5's time and
/// found nothing: for programs with continuous variables that have many nodes.
inline void add_heuristics_of_command(CbcModel& model) {
    CbcHeuristicFPump pump(model);
    pump.setMaximumPasses(30);
    pump.setMaximumRetries(6);
    pump.setAccumulate(1);
    pump.setAbsoluteIncrement(0);
    pump.setFractionSmall(0.5);
    pump.setFeasibilityPumpOptions(40);
    pump.setWhen(13);  // at the end, with the integers and the continuous variables that are at bounds fixed
    model.addHeuristic(&pump, "feasibility pump");
    CbcRounding rounding(model);
    model.addHeuristic(&rounding, "rounding");
    CbcHeuristicGreedyCover cover(model);
    model.addHeuristic(&cover, "greedy cover");
    CbcHeuristicGreedyEquality equality(model);
    model.addHeuristic(&equality, "greedy equality");
    CbcHeuristicDiveCoefficient dive(model);
    dive.setWhen(2);
    dive.setMaxIterations(100);
    model.addHeuristic(&dive, "dive");
    CbcHeuristicLocal local(model);
    local.setFractionSmall(0.5);
    local.setSearchType(1);
    model.addHeuristic(&local, "combine solutions");
}

/// Heuristics that find a feasible x early: without one CBC did not end on MIPLIB's bell5 in 30 s.
inline void add_light_heuristics(CbcModel& model) {
    CbcRounding rounding(model);
    model.addHeuristic(&rounding, "rounding");
    CbcHeuristicFPump pump(model);
    pump.setMaximumPasses(20);
    model.addHeuristic(&pump, "feasibility pump");
}

/// Configures a CBC model to prove the optimum with no gap, silently and on this thread.
inline void set_up(CbcModel& model, const search_budget& budget) {
    model.setLogLevel(0);
    model.setAllowableGap(0);
    model.setAllowableFractionGap(0);
    model.setCutoffIncrement(program_tolerance);
    model.setIntegerTolerance(integrality_tolerance);
    model.setRandomSeed(1);
    const std::int64_t nodes = std::min<std::int64_t>(budget.nodes_left(), std::numeric_limits<int>::max());
    model.setMaximumNodes(static_cast<int>(nodes));
    if (budget.timed()) {
        model.setUseElapsedTime(true);  // CPU time would count all threads
        model.setMaximumSeconds(std::max(budget.seconds_left(), 1e-3));
    }
    CglProbing probing;
    probing.setUsingObjective(1);
    probing.setMaxPass(1);
    probing.setMaxLook(10);
    CglGomory gomory;
    gomory.setLimit(300);
    CglKnapsackCover covers;
    CglClique cliques;
    cliques.setStarCliqueReport(false);
    cliques.setRowCliqueReport(false);
    CglMixedIntegerRounding2 mixed_rounding;
    CglFlowCover flow_covers;
    CglTwomir two_step_rounding;
    // -1: CBC tries each generator at the root and drops those that do not help.
    model.addCutGenerator(&probing, -1, "probing");
    model.addCutGenerator(&gomory, -1, "gomory");
    model.addCutGenerator(&covers, -1, "knapsack cover");
    model.addCutGenerator(&cliques, -1, "clique");
    model.addCutGenerator(&mixed_rounding, -1, "mixed integer rounding");
    model.addCutGenerator(&flow_covers, -1, "flow cover");
    model.addCutGenerator(&two_step_rounding, -1, "two-step mixed integer rounding");
}

/// Searches the whole tree of `model` (with costs, and the bounds of `program`). If `cuts` finds that the
/// best x is not feasible, adds the constraints and starts CBC again. best: the best x known so far; receives
/// what is found.
///
/// With continuous variables, unless there are `cuts`: if a few nodes by light heuristics are not enough, it
/// starts afresh with the command's. These took egout, which needs no node, from 7 ms to 50, but bell5 from
/// 5 s to 2.7.
inline search_end search_by_cbc(ClpSimplex& model, const program_data& program, const cut_finder& cuts,
                                search_budget& budget, incumbent& best) {
    constexpr int few_nodes = 50;
    bool may_start_afresh = program.is_mixed() && !cuts;
    bool is_thorough = false;
    while (true) {
        if (budget.exhausted()) return search_end::limit;
        OsiClpSolverInterface relaxation(&model, false);
        relaxation.messageHandler()->setLogLevel(0);
        relaxation.setHintParam(OsiDoReducePrint, true, OsiHintTry);
        for (int j = 0; j < program.variables(); ++j)
            if (program.integer[static_cast<std::size_t>(j)]) relaxation.setInteger(j);
        if (is_thorough) relaxation.initialSolve();
        CbcModel search(relaxation);
        set_up(search, budget);
        if (may_start_afresh) search.setMaximumNodes(std::min(few_nodes, search.getMaximumNodes()));
        if (is_thorough)
            add_heuristics_of_command(search);
        else
            add_light_heuristics(search);
        // The pump of the command's heuristics works only where no x is known yet.
        if (best.found() && !is_thorough)
            search.setBestSolution(best.state().data(), program.variables(), best.cost(), false);
        search.branchAndBound();
        budget.take_nodes(search.getNodeCount());

        if (search.isProvenInfeasible() && !search.bestSolution()) return search_end::finished;
        const double* x = search.bestSolution();
        if (!search.isProvenOptimal()) {
            const bool is_limit =
                search.isNodeLimitReached() || search.isSecondsLimitReached() || budget.exhausted();
            // With cuts x may be one that they cut off.
            if (x != nullptr && !cuts) offer_rounded(model, x, program, best);
            if (may_start_afresh && is_limit) {
                may_start_afresh = false;
                is_thorough = true;
                continue;
            }
            return is_limit ? search_end::limit : search_end::trouble;
        }
        cutting_rows found;
        if (cuts) cuts({x, static_cast<std::size_t>(program.variables())}, found);
        if (found.size() == 0)
            return offer_rounded(model, x, program, best) ? search_end::finished : search_end::trouble;
        found.append_to(model);
    }
}

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
        if (model.status() == 2) fail_unbounded();
        if (model.status() == 3) fail(solve_status::time_limit);
        if (model.status() != 0) cannot("solve the relaxation");

        incumbent best(*program_, costs_, mask_);
        search_end end = depth_first_search{model, *program_, cuts_, budget, small_tree(), best}.run();
        if (end != search_end::finished && !budget.exhausted()) {
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
    /// The nodes of `depth_first_search` before CBC starts. The search is faster than CBC on small trees:
    /// with half as many, knapsacks of 40 items in 10 dimensions took 19 ms instead of 15. (Tours would start
    /// CBC again at every cut.) A node of a larger program costs more, and with continuous variables or large
    /// ranges cuts are worth more than nodes: MIPLIB's egout takes CBC 7 ms, and 80 after 2,000 nodes.
    [[nodiscard]] std::int64_t small_tree() const {
        constexpr std::int64_t most = 2000, work = 100'000, work_if_hard = 5'000;
        if (cuts_) return most;
        const std::int64_t size = program_->variables() + program_->row_count();
        return std::clamp<std::int64_t>((program_->is_mixed() || has_ranges() ? work_if_hard : work) / size,
                                        1, most);
    }

    /// Whether most variables have more than two values.
    [[nodiscard]] bool has_ranges() const {
        return 2 * ((program_->upper - program_->lower).array() > 1).count() > program_->variables();
    }

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
    [[noreturn]] void fail_unbounded() {
        std::fill(costs_.begin(), costs_.end(), 0.0);
        search_budget budget(limits_);
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
