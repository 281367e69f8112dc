// The functions that the page's worker calls. Numbers are passed directly; arrays are addresses in the
// module's memory, which does not grow, so that the addresses stay valid.

#include <emscripten/emscripten.h>

#include "map_session.hpp"

namespace {

using web_demo::cells;
using web_demo::grid;

web_demo::map_session& session() {
    static web_demo::map_session the_one;
    return the_one;
}

/// Written by the worker before `imle_paint` (terrains) and `imle_path_through` (the drawing).
std::array<std::uint8_t, cells> painted{};
/// The result of functions that return a path.
grid path{};

}  // namespace

extern "C" {

EMSCRIPTEN_KEEPALIVE std::uint8_t* imle_painted() {
    return painted.data();
}

/// Returns false, and changes nothing, if a setting is out of bounds.
EMSCRIPTEN_KEEPALIVE bool imle_change(double temperature, double k, int samples, std::uint32_t seed) {
    const web_demo::settings wished{temperature, k, samples, seed};
    if (!web_demo::is_valid(wished)) return false;
    session().change(wished);
    return true;
}

/// Returns false, and changes nothing, if a terrain is invalid.
EMSCRIPTEN_KEEPALIVE bool imle_paint() {
    for (const std::uint8_t terrain : painted)
        if (terrain >= web_demo::terrain_costs.size()) return false;
    session().paint(painted);
    return true;
}

EMSCRIPTEN_KEEPALIVE void imle_sample() {
    session().sample();
}
EMSCRIPTEN_KEEPALIVE const float* imle_samples() {
    return session().samples().data();
}
EMSCRIPTEN_KEEPALIVE const float* imle_marginals() {
    return session().marginals().data();
}
EMSCRIPTEN_KEEPALIVE const std::uint32_t* imle_counts() {
    return session().counts().data();
}
EMSCRIPTEN_KEEPALIVE std::uint32_t imle_sampled() {
    return session().sampled();
}
EMSCRIPTEN_KEEPALIVE const float* imle_best_path() {
    path = session().best_path();
    return path.data();
}

EMSCRIPTEN_KEEPALIVE const float* imle_path_through() {
    path = web_demo::map_session::path_through(painted);
    return path.data();
}

/// Sets the path to learn: the last result of `imle_path_through` or `imle_best_path`.
EMSCRIPTEN_KEEPALIVE void imle_want() {
    session().want(path);
}
EMSCRIPTEN_KEEPALIVE void imle_reset_learning() {
    session().reset_learning();
}
EMSCRIPTEN_KEEPALIVE int imle_learn() {
    return session().learn();
}
EMSCRIPTEN_KEEPALIVE std::uint32_t imle_steps() {
    return session().steps();
}
EMSCRIPTEN_KEEPALIVE std::uint32_t imle_first_right_step() {
    return session().first_right_step();
}
EMSCRIPTEN_KEEPALIVE const float* imle_weights() {
    return session().weights().data();
}
EMSCRIPTEN_KEEPALIVE const float* imle_learned_path() {
    return session().learned_path().data();
}
EMSCRIPTEN_KEEPALIVE const float* imle_learner_samples() {
    return session().learner_samples().data();
}

EMSCRIPTEN_KEEPALIVE void imle_solve_for_timing() {
    session().solve_for_timing();
}

}  // extern "C"
