#include "learning.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <utility>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/layer/imle_layer.hpp>
#include <imle/layer/shared.hpp>
#include <imle/losses/fenchel_young_loss.hpp>
#include <imle/losses/hamming_loss.hpp>
#include <imle/noise/normal.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "support/adam.hpp"
#include "support/dice.hpp"

namespace routes {
namespace {

using edge_tensor = Eigen::Tensor<float, 1, Eigen::RowMajor>;   // [edge]
using trips_tensor = Eigen::Tensor<float, 2, Eigen::RowMajor>;  // [trip, edge]

/// The observed paths of some trips.
trips_tensor observed_paths(const trips& seen, std::span<const std::uint64_t> ids, Eigen::Index edges) {
    trips_tensor paths(static_cast<Eigen::Index>(ids.size()), edges);
    paths.setZero();
    for (std::size_t row = 0; row < ids.size(); ++row)
        for (const Eigen::Index edge : seen.observed[static_cast<std::size_t>(ids[row])])
            paths(static_cast<Eigen::Index>(row), edge) = 1;
    return paths;
}

/// Positive costs: the initial ones times the exponentials of the learned numbers.
class positive_costs {
  public:
    explicit positive_costs(const std::vector<float>& start)
        : start_(start),
          logarithms_(start.size(), 0.0F),
          gradient_(start.size()),
          adam_(start.size(), 0),
          costs_(static_cast<Eigen::Index>(start.size())) {
        std::copy(start.begin(), start.end(), costs_.data());
    }

    [[nodiscard]] const edge_tensor& get() const { return costs_; }

    /// One step of Adam down the gradient of a loss with respect to the costs.
    void update(const edge_tensor& gradient, double learning_rate) {
        adam_.learning_rate = static_cast<float>(learning_rate);
        for (std::size_t e = 0; e < gradient_.size(); ++e)
            gradient_[e] = gradient.data()[e] * costs_.data()[e];
        adam_.update(logarithms_, gradient_);
        for (std::size_t e = 0; e < start_.size(); ++e)
            costs_.data()[e] = start_[e] * std::exp(logarithms_[e]);
    }

  private:
    std::vector<float> start_;
    std::vector<float> logarithms_;
    std::vector<float> gradient_;
    example_support::adam adam_;
    edge_tensor costs_;
};

/// Shuffles the trips for each epoch.
void shuffle(std::vector<std::uint64_t>& ids, const imle::random_key& key) {
    example_support::dice roll(key);
    for (std::size_t i = ids.size(); i > 1; --i)
        std::swap(ids[i - 1], ids[static_cast<std::size_t>(roll.between(0, static_cast<int>(i) - 1))]);
}

/// gradient(costs, ids, observed, key): the gradient of a minibatch's loss with respect to the costs, [edge].
template <class GradientT>
learning_record learn_by(const std::vector<float>& start, const trips& seen, const learning_options& options,
                         const imle::random_key& key, const std::function<void()>& on_epoch,
                         const GradientT& gradient) {
    const auto begin = std::chrono::steady_clock::now();
    positive_costs costs(start);
    std::vector<std::uint64_t> order = seen.training_ids();
    std::uint64_t step = 0;
    for (int epoch = 0; epoch < options.epochs; ++epoch) {
        shuffle(order, key.fold_in(0).fold_in(static_cast<std::uint64_t>(epoch)));
        const auto batch = static_cast<std::size_t>(options.batch);
        // Steps decrease from epoch to epoch, down to 0.
        const double learning_rate =
            options.learning_rate * (1 - static_cast<double>(epoch) / options.epochs);
        for (std::size_t first = 0; first < order.size(); first += batch) {
            const auto ids = std::span(order).subspan(first, std::min(batch, order.size() - first));
            const trips_tensor observed = observed_paths(seen, ids, costs.get().size());
            costs.update(gradient(costs.get(), ids, observed, key.fold_in(1).fold_in(step++)), learning_rate);
        }
        on_epoch();
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    const auto passes = options.loss == loss_kind::hamming ? 2 : 1;
    return {
        {costs.get().data(), costs.get().data() + costs.get().size()},
        taken.count(),
        std::int64_t{passes} * options.epochs * static_cast<std::int64_t>(order.size()) * options.samples};
}

}  // namespace

std::vector<float> costs_at_first(const road_network& network, first_costs start) {
    if (start == first_costs::uniform) return std::vector<float>(network.lengths.size(), 1.0F);
    std::vector<float> costs = network.lengths;
    const double sum = std::accumulate(costs.begin(), costs.end(), 0.0);
    const auto mean = static_cast<float>(sum / static_cast<double>(costs.size()));
    // A factor could never change a cost of 0.
    for (float& cost : costs) cost = mean > 0 ? std::max(cost / mean, 0.01F) : 1.0F;
    return costs;
}

learning_record learn(const std::vector<float>& start, const trips& seen, const learning_options& options,
                      const imle::random_key& key, const std::function<void()>& on_epoch) {
    if (options.loss == loss_kind::hamming) {
        // [hamming]
        const imle::imle_layer layer{seen.solver, imle::normal{},
                                     imle::perturbation_target{.alpha = 1, .beta = 1},
                                     imle::layer_options{.samples = options.samples,
                                                         .input_temperature = options.temperature,
                                                         .target_temperature = options.temperature,
                                                         .threads = options.threads}};
        const auto gradient = [&](const edge_tensor& costs, std::span<const std::uint64_t> ids,
                                  const trips_tensor& observed, const imle::random_key& noise) {
            const auto pass =
                layer.marginals(imle::shared(costs, observed.dimension(0)), noise, {.ids = ids});
            return edge_tensor(layer.vjp(pass, imle::hamming_gradient(observed)));
        };
        // [/hamming]
        return learn_by(start, seen, options, key, on_epoch, gradient);
    }
    // [fenchel_young]
    const imle::fenchel_young_loss loss{
        seen.solver, imle::normal{},
        imle::fenchel_young_options{
            .samples = options.samples, .temperature = options.temperature, .threads = options.threads}};
    const auto gradient = [&](const edge_tensor& costs, std::span<const std::uint64_t> ids,
                              const trips_tensor& observed, const imle::random_key& noise) {
        // The costs are one instance, which all trips share; the gradient is the sum of theirs.
        return loss(imle::shared(costs, observed.dimension(0)), observed, noise, {.ids = ids}).gradient;
    };
    // [/fenchel_young]
    return learn_by(start, seen, options, key, on_epoch, gradient);
}

}  // namespace routes
