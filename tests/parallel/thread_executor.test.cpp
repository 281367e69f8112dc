#include <imle/parallel/thread_executor.hpp>

#include <atomic>
#include <imle/parallel/executor.hpp>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#if __has_include(<sys/wait.h>)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "support/catch.hpp"
#include "support/tally.hpp"

static_assert(imle::Executor<imle::thread_executor>);

TEST_CASE("thread_executor: each index once, all done on return", "[parallel]") {
    imle::thread_executor executor;
    support::tally wrong;
    for (int repeat = 0; repeat < 200; ++repeat)
        for (const std::size_t n : {0u, 1u, 2u, 3u, 7u}) {
            std::vector<std::atomic<int>> calls(n);
            executor.parallel_for(n, [&](std::size_t i) { ++calls[i]; });
            for (std::size_t i = 0; i < n; ++i)
                wrong.expect(calls[i] == 1, "index ", i, " of ", n, " in call ", repeat, ": ",
                             calls[i].load(), " times");
        }
    CHECK(wrong == 0);
}

TEST_CASE("thread_executor: indices run at the same time", "[parallel]") {
    // Each of three waits until all three have arrived: with fewer threads this would never end.
    imle::thread_executor executor;
    std::atomic<int> arrived{0};
    std::vector<std::thread::id> ids(3);
    executor.parallel_for(3, [&](std::size_t i) {
        ids[i] = std::this_thread::get_id();
        ++arrived;
        while (arrived != 3) std::this_thread::yield();
    });
    CHECK(std::set<std::thread::id>(ids.begin(), ids.end()).size() == 3);
}

TEST_CASE("thread_executor: threads are kept between calls", "[parallel]") {
    imle::thread_executor executor;
    std::set<std::thread::id> seen;
    for (int repeat = 0; repeat < 20; ++repeat) {
        std::atomic<int> arrived{0};
        std::vector<std::thread::id> ids(2);
        executor.parallel_for(2, [&](std::size_t i) {
            ids[i] = std::this_thread::get_id();
            ++arrived;
            while (arrived != 2) std::this_thread::yield();
        });
        seen.insert(ids.begin(), ids.end());
    }
    CHECK(seen.size() == 2);
}

TEST_CASE("thread_executor: copies and moves work", "[parallel]") {
    imle::thread_executor executor;
    std::atomic<int> calls{0};
    const auto count = [&](std::size_t) { ++calls; };
    executor.parallel_for(3, count);
    imle::thread_executor copy = executor;
    copy.parallel_for(3, count);
    imle::thread_executor moved = std::move(executor);
    moved.parallel_for(3, count);
    copy = moved;
    copy.parallel_for(3, count);
    moved = std::move(copy);
    moved.parallel_for(3, count);
    CHECK(calls == 15);
}

#if __has_include(<sys/wait.h>) && !defined(__SANITIZE_THREAD__)
TEST_CASE("thread_executor: a process that was forked has threads of its own", "[parallel]") {
    imle::thread_executor executor;
    std::atomic<int> calls{0};
    executor.parallel_for(3, [&](std::size_t) { ++calls; });
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(20);  // a child that hangs is a failure
        {
            imle::thread_executor moved = std::move(executor);
            std::atomic<int> own{0};
            for (int repeat = 0; repeat < 3; ++repeat) moved.parallel_for(3, [&](std::size_t) { ++own; });
            if (own != 9) _exit(1);
        }
        _exit(0);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    executor.parallel_for(3, [&](std::size_t) { ++calls; });
    CHECK(calls == 6);
}

TEST_CASE("thread_executor: a forked process may end without a call", "[parallel]") {
    auto executor = std::make_unique<imle::thread_executor>();
    executor->parallel_for(3, [](std::size_t) {});
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        alarm(20);
        executor.reset();
        _exit(0);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
#endif
