#pragma once

/// @file
/// The computations of the page: paths sampled on a painted map, their marginals, and costs learned from a
/// wanted path.
///
/// It does no input or output, so that the page's module and the native program share this code. The learning
/// is the map example's (docs/examples/map.md).

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include <imle/imle.hpp>
#include <imle/random/words.hpp>

#include "support/adam.hpp"

namespace web_demo {

inline constexpr int side = 16;
inline constexpr std::size_t cells = std::size_t{side} * side;

/// One number per cell, row by row from the top left.
using grid = std::array<float, cells>;

/// The terrains, in the order of the page's digit keys, and the cost of entering a cell.
inline constexpr std::array<float, 4> terrain_costs{1, 3, 10, 100};  // open ground, forest, swamp, rock

/// The values of the page's sliders.
struct settings {
    /// The temperature of the noise, in both passes.
    double temperature = 1;
    /// The k of the noise: about the length of a path, as in the map example.
    double k = side * 1.3;
    int samples = 10;
    std::uint32_t seed = 0;
};

/// The bounds of the sliders.
inline constexpr double highest_temperature = 5;
inline constexpr double lowest_k = 1;
inline constexpr double highest_k = 64;
inline constexpr int most_samples = 100;

/// False for settings outside the sliders' bounds, NaN included.
[[nodiscard]] inline bool is_valid(const settings& s) {
    return s.temperature >= 0 && s.temperature <= highest_temperature && s.k >= lowest_k &&
           s.k <= highest_k && s.samples >= 1 && s.samples <= most_samples;
}

/// The state of one visitor. All paths go from the top left to the bottom right cell in steps to 8
/// neighbours; as grids they are 1 on their cells and 0 elsewhere.
class map_session {
    using tensor3 = Eigen::Tensor<float, 3, Eigen::RowMajor>;  // [1, row, column]
    using tensor4 = Eigen::Tensor<float, 4, Eigen::RowMajor>;  // [1, sample, row, column]
    using solver_type = imle::grid_shortest_path<side, side>;
    using layer_type = imle::imle_layer<solver_type, imle::sum_of_gamma, imle::perturbation_target>;

  public:
    /// Throws `std::invalid_argument` unless the settings are valid.
    explicit map_session(const settings& s = {}) : settings_(s), layer_(layer_of(s)) {
        rewards_.fill(-terrain_costs[0]);
        forget_samples();
        want(best_path());
        reset_learning();
    }

    /// Changes the settings. The painted map and the learned weights stay; the marginals start again.
    void change(const settings& s) {
        layer_ = layer_of(s);
        settings_ = s;
        forget_samples();
    }

    // -- The painted map
    // --------------------------------------------------------------------------------------

    /// Sets the map. Terrains are indices into `terrain_costs`; one that is out of range throws
    /// `std::out_of_range`. The marginals start again.
    void paint(std::span<const std::uint8_t, cells> terrains) {
        for (std::size_t i = 0; i < cells; ++i) rewards_[i] = -terrain_costs.at(terrains[i]);
        forget_samples();
    }

    /// The cheapest path over the painted map.
    [[nodiscard]] grid best_path() const { return best_path(rewards_); }

    /// Draws the next samples of paths over the painted map. They become `samples()`, and count in
    /// `marginals()`.
    void sample() {
        const auto key = imle::random_key{settings_.seed}.fold_in(0).fold_in(draws_++);
        samples_ = layer_.forward(view(rewards_), key).samples();
        for (Eigen::Index i = 0; i < samples_.size(); ++i)
            sums_[static_cast<std::size_t>(i) % cells] += static_cast<std::uint32_t>(samples_.data()[i]);
        sampled_ += static_cast<std::uint32_t>(settings_.samples);
        for (std::size_t i = 0; i < cells; ++i)
            marginals_[i] = static_cast<float>(sums_[i]) / static_cast<float>(sampled_);
    }

    /// The paths of the last `sample`, one grid after the other.
    [[nodiscard]] std::span<const float> samples() const { return span_of(samples_); }
    /// How often each cell was taken, as a share of the paths since the map or the settings last changed.
    [[nodiscard]] const grid& marginals() const { return marginals_; }
    /// How many times each cell was taken, in how many paths.
    [[nodiscard]] const std::array<std::uint32_t, cells>& counts() const { return sums_; }
    [[nodiscard]] std::uint32_t sampled() const { return sampled_; }

    // -- Learning
    // ---------------------------------------------------------------------------------------------

    /// The path through the visitor's drawing (cells that are not 0): the one with the fewest cells outside
    /// the drawing and, among those, the fewest cells. It has no short cuts, so it is the best path for some
    /// costs.
    [[nodiscard]] static grid path_through(std::span<const std::uint8_t, cells> drawing) {
        grid rewards;
        for (std::size_t i = 0; i < cells; ++i) rewards[i] = drawing[i] != 0 ? -1.0F / 1024 : -1.0F;
        return best_path(rewards);
    }

