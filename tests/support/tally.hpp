#pragma once

// Counts what is wrong in a loop of many trials, and keeps the first case to show:
//
//     support::tally wrong;
//     for (...) wrong.expect(found == expected, "theta ", theta, " gives ", found);
//     CHECK(wrong == 0);  // "3 of 100, first: theta {1, 2} gives ..."

#include <concepts>
#include <cstddef>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace support {

class tally {
  public:
    /// Notes one trial, and returns `holds`. `details` describe the first trial that does not hold: numbers
    /// are written with all digits, of vectors and tensors the first elements, of a function what it returns.
    template <class... Details>
    bool expect(bool holds, const Details&... details) {
        ++trials_;
        if (!holds && ++wrong_ == 1) {
            std::ostringstream out;
            out.precision(17);
            (write(out, details), ...);
            first_ = out.str();
        }
        return holds;
    }

    friend bool operator==(const tally& t, int wrong) { return t.wrong_ == wrong; }
    friend std::ostream& operator<<(std::ostream& out, const tally& t) {
        out << t.wrong_ << " of " << t.trials_;
        return t.wrong_ == 0 ? out : out << ", first: " << t.first_;
    }

  private:
    static constexpr int most_elements = 64;

    template <class Detail>
    static void write(std::ostream& out, const Detail& detail) {
        if constexpr (std::convertible_to<const Detail&, std::string_view>) {
            out << std::string_view(detail);
        } else if constexpr (requires { *detail.data(), detail.size(); }) {
            write_elements(out, detail.data(), static_cast<std::ptrdiff_t>(detail.size()));
        } else if constexpr (std::invocable<const Detail&>) {
            write(out, detail());
        } else if constexpr (requires { out << detail; }) {
            out << detail;
        } else {
            out << Catch::Detail::stringify(detail);
        }
    }

    // A vector's, a span's or a tensor's.
    template <class Element>
    static void write_elements(std::ostream& out, const Element* elements, std::ptrdiff_t count) {
        out << '{';
        for (std::ptrdiff_t i = 0; i < count; ++i) {
            if (i > 0) out << ", ";
            if (i == most_elements) {
                out << "...";
                break;
            }
            write(out, elements[i]);
        }
        out << '}';
    }

    int trials_ = 0;
    int wrong_ = 0;
    std::string first_;
};

}  // namespace support
