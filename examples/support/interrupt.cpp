#include "interrupt.hpp"

#include <csignal>
#include <utility>

#include <pthread.h>
#include <unistd.h>

namespace example_support {
namespace {

constexpr int exit_code_of_an_interrupted_program = 130;

sigset_t signals_that_interrupt() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    // Under nohup a hang-up is ignored, and must stay so.
    struct sigaction hang_up {};
    sigaction(SIGHUP, nullptr, &hang_up);
    if (hang_up.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
    return signals;
}

}  // namespace

interrupt_guard::interrupt_guard(std::function<void()> clean_up) {
    const sigset_t signals = signals_that_interrupt();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    waiter_ = std::thread([this, signals, clean_up = std::move(clean_up)] {
        int signal = 0;
        sigwait(&signals, &signal);
        if (finished_) return;
        clean_up();
        // Not exit(): the main thread still uses objects that destructors would destroy.
        _exit(exit_code_of_an_interrupted_program);
    });
}

interrupt_guard::~interrupt_guard() {
    finished_ = true;
    pthread_kill(waiter_.native_handle(), SIGTERM);  // wakes the waiter, which then sees that all is done
    waiter_.join();
}

}  // namespace example_support
