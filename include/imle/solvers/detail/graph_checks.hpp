#pragma once

/// @file
/// What every graph asks of its nodes and edges.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>
#include <imle/solvers/graph_edge.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Throws `std::invalid_argument` for a negative number of nodes, for an edge whose ends are not among them,
/// and for more nodes or edges than 32-bit indices can number.
inline void require_graph(Eigen::Index nodes, std::span<const graph_edge> edges) {
    constexpr auto most = std::numeric_limits<std::int32_t>::max();
    if (nodes < 0 || nodes > most) throw_invalid("the number of nodes", nodes, message("0 to ", most));
    if (edges.size() > static_cast<std::size_t>(most))
        throw_invalid("the number of edges", edges.size(), message("at most ", most));
    for (std::size_t e = 0; e < edges.size(); ++e)
        for (const Eigen::Index end : {edges[e].from, edges[e].to})
            if (end < 0 || end >= nodes)
                throw_invalid(message("edge ", e).c_str(),
                              message("from node ", edges[e].from, " to node ", edges[e].to),
                              message("two of the ", nodes, " nodes, numbered from 0"));
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
