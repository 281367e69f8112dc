#include <imle/layer/detail/plan.hpp>

#include <algorithm>
#include <vector>

#include "support/catch.hpp"
#include "support/tally.hpp"

using imle::detail::sample_plan;
using imle::detail::sample_sum;
using imle::detail::solve_grain;

TEST_CASE("sample_plan: units cover all items in order, without a gap", "[layer]") {
    support::tally wrong;
    for (const solve_grain grain :
         {solve_grain{}, solve_grain{true, 1}, solve_grain{true, 3}, solve_grain{true, 2, 40},
          solve_grain{false, 2, 1, 1}, solve_grain{false, 3, 1, 4}, solve_grain{false, 1, 1, 1}})
        for (const Eigen::Index batch : {0, 1, 2, 5, 64, 130})
            for (const Eigen::Index samples : {1, 2, 15, 16, 17, 31, 64, 100, 1000, 4097})
                for (const Eigen::Index n : {0, 1, 256, 350, 100000}) {
                    const sample_plan plan(batch, samples, n, grain);
                    const auto expect = [&](bool holds, const char* what, Eigen::Index first,
                                            Eigen::Index last) {
                        wrong.expect(holds, what, ": items ", first, " to ", last, " of ", batch, " x ",
                                     samples, ", n = ", n, ", one by one ", grain.one_by_one, ", workers ",
                                     grain.workers, ", least items ", grain.least_items, ", width ",
                                     grain.width);
                    };
                    const auto starts_chunk = [&](Eigen::Index item) {
                        return item % samples % plan.chunk == 0;
                    };
                    Eigen::Index next = 0;
                    for (Eigen::Index unit = 0; unit < plan.units(); ++unit) {
                        const auto [first, count] = plan.items(unit);
                        const Eigen::Index last = first + count;
                        if (plan.parts > 1) {
                            // Parts of one chunk, of whole registers. Those behind a short chunk are empty.
                            expect(first == next && last >= first, "a gap", first, last);
                            const auto place = plan.place_of(first);
                            expect(count == 0 ||
                                       (place.place + count <= place.size && place.place % grain.width == 0),
                                   "a part of two chunks", first, last);
                            next = last;
                            continue;
                        }
                        expect(first == next && last > first, "a gap", first, last);
                        expect(starts_chunk(first) && (last == batch * samples || starts_chunk(last)),
                               "a chunk cut", first, last);
                        // A batch solver's unit is whole instances, or lies in one chunk of one.
                        const bool whole = first % samples == 0 && last % samples == 0;
                        const bool one_chunk = last - first <= plan.chunk;
                        expect(grain.one_by_one || whole || one_chunk, "a batch cut", first, last);
                        next = last;
                    }
                    expect(next == batch * samples, "not all items", 0, next);
                    expect(plan.chunks <= sample_plan::max_chunks, "too many chunks", 0, next);
                }
    CHECK(wrong == 0);
}

TEST_CASE("sample_plan: the cut within an instance does not depend on the batch", "[layer]") {
    support::tally wrong;
    for (const solve_grain grain : {solve_grain{}, solve_grain{true, 2}})
        for (const Eigen::Index samples : {1, 16, 17, 100, 1000}) {
            const sample_plan one(1, samples, 9, grain), many(77, samples, 9, grain);
            wrong.expect(
                one.chunk == many.chunk && one.chunks == many.chunks && one.piece_size == many.piece_size,
                samples, " samples, one by one ", grain.one_by_one);
        }
    CHECK(wrong == 0);
}

TEST_CASE("sample_plan: what is summed or solved together does not depend on the workers", "[layer]") {
    support::tally wrong;
    for (const Eigen::Index batch : {1, 7, 130})
        for (const Eigen::Index samples : {1, 10, 100}) {
            const sample_plan one(batch, samples, 9, {true, 1}), many(batch, samples, 9, {true, 16});
            wrong.expect(one.chunk == many.chunk && one.chunks == many.chunks, batch, " x ", samples,
                         ", one by one");
            const sample_plan batch_one(batch, samples, 9, {false, 1});
            const sample_plan batch_many(batch, samples, 9, {false, 16});
            wrong.expect(batch_one.chunk == batch_many.chunk && batch_one.units() == batch_many.units(),
                         batch, " x ", samples, ", batches");
            const sample_plan cut(batch, samples, 9000, {false, 16, 1, 1}),
                uncut(batch, samples, 9000, {false, 1, 1, 1});
            wrong.expect(cut.chunk == uncut.chunk && cut.chunks == uncut.chunks, batch, " x ", samples,
                         ", large instances");
        }
    CHECK(wrong == 0);
}

TEST_CASE("sample_plan: a few samples of one instance are divided among several workers", "[layer]") {
    CHECK(sample_plan(1, 10, 65536, {true, 2}).units() == 10);
    // One worker does them together.
    CHECK(sample_plan(1, 10, 9, {true, 1}).units() == 1);
    // Many instances give many units, but not more than are useful.
    CHECK(sample_plan(4096, 10, 9, {true, 2}).units() >= 16);
    CHECK(sample_plan(4096, 10, 9, {true, 2}).units() <= 4096);
}

