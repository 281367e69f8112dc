#pragma once

/// @file
/// The quantile tables of a law with parameters: made when first drawn from, shared between copies.

#include <concepts>
#include <mutex>
#include <optional>

#include <imle/core/config.hpp>
#include <imle/random/quantile_table.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

/// A float and a double table of one law, each made at its first use by whichever thread comes first. A layer
/// uses one scalar, and to make the other's table as well would double its cost.
class lazy_tables {
  public:
    /// The table of `make()`, a law or a source of quantiles. `make` must always give the same one.
    template <class Scalar, class Make>
    [[nodiscard]] const quantile_table<Scalar>& get(const Make& make) const {
        slot<Scalar>& mine = slot_of(Scalar{});
        std::call_once(mine.once, [&] { mine.table.emplace(make()); });
        return *mine.table;
    }

  private:
    template <class Scalar>
    struct slot {
        std::once_flag once;
        std::optional<quantile_table<Scalar>> table;
    };

    slot<float>& slot_of(float) const noexcept { return float_; }
    slot<double>& slot_of(double) const noexcept { return double_; }

    mutable slot<float> float_;
    mutable slot<double> double_;
};

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
