#pragma once

/// @file
/// Sums over all projective dependency trees: the inside-outside algorithm on Eisner's chart.
///
/// The tables are those of `projective_tree`, with sums and products for maxima and sums: complete(h, e) is
/// the weight of all ways in which the words from head h to end e hang from h, arc(h, e) of those in which e
/// itself does. The outside weight of an entry is the derivative of the sum over all trees by it, and an
/// arc's share of the sum is the product of both. All numbers are positive, so nothing cancels.

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>

#include <imle/families/detail/family_numbers.hpp>

namespace imle::inline IMLE_ABI::detail {

/// The projective trees over some words, by weights of one kind of number.
template <class Number>
class projective_chart {
  public:
    using number = Number;

    /// words: 1 or more; single: exactly one root. Weights are 0 until they are set; O(words^2) memory.
    projective_chart(std::size_t words, bool single)
        : n_(words),
          single_(single),
          tables_(std::make_unique<Number[]>(4 * words * words)),
          before_(std::make_unique<Number[]>(2 * (words + 1))) {}

    /// The weight of word j hanging from word i, or being a root if i = j.
    [[nodiscard]] Number& weight(std::size_t i, std::size_t j) noexcept { return row(weights, i)[j]; }

    /// Fills the tables; returns the sum over all trees. O(words^3).
    Number inside() noexcept {
        const Number one = one_of<Number>();
        for (std::size_t i = 0; i < n_; ++i) set_complete(i, i, one);
        for (std::size_t length = 1; length < n_; ++length)
            for (std::size_t i = 0; i + length < n_; ++i) {
                const std::size_t j = i + length;
                const Number gap = sum_of_products(row(complete, i) + i, row(complete, j) + i + 1, length);
                row(arc, i)[j] = times(gap, weight(i, j));
                row(arc, j)[i] = times(gap, weight(j, i));
                set_complete(i, j, sum_of_products(row(arc, i) + i + 1, row(by_end, j) + i + 1, length));
                set_complete(j, i, sum_of_products(row(arc, j) + i, row(by_end, i) + i, length));
            }
        if (single_) {
            Number sum{};
            for (std::size_t root = 0; root < n_; ++root) sum = plus(sum, of_root(root));
            return sum;
        }
        before(0) = one;
        for (std::size_t end = 1; end <= n_; ++end) {
            const std::size_t word = end - 1;
            rooted(word) = times(sum_of_products(&before(0), row(complete, word), end), weight(word, word));
            before(end) = sum_of_products(&rooted(0), row(by_end, word), end);
        }
        return before(n_);
    }

    /// Calls visit(i, j, m) for each arc and root after `inside`: m is the weight of all trees with it.
    /// O(words^3).
    template <class VisitT>
    void outside(VisitT&& visit) {
        const auto memory = std::make_unique<Number[]>(3 * n_ * n_ + n_ + 1);
        Number* const of_complete = memory.get();                  // [head, end]
        Number* const of_complete_by_end = of_complete + n_ * n_;  // the same, [end, head]; their sum counts
        Number* const of_arc = of_complete_by_end + n_ * n_;       // [head, end]
        roots_outside(of_complete, of_arc + n_ * n_, visit);
        const auto split = [&](std::size_t head, std::size_t end) {
            const Number by = plus(of_complete[head * n_ + end], of_complete_by_end[end * n_ + head]);
            const std::size_t first = std::min(head + 1, end), length = head < end ? end - head : head - end;
            add_multiple(by, row(by_end, end) + first, of_arc + head * n_ + first, length);
            add_multiple(by, row(arc, head) + first, of_complete_by_end + end * n_ + first, length);
        };
        for (std::size_t length = n_ - 1; length > 0; --length)
            for (std::size_t i = 0; i + length < n_; ++i) {
                const std::size_t j = i + length;
                split(i, j);
                split(j, i);
                const Number right = of_arc[i * n_ + j], left = of_arc[j * n_ + i];
                visit(i, j, times(right, row(arc, i)[j]));
                visit(j, i, times(left, row(arc, j)[i]));
                const Number by = plus(times(right, weight(i, j)), times(left, weight(j, i)));
                add_multiple(by, row(complete, j) + i + 1, of_complete + i * n_ + i, length);
                add_multiple(by, row(complete, i) + i, of_complete + j * n_ + i + 1, length);
            }
    }

