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

#include <imle/concepts/solver.hpp>
#include <imle/core/shared_object.hpp>
#include <imle/solvers/detail/batch_selection.hpp>
#include <imle/solvers/detail/knapsack_core.hpp>
#include <imle/solvers/detail/knapsack_in_lanes.hpp>
#include <imle/solvers/detail/knapsack_order.hpp>
#include <imle/solvers/detail/knapsack_problem.hpp>
#include <imle/solvers/detail/knapsack_search.hpp>
#include <imle/solvers/detail/knapsack_table.hpp>
#include <imle/solvers/instance.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `knapsack`; the order of the members is part of the contract.
struct knapsack_options {
    /// The number of search nodes that a solve may visit before it throws `solve_failure`
    /// (`solve_status::time_limit`); 0: no limit. The default takes seconds, as a node takes 10 to 300
    /// nanoseconds, more with more dimensions. In one dimension 16 states of the dynamic programming count
    /// as a node; if there is a table, the solver tries it before it fails. The limit is a count because a
    /// clock would make the answer depend on the machine's load.
    std::uint64_t node_limit = 10'000'000;
};

/// The MAP state of a distribution over the sets of items that a knapsack holds: z is 1 for the items of the
/// set of largest <theta, z> with W z <= capacities, in one dimension (weight) or several (weight, volume,
/// ...). theta is the value of each item; an item of theta <= 0 is never taken.
///
///     imle::knapsack{std::vector<double>{3, 4, 5}, 7}     // weights, capacity
///     imle::knapsack{weights, capacities}                 // Eigen: [dimensions, items] and [dimensions]
///
/// Exact. Several dimensions: branch and bound. One dimension: branch and bound and dynamic programming over
/// a core of the items take turns, and a table for integer weights takes over if neither ends soon; up to a
/// capacity of 64 a small table decides alone. Values
/// and weights are summed in double, and the value is the largest up to the rounding of its sum. A sum of
/// weights may exceed a capacity by a relative 1e-12, so that 0.1 + 0.2 fits into 0.3. Integers below 10^11
/// are compared exactly.
///
/// Ties: among sets of equal value the first in lexicographic order wins (taking an item comes before
/// leaving it out). Items are ordered by falling value per weight, then by falling value, then by rising
/// index. In several dimensions "weight" is a weighted sum over the dimensions, whose multipliers depend on
/// theta.
///
/// Cost: microseconds for tens of items and milliseconds for hundreds. In one dimension with integer weights
/// at most O(items * capacity), if that is at most 2^30. Otherwise the worst case is exponential in the
/// number of items, and beyond `knapsack_options::node_limit` a solve throws `solve_failure`
/// (`solve_status::time_limit`). Memory in one dimension: usually a few megabytes, up to half a gigabyte for
/// each copy that met a hard problem.
///
/// An instance has any rank and one number for each item, of float or double. With a context, items that its
/// mask forbids are never taken. Throws `std::invalid_argument` on construction for weights or capacities
/// that are negative, not finite, or of sizes that do not match. Throws it when solving for another number
/// of items, and for theta that is not finite or whose positive numbers sum to infinity. Copies share
/// weights and capacities.
template <Eigen::Index Items = Eigen::Dynamic>
class knapsack : public detail::batch_forms<knapsack<Items>> {
    static_assert(Items == Eigen::Dynamic || Items >= 0, "imle::knapsack<Items> needs Items >= 0");

  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;
    /// `solve_batch` is as good for a few instances.
    static constexpr bool takes_any_batch = true;

