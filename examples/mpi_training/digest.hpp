#pragma once

/// @file
/// A checksum.

#include <cstddef>
#include <cstdint>
#include <span>

namespace mpi_training {

/// FNV-1a with 64 bits (Fowler, Noll, Vo). Each step is a bijection of the state for a given byte and of the
/// byte for a given state, so any single changed byte is detected. It does not protect against malice.
[[nodiscard]] inline std::uint64_t digest(std::span<const std::byte> bytes) noexcept {
    std::uint64_t state = 0xcbf29ce484222325U;
    for (const std::byte byte : bytes)
        state = (state ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3U;
    return state;
}

/// The digest of the bits of numbers.
[[nodiscard]] inline std::uint64_t digest(std::span<const float> numbers) noexcept {
    return digest(std::as_bytes(numbers));
}

}  // namespace mpi_training
