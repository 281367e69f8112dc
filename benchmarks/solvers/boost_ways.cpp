// The problems that Boost.Graph solves.

#include <memory>

#include <imle/adapters/boost_graph.hpp>
#include <imle/core/tensor.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/spanning_tree.hpp>

#include "problem.hpp"
#include "shapes.hpp"

namespace imle_benchmarks {
namespace {

template <class SolverT>
void add(problem& to, SolverT solver) {
    add_way(to, by_boost, [solver, n = to.n()](const float* theta, float* z) mutable {
        imle::const_view<float, 1, Eigen::RowMajor> theta_view(theta, n);
        imle::mutable_view<float, 1, Eigen::RowMajor> z_view(z, n);
        solver(theta_view, z_view);
    });
}

}  // namespace

void add_boost_ways(const problem_list& problems) {
    const auto add_path = [](problem& to, const imle::directed_graph& graph) {
        add(to, imle::boost_shortest_path(graph, 0, graph.nodes() - 1));
    };
    for (const auto& each : problems) {
        problem& to = *each;
        if (to.solver == "shortest_path") {
            if (to.size == "5 x 5, right and down") add_path(to, imle::monotone_grid_graph(5, 5));
            if (to.size == "16 x 16, right and down") add_path(to, imle::monotone_grid_graph(16, 16));
            if (to.size == "16 x 16, 8 neighbours") add_path(to, imle::grid_graph(16, 16));
            if (to.size == "1,000 nodes, 4,000 edges") add_path(to, random_graph(1000));
            if (to.size == "10,000 nodes, 40,000 edges") add_path(to, random_graph(10000));
        } else if (to.solver == "spanning_tree") {
            const Eigen::Index nodes = std::stol(to.size);
            add(to, imle::boost_spanning_tree(nodes, imle::complete_graph_edges(nodes)));
        }
    }
}

}  // namespace imle_benchmarks
