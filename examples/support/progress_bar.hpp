#pragma once

/// @file
/// A progress bar for people, silent for programs.

#include <chrono>
#include <mutex>
#include <string>

namespace example_support {

/// One line on the terminal that says how far the run is. It draws nothing unless both the standard output
/// and the standard error are terminals, so that pipes and log files get the table alone.
class progress_bar {
  public:
    /// `total` is the amount of work in a unit of the caller's choice.
    explicit progress_bar(double total);
    ~progress_bar();
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;

    /// Names what is being done now.
    void label(std::string text);
    /// Adds finished work. Cheap: the line is drawn at most ten times a second.
    void advance(double amount);
    /// Takes the line off the terminal, so that something else can be printed.
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
