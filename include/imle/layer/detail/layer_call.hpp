#pragma once

/// @file
/// The arguments of a layer's call on their way through it.

#include <cstdint>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/shape.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// One call's arguments, already checked. Pointers are to the caller's numbers, in the order of memory.
template <class Scalar, int Rank, int Layout>
struct layer_call {
    batch_shape<Rank, Layout> shape;
    Eigen::Index samples;
    const Scalar* theta;
    random_key key;
    std::uint64_t first_instance;
};

/// What a vjp needs beside the call.
template <class Scalar>
struct cotangent {
    const Scalar* dz;
    /// Whether dz has a sample dimension; if not, each sample gets its instance's.
    bool per_sample;
    /// What dz is multiplied by, number by number, before it is used.
    Scalar scale = 1;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
