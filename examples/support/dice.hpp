#pragma once

/// @file
/// Random whole numbers, one after the other.

#include <cstdint>

#include <imle/random/random_key.hpp>

namespace example_support {

/// The words of a key's sequence as whole numbers. Results computed from whole numbers only are the same on
/// every machine, whatever its instruction set and compiler.
class dice {
  public:
    explicit dice(const imle::random_key& key) : key_(key) {}

    /// A number from `lowest` to `highest`, both included. For narrow ranges: multiplication favours some
    /// numbers by a share of width / 2^32.
    [[nodiscard]] int between(int lowest, int highest) {
        const auto range = static_cast<std::uint64_t>(highest - lowest + 1);
        return lowest + static_cast<int>((range * word()) >> 32);
    }

    /// True in one of `n` cases.
    [[nodiscard]] bool one_in(int n) { return between(1, n) == 1; }

  private:
    std::uint32_t word() {
        if (next_ % 4 == 0) block_ = key_.block(next_ / 4);
        return block_[next_++ % 4];
    }

    imle::random_key key_;
    std::uint64_t next_ = 0;
    imle::philox4x32_block block_{};
};

}  // namespace example_support