    /// weights: [dimensions, items]; capacities: [dimensions].
    knapsack(const Eigen::MatrixXd& weights, const Eigen::VectorXd& capacities, knapsack_options options = {})
        : problem_(detail::make_shared_object<const detail::knapsack_problem>(weights, capacities)),
          options_(options) {
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
    /// The options of this solver.
    [[nodiscard]] const knapsack_options& options() const noexcept { return options_; }

    /// theta: one instance; z: a tensor of its dimensions, which is written in full.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z) {
        (*this)(theta, z, solve_context{});
    }
    /// The same without the items that the context's mask forbids.
    template <detail::Instance ThetaT, detail::StateOf<ThetaT> ZT>
    void operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        require_items(theta.size());
        detail::require_instance(theta, z, context);
        solve_one(detail::values_of(theta), context.mask, z.data());
    }

  private:
    friend class detail::batch_forms<knapsack>;

    void require_items(Eigen::Index given) const {
        if (given != items())
            detail::throw_invalid("theta", detail::message("of ", given, " numbers"),
                                  detail::message("one for each of the ", items(), " items"));
    }

    template <class ThetasT, class ZsT>
    solve_status solve_all(const ThetasT& thetas, ZsT& zs, std::span<const solve_context> contexts) {
        const auto shape = detail::shape_of(thetas);
        require_items(shape.n);
        detail::require_dimensions(thetas, zs);
        const auto n = static_cast<std::size_t>(shape.n), batch = static_cast<std::size_t>(shape.batch);
        const auto given = detail::values_of(thetas);
        const auto values = detail::allowed_of_batch(given, contexts, allowed_);
        const auto solve = [&](std::size_t i) {
            solve_one(given.subspan(i * n, n), detail::mask_of(contexts, i), zs.data() + i * n);
        };
        const bool suits = n > 0 && detail::suits_lanes(*problem_);
        const auto in_lanes = [&](std::size_t first, std::size_t left) {
            detail::choose_in_lanes(*problem_, values.data() + first * n, left, in_lanes_, choices_,
                                    zs.data() + first * n, [&](std::size_t lane) { solve(first + lane); });
        };
        detail::solve_in_groups(batch, suits ? detail::group_lanes<double> : 0, in_lanes, solve);
        return solve_status::solved;
    }

    template <class Scalar>
    void solve_one(std::span<const Scalar> values, std::span<const bool> mask, Scalar* z) {
        std::fill_n(z, values.size(), Scalar(0));
        const auto all_values = scratch_.template get<double>(number_count()).first(values.size());
        const auto candidates = scratch_.template get<std::uint32_t>(index_count()).first(values.size());
        std::size_t count = 0;
        double sum = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const bool is_open = values[i] > 0 && problem_->fits[i] != 0 && (mask.empty() || mask[i]);
            all_values[i] = static_cast<double>(values[i]);
            sum += is_open ? all_values[i] : 0;
            candidates[count] = static_cast<std::uint32_t>(i);
            count += is_open ? 1 : 0;
        }
        if (!detail::is_finite(sum))
            detail::throw_invalid("theta", "too large: its positive numbers sum to infinity",
                                  "numbers with a finite sum");
        if (!problem_->weightless.empty()) count = take_weightless(candidates.first(count), z);
        if (const detail::knapsack_groups& groups = problem_->groups; !groups.is_empty())
            count = groups.reduce(candidates.first(count), all_values.data(),
                                  table_indices_.get<std::uint32_t>(groups.places),
                                  group_counts_.get<std::uint32_t>(groups.begin.size()));
        if (count == 0) return;
        for (const std::uint32_t item : choose(count)) z[item] = 1;
    }

    static constexpr auto never = std::numeric_limits<std::uint64_t>::max();
    /// Measured: a table of so few columns is filled before a search has begun.
    static constexpr std::size_t most_direct_capacity = 64;

    /// Takes those that weigh nothing, and moves the others to the front. Returns their number.
    template <class Scalar>
    std::size_t take_weightless(std::span<std::uint32_t> candidates, Scalar* z) const {
        std::size_t count = 0;
        for (const std::uint32_t item : candidates)
            if (problem_->weightless[item] != 0)
                z[item] = 1;
            else
                candidates[count++] = item;
        return count;
    }

    /// So many solves go straight to the sorted order.
    static constexpr int most_after_tie = 15;

    /// The memory of `choose`, cut from one buffer for each type. First come what the call operator has
    /// filled: values, and the candidates.
    [[nodiscard]] std::size_t number_count() const {
        return problem_->items * (10 + 2 * problem_->dimensions) + 3 + 4 * problem_->dimensions;
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
        // After a tie there is likely to be another one.
        if (!problem_->whole_weights.empty() && solves_after_tie_-- <= 0 &&
            detail::knapsack_table::keeps_values(count, problem_->whole_capacity)) {
            solves_after_tie_ = 0;
            std::size_t taken = 0;
            if (choose_directly(order, value_of, true, taken)) return order.first(taken);
            solves_after_tie_ = most_after_tie;
        }
        double* const surrogate_of = numbers(n);
        detail::knapsack_order find(*problem_, order, value_of, surrogate_of, numbers(n),
                                    numbers(3 * dimensions), sort_);
        const double surrogate_limit = find.find();
        if (problem_->whole_capacity <= most_direct_capacity &&
            cells(count) <= detail::knapsack_table::small_cells) {
            std::size_t taken = 0;
            static_cast<void>(choose_directly(order, value_of, false, taken));
            return order.first(taken);
        }
        const detail::knapsack_items items{.count = count,
                                           .dimensions = dimensions,
                                           .limits = problem_->limits.data(),
                                           .surrogate_limit = surrogate_limit,
                                           .values = numbers(count),
                                           .weights = numbers(count * dimensions),
                                           .surrogate = numbers(count),
                                           .value_before = numbers(count + 1),
                                           .surrogate_before = numbers(count + 1),
                                           .next = indices(count),
                                           .least = numbers(count + 1)};
        items.value_before[0] = items.surrogate_before[0] = 0;
        for (std::size_t i = 0; i < count; ++i) {
            items.values[i] = value_of[order[i]];
            items.surrogate[i] = surrogate_of[order[i]];
            for (std::size_t d = 0; d < dimensions; ++d)
                items.weights[i * dimensions + d] = problem_->weights[order[i] * dimensions + d];
            items.value_before[i + 1] = items.value_before[i] + items.values[i];
            items.surrogate_before[i + 1] = items.surrogate_before[i] + items.surrogate[i];
        }
        items.least[count] = std::numeric_limits<double>::infinity();
        for (std::size_t i = count; i-- > 0;) {
            const double* const own = items.weights + i * dimensions;
            bool same = i + 1 < count && items.values[i] == items.values[i + 1];
            for (std::size_t d = 0; same && d < dimensions; ++d) same = own[d] == own[dimensions + d];
            items.least[i] = std::min(*own, items.least[i + 1]);
            items.next[i] = same ? items.next[i + 1] : static_cast<std::uint32_t>(i + 1);
        }
        const detail::knapsack_work work{numbers(dimensions), numbers(count * dimensions),
                                         numbers(count),      numbers(count),
                                         indices(count),      indices(count)};
        const std::size_t taken = dimensions == 1   ? choose_in_line(items, work, order, find.scale())
                                  : dimensions == 2 ? search<2>(items, work)
                                                    : search<Eigen::Dynamic>(items, work);
        for (std::size_t i = 0; i < taken; ++i) work.best[i] = order[work.best[i]];
        return {work.best, taken};
    }

    /// The cells of a table for so many items, if there is one.
    [[nodiscard]] std::uint64_t cells(std::size_t count) const noexcept {
        return problem_->whole_weights.empty() ? never
                                               : count * (problem_->whole_capacity + std::uint64_t{1});
    }

    /// By a small table alone. Moves the items to the front, in their order. False if another set is worth as
    /// much: only if `must_be_unique`.
    [[nodiscard]] bool choose_directly(std::span<std::uint32_t> order, const double* value_of,
                                       bool must_be_unique, std::size_t& taken) {
        const std::size_t count = order.size(), capacity = problem_->whole_capacity;
        const auto values = table_values_.get<double>(count);
        const auto weights = table_indices_.get<std::uint32_t>(count);
        const auto is_taken = flags_.get<std::uint8_t>(count);
        for (std::size_t i = 0; i < count; ++i) {
            values[i] = value_of[order[i]];
            weights[i] = problem_->whole_weights[order[i]];
        }
        if (!must_be_unique)
            table_.choose(values, weights, capacity, is_taken);
        else if (!table_.choose_if_unique(values, weights, capacity, is_taken))
            return false;
        for (std::size_t i = 0; i < count; ++i)
            if (is_taken[i] != 0) order[taken++] = order[i];
        return true;
    }

    /// By the search alone. These functions write the places of the best set's items in the order of the
    /// items to `work.best`, and return how many there are.
    template <int Dimensions>
    std::size_t search(const detail::knapsack_items& items, const detail::knapsack_work& work) const {
        detail::knapsack_search<Dimensions> search(items, work);
        finish(search);
        return search.taken();
    }

    template <class SearchT>
    void finish(SearchT& search) const {
        if (search.run(node_limit())) return;
        throw solve_failure(
            solve_status::time_limit,
            detail::message("imle: knapsack visited ", search.nodes(),
                            " nodes, its knapsack_options::node_limit, without proving that its best set of "
                            "items is optimal; expected an easier problem, or a larger limit: "
                            "knapsack{weights, capacities, {.node_limit = ...}}, where 0 means none"));
    }

    [[nodiscard]] std::uint64_t node_limit() const noexcept {
        return options_.node_limit == 0 ? std::numeric_limits<std::uint64_t>::max() : options_.node_limit;
    }

    /// How many states of the core count as a node of the search.
    static constexpr std::uint64_t states_of_node = 16;

    /// One dimension. It cannot be known in advance whether the search or the core ends sooner, and either
    /// may take a thousand times longer. So they take turns, until one of them has ended or they have taken
    /// as long as a table would.
    std::size_t choose_in_line(const detail::knapsack_items& items, const detail::knapsack_work& work,
                               std::span<const std::uint32_t> order, double value_scale) {
        // Measured, in the units of the search's work, which are nanoseconds or so: what a state of the core
        // takes (6, but a search is what others compare with, so the core gets the shorter turns), and how
        // many cells of a table are filled. At the work of a table the two give way to it.
        constexpr std::uint64_t work_of_state = 10, cells_of_table = 4, cells_of_small_table = 2;
        const std::size_t count = items.count;
        const std::uint64_t cells = this->cells(count);
        const bool is_small = cells <= detail::knapsack_table::small_cells;
        std::uint64_t table_work = cells / (is_small ? cells_of_small_table : cells_of_table);
        // A first turn is about as long as it took to sort the items.
        std::uint64_t turn = std::min<std::uint64_t>(10'000 + 40 * count, table_work);
        detail::knapsack_search<1> search(items, work);
        if (search.run(node_limit(), turn)) return search.taken();

        const auto is_taken = flags_.get<std::uint8_t>(2 * count).first(count);
        if (is_small) {
            fill_table(items, order, [](std::size_t) { return true; });
            return list(is_taken, work.best);
        }
        const auto numbers = core_numbers_.get<double>(2 * count);
        const auto values = numbers.first(count), weights = numbers.subspan(count, count);
        for (std::size_t i = 0; i < count; ++i) {
            values[i] = items.values[i] * value_scale;
            // Far within the slack of the limit, and then its quotients are finite.
            weights[i] = std::max(items.weights[i] * problem_->weight_scale, 1e-200);
        }
        core_.start(values, weights, items.limits[0] * problem_->weight_scale);
        search.set_unit(core_.unit() / value_scale);
        // What the bound decides about needs no row.
        const auto fill_undecided = [&] {
            return fill_table(items, order, [this](std::size_t item) { return core_.may_differ(item); });
        };
        for (;;) {
            core_.raise_best(search.best() * value_scale);
            const bool is_over = search.nodes() == node_limit();
            bool is_through = false;
            while (!is_through && !core_.is_full() && core_.work() / states_of_node < node_limit() &&
                   (is_over || work_of_state * core_.work() < turn))
                is_through = !core_.expand();
            if (is_through && core_.find_best(is_taken)) return list(is_taken, work.best);
            if (is_through || core_.is_full() || is_over) break;
            if (work_of_state * core_.work() + turn > table_work) {
                if (fill_undecided()) return list(is_taken, work.best);
                table_work = never;
            }
            turn += turn / 4;
            if (search.run(node_limit(), turn)) return search.taken();
        }
        if (cells != never && fill_undecided()) return list(is_taken, work.best);
        finish(search);
        return search.taken();
    }

    /// Decides by a table about the items for which is_open(place) is true; of the others those before the
    /// core's split are taken. False if the table would be too large. Marks the set in `flags_`.
    template <class IsOpen>
    bool fill_table(const detail::knapsack_items& items, std::span<const std::uint32_t> order,
                    IsOpen&& is_open) {
        const std::size_t count = items.count;
        std::size_t open = 0, capacity = problem_->whole_capacity;
        const auto places = table_indices_.get<std::uint32_t>(2 * count);
        const auto weights = places.subspan(count, count);
        const auto values = table_values_.get<double>(count);
        const auto flags = flags_.get<std::uint8_t>(2 * count);
        const auto is_taken = flags.first(count), is_chosen = flags.subspan(count, count);
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint32_t weight = problem_->whole_weights[order[i]];
            is_taken[i] = 0;
            if (is_open(i)) {
                places[open] = static_cast<std::uint32_t>(i);
                weights[open] = weight;
                values[open++] = items.values[i];
            } else if (i < core_.split()) {
                is_taken[i] = 1;
                capacity -= weight;
            }
        }
        if (open * (capacity + 1) > detail::knapsack_table::most_cells) return false;
        table_.choose(values.first(open), weights.first(open), capacity, is_chosen.first(open));
        for (std::size_t i = 0; i < open; ++i) is_taken[places[i]] = is_chosen[i];
        return true;
    }

    /// The places that are marked.
    static std::size_t list(std::span<const std::uint8_t> is_taken, std::uint32_t* places) {
        std::size_t taken = 0;
        for (std::size_t i = 0; i < is_taken.size(); ++i)
            if (is_taken[i] != 0) places[taken++] = static_cast<std::uint32_t>(i);
        return taken;
    }

    std::shared_ptr<const detail::knapsack_problem> problem_;
    knapsack_options options_;
    detail::basic_scratch<double, std::uint32_t> scratch_;
    detail::knapsack_sort sort_;
    int solves_after_tie_ = 0;  // what is left of them; it changes no answer
    // One dimension.
    detail::knapsack_core core_;
    detail::knapsack_table table_;
    detail::basic_scratch<std::uint8_t> flags_;
    detail::basic_scratch<double> core_numbers_, table_values_;
    detail::basic_scratch<std::uint32_t> table_indices_, group_counts_;
    // Batches.
    detail::scratch in_lanes_, allowed_;
    detail::basic_scratch<detail::knapsack_choices> choices_;
};

}  // namespace imle::inline IMLE_ABI
