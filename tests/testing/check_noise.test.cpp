#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <sstream>

#include <imle/noise/gamma.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/std_noise.hpp>
#include <imle/random/words.hpp>
#include <imle/testing/check_noise.hpp>
#include <imle/testing/law_report.hpp>

#include "support/catch.hpp"

namespace {

/// Uniform on (0, 1), correct; each noise below breaks one law of it.
struct uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(key, first, out);
    }
    double mean() const { return 0.5; }
    double variance() const { return 1.0 / 12; }
    double cdf(double x) const { return std::min(1.0, std::max(0.0, x)); }
};

struct from_the_start_of_each_fill : uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t, std::span<float> out) const {
        imle::uniforms(key, 0, out);
    }
};
struct without_the_key : uniform_noise {
    void fill(const imle::random_key&, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(imle::random_key(3), first, out);
    }
};
struct with_state : uniform_noise {
    mutable std::uint64_t calls = 0;
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(key, first + calls++, out);
    }
};
struct of_a_32_bit_index : uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(key, first, out.first(std::min<std::size_t>(out.size(), 400)));
        for (std::size_t i = 400; i < out.size(); ++i) out[i] = out[i - 400];
    }
};
struct beyond_its_span : uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(key, first, out);
        if (out.size() == 10) out.data()[10] = 1;
    }
};
struct sometimes_infinite : uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(key, first, out);
        for (float& x : out)
            if (x < 1e-3f) x = std::numeric_limits<float>::infinity();
    }
};
struct constant : uniform_noise {
    void fill(const imle::random_key&, std::uint64_t, std::span<float> out) const {
        for (float& x : out) x = 0.5f;
    }
};
struct of_another_mean : uniform_noise {
    double mean() const { return 0.53; }
};
struct of_another_variance : uniform_noise {
    double variance() const { return 1.0 / 11; }
};
struct of_another_law : uniform_noise {
    double cdf(double x) const { return std::min(1.0, x * x * (3 - 2 * x)); }
};
struct zero_that_is_not : uniform_noise {
    static constexpr bool is_zero = true;
};

/// Element i of a key is `Element{}(key, i)`: what is wrong with it is one line.
template <class Element>
struct by_element : uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = Element{}(key, first + i);
    }
};
float element(const imle::random_key& key, std::uint64_t i) {
    return imle::uniform_of(key.block(i / 4)[i % 4]);
}

template <std::uint64_t Stride>
struct shifted_by_seed {
    float operator()(const imle::random_key& key, std::uint64_t i) const {
        return element(imle::random_key(3), i + Stride * key.philox_key());
    }
};
template <std::uint64_t Keys>
struct of_few_keys {
    float operator()(const imle::random_key& key, std::uint64_t i) const {
        return element(imle::random_key((key.philox_key() ^ key.stream()) % Keys), i);
    }
};
struct of_32_bit_seeds {
    float operator()(const imle::random_key& key, std::uint64_t i) const {
        return element(imle::random_key(static_cast<std::uint32_t>(key.philox_key())).fold_in(key.stream()),
                       i);
    }
};
template <std::uint64_t Period>
struct periodic {
    float operator()(const imle::random_key& key, std::uint64_t i) const { return element(key, i % Period); }
};
struct equal_in_pairs {
    float operator()(const imle::random_key& key, std::uint64_t i) const { return element(key, i / 2); }
};
struct equal_in_blocks {
    float operator()(const imle::random_key& key, std::uint64_t i) const {
        return element(key, i / 2048 * 1024 + i % 1024);
    }
};
struct sometimes_the_last {
    float operator()(const imle::random_key& key, std::uint64_t i) const {
        return element(key, i % 50 == 49 ? i - 1 : i);
    }
};
struct antithetic {
    float operator()(const imle::random_key& key, std::uint64_t i) const {
        return i % 2 == 0 ? element(key, i) : 1 - element(key, i - 1);
    }
};
struct partly_without_the_key {
    float operator()(const imle::random_key& key, std::uint64_t i) const {
        return element(i % 50 == 7 ? imle::random_key(3) : key, i);
    }
};
struct mirrored_by_the_key {
    float operator()(const imle::random_key& key, std::uint64_t i) const {
        const float u = element(imle::random_key(key.philox_key() / 2), i);
        return key.philox_key() % 2 == 0 ? u : 1 - u;
    }
};

