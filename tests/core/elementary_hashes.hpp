#pragma once

// Hashes of the bits of 10^5 results of each elementary function. They must be equal on every machine, for
// every compiler and for every flag. Without a test framework, so that a small program can check them
// anywhere.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <imle/core/backports.hpp>
#include <imle/core/circular.hpp>
#include <imle/core/elementary.hpp>
#include <imle/core/error_function.hpp>
#include <imle/core/gamma_function.hpp>
#include <imle/core/portable_complex.hpp>
#include <imle/core/rounded.hpp>

namespace support {

namespace elementary = imle::detail::elementary;
using imle::detail::portable_double;

/// Arguments made of integers and rounded products: the same everywhere too.
class arguments {
  public:
    /// In [low, high), evenly.
    [[nodiscard]] double even(double low, double high) noexcept {
        const portable_double u = static_cast<double>(next() >> 11) * 0x1p-53;
        return (low + (portable_double(high) - low) * u).value();
    }
    /// +-2^low to +-2^high, evenly in the logarithm.
    [[nodiscard]] double wide(int low, int high) noexcept {
        const std::uint64_t word = next();
        const auto exponent =
            static_cast<std::uint64_t>(1023 + low) + (word >> 52) % static_cast<unsigned>(high - low);
        return imle::detail::bit_cast<double>((exponent << 52) | (word & 0xfffffffffffffu));
    }

  private:
    [[nodiscard]] std::uint64_t next() noexcept {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        std::uint64_t word = state_;
        word ^= word >> 32;
        word *= 0xd6e8feb86659fd93u;
        return word ^ (word >> 32);
    }
    std::uint64_t state_ = 1;
};

struct hashed_function {
    const char* name;
    std::uint64_t expected, found;
};

/// Hashes `of(arguments)`, 10^5 times.
template <class Function>
[[nodiscard]] std::uint64_t hash_of_results(Function of) {
    arguments from;
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < 100000; ++i) {
        hash ^= imle::detail::bit_cast<std::uint64_t>(of(from, i));
        hash *= 0x100000001b3u;
        hash ^= hash >> 29;
    }
    return hash;
}

/// Every function, with arguments from all over its domain.
[[nodiscard]] inline std::vector<hashed_function> hashed_elementary_functions() {
    using from = arguments;
    namespace e = elementary;
    std::vector<hashed_function> all;
    const auto add = [&all](const char* name, std::uint64_t expected, auto of) {
        all.push_back({name, expected, hash_of_results(of)});
    };
    add("exp", 0xfb2947324b49be64,
        [](from& a, int i) { return e::exp(i % 2 ? a.even(-750, 715) : a.even(-2, 2)); });
    add("expm1", 0x2d51cce03eab22b6,
        [](from& a, int i) { return e::expm1(i % 2 ? a.even(-50, 100) : a.even(-0.5, 0.5)); });
    add("log", 0x69a7ee8f4f802934,
        [](from& a, int i) { return e::log(i % 2 ? a.wide(-1022, 1023) : a.even(0.5, 2)); });
    add("log1p", 0x575475b927aabbef,
        [](from& a, int i) { return e::log1p(i % 2 ? a.wide(-70, 70) : a.even(-1, 1)); });
    add("pow", 0x8ba7fa5937a02c47, [](from& a, int i) {
        const double x = i % 2 ? a.wide(-30, 30) : a.even(0.5, 2);
        return e::pow(x, a.even(-40, 40));
    });
    add("sin", 0xf8ae4ff65ec792c9,
        [](from& a, int i) { return e::sin(i % 2 ? a.even(-1e5, 1e5) : a.even(-4, 4)); });
    add("cos", 0x169ad15d77e0682b,
        [](from& a, int i) { return e::cos(i % 2 ? a.even(-1e5, 1e5) : a.even(-4, 4)); });
    add("cos_pi", 0x5506d98be294f68, [](from& a, int) { return e::cos_pi(a.even(-3, 3)); });
    add("atan2", 0xa18a2cb52534d133, [](from& a, int i) {
        const double x = a.even(-1, 1), y = i % 2 ? a.wide(-60, 60) : a.even(-1, 1);
        return e::atan2(y, x);
    });
    add("log_gamma", 0x8265551c8fe1d962,
        [](from& a, int i) { return e::log_gamma(i % 2 ? a.wide(-100, 60) : a.even(0, 12)); });
    add("gamma_function", 0xed8cdfe77c71acac,
        [](from& a, int i) { return e::gamma_function(i % 2 ? a.wide(-60, 4) : a.even(0, 172)); });
    add("erfc", 0x2ddcda9fe9ba39d9,
        [](from& a, int i) { return e::erfc(i % 2 ? a.even(-6, 27.5) : a.even(-1, 1)); });
    add("complex", 0x62ff29a96e8eb60, [](from& x, int i) {
        const imle::detail::portable_complex a{x.even(-3, 3), x.even(-3, 3)};
        const imle::detail::portable_complex b{x.even(-3, 3), x.even(-3, 3)};
        const auto result =
            e::log(a * b + a / b) + e::expm1(a - b * 2) * e::log1p(b) + e::exp(1 / a) * norm(b);
        return (i % 2 ? result.real() : result.imag()).value();
    });
    return all;
}

}  // namespace support
