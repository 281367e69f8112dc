#pragma once

/// @file
/// A tour that moves of a few edges make better: what the ways cost, the tour in an array, and the descent.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <imle/core/backports.hpp>
#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// What the way from each node to each other costs, and the nearest nodes of each.
///
/// Sums of costs are taken in double: those of floats are exact, or nearly so. `slack` is more than the
/// rounding of a sum of 6 costs, so a move that gains more than it makes the tour shorter in truth, and a
/// descent ends.
template <class Scalar>
class tour_costs {
  public:
    struct near_node {
        Scalar cost;
        int node;
        friend bool operator<(const near_node& a, const near_node& b) noexcept {
            return a.cost != b.cost ? a.cost < b.cost : a.node < b.node;
        }
    };

    /// Takes cost(from, to) of all pairs of different nodes, and for each node the `neighbours` to which the
    /// way costs the least. O(nodes^2).
    template <class CostT>
    void assign(int nodes, int neighbours, CostT&& cost) {
        nodes_ = nodes;
        neighbours_ = std::min(neighbours, nodes - 1);
        cost_.resize(static_cast<std::size_t>(nodes) * static_cast<std::size_t>(nodes));
        near_.clear();
        Scalar largest = 0;
        for (int from = 0; from < nodes; ++from) {
            row_.clear();
            for (int to = 0; to < nodes; ++to) {
                const Scalar each = from == to ? Scalar(0) : cost(from, to);
                cost_[place(from, to)] = each;
                largest = std::max(largest, each < 0 ? -each : each);
                if (from != to) row_.push_back({each, to});
            }
            const auto end = row_.begin() + neighbours_;
            std::nth_element(row_.begin(), end - 1, row_.end());
            std::sort(row_.begin(), end);
            near_.insert(near_.end(), row_.begin(), end);
        }
        slack_ = static_cast<double>(largest) * 0x1p-48;
        symmetric_ = true;
        for (int a = 0; symmetric_ && a < nodes; ++a)
            for (int b = 0; symmetric_ && b < a; ++b) symmetric_ = cost_[place(a, b)] == cost_[place(b, a)];
    }

    [[nodiscard]] double operator()(int from, int to) const noexcept {
        return static_cast<double>(cost_[place(from, to)]);
    }
    /// The nearest nodes, the nearest one first; of equally near ones that of lower index.
    [[nodiscard]] std::span<const near_node> near(int node) const noexcept {
        return {near_.data() + static_cast<std::ptrdiff_t>(node) * neighbours_,
                static_cast<std::size_t>(neighbours_)};
    }
    [[nodiscard]] int nodes() const noexcept { return nodes_; }
    /// Whether all ways cost the same in both directions.
    [[nodiscard]] bool symmetric() const noexcept { return symmetric_; }
    [[nodiscard]] double slack() const noexcept { return slack_; }

    /// By how much the fifth nearest node is farther than the nearest: the median over the nodes. A measure
    /// that neither a constant added to all costs nor a few huge ones change.
    [[nodiscard]] double typical_difference() {
        row_.clear();
        for (int node = 0; node < nodes_; ++node) {
            const auto nearest = near(node);
            const std::size_t fifth = std::min<std::size_t>(4, nearest.size() - 1);
            row_.push_back({nearest[fifth].cost - nearest[0].cost, node});
        }
        const auto middle = row_.begin() + nodes_ / 2;
        std::nth_element(row_.begin(), middle, row_.end());
        return static_cast<double>(middle->cost);
    }

    /// A number that is made of the bits of all costs.
    [[nodiscard]] std::uint64_t bits() const noexcept {
        using bits_of = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;
        std::uint64_t mixed = static_cast<std::uint64_t>(nodes_);
        for (const Scalar each : cost_) {
            mixed = (mixed ^ bit_cast<bits_of>(each)) * 0x9E3779B97F4A7C15u;
            mixed ^= mixed >> 32;
        }
        return mixed;
    }

