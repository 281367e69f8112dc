#pragma once

/// @file
/// The flow on each edge of a network when every demand takes its cheapest path.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <imle/core/shared_object.hpp>
#include <imle/solvers/shortest_paths.hpp>

namespace imle::inline IMLE_ABI {

/// An amount that goes from one node to another.
struct demand {
    /// The node where it begins.
    Eigen::Index from;
    /// The node where it ends.
    Eigen::Index to;
    /// How much: in the unit of z; finite, at least 0.
    double amount;

    /// True if all members are equal.
    friend bool operator==(const demand&, const demand&) = default;
};

/// Traffic assignment by "all or nothing": every demand takes its cheapest path, and z is the flow on each
/// edge, the sum of the amounts that use it. A unit of flow on an edge costs -theta, so z is the argmax of
/// <theta, z> over the flows that carry all demands. In a layer this is stochastic assignment: the mean flow
/// of travellers who see costs with noise.
///
///     imle::all_or_nothing solver{graph, std::vector<imle::demand>{{0, 3, 120.0}, {0, 5, 40.0}}};
///     imle::all_or_nothing mornings{graph, tables};   // a table of demands for each id
///
/// An instance is one table of demands: the only one, or the one numbered `solve_context::id`. Costs,
/// options, masks and ties are those of `shortest_paths`. If a demand of more than 0 has no path:
/// `solve_status::infeasible`. A demand from a node to itself uses no edge.
///
/// Throws `std::invalid_argument` on construction for a demand or an option that names a node or edge that
/// the graph does not have, and for amounts that are negative or not finite; when solving as
/// `shortest_paths`, and for an id without a table. A solve takes one search for each node from which
/// demands start: O(edges log edges) in the worst case, mostly about O(edges).
class all_or_nothing {
  public:
    /// It maximises <theta, z>.
    static constexpr imle::sense sense = imle::sense::maximize;

    /// The same demands in every instance.
    all_or_nothing(directed_graph graph, std::vector<demand> demands, shortest_paths_options options = {})
        : all_or_nothing(std::move(graph), std::vector<std::vector<demand>>(1, std::move(demands)),
                         std::move(options)) {
        for_all_ = true;
    }
    /// A table of demands for each id.
    all_or_nothing(directed_graph graph, std::vector<std::vector<demand>> tables,
                   shortest_paths_options options = {})
        : network_(detail::make_shared_object<const detail::network>(std::move(graph), std::move(options),
                                                                     ends(tables))),
          tables_(detail::make_shared_object<const std::vector<table>>(sorted(*network_, tables))) {}

    /// The graph.
    [[nodiscard]] const directed_graph& graph() const noexcept { return network_->graph; }
    /// The options that it was made with.
    [[nodiscard]] const shortest_paths_options& options() const noexcept { return network_->options; }
    /// The number of tables of demands.
    [[nodiscard]] std::size_t tables() const noexcept { return tables_->size(); }
    /// True if no cycle is left in the graph, so that negative costs are exact.
    [[nodiscard]] bool takes_negative_costs() const noexcept { return network_->plan.acyclic; }

    /// theta: one number for each edge, [edges]; z: a tensor of its dimensions, which is written in full.
    template <detail::InstanceOfRank<1> ThetaT, detail::StateOf<ThetaT> ZT>
    solve_status operator()(const ThetaT& theta, ZT&& z, const solve_context& context) {
        using Scalar = scalar_of<ThetaT>;
        detail::require_edges(theta.dimension(0), network_->edges());
        detail::require_instance(theta, z);
        detail::require_mask(context.mask, network_->edges());
        const std::uint64_t id = for_all_ ? 0 : context.id;
        if (id >= tables())
            detail::throw_invalid(
                "solve_context::id", id,
                detail::message("less than ", tables(), ", the number of tables of demands"));
        network_->check_costs(theta.data(), context.mask, context.instance);
        std::fill_n(z.data(), z.size(), Scalar(0));
        const table& demands = (*tables_)[static_cast<std::size_t>(id)];
        return network_->with_costs(theta.data(), context.mask, [&](auto costs) {
            for (std::size_t first = 0; first < demands.amounts.size();) {
                const std::size_t end = demands.end_of_origin(first);
                if (!add_flows(costs, demands, first, end, z.data())) {
                    std::fill_n(z.data(), z.size(), Scalar(0));
                    return solve_status::infeasible;
                }
                first = end;
            }
            return solve_status::solved;
        });
    }

  private:
    using index = detail::network_plan::index;

