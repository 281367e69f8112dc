#pragma once

/// @file
/// The options that several programs share, by CLI11. Include it only in each program's command_line.cpp:
/// CLI11 takes seconds to compile.

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>

#include "read_number.hpp"

namespace example_support {

/// The exit code for an invalid command line.
inline constexpr int exit_bad_usage = 2;

/// An option that is a whole number from `least` to `most`.
template <class Number>
CLI::Option* add_count(CLI::App& app, const std::string& name, Number& count, int least, int most,
                       const std::string& what) {
    return app.add_option(name, count, what)->type_name("N")->check(CLI::Range(least, most));
}

/// --seed. CLI11 itself would convert a negative one to a large number.
inline void add_seed(CLI::App& app, std::uint64_t& seed, const std::string& what) {
    app.add_option("--seed", seed, what)->type_name("N")->check([](const std::string& text) {
        if (read_number<std::uint64_t>(text).has_value()) return std::string{};
        return "'" + text + "' is not a seed; expected a whole number from 0 to 2^64 - 1";
    });
}

/// --threads, where 0 means all cores.
inline void add_threads(CLI::App& app, int& threads, const std::string& what) {
    add_count(app, "--threads", threads, 0, 1024, what);
}

/// --out. The folder may be missing, since it can be made, but the name must not belong to something else.
inline void add_out(CLI::App& app, std::string& out, const std::string& what) {
    app.add_option("--out", out, what)->type_name("DIR")->check([](const std::string& path) {
        if (path.empty()) return std::string("the name is empty; expected a folder");
        std::error_code error;
        if (std::filesystem::exists(path, error) && !std::filesystem::is_directory(path, error))
            return "'" + path + "' exists and is not a folder";
        return std::string{};
    });
}

/// Parses the command line. After printing help or an error it returns the exit code instead.
inline std::optional<int> parse(CLI::App& app, int argc, char** argv, std::ostream& out = std::cout,
                                std::ostream& errors = std::cerr) {
    try {
        app.parse(argc, argv);
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        return app.exit(error, out, errors) == 0 ? 0 : exit_bad_usage;
    }
}

}  // namespace example_support
