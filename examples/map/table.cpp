#include "table.hpp"

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <sstream>

namespace map_demo {
namespace {

std::string temperature_cell(const setting& which) {
    std::ostringstream out;
    out << '(' << which.input_temperature << ", " << which.target_temperature << ')';
    return out.str();
}

}  // namespace

void print_table_head(std::ostream& out, int steps) {
    const int last = std::min(steps, 100);
    std::ostringstream loss_head, share_head;
    loss_head << "loss, last " << last;
    share_head << "gold, last " << last;
    out << "temperatures  samples  " << std::setw(14) << loss_head.str() << "  first gold step  "
        << std::setw(14) << share_head.str() << "  seconds" << std::endl;
}

void print_table_row(std::ostream& out, const learning_record& record) {
    const auto first_gold = record.first_gold_step();
    std::ostringstream row;
    row << std::fixed << std::left << std::setw(12) << temperature_cell(record.which) << std::right
        << std::setw(9) << record.which.samples << std::setw(16) << std::setprecision(2)
        << record.final_loss() << std::setw(17)
        << (first_gold.has_value() ? std::to_string(*first_gold) : "never") << std::setw(14)
        << std::setprecision(0) << 100 * record.final_gold_share() << " %" << std::setw(9)
        << std::setprecision(2) << record.seconds << '\n';
    out << row.str() << std::flush;
}

}  // namespace map_demo
