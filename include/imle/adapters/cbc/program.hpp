#pragma once

/// @file
/// An integer program without its objective, its checks, and what the searches share.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <ClpSimplex.hpp>

#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI {

/// When to stop a solve before an optimum is proved. The solve then throws a `solve_failure` of status
/// `time_limit` or, with `accept_incumbent`, returns an answer of status `not_proven`.
struct integer_program_limits {
    /// Seconds of wall-clock time for one solve. Whether it is reached depends on the machine.
    double seconds = std::numeric_limits<double>::infinity();
    /// Nodes of the search tree for one solve. Whether it is reached does not depend on the machine.
    std::int64_t nodes = std::numeric_limits<std::int64_t>::max();
    /// Use the best x found within the limits as the answer, of status `solve_status::not_proven`. It need
    /// not obey the laws that require an optimum. If no x was found, the solve fails as without this option.
    bool accept_incumbent = false;
};

/// Row bounds, bounds of variables, which variables are integers, limits, and which variables theta refers
/// to. Empty members have their defaults; the order of the members is part of the contract.
struct integer_program_options {
    /// [rows] lower bounds of A x: row_lower <= A x <= b. Default: -infinity. For equations set it to b.
    Eigen::VectorXd row_lower = {};
    /// [variables] lower bounds of x. Default: 0.
    Eigen::VectorXd lower = {};
    /// [variables] upper bounds of x. Default: 1.
    Eigen::VectorXd upper = {};
    /// [variables] true for a variable that must be an integer. Default: all.
    std::vector<bool> integer = {};
    /// When to stop a solve.
    integer_program_limits limits = {};
    /// The variables that theta and z refer to, in their order: theta has one number, and z one value, for
    /// each. The others (flows, slacks, order variables) are optimised together with them; they get no noise
    /// and no gradient. Default: all variables.
    std::vector<Eigen::Index> decisions = {};
    /// [variables] costs in addition to theta: z belongs to the x of largest <theta, x of the decisions> -
    /// <fixed, x>. They are costs under `minimizing` too: x is chosen to make them small. Default: 0.
    Eigen::VectorXd fixed = {};
};

namespace detail {

/// The set { x : row_lower <= A x <= row_upper, lower <= x <= upper, x_j an integer where integer[j] }, and
/// the variables that a solver refers to.
struct program_data {
    using matrix = Eigen::SparseMatrix<double>;

    matrix rows;  // A, compressed, without zeros
    Eigen::VectorXd row_lower, row_upper, lower, upper;
    std::vector<bool> integer;
    std::vector<Eigen::Index> decisions;
    Eigen::VectorXd fixed;

