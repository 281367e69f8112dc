#pragma once

/// @file
/// What an integer program has beside A x <= b, and the limits of its search.

#include <cstdint>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// When to give up a solve, which is then a `solve_failure` of status `time_limit`: never an answer that may
/// not be the best.
struct integer_program_limits {
    /// Seconds by the clock on the wall for one solve. Whether it is reached depends on the machine.
    double seconds = std::numeric_limits<double>::infinity();
    /// Nodes of the search tree for one solve. Whether it is reached does not.
    std::int64_t nodes = std::numeric_limits<std::int64_t>::max();
};

/// Row bounds, variables' bounds, which variables are integers, and limits. What is left empty has its
/// default; the order of the members is part of the contract.
struct integer_program_options {
    /// [rows] lower bounds of A x: row_lower <= A x <= b. Default: -infinity. Equal to b for an equation.
    Eigen::VectorXd row_lower = {};
    /// [variables] lower bounds of x. Default: 0.
    Eigen::VectorXd lower = {};
    /// [variables] upper bounds of x. Default: 1.
    Eigen::VectorXd upper = {};
    /// [variables] true for a variable that must be an integer. Default: all.
    std::vector<bool> integer = {};
    /// When to give up.
    integer_program_limits limits = {};
};

}  // namespace imle::inline IMLE_ABI
