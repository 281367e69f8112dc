#pragma once

/// @file
/// Several numbers side by side, one for each instance that is solved at the same time.

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// The signed integer as wide as Scalar, so that a comparison of Scalars selects among them lane by lane.
template <class Scalar>
using lane_integer = std::conditional_t<sizeof(Scalar) == 4, std::int32_t, std::int64_t>;

/// How many lanes of Scalar fill the widest register of this build; 1 where there is none to use.
template <class Scalar>
inline constexpr int native_lanes =
#if defined(EIGEN_DONT_VECTORIZE) || defined(IMLE_SCALAR_ONLY) || !defined(__GNUC__)
    1;
#elif defined(__AVX512F__)
    64 / sizeof(Scalar);
#elif defined(__AVX__)
    32 / sizeof(Scalar);
#else
    16 / sizeof(Scalar);
#endif

/// The types for `Width` lanes. `number` and `integer` are vectors of the compiler (GCC's extension, which
/// clang has too): +, comparison and ?: act lane by lane, and each lane rounds as a scalar does, so that an
/// instance solved in a lane has the bits of one solved alone. `Width` must be 1 or `native_lanes<Scalar>`:
/// wider vectors are taken apart into scalars by g++ 12.
template <class Scalar_, int Width>
struct lanes {
    using Scalar = Scalar_;
    static constexpr int width = Width;
#if defined(__GNUC__)
    typedef Scalar number __attribute__((vector_size(sizeof(Scalar) * Width)));
    typedef lane_integer<Scalar> integer __attribute__((vector_size(sizeof(Scalar) * Width)));
#endif
    /// What arrays are made of: as template arguments the bare vectors would lose their alignment.
    struct number_cell {
        number lane;
    };
    struct integer_cell {
        integer lane;
    };

    static void set(number_cell& cell, int lane, Scalar value) noexcept {
        cell.lane[lane] = value;
    }
    [[nodiscard]] static Scalar get(const number_cell& cell, int lane) noexcept {
        return cell.lane[lane];
    }
    [[nodiscard]] static lane_integer<Scalar> get(const integer_cell& cell, int lane) noexcept {
        return cell.lane[lane];
    }
    /// a == b ? yes : no, without a branch.
    [[nodiscard]] static integer if_equal(const number& a, const number& b, const integer& yes,
                                          const integer& no) noexcept {
        return a == b ? yes : no;
    }
    /// The lesser in each lane.
    [[nodiscard]] static number least(const number& a, const number& b) noexcept {
        return a < b ? a : b;
    }
    [[nodiscard]] static integer least(const integer& a, const integer& b) noexcept {
        return a < b ? a : b;
    }
    /// Not 0 in the lanes where a and b differ in any bit.
    [[nodiscard]] static integer difference(const number& a, const number& b) noexcept {
        return integer(a) ^ integer(b);
    }
    [[nodiscard]] static integer difference(const integer& a, const integer& b) noexcept {
        return a ^ b;
    }
    /// True if any lane is not 0.
    [[nodiscard]] static bool any(const integer& flags) noexcept {
        lane_integer<Scalar> joined = 0;
        for (int lane = 0; lane < Width; ++lane) joined |= flags[lane];
        return joined != 0;
    }
};

/// One lane: plain scalars, of which the same code makes a solver of one instance.
template <class Scalar_>
struct lanes<Scalar_, 1> {
    using Scalar = Scalar_;
    static constexpr int width = 1;
    using number = Scalar;
    using integer = lane_integer<Scalar>;
    struct number_cell {
        number lane;
    };
    struct integer_cell {
        integer lane;
    };

    static void set(number_cell& cell, int, Scalar value) noexcept { cell.lane = value; }
    [[nodiscard]] static Scalar get(const number_cell& cell, int) noexcept { return cell.lane; }
    [[nodiscard]] static integer get(const integer_cell& cell, int) noexcept { return cell.lane; }
    [[nodiscard]] static number least(number a, number b) noexcept { return a < b ? a : b; }
    // Of integers by bits: of ?: compilers make a branch here, which ties predict badly (twice the time,
    // measured).
    [[nodiscard]] static integer least(integer a, integer b) noexcept {
        const integer mask = -integer{a < b};
        return (a & mask) | (b & ~mask);
    }
    [[nodiscard]] static integer if_equal(number a, number b, integer yes, integer no) noexcept {
        const integer mask = -integer{a == b};
        return (yes & mask) | (no & ~mask);
    }
    [[nodiscard]] static integer difference(number a, number b) noexcept { return a != b; }
    [[nodiscard]] static integer difference(integer a, integer b) noexcept { return a ^ b; }
    [[nodiscard]] static bool any(integer flags) noexcept { return flags != 0; }
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
