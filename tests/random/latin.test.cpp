#include <imle/random/latin.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace {

using imle::random_key;
using imle::detail::binary_strata;
using imle::detail::latin_words;
using imle::detail::moved_word;
using imle::detail::prime_strata;
using imle::detail::row_multiple;
using imle::detail::strata_for;

/// The stratified words of `items` items: [item, n].
template <class Word>
std::vector<Word> words_of(const random_key& key, std::uint64_t samples, std::size_t n, std::uint64_t first,
                           std::size_t items) {
    std::vector<Word> out(items * n);
    std::size_t written = 0;
    latin_words<Word>(key, samples, n)
        .for_each(first, items, [&](std::span<const Word> words, std::size_t at) {
            std::copy(words.begin(), words.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
            written += words.size();
        });
    CHECK(written == out.size());
    return out;
}

std::uint32_t stratum_of(std::uint32_t word, std::uint32_t strata) {
    return word / static_cast<std::uint32_t>((std::uint64_t{1} << 32) / strata);
}

// ---- the definition, in scalars ---------------------------------------------------------------------------

/// a * b over GF(2^bits).
std::uint32_t product(std::uint32_t a, std::uint32_t b, int bits) {
    // x^m + ... without x^m, for m = 1 to 12, as in any table of irreducible polynomials.
    constexpr std::uint32_t polynomials[] = {0, 1, 3, 3, 3, 5, 3, 3, 27, 3, 9, 5, 9};
    std::uint32_t sum = 0;
    for (; b != 0; b >>= 1) {
        if (b & 1) sum ^= a;
        a <<= 1;
        if (a >> bits) a ^= (1u << bits) | polynomials[bits];
    }
    return sum;
}

template <class Word>
Word in_stratum(std::uint32_t stratum, Word word, std::uint32_t q) {
    if (std::has_single_bit(q)) {
        const int bits = std::countr_zero(q);
        return (Word{stratum} << (8 * sizeof(Word) - static_cast<std::size_t>(bits))) | (word >> bits);
    }
    constexpr int lower = 8 * sizeof(Word) - 32;
    const std::uint32_t upper = moved_word(stratum, static_cast<std::uint32_t>(word >> lower), q);
    return (Word{upper} << lower) | (word & ((Word{1} << lower) - 1));
}

template <class Word>
Word defined_word(const random_key& key, std::uint64_t samples, std::uint64_t n, std::uint64_t item,
                  std::uint64_t coordinate) {
    const auto word = []<class W>(const random_key& of, std::uint64_t i, W) {
        W one[1];
        imle::random_words(of, i, std::span<W>(one));
        return one[0];
    };
    const std::uint64_t sample = item % samples, sets = (samples + 4095) / 4096, set = sample / 4096;
    const auto size = static_cast<std::uint32_t>(std::min<std::uint64_t>(4096, samples - set * 4096));
    const std::uint64_t place = (item / samples * sets + set) * n + coordinate;
    const auto s = static_cast<std::uint32_t>(sample % 4096);
    const std::uint32_t q = strata_for(size);
    std::uint32_t stratum;
    if (std::has_single_bit(q)) {
        const int bits = std::countr_zero(q);
        const auto c = word(key.fold_in(0x4c6174696e32), place, std::uint32_t{});
        const std::uint32_t a = 1 + (((c & 0xffff) * (q - 1)) >> 16);
        stratum = product(a, s ^ (s / 2), bits) ^ (c >> (32 - bits));
    } else {
        const auto c = word(key.fold_in(0x4c6174696e70), place, std::uint64_t{});
        const std::uint64_t a = 1 + (((c & 0xffff) * (q - 1)) >> 16), b = ((c >> 16) * q) >> 48;
        stratum = static_cast<std::uint32_t>((a * s + b) % q);
    }
    return in_stratum(stratum, word(key, item * n + coordinate, Word{}), q);
}

/// The strata of samples 0 to q - 1 for coordinates with these a and b: [sample, coordinate].
template <class StrataT>
std::vector<std::vector<std::uint32_t>> strata_with(
    std::uint32_t q, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& ab) {
    using coefficient_word = typename StrataT::coefficient_word;
    const StrataT field(q);
    const std::size_t n = ab.size(), room = (n + row_multiple) / row_multiple * row_multiple;
    std::vector<coefficient_word> coefficients(room);
    for (std::size_t i = 0; i < n; ++i) {
        const auto [a, b] = ab[i];
        const std::uint32_t lower = ((a - 1) * 65536 + q - 2) / (q - 1);  // the first that gives a
        if constexpr (sizeof(coefficient_word) == 4)
            coefficients[i] = (b << (32 - std::countr_zero(q))) | lower;
        else
            coefficients[i] = ((((std::uint64_t{b} << 48) + q - 1) / q) << 16) | lower;
    }
    std::vector<std::uint32_t> factors(room), strata(room), words(room), out(room);
    field.begin(coefficients.data(), 0, factors.data(), strata.data(), n);
    std::vector<std::vector<std::uint32_t>> result;
    for (std::uint32_t s = 0; s < q; ++s) {
        field.stratify(s, factors.data(), strata.data(), words.data(), out.data(), n);
        result.emplace_back();
        for (std::size_t i = 0; i < n; ++i) result.back().push_back(stratum_of(out[i], q));
    }
    return result;
}

template <class StrataT>
void check_pairs(std::uint32_t q) {
    INFO(q << " strata");
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ab;
    for (std::uint32_t a = 1; a < q; ++a)
        for (std::uint32_t b = 0; b < q; ++b) ab.emplace_back(a, b);
    const auto strata = strata_with<StrataT>(q, ab);
    support::tally alone, pairs;
    for (std::uint32_t s = 0; s < q; ++s)
        for (std::uint32_t t = s; t < q; ++t) {
            std::vector<int> counts(q * q);
            for (std::size_t i = 0; i < ab.size(); ++i) ++counts[strata[s][i] * q + strata[t][i]];
            for (std::uint32_t x = 0; x < q; ++x)
                for (std::uint32_t y = 0; y < q; ++y) {
                    const int count = counts[x * q + y];
                    if (s == t)
                        alone.expect(count == (x == y ? static_cast<int>(q - 1) : 0), "sample ", s,
                                     " is in stratum ", x, " ", count, " times");
                    else
                        pairs.expect(count == (x == y ? 0 : 1), "samples ", s, " and ", t, " are in strata ",
                                     x, " and ", y, " ", count, " times");
                }
        }
    CHECK(alone == 0);
    CHECK(pairs == 0);
}

template <class Word, class StrataT>
void check_lanes(std::uint32_t q) {
    INFO(q << " strata, " << 8 * sizeof(Word) << " bits");
    const StrataT field(q);
    constexpr std::size_t n = 37, room = 48;
    typename StrataT::coefficient_word coefficients[room] = {};
    std::uint32_t factors[room], strata[room];
    Word words[room] = {}, out[room];
    const random_key key(q);
    imle::random_words(key.fold_in(1), 0, std::span(coefficients).first(n));
    support::tally wrong;
    for (const std::uint32_t first : {0u, 1u, q / 2, q - 1}) {
        field.begin(coefficients, first, factors, strata, n);
        for (std::uint32_t s = first; s < std::min(q, first + 20); ++s) {
            imle::random_words(key, s * n, std::span(words).first(n));
            // Words next to the borders of strata, where a quotient is hardest, and at both ends.
            const std::uint64_t width = (std::uint64_t{1} << 32) / q;
            for (std::size_t i = 0; i < 18; ++i) {
                const std::uint64_t border = (i < 9 ? s : q - s) * width + i % 3 - 1;
                words[i] = static_cast<Word>(border) << (8 * sizeof(Word) - 32);
            }
            words[18] = static_cast<Word>(~Word{0});
            std::uint32_t stratum[n];
            for (std::size_t i = 0; i < n; ++i)
                stratum[i] = std::has_single_bit(q) ? strata[i] >> (32 - std::countr_zero(q))
                                                    : strata[i] / static_cast<std::uint32_t>(width);
            field.stratify(s, factors, strata, words, out, n);
            for (std::size_t i = 0; i < n; ++i)
                wrong.expect(out[i] == in_stratum(stratum[i], words[i], q), "sample ", s, ", coordinate ", i,
                             ": ", out[i]);
        }
    }
    CHECK(wrong == 0);
}

/// Chi-square's distance from its mean in standard deviations, about normal for as many cells as here.
double surprise(const std::vector<double>& counts, double expected) {
    double square = 0;
    for (const double c : counts) square += (c - expected) * (c - expected) / expected;
    const double freedom = static_cast<double>(counts.size() - 1);
    return (square - freedom) / std::sqrt(2 * freedom);
}

}  // namespace