    /// Draws a tree after `inside`: choose(count, mass) returns a place k < count in proportion to mass(k),
    /// and is called twice for each word at most; mark(i, j) is called for each arc and root. stack: room for
    /// 2 words + 2 numbers.
    template <class ChooseT, class MarkT>
    void draw(std::size_t* stack, ChooseT&& choose, MarkT&& mark) {
        std::size_t* top = stack;
        const auto push = [&](std::size_t head, std::size_t end) {
            if (head == end) return;
            *top++ = head;
            *top++ = end;
        };
        const auto trace = [&] {
            while (top != stack) {
                const std::size_t end = *--top, head = *--top;
                const std::size_t first = std::min(head + 1, end),
                                  length = head < end ? end - head : head - end;
                const std::size_t word =
                    first + choose(length, [&](std::size_t k) {
                        return times(row(arc, head)[first + k], row(by_end, end)[first + k]);
                    });
                mark(head, word);
                push(word, end);
                const std::size_t i = std::min(head, word), j = std::max(head, word);
                const std::size_t meet =
                    i + choose(j - i, [&](std::size_t k) {
                        return times(row(complete, i)[i + k], row(complete, j)[i + k + 1]);
                    });
                push(i, meet);
                push(j, meet + 1);
            }
        };
        if (single_) {
            const std::size_t root = choose(n_, [&](std::size_t k) { return of_root(k); });
            mark(root, root);
            push(root, 0);
            trace();
            push(root, n_ - 1);
            trace();
            return;
        }
        for (std::size_t end = n_; end > 0;) {
            const std::size_t root =
                choose(end, [&](std::size_t k) { return times(rooted(k), row(by_end, end - 1)[k]); });
            const std::size_t first =
                choose(root + 1, [&](std::size_t k) { return times(before(k), row(complete, root)[k]); });
            mark(root, root);
            push(root, first);
            trace();
            push(root, end - 1);
            trace();
            end = first;
        }
    }

  private:
    enum table { weights, complete, by_end, arc };

    [[nodiscard]] Number* row(table of, std::size_t i) const noexcept {
        return tables_.get() + (static_cast<std::size_t>(of) * n_ + i) * n_;
    }
    void set_complete(std::size_t head, std::size_t end, const Number& sum) noexcept {
        row(complete, head)[end] = row(by_end, end)[head] = sum;
    }
    /// With several roots: the sum over the words before a place.
    [[nodiscard]] Number& before(std::size_t end) noexcept { return before_[end]; }
    /// The same over the words up to one that is a root, without those behind it that hang from it.
    [[nodiscard]] Number& rooted(std::size_t word) noexcept { return before_[n_ + 1 + word]; }
    /// The weight of all trees with this single root.
    [[nodiscard]] Number of_root(std::size_t root) noexcept {
        return times(times(row(complete, root)[0], row(complete, root)[n_ - 1]), weight(root, root));
    }

    /// The outside weights of complete words below roots.
    template <class VisitT>
    void roots_outside(Number* of_complete, Number* of_before, VisitT& visit) {
        const auto add = [&](std::size_t head, std::size_t end, const Number& by) {
            of_complete[head * n_ + end] = plus(of_complete[head * n_ + end], by);
        };
        if (single_) {
            for (std::size_t root = 0; root < n_; ++root) {
                add(root, 0, times(row(complete, root)[n_ - 1], weight(root, root)));
                add(root, n_ - 1, times(row(complete, root)[0], weight(root, root)));
                visit(root, root, of_root(root));
            }
            return;
        }
        of_before[n_] = one_of<Number>();
        for (std::size_t end = n_; end > 0; --end) {
            // before(end) is a sum over its last root; rooted(end - 1) over the first word below it.
            for (std::size_t root = 0; root < end; ++root)
                add(root, end - 1, times(of_before[end], rooted(root)));
            const std::size_t word = end - 1;
            Number by{};
            for (std::size_t last = word; last < n_; ++last)
                by = plus(by, times(of_before[last + 1], row(complete, word)[last]));
            visit(word, word, times(by, rooted(word)));
            by = times(by, weight(word, word));
            for (std::size_t first = 0; first <= word; ++first) {
                of_before[first] = plus(of_before[first], times(by, row(complete, word)[first]));
                add(word, first, times(by, before(first)));
            }
        }
    }

    std::size_t n_;
    bool single_;
    std::unique_ptr<Number[]> tables_;
    std::unique_ptr<Number[]> before_;
};

/// Whether the sums over projective trees stay within a double's range for logarithms of weights that are at
/// most this far apart in each column.
[[nodiscard]] constexpr bool projective_fits_in_double(double spread, std::size_t words) noexcept {
    return spread * static_cast<double>(words) <= 300;
}

}  // namespace imle::inline IMLE_ABI::detail
