#pragma once

/// @file
/// Cheapest assignments of rows to columns.
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
#include <bit>
#include <cstddef>
#include <limits>
#include <utility>

#include <imle/simd/lanes.hpp>
#include <imle/simd/wide_lanes.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI::detail {

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
        settled_ = scratch_.get<place>(static_cast<std::size_t>(rows)).data();
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
        start();
        while (bid<false>()) {
        }
        return finish<false>();
    }

    /// `solve` in pieces, for who solves several problems in turns: stage 1; a bid of stage 2, false if there
    /// is none left; stage 3, with the result.
    ///
    /// InTurns: whether bids of other problems come between, so that nothing waits for the end of a bid. A
    /// branch that is mispredicted then costs more than to compute without.
    void start() {
        std::fill_n(column_of_, rows_, -1);
        std::fill_n(row_of_, registers_ * width, -1);
        if (rows_ == columns_)
            reduce_columns();
        else
            std::fill_n(price_, registers_, number_cell{});
        unassigned_count_ = next_ = left_ = 0;
        passes_ = columns_ > 1 ? 2 : 0;
        bids_ = 3 * rows_;
        for (int row = 0; row < rows_; ++row)
            if (column_of_[row] < 0) unassigned_[unassigned_count_++] = row;
    }
    template <bool InTurns>
    bool bid() noexcept {
        while (next_ == unassigned_count_ || bids_ == 0)
            if (!begin_pass()) return false;
        --bids_;
        const int row = unassigned_[next_++];
        double second;
        const place best = best_two<InTurns>(cost_ + row * registers_, second);
        if (second == infinite) [[unlikely]] {  // no other column: no price is too low
            unassigned_[left_++] = row;
            return true;
        }
        const int loser = row_of_[best.column];
        const double price = get(price_, best.column);
        const double lowered = price - (second - best.value);
        if (lowered < price) {
            put(price_, best.column, lowered);
        } else if (loser >= 0) {  // nothing won, by a tie or by rounding
            unassigned_[left_++] = row;
            return true;
        }
        column_of_[row] = best.column;
        row_of_[best.column] = row;
        // The loser, if there is one, bids next.
        unassigned_[next_ - 1] = loser;
        next_ -= loser >= 0 ? 1 : 0;
        return true;
    }
    template <bool InTurns>
    [[nodiscard]] bool finish() noexcept {
        for (int i = 0; i < unassigned_count_; ++i)
            if (!augment<InTurns>(unassigned_[i])) return false;
        return true;
    }

  private:
    static constexpr int width = std::min(4, native_lanes<double>);
    using L = lanes<double, width>;
    using number = L::number;
    using integer = L::integer;
    using number_cell = L::number_cell;
    using integer_cell = L::integer_cell;

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

    using vector = vector_lanes<double, std::size_t{width}>;
    [[nodiscard]] static vector least_in_all(const vector& numbers) noexcept {
        return across(numbers, [](vector a, vector b) { return minimum(a, b); });
    }
    /// The least of the lanes, of equal ones the lowest column: the number of lanes does not matter.
    template <bool InTurns>
    [[nodiscard]] static place least(const number& values, const number& columns) noexcept {
        if constexpr (InTurns) {
            const vector all = vector::of(values), first = least_in_all(all);
            return {first.first(), lowest_place_of(first, all, vector::of(columns))};
        } else {
            const number_cell value{values}, column{columns};
            place best{L::get(value, 0), static_cast<int>(L::get(column, 0))};
            for (int lane = 1; lane < width; ++lane) {
                const place other{L::get(value, lane), static_cast<int>(L::get(column, lane))};
                const bool better =
                    other.value < best.value || (other.value == best.value && other.column < best.column);
                best = better ? other : best;
            }
            return best;
        }
    }
    /// The least number but `best`: the least of each lane and the next there, of `columns`.
    template <bool InTurns>
    [[nodiscard]] static double least_but(const place& best, const number& firsts, const number& nexts,
                                          const number& columns) noexcept {
        if constexpr (InTurns) {
            const vector all = vector::of(firsts);
            const auto is_worse = less(vector::of(number{} + best.value), all);
            if (std::popcount(vector::bits(is_worse)) < width - 1) return best.value;
            return least_in_all(select(is_worse, all, vector::of(nexts))).first();
        } else {
            const number_cell first{firsts}, next{nexts}, column{columns};
            double second = infinite;
            for (int lane = 0; lane < width; ++lane) {
                const bool won = static_cast<int>(L::get(column, lane)) == best.column;
                second = std::min(second, won ? L::get(next, lane) : L::get(first, lane));
            }
            return second;
        }
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

    // Stage 2, "augmenting row reduction": a row takes its best column and lowers its price until the
    // second best is as good. The row that had the column competes again. Two passes over the rows without a
    // column, and a limited number of bids, since rows can bid each other down in small steps for a long
    // time; shortest paths are then faster.

    /// Keeps the rows that have no column for another pass. False if there is none.
    [[nodiscard]] bool begin_pass() noexcept {
        if (passes_ == 0) return false;
        while (next_ < unassigned_count_) unassigned_[left_++] = unassigned_[next_++];
        unassigned_count_ = left_;
        next_ = left_ = 0;
        return --passes_ > 0;
    }

    /// A row's best column and the second least of its reduced costs.
    template <bool InTurns>
    [[nodiscard]] place best_two(const number_cell* cost, double& second) const noexcept {
        number first = cost[0].lane - price_[0].lane, next = number{} + infinite;
        number column = index_[0].lane;
        for (int r = 1; r < registers_; ++r) {
            const number reduced = cost[r].lane - price_[r].lane;
            const number worse = first > reduced ? first : reduced;
            column = reduced < first ? index_[r].lane : column;
            first = L::least(reduced, first);
            next = L::least(worse, next);
        }
        const place best = least<InTurns>(first, column);
        second = least_but<InTurns>(best, first, next, column);
        return best;
    }

    /// Stage 3: a shortest path, by Dijkstra's algorithm in reduced costs, from a row to a column without a
    /// row; along it each row gives up its column to the row before. False if no path leads to one.
    template <bool InTurns>
    [[nodiscard]] bool augment(int first_row) noexcept {
        place nearest = start_at<InTurns>(first_row);
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
            settled_[settled++] = nearest;
            nearest = settle<InTurns>(nearest);
        }
        if (nearest.value == infinite) return false;
        for (int i = 0; i < settled; ++i)
            put(price_, settled_[i].column,
                get(price_, settled_[i].column) + (settled_[i].value - nearest.value));
        for (int column = nearest.column, row = -1; row != first_row;) {
            row = static_cast<int>(L::get(from_row_[column / width], column % width));
            row_of_[column] = row;
            std::swap(column, column_of_[row]);
        }
        return true;
    }

    /// The distances from a row, and the nearest column.
    template <bool InTurns>
    [[nodiscard]] place start_at(int row) noexcept {
        const number_cell* const cost = cost_ + row * registers_;
        number least_distance = number{} + infinite;
        number column{};
        for (int r = 0; r < registers_; ++r) {
            const number price = price_[r].lane, distance = cost[r].lane - price;
            open_price_[r].lane = price;
            distance_[r].lane = distance;
            from_row_[r].lane = integer{} + row;
            column = distance < least_distance ? index_[r].lane : column;
            least_distance = L::least(distance, least_distance);
        }
        return least<InTurns>(least_distance, column);
    }

    /// Takes the nearest column out, and on from its row to all others; returns the next nearest.
    template <bool InTurns>
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
            const number distance = L::least(through, before);
            distance_[r].lane = distance;
            from_row_[r].lane = through < before ? integer{} + row : from_row_[r].lane;
            column = distance < least_distance ? index_[r].lane : column;
            least_distance = L::least(distance, least_distance);
        }
        return least<InTurns>(least_distance, column);
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
    // Of stage 2: how many rows have no column, which of them bids next, how many have lost in this pass; the
    // passes and bids that are left.
    int unassigned_count_ = 0, next_ = 0, left_ = 0, passes_ = 0, bids_ = 0;
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
    place* settled_ = nullptr;           // columns and their distances, in this order
    basic_scratch<number_cell, integer_cell, int, place> scratch_;
};

}  // namespace imle::inline IMLE_ABI::detail