/// One element differs if the fill is special in some way.
template <class Special>
struct but_for_some_fills : uniform_noise {
    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        imle::uniforms(key, first, out);
        if (!out.empty()) Special{}(first, out);
    }
};
struct long_ones {
    void operator()(std::uint64_t, std::span<float> out) const {
        if (out.size() > 4096) out[4096] = 0.5f;
    }
};
struct long_ones_at_their_end {
    void operator()(std::uint64_t, std::span<float> out) const {
        if (out.size() >= 8192) out.back() = 0.5f;
    }
};
struct aligned_ones {
    void operator()(std::uint64_t, std::span<float> out) const {
        if (reinterpret_cast<std::uintptr_t>(out.data()) % 64 == 0) out[0] = 0.5f;
    }
};
struct those_from_the_end_of_a_block {
    void operator()(std::uint64_t first, std::span<float> out) const {
        if (first % 512 == 511) out[0] = 0.5f;
    }
};
struct those_of_a_length {
    void operator()(std::uint64_t, std::span<float> out) const {
        if (out.size() == 33) out[32] = 0.5f;
    }
};

/// A correct QuantileNoise, and ones that each break a law of it.
struct with_quantiles : uniform_noise {
    void fill_quantiles(std::span<const std::uint32_t> words, std::span<float> out) const {
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = imle::uniform_of(words[i]);
    }
};
template <class Mistake>
struct with_wrong_quantiles : with_quantiles {
    void fill_quantiles(std::span<const std::uint32_t> words, std::span<float> out) const {
        with_quantiles::fill_quantiles(words, out);
        Mistake{}(words, out);
    }
};
struct from_above {
    void operator()(std::span<const std::uint32_t>, std::span<float> out) const {
        for (float& x : out) x = 1 - x;
    }
};
struct squeezed {
    void operator()(std::span<const std::uint32_t>, std::span<float> out) const {
        for (float& x : out) x = 0.5f + 0.9f * (x - 0.5f);
    }
};
struct infinite_at_the_end {
    void operator()(std::span<const std::uint32_t> words, std::span<float> out) const {
        for (std::size_t i = 0; i < out.size(); ++i)
            if (words[i] == 0xffffffffu) out[i] = std::numeric_limits<float>::infinity();
    }
};
struct by_place {
    void operator()(std::span<const std::uint32_t>, std::span<float> out) const {
        if (out.size() > 8) out[8] = std::nextafter(out[8], 0.0f);
    }
};
struct one_too_many {
    void operator()(std::span<const std::uint32_t>, std::span<float> out) const {
        if (out.size() == 7) out.data()[7] = 0;
    }
};

template <class N>
imle::testing::law_report report_of(const N& noise = {}) {
    return imle::testing::check_noise<float>(noise, {.subject = "test", .numbers = 1 << 14});
}

}  // namespace

TEST_CASE("check_noise: a correct noise passes", "[check_noise]") {
    const auto report = report_of<uniform_noise>();
    INFO(report);
    CHECK(report.passed());
    CHECK(report.trials("Kolmogorov-Smirnov") == 400);
}

TEST_CASE("check_noise: each law, once broken, is named", "[check_noise]") {
    CHECK(report_of<from_the_start_of_each_fill>().broken("fill in pieces gives the same bits"));
    CHECK(report_of<without_the_key>().broken("keys that differ give sequences that differ"));
    CHECK(report_of<with_state>().broken("fill is deterministic"));
    CHECK(report_of<of_a_32_bit_index>().broken("fill in pieces gives the same bits"));
    CHECK(report_of<beyond_its_span>().broken("fill writes its span and nothing else"));
    CHECK(report_of<sometimes_infinite>().broken("every number is finite"));
    CHECK(report_of<constant>().broken("elements differ"));
    CHECK(report_of<of_another_mean>().broken("mean"));
    CHECK(report_of<of_another_variance>().broken("variance"));
    CHECK(report_of<of_another_law>().broken("Kolmogorov-Smirnov"));
    CHECK(report_of<zero_that_is_not>().broken("a noise that says is_zero is 0"));
}

