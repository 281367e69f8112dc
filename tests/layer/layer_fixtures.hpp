#pragma once

// Solvers and noises that make a layer's inner numbers visible, and a naive layer to compare with.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <imle/layer/imle_layer.hpp>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "support/tensors.hpp"

namespace fixtures {

using support::furthest;
using support::same_bits;

// What a test for each scalar and layout is made for.
template <class Scalar, int Layout>
struct scalar_and_layout {
    using scalar = Scalar;
    static constexpr int layout = Layout;
};

// z = theta: the samples then are the perturbed parameters themselves.
inline constexpr auto identity_solver = [](const auto& theta, auto& z) {
    std::copy_n(theta.data(), theta.size(), z.data());
};

// z_i = 1 where theta_i > 0: the MAP state over the cube {0, 1}^n.
inline constexpr auto cube_solver = [](const auto& theta, auto& z) {
    for (Eigen::Index i = 0; i < theta.size(); ++i) z.data()[i] = theta.data()[i] > 0 ? 1 : 0;
};

// The argmin over the same cube.
struct minimal_cube_solver {
    static constexpr imle::sense sense = imle::sense::minimize;
    template <class Theta, class Z>
    void operator()(const Theta& cost, Z& z) const {
        for (Eigen::Index i = 0; i < cost.size(); ++i) z.data()[i] = cost.data()[i] < 0 ? 1 : 0;
    }
};

// The one-hot argmin, of the first of the lowest costs; for imle::minimizing.
inline constexpr auto argmin_solver = [](const auto& cost, auto& z) {
    std::fill_n(z.data(), z.size(), 0);
    if (z.size() > 0) z.data()[std::min_element(cost.data(), cost.data() + cost.size()) - cost.data()] = 1;
};

// Element i of a key's sequence: a number of some 20 bits, equal in float and double, about -2 to 2.
inline double hashed(imle::random_key key, std::uint64_t i) {
    std::uint64_t x = (i + 1) * 0x9E3779B97F4A7C15u ^ key.philox_key();
    x = (x ^ (x >> 31)) * 0xBF58476D1CE4E5B9u;
    x ^= x >> 29;
    return static_cast<double>(static_cast<std::int64_t>(x % 2000003) - 1000001) / 524288.0;
}

struct hashed_noise {
    // Elements from here on are refused, to catch a layer that asks for more than it needs.
    std::uint64_t end = ~std::uint64_t{0};

    template <class Scalar>
    void fill(imle::random_key key, std::uint64_t first, std::span<Scalar> out) const {
        if (first > end || end - first < out.size()) throw std::out_of_range("past the last element needed");
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<Scalar>(hashed(key, first + i));
    }
};

// A deterministic tensor of numbers between -1 and 1.
template <class TensorT>
TensorT numbers(const std::array<Eigen::Index, TensorT::NumDimensions>& dimensions, std::uint64_t seed) {
    TensorT tensor(dimensions);
    for (Eigen::Index i = 0; i < tensor.size(); ++i)
        tensor.data()[i] = static_cast<typename TensorT::Scalar>(
            hashed(imle::random_key{seed}, static_cast<std::uint64_t>(i)) / 2);
    return tensor;
}

// Of a gradient [batch, n].
template <class Scalar>
bool row_is_zero(const Eigen::Tensor<Scalar, 2, Eigen::RowMajor>& gradient, Eigen::Index row) {
    const Scalar* const first = gradient.data() + row * gradient.dimension(1);
    return std::all_of(first, first + gradient.dimension(1), [](Scalar x) { return x == 0; });
}

// Threads that take part in the smallest call: what is tested would otherwise be over before they are woken.
inline imle::thread_executor eager_threads() {
    return imle::thread_executor{std::chrono::nanoseconds{0}};
}

}  // namespace fixtures