TEST_CASE("latin: the number of strata is the next power of two or prime", "[latin]") {
    const std::map<std::uint32_t, std::uint32_t> expected{
        {1, 2},   {2, 2},   {3, 3},   {4, 4},     {6, 7},     {8, 8},       {9, 11},     {10, 11},
        {14, 16}, {15, 16}, {24, 29}, {100, 101}, {126, 127}, {4093, 4093}, {4094, 4096}};
    for (const auto& [samples, strata] : expected) CHECK(strata_for(samples) == strata);
}

TEST_CASE("latin: a uniform word in a uniform stratum is uniform, exactly", "[latin]") {
    // All words of 8 bits, for any number of strata. The strata follow each other, of equal size.
    for (std::uint32_t q = 3; q <= 200; q += 2) {
        std::vector<std::uint32_t> counts(256);
        const std::uint32_t width = 256 / q;
        bool in_stratum = true;
        for (std::uint32_t stratum = 0; stratum < q; ++stratum)
            for (std::uint32_t word = 0; word < 256; ++word) {
                const std::uint32_t place = moved_word(stratum, static_cast<std::uint8_t>(word), q);
                ++counts[place];
                in_stratum = in_stratum && (word < q * width ? place / width == stratum : place == word);
            }
        CAPTURE(q);
        CHECK(std::count(counts.begin(), counts.end(), q) == 256);
        CHECK(in_stratum);
    }
}

