#pragma once

/// @file
/// The best one-to-one assignment of rows to columns.
///
/// Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment
/// problems" (1987). Each column has a price v, and a row's reduced cost of a column is c - v. An assigned
/// row always has a column of least reduced cost, so an assignment of all rows is a cheapest one. If there
/// are more columns than rows, columns without a row keep the price 0.
///
/// Each of the three stages spends its time in one loop over the columns of a row, written for the lanes of
/// a register. Registers of four numbers are as fast as wider ones up to about 100 columns, and faster for
/// few columns: there the cost is to combine the lanes at the end of the loop.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <utility>

#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Solves one problem after another in the same memory, in double for any scalar. Because of rounding the
/// answer may be the second best, but only if the two differ by less than a few roundings of a sum of
/// doubles. Rounding cannot keep it from ending, nor from assigning each row to a column of its own.
class jonker_volgenant {
  public:
    /// Makes room for the costs of rows x columns, 1 <= rows <= columns.
    void resize(int rows, int columns) {
        rows_ = rows;
        columns_ = columns;
        registers_ = (columns + width - 1) / width;
        const auto line = static_cast<std::size_t>(registers_);
        const auto numbers = scratch_.get<number_cell>((static_cast<std::size_t>(rows) + 4) * line);
        price_ = numbers.data();
        open_price_ = price_ + line;
        distance_ = open_price_ + line;
        index_ = distance_ + line;
        cost_ = index_ + line;
        from_row_ = scratch_.get<integer_cell>(line).data();
        const auto places = scratch_.get<int>(2 * static_cast<std::size_t>(rows) + line * width);
        column_of_ = places.data();
        unassigned_ = column_of_ + rows;
        row_of_ = unassigned_ + rows;
        settled_ = scratch_.get<settled_column>(static_cast<std::size_t>(rows)).data();
        for (int r = 0; r < registers_; ++r)
            for (int lane = 0; lane < width; ++lane) L::set(index_[r], lane, r * width + lane);
    }

    /// The cost of no pair: no row takes it.
    static constexpr double infinite = std::numeric_limits<double>::infinity();

    /// The costs of one row: factor * theta[0], factor * theta[step], ..., but none above `most`.
    template <class Scalar>
    void set_costs(int row, const Scalar* theta, std::ptrdiff_t step, double factor, double most) noexcept {
        const auto cost = [=](Scalar t) { return std::min(most, factor * static_cast<double>(t)); };
        if (step == 1)  // apart from the others, so that it vectorises
            fill_line(row, [=](int column) { return cost(theta[column]); });
        else
            fill_line(row, [=](int column) { return cost(theta[column * step]); });
    }
    /// The same, and `most` where allowed[0], allowed[step], ... is false.
    template <class Scalar>
    void set_costs(int row, const Scalar* theta, const bool* allowed, std::ptrdiff_t step, double factor,
                   double most) noexcept {
        fill_line(row, [=](int column) {
            return allowed[column * step] ? std::min(most, factor * static_cast<double>(theta[column * step]))
                                          : most;
        });
    }

    /// The column of a row, once solved.
    [[nodiscard]] int column_of(int row) const noexcept { return column_of_[row]; }
    /// False if some row is left without a column of finite cost. O(rows^2 * columns) at worst.
    [[nodiscard]] bool solve() {
        std::fill_n(column_of_, rows_, -1);
        std::fill_n(row_of_, registers_ * width, -1);
        if (rows_ == columns_)
            reduce_columns();
        else
            std::fill_n(price_, registers_, number_cell{});
        int unassigned = 0;
        for (int row = 0; row < rows_; ++row)
            if (column_of_[row] < 0) unassigned_[unassigned++] = row;
        if (columns_ > 1) unassigned = compete(unassigned);
        for (int i = 0; i < unassigned; ++i)
            if (!augment(unassigned_[i])) return false;
        return true;
    }

  private:
    static constexpr int width = std::min(4, native_lanes<double>);
    using L = lanes<double, width>;
    using number = L::number;
    using integer = L::integer;
    using number_cell = L::number_cell;
    using integer_cell = L::integer_cell;

    /// A column that a shortest path may use, and the distance to it.
    struct settled_column {
        int column;
        double distance;
    };
    /// A number and the column that it belongs to.
    struct place {
        double value;
        int column;
    };

