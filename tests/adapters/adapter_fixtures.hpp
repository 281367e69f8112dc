#pragma once

// What the tests of adapters for engines share. An engine's own headers may have to come first.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/noise/gumbel.hpp>
#include <imle/random/random_key.hpp>

namespace adapter_fixtures {

using tensor = Eigen::Tensor<double, 2, Eigen::RowMajor>;         // [batch, n]
using sample_tensor = Eigen::Tensor<double, 3, Eigen::RowMajor>;  // [batch, sample, n]
using numbers = std::vector<double>;

/// A tensor's numbers in the order of memory.
template <class T>
numbers of(const T& t) {
    return numbers(t.data(), t.data() + t.size());
}

/// Random numbers.
inline tensor values(Eigen::Index batch, Eigen::Index n, std::uint64_t seed = 1) {
    tensor t(batch, n);
    imle::gumbel{}.fill(imle::random_key{seed}, 0,
                        std::span<double>(t.data(), static_cast<std::size_t>(t.size())));
    return t;
}

}  // namespace adapter_fixtures