    [[nodiscard]] int variables() const noexcept { return static_cast<int>(rows.cols()); }
    [[nodiscard]] int row_count() const noexcept { return static_cast<int>(rows.rows()); }
    /// Whether there are continuous variables. O(variables).
    [[nodiscard]] bool is_mixed() const {
        return std::find(integer.begin(), integer.end(), false) != integer.end();
    }
};

/// CLP treats coefficients below 1e-20 as 0 and bounds above 1e20 as infinite, and a double has 15 digits. So
/// a larger number is probably a mistake in the model.
inline constexpr double largest_program_number = 1e15;

/// Throws unless each number is finite and moderate, or the infinity that means "no bound".
inline void require_bounds(const Eigen::VectorXd& bounds, double no_bound, const char* name) {
    for (Eigen::Index i = 0; i < bounds.size(); ++i)
        if (bounds(i) != no_bound && !(std::abs(bounds(i)) <= largest_program_number))
            throw_invalid(name, message(bounds(i), " at ", i),
                          message("numbers between -1e15 and 1e15, or ", no_bound, " for no bound"));
}

inline Eigen::VectorXd given_or(const Eigen::VectorXd& given, double otherwise, Eigen::Index size,
                                const char* name, const char* of_what) {
    if (given.size() == 0) return Eigen::VectorXd::Constant(size, otherwise);
    if (given.size() != size)
        throw_invalid(name, message("of ", given.size(), " numbers"),
                      message(size, ", one for each ", of_what, ", or none"));
    return given;
}

inline void require_order(const Eigen::VectorXd& low, const Eigen::VectorXd& high, const char* low_name,
                          const char* high_name) {
    for (Eigen::Index i = 0; i < low.size(); ++i)
        if (!(low(i) <= high(i)))
            throw_invalid(low_name, message(low(i), " at ", i),
                          message("at most ", high(i), ", ", high_name, " there"));
}

/// Throws unless all fixed costs are of moderate size and all decisions are different variables.
inline void require_decisions(const program_data& program) {
    for (Eigen::Index j = 0; j < program.fixed.size(); ++j)
        if (!(std::abs(program.fixed(j)) <= largest_program_number))
            throw_invalid("fixed of integer_program", message(program.fixed(j), " at ", j),
                          "numbers between -1e15 and 1e15");
    std::vector<bool> seen(static_cast<std::size_t>(program.variables()), false);
    for (std::size_t k = 0; k < program.decisions.size(); ++k) {
        const Eigen::Index j = program.decisions[k];
        if (j < 0 || j >= program.variables())
            throw_invalid("decisions of integer_program", message(j, " at ", k),
                          message("variables from 0 to ", program.variables() - 1));
        if (seen[static_cast<std::size_t>(j)])
            throw_invalid("decisions of integer_program", message("a list with variable ", j, " twice"),
                          "each variable at most once");
        seen[static_cast<std::size_t>(j)] = true;
    }
}

/// Checks everything that can be checked without a search.
inline program_data make_program(program_data::matrix a, const Eigen::VectorXd& b,
                                 const integer_program_options& options) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    program_data program;
    const Eigen::Index rows = a.rows(), variables = a.cols();
    if (b.size() != rows)
        throw_invalid("b of integer_program", message("of ", b.size(), " numbers"),
                      message(rows, ", one for each row of A"));
    a.prune([](Eigen::Index, Eigen::Index, double value) { return value != 0; });
    a.makeCompressed();
    for (Eigen::Index k = 0; k < a.nonZeros(); ++k) {
        const double size = std::abs(a.valuePtr()[k]);
        if (!(size <= largest_program_number && size >= 1 / largest_program_number))
            throw_invalid("A of integer_program", message("a matrix with the number ", a.valuePtr()[k]),
                          "zeros and numbers between 1e-15 and 1e15 in magnitude");
    }
    program.rows = std::move(a);
    program.row_upper = b;
    program.row_lower =
        given_or(options.row_lower, -infinity, rows, "row_lower of integer_program", "row of A");
    program.lower = given_or(options.lower, 0, variables, "lower of integer_program", "variable");
    program.upper = given_or(options.upper, 1, variables, "upper of integer_program", "variable");
    program.integer = options.integer;
    if (program.integer.empty()) program.integer.assign(static_cast<std::size_t>(variables), true);
    if (program.integer.size() != static_cast<std::size_t>(variables))
        throw_invalid("integer of integer_program", message("of ", program.integer.size(), " values"),
                      message(variables, ", one for each variable, or none"));

    program.fixed = given_or(options.fixed, 0, variables, "fixed of integer_program", "variable");
    program.decisions = options.decisions;
    if (program.decisions.empty()) {
        program.decisions.resize(static_cast<std::size_t>(variables));
        std::iota(program.decisions.begin(), program.decisions.end(), Eigen::Index{0});
    }
    require_decisions(program);
    require_bounds(program.row_lower, -infinity, "row_lower of integer_program");
    require_bounds(program.row_upper, infinity, "b of integer_program");
    require_bounds(program.lower, -infinity, "lower of integer_program");
    require_bounds(program.upper, infinity, "upper of integer_program");
    require_order(program.row_lower, program.row_upper, "row_lower of integer_program", "b");
    require_order(program.lower, program.upper, "lower of integer_program", "upper");
    for (Eigen::Index j = 0; j < variables; ++j) {
        if (!program.integer[static_cast<std::size_t>(j)]) continue;
        const double low = program.lower(j), high = program.upper(j);
        program.lower(j) = std::ceil(low);
        program.upper(j) = std::floor(high);
        if (program.lower(j) > program.upper(j))
            throw_invalid("the range of integer_program's variable", message(low, " to ", high, " at ", j),
                          "a range that contains an integer, because the variable is an integer");
    }
    if (!(options.limits.seconds > 0))
        throw_invalid("limits.seconds of integer_program", options.limits.seconds, "a positive number");
    if (options.limits.nodes < 1)
        throw_invalid("limits.nodes of integer_program", options.limits.nodes, "1 or more");
    return program;
}

/// The outcome of a search.
enum class search_end {
    finished,  // nothing is left to search
    limit,     // a limit of nodes or seconds was reached
    trouble    // CLP could not solve a relaxation, or its answer violates a constraint after rounding
};

/// The remaining limits of one solve.
class search_budget {
  public:
    explicit search_budget(const integer_program_limits& limits)
        : nodes_(limits.nodes), timed_(limits.seconds < 1e9), seconds_(limits.seconds) {
        if (timed_) start_ = std::chrono::steady_clock::now();
    }
    [[nodiscard]] std::int64_t nodes_left() const noexcept { return nodes_; }
    void take_nodes(std::int64_t count) noexcept { nodes_ = std::max<std::int64_t>(0, nodes_ - count); }

    [[nodiscard]] bool timed() const noexcept { return timed_; }
    [[nodiscard]] double seconds_left() const {
        return seconds_ - std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }
    [[nodiscard]] bool exhausted() const { return nodes_ == 0 || (timed_ && seconds_left() <= 0); }

