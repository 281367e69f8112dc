#pragma once

/// @file
/// A progress bar for people, silent for programs.

#include <chrono>
#include <mutex>
#include <string>

namespace example_support {

/// One line on the terminal that shows the progress. It draws nothing unless both the standard output and the
/// standard error are terminals, so pipes and log files get only the table.
class progress_bar {
  public:
    /// `total` is the amount of work, in any unit.
    explicit progress_bar(double total);
    ~progress_bar();
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;

    /// Names the current work.
    void label(std::string text);
    /// Adds finished work. Cheap: the line is drawn at most ten times a second.
    void advance(double amount);
    /// Removes the line from the terminal, so that something else can be printed.
    void clear();

  private:
    void draw();

    const bool visible_;
    const double total_;
    double done_ = 0;
    std::string label_;
    bool on_screen_ = false;
    std::chrono::steady_clock::time_point last_drawn_{};
    std::mutex mutex_;  // an interrupt clears the line from another thread
};

}  // namespace example_support
