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

TEST_CASE("Executor: types that model the concept and types that do not", "[parallel][concepts]") {
    STATIC_REQUIRE(imle::Executor<imle::thread_executor>);
    STATIC_REQUIRE(imle::Executor<serial>);
    STATIC_REQUIRE(!imle::Executor<unable>);
    STATIC_REQUIRE(!imle::Executor<wrong_function>);
    STATIC_REQUIRE(!imle::Executor<immovable>);
    STATIC_REQUIRE(!imle::Executor<int>);
}
