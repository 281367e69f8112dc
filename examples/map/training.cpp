#include "training.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <set>
#include <span>
#include <sstream>
#include <utility>

#include <imle/imle.hpp>
#include <imle/random/words.hpp>

#include "map_noise.hpp"
#include "support/adam.hpp"

namespace map_demo {
namespace {

constexpr float learning_rate = 0.005F;
constexpr double target_step = 10;  // beta, also called lambda
constexpr int frame_count = 100;
constexpr int last_steps = 100;

using tensor3 = Eigen::Tensor<float, 3, Eigen::RowMajor>;  // [1, row, column]
using tensor4 = Eigen::Tensor<float, 4, Eigen::RowMajor>;  // [1, sample, row, column]

/// Uniform in (-0.1, 0.1).
grid initial_weights(imle::random_key key) {
    grid weights;
    imle::uniforms(key, 0, std::span<float>(weights));
    for (float& weight : weights) weight = -0.1F + 0.2F * weight;
    return weights;
}

/// Up to `frame_count` of the steps 1 to `steps`, at growing distances.
std::set<int> steps_to_keep(int steps) {
    std::set<int> kept;
    for (int i = 0; i < frame_count; ++i) {
        const double share = static_cast<double>(i) / (frame_count - 1);
        kept.insert(1 + static_cast<int>((steps - 1) * share * share + 0.5));
    }
    return kept;
}

float mean_loss(const tensor4& samples, const grid& gold) {
    int distance = 0;
    for (Eigen::Index i = 0; i < samples.size(); ++i)
        distance += samples.data()[i] != gold[static_cast<std::size_t>(i) % cells] ? 1 : 0;
    return static_cast<float>(distance) / static_cast<float>(samples.dimension(1));
}

}  // namespace

std::vector<setting> all_settings() {
    std::vector<setting> all;
    for (const auto& [input, target] : {std::pair{0, 0}, {1, 1}, {2, 2}, {5, 5}, {5, 0}})
        for (const int samples : {1, 10, 100})
            all.push_back({static_cast<double>(input), static_cast<double>(target), samples});
    return all;
}

std::string title(const setting& which) {
    std::ostringstream out;
    out << '(' << which.input_temperature << ", " << which.target_temperature << "), " << which.samples
        << (which.samples == 1 ? " sample" : " samples");
    return out.str();
}

double learning_record::final_loss() const {
    const auto count = std::min<std::size_t>(losses.size(), last_steps);
    const double sum = std::accumulate(losses.end() - static_cast<std::ptrdiff_t>(count), losses.end(), 0.0);
    return sum / static_cast<double>(count);
}

std::optional<int> learning_record::first_gold_step() const {
    const auto found = std::find(is_gold.begin(), is_gold.end(), true);
    if (found == is_gold.end()) return std::nullopt;
    return static_cast<int>(found - is_gold.begin()) + 1;
}

double learning_record::final_gold_share() const {
    const auto count = std::min<std::size_t>(is_gold.size(), last_steps);
    const auto gold = std::count(is_gold.end() - static_cast<std::ptrdiff_t>(count), is_gold.end(), true);
    return static_cast<double>(gold) / static_cast<double>(count);
}

learning_record learn(const setting& which, const learning_options& options, const grid& gold,
                      const std::function<void()>& on_step) {
    const auto start = std::chrono::steady_clock::now();
    learning_record record;
    record.which = which;

    imle::imle_layer layer{imle::grid_shortest_path{},
                           map_noise(),
                           imle::perturbation_target{.alpha = 1, .beta = target_step},
                           {.samples = which.samples,
                            .input_temperature = which.input_temperature,
                            .target_temperature = which.target_temperature,
                            .threads = options.threads}};

    // All settings start from the same weights and use the same noise: they differ only in what is compared.
    const imle::random_key key{options.seed};
    grid weights = initial_weights(key.fold_in(0));
    const Eigen::TensorMap<const tensor3> theta(weights.data(), 1, side, side);

    // [cotangents]
    // The loss is linear, so its cotangent is the same at every step. Two ways to hand it over: as that of
    // the marginals, so that each sample gets all of it, or to each sample its share of the mean. Since I-MLE
    // *steps* by beta * cotangent before it solves again, the two are not the same: the share makes the step
    // smaller the more samples there are.
    const tensor3 marginals_cotangent =
        imle::hamming_gradient(Eigen::TensorMap<const tensor3>(gold.data(), 1, side, side));
    tensor4 samples_cotangent;
    if (options.per_sample) {
        samples_cotangent.resize(1, which.samples, side, side);
        for (Eigen::Index i = 0; i < samples_cotangent.size(); ++i)
            samples_cotangent.data()[i] = marginals_cotangent.data()[i % marginals_cotangent.size()] /
                                          static_cast<float>(which.samples);
    }
    // [/cotangents]

    example_support::adam optimizer(cells, learning_rate);
    const std::set<int> kept = steps_to_keep(options.steps);
    for (int step = 1; step <= options.steps; ++step) {
        const auto pass = layer.forward(theta, key.fold_in(static_cast<std::uint64_t>(step)));
        record.losses.push_back(mean_loss(pass.samples(), gold));
        if (kept.contains(step)) {
            learning_frame frame{step, weights, {}};
            std::copy_n(pass.samples().data(), cells, frame.sampled_path.begin());
            record.frames.push_back(frame);
        }

        const tensor3 slope =
            options.per_sample ? layer.vjp(pass, samples_cotangent) : layer.vjp(pass, marginals_cotangent);
        optimizer.update(weights, std::span(slope.data(), cells));

        record.is_gold.push_back(best_path(weights) == gold);
        on_step();
    }
    record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return record;
}

}  // namespace map_demo
