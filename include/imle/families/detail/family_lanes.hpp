#pragma once

/// @file
/// The vectors of doubles that the tables of exact families are computed with.

#include <algorithm>
#include <cstddef>

#include <imle/core/config.hpp>
#include <imle/simd/lanes.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// Numbers are laid out in blocks of this many, whatever the instruction set.
inline constexpr std::size_t family_block = 4;

/// Four doubles at most: rows of a table are k + 1 numbers, of which wider vectors would waste more. A row's
/// step needs the numbers one place before, or after, those of a vector (`one_before`, `one_after`). To load
/// them would be slow: a load that straddles two stores waits until both have reached the cache, and the row
/// before has just been stored. So they are put together from the two vectors that they are in.
using family_lanes = vector_lanes<double, std::min(family_block, widest_lanes<double>::size)>;

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