  private:
    std::int64_t nodes_;
    bool timed_;
    double seconds_;
    std::chrono::steady_clock::time_point start_;
};

/// How much better than the best value a bound must be for its part of the tree to be searched, if the
/// largest cost is between 1 and 2. CLP's tolerances are the same: the value of a relaxation is accurate to
/// about this.
inline constexpr double program_tolerance = 1e-9;
/// How much a rounded x may violate a row, relative to the row's largest term (or to 1).
inline constexpr double row_tolerance = 1e-7;
/// The largest distance from an integer that counts as integer, until rounding violates a row.
inline constexpr double integrality_tolerance = 1e-6;

/// The best feasible x and its cost. Only feasible x are accepted, whatever was rounded before.
class incumbent {
  public:
    /// mask: one value per variable, false if it must be 0; empty if none must.
    incumbent(const program_data& program, std::span<const double> costs, std::span<const bool> mask = {})
        : program_(program), costs_(costs), mask_(mask) {}

    [[nodiscard]] bool found() const noexcept { return found_; }
    [[nodiscard]] double cost() const noexcept { return cost_; }
    [[nodiscard]] const std::vector<double>& state() const noexcept { return state_; }
    /// Only values below this are of interest.
    [[nodiscard]] double cutoff() const noexcept { return cost_ - program_tolerance; }

    /// Rounds x and keeps it if it is the best. Returns false if it violates a row.
    bool offer(const double* x) {
        const auto n = static_cast<std::size_t>(program_.variables());
        candidate_.assign(x, x + n);
        double cost = 0;
        for (std::size_t j = 0; j < n; ++j) {
            double& value = candidate_[j];
            const auto i = static_cast<Eigen::Index>(j);
            // + 0.0 turns -0.0 into 0.0.
            if (program_.integer[j]) value = std::round(value) + 0.0;
            value = std::clamp(value, program_.lower(i), program_.upper(i));
            if (!mask_.empty() && !mask_[j]) value = 0;
            cost += costs_[j] * value;
        }
        if (!keeps_rows()) return false;
        if (!found_ || cost < cost_) {
            found_ = true;
            cost_ = cost;
            state_.swap(candidate_);
        }
        return true;
    }

  private:
    [[nodiscard]] bool keeps_rows() {
        const program_data::matrix& a = program_.rows;
        sums_.assign(static_cast<std::size_t>(a.rows()), 0);
        largest_.assign(sums_.size(), 1);
        for (int j = 0; j < a.outerSize(); ++j) {
            const double x = candidate_[static_cast<std::size_t>(j)];
            if (x == 0) continue;
            for (program_data::matrix::InnerIterator term(a, j); term; ++term) {
                const auto row = static_cast<std::size_t>(term.row());
                sums_[row] += term.value() * x;
                largest_[row] = std::max(largest_[row], std::abs(term.value() * x));
            }
        }
        for (std::size_t row = 0; row < sums_.size(); ++row) {
            const auto i = static_cast<Eigen::Index>(row);
            const double slack = row_tolerance * largest_[row];
            if (sums_[row] > program_.row_upper(i) + slack || sums_[row] < program_.row_lower(i) - slack)
                return false;
        }
        return true;
    }

    const program_data& program_;
    std::span<const double> costs_;
    std::span<const bool> mask_;
    bool found_ = false;
    double cost_ = std::numeric_limits<double>::infinity();
    std::vector<double> state_, candidate_, sums_, largest_;
};

/// A list of constraints sum_j value_j x_j >= lower.
class cutting_rows {
  public:
    void begin_row(double lower) {
        lower_.push_back(lower);
        starts_.push_back(starts_.back());
    }
    /// Adds a term to the latest row.
    void add(int variable, double value) {
        variables_.push_back(variable);
        values_.push_back(value);
        ++starts_.back();
    }
    [[nodiscard]] int size() const noexcept { return static_cast<int>(lower_.size()); }
    void clear() {
        starts_.assign(1, 0);
        variables_.clear();
        values_.clear();
        lower_.clear();
    }
    /// Appends the rows to a model. A new row starts basic, so that the basis stays a basis.
    void append_to(ClpSimplex& model) const {
        const std::vector<double> no_upper(lower_.size(), COIN_DBL_MAX);
        model.addRows(size(), lower_.data(), no_upper.data(), starts_.data(), variables_.data(),
                      values_.data());
    }

  private:
    std::vector<CoinBigIndex> starts_ = {0};
    std::vector<int> variables_;
    std::vector<double> values_, lower_;
};

/// Given a point x, adds constraints that every feasible x satisfies and this x violates; none if it violates
/// none. An infeasible x with integer values must be cut off.
using cut_finder = std::function<void(std::span<const double> x, cutting_rows& found)>;

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
