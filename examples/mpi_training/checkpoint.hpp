#pragma once

/// @file
/// Everything that a run needs to resume, in a file that is complete or absent.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <imle/random/random_key.hpp>
#include <imle/targets/adaptive_target.hpp>

#include "map_rows.hpp"
#include "reduction.hpp"
#include "support/adam.hpp"

namespace mpi_training {

/// The settings that determine the numbers of a run. The numbers of ranks and threads do not.
struct run_settings {
    std::int64_t side = 8;
    std::int64_t features = 8;
    std::int64_t batch = 64;
    std::int64_t block = 8;
    std::int64_t samples = 10;
    std::uint64_t seed = 0;
    double learning_rate = 0.02;
    reduction reduce = reduction::ordered;

    [[nodiscard]] std::int64_t cells() const noexcept { return side * side; }
};

struct checkpoint {
    run_settings settings;
    /// The last completed step.
    std::uint64_t step = 0;
    /// The run's key; each step's key is folded from it.
    imle::random_key key;
    /// [1 + features, cells]: theta = features * weights.
    matrix weights;
    example_support::adam optimizer{0, 0};
    imle::adaptive_target_state target;
};

/// Adam for the weights of such a run.
[[nodiscard]] example_support::adam make_optimizer(const run_settings& settings);

/// The bytes of the file: a mark, a version, the size, the fields, a checksum.
[[nodiscard]] std::vector<std::byte> to_bytes(const checkpoint& saved);

/// Throws `std::runtime_error`, naming `file`, unless the bytes are a complete and unchanged checkpoint of
/// this version, made with these settings.
[[nodiscard]] checkpoint from_bytes(std::span<const std::byte> bytes, const run_settings& expected,
                                    const std::string& file);

/// Replaces the file atomically: a reader finds either the complete old file or the complete new one, even
/// after a crash of the process or of the machine. Throws `std::system_error`, and then keeps the old file.
void write_atomically(const std::string& file, std::span<const std::byte> bytes);

/// Throws `std::system_error`.
[[nodiscard]] std::vector<std::byte> read_file(const std::string& file);

}  // namespace mpi_training