    /// Sets the path to learn.
    void want(const grid& path) {
        wanted_ = path;
        first_right_step_ = 0;
    }
    [[nodiscard]] const grid& wanted_path() const { return wanted_; }

    /// Forgets everything learned, except the wanted path: the weights are uniform in (-0.1, 0.1), determined
    /// by the seed.
    void reset_learning() {
        imle::uniforms(learning_key().fold_in(0), 0, std::span<float>(weights_));
        for (float& weight : weights_) weight = -0.1F + 0.2F * weight;
        optimizer_ = example_support::adam(cells, learning_rate);
        steps_ = 0;
        first_right_step_ = 0;
        learned_path_ = best_path(weights_);
        learner_samples_.setZero();
    }

    // [learn]
    /// One step towards the wanted path. Returns the loss before the step: in how many cells the sampled
    /// paths differ from it, summed over the samples.
    int learn() {
        const auto pass = layer_.forward(view(weights_), learning_key().fold_in(++steps_));
        learner_samples_ = pass.samples();
        int distance = 0;
        for (Eigen::Index i = 0; i < learner_samples_.size(); ++i)
            distance += learner_samples_.data()[i] != wanted_[static_cast<std::size_t>(i) % cells] ? 1 : 0;
        const tensor3 slope = layer_.vjp(pass, imle::hamming_gradient(view(wanted_)));
        optimizer_.update(weights_, std::span(slope.data(), cells));
        learned_path_ = best_path(weights_);
        if (first_right_step_ == 0 && learned_path_ == wanted_) first_right_step_ = steps_;
        return distance;
    }
    // [/learn]

    [[nodiscard]] std::uint32_t steps() const { return static_cast<std::uint32_t>(steps_); }
    /// The first step after which the learned path was the wanted one; 0 if there was none.
    [[nodiscard]] std::uint32_t first_right_step() const {
        return static_cast<std::uint32_t>(first_right_step_);
    }
    /// The learned rewards: the cost of a cell is the negative of its weight, or 0 if that is negative.
    [[nodiscard]] const grid& weights() const { return weights_; }
    /// The best path for the weights, without noise.
    [[nodiscard]] const grid& learned_path() const { return learned_path_; }
    /// The paths that the last step sampled.
    [[nodiscard]] std::span<const float> learner_samples() const { return span_of(learner_samples_); }

    // -- Speed
    // ------------------------------------------------------------------------------------------------

    /// Solves the painted map as many times as the settings have samples, and keeps nothing, for timing.
    void solve_for_timing() {
        const auto key = imle::random_key{settings_.seed}.fold_in(1).fold_in(timings_++);
        (void)layer_.forward(view(rewards_), key);
    }

    [[nodiscard]] const settings& current() const { return settings_; }

  private:
    static constexpr float learning_rate = 0.005F;
    static constexpr double target_step = 10;  // beta, also called lambda
    static constexpr std::uint64_t noise_terms = 100;

    [[nodiscard]] static layer_type layer_of(const settings& s) {
        if (!is_valid(s)) throw std::invalid_argument("map_session: a setting is out of its bounds");
        return {
            solver_type{},
            imle::sum_of_gamma{s.k, noise_terms},
            imle::perturbation_target{.alpha = 1, .beta = target_step},
            {.samples = s.samples, .input_temperature = s.temperature, .target_temperature = s.temperature}};
    }

    [[nodiscard]] static Eigen::TensorMap<const tensor3> view(const grid& values) {
        return {values.data(), 1, side, side};
    }
    [[nodiscard]] static std::span<const float> span_of(const tensor4& paths) {
        return {paths.data(), static_cast<std::size_t>(paths.size())};
    }

    [[nodiscard]] static grid best_path(const grid& rewards) {
        grid path;
        solver_type solver{};
        imle::const_view<float, 2, Eigen::RowMajor> theta(rewards.data(), side, side);
        imle::mutable_view<float, 2, Eigen::RowMajor> z(path.data(), side, side);
        solver(theta, z);
        return path;
    }

    /// The key of the weights and of the learner's noise.
    [[nodiscard]] imle::random_key learning_key() const { return imle::random_key{settings_.seed}; }

    void forget_samples() {
        draws_ = 0;
        sampled_ = 0;
        sums_.fill(0);
        marginals_.fill(0);
    }

    settings settings_;
    layer_type layer_;
    grid rewards_;
    tensor4 samples_;
    std::array<std::uint32_t, cells> sums_;
    grid marginals_;
    std::uint32_t sampled_ = 0;
    std::uint64_t draws_ = 0;
    std::uint64_t timings_ = 0;

    grid wanted_;
    grid weights_;
    grid learned_path_;
    tensor4 learner_samples_;
    example_support::adam optimizer_{cells, learning_rate};
    std::uint64_t steps_ = 0;
    std::uint64_t first_right_step_ = 0;
};

}  // namespace web_demo
