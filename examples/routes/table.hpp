#pragma once

/// @file
/// The table of results.

#include <iosfwd>
#include <string>

#include "agreement.hpp"
#include "learning.hpp"
#include "network.hpp"
#include "traffic.hpp"

namespace routes {

/// How well costs explain the training trips and the held-out trips.
struct result {
    agreement training;
    agreement held_out;
};

void print_table_head(std::ostream& out, const road_network& network, const trips& seen);
void print_table_row(std::ostream& out, const std::string& name, const result& of);
void print_speed(std::ostream& out, const learning_record& learned);

}  // namespace routes
