#pragma once

/// @file
/// The plan of a call: how its solves are divided, and in which order samples are summed.
///
///     item    one solve: an instance and a sample, numbered instance * samples + sample, as in memory
///     piece   items that one worker perturbs and solves together, so that their numbers stay in cache
///     chunk   samples of one instance that are summed first, before the sums of chunks are added
///     unit    whole chunks or, of large instances, a part of one; given to one worker at a time

#include <algorithm>
#include <cstddef>
#include <limits>
#include <mutex>
#include <span>
#include <vector>

#include <Eigen/Core>

#include <imle/core/function_ref.hpp>

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
    /// The smallest number of items worth a unit, if items may be solved one at a time.
    Eigen::Index least_items = 1;
    /// How many items a batch solver solves at once, if it says so. If it needs batches of 16, only then are
    /// they cut.
    Eigen::Index width = std::numeric_limits<Eigen::Index>::max();
};

/// Divides `batch` * `samples` solves of `n` numbers. The chunks depend on the solver and on these numbers
/// alone. So neither the number of threads nor a shard's position in its batch can change the order of a sum.
/// Nor can they change what a batch solver receives, unless it declares its `batch_width`.
///
/// An instance's samples are cut into at most `max_chunks` chunks. One instance can then use all cores, and
/// the memory of the partial sums does not grow with the number of samples. If there are fewer chunks than
/// workers need, the chunks of large instances are cut into parts: `sample_sum` keeps the numbers of a part
/// until its turn to be added.
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
    /// Samples in a part of a chunk, and parts per chunk. If there is more than one, each is a unit.
    Eigen::Index part;
    Eigen::Index parts = 1;

    sample_plan(Eigen::Index batch_size, Eigen::Index sample_count, Eigen::Index instance_size,
                const solve_grain& grain = {})
        : batch(batch_size), samples(sample_count), n(instance_size) {
        // Divisions take as long as a small solve: here and below the usual cases do without.
        const Eigen::Index share = ceil_divide(samples, max_chunks);
        chunk =
            std::min(samples, grain.one_by_one ? share : ceil_divide(share, batch_multiple) * batch_multiple);
        chunks = chunk == samples ? 1 : chunk == 1 ? samples : ceil_divide(samples, chunk);
        constexpr Eigen::Index largest_piece = 64;
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
        part = chunk;
        if (!grain.one_by_one && grain.workers > 1) cut_batches(grain);
    }

    [[nodiscard]] Eigen::Index units() const {
        const Eigen::Index all = batch * chunks;
        if (parts > 1) return all * parts;
        return all <= chunks_per_unit ? std::min<Eigen::Index>(all, 1) : ceil_divide(all, chunks_per_unit);
    }

    /// A batch solver's units consist of whole groups of so many instances.
    [[nodiscard]] Eigen::Index instances_per_unit() const { return chunks == 1 ? chunks_per_unit : 1; }

    /// The items of a unit. The last parts of a short chunk are empty.
    [[nodiscard]] item_range items(Eigen::Index unit) const {
        if (parts > 1) {
            const Eigen::Index first = first_item(unit / parts), end = first_item(unit / parts + 1);
            const Eigen::Index begin = std::min(end, first + unit % parts * part);
            return {begin, std::min(end - begin, part)};
        }
        const Eigen::Index chunk_number = unit * chunks_per_unit;
        const Eigen::Index first = first_item(chunk_number);
        return {first, first_item(std::min(batch * chunks, chunk_number + chunks_per_unit)) - first};
    }

    [[nodiscard]] static constexpr Eigen::Index ceil_divide(Eigen::Index a, Eigen::Index b) {
        return (a + b - 1) / b;
    }

    /// The chunk of an item, counted over all instances; the item's place in it, and the chunk's size.
    struct place_in_chunk {
        Eigen::Index number;
        Eigen::Index place;
        Eigen::Index size;
    };
    [[nodiscard]] place_in_chunk place_of(Eigen::Index item) const {
        const Eigen::Index sample = item % samples, at = sample / chunk;
        return {item / samples * chunks + at, sample % chunk, std::min(chunk, samples - at * chunk)};
    }

  private:
    /// The numbers of a piece should stay in cache.
    static constexpr Eigen::Index cached_numbers = 32768;

    /// Makes smaller units of whole registers if that leaves the workers clearly less to do one after the
    /// other. Below some thousand numbers a unit would not be worth handing out.
    void cut_batches(const solve_grain& grain) {
        const Eigen::Index whole = chunk * chunks_per_unit;
        if (grain.width >= whole || std::min(whole, batch * samples) * n < cached_numbers) return;
        // How many items one worker solves one after the other, if a unit has `size`.
        const auto longest = [&](Eigen::Index size) {
            const Eigen::Index last = samples - (chunks - 1) * chunk;
            const Eigen::Index of_row = (chunks - 1) * ceil_divide(chunk, size) + ceil_divide(last, size);
            const Eigen::Index all =
                size < chunk ? batch * of_row : ceil_divide(batch * chunks, size / chunk);
            return std::min(batch * samples, ceil_divide(all, grain.workers) * size);
        };
        Eigen::Index best = whole, least = longest(whole) - longest(whole) / 8;
        for (Eigen::Index size = whole - 1; size > 0; --size) {
            if (size % grain.width != 0 || (size > chunk && size % chunk != 0)) continue;
            if (longest(size) < least) {
                best = size;
                least = longest(size);
            }
        }
        if (best >= chunk) {
            chunks_per_unit = best / chunk;
        } else {
            chunks_per_unit = 1;
            part = best;
            parts = ceil_divide(chunk, part);
        }
        piece_size = std::min(piece_size, best);
    }

    /// The first item of a chunk; chunks are counted over all instances.
    [[nodiscard]] Eigen::Index first_item(Eigen::Index at) const {
        if (chunk == 1) return at;
        return chunks == 1 ? at * samples : at / chunks * samples + at % chunks * chunk;
    }
};

