// Wrong thetas and cotangents.

#include "pieces.hpp"

const imle::random_key key{1};

// -- theta --------------------------------------------------------------------------------------------------

void theta_of_integers() {
    const imle::imle_layer layer{echo{}, silence{}, against{}};
#ifdef IMLE_FAIL_theta_of_integers
    const Eigen::Tensor<int, 2> theta(3, 1);
#else
    const Eigen::Tensor<double, 2> theta(3, 1);
#endif
    (void)layer.forward(theta, key);
}

void theta_is_a_matrix() {
    const imle::imle_layer layer{echo{}, silence{}, against{}};
    const Eigen::MatrixXd theta(3, 1);
#ifdef IMLE_FAIL_theta_is_a_matrix
    (void)layer.forward(theta, key);
#else
    (void)layer.forward(imle::as_tensor(theta), key);
#endif
}

void theta_without_batch() {
    const imle::imle_layer layer{echo{}, silence{}, against{}};
#ifdef IMLE_FAIL_theta_without_batch
    const Eigen::Tensor<float, 1> theta(3);
#else
    const Eigen::Tensor<float, 2> theta(3, 1);
#endif
    (void)layer.forward(theta, key);
}

void matrix_expression_as_tensor() {
    const Eigen::MatrixXf a(3, 1);
#ifdef IMLE_FAIL_matrix_expression_as_tensor
    (void)imle::as_tensor(a + a);
#else
    (void)imle::as_tensor(a);
#endif
}

// -- Cotangents ---------------------------------------------------------------------------------------------

void cotangent_per_sample_on_marginals() {
    imle::imle_layer layer{echo{}, silence{}, against{}};
    const auto pass = layer.marginals(matrix(1, 3), key);
#ifdef IMLE_FAIL_cotangent_per_sample_on_marginals
    (void)layer.vjp(pass, cube(1, 1, 3));
#else
    (void)layer.vjp(pass, matrix(1, 3));
#endif
}

void cotangent_of_wrong_rank() {
    imle::imle_layer layer{echo{}, silence{}, against{}};
    const auto pass = layer.forward(matrix(1, 3), key);
#ifdef IMLE_FAIL_cotangent_of_wrong_rank
    (void)layer.vjp(pass, Eigen::Tensor<float, 4, Eigen::RowMajor>(1, 1, 1, 3));
#else
    (void)layer.vjp(pass, cube(1, 1, 3));
#endif
}

void cotangent_of_other_scalar() {
    imle::imle_layer layer{echo{}, silence{}, against{}};
    const auto pass = layer.forward(matrix(1, 3), key);
#ifdef IMLE_FAIL_cotangent_of_other_scalar
    (void)layer.vjp(pass, Eigen::Tensor<double, 2, Eigen::RowMajor>(1, 3));
#else
    (void)layer.vjp(pass, matrix(1, 3));
#endif
}

void cotangent_of_other_layout() {
    imle::imle_layer layer{echo{}, silence{}, against{}};
    const auto pass = layer.forward(matrix(1, 3), key);
#ifdef IMLE_FAIL_cotangent_of_other_layout
    (void)layer.vjp(pass, Eigen::Tensor<float, 2, Eigen::ColMajor>(1, 3));
#else
    (void)layer.vjp(pass, matrix(1, 3));
#endif
}

void pullback_of_marginals() {
    const imle::imle_layer layer{echo{}, silence{}, against{}};
    const auto [value, pullback] = layer.value_and_pullback(matrix(1, 3), key);
#ifdef IMLE_FAIL_pullback_of_marginals
    (void)pullback(matrix(1, 3));
#else
    (void)pullback(value);
#endif
}