  private:
    [[nodiscard]] std::size_t place(int from, int to) const noexcept {
        return static_cast<std::size_t>(from) * static_cast<std::size_t>(nodes_) +
               static_cast<std::size_t>(to);
    }

    int nodes_ = 0;
    int neighbours_ = 0;
    bool symmetric_ = false;
    double slack_ = 0;
    std::vector<Scalar> cost_;
    std::vector<near_node> near_;
    std::vector<near_node> row_;
};

/// A tour in an array that closes to a ring. All changes are made of one, a piece of the ring turned round,
/// which undoes itself; so a list of the pieces is enough to take changes back.
class tour_ring {
  public:
    /// The tour over these nodes, each of 0 .. n - 1 once.
    void assign(std::span<const int> order) {
        nodes_ = static_cast<int>(order.size());
        order_.assign(order.begin(), order.end());
        position_.resize(order.size());
        for (int at = 0; at < nodes(); ++at) position_[index(order_[index(at)])] = at;
        turned_.clear();
    }

    [[nodiscard]] int nodes() const noexcept { return nodes_; }
    [[nodiscard]] std::span<const int> order() const noexcept { return order_; }
    /// The node at a position from 0 to 2n - 1.
    [[nodiscard]] int at(int position) const noexcept { return order_[index(wrapped(position))]; }
    [[nodiscard]] int position(int node) const noexcept { return position_[index(node)]; }
    [[nodiscard]] int next(int node) const noexcept { return at(position(node) + 1); }
    [[nodiscard]] int previous(int node) const noexcept { return order_[index(before(position(node)))]; }
    /// How many steps ahead of one node another is.
    [[nodiscard]] int steps(int from, int to) const noexcept {
        const int difference = position(to) - position(from);
        return difference < 0 ? difference + nodes() : difference;
    }

    /// Turns the piece of `length` nodes from a position on.
    void turn(int position, int length) {
        position = wrapped(position);
        turned_.push_back({position, length});
        turn_back(turned_.back());
    }
    /// Turns the way from one node to another, or all else, which is the same for a tour without a direction.
    void turn_either(int from, int to) {
        const int length = steps(from, to) + 1;
        if (2 * length > nodes())
            turn(position(to) + 1, nodes() - length);
        else
            turn(position(from), length);
    }
    /// Lets two neighbouring pieces change places, of `first` and `second` nodes from a position on. They,
    /// and the rest of the ring, keep their direction.
    void exchange(int position, int first, int second) {
        // The ring is three pieces; to exchange any two of them is the same. So not the longest.
        const int rest = nodes() - first - second;
        if (first >= second && first >= rest) {
            position += first;
            first = std::exchange(second, rest);
        } else if (second >= rest) {
            position += first + second;
            second = std::exchange(first, rest);
        }
        position = wrapped(position);
        turn(position, first);
        turn(position + first, second);
        turn(position, first + second);
    }

    /// Takes all changes back since `assign` or `keep`.
    void undo() noexcept {
        for (; !turned_.empty(); turned_.pop_back()) turn_back(turned_.back());
    }
    void keep() noexcept { turned_.clear(); }

  private:
    struct piece {
        int position;
        int length;
    };

    static constexpr std::size_t index(int i) noexcept { return static_cast<std::size_t>(i); }
    [[nodiscard]] int wrapped(int position) const noexcept {
        return position >= nodes_ ? position - nodes_ : position;
    }
    [[nodiscard]] int before(int position) const noexcept { return (position == 0 ? nodes_ : position) - 1; }
    void turn_back(const piece& turned) noexcept {
        int i = turned.position, j = wrapped(i + turned.length - 1);
        for (int swaps = turned.length / 2; swaps > 0; --swaps) {
            const int a = order_[index(i)], b = order_[index(j)];
            order_[index(i)] = b;
            order_[index(j)] = a;
            position_[index(b)] = i;
            position_[index(a)] = j;
            i = wrapped(i + 1);
            j = before(j);
        }
    }

