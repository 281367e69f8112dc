#pragma once

/// @file
/// The most valuable items that a knapsack holds.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <imle/solvers/detail/knapsack_search.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `knapsack`; the order of the members is part of the contract.
struct knapsack_options {
    /// How many nodes of the search tree a solve may visit before it throws `solve_failure`
    /// (`solve_status::time_limit`); 0: as many as it takes. A node takes some ten nanoseconds. A count,
    /// since a clock would make the answer depend on the machine's load.
    std::uint64_t node_limit = 0;
};

/// The MAP state of a distribution over the sets of items that a knapsack holds: z is 1 for the items taken,
/// the set of largest <theta, z> with W z <= capacities, in one dimension (weight) or several (weight,
/// volume, ...). theta is what each item is worth; an item of theta <= 0 is never taken.
///
///     imle::knapsack{std::vector<double>{3, 4, 5}, 7}     // weights, capacity
///     imle::knapsack{weights, capacities}                 // Eigen: [dimensions, items] and [dimensions]
///
/// Exact: branch and bound, and for one dimension of integer weights dynamic programming where the search is
/// long. Values and weights are summed in double; the value is the largest up to the rounding of its sum. A
/// sum of weights may exceed a capacity by a share of 1e-12, so that 0.1 + 0.2 fits into 0.3; integers below
/// 10^11 are compared exactly.
///
/// Ties are deterministic: of sets of equal value the first in the lexicographic order of the items, by
/// falling value per weight, then by falling value, then by rising index (an item is taken before it is left
/// out). In several dimensions "weight" is a weighted sum over the dimensions, whose multipliers depend on
/// theta.
///
/// Microseconds for tens of items, but the worst case is exponential in their number, unless there is one
/// dimension of integer weights and items * capacity <= 2^24: then O(items * capacity). See
/// `knapsack_options::node_limit`, beyond which `solve_failure` is thrown (`solve_status::time_limit`).
///
/// Works on an instance of any rank of as many numbers as there are items, of float or double. Throws
/// `std::invalid_argument` for weights or capacities that are negative or not finite, or do not fit each
/// other (when made), for another number of items or theta that is not finite, or whose positive numbers sum
/// to infinity (when solving). Copies share weights and capacities.
template <Eigen::Index Items = Eigen::Dynamic>
class knapsack {
    static_assert(Items == Eigen::Dynamic || Items >= 0, "imle::knapsack<Items> needs Items >= 0");

  public:
    static constexpr imle::sense sense = imle::sense::maximize;

    /// weights: [dimensions, items]; capacities: [dimensions].
    knapsack(const Eigen::MatrixXd& weights, const Eigen::VectorXd& capacities, knapsack_options options = {})
        : problem_(std::make_shared<const detail::knapsack_problem>(weights, capacities)), options_(options) {
        if (Items != Eigen::Dynamic && weights.cols() != Items)
            detail::throw_invalid("knapsack's weights", detail::message("of ", weights.cols(), " items"),
                                  Items);
    }
    /// One dimension.
    knapsack(const std::vector<double>& weights, double capacity, knapsack_options options = {})
        : knapsack(
              Eigen::Map<const Eigen::RowVectorXd>(weights.data(), static_cast<Eigen::Index>(weights.size())),
              Eigen::VectorXd::Constant(1, capacity), options) {}

    /// The number of items.
    [[nodiscard]] Eigen::Index items() const noexcept { return static_cast<Eigen::Index>(problem_->items); }
    /// The options that it was made with.
    [[nodiscard]] const knapsack_options& options() const noexcept { return options_; }

