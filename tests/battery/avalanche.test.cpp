// What a battery that reads a single stream hardly detects: correlations between neighbouring counters, keys
// and folds. All bounds are on sums of fair coins. By Hoeffding's inequality a bound of z standard deviations
// gives a false alarm of at most 2 exp(-z^2 / 2), without any normal approximation.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>

#include "support/catch.hpp"

namespace {

using imle::random_key;

using block = std::array<std::uint32_t, 4>;
using block_of = std::function<block(std::uint64_t)>;

/// The 128 bits of a key.
block key_bits(const random_key& key) {
    return {static_cast<std::uint32_t>(key.philox_key()), static_cast<std::uint32_t>(key.philox_key() >> 32),
            static_cast<std::uint32_t>(key.stream()), static_cast<std::uint32_t>(key.stream() >> 32)};
}

/// How often each of 128 bits was set. All bits count at once, in binary: plane k holds digit k of each
/// count, and is emptied before a count has more digits than there are planes.
class bit_counts {
  public:
    void add(const block& bits) {
        std::uint64_t low = bits[0] | std::uint64_t{bits[1]} << 32,
                      high = bits[2] | std::uint64_t{bits[3]} << 32;
        for (auto& [low_plane, high_plane] : planes_) {
            const std::uint64_t low_carry = low_plane & low, high_carry = high_plane & high;
            low_plane ^= low;
            high_plane ^= high;
            low = low_carry;
            high = high_carry;
        }
        ++blocks_;
        if (++waiting_ == (1U << digits) - 1) empty_planes();
    }
    [[nodiscard]] const std::array<std::uint32_t, 128>& counts() {
        empty_planes();
        return counts_;
    }
    /// The largest distance from a half, in standard deviations of fair coins.
    [[nodiscard]] double worst() {
        double worst = 0;
        for (const std::uint32_t count : counts()) worst = std::max(worst, std::abs(2.0 * count - blocks_));
        return worst / std::sqrt(blocks_);
    }

  private:
    static constexpr std::size_t digits = 8;

    void empty_planes() {
        for (std::size_t k = 0; k < digits; ++k)
            for (std::size_t i = 0; i < 128; ++i)
                counts_[i] += static_cast<std::uint32_t>((planes_[k][i / 64] >> (i % 64)) & 1) << k;
        planes_ = {};
        waiting_ = 0;
    }

