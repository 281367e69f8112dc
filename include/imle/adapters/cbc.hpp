#pragma once

/// @file
/// Solvers that use CBC, https://github.com/coin-or/Cbc (Debian: coinor-libcbc-dev; pkg-config: cbc,
/// osi-clp). Not part of `imle.hpp`: include it where you use it, and link CBC. See docs/adapters/cbc.md.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <imle/adapters/cbc/detail/program_solver.hpp>
#include <imle/adapters/cbc/read_program.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/core/shape.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Calls solve(). If a mask leaves nothing feasible, returns a status, with z = 0, so that other instances
/// can go on.
template <class ZT, class SolveT>
solve_status status_under_mask(std::span<const bool> mask, ZT& z, SolveT&& solve) {
    try {
        return solve();
    } catch (const solve_failure& failure) {
        if (mask.empty() || failure.status() != solve_status::infeasible) throw;
        return no_answer(z);
    }
}

}  // namespace detail

/// An integer program: z = argmax <theta, x> over { x : row_lower <= A x <= b, lower <= x <= upper, x_j an
/// integer where integer[j] }. By default there is no row_lower and all variables are 0 or 1.
///
///     // Two resources, five items.
///     imle::integer_program knapsack(weights, capacities);              // MatrixXd [2, 5], VectorXd [2]
///     imle::integer_program flow(incidence, balance, {.row_lower = balance});     // equations
///     imle::integer_program plant(imle::read_program("plant.mps"));
///
/// theta and z have one number per variable (or per entry of `options.decisions`), of any rank, in memory
/// order; float or double. Values of integer variables are exact integers. If all variables are continuous,
/// it is a linear program.
///
/// Exactness: no gap is allowed, so the only tolerances are those of the relaxation. <theta, z> is within
/// 1e-9 * max |theta| times a small factor of the optimum: coordinates of theta (and fixed costs) that are
/// 1e9 times smaller than the largest one have no influence. Rows hold to 1e-7 of their largest term (so
/// exactly, if A, b and x are integers of moderate size). theta is first scaled by a power of two, so its
/// magnitude does not matter.
///
/// Ties: CLP decides which of several optima is returned, but z depends on theta alone: not on previous
/// solves, the copy or the number of threads (for one build of CBC, and unless `limits.seconds` is set).
///
/// The constructor throws `std::invalid_argument` for sizes that do not fit, NaN, bounds that exclude every
/// value, and an integer variable's coefficient that is over 1e8 times another one of its row. A solve throws
/// it for a theta of the wrong size or that is not finite. A solve throws `solve_failure` with `infeasible`,
/// `unbounded` or `time_limit` (a limit of `options.limits` was reached before an optimum was proved, and
/// `accept_incumbent` is not set or no x was found), and `std::runtime_error` if CBC fails for numerical
/// reasons.
///
/// A context's mask (of the decisions) sets bounds of 0: x_j = 0 where it forbids j. If it leaves no feasible
/// x, the solve returns `infeasible`.
///
/// Cost: first the relaxation, by the primal simplex from a saved feasible basis. If its answer is not
/// integer, then a depth-first search, and after 2,000 nodes CBC. Each solve allocates memory.
///
/// Copies share the constraints, but each has its own CLP model, so every worker thread has one.
class integer_program {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// a: A [rows, variables]; b: [rows], with +infinity for no upper bound.
    integer_program(const Eigen::SparseMatrix<double>& a, const Eigen::VectorXd& b,
                    const integer_program_options& options = {})
        : solver_(std::make_shared<const detail::program_data>(detail::make_program(a, b, options)),
                  options.limits) {}
    /// The same with a dense A.
    integer_program(const Eigen::MatrixXd& a, const Eigen::VectorXd& b,
                    const integer_program_options& options = {})
        : integer_program(Eigen::SparseMatrix<double>(a.sparseView(1, 0)), b, options) {}

    /// A program read from a file. Its objective is ignored, except for the costs in `program.options.fixed`.
    explicit integer_program(const named_program& program)
        : integer_program(program.a, program.b, program.options) {}

