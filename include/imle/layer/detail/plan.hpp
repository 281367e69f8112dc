#pragma once

/// @file
/// The plan of a call: how its solves are divided, and in which order samples are summed.
///
///     item    one solve: an instance and a sample, numbered instance * samples + sample, as in memory
///     piece   items that one worker perturbs and solves together, so that their numbers stay in cache
///     chunk   samples of one instance that are summed first, before the sums of chunks are added
///     unit    whole chunks, given to one worker at a time

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Consecutive items of a call: a piece or a unit.
struct item_range {
    Eigen::Index first;
    Eigen::Index count;
};

/// How a call's items can be divided.
struct solve_grain {
    /// Whether the solver has no `solve_batch`, or `takes_any_batch`, so that items may be solved one at a
    /// time.
    bool one_by_one = false;
    /// The largest number of workers.
    Eigen::Index workers = 1;
    /// The smallest number of items worth a unit, if the time of a solve is known.
    Eigen::Index least_items = 1;
};

/// Divides `batch` * `samples` solves of `n` numbers. The plan depends on the solver and on these numbers
/// alone. So neither the number of threads nor a shard's position in its batch can change the order of a sum
/// or what a batch solver receives.
///
/// An instance's samples are cut into at most `max_chunks` chunks. One instance can then use all cores, and
/// the memory of the partial sums does not grow with the number of samples.
struct sample_plan {
    static constexpr Eigen::Index max_chunks = 16;
    /// Fills the lanes of a batch solver.
    static constexpr Eigen::Index batch_multiple = 16;

    Eigen::Index batch;
    Eigen::Index samples;
    Eigen::Index n;
    /// Samples in a chunk; the last chunk of an instance may have fewer.
    Eigen::Index chunk;
    /// Chunks per instance.
    Eigen::Index chunks;
    /// The largest number of items in a piece.
    Eigen::Index piece_size;
    /// Chunks in a unit, from one instance or several.
    Eigen::Index chunks_per_unit;

    sample_plan(Eigen::Index batch_size, Eigen::Index sample_count, Eigen::Index instance_size,
                const solve_grain& grain = {})
        : batch(batch_size), samples(sample_count), n(instance_size) {
        // Divisions take as long as a small solve: the usual cases do without.
        const Eigen::Index share = ceil_divide(samples, max_chunks);
        chunk =
            std::min(samples, grain.one_by_one ? share : ceil_divide(share, batch_multiple) * batch_multiple);
        chunks = chunk == samples ? 1 : ceil_divide(samples, chunk);
        constexpr Eigen::Index cached_numbers = 32768, largest_piece = 64;
        piece_size = n <= cached_numbers / largest_piece ? largest_piece
                                                         : std::max<Eigen::Index>(cached_numbers / n, 16);
        chunks_per_unit = chunk == 1 ? piece_size : std::max<Eigen::Index>(1, piece_size / chunk);
        if (grain.one_by_one && grain.workers > 1) {
            // A solve may take long, so there should be work for every worker.
            const Eigen::Index units_per_worker = 8;
            const Eigen::Index fewest = std::min(chunks_per_unit, ceil_divide(grain.least_items, chunk));
            chunks_per_unit = std::clamp<Eigen::Index>(batch * chunks / (units_per_worker * grain.workers),
                                                       fewest, chunks_per_unit);
        } else if (!grain.one_by_one && chunks > 1) {
            chunks_per_unit = 1;
        }
    }

    [[nodiscard]] Eigen::Index units() const {
        const Eigen::Index all = batch * chunks;
        return all <= chunks_per_unit ? std::min<Eigen::Index>(all, 1) : ceil_divide(all, chunks_per_unit);
    }

    /// A batch solver's units consist of whole groups of so many instances.
    [[nodiscard]] Eigen::Index instances_per_unit() const { return chunks == 1 ? chunks_per_unit : 1; }

    /// The items of a unit.
    [[nodiscard]] item_range items(Eigen::Index unit) const {
        const Eigen::Index chunk_number = unit * chunks_per_unit;
        const Eigen::Index first = first_item(chunk_number);
        return {first, first_item(std::min(batch * chunks, chunk_number + chunks_per_unit)) - first};
    }

    [[nodiscard]] static constexpr Eigen::Index ceil_divide(Eigen::Index a, Eigen::Index b) {
        return (a + b - 1) / b;
    }

  private:
    /// The first item of a chunk; chunks are counted over all instances.
    [[nodiscard]] Eigen::Index first_item(Eigen::Index at) const {
        return chunks == 1 ? at * samples : at / chunks * samples + at % chunks * chunk;
    }
};

