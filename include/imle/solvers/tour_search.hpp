#pragma once

/// @file
/// A good round trip through many nodes: a heuristic.
///
/// A descent by moves of a few edges (detail/tour_moves.hpp) ends where no move gains. Then, again and
/// again, a kick changes the tour in one place and a descent repairs it (Martin, Otto and Felten,
/// "Large-step Markov chains for the traveling salesman problem", 1991). If the tour is then longer, it is
/// mostly undone; it is kept less often the longer and the later it is, as in simulated annealing.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <imle/core/rounded.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/detail/tour_moves.hpp>
#include <imle/solvers/directed_graph.hpp>
#include <imle/solvers/instance.hpp>
#include <imle/solvers/travelling_salesman.hpp>

namespace imle::inline IMLE_ABI {

/// The options of `tour_search`: how long and how widely it searches.
struct tour_search_options {
    /// The number of kicks: more find better tours, in proportionally more time. Default: 20 for each node.
    std::optional<std::int64_t> kicks = std::nullopt;
    /// From each node, the search tries edges to this many of the nearest nodes.
    int neighbours = 8;
};

namespace detail {

/// One search, on costs that are to be small. Its memory has no value between two searches.
template <class Scalar>
class kicked_tour {
  public:
    /// The costs to search on: `assign` them.
    [[nodiscard]] tour_costs<Scalar>& costs() noexcept { return costs_; }

    /// A good tour: the nodes in its order. O(nodes^2 + kicks), and what the moves turn.
    [[nodiscard]] std::span<const int> search(std::int64_t kicks, const random_key& key) {
        start();
        tour_descent<Scalar> descent(costs_, tour_, queue_, flags_);
        for (const int node : order_) descent.add(node);
        descent.run();
        tour_.keep();
        best_.assign(tour_.order().begin(), tour_.order().end());

        const double temperature = 0.5 * costs_.typical_difference();
        double above_best = 0;  // by how much the tour is longer than the best one
        for (std::int64_t kick = 0; kick < kicks; ++kick) {
            const philox4x32_block words = key.block(static_cast<std::uint64_t>(kick));
            const double gain = descent_after_kick(descent, words);
            const double left = 1 - static_cast<double>(kick) / static_cast<double>(kicks);
            if (gain < -(temperature * left * surprise(words[3]))) {
                tour_.undo();
                continue;
            }
            tour_.keep();
            above_best -= gain;
            if (above_best >= -costs_.slack()) continue;
            above_best = 0;
            best_.assign(tour_.order().begin(), tour_.order().end());
        }
        return best_;
    }

  private:
    static constexpr int longest_piece = 30;

    /// From node 0 always on to the nearest node that is left. O(nodes^2) at worst.
    void start() {
        const auto left = [&](int node) { return flags_[static_cast<std::size_t>(node)] == 0; };
        flags_.assign(static_cast<std::size_t>(costs_.nodes()), 0);
        order_.clear();
        for (int at = 0; at >= 0;) {
            order_.push_back(at);
            flags_[static_cast<std::size_t>(at)] = 1;
            const auto near = costs_.near(at);
            const auto found =
                std::find_if(near.begin(), near.end(), [&](const auto& to) { return left(to.node); });
            int nearest = found == near.end() ? -1 : found->node;
            for (int to = 0; found == near.end() && to < costs_.nodes(); ++to)
                if (left(to) && (nearest < 0 || costs_(at, to) < costs_(at, nearest))) nearest = to;
            at = nearest;
        }
        tour_.assign(order_);
    }

