#pragma once

// Tensors and vectors of numbers in tests: made, and compared with each other.

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

namespace support {

/// [count, n]: `row` over and over.
inline Eigen::Tensor<double, 2, Eigen::RowMajor> rows_of(const std::vector<double>& row,
                                                         Eigen::Index count = 1) {
    Eigen::Tensor<double, 2, Eigen::RowMajor> result(count, static_cast<Eigen::Index>(row.size()));
    for (Eigen::Index b = 0; b < count; ++b)
        for (std::size_t i = 0; i < row.size(); ++i) result(b, static_cast<Eigen::Index>(i)) = row[i];
    return result;
}

/// A tensor's numbers in the order of memory.
template <class TensorT>
std::vector<typename TensorT::Scalar> numbers_of(const TensorT& tensor) {
    return {tensor.data(), tensor.data() + tensor.size()};
}

/// Signs of zeros and payloads of NaN included.
template <class A, class B>
bool same_bits(const A& a, const B& b) {
    static_assert(sizeof(*a.data()) == sizeof(*b.data()));
    return static_cast<std::size_t>(a.size()) == static_cast<std::size_t>(b.size()) &&
           (a.size() == 0 ||
            std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(*a.data())) == 0);
}

/// The largest |a_i - b_i|; NaN, which passes no comparison, if one of them is or the sizes differ.
template <class A, class B = std::vector<double>>
double furthest(const A& a, const B& b) {
    const auto size = static_cast<std::size_t>(a.size());
    if (size != static_cast<std::size_t>(b.size())) return std::numeric_limits<double>::quiet_NaN();
    double most = 0;
    for (std::size_t i = 0; i < size; ++i) {
        const double distance = std::abs(static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i]));
        if (std::isnan(distance)) return distance;
        if (distance > most) most = distance;
    }
    return most;
}

}  // namespace support
