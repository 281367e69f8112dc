#include "table.hpp"

#include <iomanip>
#include <ostream>
#include <sstream>

#include "support/percent.hpp"

namespace terrain {
namespace {

using example_support::percent;

constexpr int name_width = 28;

void put_row(std::ostream& out, const std::string& name, const scores& reached) {
    out << std::left << std::setw(name_width) << name << std::right << std::setw(11)
        << percent(reached.connected) << std::setw(13) << percent(reached.cost_match) << std::setw(11)
        << percent(reached.path_match);
}

}  // namespace

std::string title(method how) {
    switch (how) {
        case method::imle:
            return "I-MLE";
        case method::blackbox:
            return "blackbox backprop";
        case method::per_tile:
            return "per tile";
    }
    return {};
}

void print_table_head(std::ostream& out, std::size_t test_maps) {
    out << "on " << test_maps << " test maps\n"
        << std::left << std::setw(name_width) << "" << std::right << std::setw(11) << "connected"
        << std::setw(13) << "cheapest" << std::setw(11) << "gold path"
        << "  loss, first and last  seconds  of CPU\n";
}

void print_table_rows(std::ostream& out, const run_record& record) {
    std::ostringstream rows;
    if (record.how == method::per_tile) {
        put_row(rows, "per tile, likely tiles", record.thresholded);
        rows << '\n';
    }
    put_row(rows, record.how == method::per_tile ? "per tile, then the solver" : title(record.how),
            record.solved);
    if (!record.epochs.empty())
        rows << std::fixed << std::setprecision(2) << std::setw(13) << record.epochs.front().loss
             << std::setw(10) << record.epochs.back().loss << std::setprecision(1) << std::setw(9)
             << record.seconds << std::setw(8) << record.processor_seconds;
    out << rows.str() << std::endl;
}

}  // namespace terrain