TEST_CASE("check_noise: quantiles, once broken, are named", "[check_noise]") {
    const auto report = report_of<with_quantiles>();
    INFO(report);
    CHECK(report.passed());
    const char* const law = "quantiles have the law of the numbers";
    CHECK(report.trials(law) == 400);
    CHECK(report_of<uniform_noise>().trials(law) == 0);
    CHECK(
        report_of<with_wrong_quantiles<from_above>>().broken("a larger word never gives a smaller quantile"));
    CHECK(report_of<with_wrong_quantiles<squeezed>>().broken(law));
    CHECK(report_of<with_wrong_quantiles<infinite_at_the_end>>().broken("every quantile is finite"));
    CHECK(report_of<with_wrong_quantiles<by_place>>().broken("a quantile depends on its word alone"));
    CHECK(report_of<with_wrong_quantiles<one_too_many>>().broken(
        "fill_quantiles writes its span and nothing else"));
}

TEST_CASE("check_noise: keys that are not independent", "[check_noise]") {
    const char* const shifted = "no key's sequence is another's, shifted";
    CHECK(report_of<by_element<shifted_by_seed<1>>>().broken(shifted));
    CHECK(report_of<by_element<shifted_by_seed<1'000'003>>>().broken(shifted));
    CHECK(report_of<by_element<shifted_by_seed<std::uint64_t{1} << 40>>>().broken(shifted));
    const char* const same = "keys that differ give sequences that differ";
    CHECK(report_of<by_element<of_few_keys<256>>>().broken(same));
    CHECK(report_of<by_element<of_few_keys<20'011>>>().broken(same));
    CHECK(report_of<by_element<of_32_bit_seeds>>().broken(same));
    CHECK(report_of<by_element<partly_without_the_key>>().broken("keys are independent"));
    CHECK(report_of<by_element<mirrored_by_the_key>>().broken("keys are independent"));
}

TEST_CASE("check_noise: elements that are not independent", "[check_noise]") {
    const char* const again = "a sequence does not repeat itself";
    CHECK(report_of<by_element<periodic<1000>>>().broken(again));
    CHECK(report_of<by_element<periodic<65'536>>>().broken(again));
    CHECK(report_of<by_element<periodic<10'000'019>>>().broken(again));
    CHECK(report_of<by_element<periodic<std::uint64_t{1} << 32>>>().broken(again));
    CHECK(report_of<by_element<equal_in_blocks>>().broken(again));
    const char* const independent = "elements are independent";
    CHECK(report_of<by_element<equal_in_pairs>>().broken(independent));
    CHECK(report_of<by_element<sometimes_the_last>>().broken(independent));
    CHECK(report_of<by_element<antithetic>>().broken(independent));
}

TEST_CASE("check_noise: fills that depend on more than the index", "[check_noise]") {
    const char* const pieces = "fill in pieces gives the same bits";
    CHECK(report_of<but_for_some_fills<long_ones>>().broken(pieces));
    CHECK(report_of<but_for_some_fills<long_ones_at_their_end>>().broken(pieces));
    CHECK(report_of<but_for_some_fills<aligned_ones>>().broken(pieces));
    CHECK(report_of<but_for_some_fills<those_from_the_end_of_a_block>>().broken(pieces));
    CHECK(report_of<but_for_some_fills<those_of_a_length>>().broken(pieces));
}

TEST_CASE("check_noise: laws with few values, or with one dominant value, pass", "[check_noise]") {
    for (const double p : {0.5, 0.1, 1e-3, 1e-5}) {
        const imle::std_noise<std::bernoulli_distribution> noise(std::bernoulli_distribution{p});
        const auto report = imle::testing::check_noise<float>(noise, {.numbers = 1 << 13});
        INFO(p << ": " << report);
        CHECK(report.passed() == (p > 1e-4));  // of the last, all numbers are 0
    }
}

TEST_CASE("check_noise: no false alarm for any of many seeds", "[check_noise][slow]") {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        const imle::testing::check_noise_options options{.numbers = 1 << 12, .seed = seed};
        for (const auto& report : {imle::testing::check_noise<float>(imle::normal{}, options),
                                   imle::testing::check_noise<double>(imle::gamma{0.3, 1}, options)}) {
            INFO(seed << ": " << report);
            CHECK(report.passed());
        }
    }
}