    template <class CostT>
    void fill_line(int row, const CostT& cost) noexcept {
        number_cell* const line = cost_ + row * registers_;
        const int whole = columns_ / width;
        for (int r = 0; r < whole; ++r)
            for (int lane = 0; lane < width; ++lane) L::set(line[r], lane, cost(r * width + lane));
        // No row takes a column that is only there to fill the register.
        if (whole == registers_) return;
        for (int lane = 0; lane < width; ++lane) {
            const int column = whole * width + lane;
            L::set(line[whole], lane, column < columns_ ? cost(column) : infinite);
        }
    }

    [[nodiscard]] static double get(const number_cell* line, int column) noexcept {
        return L::get(line[column / width], column % width);
    }
    static void put(number_cell* line, int column, double value) noexcept {
        L::set(line[column / width], column % width, value);
    }

    /// The least of the lanes, of equal ones the lowest column: the number of lanes does not matter.
    [[nodiscard]] static place least(const number_cell& values, const number_cell& columns) noexcept {
        place best{L::get(values, 0), static_cast<int>(L::get(columns, 0))};
        for (int lane = 1; lane < width; ++lane) {
            const place other{L::get(values, lane), static_cast<int>(L::get(columns, lane))};
            const bool better =
                other.value < best.value || (other.value == best.value && other.column < best.column);
            best = better ? other : best;
        }
        return best;
    }

    /// Stage 1, for as many columns as rows: a column's price is its least cost, and a row that has the least
    /// cost of a column takes the first such column.
    void reduce_columns() noexcept {
        for (int r = 0; r < registers_; ++r) {
            number cheapest = cost_[r].lane;
            integer row_of_cheapest{};
            for (int row = 1; row < rows_; ++row) {
                const number cost = cost_[row * registers_ + r].lane;
                const integer cheaper = cost < cheapest;
                cheapest = cheaper ? cost : cheapest;
                row_of_cheapest = cheaper ? integer{} + row : row_of_cheapest;
            }
            // A column that is closed to all rows, or only there to fill the register, is nobody's.
            const integer open = cheapest < infinite;
            price_[r].lane = open ? cheapest : number{};
            const integer_cell rows{open ? row_of_cheapest : integer{} - 1};
            for (int lane = 0; lane < width; ++lane) {
                const int column = r * width + lane, row = static_cast<int>(L::get(rows, lane));
                if (row >= 0 && column_of_[row] < 0) {
                    column_of_[row] = column;
                    row_of_[column] = row;
                }
            }
        }
    }

    /// Stage 2, "augmenting row reduction": a row takes its best column and lowers its price until the
    /// second best is as good. The row that had the column competes again. Returns the number of rows
    /// without a column. Bounded, since rows can bid each other down in small steps for a long time;
    /// shortest paths are then faster.
    int compete(int unassigned) noexcept {
        int bids = 3 * rows_;
        for (int pass = 0; pass < 2 && unassigned > 0; ++pass) {
            int next = 0, left = 0;
            while (next < unassigned && bids-- > 0) {
                const int row = unassigned_[next++];
                double second;
                const place best = best_two(cost_ + row * registers_, second);
                if (second == infinite) [[unlikely]] {  // no other column: no price is too low
                    unassigned_[left++] = row;
                    continue;
                }
                const int loser = row_of_[best.column];
                const double price = get(price_, best.column);
                const double lowered = price - (second - best.value);
                if (lowered < price) {
                    put(price_, best.column, lowered);
                } else if (loser >= 0) {  // nothing won, by a tie or by rounding
                    unassigned_[left++] = row;
                    continue;
                }
                column_of_[row] = best.column;
                row_of_[best.column] = row;
                if (loser >= 0) unassigned_[--next] = loser;
            }
            while (next < unassigned) unassigned_[left++] = unassigned_[next++];
            unassigned = left;
        }
        return unassigned;
    }

    /// A row's best column and the second least of its reduced costs.
    [[nodiscard]] place best_two(const number_cell* cost, double& second) const noexcept {
        number first = cost[0].lane - price_[0].lane, next = number{} + infinite;
        number column = index_[0].lane;
        for (int r = 1; r < registers_; ++r) {
            const number reduced = cost[r].lane - price_[r].lane;
            const integer better = reduced < first;
            const number worse = better ? first : reduced;
            first = better ? reduced : first;
            column = better ? index_[r].lane : column;
            next = worse < next ? worse : next;
        }
        const number_cell firsts{first}, nexts{next}, columns{column};
        const place best = least(firsts, columns);
        second = infinite;
        for (int lane = 0; lane < width; ++lane) {
            const bool won = static_cast<int>(L::get(columns, lane)) == best.column;
            second = std::min(second, won ? L::get(nexts, lane) : L::get(firsts, lane));
        }
        return best;
    }

