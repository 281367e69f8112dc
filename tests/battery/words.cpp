/// Writes random bits to standard output, for a battery of tests that reads them, until the reader has had
/// enough:
///
///     words KIND STREAM [--key N] [--rounds N | --counter]
///
/// KIND is what the bits come from, packed without gaps, the first element's bits lowest:
///     words     `random_words`, all 32 bits
///     floats    `uniforms` of float, 24 bits each
///     doubles   `uniforms` of double, 53 bits each
///
/// STREAM is the order of the elements:
///     key             those of one key, random_key{N}
///     seeds           element 0 of random_key{N}, random_key{N + 1}, ..., 1024 keys; element 1 of each; ...
///     folds           the same with random_key{N}.fold_in(0), .fold_in(1), ...
///     seeds-blocked   the first 64 words' elements of random_key{N}, of random_key{N + 1}, ... for ever:
///                     what layers with small batches and a key for each step use
///     folds-blocked   the same with the folds
///
/// To see that a battery can fail, two generators that it must not pass: `--rounds N` is Philox with N rounds
/// for the words (10 is the real one), and `--counter` is the words' numbers themselves, w for word w.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <imle/random/random_key.hpp>
#include <imle/random/words.hpp>

namespace {

using imle::random_key;

constexpr std::size_t interleaved_keys = 1024;
constexpr std::size_t words_a_block = 64;

struct options {
    std::string kind;
    std::string stream;
    std::uint64_t key = 0;
    int rounds = 10;
    bool counter = false;

    [[nodiscard]] bool broken() const { return counter || rounds != 10; }
};

/// Packs elements of `Bits` bits into 32-bit words and writes them.
class bit_writer {
  public:
    /// False once nobody reads any more.
    [[nodiscard]] bool write(std::uint64_t element, int bits) {
        // 64 bits hold no 53 on top of 31, so an element goes in by two pieces.
        for (int at = 0; at < bits; at += 32) {
            const int piece = std::min(32, bits - at);
            pending_ |= ((element >> at) & ((std::uint64_t{1} << piece) - 1)) << count_;
            count_ += piece;
            if (count_ < 32) continue;
            words_.push_back(static_cast<std::uint32_t>(pending_));
            pending_ >>= 32;
            count_ -= 32;
        }
        if (words_.size() < buffered) return true;
        const bool whole =
            std::fwrite(words_.data(), sizeof words_[0], words_.size(), stdout) == words_.size();
        words_.clear();
        return whole;
    }

  private:
    static constexpr std::size_t buffered = 1 << 14;
    std::vector<std::uint32_t> words_;
    std::uint64_t pending_ = 0;
    int count_ = 0;
};

/// Elements `first`, `first + 1`, ... of a key's sequence, and the bits that each of them has.
struct words_of {
    using element = std::uint32_t;
    static constexpr int bits = 32;
    const options& settings;

    void operator()(const random_key& key, std::uint64_t first, std::span<element> out) const {
        if (!settings.broken()) return imle::random_words(key, first, out);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = broken_word(key, first + i);
    }
    static std::uint64_t integer(element word) { return word; }

  private:
    [[nodiscard]] std::uint32_t broken_word(const random_key& key, std::uint64_t w) const {
        if (settings.counter) return static_cast<std::uint32_t>(w);
        const std::uint64_t block = w / 4;
        const imle::philox4x32_block out = imle::detail::philox_rounds(
            {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
             static_cast<std::uint32_t>(key.stream()), static_cast<std::uint32_t>(key.stream() >> 32)},
            {static_cast<std::uint32_t>(key.philox_key()),
             static_cast<std::uint32_t>(key.philox_key() >> 32)},
            settings.rounds);
        return out[w % 4];
    }
};

template <class Scalar, int Bits>
struct uniforms_of {
    using element = Scalar;
    static constexpr int bits = Bits;

