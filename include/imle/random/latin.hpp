#pragma once

/// @file
/// Random words for samples that are stratified in each coordinate: Latin hypercube sampling (McKay, Beckman
/// and Conover, Technometrics 21, 1979) with random access.
///
/// Sample s of a coordinate gets the stratum pi(s) = a * g(s) + b of q equal strata, and a random place
/// within it. pi is an affine map of a field of q elements; a != 0 and b are drawn anew for each coordinate
/// of each instance. So
///
/// - every sample alone is uniform and its coordinates are independent, since b and the place are uniform;
/// - the strata of two samples are any two different ones with equal probability. The variance of a mean over
///   samples depends on pairs alone, so it is that of a random permutation of the strata;
/// - pi(s) takes a few operations for any s, so pieces, shards and threads give the same bits.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include <imle/core/function_ref.hpp>
#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>
#include <imle/simd/vector.hpp>

namespace imle::inline IMLE_ABI::detail {

/// So many samples at most are stratified together. Further samples begin anew: what strata can take away is
/// gone long before.
inline constexpr std::uint64_t most_strata = 4096;

/// The smallest power of two or prime from 2 on that is at least `samples`, which is at most `most_strata`.
[[nodiscard]] constexpr std::uint32_t strata_for(std::uint32_t samples) noexcept {
    const auto is_prime = [](std::uint32_t q) {
        for (std::uint32_t d = 2; d * d <= q; ++d)
            if (q % d == 0) return false;
        return true;
    };
    std::uint32_t q = std::max(samples, 2u);
    while (!std::has_single_bit(q) && !is_prime(q)) ++q;
    return q;
}

/// The rows of a kernel may be written to this many elements beyond their end, up to a multiple of it.
inline constexpr std::size_t row_multiple = 16;

/// Words that a kernel handles at once.
template <class Word>
inline constexpr std::size_t lanes_of = IMLE_INTEGER_VECTOR_BYTES == 0
                                            ? 1
                                            : IMLE_INTEGER_VECTOR_BYTES / sizeof(Word);

/// 2^m strata: pi(s) = a * g(s) + b over GF(2^m), g(s) = s xor s / 2 the Gray code. A step to the next sample
/// then adds a * 2^j, where j is the number of zeros at the end of s + 1.
///
/// Strata are in the upper bits of their words. A coordinate takes one random word: b is its upper m bits, a
/// comes from its lower 16 bits.
class binary_strata {
  public:
    using coefficient_word = std::uint32_t;
    static constexpr std::uint64_t tag = 0x4c6174696e32;  // "Latin2"

    explicit binary_strata(std::uint32_t strata) noexcept
        : bits_(std::countr_zero(strata)), polynomial_(polynomials[bits_] << (32 - bits_)) {}

    /// Writes a (`factors`) and pi(sample) (`strata`) of n coordinates.
    void begin(const std::uint32_t* words, std::uint32_t sample, std::uint32_t* factors,
               std::uint32_t* strata, std::size_t n) const noexcept {
        constexpr std::size_t size = lanes_of<std::uint32_t>;
        using vector = vector_of<std::uint32_t, size>;
        const std::uint32_t gray = sample ^ (sample >> 1), last = (1u << bits_) - 1;
        const std::uint32_t upper = ~(~0u >> bits_);
        for (std::size_t i = 0; i < n; i += size) {
            const vector word = load_vector<std::uint32_t, size>(words + i);
            vector power = ((((word & 0xffffu) * last) >> 16) + 1u) << (32 - bits_);
            vector stratum = word & upper;
            store_vector<std::uint32_t, size>(power, factors + i);
            for (std::uint32_t rest = gray; rest != 0; rest >>= 1) {
                if (rest & 1) stratum ^= power;
                power = doubled<size>(power);
            }
            store_vector<std::uint32_t, size>(stratum, strata + i);
        }
    }

    /// Stratifies the words of one sample's n coordinates, then moves `strata` to the next sample.
    template <class Word>
    void stratify(std::uint32_t sample, const std::uint32_t* factors, std::uint32_t* strata,
                  const Word* words, Word* out, std::size_t n) const noexcept {
        constexpr std::size_t size = lanes_of<Word>;
        using vector = vector_of<std::uint32_t, size>;
        const int doublings = std::countr_zero(sample + 1);
        for (std::size_t i = 0; i < n; i += size) {
            const vector stratum = load_vector<std::uint32_t, size>(strata + i);
            const auto place = load_vector<Word, size>(words + i) >> bits_;
            if constexpr (sizeof(Word) == 4)
                store_vector<Word, size>(stratum | place, out + i);
            else
                store_vector<Word, size>(
                    (convert_vector<std::uint32_t, std::uint64_t, size>(stratum) << 32) | place, out + i);
            vector step = load_vector<std::uint32_t, size>(factors + i);
            for (int j = 0; j < doublings; ++j) step = doubled<size>(step);
            store_vector<std::uint32_t, size>(stratum ^ step, strata + i);
        }
    }

