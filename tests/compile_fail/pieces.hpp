#pragma once

// A solver, a noise and a target of a user's own, as small as they get.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include <imle/layer/imle_layer.hpp>

/// Gives theta back.
struct echo {
    template <class ThetaT, class ZT>
    void operator()(const ThetaT& theta, ZT& z) {
        std::copy_n(theta.data(), theta.size(), z.data());
    }
};

struct silence {
    template <class Scalar>
    void fill(imle::random_key, std::uint64_t, std::span<Scalar> out) const {
        std::fill(out.begin(), out.end(), Scalar(0));
    }
};

struct against {
    template <class Scalar>
    void parameters(std::span<const Scalar> theta, std::span<const Scalar> dz,
                    std::span<Scalar> theta_prime) const {
        for (std::size_t i = 0; i < theta.size(); ++i) theta_prime[i] = theta[i] - dz[i];
    }
};

/// [batch, n] and [batch, sample, n].
using matrix = Eigen::Tensor<float, 2, Eigen::RowMajor>;
using cube = Eigen::Tensor<float, 3, Eigen::RowMajor>;
