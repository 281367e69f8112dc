#pragma once

/// @file
/// Branch and cut by CBC, for large trees: how its model is set up, and when it starts afresh.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

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
#include <OsiClpSolverInterface.hpp>

#include <imle/adapters/cbc/detail/search_state.hpp>
#include <imle/adapters/cbc/program.hpp>

namespace imle::inline IMLE_ABI::detail {

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

/// How near to an integer CBC takes a value for one. CBC drops a node whose x is integer by this tolerance,
/// even if the rounded x violates a row or costs more: with x0 <= 1e7 x1 and 1e-6, it would never try x1 = 1.
/// So rounding may change no row by more than a tenth of its smallest coefficient. Continuous variables have
/// no such scale.
inline double integer_tolerance(const program_data& program) {
    if (program.is_mixed()) return program_tolerance;
    return std::clamp(0.1 / largest_ratio(program), program_tolerance, integrality_tolerance);
}

/// Configures a CBC model to prove the optimum with no gap, silently and on this thread, within the budget
/// and `most_nodes`.
inline void set_up(CbcModel& model, const program_data& program, const search_budget& budget,
                   int most_nodes) {
    model.setLogLevel(0);
    model.setAllowableGap(0);
    model.setAllowableFractionGap(0);
    model.setCutoffIncrement(program_tolerance);
    model.setIntegerTolerance(integer_tolerance(program));
    model.setRandomSeed(1);
    model.setMaximumNodes(static_cast<int>(std::min<std::int64_t>(budget.nodes_left(), most_nodes)));
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
        set_up(search, program, budget, may_start_afresh ? few_nodes : std::numeric_limits<int>::max());
        if (is_thorough)
            add_heuristics_of_command(search);
        else
            add_light_heuristics(search);
        // The pump of the command's heuristics works only where neither an x nor a cutoff is known: with a
        // cutoff bell5 did not end within 60 s.
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
            if (x != nullptr && !cuts) best.offer(model, x);
            if (may_start_afresh && is_limit) {
                may_start_afresh = false;
                is_thorough = true;
                continue;
            }
            return is_limit ? search_end::limit : search_end::trouble;
        }
        cutting_rows found;
        if (cuts) cuts({x, static_cast<std::size_t>(program.variables())}, found);
        if (found.size() == 0) return best.offer(model, x) ? search_end::finished : search_end::trouble;
        found.append_to(model);
    }
}

}  // namespace imle::inline IMLE_ABI::detail