TEST_CASE("latin: two samples are in any two different strata equally often", "[latin]") {
    for (const std::uint32_t q : {2u, 4u, 8u, 16u, 32u}) check_pairs<binary_strata>(q);
    for (const std::uint32_t q : {3u, 5u, 7u, 11u, 13u, 29u}) check_pairs<prime_strata>(q);
}

TEST_CASE("latin: no product of the large fields vanishes", "[latin]") {
    // If a polynomial had factors, the one of lower degree would have a multiple that is 0.
    for (std::uint32_t q = 64; q <= 4096; q *= 2) {
        CAPTURE(q);
        std::vector<std::pair<std::uint32_t, std::uint32_t>> ab;
        const int bits = std::countr_zero(q);
        for (std::uint32_t a = 1; a < (2u << (bits / 2)); ++a) ab.emplace_back(a, 0);
        const auto strata = strata_with<binary_strata>(q, ab);
        support::tally wrong;
        for (std::uint32_t s = 1; s < q; ++s)
            for (std::size_t i = 0; i < ab.size(); ++i)
                wrong.expect(strata[s][i] == product(ab[i].first, s ^ (s / 2), bits) && strata[s][i] != 0,
                             ab[i].first, " times sample ", s, ": ", strata[s][i]);
        CHECK(wrong == 0);
    }
}

TEST_CASE("latin: every lane is the scalar definition", "[latin]") {
    for (const std::uint32_t q : {2u, 4u, 16u, 64u, 1024u, 4096u}) {
        check_lanes<std::uint32_t, binary_strata>(q);
        check_lanes<std::uint64_t, binary_strata>(q);
    }
    for (const std::uint32_t q : {3u, 5u, 11u, 101u, 1009u, 4093u}) {
        check_lanes<std::uint32_t, prime_strata>(q);
        check_lanes<std::uint64_t, prime_strata>(q);
    }
}

