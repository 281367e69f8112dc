#pragma once

/// @file
/// The data of experiments 3 and 4: features, and the parameters of a decision that go with them.

#include <filesystem>

#include <unsupported/Eigen/CXX11/Tensor>

namespace experiments {

/// One row for each instance.
using rows = Eigen::Tensor<float, 2, Eigen::RowMajor>;

/// Instances of which the features are known and the parameters are to be predicted.
struct decision_data {
    /// [instances, features]
    rows features;
    /// [instances, n], in the order of the solver's theta.
    rows parameters;
};

/// A file of numbers with commas between them and a line for each row, all equally long. `header` says that
/// the first line holds names. Throws `std::runtime_error`, which names file and line, for what cannot be
/// read, is not a number or has another length than the line before, and for a file without numbers.
[[nodiscard]] rows read_numbers(const std::filesystem::path& file, bool header);

/// The first `features` columns of such a file with a header are features, the other `parameters` ones
/// parameters. Throws as `read_numbers`, and for another number of columns.
[[nodiscard]] decision_data read_decision_data(const std::filesystem::path& file, Eigen::Index features,
                                               Eigen::Index parameters);

/// The rows [begin, begin + count). Throws `std::runtime_error` where there are fewer.
[[nodiscard]] decision_data part_of(const decision_data& all, Eigen::Index begin, Eigen::Index count);

/// All rows but [begin, begin + count). Throws `std::runtime_error` where there are fewer, and where no row
/// is left.
[[nodiscard]] decision_data rest_of(const decision_data& all, Eigen::Index begin, Eigen::Index count);

}  // namespace experiments
