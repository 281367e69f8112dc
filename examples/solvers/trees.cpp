// Solvers that parse: arborescence, projective_tree.

#include <imle/solvers/arborescence.hpp>
#include <imle/solvers/projective_tree.hpp>

#include <cstddef>
#include <ostream>
#include <unsupported/Eigen/CXX11/Tensor>

#include "drawings.hpp"
#include "graph_picture.hpp"

namespace solver_pictures {
namespace {

// One sentence for both: its best tree has two arcs that cross.
template <class SolverT>
void print_parse(std::ostream& script, const SolverT& solver, const panel_options& options) {
    constexpr Eigen::Index count = 7;
    const char* const words[count] = {"I", "saw", "a", "dog", "today", "that", "barked"};
    Eigen::Tensor<float, 3, Eigen::RowMajor> theta(1, count, count);
    // theta(0, i, j): word j hangs from word i; on the diagonal: it is the root.
    theta.setValues({{{0.2F, 0.3F, 0.0F, 0.4F, 0.1F, 0.0F, 0.3F},
                      {3.0F, 3.0F, 0.3F, 2.6F, 2.4F, 0.4F, 1.2F},
                      {0.0F, 0.0F, 0.0F, 0.2F, 0.0F, 0.1F, 0.0F},
                      {0.4F, 0.5F, 3.0F, 0.6F, 1.4F, 0.8F, 2.2F},
                      {0.1F, 0.2F, 0.0F, 0.2F, 0.2F, 0.2F, 0.6F},
                      {0.1F, 0.0F, 0.1F, 0.1F, 0.2F, 0.0F, 0.5F},
                      {0.6F, 1.0F, 0.0F, 0.9F, 0.8F, 2.4F, 1.2F}}});
    graph_drawing drawing;
    drawing.shape = edge_shape::arc;
    for (Eigen::Index i = 0; i < count; ++i) {
        const double x = -0.01 + 1.27 * static_cast<double>(i) / (count - 1);
        drawing.nodes.push_back({x, 0.1});
        drawing.notes.push_back({{x, 0}, words[i]});
        for (Eigen::Index j = 0; j < count; ++j) drawing.edges.push_back({i, j});
    }
    print_panels(script, drawing, solver, theta, options);
}

}  // namespace

void draw_arborescence(std::ostream& script) {
    print_parse(script, imle::arborescence{},
                {{"theta: dark is large", "z: the best tree", "marginals under Gumbel noise"}});
}

void draw_projective_tree(std::ostream& script) {
    print_parse(
        script, imle::projective_tree{},
        {{"theta: dark is large", "z: the best tree without crossings", "marginals under Gumbel noise"}});
}

}  // namespace solver_pictures
