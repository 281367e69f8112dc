// How `knapsack` compares with a table and with branch and bound, over Pisinger's kinds of problems, integer
// and with noise, and capacities of 5 to 10,000. Prints the distribution of its time by the time of the
// faster of the two, and the worst problems.
//
//     build/native/benchmarks/imle_knapsack_kinds [problems = 2000] [seed = 1] [list]
//     build/native/benchmarks/imle_knapsack_kinds goal [seeds = 3]
//
// "goal" has each kind with 200 and 1,000 items, weights to 10,000 and capacities of 0.1 to 0.9 of their sum.
// "list" prints a line for each problem instead: kind, noise, items, capacity, largest weight, nanoseconds of
// the solver, the table and the search. An answer that is worth less than the table's ends the program.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unsupported/Eigen/CXX11/Tensor>

#include <imle/solvers/knapsack.hpp>

#include "textbook.hpp"

namespace {

constexpr const char* kinds[] = {"uncorrelated",    "weakly",           "strongly", "inverse strongly",
                                 "almost strongly", "subset sum",       "spanner",  "circle",
                                 "profit ceiling",  "multiple strongly"};
constexpr int kind_count = static_cast<int>(std::size(kinds));

struct problem {
    int kind, largest, capacity;
    bool is_noisy;
    std::vector<float> values;
    std::vector<int> weights;
};

class problem_source {
  public:
    explicit problem_source(unsigned seed) : random_(seed) {}

    /// Of weights up to 10,000, and with a capacity of `fill` times their sum.
    problem with_fill(int kind, int items, double fill_share, bool is_noisy) {
        problem p{kind, 10'000, 0, is_noisy, {}, {}};
        fill(p, items);
        p.capacity = static_cast<int>(fill_share * std::accumulate(p.weights.begin(), p.weights.end(), 0.0));
        return p;
    }

    /// The next whose items do not all fit.
    problem next() {
        constexpr int sizes[] = {10, 50, 200, 1000}, capacities[] = {5, 10, 30, 100, 300, 1000, 3000, 10000};
        for (;;) {
            problem p{between(0, kind_count - 1), 0,  capacities[random_() % std::size(capacities)],
                      random_() % 2 == 0,         {}, {}};
            const int items = sizes[random_() % std::size(sizes)];
            // About half of the items fit; each item is at most half of the capacity; or most are heavier.
            const int largest[] = {4 * p.capacity / items, p.capacity / 2, 2 * p.capacity};
            p.largest = std::max(2, largest[random_() % std::size(largest)]);
            fill(p, items);
            if (std::accumulate(p.weights.begin(), p.weights.end(), 0) > p.capacity) return p;
        }
    }

  private:
    int between(int low, int high) {
        return low + static_cast<int>(random_() % static_cast<unsigned>(high - low + 1));
    }

    std::pair<double, int> draw(int kind, int largest) {
        int weight = between(1, largest);
        const int tenth = std::max(1, largest / 10), fiftieth = largest / 50;
        double value = weight;
        switch (kind) {
            case 0:
                value = between(1, largest);
                break;
            case 1:
                value = std::max(1, between(weight - tenth, weight + tenth));
                break;
            case 2:
                value = weight + tenth;
                break;
            case 3:
                weight += tenth;
                break;
            case 4:
                value = weight + tenth + between(-fiftieth, fiftieth);
                break;
            case 7:
                value = std::floor(2.0 / 3 *
                                   std::sqrt(4.0 * largest * largest - std::pow(weight - 2.0 * largest, 2)));
                break;
            case 8:
                value = (weight + 2) / 3 * 3;
                break;
            case 9:
                value = weight + (weight % 6 == 0 ? 3 : 2) * tenth;
                break;
            default:
                break;
        }
        return {std::max(1.0, value), weight};
    }

    void fill(problem& p, int items) {
        // Spanners: multiples of two items.
        const int few = std::max(1, p.largest / 10);
        const std::pair<double, int> two[2] = {draw(2, few), draw(2, few)};
        for (int i = 0; i < items; ++i) {
            auto [value, weight] = p.kind == 6 ? two[i % 2] : draw(p.kind, p.largest);
            if (p.kind == 6) {
                const int times = between(1, 10);
                value *= times;
                weight *= times;
            }
            if (p.is_noisy) value -= std::log(-std::log((static_cast<double>(random_()) + 0.5) / 0x1p32));
            p.values.push_back(static_cast<float>(value));
            p.weights.push_back(weight);
        }
    }

    std::mt19937 random_;
};

/// A table of the values only, two rows in turn, without branches, so that a compiler can use vectors; bytes
/// for the choice.
struct row_table {
    std::vector<int> weights;
    int capacity;
    std::vector<double> best, next;
    std::vector<char> taken;

