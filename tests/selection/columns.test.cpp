#include <imle/selection/columns.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"

namespace columns_tests {

namespace {

template <class Scalar>
support::tally wrong_columns() {
    constexpr std::size_t lanes = imle::detail::group_lanes<Scalar>;
    support::tally wrong;
    for (std::size_t n = 1; n <= 3 * lanes + 2; ++n)
        for (std::size_t groups = 1; groups <= 2 * lanes; ++groups) {
            // Memory of exactly this size, for a sanitizer.
            std::vector<Scalar> values(groups * n);
            std::iota(values.begin(), values.end(), Scalar(1));
            std::vector<Scalar> memory(imle::detail::column_memory<Scalar>(n));
            Scalar* const columns = imle::detail::aligned_columns(std::span(memory));
            imle::detail::write_columns(values.data(), groups, n, columns);
            bool right = true;
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t lane = 0; lane < lanes; ++lane)
                    right = right && columns[i * lanes + lane] == values[std::min(lane, groups - 1) * n + i];
            wrong.expect(right, groups, " groups of ", n, " give columns ", memory);
            std::vector<Scalar> back(values.size(), -1);
            imle::detail::write_groups(columns, groups, n, back.data());
            const auto end = values.begin() + static_cast<std::ptrdiff_t>(std::min(groups, lanes) * n);
            wrong.expect(std::equal(values.begin(), end, back.begin()), groups, " groups of ", n,
                         " come back as ", back);
        }
    return wrong;
}

}  // namespace

TEST_CASE("columns are the transpose of groups, and groups of columns", "[selection]") {
    CHECK(wrong_columns<float>() == 0);
    CHECK(wrong_columns<double>() == 0);
}

}  // namespace columns_tests