/// Rows of n numbers, one for each of a worker's items.
template <class Scalar>
struct item_rows {
    const Scalar* numbers;
    Eigen::Index n;
    /// Where the rows of all items of a call are: which belongs to the j-th. Null: the j-th does.
    const Eigen::Index* items = nullptr;

    [[nodiscard]] const Scalar* operator()(std::size_t j) const noexcept {
        return numbers + (items == nullptr ? static_cast<Eigen::Index>(j) : items[j]) * n;
    }
};

/// The differences near - far of a worker's items.
template <class Scalar>
struct row_differences {
    item_rows<Scalar> near, far;

    [[nodiscard]] auto operator()(std::size_t j) const noexcept {
        return [a = near(j), b = far(j)](Eigen::Index i) { return a[i] - b[i]; };
    }
};

/// The numbers of chunks that are cut into parts, until all of a chunk are there. Different workers may keep
/// different items at the same time. Nobody waits for another, so a worker may even be interrupted to run
/// another's units, as on the stack of a pool that steals work.
template <class Scalar>
class chunk_rows {
  public:
    /// Reserves memory for one chunk more than there are workers: units are handed out in order, so all but
    /// one of the chunks that are begun and unfinished have a part that a worker is at.
    void prepare(const sample_plan& plan, Eigen::Index workers) {
        const auto most = static_cast<std::size_t>(std::min(workers + 1, plan.batch * plan.chunks));
        const auto numbers = static_cast<std::size_t>(plan.chunk * plan.n);
        if (open_.size() < most) open_.resize(most);
        for (std::size_t i = 0; i < open_.size(); ++i) {
            open_[i].number = -1;  // an earlier call may have ended by an exception
            if (i >= most) continue;
            if (open_[i].numbers.size() < numbers) open_[i].numbers.resize(numbers);
            open_[i].is_kept.resize(static_cast<std::size_t>(plan.chunk));
        }
    }

    /// Keeps the rows of items of one chunk: write(place in the chunk, memory for a row) returns whether
    /// there are numbers, or the item counts as zeros. When that was the last of the chunk, calls sum(rows,
    /// is_kept).
    void keep(const sample_plan::place_in_chunk& first, Eigen::Index count, Eigen::Index n,
              function_ref<bool(Eigen::Index, Scalar*)> write,
              function_ref<void(const Scalar*, std::span<const char>)> sum) {
        open_chunk& chunk = chunk_of(first);
        for (Eigen::Index place = first.place; place < first.place + count; ++place)
            chunk.is_kept[static_cast<std::size_t>(place)] = write(place, chunk.numbers.data() + place * n);
        {
            const std::lock_guard lock(mutex_);
            if ((chunk.missing -= count) > 0) return;
        }
        sum(static_cast<const Scalar*>(chunk.numbers.data()), chunk.is_kept);
        const std::lock_guard lock(mutex_);
        chunk.number = -1;
    }

  private:
    struct open_chunk {
        Eigen::Index number = -1;
        /// How many items have not been kept yet.
        Eigen::Index missing = 0;
        std::vector<Scalar> numbers;
        std::vector<char> is_kept;
    };

    [[nodiscard]] open_chunk& chunk_of(const sample_plan::place_in_chunk& item) {
        const std::lock_guard lock(mutex_);
        open_chunk* unused = nullptr;
        for (open_chunk& chunk : open_) {
            if (chunk.number == item.number) return chunk;
            if (chunk.number < 0) unused = &chunk;
        }
        unused->number = item.number;
        unused->missing = item.size;
        return *unused;
    }

    std::mutex mutex_;
    std::vector<open_chunk> open_;
};

