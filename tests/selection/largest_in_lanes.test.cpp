#include <imle/selection/largest_in_lanes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "support/catch.hpp"
#include "support/repeats.hpp"
#include "support/tally.hpp"

namespace largest_in_lanes_tests {

namespace {

// The oracles: a sort, and for ties the order of indices.
template <class Scalar>
support::tally wrong_selections(int count, std::uint32_t seed) {
    std::mt19937 random(seed);
    support::tally wrong;
    for (int trial = 0; trial < count; ++trial) {
        const std::size_t n = 1 + random() % 80, k = 1 + random() % n, groups = 1 + random() % 40;
        const auto spread = static_cast<std::uint32_t>(trial % 2 == 0 ? 1000000 : 2 + random() % 9);
        std::vector<Scalar> values(groups * n), z(values.size(), -1);
        for (Scalar& value : values)
            value = static_cast<Scalar>(random() % spread) - static_cast<Scalar>(spread / 2);
        std::vector<Scalar> memory(imle::detail::column_memory<Scalar>(n));
        imle::detail::select_largest_in_lanes(values.data(), groups, n, k, std::span(memory), z.data());
        std::vector<Scalar> expected;
        for (std::size_t group = 0; group < groups; ++group) {
            const Scalar* const of_group = values.data() + group * n;
            for (std::size_t i = 0; i < n; ++i) {
                std::size_t better = 0;
                for (std::size_t j = 0; j < n; ++j)
                    better += of_group[j] > of_group[i] || (of_group[j] == of_group[i] && j < i) ? 1 : 0;
                expected.push_back(better < k ? Scalar(1) : Scalar(0));
            }
        }
        wrong.expect(z == expected, k, " of ", n, ", ", groups, " groups: ", values, " give ", z, ", not ",
                     expected);
    }
    return wrong;
}

template <class Scalar>
support::tally wrong_kth(std::uint32_t seed) {
    constexpr std::size_t lanes = imle::detail::group_lanes<Scalar>;
    std::mt19937 random(seed);
    support::tally wrong;
    for (std::size_t n = 1; n <= 40; ++n)
        for (std::size_t k = 1; k <= n; ++k) {
            std::vector<Scalar> columns(n * lanes), copy, largest(lanes), smallest(lanes);
            for (Scalar& each : columns) each = static_cast<Scalar>(random() % 50);
            copy = columns;
            imle::detail::kth_in_lanes<false>(columns.data(), n, k).store(largest.data());
            columns = copy;
            imle::detail::kth_in_lanes<true>(columns.data(), n, k).store(smallest.data());
            for (std::size_t lane = 0; lane < lanes; ++lane) {
                std::vector<Scalar> own;
                for (std::size_t i = 0; i < n; ++i) own.push_back(copy[i * lanes + lane]);
                std::sort(own.begin(), own.end());
                wrong.expect(largest[lane] == own[n - k] && smallest[lane] == own[k - 1], k, " of ", own,
                             ": ", largest[lane], " and ", smallest[lane]);
            }
        }
    return wrong;
}

}  // namespace

TEST_CASE("select_largest_in_lanes chooses the k largest, of equal ones the first", "[selection]") {
    CHECK(wrong_selections<float>(support::repeats(500), 1) == 0);
    CHECK(wrong_selections<double>(support::repeats(500), 2) == 0);
}

TEST_CASE("kth_in_lanes: the k-th largest and smallest of each lane", "[selection]") {
    CHECK(wrong_kth<float>(3) == 0);
    CHECK(wrong_kth<double>(4) == 0);
}

}  // namespace largest_in_lanes_tests