    /// Stage 3: a shortest path, by Dijkstra's algorithm in reduced costs, from a row to a column without a
    /// row; along it each row gives up its column to the row before. False if no path leads to one.
    [[nodiscard]] bool augment(int first_row) noexcept {
        place nearest = start_at(first_row);
        double last_distance = -infinite;
        int settled = 0;
        while (row_of_[nearest.column] >= 0) {
            // Of several columns at one distance a free one ends the search: with many ties the one that
            // matters. Looked for only where there is a tie; what is out of reach is seen there, too.
            if (nearest.value == last_distance) {
                if (nearest.value == infinite) return false;
                if (const int free = free_column_at(nearest.value); free >= 0) {
                    nearest.column = free;
                    break;
                }
            }
            last_distance = nearest.value;
            settled_[settled++] = {nearest.column, nearest.value};
            nearest = settle(nearest);
        }
        if (nearest.value == infinite) return false;
        for (int i = 0; i < settled; ++i)
            put(price_, settled_[i].column,
                get(price_, settled_[i].column) + (settled_[i].distance - nearest.value));
        for (int column = nearest.column, row = -1; row != first_row;) {
            row = static_cast<int>(L::get(from_row_[column / width], column % width));
            row_of_[column] = row;
            std::swap(column, column_of_[row]);
        }
        return true;
    }

    /// The distances from a row, and the nearest column.
    [[nodiscard]] place start_at(int row) noexcept {
        const number_cell* const cost = cost_ + row * registers_;
        number least_distance = number{} + infinite;
        number column{};
        for (int r = 0; r < registers_; ++r) {
            const number price = price_[r].lane, distance = cost[r].lane - price;
            open_price_[r].lane = price;
            distance_[r].lane = distance;
            from_row_[r].lane = integer{} + row;
            const integer nearer = distance < least_distance;
            least_distance = nearer ? distance : least_distance;
            column = nearer ? index_[r].lane : column;
        }
        return least({least_distance}, {column});
    }

    /// Takes the nearest column out, and on from its row to all others; returns the next nearest.
    [[nodiscard]] place settle(const place& at) noexcept {
        const int row = row_of_[at.column];
        const number_cell* const cost = cost_ + row * registers_;
        const double origin = (get(cost, at.column) - get(price_, at.column)) - at.value;
        // At an infinitely bad price a settled column is never nearer, and stays infinitely far.
        put(open_price_, at.column, -infinite);
        put(distance_, at.column, infinite);
        number least_distance = number{} + infinite;
        number column{};
        for (int r = 0; r < registers_; ++r) {
            const number through = (cost[r].lane - open_price_[r].lane) - origin;
            const number before = distance_[r].lane;
            const integer shorter = through < before;
            const number distance = shorter ? through : before;
            distance_[r].lane = distance;
            from_row_[r].lane = shorter ? integer{} + row : from_row_[r].lane;
            const integer nearer = distance < least_distance;
            least_distance = nearer ? distance : least_distance;
            column = nearer ? index_[r].lane : column;
        }
        return least({least_distance}, {column});
    }

    /// The first column without a row at this distance, or -1.
    [[nodiscard]] int free_column_at(double distance) const noexcept {
        for (int column = 0; column < columns_; ++column)
            if (row_of_[column] < 0 && get(distance_, column) == distance) return column;
        return -1;
    }

    int rows_ = 0;
    int columns_ = 0;
    int registers_ = 0;  // of a line of columns
    // Set by `resize`, into the scratch.
    number_cell* price_ = nullptr;       // of each column
    number_cell* open_price_ = nullptr;  // the same, -infinity where settled
    number_cell* distance_ = nullptr;    // of each column from the row that is being assigned
    number_cell* index_ = nullptr;       // 0, 1, 2, ...
    number_cell* cost_ = nullptr;        // a line for each row
    integer_cell* from_row_ = nullptr;   // the row before each column on its shortest path
    int* column_of_ = nullptr;           // of each row, or -1
    int* unassigned_ = nullptr;          // rows
    int* row_of_ = nullptr;              // of each column, or -1
    settled_column* settled_ = nullptr;  // in the order of distance
    basic_scratch<number_cell, integer_cell, int, settled_column> scratch_;
};

}  // namespace detail