/// Adds up `n` numbers per item into one sum per instance, in double: first the samples of a chunk in order,
/// then the chunks in order. Different workers may add to different units at the same time.
template <class Scalar>
class sample_sum {
  public:
    /// The number of doubles that the sums of a plan take.
    [[nodiscard]] static Eigen::Index size(const sample_plan& plan) {
        return plan.batch * plan.chunks * plan.n;
    }

    /// Keeps its sums in the caller's memory, `size(plan)` doubles. Items are counted from `first_item` on.
    /// `rows` is for a plan that cuts chunks into parts.
    sample_sum(const sample_plan& plan, Eigen::Index first_item, double* memory,
               chunk_rows<Scalar>* rows = nullptr)
        : plan_(plan), first_item_(first_item), partial_(memory), rows_(rows) {}

    /// Adds the numbers row(j)(i), i < n, of items[j] for all j. `items`, in ascending order, are all or some
    /// of a piece's items; the others count as zeros. The pieces of a chunk must come in order, unless it is
    /// cut.
    template <class RowT>
    void add(const item_range& piece, std::span<const Eigen::Index> items, RowT&& row) {
        std::size_t j = 0;
        if (plan_.parts > 1) {
            keep(piece, [&](Eigen::Index item, Scalar* out) {
                if (j >= items.size() || items[j] != item) return false;
                const auto& values = row(j++);
                for (Eigen::Index i = 0; i < plan_.n; ++i) out[i] = values(i);
                return true;
            });
            return;
        }
        for_each_item(piece, [&](Eigen::Index item, bool begins, double* sum) {
            if (j < items.size() && items[j] == item)
                add_row(row(j++), begins, sum);
            else if (begins)
                std::fill_n(sum, plan_.n, 0.0);
        });
    }

    /// Adds all items of a piece; `values` points to the numbers of the first, and the others follow.
    void add(const item_range& piece, const Scalar* values) {
        if (plan_.parts > 1) {
            keep(piece, [&](Eigen::Index, Scalar* out) {
                std::copy_n(values, plan_.n, out);
                values += plan_.n;
                return true;
            });
            return;
        }
        for_each_item(piece, [&](Eigen::Index, bool begins, double* sum) {
            add_row([values](Eigen::Index i) { return values[i]; }, begins, sum);
            values += plan_.n;
        });
    }

    /// Writes (sum over samples) / samples / divisor for one instance, n numbers. Call it once for each.
    void write_mean(Eigen::Index instance, double divisor, Scalar* out) {
        const Eigen::Index n = plan_.n;
        const double samples = static_cast<double>(plan_.samples);
        double* const total = partial_ + instance * plan_.chunks * n;
        for (Eigen::Index chunk = 1; chunk < plan_.chunks; ++chunk)
            for (Eigen::Index i = 0; i < n; ++i) total[i] += total[chunk * n + i];
        for (Eigen::Index i = 0; i < n; ++i) out[i] = static_cast<Scalar>(total[i] / samples / divisor);
    }

  private:
    /// Keeps the numbers of a piece that lies in one chunk, and adds up the chunk if it was the last.
    void keep(const item_range& piece, function_ref<bool(Eigen::Index, Scalar*)> write) {
        const sample_plan::place_in_chunk first = plan_.place_of(piece.first - first_item_);
        rows_->keep(
            first, piece.count, plan_.n,
            [&](Eigen::Index place, Scalar* out) { return write(piece.first + place - first.place, out); },
            [&](const Scalar* rows, std::span<const char> is_kept) {
                double* const sum = partial_ + first.number * plan_.n;
                if (!is_kept[0]) std::fill_n(sum, plan_.n, 0.0);
                for (Eigen::Index place = 0; place < first.size; ++place)
                    if (is_kept[static_cast<std::size_t>(place)])
                        add_row([row = rows + place * plan_.n](Eigen::Index i) { return row[i]; }, place == 0,
                                sum);
            });
    }

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
    chunk_rows<Scalar>* rows_;
};

/// Writes the means over samples of batch * samples * n numbers. The order of summation is the one of
/// `imle_layer::marginals` for a solver with `solve_batch`.
template <class Scalar>
void write_mean_of(const Scalar* values, Eigen::Index batch, Eigen::Index samples, Eigen::Index n,
                   Scalar* mean) {
    const sample_plan plan(batch, samples, n);
    std::vector<double> memory(static_cast<std::size_t>(sample_sum<Scalar>::size(plan)));
    sample_sum<Scalar> sum(plan, 0, memory.data());
    sum.add({0, plan.batch * plan.samples}, values);
    for (Eigen::Index instance = 0; instance < batch; ++instance)
        sum.write_mean(instance, 1.0, mean + instance * n);
}

}  // namespace imle::inline IMLE_ABI::detail
