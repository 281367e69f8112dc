#include "decision_data.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/read_number.hpp"

namespace experiments {
namespace {

/// Appends the numbers of one line to `numbers` and returns how many there are.
Eigen::Index read_line(std::string_view line, const std::string& where, std::vector<float>& numbers) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    Eigen::Index count = 0;
    for (bool more = true; more; ++count) {
        const std::size_t comma = line.find(',');
        const std::string_view cell = line.substr(0, comma);
        const auto number = example_support::read_number<double>(cell);
        if (!number || !std::isfinite(static_cast<float>(*number)))
            throw std::runtime_error(where + ": \"" + std::string(cell) + "\" is not a finite number");
        numbers.push_back(static_cast<float>(*number));
        more = comma != std::string_view::npos;
        if (more) line.remove_prefix(comma + 1);
    }
    return count;
}

rows slice(const rows& all, Eigen::Index row, Eigen::Index column, Eigen::Index height, Eigen::Index width) {
    return all.slice(std::array<Eigen::Index, 2>{row, column}, std::array<Eigen::Index, 2>{height, width});
}

}  // namespace

rows read_numbers(const std::filesystem::path& file, bool header) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error("cannot read " + file.string() + ": " + std::strerror(errno));
    std::vector<float> numbers;
    Eigen::Index columns = 0, count = 0;
    std::string line;
    for (int line_number = 1; std::getline(in, line); ++line_number) {
        if (header && line_number == 1) continue;
        const std::string where = file.string() + ", line " + std::to_string(line_number);
        const Eigen::Index found = read_line(line, where, numbers);
        if (count > 0 && found != columns)
            throw std::runtime_error(where + ": " + std::to_string(found) + " numbers; expected " +
                                     std::to_string(columns) + " as in the lines before");
        columns = found;
        ++count;
    }
    if (in.bad()) throw std::runtime_error("cannot read " + file.string() + " to its end");
    if (count == 0) throw std::runtime_error(file.string() + " holds no numbers");
    rows table(count, columns);
    std::copy(numbers.begin(), numbers.end(), table.data());
    return table;
}

decision_data read_decision_data(const std::filesystem::path& file, Eigen::Index features,
                                 Eigen::Index parameters) {
    const rows table = read_numbers(file, true);
    const Eigen::Index count = table.dimension(0), columns = table.dimension(1);
    if (columns != features + parameters)
        throw std::runtime_error(file.string() + " has " + std::to_string(columns) + " columns; expected " +
                                 std::to_string(features) + " features and " + std::to_string(parameters) +
                                 " parameters");
    return {slice(table, 0, 0, count, features), slice(table, 0, features, count, parameters)};
}

decision_data part_of(const decision_data& all, Eigen::Index begin, Eigen::Index count) {
    const Eigen::Index there = all.features.dimension(0);
    if (begin < 0 || count < 1 || begin + count > there)
        throw std::runtime_error("the data have " + std::to_string(there) + " rows; expected at least " +
                                 std::to_string(begin + count));
    return {slice(all.features, begin, 0, count, all.features.dimension(1)),
            slice(all.parameters, begin, 0, count, all.parameters.dimension(1))};
}

decision_data rest_of(const decision_data& all, Eigen::Index begin, Eigen::Index count) {
    const Eigen::Index behind = all.features.dimension(0) - begin - count;
    if (begin == 0) return part_of(all, count, behind);
    if (behind == 0) return part_of(all, 0, begin);
    const decision_data before = part_of(all, 0, begin), after = part_of(all, begin + count, behind);
    const auto join = [](const rows& a, const rows& b) { return rows(a.concatenate(b, 0)); };
    return {join(before.features, after.features), join(before.parameters, after.parameters)};
}

}  // namespace experiments