  private:
    /// Irreducible polynomials over GF(2) of degree 1 to 12, without their highest term.
    static constexpr std::uint32_t polynomials[13] = {0,   0x1,  0x3, 0x3, 0x3, 0x5, 0x3,
                                                      0x3, 0x1b, 0x3, 0x9, 0x5, 0x9};

    /// The product with the field's element 2.
    template <std::size_t Size>
    [[nodiscard]] vector_of<std::uint32_t, Size> doubled(
        const vector_of<std::uint32_t, Size>& x) const noexcept {
        using vector = vector_of<std::uint32_t, Size>;
        const vector carry = vector(vector_of<std::int32_t, Size>(x) >> 31);
        return (x << 1) ^ (carry & polynomial_);
    }

    int bits_;
    std::uint32_t polynomial_;
};

/// A word moved into one of p strata, p odd. Strata have L = floor(2^B / p) words each; fewer than p words
/// remain at the upper end, which belong to no stratum and stay where they are. If stratum and word are
/// uniform, so is the result: it has exactly p origins.
template <class Word>
[[nodiscard]] constexpr Word moved_word(std::uint32_t stratum, Word word, std::uint32_t strata) noexcept {
    const auto width = static_cast<Word>((std::uint64_t{1} << (8 * sizeof(Word))) / strata);
    if (word >= static_cast<Word>(width * strata)) return word;
    return static_cast<Word>(width * stratum + word % width);
}

/// A prime number p of strata: pi(s) = a * s + b modulo p. A coordinate takes 64 random bits: b comes from
/// the upper 48, so its distribution function is exact to 2^-48; a comes from the lower 16.
///
/// A word of 64 bits is moved by its upper half. `strata` are the first words of the strata, and `factors`
/// are what is left between a steps of a stratum and 2^32.
class prime_strata {
  public:
    using coefficient_word = std::uint64_t;
    static constexpr std::uint64_t tag = 0x4c6174696e70;  // "Latinp"

    explicit prime_strata(std::uint32_t strata) noexcept
        : strata_(strata),
          width_(static_cast<std::uint32_t>((std::uint64_t{1} << 32) / strata)),
          end_(width_ * strata),
          per_word_(256 * (1 - 0x1p-20f) / static_cast<float>(width_)) {}

    /// Writes a (`factors`) and pi(sample) (`strata`) of n coordinates.
    void begin(const std::uint64_t* words, std::uint32_t sample, std::uint32_t* factors,
               std::uint32_t* strata, std::size_t n) const noexcept {
        for (std::size_t i = 0; i < n; ++i) {
            const auto b = static_cast<std::uint32_t>(((words[i] >> 16) * strata_) >> 48);
            const auto a = static_cast<std::uint32_t>((((words[i] & 0xffff) * (strata_ - 1)) >> 16) + 1);
            factors[i] = (strata_ - a) * width_;
            strata[i] = (sample == 0 ? b : (a * sample + b) % strata_) * width_;
        }
    }

    /// Stratifies the words of one sample's n coordinates, then moves `strata` to the next sample.
    template <class Word>
    void stratify(std::uint32_t, const std::uint32_t* factors, std::uint32_t* strata, const Word* words,
                  Word* out, std::size_t n) const noexcept {
        constexpr std::size_t size = lanes_of<Word>;
        using vector = vector_of<std::uint32_t, size>;
        for (std::size_t i = 0; i < n; i += size) {
            const vector stratum = load_vector<std::uint32_t, size>(strata + i);
            const auto word = load_vector<Word, size>(words + i);
            if constexpr (sizeof(Word) == 4) {
                store_vector<Word, size>(moved<size>(stratum, word), out + i);
            } else {
                const vector upper = convert_vector<std::uint64_t, std::uint32_t, size>(word >> 32);
                store_vector<Word, size>(
                    (convert_vector<std::uint32_t, std::uint64_t, size>(moved<size>(stratum, upper)) << 32) |
                        (word & 0xffffffff),
                    out + i);
            }
            const vector rest = load_vector<std::uint32_t, size>(factors + i), next = stratum - rest;
            store_vector<std::uint32_t, size>(stratum < rest ? next + end_ : next, strata + i);
        }
    }

  private:
    /// `moved_word` in lanes. The quotient of word and width is rounded down, to itself or one less.
    template <std::size_t Size>
    [[nodiscard]] vector_of<std::uint32_t, Size> moved(
        const vector_of<std::uint32_t, Size>& stratum,
        const vector_of<std::uint32_t, Size>& word) const noexcept {
        using vector = vector_of<std::uint32_t, Size>;
        using integers = vector_of<std::int32_t, Size>;
        const auto upper_bits = convert_vector<std::int32_t, float, Size>(integers(word >> 8));
        const vector quotient = vector(convert_vector<float, std::int32_t, Size>(upper_bits * per_word_));
        const vector rest = word - quotient * width_, less = rest - width_;
        // Where it was one less, the rest is below `width_` only now; elsewhere `less` has wrapped around.
        const vector place = stratum + (less < rest ? less : rest);
        return word < end_ ? place : word;
    }

