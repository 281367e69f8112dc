#pragma once

/// @file
/// Kruskal's algorithm, sorting no more than it needs.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>

#include <imle/core/config.hpp>
#include <imle/solvers/detail/ascending_order.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The two nodes of an edge.
struct edge_ends {
    std::int32_t a;
    std::int32_t b;
};

/// A list of edges and their weights, the edges increasing.
template <class Scalar>
struct edge_list {
    std::span<Scalar> weight;
    std::span<std::uint32_t> edge;

    [[nodiscard]] std::size_t size() const noexcept { return weight.size(); }
    [[nodiscard]] edge_list first(std::size_t count) const {
        return {weight.first(count), edge.first(count)};
    }
};

/// A forest that grows by edges, its trees being kept in a union-find structure.
class heaviest_forest {
  public:
    /// ends: of all edges; parents: scratch, one for each node; full: how many edges make a spanning forest.
    heaviest_forest(std::span<const edge_ends> ends, std::span<std::int32_t> parents,
                    std::size_t full) noexcept
        : ends_(ends), parents_(parents), missing_(full) {
        std::iota(parents.begin(), parents.end(), 0);
    }

    /// Adds an edge unless it closes a cycle; returns whether it did.
    bool join(std::uint32_t edge) noexcept {
        const std::int32_t a = root(ends_[edge].a), b = root(ends_[edge].b);
        if (a == b) return false;
        // Without ranks: halving paths alone keeps trees flat.
        parents_[static_cast<std::size_t>(a)] = b;
        return true;
    }

    /// Adds the heaviest edges of a list until the forest spans, of equal ones the lowest first, and calls
    /// take(edge) for each. other: as long as the list; order: twice as long. Overwrites all of them.
    ///
    /// In the manner of the filter-Kruskal of Osipov, Sanders and Singler ("The filter-Kruskal minimum
    /// spanning tree algorithm", ALENEX 2009): the heaviest edges are sorted and added first; then those that
    /// close a cycle by now are dropped, and it goes on with what is left, unless the forest spans.
    template <class Scalar, class TakeT>
    void grow(edge_list<Scalar> left, const edge_list<Scalar>& other, std::span<order_entry> order,
              TakeT&& take) {
        while (missing_ > 0 && left.size() > 0) {
            // In a random graph the first n log(n) / 2 edges connect n nodes (Erdos and Renyi).
            const std::size_t wanted = missing_ * (std::bit_width(missing_) + 2) / 2;
            auto heavier = left;
            std::size_t kept = 0;
            if (left.size() > 2 * wanted) {
                const std::size_t count = split(left, other, wanted);
                heavier = other.first(count);
                kept = left.size() - count;
            }
            add(heavier, order, take);
            left = drop_cycles(left.first(kept));
        }
    }

  private:
    [[nodiscard]] std::int32_t root(std::int32_t node) noexcept {
        while (true) {
            std::int32_t& parent = parents_[static_cast<std::size_t>(node)];
            if (parent == node) return node;
            parent = parents_[static_cast<std::size_t>(parent)];
            node = parent;
        }
    }

    /// Moves about `wanted` of the heaviest edges to another list, at least one, and returns how many.
    template <class Scalar>
    [[nodiscard]] static std::size_t split(const edge_list<Scalar>& list, const edge_list<Scalar>& heavier,
                                           std::size_t wanted) noexcept {
        std::array<Scalar, 32> sample;
        for (std::size_t i = 0; i < sample.size(); ++i)
            sample[i] = list.weight[i * list.size() / sample.size()];
        const std::size_t rank = wanted * sample.size() / list.size();
        std::nth_element(sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(rank), sample.end(),
                         std::greater<>{});
        const Scalar least = sample[rank];
        std::size_t moved = 0, kept = 0;
        for (std::size_t i = 0; i < list.size(); ++i) {
            const Scalar weight = list.weight[i];
            const std::uint32_t edge = list.edge[i];
            heavier.weight[moved] = list.weight[kept] = weight;
            heavier.edge[moved] = list.edge[kept] = edge;
            const auto is_heavy = static_cast<std::size_t>(weight >= least);
            moved += is_heavy;
            kept += 1 - is_heavy;
        }
        return moved;
    }

    template <class Scalar, class TakeT>
    void add(const edge_list<Scalar>& list, std::span<order_entry> scratch, TakeT& take) {
        const auto order =
            ascending_order(std::span<const Scalar>(list.weight), scratch.first(2 * list.size()));
        for (std::size_t i = order.size(); i-- > 0;) {
            const std::uint32_t edge = list.edge[index_of(order[i])];
            if (!join(edge)) continue;
            take(edge);
            if (--missing_ == 0) return;
        }
    }

    /// Keeps the edges that join two trees.
    template <class Scalar>
    [[nodiscard]] edge_list<Scalar> drop_cycles(const edge_list<Scalar>& list) noexcept {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < list.size() && missing_ > 0; ++i) {
            const std::uint32_t edge = list.edge[i];
            list.weight[kept] = list.weight[i];
            list.edge[kept] = edge;
            kept += static_cast<std::size_t>(root(ends_[edge].a) != root(ends_[edge].b));
        }
        return list.first(kept);
    }

    std::span<const edge_ends> ends_;
    std::span<std::int32_t> parents_;
    std::size_t missing_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
