#pragma once

// Counts what is wrong in a loop of many trials, and keeps the first case to show:
//
//     support::tally wrong;
//     for (...) wrong.expect(found == expected, "for theta = ", theta);
//     CHECK(wrong == 0);  // "3 of 100, first: for theta = ..."

#include <ostream>
#include <sstream>
#include <string>

namespace support {

class tally {
  public:
    /// Notes one trial; `details` are written for the first that does not hold.
    template <class... Details>
    void expect(bool holds, const Details&... details) {
        ++trials_;
        if (holds || ++wrong_ > 1) return;
        std::ostringstream out;
        (void)(out << ... << details);
        first_ = out.str();
    }

    friend bool operator==(const tally& t, int wrong) { return t.wrong_ == wrong; }
    friend std::ostream& operator<<(std::ostream& out, const tally& t) {
        out << t.wrong_ << " of " << t.trials_;
        return t.wrong_ == 0 ? out : out << ", first: " << t.first_;
    }

  private:
    int trials_ = 0;
    int wrong_ = 0;
    std::string first_;
};

}  // namespace support