    void operator()(const float* theta, float* z) {
        const std::size_t width = static_cast<std::size_t>(capacity) + 1;
        best.assign(width, 0.0);
        next.resize(width);
        taken.resize(weights.size() * width);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            const auto weight = std::min(static_cast<std::size_t>(weights[i]), width);
            const double value = static_cast<double>(theta[i]);
            char* const row = taken.data() + i * width;
            std::copy_n(best.data(), weight, next.data());
            std::fill_n(row, weight, char{0});
            for (std::size_t w = weight; w < width; ++w) {
                const double with = best[w - weight] + value;
                row[w] = with > best[w];
                next[w] = std::max(best[w], with);
            }
            best.swap(next);
        }
        std::size_t left = width - 1;
        for (std::size_t i = weights.size(); i-- > 0;) {
            z[i] = taken[i * width + left] != 0 ? 1.0f : 0.0f;
            if (taken[i * width + left] != 0) left -= static_cast<std::size_t>(weights[i]);
        }
    }
};

/// Branch and bound: items by falling value per weight, depth first, with Dantzig's bound.
struct branch_and_bound {
    std::vector<int> weights;
    int capacity;
    std::uint64_t most_nodes;
    std::vector<int> order, stack, best_stack;
    std::vector<double> efficiency;

    /// False: stopped after `most_nodes`.
    bool operator()(const float* theta, float* z) {
        order.clear();
        efficiency.resize(weights.size());
        for (std::size_t i = 0; i < weights.size(); ++i) {
            if (!(theta[i] > 0) || weights[i] > capacity) continue;
            efficiency[i] = static_cast<double>(theta[i]) / weights[i];
            order.push_back(static_cast<int>(i));
        }
        std::sort(order.begin(), order.end(), [&](int a, int b) {
            return efficiency[static_cast<std::size_t>(a)] > efficiency[static_cast<std::size_t>(b)];
        });
        std::fill_n(z, weights.size(), 0.0f);
        stack.clear();
        best_stack.clear();
        double value = 0, best = 0;
        int left = capacity;
        std::size_t at = 0;
        std::uint64_t nodes = 0;
        const auto item_at = [&](std::size_t i) { return static_cast<std::size_t>(order[i]); };
        for (;;) {
            if (++nodes > most_nodes) return false;
            double bound = value;
            int room = left;
            for (std::size_t i = at; i < order.size() && room > 0; ++i) {
                const std::size_t item = item_at(i);
                if (weights[item] <= room) {
                    bound += static_cast<double>(theta[item]);
                    room -= weights[item];
                } else {
                    bound += efficiency[item] * room;
                    room = 0;
                }
            }
            if (bound > best * (1 + 1e-12)) {
                for (; at < order.size() && weights[item_at(at)] <= left; ++at) {
                    value += static_cast<double>(theta[item_at(at)]);
                    left -= weights[item_at(at)];
                    stack.push_back(static_cast<int>(at));
                }
                if (value > best) {
                    best = value;
                    best_stack = stack;
                }
                if (at < order.size()) {
                    ++at;  // without the one that does not fit
                    continue;
                }
            }
            if (stack.empty()) break;
            at = static_cast<std::size_t>(stack.back());
            stack.pop_back();
            value -= static_cast<double>(theta[item_at(at)]);
            left += weights[item_at(at)];
            ++at;
        }
        for (const int i : best_stack) z[item_at(static_cast<std::size_t>(i))] = 1;
        return true;
    }
};

/// Nanoseconds of a call: the best of some runs, each of at least 20 microseconds.
template <class F>
double nanoseconds(F&& call) {
    using clock = std::chrono::steady_clock;
    double best = std::numeric_limits<double>::infinity(), spent = 0;
    std::size_t calls = 1;
    for (int run = 0; run < 5 && spent < 5e8;) {
        const auto start = clock::now();
        for (std::size_t i = 0; i < calls; ++i) call();
        const double passed = std::chrono::duration<double, std::nano>(clock::now() - start).count();
        spent += passed;
        if (passed < 20'000) {
            calls *= 2;
            continue;
        }
        best = std::min(best, passed / static_cast<double>(calls));
        ++run;
    }
    return best;
}

double value_of(const std::vector<float>& z, const problem& p) {
    double sum = 0;
    for (std::size_t i = 0; i < z.size(); ++i)
        sum += static_cast<double>(z[i]) * static_cast<double>(p.values[i]);
    return sum;
}

struct measurement {
    problem of;
    double solver, table, search;
    [[nodiscard]] double ratio() const { return solver / std::min(table, search); }
};

measurement measure(const problem& p, bool skips_tables = false) {
    std::vector<float> z(p.values.size()), expected(p.values.size());
    const auto items = static_cast<Eigen::Index>(p.values.size());
    const Eigen::TensorMap<const Eigen::Tensor<float, 1, Eigen::RowMajor>> theta(p.values.data(), items);
    Eigen::TensorMap<Eigen::Tensor<float, 1, Eigen::RowMajor>> state(z.data(), items);
    imle::knapsack solver{std::vector<double>(p.weights.begin(), p.weights.end()),
                          static_cast<double>(p.capacity)};
    measurement result{p, 0, 0, std::numeric_limits<double>::infinity()};
    result.solver = nanoseconds([&] { solver(theta, state); });
    // A table that certainly takes longer is not made.
    result.table = 0.3 * static_cast<double>(p.capacity) * static_cast<double>(p.values.size());
    const bool has_table = skips_tables ? result.solver > 2 * result.table : true;
    imle_benchmarks::textbook_solvers::knapsack_table book{p.weights, p.capacity, {}, {}};
    row_table rows{p.weights, p.capacity, {}, {}, {}};
    if (has_table)
        result.table = std::min(nanoseconds([&] { book(p.values.data(), expected.data()); }),
                                nanoseconds([&] { rows(p.values.data(), expected.data()); }));
    else
        expected = z;
    // As many nodes as a table takes, at most.
    branch_and_bound search{
        p.weights,
        p.capacity,
        1000 + static_cast<std::uint64_t>(std::min(result.table, skips_tables ? result.solver : 1e300) / 5),
        {},
        {},
        {},
        {}};
    std::vector<float> other(p.values.size());
    if (search(p.values.data(), other.data())) {
        result.search = nanoseconds([&] { search(p.values.data(), other.data()); });
        if (std::abs(value_of(other, p) - value_of(expected, p)) > 1e-9 * value_of(expected, p)) std::abort();
    }
    if (std::abs(value_of(z, p) - value_of(expected, p)) > 1e-9 * value_of(expected, p)) {
        std::cerr << "a wrong answer: " << kinds[p.kind] << ", " << items << " items, capacity " << p.capacity
                  << '\n';
        std::exit(1);
    }
    return result;
}

void print_line(const measurement& m) {
    std::cout << std::setw(18) << std::left << kinds[m.of.kind] << std::right << std::setw(6)
              << (m.of.is_noisy ? "noise" : "") << std::setw(6) << m.of.values.size() << std::setw(7)
              << m.of.capacity << std::setw(7) << m.of.largest << std::fixed << std::setprecision(0)
              << std::setw(12) << m.solver << std::setw(12) << m.table << std::setw(12) << m.search
              << std::setprecision(2) << std::setw(8) << m.ratio() << '\n';
}

void print_distribution(const std::string& name, std::vector<double> ratios) {
    if (ratios.empty()) return;
    std::sort(ratios.begin(), ratios.end());
    const auto at = [&](double share) {
        return ratios[static_cast<std::size_t>(share * static_cast<double>(ratios.size() - 1))];
    };
    const auto above = std::count_if(ratios.begin(), ratios.end(), [](double ratio) { return ratio > 2; });
    std::cout << "| " << name << " | " << ratios.size() << std::fixed << std::setprecision(2);
    for (const double share : {0.1, 0.5, 0.75, 0.9, 0.99, 1.0}) std::cout << " | " << at(share);
    std::cout << " | " << std::setprecision(1)
              << 100 * static_cast<double>(above) / static_cast<double>(ratios.size()) << "% |\n";
}

/// Each kind at the sizes that practitioners' files have.
int print_goal(int seeds) {
    std::cout << "| kind | n | noise | problems | mean ratio | largest | above 2 | its time | best, us |\n"
                 "|---|---:|---|---:|---:|---:|---:|---:|---:|\n";
    for (const int items : {200, 1000})
        for (int kind = 0; kind < kind_count; ++kind)
            for (const bool is_noisy : {false, true}) {
                measurement worst{{}, 0, 1, 1};
                double sum = 0;
                int count = 0, above = 0;
                for (int seed = 0; seed < seeds; ++seed)
                    for (const double fill : {0.1, 0.3, 0.5, 0.7, 0.9}) {
                        problem_source source(static_cast<unsigned>(100 * seed + 10 * kind + 1));
                        measurement m = measure(source.with_fill(kind, items, fill, is_noisy), true);
                        sum += m.ratio();
                        ++count;
                        above += m.ratio() > 2 ? 1 : 0;
                        if (m.ratio() > worst.ratio()) worst = std::move(m);
                    }
                std::cout << "| " << kinds[kind] << " | " << items << " | " << (is_noisy ? "yes" : "no")
                          << " | " << count << std::fixed << std::setprecision(2) << " | " << sum / count
                          << " | " << worst.ratio() << " | " << above << std::setprecision(1) << " | "
                          << worst.solver / 1e3 << " | " << std::min(worst.table, worst.search) / 1e3 << " |"
                          << std::endl;
            }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "goal") return print_goal(argc > 2 ? std::atoi(argv[2]) : 3);
    const int count = argc > 1 ? std::atoi(argv[1]) : 2000;
    problem_source source(argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 1u);
    const bool lists = argc > 3 && std::string_view(argv[3]) == "list";
    std::vector<measurement> all;
    for (int i = 0; i < count; ++i) {
        all.push_back(measure(source.next()));
        if (lists) print_line(all.back());
    }
    if (lists) return std::cout.flush() ? 0 : 1;
    std::cout << "| problems | how many | 10% | median | 75% | 90% | 99% | largest | above 2 |\n"
                 "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n";
    const auto print = [&](const std::string& name, auto&& belongs) {
        std::vector<double> ratios;
        for (const measurement& m : all)
            if (belongs(m)) ratios.push_back(m.ratio());
        print_distribution(name, std::move(ratios));
    };
    print("all", [](const measurement&) { return true; });
    for (const int capacity : {5, 10, 30, 100, 300, 1000, 3000, 10000})
        print("capacity " + std::to_string(capacity),
              [&](const measurement& m) { return m.of.capacity == capacity; });
    for (const std::size_t items : {10u, 50u, 200u, 1000u})
        print(std::to_string(items) + " items",
              [&](const measurement& m) { return m.of.values.size() == items; });
    for (int kind = 0; kind < kind_count; ++kind)
        print(kinds[kind], [&](const measurement& m) { return m.of.kind == kind; });
    for (const bool is_noisy : {false, true})
        print(is_noisy ? "with noise" : "integers",
              [&](const measurement& m) { return m.of.is_noisy == is_noisy; });
    const std::size_t worst = std::min<std::size_t>(10, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(worst), all.end(),
                      [](const measurement& a, const measurement& b) { return a.ratio() > b.ratio(); });
    std::cout
        << "\nThe worst (items, capacity, largest weight; nanoseconds of solver, table, search; ratio):\n\n";
    for (std::size_t i = 0; i < worst; ++i) print_line(all[i]);
    return std::cout.flush() ? 0 : 1;
}