    /// The double bridge of three neighbouring pieces: they are put in the opposite order, each in its old
    /// direction. No move of the descent undoes that at once. Returns by how much kick and descent together
    /// have made the tour shorter.
    double descent_after_kick(tour_descent<Scalar>& descent, const philox4x32_block& words) {
        const int n = costs_.nodes();
        const auto below = [](std::uint32_t word, int end) {
            return static_cast<int>((std::uint64_t{word} * static_cast<std::uint64_t>(end)) >> 32);
        };
        const int most = std::min(longest_piece, (n - 2) / 3);
        const int lengths[] = {1 + below(words[1], most), 1 + below(words[1] << 16, most),
                               1 + below(words[2], most)};
        const int begin = below(words[0], n);
        int ends[4][2];  // the nodes before and after each of the 4 edges that are cut
        int cut = begin;
        for (int i = 0; i < 4; ++i) {
            ends[i][0] = tour_.at(cut == 0 ? n - 1 : cut - 1);
            ends[i][1] = tour_.at(cut);
            if (i < 3) cut = (cut + lengths[i]) % n;
        }
        double longer = 0;
        for (int i = 0; i < 4; ++i) {
            // Before: pieces 0, 1, 2 between cuts 0, 1, 2, 3. After: pieces 2, 1, 0.
            static constexpr int to[] = {2, 1, 0, 3};
            static constexpr int from[] = {0, 3, 2, 1};
            longer += costs_(ends[from[i]][0], ends[to[i]][1]) - costs_(ends[i][0], ends[i][1]);
            descent.add(ends[i][0]);
            descent.add(ends[i][1]);
        }
        int piece = begin;
        for (const int length : lengths) {
            tour_.turn(piece, length);
            piece = (piece + length) % n;
        }
        tour_.turn(begin, lengths[0] + lengths[1] + lengths[2]);
        return descent.run() - longer;
    }

    /// -log2 of a uniform number, linear between powers of 2: the same on every machine, which a logarithm
    /// is not.
    [[nodiscard]] static double surprise(std::uint32_t word) noexcept {
        const int zeros = std::countl_zero(word | 1u);
        const std::uint32_t mantissa = (word << zeros) & 0x7FFFFFFFu;
        return 1 + static_cast<double>(zeros) - rounded(static_cast<double>(mantissa) * 0x1p-31);
    }

    tour_costs<Scalar> costs_;
    tour_ring tour_;
    std::vector<int> order_;
    std::vector<int> best_;
    std::vector<int> queue_;
    std::vector<char> flags_;
};

}  // namespace detail

/// A round trip through all nodes with a large sum of theta: a heuristic for the instances of
/// `travelling_salesman`, mostly for 16 to 2,000 nodes. It need not be the best tour, so the status is
/// `not_proven`. Up to 15 nodes it is the best tour, as of `travelling_salesman`, and the status is
/// `solved`.
///
/// - Rank 2, theta [n, n]: directed. z(i, j) = 1 where the tour goes from i to j; the diagonal is ignored.
///   If theta is symmetric, the faster search for undirected tours is used, and the tour leaves node 0 for
///   the lower of its neighbours.
/// - Rank 1, theta [n(n - 1)/2]: undirected, the edges in the order (0, 1), (0, 2), ..., (1, 2), ....
///
/// Deterministic, without a clock: the kicks are drawn from a key made of theta's bits and of the context's
/// instance, sample and id. So the same theta and context give the same z on every copy and machine, and in
/// both layouts. Laws that need an optimum do not hold: z is neither monotone nor invariant to scaling, and
/// may differ by chance for two thetas that are close.
///
/// An edge that `context.mask` forbids is missing. If the best tour found needs one, z is 0 and the status
/// is `time_limit`, since a tour without it may exist; for 15 nodes or fewer none does, and the status is
/// `infeasible`.
///
/// Memory O(n^2), kept; time O(n^2 + kicks), where a kick takes a few microseconds. Throws
/// `std::invalid_argument` as `travelling_salesman` does, except for the number of nodes.
class tour_search {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// Throws `std::invalid_argument` for a negative number of kicks and for less than 1 neighbour.
    explicit tour_search(const tour_search_options& options = {}) : options_(options) {
        if (options.kicks && *options.kicks < 0)
            detail::throw_invalid("tour_search_options::kicks", *options.kicks, "at least 0");
        if (options.neighbours < 1)
            detail::throw_invalid("tour_search_options::neighbours", options.neighbours, "at least 1");
    }

