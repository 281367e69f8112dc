#pragma once

/// @file
/// How a call's solves are cut into units of work, and in which order samples are summed.

#include <algorithm>
#include <cstddef>

#include <Eigen/Core>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Who solves a call's items.
struct solve_grain {
    /// Whether the solver has no `solve_batch`, so that an item may be solved by itself.
    bool one_by_one = false;
    /// How many workers there may be.
    Eigen::Index workers = 1;
    /// How many items are worth being handed out by themselves, where a solve's time is known.
    Eigen::Index least_items = 1;
};

/// The cut of `batch` * `samples` solves of `n` numbers. Neither the number of threads nor the place of a
/// shard within its batch may change a sum's order, or what a batch solver is given: they depend on the
/// solver and on these numbers alone.
///
/// Solves are numbered item = instance * samples + sample, the order of memory. An instance's samples are cut
/// into at most `max_chunks` chunks, which are summed each by itself: one instance can then use all cores,
/// while the partial sums' memory does not grow with the number of samples. A unit of work is one or several
/// whole chunks. Within a unit, at most `piece` items are perturbed and solved at a time: their numbers stay
/// in cache.
struct sample_plan {
    static constexpr Eigen::Index max_chunks = 16;
    /// A batch solver's lanes should be full.
    static constexpr Eigen::Index batch_multiple = 16;

    Eigen::Index batch;
    Eigen::Index samples;
    Eigen::Index n;
    /// Samples in a chunk; the last one of an instance may have fewer.
    Eigen::Index chunk;
    /// Chunks per instance.
    Eigen::Index chunks;
    /// Items that are solved at a time.
    Eigen::Index piece;
    /// Chunks in a unit, of one instance or of several.
    Eigen::Index chunks_per_unit;

    sample_plan(Eigen::Index batch_size, Eigen::Index sample_count, Eigen::Index instance_size,
                const solve_grain& grain = {})
        : batch(batch_size), samples(sample_count), n(instance_size) {
        const Eigen::Index multiple = grain.one_by_one ? 1 : batch_multiple;
        const Eigen::Index share = ceil_divide(samples, max_chunks);
        chunk = std::min(samples, ceil_divide(share, multiple) * multiple);
        chunks = ceil_divide(samples, chunk);
        const Eigen::Index cached_numbers = 32768;
        piece = std::clamp<Eigen::Index>(cached_numbers / std::max<Eigen::Index>(n, 1), 16, 64);
        chunks_per_unit = std::max<Eigen::Index>(1, piece / chunk);
        if (grain.one_by_one && grain.workers > 1) {
            // A solve may take long, so that every worker should find something to do.
            const Eigen::Index units_per_worker = 8;
            const Eigen::Index fewest = std::min(chunks_per_unit, ceil_divide(grain.least_items, chunk));
            chunks_per_unit = std::clamp<Eigen::Index>(batch * chunks / (units_per_worker * grain.workers),
                                                       fewest, chunks_per_unit);
        } else if (!grain.one_by_one && chunks > 1) {
            chunks_per_unit = 1;
        }
    }

    [[nodiscard]] Eigen::Index units() const { return ceil_divide(batch * chunks, chunks_per_unit); }

    /// How many instances a batch solver's units never cut.
    [[nodiscard]] Eigen::Index instances_per_unit() const { return chunks == 1 ? chunks_per_unit : 1; }

    /// The items [first, last) of a unit.
    struct range {
        Eigen::Index first;
        Eigen::Index last;
    };
    [[nodiscard]] range items(Eigen::Index unit) const {
        const Eigen::Index first = unit * chunks_per_unit;
        return {first_item(first), first_item(std::min(batch * chunks, first + chunks_per_unit))};
    }

    [[nodiscard]] static constexpr Eigen::Index ceil_divide(Eigen::Index a, Eigen::Index b) {
        return (a + b - 1) / b;
    }

  private:
    /// Of a chunk, counted over all instances.
    [[nodiscard]] Eigen::Index first_item(Eigen::Index at) const {
        return at / chunks * samples + at % chunks * chunk;
    }
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
