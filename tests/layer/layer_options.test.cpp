#include <imle/layer/layer_options.hpp>

#include <cmath>
#include <imle/layer/imle_layer.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <limits>

#include "layer/layer_fixtures.hpp"
#include "support/catch.hpp"
#include "support/messages.hpp"

using namespace fixtures;
using imle::difference;
using imle::imle_layer;
using imle::perturbation_target;
using support::message_of;
using support::says;

TEST_CASE("layer_options: invalid values are refused", "[layer]") {
    const auto make = [](imle::layer_options options) {
        return message_of<std::invalid_argument>([&] {
            imle_layer layer{cube_solver, hashed_noise{}, perturbation_target{}, options};
        });
    };
    CHECK(make({.samples = 3}).empty());
    CHECK(says(make({.samples = 0}), {"samples", "0", "at least 1"}));
    CHECK(says(make({.samples = -2}), {"samples", "-2"}));
    CHECK(says(make({.input_temperature = -1}), {"input_temperature", "-1"}));
    CHECK(says(make({.input_temperature = std::numeric_limits<double>::quiet_NaN()}), {"input_temperature"}));
    CHECK(
        says(make({.target_temperature = std::numeric_limits<double>::infinity()}), {"target_temperature"}));
    CHECK(says(make({.difference = static_cast<imle::difference>(7)}), {"difference", "7"}));
    CHECK(says(make({.threads = -1}), {"threads", "-1"}));
}
