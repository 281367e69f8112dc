#pragma once

/// @file
/// All that a run needs to go on, in a file that is whole or not there.

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

/// What decides the numbers of a run. The number of ranks and of threads does not.
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
    /// The last step that was finished.
    std::uint64_t step = 0;
    /// The run's key, from which each step's is folded.
    imle::random_key key;
    /// [1 + features, cells]: theta = features * weights.
    matrix weights;
    example_support::adam optimizer{0, 0};
    imle::adaptive_target_state target;
};

/// Adam for the weights of such a run.
[[nodiscard]] example_support::adam make_optimizer(const run_settings& settings);

/// The file's bytes: a mark, a version, the size, the fields, a checksum.
[[nodiscard]] std::vector<std::byte> to_bytes(const checkpoint& saved);

/// Throws `std::runtime_error`, naming `file`, unless the bytes are those of a checkpoint, of this version,
/// whole and unchanged, made with these settings.
[[nodiscard]] checkpoint from_bytes(std::span<const std::byte> bytes, const run_settings& expected,
                                    const std::string& file);

/// Replaces the file at once: whoever reads it, also after a crash of the process or of the machine, finds
/// all of the old or all of the new. Throws `std::system_error`, and then leaves the old one.
void write_atomically(const std::string& file, std::span<const std::byte> bytes);

/// Throws `std::system_error`.
[[nodiscard]] std::vector<std::byte> read_file(const std::string& file);

}  // namespace mpi_training