    /// theta: one instance; z: of the same dimensions, written in full. Returns `solved` or `not_proven`.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z) {
        return solve(theta, z, {});
    }

    /// The same with x_j = 0 where the context's mask forbids j.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        return detail::status_under_mask(context.mask, z, [&] { return solve(theta, z, context); });
    }

    /// The size of theta: the number of variables, or of `options.decisions`.
    [[nodiscard]] Eigen::Index decisions() const noexcept {
        return static_cast<Eigen::Index>(solver_.program().decisions.size());
    }
    /// The number of variables.
    [[nodiscard]] Eigen::Index variables() const noexcept { return solver_.program().variables(); }
    /// The number of rows of A.
    [[nodiscard]] Eigen::Index rows() const noexcept { return solver_.program().row_count(); }

  private:
    template <class ThetaT, class ZT>
    solve_status solve(const ThetaT& theta, ZT& z, const solve_context& context) {
        detail::require_instance(theta, z, context);
        const auto values = detail::values_of(theta);
        const detail::program_data& program = solver_.program();
        if (values.size() != program.decisions.size())
            detail::throw_invalid("theta", detail::message("of ", values.size(), " numbers"),
                                  detail::message(decisions(), ", one for each ",
                                                  decisions() == variables() ? "variable" : "decision",
                                                  " of the integer program"));
        costs_.assign(program.fixed.data(), program.fixed.data() + program.fixed.size());
        allowed_.setConstant(context.mask.empty() ? 0 : variables(), true);
        for (std::size_t k = 0; k < values.size(); ++k) {
            const auto j = static_cast<std::size_t>(program.decisions[k]);
            if (context.mask.empty() || context.mask[k])
                costs_[j] -= static_cast<double>(values[k]);
            else
                allowed_(program.decisions[k]) = false;
        }
        const solve_status status =
            solver_.minimize(costs_, {allowed_.data(), static_cast<std::size_t>(allowed_.size())});
        const std::span<const double> x = solver_.state();
        for (std::size_t k = 0; k < values.size(); ++k)
            z.data()[k] = static_cast<scalar_of<ZT>>(x[static_cast<std::size_t>(program.decisions[k])]);
        return status;
    }

    detail::program_solver solver_;
    std::vector<double> costs_;
    Eigen::Array<bool, Eigen::Dynamic, 1> allowed_;
};

namespace detail {

/// For each set S of nodes, neither empty nor all, a tour crosses its border at least twice: sum of x over
/// the edges between S and the rest >= 2 (Dantzig, Fulkerson and Johnson 1954). This finds sets for which x
/// violates the constraint.
///
/// Directed tours enter S as often as they leave it, so the same sums over both directions can be used.
class subtour_cuts {
  public:
    /// nodes: n; directed: x is [n, n] in row-major order; otherwise x has the n(n-1)/2 edges (0,1), (0,2),
    /// ..., (1,2), ...
    subtour_cuts(int nodes, bool directed) : n_(nodes), directed_(directed) {}

    /// Finds the connected components, if there are several; otherwise the sets that Stoer and Wagner's
    /// minimum cut algorithm (1997) visits, O(n^3).
    void operator()(std::span<const double> x, cutting_rows& found) {
        const std::size_t n = size();
        weights_.assign(n * n, 0);
        for (int i = 0; i < n_; ++i)
            for (int j = i + 1; j < n_; ++j) {
                const double weight = directed_ ? x[at(arc(i, j))] + x[at(arc(j, i))] : x[at(edge(i, j))];
                weight_of(i, j) = weight_of(j, i) = weight;
            }
        if (!cut_components(found)) cut_phases(found);
    }

  private:
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(n_); }
    [[nodiscard]] static std::size_t at(int i) { return static_cast<std::size_t>(i); }
    [[nodiscard]] int arc(int i, int j) const { return i * n_ + j; }
    [[nodiscard]] int edge(int i, int j) const { return i * (2 * n_ - i - 1) / 2 + j - i - 1; }
    [[nodiscard]] double& weight_of(int i, int j) { return weights_[at(i) * size() + at(j)]; }

    /// Adds the constraint of the set of nodes that `inside` marks.
    void add_cut(const std::vector<char>& inside, cutting_rows& found) const {
        found.begin_row(2);
        for (int i = 0; i < n_; ++i)
            for (int j = i + 1; j < n_; ++j) {
                if (inside[at(i)] == inside[at(j)]) continue;
                found.add(directed_ ? arc(i, j) : edge(i, j), 1);
                if (directed_) found.add(arc(j, i), 1);
            }
    }

    bool cut_components(cutting_rows& found) {
        component_.assign(size(), -1);
        int components = 0;
        for (int start = 0; start < n_; ++start) {
            if (component_[at(start)] >= 0) continue;
            stack_.assign(1, start);
            component_[at(start)] = components;
            while (!stack_.empty()) {
                const int i = stack_.back();
                stack_.pop_back();
                for (int j = 0; j < n_; ++j)
                    if (component_[at(j)] < 0 && weight_of(i, j) > tolerance) {
                        component_[at(j)] = components;
                        stack_.push_back(j);
                    }
            }
            ++components;
        }
        if (components == 1) return false;
        // Two components have the same border.
        for (int c = components == 2 ? 1 : 0; c < components; ++c) {
            inside_.assign(size(), 0);
            for (std::size_t i = 0; i < size(); ++i) inside_[i] = component_[i] == c;
            add_cut(inside_, found);
        }
        return true;
    }

