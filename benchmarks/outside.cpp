#include "outside.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace imle_benchmarks {

section_results read_outside(const std::string& file) {
    std::ifstream in(file);
    section_results result;
    if (!std::getline(in, result.title)) throw std::runtime_error("no lines can be read from " + file);

    for (std::string text; std::getline(in, text);) {
        std::istringstream fields(text);
        line_results line;
        std::string field;
        std::getline(fields, line.name, '\t');
        for (cell_results* cell : {&line.floats, &line.doubles}) {
            double times[2] = {};
            for (double& time : times) {
                if (!std::getline(fields, field, '\t'))
                    throw std::runtime_error(file + ": a line with too few fields: " + text);
                time = std::strtod(field.c_str(), nullptr);
            }
            if (times[0] > 0) cell->time = timing{times[0], times[1]};
        }
        result.lines.push_back(std::move(line));
    }
    return result;
}

}  // namespace imle_benchmarks
