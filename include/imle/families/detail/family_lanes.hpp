#pragma once

/// @file
/// The vectors of doubles used by the tables of exact families.

#include <algorithm>
#include <cstddef>

#include <imle/core/config.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The block size of all arrays, whatever the instruction set.
inline constexpr std::size_t family_block = 4;

/// At most four doubles: a table's rows have k + 1 numbers, and wider vectors would waste more of the last
/// block. The step of a row needs the numbers one place before or after the ones in a vector (`one_before`,
/// `one_after`). Loading them would be slow: a load that straddles two stores waits until both have reached
/// the cache, and the previous row has just been stored. So they are assembled from the two vectors that
/// contain them.
using family_lanes = vector_lanes<double, std::min(family_block, widest_lanes<double>::size)>;

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
