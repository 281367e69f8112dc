#include "training.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/core/tensor.hpp>
#include <imle/estimators/straight_through_layer.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/random/words.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "selection.hpp"
#include "standardization.hpp"

namespace learning_to_explain {
namespace {

constexpr int hidden_width = 64;
constexpr float predictor_learning_rate = 2e-3F;
constexpr int curve_points = 20;

/// [batch, sample, feature]
using sample_tensor = Eigen::Tensor<float, 3, Eigen::RowMajor>;

/// For straight-through, the best of 1e-3, 3e-4 and 1e-4: the rate with which most was found. I-MLE's was not
/// tuned.
float selector_learning_rate(method how) {
    if (how == method::straight_through) return 1e-4F;
    if (how == method::standardized) return 3e-4F;
    return 1e-3F;
}

/// The predictor's training data: instances, and for each the probability of label 1 that it should predict.
struct lesson {
    matrix x;
    vector target;
};

/// Instances drawn from the training data.
lesson draw_lesson(const dataset& from, const training_options& options, const imle::random_key& key) {
    std::vector<std::uint32_t> words(static_cast<std::size_t>(options.batch));
    imle::random_words(key, 0, words);
    lesson drawn{matrix(options.batch, features), vector(options.batch)};
    const vector& targets = options.drawn_labels ? from.label : from.probability;
    for (Eigen::Index row = 0; row < options.batch; ++row) {
        const std::uint64_t word = words[static_cast<std::size_t>(row)];
        const auto chosen = static_cast<Eigen::Index>((word * static_cast<std::uint64_t>(from.size())) >> 32);
        drawn.x.row(row) = from.x.row(chosen);
        drawn.target[row] = targets[chosen];
    }
    return drawn;
}

/// Repeats each instance `samples` times in a row, in the order of the layer's samples.
lesson repeated(const lesson& once, int samples) {
    lesson many{matrix(once.x.rows() * samples, features), vector(once.x.rows() * samples)};
    for (Eigen::Index row = 0; row < many.x.rows(); ++row) {
        many.x.row(row) = once.x.row(row / samples);
        many.target[row] = once.target[row / samples];
    }
    return many;
}

/// Trains the predictor on the selected features of the instances; `share` is the weight of this lesson.
/// Returns the gradient of each row's cross-entropy with respect to its selection.
matrix teach(network& predictor, const lesson& what, const matrix& selected, float share) {
    const network::trace of = predictor.traced_forward(selected.cwiseProduct(what.x));
    const matrix error = probabilities(of.output) - what.target;
    return predictor.backward(of, error, share / static_cast<float>(what.x.rows())).cwiseProduct(what.x);
}

/// A selector's scores for instances: theta, [batch, feature], and the way back.
class scored_batch {
  public:
    scored_batch(const network& selector, const matrix& x, bool standardizes)
        : of_(selector.traced_forward(x)) {
        if (standardizes) scaled_.emplace(of_.output);
    }

    [[nodiscard]] const matrix& theta() const { return scaled_.has_value() ? scaled_->scores() : of_.output; }

    /// Adds the gradient of the mean over the batch to the selector's.
    void backward(network& selector, const matrix& theta_gradient) const {
        selector.backward(of_, scaled_.has_value() ? scaled_->backward(theta_gradient) : theta_gradient,
                          1.0F / static_cast<float>(theta_gradient.rows()));
    }

  private:
    network::trace of_;
    std::optional<standardized> scaled_;
};

/// Keys of the random parts of a step.
enum stream : std::uint64_t { selector_weights, predictor_weights, steps };
enum step_stream : std::uint64_t { batch_stream, noise_stream, mask_stream, mask_batch_stream };

/// The models of one method: a selector, if it has one, and a predictor.
struct learner {
    method how;
    training_options options;
    network selector;
    network predictor;

    learner(method which, const training_options& wanted, const imle::random_key& key)
        : how(which),
          options(wanted),
          selector(features, hidden_width, features, selector_learning_rate(which),
                   key.fold_in(selector_weights)),
          predictor(features, hidden_width, 1, predictor_learning_rate, key.fold_in(predictor_weights)) {}

