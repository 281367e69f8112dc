#pragma once

/// @file
/// The results of a suite of laws, independent of any test framework.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI::testing {

/// The result of `check_solver`, `check_noise`, `check_target` or `check_adapter`.
///
/// In a test: `CHECK(report.passed())` with `INFO(report)`, or print it. A suite tries each law thousands of
/// times, so the report has one line for each broken law, with the first case in which it broke and how often
/// it broke.
class law_report {
  public:
    /// `subject` names the object under test, for example "gumbel".
    explicit law_report(std::string subject = {}) : subject_(std::move(subject)) {}

    /// Records one trial of a law. `details` are streamed into the message, vectors as lists, but only for
    /// the first failure of each law. Returns `holds`, so that a suite can skip dependent checks.
    template <class... Details>
    bool check(std::string_view law, bool holds, const Details&... details) {
        entry& e = entry_of(law);
        ++e.trials;
        if (!holds && ++e.failures == 1) {
            std::ostringstream out;
            (write(out, details), ...);
            e.first = out.str();
        }
        return holds;
    }

    /// True if no law broke. A report without trials has not passed, because nothing was checked.
    [[nodiscard]] bool passed() const {
        return !laws_.empty() &&
               std::all_of(laws_.begin(), laws_.end(), [](const entry& e) { return e.failures == 0; });
    }
    /// Equal to `passed`.
    explicit operator bool() const { return passed(); }

    /// One line for each broken law: the law, how often it broke, and the first case.
    [[nodiscard]] std::vector<std::string> failures() const {
        std::vector<std::string> lines;
        for (const entry& e : laws_)
            if (e.failures != 0)
                lines.push_back(detail::message(e.law, ": broken in ", e.failures, " of ", e.trials,
                                                " trials", e.first.empty() ? "" : "; first: ", e.first));
        return lines;
    }

    /// True if this law was tried and broke at least once.
    [[nodiscard]] bool broken(std::string_view law) const {
        return std::any_of(laws_.begin(), laws_.end(),
                           [&](const entry& e) { return e.law == law && e.failures != 0; });
    }

    /// How often this law was tried; 0 if never.
    [[nodiscard]] std::uint64_t trials(std::string_view law) const {
        for (const entry& e : laws_)
            if (e.law == law) return e.trials;
        return 0;
    }

    /// The name of the object under test.
    [[nodiscard]] const std::string& subject() const noexcept { return subject_; }

    /// Adds the results of another report.
    law_report& operator+=(const law_report& other) {
        for (const entry& e : other.laws_) {
            entry& mine = entry_of(e.law);
            if (mine.failures == 0) mine.first = e.first;
            mine.trials += e.trials;
            mine.failures += e.failures;
        }
        return *this;
    }

    /// Prints a line for each law, in the order in which they were first tried.
    friend std::ostream& operator<<(std::ostream& out, const law_report& report) {
        out << report.subject_ << (report.passed() ? ": all laws hold\n" : ": FAILED\n");
        if (report.laws_.empty()) out << "  no law was tried\n";
        for (const entry& e : report.laws_) {
            out << "  " << e.law << ": ";
            if (e.failures == 0)
                out << "held in " << e.trials << " trials\n";
            else
                out << "BROKEN in " << e.failures << " of " << e.trials << " trials; first: " << e.first
                    << '\n';
        }
        return out;
    }

  private:
    struct entry {
        std::string law;
        std::uint64_t trials = 0;
        std::uint64_t failures = 0;
        std::string first;
    };

    template <class Detail>
    static void write(std::ostream& out, const Detail& detail) {
        out << detail;
    }
    template <class Number>
    static void write(std::ostream& out, const std::vector<Number>& list) {
        for (std::size_t i = 0; i < list.size(); ++i) out << (i == 0 ? "[" : ", ") << list[i];
        out << (list.empty() ? "[]" : "]");
    }

    entry& entry_of(std::string_view law) {
        for (entry& e : laws_)
            if (e.law == law) return e;
        return laws_.emplace_back(entry{std::string(law), 0, 0, {}});
    }

    std::string subject_;
    std::vector<entry> laws_;
};

}  // namespace imle::inline IMLE_ABI::testing

namespace imle::inline IMLE_ABI::detail {

/// True if two lists are the same, bit for bit. Two empty lists, which may have no memory, are the same.
template <class Scalar>
[[nodiscard]] bool same_bits(std::span<const Scalar> a, std::span<const Scalar> b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

}  // namespace imle::inline IMLE_ABI::detail