    /// Stoer and Wagner: each phase orders the nodes by how strongly they are connected to the nodes before.
    /// The last node alone is a cut, and is then merged with the one before it.
    void cut_phases(cutting_rows& found) {
        std::vector<std::vector<char>> merged(size(), std::vector<char>(size(), 0));
        for (std::size_t i = 0; i < size(); ++i) merged[i][i] = 1;
        std::vector<int> left(size());
        std::iota(left.begin(), left.end(), 0);
        std::vector<double> tie(size());
        while (left.size() > 1) {
            std::fill(tie.begin(), tie.end(), 0);
            std::vector<int> open = left;
            int last = -1, before = -1;
            while (!open.empty()) {
                const auto next = std::max_element(open.begin(), open.end(),
                                                   [&](int a, int b) { return tie[at(a)] < tie[at(b)]; });
                before = last;
                last = *next;
                open.erase(next);
                for (const int j : open) tie[at(j)] += weight_of(last, j);
            }
            if (tie[at(last)] < 2 - tolerance) add_cut(merged[at(last)], found);
            for (const int j : left) {
                if (j == last || j == before) continue;
                weight_of(before, j) += weight_of(last, j);
                weight_of(j, before) = weight_of(before, j);
            }
            for (std::size_t i = 0; i < size(); ++i) merged[at(before)][i] |= merged[at(last)][i];
            left.erase(std::find(left.begin(), left.end(), last));
        }
    }

    static constexpr double tolerance = 1e-6;

    int n_;
    bool directed_;
    std::vector<double> weights_;  // [n, n], symmetric
    std::vector<int> component_, stack_;
    std::vector<char> inside_;
};

template <class T>
concept ArcsOrEdges = InstanceOfRank<T, 1> || InstanceOfRank<T, 2>;

}  // namespace detail

/// The tour of largest <theta, z>, for more nodes than `travelling_salesman` can solve, on the same
/// instances:
/// - rank 2, theta [n, n]: directed; z(i, j) = 1 where the tour goes from i to j. The diagonal is ignored,
///   and z is 0 there;
/// - rank 1, theta of the n(n-1)/2 undirected edges (0,1), (0,2), ..., (1,2), ...: z = 1 on the tour's edges.
///
/// One node has the empty tour; two have both arcs, or their edge once. A cost is -theta.
///
/// It starts from "each node has two edges" (or one arc in and one out), and adds "each set of nodes is left"
/// for the sets that violate it, at every node of the search: branch and cut. The bound is Held and Karp's,
/// so the tree is small. For exactness, ties and errors see `integer_program`. The program is built when n
/// changes. Constraints found in one solve are not kept for the next, because its answer would then depend on
/// them if tours tie. A context's mask closes arcs or edges; if it leaves no tour, the solve returns
/// `infeasible`.
class travelling_salesman_program {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// limits: the limits of each solve. Throws `std::invalid_argument` if one of them is invalid.
    explicit travelling_salesman_program(const integer_program_limits& limits = {}) : limits_(limits) {
        integer_program_options options;
        options.limits = limits;  // checked together with every program's
        static_cast<void>(detail::make_program(Eigen::SparseMatrix<double>(0, 0), {}, options));
    }

    /// theta: one instance; z: of the same dimensions, written in full.
    template <detail::ArcsOrEdges ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z) {
        return solve(theta, z, {});
    }

    /// The best tour of the arcs or edges that the context's mask allows.
    template <detail::ArcsOrEdges ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        return detail::status_under_mask(context.mask, z, [&] { return solve(theta, z, context); });
    }

  private:
    template <class ThetaT, class ZT>
    solve_status solve(const ThetaT& theta, ZT& z, const solve_context& context) {
        detail::require_instance(theta, z, context);
        constexpr bool directed = rank_of<ThetaT> == 2;
        const int n = nodes(theta);
        const auto values = detail::values_of(theta);
        const auto is_diagonal = [&](std::size_t k) {
            return directed && k % static_cast<std::size_t>(n + 1) == 0;
        };
        const auto is_closed = [&](std::size_t k) { return !context.mask.empty() && !context.mask[k]; };
        // In memory, a column-major [n, n] is the transpose. Its tours are those of the reversed arcs.
        costs_.resize(values.size());
        for (std::size_t k = 0; k < values.size(); ++k)
            costs_[k] = is_diagonal(k) || is_closed(k) ? 0 : -static_cast<double>(values[k]);
        std::fill_n(z.data(), z.size(), scalar_of<ZT>(0));
        if (n < 2) return solve_status::solved;
        if (n == 2) {
            for (std::size_t k = 0; k < values.size(); ++k) {
                if (is_diagonal(k)) continue;
                if (is_closed(k))
                    throw solve_failure(solve_status::infeasible,
                                        "imle: the mask closes the only tour of two nodes");
                z.data()[k] = scalar_of<ZT>(1);
            }
            return solve_status::solved;
        }
        if (!solver_ || nodes_ != n || directed_ != directed) make(n, directed);
        const solve_status status = solver_->minimize(costs_, context.mask);
        const std::span<const double> x = solver_->state();
        for (std::size_t k = 0; k < x.size(); ++k) z.data()[k] = static_cast<scalar_of<ZT>>(x[k]);
        return status;
    }

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
