// The map demo: samples paths through a map, and learns weights whose best path is the gold path. `map
// --help`.

#include <chrono>
#include <iomanip>
#include <iostream>
#include <thread>
#include <vector>

#include "command_line.hpp"
#include "drawing.hpp"
#include "map_game.hpp"
#include "sampling.hpp"
#include "support/interrupt.hpp"
#include "support/output.hpp"
#include "support/picture_writer.hpp"
#include "support/progress_bar.hpp"
#include "table.hpp"
#include "training.hpp"

namespace map_demo {
namespace {

constexpr int sampled_paths = 100;

/// The bar's unit of work is about the time of one solve; these numbers were measured.
double work_of_a_step(const setting& which) {
    return 3 + 2 * which.samples;
}
constexpr double work_of_a_picture = 30'000;

void run(const command_line& wanted) {
    const auto start = std::chrono::steady_clock::now();
    const auto processors = std::max(1U, std::thread::hardware_concurrency());
    const unsigned threads =
        wanted.learning.threads == 0 ? processors : static_cast<unsigned>(wanted.learning.threads);

    const std::size_t picture_count = 6 + 2 * wanted.settings.size();
    double total_work = work_of_a_picture * static_cast<double>(picture_count);
    for (const setting& which : wanted.settings) total_work += work_of_a_step(which) * wanted.learning.steps;

    example_support::picture_writer writer(wanted.out, threads);
    example_support::progress_bar bar(total_work);
    const example_support::interrupt_guard guard([&] {
        writer.abandon();
        bar.clear();
        std::cerr << "map: interrupted; " << writer.count() << " pictures were finished\n";
    });

    const grid rewards = map_rewards();
    const grid gold = best_path(rewards);

    bar.label("sampling");
    const std::vector<grid> samples =
        sample_paths(rewards, sampled_paths, wanted.learning.seed, wanted.learning.threads);
    std::vector<picture> pictures = {draw_map(rewards), draw_gold_path(rewards, gold),
                                     draw_sampled_paths(rewards, gold, samples),
                                     draw_running_marginals(samples), draw_marginals(samples)};

    std::vector<learning_record> records;
    bar.clear();
    print_table_head(std::cout, wanted.learning.steps);
    for (const setting& which : wanted.settings) {
        bar.label("learning " + title(which));
        records.push_back(learn(which, wanted.learning, gold, [&] { bar.advance(work_of_a_step(which)); }));
        bar.clear();
        print_table_row(std::cout, records.back());
    }

    for (const learning_record& record : records) {
        pictures.push_back(draw_learned_paths(record, rewards, gold));
        pictures.push_back(draw_learned_weights(record));
    }
    pictures.push_back(draw_loss_curves(records, wanted.learning.per_sample));
    bar.label("drawing " + std::to_string(pictures.size()) + " pictures");
    writer.write(pictures, [&] { bar.advance(work_of_a_picture); });
    bar.clear();

    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::cout << writer.count() << " pictures (" << std::fixed << std::setprecision(1)
              << static_cast<double>(writer.bytes()) / 1e6 << " MB) in " << wanted.out << ", "
              << taken.count() << " s in all\n";
}

}  // namespace
}  // namespace map_demo

int main(int argc, char** argv) {
    return example_support::run_program("map", [&] {
        map_demo::command_line wanted;
        if (const auto exit_code = map_demo::parse_command_line(argc, argv, wanted)) return *exit_code;
        map_demo::run(wanted);
        return 0;
    });
}