    /// Demands of more than 0 between two different nodes, sorted so that those of one origin are
    /// neighbours.
    struct table {
        std::vector<index> origins;
        std::vector<index> targets;
        std::vector<double> amounts;

        [[nodiscard]] std::size_t end_of_origin(std::size_t first) const noexcept {
            std::size_t end = first;
            while (end < origins.size() && origins[end] == origins[first]) ++end;
            return end;
        }
    };

    static std::vector<Eigen::Index> ends(const std::vector<std::vector<demand>>& demand_tables) {
        std::vector<Eigen::Index> nodes;
        for (const std::vector<demand>& demands : demand_tables)
            for (const demand& d : demands) nodes.insert(nodes.end(), {d.from, d.to});
        return nodes;
    }

    static std::vector<table> sorted(const detail::network& network,
                                     std::vector<std::vector<demand>>& demand_tables) {
        std::vector<table> result;
        for (std::size_t t = 0; t < demand_tables.size(); ++t) {
            std::vector<demand>& demands = demand_tables[t];
            const auto where = [&](std::size_t i) {
                return detail::message("all_or_nothing's demand ", i, " of table ", t);
            };
            for (std::size_t i = 0; i < demands.size(); ++i) {
                network.require_node(demands[i].from, "from of ", where(i));
                network.require_node(demands[i].to, "to of ", where(i));
                if (!detail::is_finite(demands[i].amount) || demands[i].amount < 0)
                    detail::throw_invalid(detail::message("amount of ", where(i)).c_str(), demands[i].amount,
                                          "a finite number, 0 or more");
            }
            std::erase_if(demands, [](const demand& d) { return d.from == d.to || d.amount == 0; });
            std::stable_sort(demands.begin(), demands.end(),
                             [](const demand& a, const demand& b) { return a.from < b.from; });
            table& sides = result.emplace_back();
            for (const demand& d : demands) {
                sides.origins.push_back(network.plan.place(d.from));
                sides.targets.push_back(network.plan.place(d.to));
                sides.amounts.push_back(d.amount);
            }
        }
        return result;
    }

    /// Adds the flows of one origin's demands to z. Returns false if one has no path.
    template <class CostT, class Scalar>
    bool add_flows(CostT costs, const table& demands, std::size_t first, std::size_t end, Scalar* z) {
        const detail::network_plan& plan = network_->plan;
        const auto targets = std::span<const index>(demands.targets).subspan(first, end - first);
        detail::network_search search(plan, network_->steps, costs, memory_, demands.origins[first]);
        search.find(targets);
        for (const index target : targets)
            if (!detail::is_finite(search.distance(target))) {
                search.require_unreachable(target);
                return false;
            }

        // The paths are a tree. Each target adds to `tree` the places on its way back that are not in it yet,
        // from the top down, so that from its end on every place comes before the one that it hangs from.
        const auto places = static_cast<std::size_t>(plan.places);
        const auto flow = flows_.get<double>(places);
        const auto above = links_.get<detail::network_plan::link>(places);
        const auto tree = tree_.get<index>(places);
        constexpr index none = -1;
        std::fill(above.begin(), above.end(), detail::network_plan::link{none, none});
        std::fill(flow.begin(), flow.end(), 0.0);
        detail::network_trace trace(search, true);
        const auto at = [](index i) { return static_cast<std::size_t>(i); };
        std::size_t size = 0;
        for (std::size_t i = 0; i < targets.size(); ++i) {
            flow[at(targets[i])] += demands.amounts[first + i];
            const std::size_t from = size;
            for (index place = targets[i]; place != search.source() && above[at(place)].place == none;) {
                above[at(place)] = trace.link_into(place);
                tree[size++] = place;
                place = above[at(place)].place;
            }
            std::reverse(tree.begin() + static_cast<std::ptrdiff_t>(from),
                         tree.begin() + static_cast<std::ptrdiff_t>(size));
        }
        while (size > 0) {
            const index place = tree[--size];
            const detail::network_plan::link link = above[at(place)];
            z[link.edge] += static_cast<Scalar>(flow[at(place)]);
            flow[at(link.place)] += flow[at(place)];
        }
        return true;
    }

    std::shared_ptr<const detail::network> network_;
    std::shared_ptr<const std::vector<table>> tables_;
    /// Made of one table, which serves every id.
    bool for_all_ = false;
    detail::network_memory memory_;
    detail::basic_scratch<double> flows_;
    detail::basic_scratch<detail::network_plan::link> links_;
    detail::basic_scratch<index> tree_;
};

}  // namespace imle::inline IMLE_ABI