    // [step]
    /// One step of selector and predictor, end to end: scores, selections under noise, the cross-entropy of
    /// what the predictor makes of the selected features, and back.
    template <class LayerT>
    void step(LayerT& layer, const dataset& training, const imle::random_key& key) {
        const lesson once = draw_lesson(training, options, key.fold_in(batch_stream));
        const scored_batch scored(selector, once.x, how == method::standardized);
        const auto pass = layer.forward(imle::as_tensor(scored.theta()), key.fold_in(noise_stream));

        // A row for each sample: [batch * sample, feature].
        const lesson many = repeated(once, options.samples);
        const Eigen::Map<const matrix> selected(pass.samples().data(), many.x.rows(), features);
        const bool sees_random_masks = how != method::no_random_masks;
        const matrix dz = teach(predictor, many, selected, sees_random_masks ? 0.5F : 1.0F);

        // The cotangent of each sample is that of its own loss, so it does not shrink with their number.
        const Eigen::TensorMap<const sample_tensor> cotangent(dz.data(), options.batch, options.samples,
                                                              features);
        const auto gradient = layer.vjp(pass, cotangent);
        scored.backward(selector, Eigen::Map<const matrix>(gradient.data(), options.batch, features));
        selector.update();

        // Half of what the predictor learns from are masks that say nothing about the instance.
        if (sees_random_masks)
            teach(predictor, draw_lesson(training, options, key.fold_in(mask_batch_stream)),
                  random_selections(key.fold_in(mask_stream), options.batch, 0, features), 0.5F);
        predictor.update();
    }
    // [/step]

    /// One step of the predictor only.
    void step_without_selector(const dataset& training, const matrix& fixed, const imle::random_key& key) {
        const lesson once = draw_lesson(training, options, key.fold_in(batch_stream));
        teach(predictor, once,
              how == method::fixed ? matrix(fixed.topRows(options.batch))
                                   : random_selections(key.fold_in(mask_stream), options.batch,
                                                       deciding_count, deciding_count),
              1.0F);
        predictor.update();
    }

    [[nodiscard]] matrix select(const dataset& training, const dataset& data,
                                const imle::random_key& key) const {
        if (is_learned(how)) return highest(selector.forward(data.x));
        if (how == method::fixed) return best_fixed_selection(training, data.size());
        return random_selections(key, data.size(), deciding_count, deciding_count);
    }
};

/// Calls `step(learner, key)` for each step, with a test now and then.
template <class StepT>
training_record learn(learner own, const dataset& training, const dataset& testing,
                      const imle::random_key& key, const std::function<void()>& on_step, const StepT& step) {
    const auto start = std::chrono::steady_clock::now();
    training_record record;
    const int interval = std::max(1, own.options.steps / curve_points);
    for (int i = 1; i <= own.options.steps; ++i) {
        step(own, key.fold_in(steps).fold_in(static_cast<std::uint64_t>(i)));
        if (i == 1 || i % interval == 0 || i == own.options.steps) {
            record.selected = own.select(training, testing, key.fold_in(steps).fold_in(0));
            record.curve.push_back({i, score(record.selected, own.predictor, testing)});
        }
        on_step();
    }
    record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return record;
}

}  // namespace

std::string title(method how) {
    switch (how) {
        case method::imle:
            return "I-MLE";
        case method::straight_through:
            return "straight-through";
        case method::standardized:
            return "straight-through, standardized";
        case method::no_random_masks:
            return "I-MLE, no random masks";
        case method::fixed:
            return "best fixed selection";
        case method::random:
            return "random selection";
    }
    return {};
}

bool is_learned(method how) {
    return how != method::fixed && how != method::random;
}

training_record train(method how, const training_options& options, const dataset& training,
                      const dataset& testing, const imle::random_key& key,
                      const std::function<void()>& on_step) {
    learner own(how, options, key);
    if (!is_learned(how)) {
        const matrix fixed = best_fixed_selection(training, options.batch);
        return learn(std::move(own), training, testing, key, on_step,
                     [&](learner& which, const imle::random_key& step_key) {
                         which.step_without_selector(training, fixed, step_key);
                     });
    }
    const auto learn_through = [&](auto layer) {
        return learn(
            std::move(own), training, testing, key, on_step,
            [&](learner& which, const imle::random_key& step_key) { which.step(layer, training, step_key); });
    };
    // [layers]
    const imle::layer_options sampling{.samples = options.samples, .threads = options.threads};
    const imle::top_k solver{deciding_count};
    const imle::sum_of_gamma noise{deciding_count, 100};
    if (how == method::straight_through || how == method::standardized)
        return learn_through(imle::straight_through_layer{solver, noise, sampling});
    const imle::perturbation_target target{.alpha = 1, .beta = options.beta, .scale_gradient = true};
    return learn_through(imle::imle_layer{solver, noise, target, sampling});
    // [/layers]
}

}  // namespace learning_to_explain
