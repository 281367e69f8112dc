#pragma once

/// @file
/// Learns the costs of edges from the drivers' paths.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <imle/random/random_key.hpp>

#include "network.hpp"
#include "traffic.hpp"

namespace routes {

enum class loss_kind {
    fenchel_young,  ///< the loss of a path: how far it is from the cheapest, under noise
    hamming         ///< I-MLE's gradient of the number of edges in which two paths differ
};

enum class first_costs {
    lengths,  ///< an edge costs its length
    uniform   ///< all edges cost the same
};

struct learning_options {
    loss_kind loss = loss_kind::fenchel_young;
    first_costs start = first_costs::lengths;
    int epochs = 30;
    /// Trips per step.
    int batch = 20;
    /// Paths per trip in a step.
    int samples = 1;
    /// The scale of the noise; initially the mean cost of the edges is 1.
    double temperature = 0.1;
    /// The initial rate; it falls to 0 epoch by epoch.
    double learning_rate = 0.04;
    int threads = 1;
};

struct learning_record {
    std::vector<float> costs;
    double seconds = 0;
    std::int64_t solves = 0;
};

/// The initial costs of the edges. Their mean is 1, and none is 0.
[[nodiscard]] std::vector<float> costs_at_first(const road_network& network, first_costs start);

/// Calls `on_epoch` after each epoch.
[[nodiscard]] learning_record learn(const std::vector<float>& start, const trips& seen,
                                    const learning_options& options, const imle::random_key& key,
                                    const std::function<void()>& on_epoch);

}  // namespace routes
