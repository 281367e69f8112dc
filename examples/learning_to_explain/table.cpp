#include "table.hpp"

#include <algorithm>
#include <iomanip>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "support/percent.hpp"

namespace learning_to_explain {
namespace {

using example_support::percent;

constexpr int name_width = 30;

void put_row(std::ostream& out, const std::string& name, std::span<const scores> runs,
             const std::optional<double>& seconds) {
    scores mean;
    double least_found = 1;
    const auto count = static_cast<double>(runs.size());
    for (const scores& run : runs) {
        mean.found += run.found / count;
        mean.all_found += run.all_found / count;
        mean.switch_found += run.switch_found / count;
        mean.accuracy += run.accuracy / count;
        mean.by_mask += run.by_mask / count;
        least_found = std::min(least_found, run.found);
    }
    std::ostringstream row;
    row << std::left << std::setw(name_width) << name << std::right;
    for (const double share :
         {mean.found, least_found, mean.all_found, mean.switch_found, mean.accuracy, mean.by_mask})
        row << std::setw(12) << percent(share);
    if (seconds.has_value()) row << std::fixed << std::setprecision(1) << std::setw(10) << *seconds;
    out << row.str() << std::endl;
}

}  // namespace

void print_table_head(std::ostream& out, Eigen::Index test_instances, std::size_t runs) {
    out << "on " << test_instances << " test instances, mean of " << runs << (runs == 1 ? " run" : " runs")
        << '\n'
        << std::setw(name_width) << "";
    for (const char* head : {"found", "worst run", "all found", "switch", "accuracy", "by mask"})
        out << std::setw(12) << head;
    out << std::setw(10) << "seconds" << '\n';
}

void print_truth(std::ostream& out, std::span<const scores> runs) {
    put_row(out, "the truth", runs, std::nullopt);
}

void print_table_row(std::ostream& out, method how, std::span<const training_record> runs) {
    std::vector<scores> results;
    double seconds = 0;
    for (const training_record& run : runs) {
        results.push_back(run.result());
        seconds += run.seconds / static_cast<double>(runs.size());
    }
    put_row(out, title(how), results, seconds);
}

}  // namespace learning_to_explain