TEST_CASE("sample_plan: batches of large instances are cut where that shortens the longest share",
          "[layer]") {
    // {one by one, workers, least items, width}
    CHECK(sample_plan(1, 10, 65536, {false, 2, 1, 1}).part == 5);
    CHECK(sample_plan(1, 10, 65536, {false, 2, 1, 4}).part == 8);  // registers of 4, 4 and 2
    CHECK(sample_plan(1, 16, 65536, {false, 3, 1, 4}).part == 8);
    CHECK(sample_plan(1, 16, 65536, {false, 4, 1, 4}).part == 4);
    CHECK(sample_plan(2, 10, 65536, {false, 2, 1, 1}).parts == 1);
    CHECK(sample_plan(3, 10, 65536, {false, 2, 1, 1}).part == 5);
    CHECK(sample_plan(16, 1, 65536, {false, 2, 1, 1}).units() == 2);
    CHECK(sample_plan(1, 20, 65536, {false, 2, 1, 1}).part == 2);  // chunks of 16 and 4
    // Without a width, for small instances, and where little is gained.
    CHECK(sample_plan(1, 10, 65536, {false, 2}).units() == 1);
    CHECK(sample_plan(1, 10, 300, {false, 2, 1, 1}).units() == 1);
    CHECK(sample_plan(71, 10, 65536, {false, 2, 1, 1}).parts == 1);
}

TEST_CASE("sample_plan: solves that are known to be quick are handed out together", "[layer]") {
    // {one by one, workers, least items}
    CHECK(sample_plan(1, 10, 16, {true, 2, 50}).units() == 1);
    CHECK(sample_plan(1, 10, 16, {true, 2, 3}).units() == 4);
    CHECK(sample_plan(1, 1000, 16, {true, 2, 50}).units() == 16);
    // Never more than a worker's piece, however quick.
    const sample_plan plan(1000, 10, 16, {true, 2, 1000000});
    CHECK(plan.chunks_per_unit * plan.chunk <= plan.piece_size);
    // Nor does it change what is summed together.
    CHECK(plan.chunk == sample_plan(1000, 10, 16, {true, 2}).chunk);
    // The units of a batch solver do not depend on it.
    CHECK(sample_plan(7, 100, 16, {false, 2, 50}).units() == sample_plan(7, 100, 16).units());
}

TEST_CASE("sample_sum: chunk by chunk, whatever the order in which units arrive", "[layer]") {
    constexpr Eigen::Index offset = 1000, n = 2;
    for (const solve_grain grain : {solve_grain{}, solve_grain{true, 2}})
        for (const Eigen::Index samples : {1, 5, 16, 33, 100, 700}) {
            const sample_plan plan(3, samples, n, grain);
            std::vector<double> values(static_cast<std::size_t>(3 * samples * n));
            for (std::size_t i = 0; i < values.size(); ++i)
                values[i] = 1 / (1.0 + static_cast<double>(i * i % 97));
            // Every fifth item is left out: a zero.
            const auto is_left_out = [](Eigen::Index item) { return item % 5 == 0; };
            const auto mean_of = [&](bool backwards) {
                std::vector<double> memory(static_cast<std::size_t>(sample_sum<double>::size(plan)), -7.0);
                sample_sum<double> sum(plan, offset, memory.data());
                for (Eigen::Index u = 0; u < plan.units(); ++u) {
                    const auto [first, count] = plan.items(backwards ? plan.units() - 1 - u : u);
                    std::vector<Eigen::Index> items;
                    for (Eigen::Index item = first; item < first + count; ++item)
                        if (!is_left_out(item)) items.push_back(offset + item);
                    sum.add({offset + first, count}, items, [&](std::size_t j) {
                        return [row = values.data() + (items[j] - offset) * n](Eigen::Index i) {
                            return row[i];
                        };
                    });
                }
                std::vector<double> mean(3 * n);
                for (Eigen::Index b = 0; b < 3; ++b) sum.write_mean(b, 2.0, mean.data() + b * n);
                return mean;
            };
            const std::vector<double> mean = mean_of(false);
            CHECK(mean == mean_of(true));
            for (Eigen::Index b = 0; b < 3; ++b)
                for (Eigen::Index i = 0; i < n; ++i) {
                    double total = 0;
                    for (Eigen::Index first = 0; first < samples; first += plan.chunk) {
                        double partial = 0;
                        for (Eigen::Index s = first; s < std::min(samples, first + plan.chunk); ++s)
                            if (!is_left_out(b * samples + s))
                                partial += values[static_cast<std::size_t>((b * samples + s) * n + i)];
                        total += partial;
                    }
                    CHECK(mean[static_cast<std::size_t>(b * n + i)] ==
                          total / static_cast<double>(samples) / 2);
                }
        }
}

TEST_CASE("sample_sum: a million equal numbers do not lose bits", "[layer]") {
    const sample_plan plan(1, 1000000, 1);
    const std::vector<float> values(1000000, 0.1f);
    std::vector<double> memory(static_cast<std::size_t>(sample_sum<float>::size(plan)));
    sample_sum<float> sum(plan, 0, memory.data());
    sum.add({0, 1000000}, values.data());
    float mean = 0;
    sum.write_mean(0, 1.0, &mean);
    CHECK(mean == 0.1f);
}
