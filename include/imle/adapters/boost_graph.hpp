#pragma once

/// @file
/// Solvers by Boost.Graph (Debian: libboost-graph-dev; its headers are enough). Not part of `imle.hpp`:
/// include it where you use it. See docs/adapters/boost_graph.md.

#include <imle/adapters/boost_graph/boost_matching.hpp>
#include <imle/adapters/boost_graph/boost_shortest_path.hpp>
#include <imle/adapters/boost_graph/boost_spanning_tree.hpp>
