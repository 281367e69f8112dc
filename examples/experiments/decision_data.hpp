#pragma once

/// @file
/// The data of experiments 3 and 4: features, and the parameters of the decisions.

#include <filesystem>

#include <unsupported/Eigen/CXX11/Tensor>

namespace experiments {

/// One row for each instance.
using rows = Eigen::Tensor<float, 2, Eigen::RowMajor>;

/// Instances with features, and the parameters to be predicted from them.
struct decision_data {
    /// [instances, features]
    rows features;
    /// [instances, n], in the order of the solver's theta.
    rows parameters;
};

/// Reads a file of comma-separated numbers, with the same count in each line. If `header` is true, the first
/// line has names. Throws `std::runtime_error`, with file and line, if the file cannot be read, has no
/// numbers, or if a cell is not a number or a line has another length than the one before.
[[nodiscard]] rows read_numbers(const std::filesystem::path& file, bool header);

/// Reads a file with a header: the first `features` columns are features, the other `parameters` columns are
/// parameters. Throws like `read_numbers`, and for another number of columns.
[[nodiscard]] decision_data read_decision_data(const std::filesystem::path& file, Eigen::Index features,
                                               Eigen::Index parameters);

/// The rows [begin, begin + count). Throws `std::runtime_error` if there are fewer.
[[nodiscard]] decision_data part_of(const decision_data& all, Eigen::Index begin, Eigen::Index count);

/// All rows except [begin, begin + count). Throws `std::runtime_error` if there are fewer, or if no row is
/// left.
[[nodiscard]] decision_data rest_of(const decision_data& all, Eigen::Index begin, Eigen::Index count);

}  // namespace experiments