TEMPLATE_TEST_CASE("latin: any items have the defined words, in any pieces", "[latin]", std::uint32_t,
                   std::uint64_t) {
    const random_key key = random_key(5).fold_in(2);
    struct call {
        std::uint64_t samples;
        std::size_t n;
        std::uint64_t first;
        std::size_t items;
    };
    support::tally wrong;
    for (const call& c : {call{2, 1, 0, 300}, call{3, 7, 1, 60}, call{4, 16, 0, 100}, call{10, 33, 25, 40},
                          call{16, 350, 5, 35}, call{100, 10, 250, 130}, call{10, 1100, 3, 9},
                          call{7, 512, 2, 4}, call{4099, 3, 4090, 15}, call{5000, 5, 4080, 40},
                          call{(std::uint64_t{1} << 32) + 1, 2, (std::uint64_t{1} << 40) + 4000, 300},
                          call{11, 3, (~std::uint64_t{0}) / 3 - 9, 9}}) {
        const auto whole = words_of<TestType>(key, c.samples, c.n, c.first, c.items);
        for (std::size_t i = 0; i < whole.size(); i += 1 + i % 5) {
            const auto expected = defined_word<TestType>(key, c.samples, c.n, c.first + i / c.n, i % c.n);
            wrong.expect(whole[i] == expected, c.samples, " samples of ", c.n, ", item ", c.first + i / c.n,
                         ", coordinate ", i % c.n, ": ", whole[i], ", not ", expected);
        }
        for (std::size_t begin = 0, size = 1; begin < c.items; begin += size, size = size % 7 * 2 + 1) {
            size = std::min(size, c.items - begin);
            const auto piece = words_of<TestType>(key, c.samples, c.n, c.first + begin, size);
            wrong.expect(std::equal(piece.begin(), piece.end(),
                                    whole.begin() + static_cast<std::ptrdiff_t>(begin * c.n)),
                         c.samples, " samples of ", c.n, ": ", size, " items from ", c.first + begin);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("latin: the samples of a coordinate are in different strata", "[latin]") {
    support::tally wrong;
    for (const std::uint32_t samples : {2u, 3u, 4u, 6u, 10u, 16u, 100u, 700u}) {
        const std::uint32_t q = strata_for(samples);
        constexpr std::size_t n = 5;
        const auto words = words_of<std::uint32_t>(random_key(samples), samples, n, 3 * samples, samples);
        for (std::size_t i = 0; i < n; ++i) {
            std::vector<int> used(q);
            for (std::uint32_t s = 0; s < samples; ++s) ++used[stratum_of(words[s * n + i], q)];
            wrong.expect(*std::max_element(used.begin(), used.end()) == 1, samples, " samples, coordinate ",
                         i);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("latin: each sample is uniform, and its coordinates are independent", "[latin][draws]") {
    // Chi-square over cells, false alarm below 1e-5 each: the upper tail is heavier than the normal one.
    const std::size_t instances = support::repeats(std::size_t{1} << 14);
    for (const std::uint32_t samples : {2u, 4u, 6u, 10u, 16u}) {
        CAPTURE(samples);
        const auto words = words_of<std::uint32_t>(random_key(77), samples, 3, 0, instances * samples);
        for (std::uint32_t s = 0; s < samples; ++s) {
            std::vector<double> alone(64), together(256), of_three(512), of_neighbours(64);
            for (std::size_t b = 0; b < instances; ++b) {
                const std::uint32_t* const u = &words[(b * samples + s) * 3];
                ++alone[u[0] >> 26];
                ++together[(u[0] >> 28) * 16 + (u[1] >> 28)];
                ++of_three[(u[0] >> 29) * 64 + (u[1] >> 29) * 8 + (u[2] >> 29)];
                // Instances are independent of each other.
                if (b % 2 == 0 && b + 1 < instances)
                    ++of_neighbours[(u[0] >> 29) * 8 + (u[samples * 3] >> 29)];
            }
            const double count = static_cast<double>(instances);
            CHECK(std::abs(surprise(alone, count / 64)) < 5.5);
            CHECK(std::abs(surprise(together, count / 256)) < 5.5);
            CHECK(std::abs(surprise(of_three, count / 512)) < 5.5);
            CHECK(std::abs(surprise(of_neighbours, std::floor(count / 2) / 64)) < 5.5);
        }
    }
}
