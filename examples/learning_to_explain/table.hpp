#pragma once

/// @file
/// The table of results.

#include <iosfwd>
#include <span>

#include "scoring.hpp"
#include "training.hpp"

namespace learning_to_explain {

void print_table_head(std::ostream& out, Eigen::Index test_instances, std::size_t runs);

/// What somebody gets who knows how the data was made.
void print_truth(std::ostream& out, std::span<const scores> runs);

/// The mean of the runs, and of what was found the worst run.
void print_table_row(std::ostream& out, method how, std::span<const training_record> runs);

}  // namespace learning_to_explain
