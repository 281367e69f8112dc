// The problems that CBC solves, as integer programs.

#include <Eigen/SparseCore>

#include <imle/adapters/cbc.hpp>
#include <imle/core/tensor.hpp>

#include "problem.hpp"
#include "shapes.hpp"

namespace imle_benchmarks {
namespace {

template <int Rank, class SolverT>
void add(problem& to, SolverT solver) {
    Eigen::DSizes<Eigen::Index, Rank> shape;
    for (std::size_t i = 0; i < shape.size(); ++i) shape[i] = to.instance[i];
    add_way(to, by_cbc, [solver, shape](const float* theta, float* z) mutable {
        imle::const_view<float, Rank, Eigen::RowMajor> theta_view(theta, shape);
        imle::mutable_view<float, Rank, Eigen::RowMajor> z_view(z, shape);
        solver(theta_view, z_view);
    });
}

/// Each row and each column exactly once.
imle::integer_program assignment_program(Eigen::Index n) {
    std::vector<Eigen::Triplet<double>> ones;
    for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j) {
            ones.emplace_back(i, i * n + j, 1.0);
            ones.emplace_back(n + j, i * n + j, 1.0);
        }
    Eigen::SparseMatrix<double> once(2 * n, n * n);
    once.setFromTriplets(ones.begin(), ones.end());
    const Eigen::VectorXd sums = Eigen::VectorXd::Ones(2 * n);
    return {once, sums, {.row_lower = sums}};
}

/// What leaves a node is what enters it and the node's supply.
imle::integer_program flow_program(const flow_shape& shape) {
    std::vector<Eigen::Triplet<double>> ends;
    const Eigen::Index edges = std::ssize(shape.graph.edges());
    Eigen::VectorXd capacities(edges), supplies(shape.graph.nodes());
    for (Eigen::Index e = 0; e < edges; ++e) {
        const auto& [from, to] = shape.graph.edges()[static_cast<std::size_t>(e)];
        if (from != to) {
            ends.emplace_back(from, e, 1.0);
            ends.emplace_back(to, e, -1.0);
        }
        capacities[e] = static_cast<double>(shape.capacities[static_cast<std::size_t>(e)]);
    }
    for (Eigen::Index v = 0; v < supplies.size(); ++v)
        supplies[v] = static_cast<double>(shape.supplies[static_cast<std::size_t>(v)]);
    Eigen::SparseMatrix<double> out(supplies.size(), edges);
    out.setFromTriplets(ends.begin(), ends.end());
    return {out, supplies, {.row_lower = supplies, .upper = capacities}};
}

}  // namespace

void add_cbc_ways(const problem_list& problems) {
    for (const auto& each : problems) {
        problem& to = *each;
        if (to.name() == "knapsack, 16 items, 2 dimensions") {
            add<1>(to, imle::integer_program(item_weights(2, 16), Eigen::VectorXd::Constant(2, 20)));
        } else if (to.solver == "knapsack") {
            const Eigen::Index items = to.n();
            const std::vector<double> weights = item_weights(items);
            const Eigen::MatrixXd row = Eigen::Map<const Eigen::RowVectorXd>(weights.data(), items);
            add<1>(to,
                   imle::integer_program(row, Eigen::VectorXd::Constant(1, static_cast<double>(14 * items))));
        } else if (to.solver == "assignment" && to.instance[0] <= 50) {
            add<2>(to, assignment_program(to.instance[0]));
        } else if (to.solver == "min_cost_flow" && to.n() <= 2000) {
            for (const flow_shape& shape : flow_shapes())
                if (to.size == shape.size) add<1>(to, flow_program(shape));
        } else if (to.solver == "travelling_salesman") {
            if (to.instance.size() == 2)
                add<2>(to, imle::travelling_salesman_program{});
            else
                add<1>(to, imle::travelling_salesman_program{});
        }
    }
}

}  // namespace imle_benchmarks
