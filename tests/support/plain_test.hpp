#pragma once

// As much of Catch2 as the golden tests need, for builds where its own main is most of the work: those for
// other processors (IMLE_TEST_WITHOUT_CATCH). The program runs all cases and ignores its arguments.

#include <cstdio>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

namespace plain_test {

/// A failed REQUIRE or FAIL ends its case.
struct give_up {};

inline int failures = 0;
inline std::vector<std::string> infos;

struct test_case {
    const char* name;
    void (*run)();
};
inline std::vector<test_case>& test_cases() {
    static std::vector<test_case> all;
    return all;
}
struct registered {
    registered(const char* name, void (*run)()) { test_cases().push_back({name, run}); }
};

/// Text that is shown if something fails while it lives.
struct info {
    explicit info(const std::ostringstream& text) { infos.push_back(text.str()); }
    info(const info&) = delete;
    info& operator=(const info&) = delete;
    ~info() { infos.pop_back(); }
};

inline void fail(const char* file, int line, const std::string& what) {
    ++failures;
    std::printf("%s:%d: %s\n", file, line, what.c_str());
    for (const std::string& text : infos) std::printf("    %s\n", text.c_str());
}

inline int run_all() {
    for (const test_case& each : test_cases()) {
        try {
            each.run();
        } catch (const give_up&) {
        } catch (const std::exception& error) {
            fail(each.name, 0, error.what());
        }
    }
    std::printf("%d cases, %d failures\n", static_cast<int>(test_cases().size()), failures);
    return failures == 0 && !test_cases().empty() ? 0 : 1;
}

}  // namespace plain_test

#define IMLE_JOIN_NAMES(a, b) a##b
#define IMLE_TEST_CASE(name, number)                                          \
    static void IMLE_JOIN_NAMES(test_case_, number)();                        \
    static const plain_test::registered IMLE_JOIN_NAMES(registered_, number)( \
        name, IMLE_JOIN_NAMES(test_case_, number));                           \
    static void IMLE_JOIN_NAMES(test_case_, number)()
#define IMLE_TEST_CASE_NUMBERED(name, number) IMLE_TEST_CASE(name, number)
#define IMLE_INFO(message, number) \
    const plain_test::info IMLE_JOIN_NAMES(info_, number)(std::ostringstream() << message)
#define IMLE_INFO_NUMBERED(message, number) IMLE_INFO(message, number)

// clang-format off: one line each
#define TEST_CASE(name, tags) IMLE_TEST_CASE_NUMBERED(name, __COUNTER__)
#define INFO(message) IMLE_INFO_NUMBERED(message, __COUNTER__)
#define CHECK(...) ((__VA_ARGS__) ? void() : plain_test::fail(__FILE__, __LINE__, "CHECK(" #__VA_ARGS__ ")"))
#define FAIL(message)                                                               \
    (plain_test::fail(__FILE__, __LINE__, (std::ostringstream() << message).str()), \
     throw plain_test::give_up())
#define REQUIRE(...) ((__VA_ARGS__) ? void() : FAIL("REQUIRE(" #__VA_ARGS__ ")"))
// clang-format on
