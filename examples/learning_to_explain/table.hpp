#pragma once

/// @file
/// The table of results.

#include <iosfwd>
#include <span>

#include "scoring.hpp"
#include "training.hpp"

namespace learning_to_explain {

void print_table_head(std::ostream& out, Eigen::Index test_instances, std::size_t runs);

/// Prints the scores of somebody who knows how the data was made.
void print_truth(std::ostream& out, std::span<const scores> runs);

/// Prints the mean over the runs, and the share found in the worst run.
void print_table_row(std::ostream& out, method how, std::span<const training_record> runs);

}  // namespace learning_to_explain
