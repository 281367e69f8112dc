#pragma once

/// @file
/// A user's own constraints, solved by CBC.

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <imle/adapters/cbc/detail/program_solver.hpp>
#include <imle/adapters/cbc/program.hpp>
#include <imle/concepts/solver.hpp>
#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/core/tensor.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// An integer program: z = argmax <theta, x> over { x : row_lower <= A x <= b, lower <= x <= upper, x_j an
/// integer where integer[j] }. By default there is no row_lower and all variables are 0 or 1.
///
///     // Two resources, five items.
///     imle::integer_program knapsack(weights, capacities);              // MatrixXd [2, 5], VectorXd [2]
///     imle::integer_program flow(incidence, balance, {.row_lower = balance});     // equations
///
/// theta and z: as many numbers as variables, of any rank, in the order of memory; float or double. Values of
/// integer variables are exact integers. With continuous variables only it is a linear program.
///
/// Exactness: no gap is allowed, so the only tolerances are those of the relaxation. <theta, z> is within
/// 1e-9 * max |theta| times a small factor of the optimum: coordinates of theta that are 1e9 times smaller
/// than the largest one do not count. Rows hold to 1e-7 of their largest term (so exactly, where A, b and x
/// are integers of moderate size). theta is scaled by a power of two first, so its magnitude does not matter.
///
/// Ties: which of several optima is taken is CLP's affair, but z depends on theta alone: not on the solves
/// before it, the copy or the number of threads (within a build of CBC, and unless `limits.seconds` is set).
///
/// Throws `std::invalid_argument` from the constructor for sizes that do not fit, NaN, and bounds that
/// exclude every value; when solving, for a theta of another size or that is not finite. Throws
/// `solve_failure` with `infeasible`, `unbounded` or `time_limit` (a limit of `options.limits` was reached
/// before the proof of an optimum), and `std::runtime_error` if CBC gives up for numerical reasons.
///
/// Cost: the relaxation first, by the primal simplex from a saved feasible basis: if its answer is integer,
/// that is all. Then a depth-first search, and beyond 2,000 nodes CBC. Memory is allocated in each solve.
///
/// Copies share the constraints and have a model of CLP each, so that every worker thread has its own.
class integer_program {
  public:
    static constexpr imle::sense sense = imle::sense::maximize;

    /// a: A [rows, variables]; b: [rows], with +infinity for no upper bound.
    integer_program(const Eigen::SparseMatrix<double>& a, const Eigen::VectorXd& b,
                    const integer_program_options& options = {})
        : solver_(std::make_shared<const detail::program_data>(detail::make_program(a, b, options)),
                  options.limits) {}
    /// The same for a dense A.
    integer_program(const Eigen::MatrixXd& a, const Eigen::VectorXd& b,
                    const integer_program_options& options = {})
        : integer_program(Eigen::SparseMatrix<double>(a.sparseView(1, 0)), b, options) {}

    /// theta: one instance; z: of its dimensions, all of it is written.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        detail::require_instance(theta, z);
        const auto values = detail::values_of(theta);
        if (values.size() != static_cast<std::size_t>(variables()))
            detail::throw_invalid(
                "theta", detail::message("of ", values.size(), " numbers"),
                detail::message(variables(), ", one for each variable of the integer program"));
        costs_.resize(values.size());
        for (std::size_t j = 0; j < values.size(); ++j) costs_[j] = -static_cast<double>(values[j]);
        const std::span<const double> x = solver_.minimize(costs_);
        for (std::size_t j = 0; j < x.size(); ++j) z.data()[j] = static_cast<scalar_of<ZT>>(x[j]);
    }

    /// The number of variables.
    [[nodiscard]] Eigen::Index variables() const noexcept { return solver_.program().variables(); }
    /// The number of rows of A.
    [[nodiscard]] Eigen::Index rows() const noexcept { return solver_.program().row_count(); }

  private:
    detail::program_solver solver_;
    std::vector<double> costs_;
};

}  // namespace imle::inline IMLE_ABI
