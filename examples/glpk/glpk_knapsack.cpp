// How do I use a solver from a library that imle has no adapter for? This example uses GLPK, the GNU Linear
// Programming Kit: a knapsack as an integer program, in a layer with two threads, compared with the built-in
// solver.
//
// GLPK is under the GNU General Public License, and so is a program that links it. That is why this is an
// example and not an adapter: imle/adapters/cbc.hpp does the same under a licence without that condition.

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <memory>
#include <vector>

#include <glpk.h>
#include <Eigen/Core>

#include <imle/imle.hpp>

#include "support/output.hpp"

// A solver: maximise <theta, z> over 0/1 vectors with weights * z <= capacities.
//
// GLPK keeps an environment for each thread, and the thread that made a problem must also free it. A layer
// may make a solver's copy in one thread and destroy it in another, so this object keeps nothing of GLPK's.
// Each solve makes its own problem, which takes microseconds. So z depends on theta alone, ties included.
class glpk_knapsack {
  public:
    glpk_knapsack(Eigen::MatrixXd weights, Eigen::VectorXd capacities)
        : weights_(std::move(weights)), capacities_(std::move(capacities)) {}

    template <class ThetaT, class ZT>
    void operator()(const ThetaT& theta, ZT& z) const {
        const std::unique_ptr<glp_prob, decltype(&glp_delete_prob)> owner(glp_create_prob(),
                                                                          &glp_delete_prob);
        glp_prob* const problem = owner.get();
        const int rows = static_cast<int>(weights_.rows()), items = static_cast<int>(weights_.cols());
        glp_set_obj_dir(problem, GLP_MAX);
        glp_add_cols(problem, items);
        for (int j = 0; j < items; ++j) {
            glp_set_col_kind(problem, j + 1, GLP_BV);  // GLPK counts from 1
            glp_set_obj_coef(problem, j + 1, static_cast<double>(theta.data()[j]));
        }
        glp_add_rows(problem, rows);
        std::vector<int> columns(static_cast<std::size_t>(items) + 1);
        std::vector<double> values(columns.size());
        for (int i = 0; i < rows; ++i) {
            for (int j = 0; j < items; ++j) {
                columns[static_cast<std::size_t>(j) + 1] = j + 1;
                values[static_cast<std::size_t>(j) + 1] = weights_(i, j);
            }
            glp_set_mat_row(problem, i + 1, items, columns.data(), values.data());
            glp_set_row_bnds(problem, i + 1, GLP_UP, 0, capacities_(i));
        }

        glp_iocp options;
        glp_init_iocp(&options);
        options.presolve = GLP_ON;  // solves the relaxation too
        options.msg_lev = GLP_MSG_OFF;
        if (glp_intopt(problem, &options) != 0 || glp_mip_status(problem) != GLP_OPT)
            throw imle::solve_failure(imle::solve_status::infeasible);
        for (int j = 0; j < items; ++j) z.data()[j] = glp_mip_col_val(problem, j + 1) > 0.5 ? 1.0F : 0.0F;
    }

  private:
    Eigen::MatrixXd weights_;
    Eigen::VectorXd capacities_;
};

template <class SolverT>
void print_marginals(const char* name, const SolverT& solver) {
    Eigen::Tensor<float, 2, Eigen::RowMajor> theta(1, 6);  // [batch, items]
    theta.setValues({{3, 2, 4, 3, 1, 5}});
    imle::imle_layer layer{
        solver, imle::gumbel{}, imle::perturbation_target{}, {.samples = 1000, .threads = 2}};
    const auto pass = layer.marginals(theta, imle::random_key{1});
    std::cout << std::left << std::setw(16) << name << std::fixed << std::setprecision(2);
    for (int item = 0; item < 6; ++item) std::cout << ' ' << pass.marginals()(0, item);
    std::cout << '\n';
}

int run() {
    // Two resources and six items.
    Eigen::MatrixXd weights(2, 6);
    weights << 3, 4, 2, 5, 1, 6,  //
        4, 1, 5, 2, 6, 3;
    const Eigen::VectorXd capacities = Eigen::Vector2d(10, 10);
    std::cout << "How often each of six items is taken:\n";
    print_marginals("GLPK", glpk_knapsack(weights, capacities));
    print_marginals("imle::knapsack", imle::knapsack(weights, capacities));
    return 0;
}

int main() {
    return example_support::run_program("glpk_knapsack", run);
}
