// Feeds bytes to the layer as shapes, rewards, cotangents and options, with every built-in solver, noise and
// target, and with a solver that breaks its contract.
//
// Allowed: a result that is finite and keeps the laws below, or an exception of the type that the mistake
// calls for. All else (another exception, a sanitizer's report, a broken law) aborts.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <variant>
#include <vector>

#include <imle/imle.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/std_noise.hpp>
#include <imle/noise/sum_of_gamma_series.hpp>

#include "../support/tensors.hpp"
#include "byte_source.hpp"

using support::same_bits;

namespace {

void require(bool holds, const char* law) {
    if (holds) return;
    std::fprintf(stderr, "broken law: %s\n", law);
    std::abort();
}

// -- Parts that are chosen at run time, so that the layer is instantiated a few times only ------------------

/// Leaves cells unwritten, writes what is not finite, or throws.
struct hostile {
    struct own_exception {};
    unsigned way = 0;

    template <class ThetaT, class ZT>
    void operator()(const ThetaT& theta, ZT& z) const {
        using Scalar = imle::scalar_of<ThetaT>;
        if (way == 0) throw own_exception{};
        std::copy_n(theta.data(), theta.size() - (way == 1 ? 1 : 0), z.data());
        if (way == 2) z.data()[theta.size() - 1] = std::numeric_limits<Scalar>::infinity();
    }
};

struct any_solver {
    std::variant<imle::top_k<>, imle::categorical<>, imle::grid_shortest_path<>, hostile> chosen;

    template <class ThetaT, class ZT>
    void operator()(const ThetaT& theta, ZT& z) {
        std::visit(
            [&](auto& solver) {
                if constexpr (requires { solver(theta, z); })
                    solver(theta, z);
                else  // grid paths for an instance that is no grid
                    imle::categorical<>{}(theta, z);
            },
            chosen);
    }
    [[nodiscard]] bool is_hostile() const { return std::holds_alternative<hostile>(chosen); }
};

struct any_noise {
    std::variant<imle::no_noise, imle::gumbel, imle::normal, imle::gamma, imle::sum_of_gamma,
                 imle::sum_of_gamma_series, imle::std_noise<std::exponential_distribution<double>>>
        chosen;

    template <class Scalar>
    void fill(imle::random_key key, std::uint64_t first, std::span<Scalar> out) const {
        std::visit([&](const auto& noise) { noise.fill(key, first, out); }, chosen);
    }
};

struct any_target {
    std::variant<imle::perturbation_target, imle::loss_gradient_target, imle::adaptive_target> chosen;

