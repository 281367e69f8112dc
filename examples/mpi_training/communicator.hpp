#pragma once

/// @file
/// The only part of the example that calls MPI.

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace mpi_training {

enum class reduce_by { sum, maximum };

/// All ranks of the job. Every member except `rank`, `size` and `abort` is collective: all ranks call it, in
/// the same order. It lives as long as MPI does, so make one at the start of `main`.
///
/// Objects are sent as bytes, so all ranks must be built for the same kind of machine.
class communicator {
  public:
    communicator(int& argc, char**& argv);
    communicator(const communicator&) = delete;
    communicator& operator=(const communicator&) = delete;
    ~communicator();

    [[nodiscard]] int rank() const noexcept { return rank_; }
    [[nodiscard]] int size() const noexcept { return size_; }

    /// All ranks' objects: rank 0's first, each rank's in their order. Ranks may have different numbers of
    /// objects.
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

    /// Combines the ranks' values, coordinate by coordinate, in an order that MPI chooses: the last bits of
    /// floating-point sums depend on the number of ranks; integers and maxima do not. For float, double,
    /// std::int64_t and std::uint64_t.
    template <class Number>
    void all_reduce(std::span<Number> values, reduce_by how = reduce_by::sum) const;

    /// Rank 0's bytes, on every rank.
    [[nodiscard]] std::vector<std::byte> from_rank_0(std::vector<std::byte> bytes) const;

    /// Waits for all ranks.
    void barrier() const;

    /// Ends the job, with all its ranks, with this exit code. If a rank just exited, the others would wait
    /// forever.
    [[noreturn]] void abort(int exit_code) const;

  private:
    [[nodiscard]] std::vector<std::size_t> all_byte_sizes(std::size_t mine) const;
    void gather_bytes(std::span<const std::byte> mine, const std::vector<std::size_t>& sizes,
                      std::span<std::byte> all) const;

    int rank_ = 0;
    int size_ = 1;
};

}  // namespace mpi_training
