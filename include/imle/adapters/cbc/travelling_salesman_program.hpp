#pragma once

/// @file
/// Tours through any number of nodes, by CBC.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <imle/adapters/cbc/detail/program_solver.hpp>
#include <imle/adapters/cbc/detail/subtour_cuts.hpp>
#include <imle/adapters/cbc/program.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/shape.hpp>
#include <imle/core/tensor.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

template <class T>
concept ArcsOrEdges = InstanceOfRank<T, 1> || InstanceOfRank<T, 2>;

}  // namespace detail

/// The tour of largest <theta, z>, for more nodes than `travelling_salesman` takes, with the same instances:
/// - rank 2, theta [n, n]: directed; z(i, j) = 1 where the tour goes from i to j. The diagonal does not
///   count, and z is 0 there;
/// - rank 1, theta of the n(n-1)/2 undirected edges (0,1), (0,2), ..., (1,2), ...: z = 1 on the tour's edges.
///
/// One node has the empty tour; two have both arcs, or their edge once. A cost is -theta.
///
/// Starts from "each node has two edges" (or one arc in and one out), and adds "each set of nodes is left"
/// for the sets where that is broken, at every node of the search: branch and cut. The bound is that of Held
/// and Karp, so the tree is small. Exactness, ties and errors are those of `integer_program`. The program is
/// made when n changes; constraints that a solve finds are not kept for the next, whose answer would then
/// depend on it where tours tie.
class travelling_salesman_program {
  public:
    static constexpr imle::sense sense = imle::sense::maximize;

    explicit travelling_salesman_program(const integer_program_limits& limits = {}) : limits_(limits) {
        integer_program_options options;
        options.limits = limits;  // checked where every program's are
        static_cast<void>(detail::make_program(Eigen::SparseMatrix<double>(0, 0), {}, options));
    }

    /// theta: one instance; z: of its dimensions, all of it is written.
    template <detail::ArcsOrEdges ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        detail::require_instance(theta, z);
        constexpr bool directed = rank_of<ThetaT> == 2;
        const int n = nodes(theta);
        const auto values = detail::values_of(theta);
        // A column-major [n, n] is the transpose in memory. Its tours are those of the reversed arcs.
        costs_.resize(values.size());
        for (std::size_t k = 0; k < values.size(); ++k)
            costs_[k] = directed && k % static_cast<std::size_t>(n + 1) == 0
                            ? 0  // the diagonal
                            : -static_cast<double>(values[k]);
        std::fill_n(z.data(), z.size(), scalar_of<ZT>(0));
        if (n < 2) return;
        if (n == 2) {
            for (std::size_t k = 0; k < values.size(); ++k)
                z.data()[k] = !directed || k == 1 || k == 2 ? scalar_of<ZT>(1) : scalar_of<ZT>(0);
            return;
        }
        if (!solver_ || nodes_ != n || directed_ != directed) make(n, directed);
        const std::span<const double> x = solver_->minimize(costs_);
        for (std::size_t k = 0; k < x.size(); ++k) z.data()[k] = static_cast<scalar_of<ZT>>(x[k]);
    }

  private:
    template <class ThetaT>
    static int nodes(const ThetaT& theta) {
        if constexpr (rank_of<ThetaT> == 2) {
            if (theta.dimension(0) != theta.dimension(1))
                detail::throw_invalid("theta",
                                      "of shape " + detail::shape_string(detail::dimensions_of(theta)),
                                      "[n, n] for the arcs between n nodes");
            return static_cast<int>(theta.dimension(0));
        } else {
            return static_cast<int>(detail::nodes_of_complete_graph(theta.size()));
        }
    }

    void make(int n, bool directed) {
        std::vector<Eigen::Triplet<double>> terms;
        int variable = 0;
        for (int i = 0; i < n; ++i)
            for (int j = directed ? 0 : i + 1; j < n; ++j, ++variable) {
                if (i == j) continue;
                terms.emplace_back(i, variable, 1);
                terms.emplace_back(directed ? n + j : j, variable, 1);
            }
        const int rows = directed ? 2 * n : n;
        Eigen::SparseMatrix<double> degrees(rows, variable);
        degrees.setFromTriplets(terms.begin(), terms.end());
        integer_program_options options;
        options.row_lower = Eigen::VectorXd::Constant(rows, directed ? 1 : 2);
        options.upper = Eigen::VectorXd::Ones(variable);
        if (directed)
            for (int i = 0; i < n; ++i) options.upper(i * (n + 1)) = 0;
        const auto program = std::make_shared<const detail::program_data>(
            detail::make_program(degrees, options.row_lower, options));
        solver_.emplace(program, limits_, detail::subtour_cuts(n, directed));
        nodes_ = n;
        directed_ = directed;
    }

    integer_program_limits limits_;
    std::optional<detail::program_solver> solver_;
    std::vector<double> costs_;
    int nodes_ = 0;
    bool directed_ = false;
};

}  // namespace imle::inline IMLE_ABI