/// The options of `assignment`; the order of the members is part of the contract.
struct assignment_options {
    /// Whether a row and a column may be left out although both are free: a pair is chosen only where that
    /// is better than to leave it out.
    bool partial = false;
};

/// The MAP state of a distribution over assignments: z [rows, columns] has min(rows, columns) ones, at most
/// one in each row and in each column, with the largest sum of theta [rows, columns]. The smaller side is
/// assigned completely, even where theta is negative. A square z is a permutation matrix.
///
/// With `assignment_options::partial`, z has at most one 1 in each row and in each column, and any number of
/// them: a pair of theta <= 0 is never chosen. (An assignment of all rows to max(theta, 0) is solved, and the
/// pairs that add nothing are left out.)
///
/// Jonker and Volgenant's algorithm: O(min^2 max) time in the worst case for sides of min and max numbers,
/// and O(rows * columns) memory. It computes in double for float too, at no cost in time. The answer is
/// optimal up to the rounding of doubles, and no sum overflows (numbers beyond 2^900 are scaled). Ties: the
/// answer is the same each time, and in both layouts; which one it is depends on all of theta.
///
/// A mask forbids pairs. If it leaves no assignment of min(rows, columns) pairs: `solve_status::infeasible`,
/// unless the assignment may be partial. To pad a smaller instance, allow padding rows to take padding
/// columns only, and the reverse; for partial assignments, forbid padding.
///
/// If there are no rows or no columns, z is empty too. Throws `std::invalid_argument` for numbers that are
/// not finite and for sides over 16384.
class assignment {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// Complete assignments, or partial ones.
    explicit assignment(const assignment_options& options = {}) : options_(options) {}

    /// theta: one instance [rows, columns]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        static_cast<void>((*this)(theta, z, solve_context{}));
    }

    /// The best assignment of pairs that the context's mask allows.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        using Scalar = scalar_of<ThetaT>;
        detail::require_instance(theta, z, context);
        const Eigen::Index rows = theta.dimension(0), columns = theta.dimension(1);
        if (std::max(rows, columns) > max_side)
            detail::throw_invalid("theta", detail::message("[", rows, ", ", columns, "]"),
                                  detail::message("sides of at most ", max_side));
        std::fill_n(z.data(), z.size(), Scalar(0));
        if (theta.size() == 0) return solve_status::solved;

        // Whichever is fewer is assigned to the other; in a square the rows, in both layouts.
        constexpr bool row_major = layout_of<ThetaT> == Eigen::RowMajor;
        const Eigen::Index row_step = row_major ? columns : 1, column_step = row_major ? 1 : rows;
        const bool by_rows = rows <= columns;
        const int fewer = static_cast<int>(std::min(rows, columns));
        const int more = static_cast<int>(std::max(rows, columns));
        const Eigen::Index fewer_step = by_rows ? row_step : column_step;
        const Eigen::Index more_step = by_rows ? column_step : row_step;
        const double cost_factor = -scale(theta, context);
        // The cost of a pair that is left out.
        const double most = options_.partial ? 0 : detail::jonker_volgenant::infinite;
        const bool* const mask = context.mask.data();
        problem_.resize(fewer, more);
        for (int i = 0; i < fewer; ++i) {
            const Eigen::Index at = i * fewer_step;
            if (context.mask.empty())
                problem_.set_costs(i, theta.data() + at, more_step, cost_factor, most);
            else
                problem_.set_costs(i, theta.data() + at, mask + at, more_step, cost_factor, most);
        }
        if (!problem_.solve()) return solve_status::infeasible;
        for (int i = 0; i < fewer; ++i) {
            const Eigen::Index at = i * fewer_step + problem_.column_of(i) * more_step;
            const bool is_chosen = !options_.partial || (theta.data()[at] > 0 && context.allows(at));
            z.data()[at] = is_chosen ? Scalar(1) : Scalar(0);
        }
        return solve_status::solved;
    }

  private:
    static constexpr Eigen::Index max_side = 16384;  // a matrix of 2 GiB

    /// 1, or a power of 2 that leaves room for sums of the largest numbers.
    template <class ThetaT>
    static double scale(const ThetaT& theta, const solve_context& context) {
        if constexpr (std::is_same_v<scalar_of<ThetaT>, double>)
            for (Eigen::Index i = 0; i < theta.size(); ++i)
                if (std::abs(theta.data()[i]) > 0x1p900 && context.allows(i)) return 0x1p-124;
        return 1;
    }

    assignment_options options_;
    detail::jonker_volgenant problem_;
};

}  // namespace imle::inline IMLE_ABI
