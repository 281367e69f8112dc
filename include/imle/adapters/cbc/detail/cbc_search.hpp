#pragma once

/// @file
/// Branch and bound by CBC, for programs whose tree is large.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <CbcModel.hpp>
#include <CglClique.hpp>
#include <CglGomory.hpp>
#include <CglKnapsackCover.hpp>
#include <CglMixedIntegerRounding2.hpp>
#include <CglProbing.hpp>
#include <ClpSimplex.hpp>
#include <OsiClpSolverInterface.hpp>

#include <imle/adapters/cbc/detail/depth_first_search.hpp>
#include <imle/adapters/cbc/detail/search_state.hpp>
#include <imle/adapters/cbc/program.hpp>
#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Sets a model of CBC up to prove the optimum with no gap, silently and on this thread.
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
        model.setUseElapsedTime(true);  // the processor's seconds would count all threads'
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
    CglMixedIntegerRounding2 rounding;
    // -1: CBC tries each at the root and leaves out what does not help.
    model.addCutGenerator(&probing, -1, "probing");
    model.addCutGenerator(&gomory, -1, "gomory");
    model.addCutGenerator(&covers, -1, "knapsack cover");
    model.addCutGenerator(&cliques, -1, "clique");
    model.addCutGenerator(&rounding, -1, "mixed integer rounding");
}

/// Searches the whole tree of `model` (with costs, and the bounds of `program`). Where `cuts` finds that the
/// best x is no state, the constraints are added and CBC starts again. best: what is known, and takes what is
/// found.
inline search_end search_by_cbc(ClpSimplex& model, const program_data& program, const cut_finder& cuts,
                                search_budget& budget, incumbent& best) {
    while (true) {
        if (budget.exhausted()) return search_end::limit;
        OsiClpSolverInterface relaxation(&model, false);
        relaxation.messageHandler()->setLogLevel(0);
        relaxation.setHintParam(OsiDoReducePrint, true, OsiHintTry);
        for (int j = 0; j < program.variables(); ++j)
            if (program.integer[static_cast<std::size_t>(j)]) relaxation.setInteger(j);
        CbcModel search(relaxation);
        set_up(search, budget);
        if (best.found())
            search.setBestSolution(best.state().data(), program.variables(), best.cost(), false);
        search.branchAndBound();
        budget.take_nodes(search.getNodeCount());

        if (search.isProvenInfeasible() && !search.bestSolution()) return search_end::finished;
        if (!search.isProvenOptimal()) {
            const bool limit =
                search.isNodeLimitReached() || search.isSecondsLimitReached() || budget.exhausted();
            return limit ? search_end::limit : search_end::trouble;
        }
        const double* x = search.bestSolution();
        cutting_rows found;
        if (cuts) cuts({x, static_cast<std::size_t>(program.variables())}, found);
        if (found.size() == 0)
            return offer_rounded(model, x, program, best) ? search_end::finished : search_end::trouble;
        found.append_to(model);
    }
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
