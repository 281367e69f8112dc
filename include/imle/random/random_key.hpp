#pragma once

/// @file
/// The key of a random sequence: explicit, splittable, comparable.

#include <array>
#include <compare>
#include <concepts>
#include <cstdint>

#include <imle/random/philox.hpp>

namespace imle::inline IMLE_ABI {

/// The name of one infinite sequence of random words. It is a value: it has no position that advances and no
/// shared state.
///
/// It has 128 bits: 64 are Philox's key, 64 are the upper half of Philox's counter. The lower half of the
/// counter is the index within the sequence. A key made from a seed has an upper half of 0, so seeds never
/// collide. `fold_in` scatters over all 128 bits, so that 2^40 folded keys collide with a probability of
/// 2^-49.
class random_key {
  public:
    /// The key of a seed. Different seeds give independent sequences, even if they are consecutive. Any
    /// integer is allowed; a negative one counts as itself plus 2^64.
    template <std::integral Seed = std::uint64_t>
    explicit constexpr random_key(Seed seed = 0) noexcept : philox_key_(static_cast<std::uint64_t>(seed)) {}

    /// A new key made from this key and a number: one for each training step, epoch or rank.
    /// `key.fold_in(a).fold_in(b)` and `key.fold_in(b).fold_in(a)` differ. Cost: one Philox block.
    [[nodiscard]] constexpr random_key fold_in(std::uint64_t n) const noexcept {
        // The words of the sequence have counters with the upper half `stream_`. A fold uses the complement,
        // so a folded key never equals words that a noise distribution has used.
        const philox4x32_block out = block(n, ~stream_);
        random_key folded;
        folded.philox_key_ = out[0] | (static_cast<std::uint64_t>(out[1]) << 32);
        folded.stream_ = out[2] | (static_cast<std::uint64_t>(out[3]) << 32);
        return folded;
    }

    /// Words 4 * index to 4 * index + 3 of the sequence. Cost: one Philox block.
    [[nodiscard]] constexpr philox4x32_block block(std::uint64_t index) const noexcept {
        return block(index, stream_);
    }

    /// The 64 bits of Philox's key.
    [[nodiscard]] constexpr std::uint64_t philox_key() const noexcept { return philox_key_; }
    /// The 64 bits of the upper half of Philox's counter.
    [[nodiscard]] constexpr std::uint64_t stream() const noexcept { return stream_; }

    /// Equal keys name the same sequence.
    friend constexpr auto operator<=>(const random_key&, const random_key&) noexcept = default;

  private:
    [[nodiscard]] constexpr philox4x32_block block(std::uint64_t low, std::uint64_t high) const noexcept {
        return philox4x32(
            {static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32),
             static_cast<std::uint32_t>(high), static_cast<std::uint32_t>(high >> 32)},
            {static_cast<std::uint32_t>(philox_key_), static_cast<std::uint32_t>(philox_key_ >> 32)});
    }

    std::uint64_t philox_key_ = 0;
    std::uint64_t stream_ = 0;
};

}  // namespace imle::inline IMLE_ABI