    /// The options that it was made with.
    [[nodiscard]] const tour_search_options& options() const noexcept { return options_; }

    /// theta: [n, n] of arcs; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<2> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context = {}) {
        const Eigen::Index n = detail::nodes_of_arcs(theta.dimension(0), theta.dimension(1));
        if (n <= most_exact) return exact_(theta, z, context);
        return search(n, theta, z, context, detail::place_of_arc<layout_of<ThetaT>>{n});
    }

    /// theta: [n(n - 1)/2] of edges; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context = {}) {
        const Eigen::Index n = detail::nodes_of_complete_graph(theta.size());
        if (n <= most_exact) return exact_(theta, z, context);
        return search(n, theta, z, context, detail::place_of_edge{n});
    }

  private:
    /// Up to this many nodes the table is as fast as the search.
    static constexpr Eigen::Index most_exact = 15;

    template <class ThetaT, class ZT, class PlaceT>
    solve_status search(Eigen::Index n, const ThetaT& theta, ZT& z, const solve_context& context,
                        const PlaceT& place) {
        using Scalar = scalar_of<ThetaT>;
        detail::require_instance(theta, z);
        std::fill_n(z.data(), z.size(), Scalar(0));
        const int nodes = static_cast<int>(n);

        Scalar largest = 0;
        for (int from = 0; from < nodes; ++from)
            for (int to = 0; to < nodes; ++to)
                if (from != to && context.allows(place(from, to)))
                    largest = std::max(largest, std::abs(theta.data()[place(from, to)]));
        // Small enough for sums, and by a power of 2.
        constexpr Scalar most = std::numeric_limits<Scalar>::max() * Scalar(0x1p-60);
        const Scalar factor = largest > most ? Scalar(0x1p-60) : Scalar(1);
        // So much that no tour has a missing edge too many for the sake of its other edges.
        const Scalar missing = largest > 0 ? 4 * static_cast<Scalar>(n) * (factor * largest) : Scalar(1);

        auto& tour = memory_.template get<detail::kicked_tour<Scalar>>(1).front();
        tour.costs().assign(nodes, options_.neighbours, [&](int from, int to) {
            const Eigen::Index at = place(from, to);
            return context.allows(at) ? Scalar(0) - detail::rounded(factor * theta.data()[at]) : missing;
        });
        const random_key key = random_key{tour.costs().bits()}
                                   .fold_in(context.instance)
                                   .fold_in(context.sample)
                                   .fold_in(context.id);
        const std::span<const int> order =
            tour.search(options_.kicks.value_or(20 * std::int64_t{nodes}), key);

        // An undirected tour on arcs could go either way; its direction must not be by chance.
        const auto mark = [&](bool forward) {
            bool allowed = true;
            for (std::size_t i = 0; i < order.size(); ++i) {
                const int a = order[i], b = order[i + 1 == order.size() ? 0 : i + 1];
                const Eigen::Index at = forward ? place(a, b) : place(b, a);
                allowed = allowed && context.allows(at);
                z.data()[at] = 1;
            }
            return allowed;
        };
        const auto zero = static_cast<std::size_t>(std::find(order.begin(), order.end(), 0) - order.begin());
        const int next = order[(zero + 1) % order.size()];
        const int previous = order[(zero + order.size() - 1) % order.size()];
        if (mark(!tour.costs().symmetric() || next < previous)) return solve_status::not_proven;
        std::fill_n(z.data(), z.size(), Scalar(0));
        return solve_status::time_limit;
    }

    tour_search_options options_;
    travelling_salesman exact_;
    detail::basic_scratch<detail::kicked_tour<float>, detail::kicked_tour<double>> memory_;
};

}  // namespace imle::inline IMLE_ABI