    int nodes_ = 0;
    std::vector<int> order_;
    std::vector<int> position_;
    std::vector<piece> turned_;
};

/// Makes a tour better, by the first move found that gains, until no node has one.
///
/// The nodes to look at wait in a queue (Bentley's don't-look bits, 1992): those whose edges have changed. A
/// move must gain by its first new edge alone, over the edge that it replaces; with the nearest nodes in
/// order the rest of them need no look.
template <class Scalar>
class tour_descent {
  public:
    tour_descent(const tour_costs<Scalar>& cost, tour_ring& tour, std::vector<int>& queue,
                 std::vector<char>& waits)
        : cost_(cost), tour_(tour), queue_(queue), waits_(waits) {
        queue_.assign(static_cast<std::size_t>(cost.nodes()), 0);
        waits_.assign(static_cast<std::size_t>(cost.nodes()), 0);
    }

    /// Lets a node wait for its turn.
    void add(int node) noexcept {
        if (std::exchange(waits_[static_cast<std::size_t>(node)], char{1})) return;
        queue_[last_] = node;
        if (++last_ == queue_.size()) last_ = 0;
        ++waiting_;
    }

    /// Empties the queue. Returns by how much the tour has become shorter.
    double run() {
        double gained = 0;
        while (waiting_ != 0) {
            const int node = queue_[first_];
            if (++first_ == queue_.size()) first_ = 0;
            --waiting_;
            waits_[static_cast<std::size_t>(node)] = 0;
            for (double gain = move(node); gain > 0; gain = move(node)) gained += gain;
        }
        return gained;
    }

  private:
    // The longest piece of a tour with a direction that is turned: all of its ways change.
    static constexpr int longest_turn = 50;

    double move(int node) {
        if (cost_.symmetric()) {
            double gain = two_opt<true>(node);
            if (!(gain > 0)) gain = two_opt<false>(node);
            if (!(gain > 0)) gain = or_opt<true>(node);
            if (!(gain > 0)) gain = or_opt<false>(node);
            return gain;
        }
        double gain = exchange_pieces(node);
        if (!(gain > 0)) gain = turn_piece(node);
        return gain;
    }
    double made(double gain, std::initializer_list<int> ends) noexcept {
        for (const int node : ends) add(node);
        return gain;
    }
    template <bool Ahead>
    [[nodiscard]] int step(int node) const noexcept {
        return Ahead ? tour_.next(node) : tour_.previous(node);
    }
    template <bool Ahead>
    [[nodiscard]] int steps(int from, int to) const noexcept {
        return Ahead ? tour_.steps(from, to) : tour_.steps(to, from);
    }

    /// Symmetric, 2-opt: a and its neighbour, b and its one on the same side: new edges a-b and
    /// neighbour-neighbour.
    template <bool Ahead>
    double two_opt(int a) {
        const int a_next = step<Ahead>(a);
        const double removed = cost_(a, a_next);
        for (const auto& [cost, b] : cost_.near(a)) {
            const double first = removed - static_cast<double>(cost);
            if (!(first > 0)) break;
            const int b_next = step<Ahead>(b);
            const double gain = first + cost_(b, b_next) - cost_(a_next, b_next);
            if (!(gain > cost_.slack())) continue;
            if (Ahead)
                tour_.turn_either(a_next, b);
            else
                tour_.turn_either(b, a_next);
            return made(gain, {a, b, a_next, b_next});
        }
        return 0;
    }

