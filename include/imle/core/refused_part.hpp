#pragma once

/// @file
/// What takes the place of a part of a wrong type, so that one sentence is the only error.

#include <type_traits>

#include <imle/core/config.hpp>

namespace imle::inline IMLE_ABI::detail {

/// Stands in for a solver, noise, target or family that a static_assert has refused: it can be made from
/// anything and is called like each of these, so that the code after the refusal compiles.
struct refused_part {
    template <class T>
    refused_part(const T&) {}
    refused_part(const refused_part&) = default;

    template <class... Arguments>
    void operator()(const Arguments&...) const {}
    template <class... Arguments>
    void fill(const Arguments&...) const {}
    template <class... Arguments>
    void parameters(const Arguments&...) const {}
    template <class... Arguments>
    void sample(const Arguments&...) const {}
    template <class... Arguments>
    void marginals(const Arguments&...) const {}
    [[nodiscard]] double score(double) const { return 0; }
    [[nodiscard]] double cdf(double) const { return 0; }
    [[nodiscard]] double pdf(double) const { return 0; }
};

/// T, or its stand-in.
template <class T, bool is_accepted>
using accepted_part = std::conditional_t<is_accepted, T, refused_part>;

}  // namespace imle::inline IMLE_ABI::detail
