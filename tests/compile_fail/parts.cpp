// Wrong solvers, noises, targets and executors.

#include "pieces.hpp"

// -- Noise --------------------------------------------------------------------------------------------------

void noise_without_fill() {
    struct speech {};
#ifdef IMLE_FAIL_noise_without_fill
    imle::imle_layer layer{echo{}, speech{}, against{}};
#else
    imle::imle_layer layer{echo{}, silence{}, against{}};
#endif
    (void)layer;
}

struct fill_not_const {
    void fill(imle::random_key, std::uint64_t, std::span<float>) {}
};
void noise_fill_not_const() {
#ifdef IMLE_FAIL_noise_fill_not_const
    imle::imle_layer layer{echo{}, fill_not_const{}, against{}};
#else
    imle::imle_layer layer{echo{}, silence{}, against{}};
#endif
    (void)layer;
}

struct float_silence {
    void fill(imle::random_key key, std::uint64_t first, std::span<float> out) const {
        silence{}.fill(key, first, out);
    }
};
void noise_of_other_scalar() {
    const imle::imle_layer layer{echo{}, float_silence{}, against{}};
#ifdef IMLE_FAIL_noise_of_other_scalar
    const Eigen::Tensor<double, 2> theta(3, 1);
#else
    const Eigen::Tensor<float, 2> theta(3, 1);
#endif
    (void)layer.forward(theta, imle::random_key{1});
}

// -- Target -------------------------------------------------------------------------------------------------

void target_without_parameters() {
    struct aimless {};
#ifdef IMLE_FAIL_target_without_parameters
    imle::imle_layer layer{echo{}, silence{}, aimless{}};
#else
    imle::imle_layer layer{echo{}, silence{}, against{}};
#endif
    (void)layer;
}

struct parameters_not_const {
    void parameters(std::span<const float>, std::span<const float>, std::span<float>) {}
};
void target_parameters_not_const() {
#ifdef IMLE_FAIL_target_parameters_not_const
    imle::imle_layer layer{echo{}, silence{}, parameters_not_const{}};
#else
    imle::imle_layer layer{echo{}, silence{}, against{}};
#endif
    (void)layer;
}

struct float_against {
    void parameters(std::span<const float> theta, std::span<const float> dz,
                    std::span<float> theta_prime) const {
        against{}.parameters(theta, dz, theta_prime);
    }
};
void target_of_other_scalar() {
    const imle::imle_layer layer{echo{}, silence{}, float_against{}};
#ifdef IMLE_FAIL_target_of_other_scalar
    const Eigen::Tensor<double, 2> theta(3, 1);
#else
    const Eigen::Tensor<float, 2> theta(3, 1);
#endif
    (void)layer.forward(theta, imle::random_key{1});
}

// -- Solver -------------------------------------------------------------------------------------------------

void solver_not_copyable() {
    struct owner : echo {
#ifdef IMLE_FAIL_solver_not_copyable
        std::unique_ptr<int> scratch;
#else
        std::shared_ptr<int> scratch;
#endif
    };
    imle::imle_layer layer{owner{}, silence{}, against{}};
    (void)layer;
}

void solver_of_matrices() {
#ifdef IMLE_FAIL_solver_of_matrices
    const auto solver = [](const Eigen::MatrixXf& theta, Eigen::MatrixXf& z) { z = theta; };
#else
    const auto solver = [](const auto& theta, auto& z) { z = theta; };
#endif
    const imle::imle_layer layer{solver, silence{}, against{}};
    (void)layer.forward(matrix(1, 3), imle::random_key{1});
}

void solver_of_other_rank() {
    const auto solver = [](const Eigen::TensorMap<const Eigen::Tensor<float, 1, Eigen::RowMajor>>& theta,
                           Eigen::TensorMap<Eigen::Tensor<float, 1, Eigen::RowMajor>>& z) { z = theta; };
    const imle::imle_layer layer{solver, silence{}, against{}};
#ifdef IMLE_FAIL_solver_of_other_rank
    (void)layer.forward(cube(1, 3, 3), imle::random_key{1});
#else
    (void)layer.forward(matrix(1, 3), imle::random_key{1});
#endif
}

void solver_returns_other_layout() {
#ifdef IMLE_FAIL_solver_returns_other_layout
    constexpr int layout = Eigen::ColMajor;
#else
    constexpr int layout = Eigen::RowMajor;
#endif
    const auto solver = [](const auto& theta) { return Eigen::Tensor<float, 1, layout>(theta.dimension(0)); };
    const imle::imle_layer layer{solver, silence{}, against{}};
    (void)layer.forward(matrix(1, 3), imle::random_key{1});
}

// -- Options -----------------------------------------------------------------------------------------------

void option_misspelt() {
#ifdef IMLE_FAIL_option_misspelt
    imle::imle_layer layer{echo{}, silence{}, against{}, {.sampels = 8}};
#else
    imle::imle_layer layer{echo{}, silence{}, against{}, {.samples = 8}};
#endif
    (void)layer;
}

// -- Executor -----------------------------------------------------------------------------------------------

struct in_turn {
    template <class F>
    void parallel_for(std::size_t n, F&& f) {
        for (std::size_t i = 0; i < n; ++i) f(i);
    }
};
void executor_without_parallel_for() {
    struct idle {};
#ifdef IMLE_FAIL_executor_without_parallel_for
    imle::imle_layer layer{echo{}, silence{}, against{}, imle::layer_options{}, idle{}};
#else
    imle::imle_layer layer{echo{}, silence{}, against{}, imle::layer_options{}, in_turn{}};
#endif
    (void)layer;
}
