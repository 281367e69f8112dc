#include <imle/parallel/idle_pool.hpp>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/catch.hpp"

namespace idle_pool_tests {

namespace {

// Cannot be copied or moved, like an object with threads.
struct tool {
    explicit tool(int& made) : number(made++) {}
    tool(const tool&) = delete;
    tool& operator=(const tool&) = delete;
    int number;
};

}  // namespace

TEST_CASE("idle_pool: an object is lent to one at a time, and again", "[parallel]") {
    int made = 0;
    imle::detail::idle_pool<tool> pool;
    const auto take = [&] { return pool.take([&] { return std::make_unique<tool>(made); }); };
    {
        const auto first = take(), second = take();
        CHECK(first->number != second->number);
    }
    for (int i = 0; i < 3; ++i) {
        const auto one = take(), other = take();
        CHECK(one->number != other->number);
    }
    CHECK(made == 2);
}

TEST_CASE("idle_pool: an object comes back after an exception, and may fail to be made", "[parallel]") {
    int made = 0;
    imle::detail::idle_pool<tool> pool;
    const auto fail_to_make = [&] {
        static_cast<void>(pool.take([]() -> std::unique_ptr<tool> { throw std::runtime_error("none left"); }));
    };
    CHECK_THROWS_AS(fail_to_make(), std::runtime_error);
    for (int i = 0; i < 3; ++i) {
        const auto use = [&] {
            const auto one = pool.take([&] { return std::make_unique<tool>(made); });
            throw std::logic_error("a call that fails");
        };
        CHECK_THROWS_AS(use(), std::logic_error);
    }
    CHECK(made == 1);
}

TEST_CASE("idle_pool: several threads never share an object", "[parallel]") {
    constexpr int threads = 4, rounds = 200;
    imle::detail::idle_pool<int> pool;
    std::vector<int> shared(threads);
    std::vector<std::thread> users;  // libc++ 19 has no std::jthread
    for (std::size_t t = 0; t < threads; ++t)
        users.emplace_back([&, t] {
            for (int i = 0; i < rounds; ++i) {
                const auto lent = pool.take([] { return std::make_unique<int>(0); });
                // A race, if two had it: the thread sanitizer would say so.
                if (*lent != 0) ++shared[t];
                *lent = 1;
                if (i % 20 == 0) std::this_thread::yield();
                *lent = 0;
            }
        });
    for (std::thread& user : users) user.join();
    for (const int count : shared) CHECK(count == 0);
}

}  // namespace idle_pool_tests
