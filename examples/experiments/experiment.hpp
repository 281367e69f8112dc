#pragma once

/// @file
/// What an experiment is given and what it hands back.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/picture_writer.hpp"

namespace experiments {

/// How an experiment is run. Its results are a function of `seed` and `quick` alone.
struct run_options {
    /// Of all that is random.
    std::uint64_t seed = 0;
    /// Worker threads, at least 1.
    int threads = 1;
    /// Small sizes, for tests: what is measured is then not comparable with the references.
    bool quick = false;
    /// Where the data sets lie.
    std::filesystem::path data;
    /// Called now and then, from the thread that runs the experiment, with the share of the work that is
    /// done, 0 to 1. Never empty.
    std::function<void(double share)> on_progress = [](double) {};
};

/// A figure of somebody else: a paper's, or one that was recomputed by the reference's code.
struct reference_figure {
    double value = 0;
    /// The standard deviation over runs, where known.
    std::optional<double> deviation = {};
    /// The number of runs that the value is the mean of, where known.
    std::optional<int> runs = {};
};

/// One method's line in a table.
struct experiment_row {
    std::string method;
    /// The mean over runs, their standard deviation (with the divisor runs - 1; 0 for one run) and their
    /// number.
    double ours = 0;
    double deviation = 0;
    int runs = 1;
    std::optional<reference_figure> published = {};
    std::optional<reference_figure> recomputed = {};
    /// The standard error of `ours` minus the reference, where it is not what the deviations and the numbers
    /// of runs say: where both have the same problems, say.
    std::optional<double> difference_error = {};
    /// One text for each of the table's `extra_columns`.
    std::vector<std::string> extra = {};
};

/// A table of results. Its rows are printed as they stand.
struct experiment_table {
    /// One line above the table: what was done.
    std::string title;
    /// What the numbers are, and their unit, such as "normalised test regret, %".
    std::string quantity;
    /// Digits after the decimal point.
    int digits = 3;
    /// Heads of columns that only this table has; they come last.
    std::vector<std::string> extra_columns = {};
    std::vector<experiment_row> rows = {};
    /// Lines below the table, in Markdown.
    std::string note = {};
};

/// What an experiment found: tables, and pictures for gnuplot to draw.
struct experiment_result {
    std::vector<experiment_table> tables;
    std::vector<example_support::picture> pictures;
};

}  // namespace experiments
