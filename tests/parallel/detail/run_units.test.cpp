#include <imle/parallel/detail/run_units.hpp>

#include <atomic>
#include <chrono>
#include <imle/parallel/thread_executor.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using imle::detail::run_units;

namespace {

// Runs nothing.
struct idle_executor {
    template <class F>
    void parallel_for(std::size_t, F&&) {}
};

}  // namespace

TEST_CASE("run_units: each unit once, by a worker that does one at a time", "[parallel]") {
    imle::thread_executor executor;
    for (const std::size_t workers : {1u, 2u, 5u})
        for (const std::size_t units : {0u, 1u, 2u, 100u}) {
            std::vector<std::atomic<int>> calls(units);
            std::vector<std::atomic<int>> busy(workers);
            std::atomic<int> overlaps{0};
            run_units(executor, workers, units, [&](std::size_t worker, std::size_t unit) {
                if (++busy[worker] != 1) ++overlaps;
                ++calls[unit];
                --busy[worker];
            });
            int wrong = 0;
            for (const auto& count : calls) wrong += count != 1;
            CHECK(wrong == 0);
            CHECK(overlaps == 0);
        }
}

TEST_CASE("run_units: the lowest failing unit's exception, whatever the number of workers", "[parallel]") {
    imle::thread_executor executor;
    int wrong = 0;
    for (const std::size_t workers : {1u, 2u, 3u, 8u})
        for (std::size_t lowest = 0; lowest < 50; lowest += 7) {
            std::string message;
            try {
                run_units(executor, workers, 60, [&](std::size_t, std::size_t unit) {
                    // Later failures are faster, so that without care they would be found first.
                    if (unit == lowest) {
                        std::this_thread::sleep_for(std::chrono::microseconds(100));
                        throw std::domain_error("lowest");
                    }
                    if (unit > lowest && unit % 2 == 0) throw std::domain_error("later");
                });
            } catch (const std::domain_error& error) {
                message = error.what();
            }
            wrong += message != "lowest";
        }
    CHECK(wrong == 0);
}

TEST_CASE("run_units: an executor that does not run its function is found out", "[parallel]") {
    idle_executor executor;
    CHECK_THROWS_AS(run_units(executor, 2, 4, [](std::size_t, std::size_t) {}), std::logic_error);
}