    /// theta: one instance; z: of its dimensions, all of it is written.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        using Scalar = scalar_of<ThetaT>;
        if (theta.size() != items())
            detail::throw_invalid("theta", detail::message("of ", theta.size(), " numbers"),
                                  detail::message("one for each of the ", items(), " items"));
        detail::require_instance(theta, z);
        std::fill_n(z.data(), z.size(), Scalar(0));
        const auto values = detail::values_of(theta);
        const auto all_values = scratch_.template get<double>(number_count()).first(values.size());
        const auto candidates = scratch_.template get<std::uint32_t>(index_count()).first(values.size());
        std::size_t count = 0;
        double sum = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            all_values[i] = static_cast<double>(values[i]);
            if (!(values[i] > 0) || problem_->fits[i] == 0) continue;
            sum += all_values[i];
            if (is_weightless(i))
                z.data()[i] = 1;
            else
                candidates[count++] = static_cast<std::uint32_t>(i);
        }
        if (!detail::is_finite(sum))
            detail::throw_invalid("theta", "too large: its positive numbers sum to infinity",
                                  "numbers with a finite sum");
        if (count == 0) return;
        for (const std::uint32_t item : choose(count)) z.data()[item] = 1;
    }

  private:
    [[nodiscard]] bool is_weightless(std::size_t item) const {
        const std::size_t dimensions = problem_->dimensions;
        for (std::size_t d = 0; d < dimensions; ++d)
            if (problem_->weights[item * dimensions + d] != 0) return false;
        return true;
    }

    /// What `choose` works with, cut from one buffer a type. In front are what the call operator has filled:
    /// values, and the candidates.
    [[nodiscard]] std::size_t number_count() const {
        return problem_->items * (9 + 2 * problem_->dimensions) + 2 + 4 * problem_->dimensions;
    }
    [[nodiscard]] std::size_t index_count() const { return 4 * problem_->items; }

    /// The best set of the first `count` candidates, all of which have a value and a weight.
    [[nodiscard]] std::span<const std::uint32_t> choose(std::size_t count) {
        const std::size_t n = problem_->items, dimensions = problem_->dimensions;
        double* next_number = scratch_.template get<double>(number_count()).data();
        const auto numbers = [&](std::size_t size) { return std::exchange(next_number, next_number + size); };
        std::uint32_t* next_index = scratch_.template get<std::uint32_t>(index_count()).data();
        const auto indices = [&](std::size_t size) { return std::exchange(next_index, next_index + size); };

        const double* const value_of = numbers(n);
        const std::span<std::uint32_t> order(indices(n), count);
        double* const surrogate_of = numbers(n);
        detail::knapsack_order find(*problem_, order, value_of, surrogate_of, numbers(n),
                                    numbers(3 * dimensions));
        const detail::knapsack_items items{.count = count,
                                           .dimensions = dimensions,
                                           .limits = problem_->limits.data(),
                                           .surrogate_limit = find.find(),
                                           .values = numbers(count),
                                           .weights = numbers(count * dimensions),
                                           .surrogate = numbers(count),
                                           .value_before = numbers(count + 1),
                                           .surrogate_before = numbers(count + 1),
                                           .next = indices(count)};
        items.value_before[0] = items.surrogate_before[0] = 0;
        for (std::size_t i = 0; i < count; ++i) {
            items.values[i] = value_of[order[i]];
            items.surrogate[i] = surrogate_of[order[i]];
            std::copy_n(&problem_->weights[order[i] * dimensions], dimensions,
                        items.weights + i * dimensions);
            items.value_before[i + 1] = items.value_before[i] + items.values[i];
            items.surrogate_before[i + 1] = items.surrogate_before[i] + items.surrogate[i];
        }
        for (std::size_t i = count; i-- > 0;) {
            const double* const own = items.weights + i * dimensions;
            const bool same = i + 1 < count && items.values[i] == items.values[i + 1] &&
                              std::equal(own, own + dimensions, own + dimensions);
            items.next[i] = same ? items.next[i + 1] : static_cast<std::uint32_t>(i + 1);
        }
        const detail::knapsack_work work{numbers(dimensions), numbers(count * dimensions),
                                         numbers(count),      numbers(count),
                                         indices(count),      indices(count)};

        // A node of the search takes as long as some 48 cells of a table (measured): what is the smaller of
        // the two is at most doubled.
        const std::size_t cells = count * (problem_->whole_capacity + 1);
        const bool has_table = !problem_->whole_weights.empty() && cells <= (std::size_t{1} << 24);
        const std::uint64_t limit = has_table                  ? cells / 48
                                    : options_.node_limit == 0 ? std::numeric_limits<std::uint64_t>::max()
                                                               : options_.node_limit;
        const detail::knapsack_outcome outcome =
            dimensions == 1   ? detail::search_knapsack<1>(items, work, limit)
            : dimensions == 2 ? detail::search_knapsack<2>(items, work, limit)
                              : detail::search_knapsack<Eigen::Dynamic>(items, work, limit);
        std::size_t taken = outcome.taken;
        if (!outcome.finished) {
            if (!has_table)
                throw solve_failure(solve_status::time_limit,
                                    detail::message("imle: knapsack's search visited ", outcome.nodes,
                                                    " nodes without a proof that its best set of items is "
                                                    "the best; expected fewer than "
                                                    "knapsack_options::node_limit"));
            taken = choose_by_table(order, items.values, work.best);
        }
        for (std::size_t i = 0; i < taken; ++i) work.best[i] = order[work.best[i]];
        return {work.best, taken};
    }

    /// The best set within an integer capacity (Bellman), the first one in the lexicographic order of the
    /// items, taken before left out, as `search_knapsack` finds it: writes its places in `order` to `best`,
    /// and returns how many there are. O(count * capacity).
    std::size_t choose_by_table(std::span<const std::uint32_t> order, const double* values,
                                std::uint32_t* best) {
        const std::size_t count = order.size(), capacity = problem_->whole_capacity, columns = capacity + 1;
        const auto weight_of = [&](std::size_t item) { return problem_->whole_weights[order[item]]; };
        double* after = table_.template get<double>(2 * columns).data();  // [room]: the best of later items
        double* with = after + columns;                                   // the same, this one included
        const auto taken = table_.template get<std::uint8_t>(count * columns);
        std::fill_n(after, columns, 0.0);
        std::size_t before = 0;  // the weight of all items in front
        for (std::size_t item = 0; item < count; ++item) before += weight_of(item);
        for (std::size_t item = count; item-- > 0;) {
            const std::size_t weight = weight_of(item);
            before -= weight;
            // The items in front leave at least this much room.
            const std::size_t least = capacity - std::min(capacity, before);
            std::uint8_t* const flags = taken.data() + item * columns;
            for (std::size_t room = least; room < std::min(weight, columns); ++room) {
                with[room] = after[room];
                flags[room] = 0;
            }
            const double value = values[item];
            for (std::size_t room = std::max(least, weight); room < columns; ++room) {
                const double sum = after[room - weight] + value;
                flags[room] = sum >= after[room] ? 1 : 0;
                with[room] = sum >= after[room] ? sum : after[room];
            }
            std::swap(after, with);
        }
        std::size_t chosen = 0, room = capacity;
        for (std::size_t item = 0; item < count; ++item)
            if (taken[item * columns + room] != 0) {
                best[chosen++] = static_cast<std::uint32_t>(item);
                room -= weight_of(item);
            }
        return chosen;
    }

    std::shared_ptr<const detail::knapsack_problem> problem_;
    knapsack_options options_;
    detail::basic_scratch<double, std::uint32_t> scratch_;
    detail::basic_scratch<double, std::uint8_t> table_;
};

}  // namespace imle::inline IMLE_ABI
