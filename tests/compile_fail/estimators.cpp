// Wrong parts of the other estimators and of losses.

#include "pieces.hpp"

#include <imle/estimators/conditional_layer.hpp>
#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/perturbed_layer.hpp>
#include <imle/estimators/score_function_layer.hpp>
#include <imle/families/alignment_family.hpp>
#include <imle/families/chain_family.hpp>
#include <imle/families/softmax_family.hpp>
#include <imle/losses/fenchel_young_loss.hpp>
#include <imle/noise/multiplicative.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/solvers/top_k.hpp>

void noise_without_score() {
#ifdef IMLE_FAIL_noise_without_score
    const imle::perturbed_layer layer{echo{}, imle::sum_of_gamma{5}};
#else
    const imle::perturbed_layer layer{echo{}, imle::normal{}};
#endif
    (void)layer;
}

void noise_without_density() {
#ifdef IMLE_FAIL_noise_without_density
    const imle::conditional_layer layer{imle::top_k{2}, silence{}};
#else
    const imle::conditional_layer layer{imle::top_k{2}, imle::sum_of_gamma{5}};
#endif
    (void)layer;
}

void solver_without_thresholds(const matrix& theta) {
#ifdef IMLE_FAIL_solver_without_thresholds
    const imle::conditional_layer layer{echo{}, imle::normal{}};
#else
    const imle::conditional_layer layer{imle::top_k{2}, imle::normal{}};
#endif
    (void)layer.forward(theta, imle::random_key{1});
}

void multiplier_without_law() {
#ifdef IMLE_FAIL_multiplier_without_law
    const imle::multiplicative noise{silence{}};
#else
    const imle::multiplicative noise{imle::normal{}};
#endif
    (void)noise;
}

/// Draws, but knows no mean.
struct dice {
    template <class Scalar>
    void sample(std::span<const Scalar>, imle::random_key, std::uint64_t, std::span<Scalar> z) const {
        std::fill(z.begin(), z.end(), Scalar(1));
    }
};
struct known_dice : dice {
    template <class Scalar>
    void marginals(std::span<const Scalar>, std::span<Scalar> mu) const {
        std::fill(mu.begin(), mu.end(), Scalar(1));
    }
};

void family_without_marginals() {
#ifdef IMLE_FAIL_family_without_marginals
    const imle::score_function_layer layer{dice{}};
#else
    const imle::score_function_layer layer{known_dice{}};
#endif
    (void)layer;
}

void family_without_derivative(const matrix& theta, const matrix& dz) {
#ifdef IMLE_FAIL_family_without_derivative
    imle::exact_layer layer{known_dice{}};
#else
    imle::exact_layer layer{imle::softmax_family{}};
#endif
    (void)layer.vjp(layer.forward(theta, imle::random_key{1}), dz);
}

void family_without_map(const matrix& theta) {
#ifdef IMLE_FAIL_family_without_map
    imle::score_function_layer layer{known_dice{}};
#else
    imle::score_function_layer layer{imle::softmax_family{}};
#endif
    (void)layer.map(theta);
}

void family_of_other_rank(const cube& theta) {
#ifdef IMLE_FAIL_family_of_other_rank
    imle::exact_layer layer{imle::chain_family{}};
#else
    imle::exact_layer layer{imle::alignment_family{}};
#endif
    (void)layer.forward(theta, imle::random_key{1});
}

void losses_of_wrong_rank(const matrix& theta, const cube& losses) {
    const imle::score_function_layer layer{known_dice{}};
    const auto pass = layer.forward(theta, imle::random_key{1});
#ifdef IMLE_FAIL_losses_of_wrong_rank
    (void)layer.gradient(pass, losses);
#else
    (void)layer.gradient(pass, matrix(losses.chip<2>(0)));
#endif
}

void wanted_of_other_scalar(const matrix& theta, const Eigen::Tensor<double, 2, Eigen::RowMajor>& wanted) {
    const imle::fenchel_young_loss loss{echo{}, imle::normal{}};
#ifdef IMLE_FAIL_wanted_of_other_scalar
    (void)loss(theta, wanted, imle::random_key{1});
#else
    (void)loss(theta, matrix(wanted.cast<float>()), imle::random_key{1});
#endif
}
