#pragma once

/// @file
/// Working memory that a solver keeps between solves.

#include <cstddef>
#include <span>
#include <tuple>
#include <vector>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// One growing buffer for each type of Ts. Grows to the largest size asked for and stays, so that a solver
/// allocates nothing in steady state. It holds nothing of value between solves: a copy starts empty.
template <class... Ts>
class basic_scratch {
  public:
    basic_scratch() = default;
    basic_scratch(const basic_scratch&) noexcept {}
    basic_scratch(basic_scratch&&) noexcept = default;
    basic_scratch& operator=(const basic_scratch&) noexcept { return *this; }
    basic_scratch& operator=(basic_scratch&&) noexcept = default;
    ~basic_scratch() = default;

    /// n elements of type T, with whatever values the last solve left. Valid until the next `get<T>`.
    template <class T>
    [[nodiscard]] std::span<T> get(std::size_t n) {
        auto& buffer = std::get<std::vector<T>>(buffers_);
        if (buffer.size() < n) buffer.resize(n);
        return std::span<T>(buffer).first(n);
    }

  private:
    std::tuple<std::vector<Ts>...> buffers_;
};

/// The scratch of solvers that work on numbers.
using scratch = basic_scratch<float, double>;

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
