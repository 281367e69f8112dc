#pragma once

/// @file
/// The problems of PyEPO's benchmarks, which several experiments use.

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/knapsack.hpp>
#include <imle/solvers/shortest_path.hpp>

#include "decision_data.hpp"
#include "decision_training.hpp"
#include "experiment.hpp"

namespace experiments {

/// Both data sets have so many test rows, which come first.
inline constexpr Eigen::Index decision_test_size = 1000;

/// Paths over a 5 x 5 grid. theta is the value of an edge, -cost: the solver maximises. Throws like
/// `read_decision_data`.
[[nodiscard]] inline decision_problem<imle::shortest_path> read_shortest_paths(const run_options& options) {
    constexpr Eigen::Index features = 5, side = 5, edges = 40;
    decision_data data = read_decision_data(options.data / "shortest_path_5x5.csv", features, edges);
    const rows worth = -data.parameters;
    data.parameters = worth;
    return decision_problem(
        imle::shortest_path(imle::monotone_grid_graph(side, side), 0, side * side - 1),
        part_of(data, decision_test_size, data.features.dimension(0) - decision_test_size),
        part_of(data, 0, decision_test_size));
}

/// Knapsacks of 16 items with two capacities, and 100 rows to learn from.
class knapsack_data {
  public:
    static constexpr Eigen::Index train_size = 100;

    /// Throws like `read_decision_data`.
    explicit knapsack_data(const run_options& options)
        : solver(read_solver(options)),
          data_(read_decision_data(options.data / "knapsack_2d.csv", 5, items)) {}

    /// The benchmark's problem.
    [[nodiscard]] decision_problem<imle::knapsack<>> published() const {
        return decision_problem(solver, part_of(data_, data_.features.dimension(0) - train_size, train_size),
                                part_of(data_, 0, decision_test_size));
    }

    /// Each hundred of the published test set is a training set once; all other rows are its test set.
    [[nodiscard]] std::vector<decision_problem<imle::knapsack<>>> other_training_sets() const {
        std::vector<decision_problem<imle::knapsack<>>> problems;
        for (Eigen::Index begin = 0; begin < decision_test_size; begin += train_size)
            problems.emplace_back(solver, part_of(data_, begin, train_size),
                                  rest_of(data_, begin, train_size));
        return problems;
    }

    imle::knapsack<> solver;

  private:
    static constexpr Eigen::Index items = 16;

    static imle::knapsack<> read_solver(const run_options& options) {
        constexpr double capacity = 20;
        const auto file = options.data / "knapsack_2d_weights.csv";
        const rows table = read_numbers(file, false);
        if (table.dimension(1) != items)
            throw std::runtime_error(file.string() + " has " + std::to_string(table.dimension(1)) +
                                     " columns; expected " + std::to_string(items) + ", one for each item");
        Eigen::MatrixXd weights(table.dimension(0), items);
        for (Eigen::Index d = 0; d < weights.rows(); ++d)
            for (Eigen::Index i = 0; i < items; ++i)
                // The file has two decimals; as floats they would be different numbers.
                weights(d, i) = std::round(100 * static_cast<double>(table(d, i))) / 100;
        return imle::knapsack(weights, Eigen::VectorXd::Constant(weights.rows(), capacity));
    }

    decision_data data_;
};

}  // namespace experiments
