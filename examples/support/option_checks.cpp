#include "option_checks.hpp"

#include <cstdint>
#include <filesystem>

namespace example_support {

std::string refuse_bad_seed(const std::string& text) {
    if (read_number<std::uint64_t>(text).has_value()) return {};
    return "'" + text + "' is not a seed; expected a whole number from 0 to 2^64 - 1";
}

std::string refuse_what_is_not_a_folder(const std::string& path) {
    if (path.empty()) return "the name is empty; expected a folder";
    std::error_code error;
    if (std::filesystem::exists(path, error) && !std::filesystem::is_directory(path, error))
        return "'" + path + "' exists and is not a folder";
    return {};
}

}  // namespace example_support
