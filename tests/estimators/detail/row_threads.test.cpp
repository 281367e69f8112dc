// Rows of a call on threads.

#include <imle/estimators/detail/row_threads.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <imle/parallel/thread_executor.hpp>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"
#include "support/tally.hpp"

namespace row_threads_tests {

namespace {

using imle::detail::row_threads;
using imle::detail::row_work;

// Counts its copies, notes for how many workers it was called last, and needs 100 us of work.
struct counting_executor {
    int& copies;
    std::size_t& workers;
    counting_executor(int& c, std::size_t& w) : copies(c), workers(w) {}
    counting_executor(const counting_executor& other) : copies(other.copies), workers(other.workers) {
        ++copies;
    }
    [[nodiscard]] std::chrono::nanoseconds least_work() const { return std::chrono::microseconds(100); }
    template <class F>
    void parallel_for(std::size_t n, F&& f) {
        workers = n;
        for (std::size_t i = 0; i < n; ++i) f(i);
    }
};

}  // namespace

TEST_CASE("row_threads: each row once, by a worker that does one at a time", "[estimators][families]") {
    for (const int threads : {1, 2, 3}) {
        row_threads pool(threads, fixtures::eager_threads());
        CHECK(pool.workers() == static_cast<std::size_t>(threads));
        for (const Eigen::Index batch : {0, 1, 2, 97})
            for (int call = 0; call < 4; ++call) {
                std::vector<std::atomic<int>> calls(static_cast<std::size_t>(batch)), busy(pool.workers());
                std::atomic<int> overlaps{0};
                // Units have several rows once a row is known to take little time.
                const auto work = call == 0 ? row_work::samples : row_work::marginals;
                pool.for_each_row(work, batch, 5, [&](std::size_t worker, Eigen::Index row) {
                    if (++busy[worker] != 1) ++overlaps;
                    if (call == 0)  // so that the others have time to come
                        std::this_thread::sleep_for(std::chrono::microseconds(20));
                    ++calls[static_cast<std::size_t>(row)];
                    --busy[worker];
                });
                support::tally wrong;
                for (std::size_t row = 0; row < calls.size(); ++row)
                    wrong.expect(calls[row] == 1, threads, " threads, call ", call, ", row ", row, " of ",
                                 batch, ": ", calls[row].load(), " calls");
                CHECK(wrong == 0);
                CHECK(overlaps == 0);
            }
    }
    CHECK(row_threads(0, imle::thread_executor{}).workers() >= 1);
}

TEST_CASE("row_threads: the lowest failing row's exception", "[estimators][families][errors]") {
    support::tally wrong;
    for (const int threads : {1, 2, 3}) {
        row_threads pool(threads, fixtures::eager_threads());
        for (int call = 0; call < 20; ++call) {
            const std::string found = support::message_of<std::runtime_error>([&] {
                pool.for_each_row(row_work::gradient, 40, 1, [](std::size_t, Eigen::Index row) {
                    if (row == 11) std::this_thread::sleep_for(std::chrono::microseconds(200));
                    if (row >= 11) throw std::runtime_error("row " + std::to_string(row));
                });
            });
            wrong.expect(found == "row 11", threads, " threads, call ", call, ": ", found);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("row_threads: executors are used again, and the last call's time is remembered",
          "[estimators][families]") {
    int copies = 0;
    std::size_t workers = 0;
    row_threads pool(2, counting_executor{copies, workers});
    copies = 0;
    const auto sleep = [&](row_work work, Eigen::Index size) {
        pool.for_each_row(work, 2, size, [](std::size_t, Eigen::Index) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        });
        return workers;
    };
    // At first one row tells how long a row takes, so one is left for threads. The next call knows.
    CHECK(sleep(row_work::map, 7) == 1);
    CHECK(sleep(row_work::map, 7) == 2);
    CHECK(sleep(row_work::map, 8) == 1);  // of another size
    CHECK(sleep(row_work::gradient, 8) == 1);
    CHECK(sleep(row_work::gradient, 8) == 2);
    CHECK(copies == 1);
}

TEST_CASE("row_threads: calls from several threads at once do not wait for one another",
          "[estimators][families]") {
    constexpr int callers = 3;
    row_threads pool(2, fixtures::eager_threads());
    // No caller's row ends before every caller has begun one, which a lock around the call would prevent.
    std::atomic<int> missing{callers}, rows{0}, late{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < callers; ++t)
            threads.emplace_back([&] {
                std::atomic<bool> first{true};
                pool.for_each_row(row_work::samples, 4, 1, [&](std::size_t, Eigen::Index) {
                    if (first.exchange(false)) --missing;
                    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
                    while (missing > 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
                    if (missing > 0) ++late;
                    ++rows;
                });
            });
    }
    CHECK(rows == callers * 4);
    CHECK(late == 0);
}

}  // namespace row_threads_tests
