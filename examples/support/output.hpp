#pragma once

/// @file
/// The end of a program: output that could not be written is an error.

#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace example_support {

/// Throws `std::runtime_error` if printed output was lost, for example because the disk is full. The stream
/// only knows after a flush.
inline void require_printed() {
    if (!std::cout.flush()) throw std::runtime_error("cannot write to the standard output");
}

/// Closes the file; throws `std::runtime_error`, which names it, unless everything was written.
inline void close_written(std::ofstream& file, const std::string& name) {
    file.close();
    if (!file) throw std::runtime_error("cannot write " + name);
}

/// The return value of `main`: the result of `body`, or 1 after a message if it throws or its output is lost.
template <class BodyT>
[[nodiscard]] int run_program(std::string_view name, BodyT&& body) {
    try {
        const int exit_code = body();
        require_printed();
        return exit_code;
    } catch (const std::exception& error) {
        std::cerr << name << ": " << error.what() << '\n';
        return 1;
    }
}

}  // namespace example_support