    template <class Scalar>
    void parameters(std::span<const Scalar> theta, std::span<const Scalar> dz,
                    std::span<Scalar> theta_prime) const {
        std::visit([&](const auto& target) { target.parameters(theta, dz, theta_prime); }, chosen);
    }
    void validate() const {
        if (const auto* target = std::get_if<imle::perturbation_target>(&chosen)) target->validate();
    }
    [[nodiscard]] double gradient_divisor() const {
        const auto* target = std::get_if<imle::perturbation_target>(&chosen);
        return target == nullptr ? 1.0 : target->gradient_divisor();
    }
    [[nodiscard]] any_target for_call(const imle::target_sums& sums) const {
        if (const auto* target = std::get_if<imle::adaptive_target>(&chosen)) return {target->for_call(sums)};
        return *this;
    }
    void update(const imle::target_sums& sums) {
        if (auto* target = std::get_if<imle::adaptive_target>(&chosen)) target->update(sums);
    }
};

/// Noises are made once, since some of them build tables.
const any_noise& noise_number(unsigned i) {
    static const std::vector<any_noise> all{
        {imle::no_noise{}},
        {imle::gumbel{}},
        {imle::gumbel{-3, 1e30}},
        {imle::normal{}},
        {imle::normal{1e6, 1e-6}},
        {imle::gamma{0.01, 1}},
        {imle::gamma{3, 2}},
        {imle::sum_of_gamma{20.8, 100}},
        {imle::sum_of_gamma{30, 1}},
        {imle::sum_of_gamma::exact(1)},
        {imle::sum_of_gamma_series{5, 3}},
        {imle::std_noise<std::exponential_distribution<double>>{}},
    };
    return all[i % all.size()];
}

any_solver solver_of(byte_source& bytes) {
    switch (bytes.choice(8)) {
        case 0:
            return {imle::categorical{}};
        case 1:
            return {hostile{bytes.choice(3)}};
        case 2:
        case 3:
        case 4:
            return {imle::grid_shortest_path{{.connectivity = bytes.flag() ? 4 : 8,
                                              .negative_costs = bytes.flag() ? imle::negative_costs::reject
                                                                             : imle::negative_costs::clamp}}};
        default:
            return {imle::top_k{static_cast<Eigen::Index>(bytes.choice(6))}};
    }
}

/// A setting: mostly a plain one, sometimes anything.
double setting(byte_source& bytes) {
    switch (bytes.choice(8)) {
        case 0:
            return bytes.number<double>(0);
        case 1:
            return 0;
        case 2:
            return 1e-300;
        case 3:
            return 1e38;
        default:
            return bytes.number<double>(2);
    }
}

any_target target_of(byte_source& bytes) {
    switch (bytes.choice(4)) {
        case 0:
            return {imle::loss_gradient_target{}};
        case 1:
            return {imle::adaptive_target{
                {.initial_alpha = setting(bytes),
                 .initial_beta = setting(bytes),
                 .initial_grad_norm = setting(bytes),
                 .beta_step = setting(bytes),
                 .beta_momentum = setting(bytes),
                 .decay = setting(bytes),
                 .target_norm = setting(bytes),
                 .update = bytes.flag() ? imle::beta_update::multiplicative : imle::beta_update::additive}}};
        default: {
            const double alpha = setting(bytes);
            const double beta = setting(bytes);
            return {imle::perturbation_target{alpha, beta, bytes.flag()}};
        }
    }
}

imle::layer_options options_of(byte_source& bytes) {
    imle::layer_options options;
    options.samples = static_cast<Eigen::Index>(bytes.choice(6)) - 1 + (bytes.flag() ? 1 : 2);
    options.input_temperature = setting(bytes);
    options.target_temperature = setting(bytes);
    options.difference = bytes.flag() ? imle::difference::central : imle::difference::forward;
    options.threads = static_cast<int>(bytes.choice(4)) - (bytes.choice(16) == 0 ? 1 : 0);
    if (options.threads == 0 && bytes.choice(8) != 0) options.threads = 1;  // all cores: seldom, it is slow
    return options;
}

// -- The laws -----------------------------------------------------------------------------------------------

template <class TensorT>
bool all_finite(const TensorT& tensor) {
    return std::all_of(tensor.data(), tensor.data() + tensor.size(), [](auto x) { return std::isfinite(x); });
}

template <class TensorT>
bool close(const TensorT& a, const TensorT& b) {
    using Scalar = typename TensorT::Scalar;
    for (Eigen::Index i = 0; i < a.size(); ++i) {
        const double x = static_cast<double>(a.data()[i]);
        const double y = static_cast<double>(b.data()[i]);
        const double tolerance =
            1e-5 * std::max(std::abs(x), std::abs(y)) + std::numeric_limits<Scalar>::min();
        if (!(std::abs(x - y) <= tolerance)) return false;
    }
    return a.size() == b.size();
}

/// Numbers into a tensor. One kind for most of a tensor, so that some come without NaN.
template <class TensorT>
void fill_tensor(byte_source& bytes, TensorT& tensor) {
    const unsigned kind = bytes.choice(4);
    for (Eigen::Index i = 0; i < tensor.size(); ++i)
        tensor.data()[i] = bytes.number<typename TensorT::Scalar>(kind == 0 && i % 4 != 0 ? 1 : kind);
}

template <int Rank, int Layout>
Eigen::DSizes<Eigen::Index, Rank> shape_of(byte_source& bytes) {
    Eigen::DSizes<Eigen::Index, Rank> shape;
    for (auto& dimension : shape) dimension = 1 + static_cast<Eigen::Index>(bytes.choice(5));
    // An empty batch is a call like any other.
    if (bytes.choice(16) == 0) shape[Layout == Eigen::RowMajor ? 0 : Rank - 1] = 0;
    return shape;
}

/// `other` is the same layer with another number of threads; `moved` tells that an adaptive target may have
/// moved.
template <class Scalar, int Rank, int Layout, class LayerT>
void exercise(byte_source& bytes, LayerT& layer, LayerT& other, bool& moved) {
    using theta_tensor = Eigen::Tensor<Scalar, Rank, Layout>;
    theta_tensor theta(shape_of<Rank, Layout>(bytes));
    fill_tensor(bytes, theta);
    const imle::random_key key{bytes.take<std::uint8_t>()};
    // Most numbers of 64 bits are beyond the last noise address, so they are tried seldom.
    const std::uint64_t first_instance = bytes.choice(32) == 0  ? bytes.take<std::uint64_t>()
                                         : bytes.choice(4) == 0 ? bytes.take<std::uint16_t>()
                                                                : 0;

    const auto pass = layer.forward(theta, key, first_instance);
    require(all_finite(pass.samples()), "samples are finite");
    require(same_bits(pass.samples(), other.forward(theta, key, first_instance).samples()),
            "the same key gives the same samples for any number of threads");
    const auto mean = layer.marginals(theta, key, first_instance);
    require(same_bits(mean.marginals(), pass.marginals()), "marginals are the samples' mean");

    if (bytes.flag()) {
        Eigen::Tensor<Scalar, Rank + 1, Layout> dz(pass.samples().dimensions());
        fill_tensor(bytes, dz);
        const theta_tensor gradient = layer.vjp(pass, dz);
        moved = true;
        require(all_finite(gradient), "the gradient is finite");
        require(same_bits(gradient, other.vjp(pass, dz)), "gradients do not depend on the number of threads");
    } else {
        theta_tensor dmu(theta.dimensions());
        fill_tensor(bytes, dmu);
        const theta_tensor gradient = layer.vjp(pass, dmu);
        moved = true;
        require(all_finite(gradient), "the gradient is finite");
        require(close(gradient, other.vjp(mean, dmu)),
                "without samples the gradient is the same to rounding");
    }
}

/// After an exception the layer is as it was before: on plain input it does what a fresh one does.
template <class Scalar, int Rank, int Layout, class LayerT>
void require_usable(LayerT& layer, LayerT fresh) {
    Eigen::DSizes<Eigen::Index, Rank> shape;
    shape.fill(2);
    Eigen::Tensor<Scalar, Rank, Layout> theta(shape);
    for (Eigen::Index i = 0; i < theta.size(); ++i) theta.data()[i] = -static_cast<Scalar>(i % 3);
    const auto outcome = [&](LayerT& which) -> std::vector<Scalar> {
        try {
            const auto pass = which.forward(theta, imle::random_key{1});
            const auto gradient = which.vjp(pass, theta);
            return {gradient.data(), gradient.data() + gradient.size()};
        } catch (const std::invalid_argument&) {
            return {};  // the settings themselves forbid it (k > n, a temperature that overflows)
        }
    };
    require(outcome(layer) == outcome(fresh), "a layer that threw is as it was before");
}

template <class Scalar, int Rank, int Layout, class SolverT, class TargetT>
void run(byte_source& bytes, SolverT solver, TargetT target, bool hostile_solver) {
    imle::layer_options options = options_of(bytes);
    const any_noise& noise = noise_number(bytes.choice(64));
    // Threads that take part in calls however small.
    const imle::thread_executor eager{std::chrono::nanoseconds{0}};
    imle::imle_layer layer{solver, noise, target, options, eager};
    const auto fresh = layer;
    options.threads = options.threads == 1 ? 2 : 1;
    imle::imle_layer other{solver, noise, target, options, eager};

    bool threw = false;
    bool moved = false;
    try {
        exercise<Scalar, Rank, Layout>(bytes, layer, other, moved);
    } catch (const std::invalid_argument&) {
        threw = true;
    } catch (const imle::solver_error&) {
        require(hostile_solver, "no built-in solver breaks its contract");
    } catch (const hostile::own_exception&) {
    }
    if (threw && !moved && !hostile_solver) require_usable<Scalar, Rank, Layout>(layer, fresh);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    byte_source bytes({data, size});
    try {
        const unsigned kind = bytes.choice(6);
        any_solver solver = solver_of(bytes);
        const bool hostile_solver = solver.is_hostile();
        switch (kind) {
            case 0:
                run<float, 2, Eigen::RowMajor>(bytes, solver, target_of(bytes), hostile_solver);
                break;
            case 1:
                run<double, 3, Eigen::ColMajor>(bytes, solver, target_of(bytes), hostile_solver);
                break;
            case 2:
                run<float, 3, Eigen::ColMajor>(bytes, imle::minimizing(solver), target_of(bytes),
                                               hostile_solver);
                break;
            case 3:  // solve_batch
                run<float, 3, Eigen::RowMajor>(bytes, imle::grid_shortest_path{}, target_of(bytes), false);
                break;
            case 4:
                run<double, 3, Eigen::RowMajor>(bytes, imle::grid_shortest_path{},
                                                imle::loss_gradient_target{}, false);
                break;
            default:
                run<double, 2, Eigen::ColMajor>(bytes, imle::minimizing(imle::top_k{2}),
                                                imle::perturbation_target{1, 3, true}, false);
        }
    } catch (const std::invalid_argument&) {
        // An option or a target's value that makes no sense.
    }
    return 0;
}
