#include <imle/parallel/executor.hpp>

#include <imle/parallel/thread_executor.hpp>

#include "support/catch.hpp"

namespace {

struct serial {
    template <class F>
    void parallel_for(std::size_t n, F&& f) {
        for (std::size_t i = 0; i < n; ++i) f(i);
    }
};
struct unable {};
struct wrong_function {
    void parallel_for(std::size_t, void (*)(const char*)) {}
};
struct immovable : serial {
    immovable() = default;
    immovable(const immovable&) = delete;
};

}  // namespace

static_assert(imle::Executor<imle::thread_executor>);
static_assert(imle::Executor<serial>);
static_assert(!imle::Executor<unable>);
static_assert(!imle::Executor<wrong_function>);
static_assert(!imle::Executor<immovable>);
static_assert(!imle::Executor<int>);

TEST_CASE("Executor: the concept's matrix", "[parallel][concepts]") {
    SUCCEED("checked by the compiler");
}
