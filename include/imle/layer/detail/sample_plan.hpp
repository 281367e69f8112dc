#pragma once

/// @file
/// How a call's solves are cut into units of work, and in which order samples are summed.

#include <algorithm>
#include <cstddef>

#include <Eigen/Core>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The cut of `batch` * `samples` solves of `n` numbers. It depends on these three alone, so neither the
/// number of threads nor the place of a shard within its batch can change a sum's order, or what a batch
/// solver is given.
///
/// Solves are numbered item = instance * samples + sample, the order of memory. A unit is
/// - few samples: several whole instances (`chunks` is 1), or
/// - many samples: one chunk of one instance's samples; an instance has at most `max_chunks` of them, so that
/// one
///   instance can use all cores while the partial sums' memory does not grow with the number of samples.
/// Within a unit, at most `piece` items are perturbed and solved at a time: their numbers stay in cache.
struct sample_plan {
    static constexpr Eigen::Index max_chunks = 16;
    static constexpr Eigen::Index chunk_multiple = 16;

    Eigen::Index batch;
    Eigen::Index samples;
    Eigen::Index n;
    /// Samples in a chunk; the last one of an instance may have fewer.
    Eigen::Index chunk;
    /// Chunks per instance.
    Eigen::Index chunks;
    /// Items that are solved at a time.
    Eigen::Index piece;
    /// Instances in a unit where `chunks` is 1.
    Eigen::Index instances_per_unit;

    sample_plan(Eigen::Index batch_size, Eigen::Index sample_count, Eigen::Index instance_size)
        : batch(batch_size), samples(sample_count), n(instance_size) {
        const Eigen::Index share = ceil_divide(samples, max_chunks);
        chunk = std::min(samples, ceil_divide(share, chunk_multiple) * chunk_multiple);
        chunks = ceil_divide(samples, chunk);
        const Eigen::Index cached_numbers = 32768;
        piece = std::clamp<Eigen::Index>(cached_numbers / std::max<Eigen::Index>(n, 1), 16, 64);
        instances_per_unit = std::max<Eigen::Index>(1, piece / samples);
    }

    [[nodiscard]] Eigen::Index units() const {
        return chunks == 1 ? ceil_divide(batch, instances_per_unit) : batch * chunks;
    }

    /// The items [first, last) of a unit.
    struct range {
        Eigen::Index first;
        Eigen::Index last;
    };
    [[nodiscard]] range items(Eigen::Index unit) const {
        if (chunks == 1) {
            const Eigen::Index first = unit * instances_per_unit;
            return {first * samples, std::min(batch, first + instances_per_unit) * samples};
        }
        const Eigen::Index instance = unit / chunks;
        const Eigen::Index first = (unit % chunks) * chunk;
        return {instance * samples + first, instance * samples + std::min(samples, first + chunk)};
    }

    [[nodiscard]] static constexpr Eigen::Index ceil_divide(Eigen::Index a, Eigen::Index b) {
        return (a + b - 1) / b;
    }
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