    std::uint32_t strata_;
    std::uint32_t width_;
    std::uint32_t end_;
    float per_word_;
};

/// The stratified words of the items first_item, first_item + 1, ... of n coordinates each. Item i is sample
/// i % samples of instance i / samples. Word c of an item is word item * n + c of the key's sequence (for 64
/// bits: words 2 * that and the next), moved into its stratum.
template <class Word>
class latin_words {
  public:
    latin_words(const random_key& key, std::uint64_t samples, std::size_t n) noexcept
        : key_(key),
          samples_(samples),
          n_(n),
          sets_per_instance_((samples + most_strata - 1) / most_strata) {}

    using take_words = function_ref<void(std::span<const Word> words, std::size_t at)>;

    /// Calls take(words, at) for pieces that together are the words of `items` items. The piece's first word
    /// is word `at` of them all.
    void for_each(std::uint64_t first_item, std::size_t items, take_words take) const {
        if (n_ == 0) return;
        for (std::size_t done = 0; done < items;) {
            const std::uint64_t item = first_item + done;
            const std::uint64_t sample = item % samples_, set = sample / most_strata;
            const std::uint64_t set_size = std::min(most_strata, samples_ - set * most_strata);
            part now{item,
                     done,
                     0,
                     item / samples_ * sets_per_instance_ + set,
                     static_cast<std::uint32_t>(sample % most_strata),
                     static_cast<std::uint32_t>(set_size)};
            // If an instance has several sets, they may have different fields: one at a time.
            const std::size_t sets =
                sets_per_instance_ == 1 ? std::max<std::size_t>(tile / stride(n_), 1) : 1;
            now.count =
                static_cast<std::size_t>(std::min<std::uint64_t>(items - done, sets * set_size - now.sample));
            const std::uint32_t strata = strata_for(now.set_size);
            if (std::has_single_bit(strata))
                write_part(binary_strata(strata), now, take);
            else
                write_part(prime_strata(strata), now, take);
            done += now.count;
        }
    }

  private:
    /// Coordinates whose strata are in memory at a time, and words that are made at a time: more of them,
    /// since each piece of words begins and ends within a group of `random_words` and of quantiles.
    static constexpr std::size_t tile = 4096 / sizeof(Word), most_words = 2 * tile;

    /// Items of one set (samples of an instance that are stratified together) or several.
    struct part {
        std::uint64_t item;      ///< the first item
        std::size_t at;          ///< its number among the items that were asked for
        std::size_t count;       ///< items
        std::uint64_t set;       ///< the first item's set
        std::uint32_t sample;    ///< the first item's sample within its set
        std::uint32_t set_size;  ///< samples in each set
    };

    [[nodiscard]] static std::size_t stride(std::size_t n) noexcept {
        return (n + row_multiple - 1) / row_multiple * row_multiple;
    }

    template <class StrataT>
    void write_part(const StrataT& field, const part& now, take_words take) const {
        using coefficient_word = typename StrataT::coefficient_word;
        const std::size_t sets = (now.sample + now.count + now.set_size - 1) / now.set_size;
        alignas(64) coefficient_word coefficients[tile + row_multiple];
        alignas(64) std::uint32_t factors[tile], strata[tile];
        alignas(64) Word words[most_words + row_multiple], out[most_words + row_multiple];
        for (std::size_t first = 0; first < n_; first += tile) {
            const std::size_t n = std::min(tile, n_ - first), row = stride(n);
            draw(key_.fold_in(StrataT::tag), now.set * n_ + first, coefficients, sets * n);
            for (std::size_t set = 0; set < sets; ++set)
                field.begin(coefficients + set * n, set == 0 ? now.sample : 0, factors + set * row,
                            strata + set * row, n);
            std::uint32_t sample = now.sample;
            std::size_t of_set = 0;
            const std::size_t most_items = n_ > tile ? 1 : most_words / n;
            for (std::size_t done = 0; done < now.count;) {
                const std::size_t count = std::min(most_items, now.count - done);
                draw(key_, (now.item + done) * n_ + first, words, count * n);
                for (std::size_t i = 0; i < count; ++i) {
                    field.stratify(sample, factors + of_set, strata + of_set, words + i * n, out + i * n, n);
                    if (++sample == now.set_size) {
                        sample = 0;
                        of_set += row;
                    }
                }
                take(std::span<const Word>(out, count * n), (now.at + done) * n_ + first);
                done += count;
            }
        }
    }

    /// Words of a sequence, followed by as many zeros as a kernel may read.
    template <class T>
    static void draw(const random_key& key, std::uint64_t first, T* words, std::size_t count) noexcept {
        random_words(key, first, std::span<T>(words, count));
        std::fill_n(words + count, row_multiple, T{0});
    }

    random_key key_;
    std::uint64_t samples_;
    std::size_t n_;
    std::uint64_t sets_per_instance_;
};

}  // namespace imle::inline IMLE_ABI::detail
