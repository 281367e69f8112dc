#pragma once

/// @file
/// Turns gnuplot scripts into picture files.

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <sys/types.h>

namespace example_support {

/// A picture to be drawn: a file name ending in .png or .gif, and gnuplot's commands for it. The commands set
/// the terminal, but no output.
struct picture {
    std::string file_name;
    std::string script;
};

/// Draws pictures into one folder, several at a time, each by its own gnuplot process.
///
/// A picture appears under its name only when it is complete: gnuplot writes to a temporary file in the same
/// folder, which is then renamed. Errors are `std::runtime_error`.
class picture_writer {
  public:
    /// Makes the folder if it is missing. Throws if that fails or if there is no gnuplot.
    picture_writer(std::filesystem::path folder, unsigned at_once);
    ~picture_writer();
    picture_writer(const picture_writer&) = delete;
    picture_writer& operator=(const picture_writer&) = delete;

    /// Draws all pictures and calls `on_written` after each.
    void write(const std::vector<picture>& pictures, const std::function<void()>& on_written);

    /// Stops all drawing and removes the temporary files, for good: a `write` in progress on another thread
    /// never returns. For a program that is about to end.
    void abandon();

    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
    /// The number of pictures written, and their total size in bytes.
    [[nodiscard]] int count() const { return count_; }
    [[nodiscard]] std::uintmax_t bytes() const { return bytes_; }

  private:
    struct job;

    void start(const picture& what);
    void finish_one();
    void stop_all_unlocked();

    std::filesystem::path folder_;
    unsigned at_once_;
    int count_ = 0;
    std::uintmax_t bytes_ = 0;
    std::map<pid_t, job> running_;
    std::mutex mutex_;  // held while a process or a temporary file is created or removed
};

}  // namespace example_support
