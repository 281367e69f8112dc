#pragma once

/// @file
/// The methods of experiments 3 and 4. Each is called as method(theta, batch, key) and returns the gradient
/// of the batch's loss, a mean over the batch, with respect to theta: see `train`.

#include <algorithm>
#include <cstdint>
#include <utility>

#include <imle/layer/imle_layer.hpp>
#include <imle/losses/fenchel_young_loss.hpp>
#include <imle/losses/regret.hpp>
#include <imle/losses/spo_plus_loss.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include "decision_training.hpp"

namespace experiments {

// ---- losses of the decisions: the cotangent of the samples' mean ------------------------------------------

/// The benchmark's loss for layers: the mean of |mu - y| over coordinates and batch, y the best decision.
struct mean_l1 {
    rows operator()(const rows& mu, const training_batch& batch) const {
        rows cotangent(mu.dimensions());
        const float share = 1 / static_cast<float>(mu.size());
        for (Eigen::Index i = 0; i < mu.size(); ++i) {
            const float apart = mu.data()[i] - batch.best.data()[i];
            cotangent.data()[i] = apart > 0 ? share : apart < 0 ? -share : 0;
        }
        return cotangent;
    }
};

/// The loss of interest: the regret, which is -<theta_true, mu> up to a constant. It is linear, so it tells
/// each sample which way is better.
struct objective {
    rows operator()(const rows&, const training_batch& batch) const {
        return -batch.parameters / batch.size();
    }
};

/// |<theta_true, mu> - best value|, the benchmark's loss for the layers without noise. It is the regret
/// again, but at a best decision its derivative is 0.
struct l1_on_objective {
    rows operator()(const rows& mu, const training_batch& batch) const {
        const auto regrets = imle::regret<imle::sense::maximize>(mu, batch.parameters, batch.best);
        rows cotangent = objective{}(mu, batch);
        for (Eigen::Index row = 0; row < regrets.size(); ++row)
            if (!(regrets(row) > 0)) cotangent.chip(row, 0).setZero();
        return cotangent;
    }
};

/// The same loss in single precision, where both values are rounded before they are compared: at a best
/// decision a rounding error is left, and its sign acts as a slope.
struct rounded_l1_on_objective {
    rows operator()(const rows& mu, const training_batch& batch) const {
        rows cotangent = objective{}(mu, batch);
        for (Eigen::Index row = 0; row < mu.dimension(0); ++row) {
            float value = 0;
            double best = 0;
            for (Eigen::Index i = 0; i < mu.dimension(1); ++i) {
                value += batch.parameters(row, i) * mu(row, i);
                best +=
                    static_cast<double>(batch.parameters(row, i)) * static_cast<double>(batch.best(row, i));
            }
            const float apart = static_cast<float>(best) - value;
            const float sign = apart > 0 ? 1.0F : apart < 0 ? -1.0F : 0.0F;
            for (Eigen::Index i = 0; i < mu.dimension(1); ++i) cotangent(row, i) *= sign;
        }
        return cotangent;
    }
};

// ---- methods ----------------------------------------------------------------------------------------------

/// Mean squared error of the parameters; it ignores the decision.
struct two_stage {
    rows operator()(const rows& theta, const training_batch& batch, imle::random_key) const {
        return (theta - batch.parameters) * (2 / static_cast<float>(theta.size()));
    }
};

/// SPO+.
template <class SolverT>
class by_spo_plus {
  public:
    explicit by_spo_plus(SolverT solver) : loss_(std::move(solver)) {}
    rows operator()(const rows& theta, const training_batch& batch, imle::random_key) const {
        return loss_(theta, batch.parameters, batch.best).gradient / batch.size();
    }

  private:
    imle::spo_plus_loss<SolverT> loss_;
};

/// A Fenchel-Young loss with the best decisions.
template <class LossT>
class by_fenchel_young {
  public:
    explicit by_fenchel_young(LossT loss) : loss_(std::move(loss)) {}
    rows operator()(const rows& theta, const training_batch& batch, imle::random_key key) const {
        return loss_(theta, batch.best, key).gradient / batch.size();
    }

  private:
    LossT loss_;
};

/// Any layer, with a loss of the mean of its samples.
template <class LayerT, class LossT>
class by_layer {
  public:
    by_layer(LayerT layer, LossT loss) : layer_(std::move(layer)), loss_(loss) {}
    rows operator()(const rows& theta, const training_batch& batch, imle::random_key key) {
        const auto pass = layer_.forward(theta, key);
        return layer_.vjp(pass, loss_(pass.marginals(), batch));
    }

  private:
    LayerT layer_;
    LossT loss_;
};

/// The steps of an `imle_layer` during a training.
struct step_record {
    /// The mean of lambda * rms(dz) / rms(theta): the step as a share of theta's norm.
    double relative_step = 0;
    /// The share of samples whose two solutions were the same, and which therefore gave no gradient.
    double zero_share = 0;
};

/// An `imle_layer` made with `.statistics = true`, whose steps are recorded.
template <class LayerT, class LossT>
class by_imle {
  public:
    by_imle(LayerT layer, LossT loss) : layer_(std::move(layer)), loss_(loss) {}

    rows operator()(const rows& theta, const training_batch& batch, imle::random_key key) {
        const auto pass = layer_.forward(theta, key);
        const rows cotangent = loss_(pass.marginals(), batch);
        const imle::target_sums sums = layer_.sums(pass, cotangent);
        if (sums.theta_rms() > 0) steps_ += step_of(layer_.target(), sums) * sums.dz_rms() / sums.theta_rms();
        ++calls_;
        rows gradient = layer_.vjp(pass, cotangent);
        differences_ += layer_.statistics().differences;
        zeros_ += layer_.statistics().zero_differences;
        return gradient;
    }

    [[nodiscard]] step_record record() const {
        return {steps_ / std::max(1.0, calls_),
                static_cast<double>(zeros_) / static_cast<double>(std::max<std::uint64_t>(1, differences_))};
    }

  private:
    static double step_of(const imle::perturbation_target& target, const imle::target_sums&) {
        return target.beta;
    }
    static double step_of(const imle::adaptive_target& target, const imle::target_sums& sums) {
        return target.lambda(sums);
    }

    LayerT layer_;
    LossT loss_;
    double steps_ = 0;
    double calls_ = 0;
    std::uint64_t differences_ = 0;
    std::uint64_t zeros_ = 0;
};

/// I-MLE with a step that is a fixed share of theta's norm.
[[nodiscard]] inline imle::adaptive_target relative_step(double share) {
    return imle::adaptive_target({.initial_beta = share, .beta_step = 0});
}

}  // namespace experiments
