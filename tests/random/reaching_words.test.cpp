#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <imle/noise/exponential.hpp>
#include <imle/noise/gamma.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/laplace.hpp>
#include <imle/noise/logistic.hpp>
#include <imle/noise/normal.hpp>
#include <imle/noise/sum_of_gamma.hpp>
#include <imle/random/reaching_words.hpp>

#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace reaching_words_tests {
namespace {

using imle::word_of;

/// Random words, then those at both ends of each tail and of each power of two.
template <class Scalar>
std::vector<word_of<Scalar>> words_to_try(std::size_t random) {
    using word = word_of<Scalar>;
    std::vector<word> words(random);
    imle::random_words(imle::random_key{7}, 0, std::span<word>(words));
    for (int bit = 0; bit < std::numeric_limits<word>::digits; ++bit)
        for (int step = -3; step <= 3; ++step) {
            const word power = word{1} << bit, near = power + static_cast<word>(step);
            words.insert(words.end(), {near, static_cast<word>(~near), static_cast<word>(near + power / 2)});
        }
    return words;
}

template <class Scalar, class NoiseT>
void require_order(const std::string& name, const NoiseT& noise, double most_admitted) {
    using reach = imle::detail::reaching_words<Scalar>;
    using word = word_of<Scalar>;
    const auto law = noise.template by_words<Scalar>();
    const std::size_t random = support::repeats<std::size_t>(20000);
    std::vector<word> words = words_to_try<Scalar>(random);
    constexpr std::size_t group = imle::detail::group_places<Scalar>::count;
    words.resize(words.size() / group * group);
    const std::size_t n = words.size();
    // X, the law without its location and scale.
    std::vector<Scalar> x(n);
    const imle::detail::table_draws<Scalar> draws = law.draws;
    for (std::size_t i = 0; i < n; i += group) {
        alignas(64) Scalar numbers[group];
        alignas(64) std::uint32_t halves[imle::detail::words_per_group];
        for (std::size_t j = 0; j < group; ++j)
            for (std::size_t half = 0; half < sizeof(word) / 4; ++half)
                halves[j * sizeof(word) / 4 + half] =
                    static_cast<std::uint32_t>(std::uint64_t{words[i + j]} >> (32 * half));
        draws.draw(imle::detail::drawn_words{halves}, numbers);
        for (std::size_t j = 0; j < group; ++j)
            x[i + j] = static_cast<Scalar>((static_cast<double>(numbers[j]) - law.location) / law.scale);
    }
    std::vector<typename reach::order_type> last(n);
    law.reaching.write_last_orders(x.data(), n, last.data());

    // A number's own word may reach it, and not many words may that do not.
    support::tally wrong;
    constexpr auto first = std::numeric_limits<typename reach::order_type>::min();
    double ratios = 0, count = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const auto order = reach::order(words[i]);
        wrong.expect(order <= last[i], name, ": word ", words[i], " gives ", x[i]);
        const double own = static_cast<double>(order) - static_cast<double>(first),
                     most = static_cast<double>(last[i]) - static_cast<double>(first);
        if (i >= random || order >= 0 || own < 0x1p14) continue;
        ratios += most / own;
        ++count;
    }
    CHECK(wrong == 0);
    INFO(name << ": " << ratios / count << " times as many words as reach x");
    CHECK(ratios < most_admitted * count);
}

TEST_CASE("a word whose number reaches x is of an order up to the last", "[reaching_words]") {
    const auto with_both = [](const std::string& name, const auto& noise, double most_admitted = 1.25) {
        require_order<float>(name, noise, most_admitted);
        require_order<double>(name, noise, most_admitted);
    };
    with_both("gumbel", imle::gumbel{});
    with_both("normal", imle::normal{});
    with_both("laplace", imle::laplace{});
    with_both("exponential", imle::exponential{});
    with_both("logistic", imle::logistic{});
    with_both("sum_of_gamma(16, 100)", imle::sum_of_gamma{16, 100});
    with_both("sum_of_gamma(100, 10)", imle::sum_of_gamma{100, 10});
    with_both("gamma of shape 0.01", imle::gamma{0.01, 2.0}, 1e300);  // of most words nothing is left
    with_both("gamma of shape 3", imle::gamma{3.0, 1.0});
}

TEST_CASE("words are kept in order, as many as asked for", "[reaching_words]") {
    using reach = imle::detail::reaching_words<float>;
    support::tally wrong;
    for (std::size_t n = 65; n < 200; n += 7)
        for (const std::int32_t last : {std::numeric_limits<std::int32_t>::min(), -2000000000, -1500000000,
                                        -1000000000, 0, std::numeric_limits<std::int32_t>::max()}) {
            std::vector<std::uint32_t> words(n), kept(n + 80), at(n + 80), expected;
            imle::random_words(imle::random_key{n}, 0, std::span<std::uint32_t>(words));
            std::vector<std::int32_t> orders(n, last);
            orders[n - 1] = std::numeric_limits<std::int32_t>::max();
            for (std::size_t i = 0; i < n; ++i)
                if (reach::order(words[i]) <= orders[i]) expected.push_back(static_cast<std::uint32_t>(i));
            constexpr std::size_t most = 64;
            const std::size_t count =
                reach::keep(words.data(), orders.data(), n, most, kept.data(), at.data());
            if (expected.size() > most) {
                wrong.expect(count > most, n, " words up to ", last);
                continue;
            }
            bool equal = count == expected.size();
            for (std::size_t i = 0; equal && i < count; ++i)
                equal = at[i] == expected[i] && kept[i] == words[expected[i]];
            wrong.expect(equal, n, " words up to ", last, ": ", count, " kept");
        }
    CHECK(wrong == 0);
}

}  // namespace
}  // namespace reaching_words_tests