/// Adds up `n` numbers per item into one sum per instance, in double: first the samples of a chunk in order,
/// then the chunks in order. Different workers may add to different units at the same time.
class sample_sum {
  public:
    /// The number of doubles that the sums of a plan take.
    [[nodiscard]] static Eigen::Index size(const sample_plan& plan) {
        return plan.batch * plan.chunks * plan.n;
    }

    /// Keeps its sums in the caller's memory, `size(plan)` doubles. Items are counted from `first_item` on.
    sample_sum(const sample_plan& plan, Eigen::Index first_item, double* memory)
        : plan_(plan), first_item_(first_item), partial_(memory) {}

    /// Adds the numbers row(j)(i), i < n, of items[j] for all j. `items`, in ascending order, are all or some
    /// of a piece's items; the others count as zeros. The pieces of a chunk must come in order.
    template <class RowT>
    void add(const item_range& piece, std::span<const Eigen::Index> items, RowT&& row) {
        std::size_t j = 0;
        for_each_item(piece, [&](Eigen::Index item, bool begins, double* sum) {
            if (j < items.size() && items[j] == item)
                add_row(row(j++), begins, sum);
            else if (begins)
                std::fill_n(sum, plan_.n, 0.0);
        });
    }

    /// Adds all items of a piece; `values` points to the numbers of the first, and the others follow.
    template <class Scalar>
    void add(const item_range& piece, const Scalar* values) {
        for_each_item(piece, [&](Eigen::Index, bool begins, double* sum) {
            add_row([values](Eigen::Index i) { return values[i]; }, begins, sum);
            values += plan_.n;
        });
    }

    /// Writes (sum over samples) / samples / divisor for all instances, batch * n numbers. Call it only once.
    template <class Scalar>
    void write_mean(double divisor, Scalar* out) {
        const Eigen::Index n = plan_.n;
        const double samples = static_cast<double>(plan_.samples);
        for (Eigen::Index instance = 0; instance < plan_.batch; ++instance) {
            double* const total = partial_ + instance * plan_.chunks * n;
            for (Eigen::Index chunk = 1; chunk < plan_.chunks; ++chunk)
                for (Eigen::Index i = 0; i < n; ++i) total[i] += total[chunk * n + i];
            for (Eigen::Index i = 0; i < n; ++i)
                out[instance * n + i] = static_cast<Scalar>(total[i] / samples / divisor);
        }
    }

  private:
    /// Calls f(item, whether it is the first of its chunk, the chunk's sum) for the items of a piece.
    template <class F>
    void for_each_item(const item_range& piece, F&& f) const {
        const Eigen::Index first = piece.first - first_item_;
        Eigen::Index sample = first % plan_.samples;
        Eigen::Index in_chunk = sample % plan_.chunk;
        double* sum = partial_ + (first / plan_.samples * plan_.chunks + sample / plan_.chunk) * plan_.n;
        for (Eigen::Index item = piece.first; item < piece.first + piece.count; ++item) {
            f(item, in_chunk == 0, sum);
            ++in_chunk;
            if (++sample == plan_.samples || in_chunk == plan_.chunk) {
                in_chunk = 0;
                sum += plan_.n;
                if (sample == plan_.samples) sample = 0;
            }
        }
    }

    /// The first item of a chunk initialises the chunk's sum, on the thread that continues it, so no thread
    /// has to zero other threads' memory. (It adds 0 + x, because a sum of only -0 is 0.)
    template <class RowT>
    void add_row(const RowT& row, bool begins, double* sum) const {
        const Eigen::Index n = plan_.n;
        if (begins)
            for (Eigen::Index i = 0; i < n; ++i) sum[i] = 0.0 + static_cast<double>(row(i));
        else
            for (Eigen::Index i = 0; i < n; ++i) sum[i] += static_cast<double>(row(i));
    }

    sample_plan plan_;
    Eigen::Index first_item_;
    double* partial_;
};

/// Writes the means over samples of batch * samples * n numbers. The order of summation is the one of
/// `imle_layer::marginals` for a solver with `solve_batch`.
template <class Scalar>
void write_mean_of(const Scalar* values, Eigen::Index batch, Eigen::Index samples, Eigen::Index n,
                   Scalar* mean) {
    const sample_plan plan(batch, samples, n);
    std::vector<double> memory(static_cast<std::size_t>(sample_sum::size(plan)));
    sample_sum sum(plan, 0, memory.data());
    sum.add({0, plan.batch * plan.samples}, values);
    sum.write_mean(1.0, mean);
}

}  // namespace imle::inline IMLE_ABI::detail
