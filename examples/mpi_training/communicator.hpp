#pragma once

/// @file
/// What the training asks of MPI, and the only door to it.

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace mpi_training {

enum class reduce_by { sum, maximum };

/// All ranks of the job. Every member but `rank`, `size` and `abort` is collective: all ranks call it, in the
/// same order. Lives as long as MPI does, so there is one, made at the start of `main`.
///
/// Objects travel as bytes, so all ranks must be built for the same kind of machine.
class communicator {
  public:
    communicator(int& argc, char**& argv);
    communicator(const communicator&) = delete;
    communicator& operator=(const communicator&) = delete;
    ~communicator();

    [[nodiscard]] int rank() const noexcept { return rank_; }
    [[nodiscard]] int size() const noexcept { return size_; }

    /// Everybody's objects, rank 0's first, each rank's in their order; ranks may have any number of them.
    template <class T>
    requires std::is_trivially_copyable_v<T>
    [[nodiscard]] std::vector<T> all_gather_in_order(const std::vector<T>& mine) const {
        const std::vector<std::size_t> sizes = all_byte_sizes(mine.size() * sizeof(T));
        std::size_t total = 0;
        for (const std::size_t size : sizes) total += size;
        std::vector<T> all(total / sizeof(T));
        gather_bytes(std::as_bytes(std::span(mine)), sizes, std::as_writable_bytes(std::span(all)));
        return all;
    }

    /// Combines the ranks' values, coordinate by coordinate, in whatever order MPI likes: the last bits of
    /// floating-point sums depend on the number of ranks, those of integers and maxima do not. For float,
    /// double, std::int64_t and std::uint64_t.
    template <class Number>
    void all_reduce(std::span<Number> values, reduce_by how = reduce_by::sum) const;

    /// Rank 0's bytes, on every rank.
    [[nodiscard]] std::vector<std::byte> from_rank_0(std::vector<std::byte> bytes) const;

    /// Waits for all ranks.
    void barrier() const;

    /// Ends the job, all ranks of it, with this exit code: a rank that only left would let the others wait
    /// for ever.
    [[noreturn]] void abort(int exit_code) const;

  private:
    [[nodiscard]] std::vector<std::size_t> all_byte_sizes(std::size_t mine) const;
    void gather_bytes(std::span<const std::byte> mine, const std::vector<std::size_t>& sizes,
                      std::span<std::byte> all) const;

    int rank_ = 0;
    int size_ = 1;
};

}  // namespace mpi_training
