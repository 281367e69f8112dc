#include "communicator.hpp"

#include <climits>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>

#include <mpi.h>

// Return codes are not checked: by default MPI ends the job at the first error, with a message.

namespace mpi_training {
namespace {

template <class Number>
MPI_Datatype datatype_of() {
    if constexpr (std::is_same_v<Number, float>) return MPI_FLOAT;
    if constexpr (std::is_same_v<Number, double>) return MPI_DOUBLE;
    if constexpr (std::is_same_v<Number, std::int64_t>) return MPI_INT64_T;
    if constexpr (std::is_same_v<Number, std::uint64_t>) return MPI_UINT64_T;
}

/// MPI counts with int.
int checked_count(std::size_t count) {
    if (count > INT_MAX)
        throw std::length_error("a message of " + std::to_string(count) +
                                " items; MPI takes at most 2^31 - 1 in one call");
    return static_cast<int>(count);
}

}  // namespace

communicator::communicator(int& argc, char**& argv) {
    // Layers may have threads, but only the thread that makes this object calls MPI.
    int provided = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    if (provided < MPI_THREAD_FUNNELED) {
        std::cerr << "mpi_training: this MPI does not support programs with threads; expected "
                     "MPI_THREAD_FUNNELED\n";
        abort(EXIT_FAILURE);
    }
}

communicator::~communicator() {
    MPI_Finalize();
}

std::vector<std::size_t> communicator::all_byte_sizes(std::size_t mine) const {
    const std::uint64_t size = mine;
    std::vector<std::uint64_t> sizes(static_cast<std::size_t>(size_));
    MPI_Allgather(&size, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, MPI_COMM_WORLD);
    return {sizes.begin(), sizes.end()};
}

void communicator::gather_bytes(std::span<const std::byte> mine, const std::vector<std::size_t>& sizes,
                                std::span<std::byte> all) const {
    std::vector<int> counts;
    std::vector<int> offsets;
    std::size_t offset = 0;
    for (const std::size_t size : sizes) {
        counts.push_back(checked_count(size));
        offsets.push_back(checked_count(offset));
        offset += size;
    }
    MPI_Allgatherv(mine.data(), checked_count(mine.size()), MPI_BYTE, all.data(), counts.data(),
                   offsets.data(), MPI_BYTE, MPI_COMM_WORLD);
}

template <class Number>
void communicator::all_reduce(std::span<Number> values, reduce_by how) const {
    MPI_Allreduce(MPI_IN_PLACE, values.data(), checked_count(values.size()), datatype_of<Number>(),
                  how == reduce_by::sum ? MPI_SUM : MPI_MAX, MPI_COMM_WORLD);
}

template void communicator::all_reduce(std::span<float>, reduce_by) const;
template void communicator::all_reduce(std::span<double>, reduce_by) const;
template void communicator::all_reduce(std::span<std::int64_t>, reduce_by) const;
template void communicator::all_reduce(std::span<std::uint64_t>, reduce_by) const;

std::vector<std::byte> communicator::from_rank_0(std::vector<std::byte> bytes) const {
    std::uint64_t size = bytes.size();
    MPI_Bcast(&size, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
    bytes.resize(static_cast<std::size_t>(size));
    MPI_Bcast(bytes.data(), checked_count(bytes.size()), MPI_BYTE, 0, MPI_COMM_WORLD);
    return bytes;
}

void communicator::barrier() const {
    MPI_Barrier(MPI_COMM_WORLD);
}

void communicator::abort(int exit_code) const {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::abort();  // not reached
}

}  // namespace mpi_training
