#include "progress_bar.hpp"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <utility>

#include <unistd.h>

namespace example_support {
namespace {

constexpr int width = 30;
constexpr auto shortest_time_between_drawings = std::chrono::milliseconds(100);

}  // namespace

progress_bar::progress_bar(double total)
    : visible_(isatty(STDOUT_FILENO) != 0 && isatty(STDERR_FILENO) != 0), total_(total) {}

progress_bar::~progress_bar() {
    clear();
}

void progress_bar::label(std::string text) {
    const std::scoped_lock lock(mutex_);
    label_ = std::move(text);
    draw();
}

void progress_bar::advance(double amount) {
    const std::scoped_lock lock(mutex_);
    done_ += amount;
    if (std::chrono::steady_clock::now() - last_drawn_ >= shortest_time_between_drawings) draw();
}

void progress_bar::clear() {
    const std::scoped_lock lock(mutex_);
    if (!on_screen_) return;
    std::cerr << "\r\033[K" << std::flush;
    on_screen_ = false;
}

void progress_bar::draw() {
    if (!visible_) return;
    const double share = total_ > 0 ? std::clamp(done_ / total_, 0.0, 1.0) : 1.0;
    const auto filled = static_cast<std::size_t>(share * width);
    std::ostringstream line;
    line << "\r\033[K[" << std::string(filled, '#') << std::string(width - filled, '-') << "] "
         << std::setw(3) << static_cast<int>(100 * share) << " %  " << label_;
    std::cerr << line.str() << std::flush;
    on_screen_ = true;
    last_drawn_ = std::chrono::steady_clock::now();
}

}  // namespace example_support
