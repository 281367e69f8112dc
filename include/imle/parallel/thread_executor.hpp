#pragma once

/// @file
/// The default executor of a layer: a few threads that live as long as the executor.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {

/// Worker threads that start when they are first needed and then wait for the next call.
///
/// Eigen 3.4's ThreadPool is not used, because it ends the process if a task throws. A copy has its own
/// threads, which start when the copy first needs them, so copying is cheap.
///
/// Waking a thread takes tens of microseconds. So a call begins on the caller's thread, and others join only
/// if the rest of the work seems to take at least `least_work()`: a small step is never slower with threads
/// than without.
///
/// A forked process has none of its parent's threads: in it the executor starts its own, and leaks the few
/// hundred bytes of the parent's pool. (No other thread may be inside a call while the process forks.)
class thread_executor {
  public:
    thread_executor() = default;
    /// Sets `least_work()`; with 0 all threads work from the start.
    explicit thread_executor(std::chrono::nanoseconds least_work) noexcept : least_work_(least_work) {}
    /// Copies `least_work()`; the copy has its own threads.
    thread_executor(const thread_executor& other) noexcept : least_work_(other.least_work_) {}
    thread_executor(thread_executor&&) noexcept = default;
    /// Copies `least_work()` and ends this executor's threads.
    thread_executor& operator=(const thread_executor& other) noexcept {
        if (this != &other) {
            pool_.reset();
            least_work_ = other.least_work_;
        }
        return *this;
    }
    thread_executor& operator=(thread_executor&&) noexcept = default;
    ~thread_executor() = default;

    /// How long the rest of a call must seem to take on one thread before others are woken: 100 us by
    /// default.
    [[nodiscard]] std::chrono::nanoseconds least_work() const noexcept { return least_work_; }

    /// Calls f(0), ..., f(n - 1), also on the calling thread, and returns when all have returned. f must not
    /// throw. If the system refuses to start a thread, the existing threads do the work.
    template <class F>
    void parallel_for(std::size_t n, F&& f) {
        if (n <= 1) {
            if (n == 1) f(std::size_t{0});
            return;
        }
        if (!pool_ || pool_.get_deleter().is_forked()) pool_ = std::unique_ptr<pool, deleter>(new pool);
        pool_->run(n, f);
    }

  private:
    class pool {
      public:
        pool() = default;
        pool(const pool&) = delete;
        pool& operator=(const pool&) = delete;
        ~pool() {
            {
                const std::lock_guard lock(mutex_);
                stops_ = true;
            }
            work_arrived_.notify_all();
            for (std::thread& worker : workers_) worker.join();
        }

        template <class F>
        void run(std::size_t n, F& f) {
            const auto call = [](void* function, std::size_t i) { (*static_cast<F*>(function))(i); };
            std::unique_lock lock(mutex_);
            start_workers(n - 1);
            function_ = const_cast<void*>(static_cast<const void*>(std::addressof(f)));
            call_ = call;
            next_ = 0;
            size_ = n;
            unfinished_ = n;
            work_arrived_.notify_all();
            take_items(lock);
            all_finished_.wait(lock, [this] { return unfinished_ == 0; });
            size_ = 0;
        }

      private:
        void start_workers(std::size_t wanted) {
            workers_.reserve(wanted);
            while (workers_.size() < wanted) {
                try {
                    workers_.emplace_back([this] { wait_for_work(); });
                } catch (const std::system_error&) {
                    return;  // no more threads available: the caller's thread does the rest
                }
            }
        }

        void wait_for_work() {
            std::unique_lock lock(mutex_);
            while (true) {
                work_arrived_.wait(lock, [this] { return stops_ || next_ < size_; });
                if (stops_) return;
                take_items(lock);
            }
        }

        /// Takes items until none is left. There are few, large items, so a single mutex is no bottleneck.
        void take_items(std::unique_lock<std::mutex>& lock) {
            while (next_ < size_) {
                const std::size_t item = next_++;
                lock.unlock();
                call_(function_, item);
                lock.lock();
                if (--unfinished_ == 0) all_finished_.notify_one();
            }
        }

        std::mutex mutex_;
        std::condition_variable work_arrived_;
        std::condition_variable all_finished_;
        void* function_ = nullptr;
        void (*call_)(void*, std::size_t) = nullptr;
        std::size_t next_ = 0;
        std::size_t size_ = 0;
        std::size_t unfinished_ = 0;
        bool stops_ = false;
        std::vector<std::thread> workers_;
    };

    /// Ends a pool in the process that made it. In a forked process its threads do not exist and cannot be
    /// joined.
    class deleter {
      public:
        deleter() noexcept : process_(this_process()) {}
        [[nodiscard]] bool is_forked() const noexcept { return process_ != this_process(); }
        void operator()(pool* threads) const noexcept {
            if (!is_forked()) delete threads;
        }

      private:
        static long this_process() noexcept {
#if __has_include(<unistd.h>)
            return static_cast<long>(::getpid());
#else
            return 0;
#endif
        }
        long process_;
    };

    std::chrono::nanoseconds least_work_ = std::chrono::microseconds{100};
    std::unique_ptr<pool, deleter> pool_;
};

}  // namespace imle::inline IMLE_ABI
