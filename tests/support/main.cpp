// The test runner's main: for Catch2 2.13 (version 3 brings its own), and for builds without it.
#if defined(IMLE_TEST_WITHOUT_CATCH)
#include "support/plain_test.hpp"
int main() {
    return plain_test::run_all();
}
#elif !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
