#include "table.hpp"

#include <cmath>
#include <iomanip>
#include <ostream>
#include <sstream>

#include "support/percent.hpp"

namespace routes {
namespace {

constexpr int name_width = 18;
constexpr int column_width = 12;

}  // namespace

void print_table_head(std::ostream& out, const road_network& network, const trips& seen) {
    out << network.name << ": " << network.graph.nodes() << " nodes, " << network.graph.edges().size()
        << " edges\n"
        << std::left << std::setw(name_width) << "" << std::setw(3 * column_width)
        << "    " + std::to_string(seen.observed.size() - seen.held_out) + " paths to learn from"
        << "    " << seen.held_out << " held out\n"
        << std::right << std::setw(name_width) << "";
    for (int i = 0; i < 2; ++i)
        for (const char* head : {"edges", "whole paths", "excess"}) out << std::setw(column_width) << head;
    out << '\n';
}

void print_table_row(std::ostream& out, const std::string& name, const result& of) {
    out << std::left << std::setw(name_width) << name << std::right;
    for (const agreement& each : {of.training, of.held_out})
        for (const double share : {each.edges, each.whole_paths, each.excess})
            out << std::setw(column_width) << example_support::percent(share);
    out << std::endl;
}

void print_speed(std::ostream& out, const learning_record& learned) {
    std::ostringstream line;
    line << std::fixed << std::setprecision(1) << "Learned in " << learned.seconds << " s: " << learned.solves
         << " solves, " << std::setprecision(0) << static_cast<double>(learned.solves) / learned.seconds
         << " a second";
    out << line.str() << std::endl;
}

}  // namespace routes