    /// Symmetric, Or (1976): a piece of up to 3 nodes that begins at a moves between b and one of b's
    /// neighbours, a beside b.
    template <bool Ahead>
    double or_opt(int a) {
        const int before = step<!Ahead>(a);
        const double removed_first = cost_(before, a);
        int end = a;
        for (int length = 1; length <= 3; ++length) {
            if (length > 1) end = step<Ahead>(end);
            const int after = step<Ahead>(end);
            const double removed = removed_first + cost_(end, after) - cost_(before, after);
            for (const auto& [cost, b] : cost_.near(a)) {
                const double first = removed - static_cast<double>(cost);
                if (!(first > 0 && removed_first > static_cast<double>(cost))) break;
                if (steps<Ahead>(a, b) < length) continue;
                double gain = insert<Ahead, true>(first, length, a, end, b);
                if (!(gain > 0)) gain = insert<Ahead, false>(first, length, a, end, b);
                if (gain > 0) return made(gain, {before, after});
            }
        }
        return 0;
    }
    /// Moves the piece a .. end between b and the node on one side of it, if that gains.
    template <bool Ahead, bool AheadOfB>
    double insert(double first, int length, int a, int end, int b) {
        const int b_next = step<AheadOfB>(b);
        if (steps<Ahead>(a, b_next) < length) return 0;
        const double gain = first + cost_(b, b_next) - cost_(end, b_next);
        if (!(gain > cost_.slack())) return 0;
        const int start = Ahead ? a : end, left = AheadOfB ? b : b_next;
        const int position = tour_.position(start);
        const int between = tour_.steps(start, left) + 1 - length;
        // It keeps its direction where b comes before b_next as `before` came before a.
        if (Ahead != AheadOfB) tour_.turn(position, length);
        tour_.exchange(position, length, between);
        return made(gain, {a, end, b, b_next});
    }

    /// With a direction: the 3-opt move that turns nothing. Of a -> a' .. b -> b' .. c -> c' .. a the pieces
    /// a' .. b and b' .. c change places.
    double exchange_pieces(int a) {
        const int a_next = tour_.next(a);
        const double removed = cost_(a, a_next);
        for (const auto& [cost, b_next] : cost_.near(a)) {
            const double first = removed - static_cast<double>(cost);
            if (!(first > 0)) break;
            const int b = tour_.previous(b_next), length = tour_.steps(a_next, b_next);
            const double opened = first + cost_(b, b_next);
            for (const auto& [second_cost, c_next] : cost_.near(b)) {
                const double second = opened - static_cast<double>(second_cost);
                if (!(second > 0)) break;
                const int both = tour_.steps(a_next, c_next);
                if (both <= length) continue;
                const int c = tour_.previous(c_next);
                const double gain = second + cost_(c, c_next) - cost_(c, a_next);
                if (!(gain > cost_.slack())) continue;
                tour_.exchange(tour_.position(a_next), length, both - length);
                return made(gain, {a, a_next, b, b_next, c, c_next});
            }
        }
        return 0;
    }

    /// With a direction: the piece a' .. b between a and b' is turned, and all of its ways with it.
    double turn_piece(int a) {
        const int a_next = tour_.next(a);
        const double removed = cost_(a, a_next);
        for (const auto& [cost, b] : cost_.near(a)) {
            const double first = removed - static_cast<double>(cost);
            if (!(first > 0)) break;
            const int length = tour_.steps(a_next, b) + 1;
            if (length > longest_turn || length >= cost_.nodes()) continue;
            const int b_next = tour_.next(b);
            double gain = first + cost_(b, b_next) - cost_(a_next, b_next);
            for (int from = a_next; from != b;) {
                const int to = tour_.next(from);
                gain += cost_(from, to) - cost_(to, from);
                from = to;
            }
            // A sum of up to 2 * longest_turn + 2 costs, not of 6.
            if (!(gain > longest_turn * longest_turn * cost_.slack())) continue;
            tour_.turn(tour_.position(a_next), length);
            for (int i = 0; i < length; ++i) add(tour_.at(tour_.position(b) + i));
            return made(gain, {a, b_next});
        }
        return 0;
    }

    const tour_costs<Scalar>& cost_;
    tour_ring& tour_;
    std::vector<int>& queue_;
    std::vector<char>& waits_;
    std::size_t first_ = 0;
    std::size_t last_ = 0;
    std::size_t waiting_ = 0;
};

}  // namespace imle::inline IMLE_ABI::detail
