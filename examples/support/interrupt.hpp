#pragma once

/// @file
/// Handles Ctrl-C.

#include <atomic>
#include <functional>
#include <thread>

namespace example_support {

/// During its lifetime, SIGINT, SIGTERM and SIGHUP call `clean_up` and then end the program with exit code
/// 130.
///
/// The signals are blocked and one thread waits for them, so `clean_up` runs as ordinary code: it may lock a
/// mutex and remove files, which a signal handler may not. Make the object before any other thread starts,
/// because threads inherit the blocked signals.
class interrupt_guard {
  public:
    explicit interrupt_guard(std::function<void()> clean_up);
    ~interrupt_guard();
    interrupt_guard(const interrupt_guard&) = delete;
    interrupt_guard& operator=(const interrupt_guard&) = delete;

  private:
    std::atomic<bool> finished_ = false;
    std::thread waiter_;
};

}  // namespace example_support
