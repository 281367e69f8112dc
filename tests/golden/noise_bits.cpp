// The hashes that take seconds of computing: see bits.hpp.

#include "golden/bits.hpp"

namespace support {
namespace {

/// A few thousand numbers in one piece, from the middle of a group on.
template <class NoiseT>
void check_noise_bits(bit_checks& checks, const char* name, std::uint64_t of_float, std::uint64_t of_double,
                      const NoiseT& noise) {
    checks.check(name, of_float, of_double, [&]<class Scalar>(Scalar, bit_hash& hash) {
        std::vector<Scalar> numbers(3001);
        noise.fill(imle::random_key{bits_seed}, 5, std::span<Scalar>(numbers));
        hash.add_all(numbers);
    });
}

/// The functions of a law, in double.
template <class LawT>
void check_law_bits(bit_checks& checks, const char* name, std::uint64_t expected, const LawT& law) {
    checks.add<double>(std::string(name) + ", its functions", expected, [&](double, bit_hash& hash) {
        for (const double p : {1e-12, 1e-5, 0.02, 0.3, 0.5, 0.77, 0.999}) {
            const double x = law.quantile(p);
            for (const double y : {x, law.survival_quantile(p), law.cdf(x), law.survival(x), law.pdf(x),
                                   law.mean(), law.variance()})
                hash.add(y);
        }
    });
}

/// The larger of two uniform numbers. Its quantiles are square roots, which IEEE 754 rounds correctly: so
/// anyone's law has the same bits everywhere, if its functions have.
struct larger_of_two {
    [[nodiscard]] static double quantile(double u) noexcept { return std::sqrt(u); }
    [[nodiscard]] static double lower_bound() noexcept { return 0; }
};
struct table_noise {
    imle::quantile_table<float> in_float{larger_of_two{}};
    imle::quantile_table<double> in_double{larger_of_two{}};

    void fill(const imle::random_key& key, std::uint64_t first, std::span<float> out) const {
        in_float.fill(key, first, out, 0.3, 1.7);
    }
    void fill(const imle::random_key& key, std::uint64_t first, std::span<double> out) const {
        in_double.fill(key, first, out, 0.3, 1.7);
    }
};

}  // namespace

void check_noise_bits(bit_checks& checks) {
#define IMLE_NOISE_BITS(of_float, of_double, ...) \
    check_noise_bits(checks, #__VA_ARGS__, of_float, of_double, __VA_ARGS__)
#define IMLE_LAW_BITS(of_float, of_double, of_functions, ...)                 \
    check_noise_bits(checks, #__VA_ARGS__, of_float, of_double, __VA_ARGS__); \
    check_law_bits(checks, #__VA_ARGS__, of_functions, __VA_ARGS__)
    using namespace imle;
    IMLE_LAW_BITS(0x51d6c141b2110aaa, 0x4f5b5d03c4a4789d, 0xccd8f271ef6cbcae, gumbel{});
    IMLE_LAW_BITS(0xac9c3415bb7dcd42, 0xa0fc636b039bd36d, 0x4828be018fabb5d7, gumbel{0.7, 1.3});
    IMLE_LAW_BITS(0x0d8134c48932f70e, 0x5521a99d02412ed8, 0x7ea76067e81557c2, normal{0.1, 0.9});
    IMLE_LAW_BITS(0x0abea5f8c7a6b468, 0x4e210c61cbe30d79, 0x063884fd5a796a76, imle::logistic{});
    IMLE_LAW_BITS(0x1bd25ed028eb3ce3, 0xdd752c0f66dc44de, 0x5bc6a986ee459160, laplace{0.2, 3});
    IMLE_LAW_BITS(0xa5d6111abbea7458, 0x0fbbdaa1e2b3e79f, 0x525ae9d7dbce9a5c, exponential{0.7});
    IMLE_LAW_BITS(0x91f43b82bc6cd2e3, 0x0054fe1d59022bab, 0x5a29e7285be1c67a, uniform{-0.3, 1.1});
    IMLE_LAW_BITS(0x65ba8bcaece23819, 0xf065ab1610f93ec2, 0x64f6927d6d471c58, imle::gamma{0.001, 1.3});
    IMLE_LAW_BITS(0x7194472e44ed9d70, 0xfac0162f015e9667, 0x22a06117e7873811, imle::gamma{0.3, 1});
    IMLE_LAW_BITS(0x1650a4a31b3bc0f8, 0x9bea00202ac86300, 0x6a13fdeceac82f7a, imle::gamma{3, 1});
    IMLE_LAW_BITS(0x0405e20ce904442c, 0xaf90dda5615920f3, 0xd5660c93eae2ab90, imle::gamma{100, 0.01});
    IMLE_LAW_BITS(0x12418d0d43cad0a8, 0xd927ddf1a08eab88, 0xffb676c4fbcbe3fb, imle::gamma{1e4, 1});
    IMLE_LAW_BITS(0xe178c38038269185, 0x922a7aaffbbeff8d, 0xeed9187c02f583e5, sum_of_gamma{5, 10});
    IMLE_LAW_BITS(0xc522d7e1d9145599, 0xdab62fd18cbad3e5, 0x21395bbdb4238afc, sum_of_gamma{30, 50});
    IMLE_LAW_BITS(0x8259643a808da520, 0xc7d0c944d9a38536, 0x984bbebe2db29ce0, sum_of_gamma{30, 1});
    IMLE_LAW_BITS(0x21259094e577cac1, 0xf9f2b686e4f1664a, 0xa4e67c2d8fa1ff1b, sum_of_gamma{0.5, 1000});
    IMLE_LAW_BITS(0x7c886db1ddc72d8a, 0x0d575ce0d1efccea, 0x804af72a19bf1668, sum_of_gamma::exact(5));
    IMLE_NOISE_BITS(0xc8015ca9c3122297, 0xc2e82f040792cb53, sum_of_gamma_series{5, 10});
    IMLE_NOISE_BITS(0x900739681acab25c, 0xb9906954873a21ce, gamma_sampler{0.05});
    IMLE_NOISE_BITS(0x6cce6ee7f756e3e9, 0xffc575ed44d7d8a1, gamma_sampler{0.99, 0.3});
    IMLE_NOISE_BITS(0x893c3989c972dd7c, 0x123d0c43ddbe671e, gamma_sampler{3.3});
    IMLE_NOISE_BITS(0x3ab5d017869fb8a0, 0x6e8f9c26e1d810c2, gamma_sampler{400});
    IMLE_NOISE_BITS(0x676d6f7bf5fb3915, 0xaf9bec01c1ca35ef, multiplicative{});
    IMLE_NOISE_BITS(0xadf6769e4c814129, 0x2630c0043b567238, table_noise{});
#undef IMLE_NOISE_BITS
#undef IMLE_LAW_BITS
    // Searches without an end of their own take longest of all solvers.
    checks.add<float>("tour_search{}", 0x5809345139ec4951, [](float, bit_hash& hash) {
        const Eigen::DSizes<Eigen::Index, 2> shape{3, 435};
        add_layer_bits<float>(hash, solver_layer(shape, tour_search{}), shape);
    });
}

}  // namespace support