    std::array<std::array<std::uint64_t, 2>, digits> planes_{};
    std::array<std::uint32_t, 128> counts_{};
    unsigned waiting_ = 0;
    double blocks_ = 0;
};

block difference(const block& a, const block& b) {
    return {a[0] ^ b[0], a[1] ^ b[1], a[2] ^ b[2], a[3] ^ b[3]};
}

/// Inputs that differ in one bit, or by one, must give unrelated outputs.
struct map_to_blocks {
    std::string name;
    block_of f;
};

std::vector<map_to_blocks> maps() {
    const random_key key = random_key(1).fold_in(2);
    return {
        {"words by counter", [](std::uint64_t n) { return random_key(0).block(n); }},
        {"words by counter, folded key", [key](std::uint64_t n) { return key.block(n); }},
        {"words by seed", [](std::uint64_t n) { return random_key(n).block(0); }},
        {"words by fold", [](std::uint64_t n) { return random_key(0).fold_in(n).block(0); }},
        {"keys by fold", [](std::uint64_t n) { return key_bits(random_key(0).fold_in(n)); }},
        {"keys by seed, then fold", [](std::uint64_t n) { return key_bits(random_key(n).fold_in(0)); }},
        {"keys by fold, then fold", [key](std::uint64_t n) { return key_bits(key.fold_in(n)); }},
    };
}

/// The worst of all output bits, over all 64 input bits and over a step by one. The inputs are 0, 1, 2, ...,
/// as users have them; their own bits vary least.
double worst_avalanche(const block_of& f, std::uint64_t inputs) {
    double worst = 0;
    for (std::uint64_t bit = 0; bit < 64; ++bit) {
        bit_counts flips;
        // Inputs in pairs that differ in this bit: each pair once.
        for (std::uint64_t i = 0; i < inputs; ++i) {
            const std::uint64_t low = i & ((std::uint64_t{1} << bit) - 1);
            const std::uint64_t n = bit == 63 ? low : ((i ^ low) << 1) | low;
            flips.add(difference(f(n), f(n | (std::uint64_t{1} << bit))));
        }
        worst = std::max(worst, flips.worst());
    }
    bit_counts steps;
    block before = f(0);
    for (std::uint64_t n = 1; n <= inputs; ++n) {
        const block now = f(n);
        steps.add(difference(before, now));
        before = now;
    }
    return std::max(worst, steps.worst());
}

// 7 maps, 65 differences, 128 output bits: 58,240 coins, 7 standard deviations: 2.7e-6 in all.
constexpr double avalanche_bound = 7;

void check_avalanche(std::uint64_t inputs) {
    for (const auto& [name, f] : maps()) {
        INFO(name);
        CHECK(worst_avalanche(f, inputs) < avalanche_bound);
    }
}

/// The first words of two sequences, compared: the share of equal bits at each of the 32 places, and the
/// correlation of their uniforms. Both in standard deviations. The size is a multiple of 4.
struct comparison {
    double bits = 0;
    double correlation = 0;
};

comparison compare(const random_key& one, const random_key& other, std::size_t size) {
    std::vector<std::uint32_t> a(size), b(size);
    imle::random_words(one, 0, a);
    imle::random_words(other, 0, b);
    bit_counts equal;
    double sum = 0;
    for (std::size_t i = 0; i < size; i += 4) {
        block same;
        for (std::size_t j = 0; j < 4; ++j) {
            same[j] = ~(a[i + j] ^ b[i + j]);
            sum += (static_cast<double>(imle::uniform_of(a[i + j])) - 0.5) *
                   (static_cast<double>(imle::uniform_of(b[i + j])) - 0.5);
        }
        equal.add(same);
    }
    comparison result;
    const double n = static_cast<double>(size);
    const auto& counts = equal.counts();
    for (std::size_t bit = 0; bit < 32; ++bit) {
        const double count = counts[bit] + counts[bit + 32] + counts[bit + 64] + counts[bit + 96];
        result.bits = std::max(result.bits, std::abs(2 * count - n));
    }
    result.bits /= std::sqrt(n);
    result.correlation = std::abs(sum) * 12 / std::sqrt(n);  // a product of two centred uniforms: 1/12
    return result;
}

struct pair_of_keys {
    std::string name;
    std::function<std::array<random_key, 2>(std::uint64_t)> keys;
};

std::vector<pair_of_keys> pairs() {
    using two = std::array<random_key, 2>;
    return {
        {"seeds n and n + 1",
         [](std::uint64_t n) -> two {
             return {random_key(n), random_key(n + 1)};
         }},
        {"folds n and n + 1",
         [](std::uint64_t n) -> two {
             return {random_key(0).fold_in(n), random_key(0).fold_in(n + 1)};
         }},
        {"a key and its fold n",
         [](std::uint64_t n) -> two {
             return {random_key(0), random_key(0).fold_in(n)};
         }},
        {"fold n of two seeds",
         [](std::uint64_t n) -> two {
             return {random_key(0).fold_in(n), random_key(1).fold_in(n)};
         }},
        {"folds in either order",
         [](std::uint64_t n) -> two {
             return {random_key(0).fold_in(n).fold_in(n + 1), random_key(0).fold_in(n + 1).fold_in(n)};
         }},
    };
}

// 5 kinds, at most 4,096 pairs, 32 places: 655,360 coins, and 20,480 correlations, which are normal here up
// to 1e-3 of their density. At 7.5 standard deviations 8e-7 and 1e-9 in all.
constexpr double comparison_bound = 7.5;

void check_pairs(std::uint64_t count, std::size_t size) {
    for (const auto& [name, keys] : pairs()) {
        INFO(name);
        comparison worst;
        for (std::uint64_t n = 0; n < count; ++n) {
            const auto [one, other] = keys(n);
            const comparison now = compare(one, other, size);
            worst.bits = std::max(worst.bits, now.bits);
            worst.correlation = std::max(worst.correlation, now.correlation);
        }
        CHECK(worst.bits < comparison_bound);
        CHECK(worst.correlation < comparison_bound);
    }
}

}  // namespace

TEST_CASE("each bit of a counter, a seed or a fold flips half of the output's bits", "[battery]") {
    check_avalanche(1024);  // shares within 0.11 of a half
}

TEST_CASE("each bit flips half of the output's bits, with shares within 0.014", "[battery][slow]") {
    check_avalanche(1 << 16);
}

TEST_CASE("neighbouring keys give sequences that have nothing in common", "[battery]") {
    check_pairs(64, 1024);
}

TEST_CASE("thousands of neighbouring keys give sequences that have nothing in common", "[battery][slow]") {
    check_pairs(4096, 1 << 14);
}

TEST_CASE("the avalanche test sees a generator that is too short", "[battery]") {
    // Three rounds of Philox: too few, since a bit of the counter has not reached all outputs.
    const auto three_rounds = [](std::uint64_t n) -> block {
        const imle::philox4x32_block words = imle::detail::philox_rounds(
            {static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32), 0, 0}, {0, 0}, 3);
        block out;
        std::copy(words.begin(), words.end(), out.begin());
        return out;
    };
    CHECK(worst_avalanche(three_rounds, 1024) > avalanche_bound);
    // Two keys that name the same sequence.
    const comparison same = compare(random_key(3), random_key(3), 1024);
    CHECK(same.bits > comparison_bound);
    CHECK(same.correlation > comparison_bound);
}
