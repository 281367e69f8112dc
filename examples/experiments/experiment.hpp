#pragma once

/// @file
/// The input and the output of an experiment.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/picture_writer.hpp"

namespace experiments {

/// The options of an experiment. Its results depend on `seed` and `quick` only.
struct run_options {
    /// The seed of everything random.
    std::uint64_t seed = 0;
    /// Worker threads, at least 1.
    int threads = 1;
    /// Small sizes, for tests: the results are then not comparable with the references.
    bool quick = false;
    /// The folder of the data sets.
    std::filesystem::path data;
    /// Called now and then, from the thread that runs the experiment, with the share of the work that is
    /// done, from 0 to 1. Never empty.
    std::function<void(double share)> on_progress = [](double) {};
};

/// A figure to compare with: published in a paper, or recomputed with the reference's code.
struct reference_figure {
    double value = 0;
    /// The standard deviation over runs, if known.
    std::optional<double> deviation = {};
    /// The number of runs in the mean, if known.
    std::optional<int> runs = {};
};

/// One method's row in a table.
struct experiment_row {
    std::string method;
    /// The mean over runs, their standard deviation (with the divisor runs - 1; 0 for one run) and the number
    /// of runs.
    double ours = 0;
    double deviation = 0;
    int runs = 1;
    std::optional<reference_figure> published = {};
    std::optional<reference_figure> recomputed = {};
    /// The standard error of `ours` minus the reference, if it does not follow from the deviations and the
    /// numbers of runs: for example, if both use the same problems.
    std::optional<double> difference_error = {};
    /// One text for each of the table's `extra_columns`.
    std::vector<std::string> extra = {};
};

/// A table of results. Its rows are printed unchanged.
struct experiment_table {
    /// One line above the table: what the experiment did.
    std::string title;
    /// The quantity and its unit, such as "normalised test regret, %".
    std::string quantity;
    /// Digits after the decimal point.
    int digits = 3;
    /// Headings of additional columns, which come last.
    std::vector<std::string> extra_columns = {};
    /// Whether to print the additional columns alone, because rows have no `ours`.
    bool only_extra = false;
    std::vector<experiment_row> rows = {};
    /// Lines below the table, in Markdown.
    std::string note = {};
};

/// The results of an experiment: tables, and pictures for gnuplot to draw.
struct experiment_result {
    std::vector<experiment_table> tables;
    std::vector<example_support::picture> pictures;
    /// Tables of times. They are printed but, since they differ from run to run, not in results.md.
    std::vector<experiment_table> times = {};
};

}  // namespace experiments
