#pragma once

/// @file
/// Distributions of the standard library as noise.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include <imle/random/philox.hpp>
#include <imle/random/random_key.hpp>

namespace imle::inline IMLE_ABI {

/// An engine for the standard library (`std::uniform_random_bit_generator`) that returns the words of one
/// key's sequence.
class philox_engine {
  public:
    /// A random word of 32 bits.
    using result_type = std::uint32_t;
    /// The smallest word: 0.
    static constexpr result_type min() noexcept { return 0; }
    /// The largest word: 2^32 - 1.
    static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

    /// Starts at the first word of the key's sequence.
    explicit philox_engine(const random_key& key) noexcept : key_(key) {}

    /// The next word of the sequence.
    result_type operator()() noexcept {
        if (next_ == 4) {
            block_ = key_.block(number_++);
            next_ = 0;
        }
        return block_[next_++];
    }

  private:
    random_key key_;
    std::uint64_t number_ = 0;
    philox4x32_block block_{};
    std::size_t next_ = 4;
};

namespace detail {

template <class T>
concept RandomDistribution = std::copy_constructible<T> && requires(T distribution, philox_engine engine) {
    static_cast<double>(distribution(engine));
};

}  // namespace detail

/// Draws from a distribution of the standard library, or from any with the same interface:
/// `std_noise{std::normal_distribution<float>{0, 2}}`.
///
/// Element i is the first draw of a fresh copy of the distribution, from an engine with the key
/// `key.fold_in(i)`. Distributions keep state and use any number of words; the fresh copy and its engine make
/// random access possible. A number costs two Philox blocks or more. For a law that you draw from often, use
/// a `quantile_table`. The bits depend on the standard library: distributions differ between libraries.
template <detail::RandomDistribution Distribution>
class std_noise {
  public:
    /// distribution: copied for every number, so that no number depends on the one before.
    explicit std_noise(Distribution distribution = Distribution()) : distribution_(std::move(distribution)) {}

    /// Element i of `out` is element `first + i` of the key's sequence. Random access; O(out.size()).
    void fill(const random_key& key, std::uint64_t first, std::span<float> out) const {
        draw(key, first, out);
    }
    /// The same in double.
    void fill(const random_key& key, std::uint64_t first, std::span<double> out) const {
        draw(key, first, out);
    }

    /// The distribution.
    [[nodiscard]] const Distribution& distribution() const noexcept { return distribution_; }

  private:
    template <class Scalar>
    void draw(const random_key& key, std::uint64_t first, std::span<Scalar> out) const {
        for (std::size_t i = 0; i < out.size(); ++i) {
            philox_engine engine(key.fold_in(first + i));
            Distribution fresh(distribution_);
            if constexpr (requires { fresh.reset(); }) fresh.reset();
            out[i] = static_cast<Scalar>(fresh(engine));
        }
    }

    Distribution distribution_;
};

}  // namespace imle::inline IMLE_ABI
