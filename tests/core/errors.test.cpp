#include <imle/core/errors.hpp>

#include <stdexcept>

#include "support/catch.hpp"
#include "support/messages.hpp"

TEST_CASE("errors: messages say what was wrong, what it was and what was expected", "[core]") {
    const auto message = support::message_of<std::invalid_argument>(
        [] { imle::detail::throw_invalid("samples", -3, "at least 1"); });
    CHECK(message == "imle: samples is -3; expected at least 1");
}

TEST_CASE("errors: where a solver or a noise failed", "[core]") {
    const imle::solver_error error("no", 7, 3);
    CHECK(error.instance() == 7);
    CHECK(error.sample() == 3);
    const imle::noise_error other("no", 8, 4);
    CHECK(other.instance() == 8);
    CHECK(other.sample() == 4);
    static_assert(std::is_base_of_v<std::runtime_error, imle::solver_error>);
    static_assert(!std::is_base_of_v<std::invalid_argument, imle::noise_error>);
}