    void operator()(const random_key& key, std::uint64_t first, std::span<element> out) const {
        imle::uniforms(key, first, out);
    }
    /// Exact: u is a multiple of 2^-Bits, or the half step that stands for 0.
    static std::uint64_t integer(element u) {
        return static_cast<std::uint64_t>(u * static_cast<Scalar>(std::uint64_t{1} << Bits));
    }
};

/// Key number n of a stream of many keys.
random_key key_number(const options& settings, bool folds, std::uint64_t n) {
    return folds ? random_key(settings.key).fold_in(n) : random_key(settings.key + n);
}

template <class Source>
void write_stream(const options& settings, const Source& source) {
    using element = typename Source::element;
    constexpr std::size_t block = words_a_block * sizeof(std::uint32_t) / sizeof(element);
    bit_writer out;
    std::vector<element> elements(block);
    const bool folds = settings.stream.starts_with("folds");

    if (settings.stream == "key") {
        for (std::uint64_t first = 0;; first += block) {
            source(random_key(settings.key), first, elements);
            for (const element x : elements)
                if (!out.write(Source::integer(x), Source::bits)) return;
        }
    }
    if (settings.stream.ends_with("-blocked")) {
        for (std::uint64_t n = 0;; ++n) {
            source(key_number(settings, folds, n), 0, elements);
            for (const element x : elements)
                if (!out.write(Source::integer(x), Source::bits)) return;
        }
    }
    std::vector<random_key> keys;
    for (std::uint64_t n = 0; n < interleaved_keys; ++n) keys.push_back(key_number(settings, folds, n));
    elements.resize(interleaved_keys * block);
    for (std::uint64_t first = 0;; first += block) {
        for (std::size_t n = 0; n < keys.size(); ++n)
            source(keys[n], first, std::span<element>(elements).subspan(n * block, block));
        for (std::size_t i = 0; i < block; ++i)
            for (std::size_t n = 0; n < keys.size(); ++n)
                if (!out.write(Source::integer(elements[n * block + i]), Source::bits)) return;
    }
}

options parse(std::span<char*> arguments) {
    options settings;
    std::vector<std::string> names;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string argument = arguments[i];
        const auto number = [&] {
            if (i + 1 == arguments.size()) throw std::invalid_argument(argument + ": a number must follow");
            return std::stoull(arguments[++i]);
        };
        if (argument == "--key")
            settings.key = number();
        else if (argument == "--rounds")
            settings.rounds = static_cast<int>(number());
        else if (argument == "--counter")
            settings.counter = true;
        else
            names.push_back(argument);
    }
    if (names.size() != 2) throw std::invalid_argument("expected a kind and a stream");
    settings.kind = names[0];
    settings.stream = names[1];
    const std::string streams[] = {"key", "seeds", "folds", "seeds-blocked", "folds-blocked"};
    if (std::find(std::begin(streams), std::end(streams), settings.stream) == std::end(streams))
        throw std::invalid_argument("no stream \"" + settings.stream + "\"");
    if (settings.broken() && settings.kind != "words")
        throw std::invalid_argument("--rounds and --counter go with words");
    return settings;
}

}  // namespace

int main(int count, char** arguments) try {
    const options settings = parse({arguments, static_cast<std::size_t>(count)});
    if (settings.kind == "words")
        write_stream(settings, words_of{settings});
    else if (settings.kind == "floats")
        write_stream(settings, uniforms_of<float, 24>{});
    else if (settings.kind == "doubles")
        write_stream(settings, uniforms_of<double, 53>{});
    else
        throw std::invalid_argument("no kind \"" + settings.kind + "\"");
    return EXIT_SUCCESS;
} catch (const std::exception& error) {
    std::fprintf(stderr, "words: %s\nusage: words words|floats|doubles ", error.what());
    std::fputs("key|seeds|folds|seeds-blocked|folds-blocked [--key N] [--rounds N | --counter]\n", stderr);
    return 2;
}
