#pragma once

/// @file
/// Road networks from files.

#include <string>

#include "network.hpp"

namespace routes {

/// Reads a network of the 9th DIMACS challenge (file names that end in `.gr`; the one number of an edge is
/// both length and time) or of TransportationNetworks (any other name: TNTP, whose lines begin with
/// init_node, term_node, capacity, length, free_flow_time). Throws `std::runtime_error`, with file and line,
/// for any other content.
[[nodiscard]] road_network read_network(const std::string& file);

/// Adds the nodes' positions, from a file of lines `v node x y` (DIMACS' `.co`) or `node x y` (TNTP).
void read_positions(const std::string& file, road_network& network);

}  // namespace routes
