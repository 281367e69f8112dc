#include <imle/parallel/run_units.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <imle/parallel/thread_executor.hpp>

#include "support/catch.hpp"
#include "support/tally.hpp"

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
            run_units(executor, workers, units, 0, [&](std::size_t worker, std::size_t unit) {
                if (++busy[worker] != 1) ++overlaps;
                ++calls[unit];
                --busy[worker];
            });
            support::tally wrong;
            for (std::size_t unit = 0; unit < units; ++unit)
                wrong.expect(calls[unit] == 1, "unit ", unit, " of ", units, " by ", workers,
                             " workers: ", calls[unit].load(), " calls");
            CHECK(wrong == 0);
            CHECK(overlaps == 0);
        }
}

TEST_CASE("run_units: the lowest failing unit's exception, whatever the number of workers", "[parallel]") {
    imle::thread_executor executor;
    support::tally wrong;
    for (const std::size_t workers : {1u, 2u, 3u, 8u})
        for (std::size_t lowest = 0; lowest < 50; lowest += 7) {
            std::string message;
            try {
                run_units(executor, workers, 60, 0, [&](std::size_t, std::size_t unit) {
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
            wrong.expect(message == "lowest", "unit ", lowest, " with ", workers, " workers: \"", message,
                         '"');
        }
    CHECK(wrong == 0);
}

TEST_CASE("run_units: an executor that does not run its function is detected", "[parallel]") {
    idle_executor executor;
    CHECK_THROWS_AS(run_units(executor, 2, 4, 0, [](std::size_t, std::size_t) {}), std::logic_error);
}

namespace {

/// Counts its calls, and declares its least work.
struct careful {
    std::chrono::nanoseconds least{0};
    int calls = 0;
    [[nodiscard]] std::chrono::nanoseconds least_work() const { return least; }
    template <class F>
    void parallel_for(std::size_t n, F&& f) {
        ++calls;
        for (std::size_t i = n; i-- > 0;) f(i);
    }
};

// Its threads wake late.
struct sleepy {
    [[nodiscard]] std::chrono::nanoseconds least_work() const { return std::chrono::nanoseconds{0}; }
    template <class F>
    void parallel_for(std::size_t n, F&& f) {
        std::this_thread::sleep_for(std::chrono::milliseconds{300});
        for (std::size_t i = 0; i < n; ++i) f(i);
    }
};

void busy_for(std::chrono::microseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
    }
}

}  // namespace

TEST_CASE("run_units: other workers are woken only for enough work", "[run_units]") {
    using std::chrono::hours;
    using std::chrono::microseconds;
    double spent = 0;
    const auto run = [&](careful executor, std::size_t units, microseconds each, double expected = 0) {
        std::vector<int> runs(units, 0);
        spent =
            imle::detail::run_units(executor, 2, units, expected, [&](std::size_t worker, std::size_t unit) {
                CHECK(worker < 2);
                ++runs[unit];
                busy_for(each);
            });
        CHECK(std::count(runs.begin(), runs.end(), 1) == static_cast<std::ptrdiff_t>(units));
        return executor.calls;
    };
    CHECK(run({hours{1}}, 50, microseconds{10}) == 0);
    CHECK(run({microseconds{0}}, 50, microseconds{0}) == 1);
    // After the first unit some 5 ms are left.
    CHECK(run({microseconds{100}}, 100, microseconds{50}) == 1);
    CHECK(run({hours{1}}, 1, microseconds{0}) == 0);
    // Two long units: they can be shared only if it is known that they are long.
    CHECK(run({microseconds{100}}, 2, microseconds{200}, 4e-4) == 1);
    CHECK(run({hours{1}}, 2, microseconds{200}, 4e-4) == 0);
    CHECK(spent >= 4e-4);
}

TEST_CASE("run_units: what throws before others are woken is the lowest failure", "[run_units]") {
    careful executor{std::chrono::hours{1}};
    int ran = 0;
    CHECK_THROWS_AS(imle::detail::run_units(executor, 2, 10, 0,
                                            [&](std::size_t, std::size_t unit) {
                                                ++ran;
                                                if (unit == 3) throw std::domain_error("3");
                                            }),
                    std::domain_error);
    CHECK(ran == 4);
}

TEST_CASE("run_units: the time in which threads wake is not taken for work", "[run_units]") {
    sleepy executor;
    const double spent = imle::detail::run_units(
        executor, 2, 4, 0, [](std::size_t, std::size_t) { busy_for(std::chrono::microseconds{500}); });
    CHECK(spent >= 2e-3);
    CHECK(spent < 0.3);
}
