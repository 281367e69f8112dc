// Learns which features decide the label of each instance. `learning_to_explain --help`.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "command_line.hpp"
#include "dataset.hpp"
#include "drawing.hpp"
#include "scoring.hpp"
#include "support/interrupt.hpp"
#include "support/output.hpp"
#include "support/picture_writer.hpp"
#include "support/progress_bar.hpp"
#include "table.hpp"
#include "training.hpp"

namespace learning_to_explain {
namespace {

/// A run's key and its data: they differ between runs, and are the same for all methods.
struct run_data {
    imle::random_key key;
    dataset training;
    dataset testing;
};

std::vector<run_data> make_runs(const command_line& wanted) {
    std::vector<run_data> runs;
    for (int i = 0; i < wanted.runs; ++i) {
        const imle::random_key key = imle::random_key{wanted.seed}.fold_in(static_cast<std::uint64_t>(i));
        runs.push_back({key.fold_in(0), make_dataset(key.fold_in(1), wanted.training_instances),
                        make_dataset(key.fold_in(2), wanted.test_instances)});
    }
    return runs;
}

void learn_and_draw(const command_line& wanted) {
    const auto start = std::chrono::steady_clock::now();
    std::optional<example_support::picture_writer> writer;
    if (wanted.pictures) writer.emplace(wanted.out, std::max(1U, std::thread::hardware_concurrency()));
    example_support::progress_bar bar(static_cast<double>(wanted.methods.size()) * wanted.runs *
                                      wanted.training.steps);
    const example_support::interrupt_guard guard([&] {
        if (writer.has_value()) writer->abandon();
        bar.clear();
        std::cerr << "learning_to_explain: interrupted\n";
    });

    bar.label("making data");
    const std::vector<run_data> runs = make_runs(wanted);
    std::vector<scores> ideal;
    for (const run_data& run : runs) ideal.push_back(truth(run.testing));
    bar.clear();
    print_table_head(std::cout, runs.front().testing.size(), runs.size());
    print_truth(std::cout, ideal);

    std::vector<method_record> records;
    for (const method how : wanted.methods) {
        method_record& record = records.emplace_back();
        record.how = how;
        for (const run_data& run : runs) {
            bar.label(title(how) + ", run " + std::to_string(record.runs.size() + 1) + " of " +
                      std::to_string(runs.size()));
            record.runs.push_back(
                train(how, wanted.training, run.training, run.testing, run.key, [&] { bar.advance(1); }));
        }
        bar.clear();
        print_table_row(std::cout, how, record.runs);
    }

    if (writer.has_value()) {
        bar.label("drawing");
        writer->write({draw_selections(records, runs.front().testing), draw_learning_curves(records)}, [] {});
        bar.clear();
        std::cout << "Pictures are in " << wanted.out << "; ";
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::cout << std::fixed << std::setprecision(1) << taken.count() << " s in all\n";
}

}  // namespace
}  // namespace learning_to_explain

int main(int argc, char** argv) {
    return example_support::run_program("learning_to_explain", [&] {
        learning_to_explain::command_line wanted;
        if (const auto exit_code = learning_to_explain::parse_command_line(argc, argv, wanted))
            return *exit_code;
        learning_to_explain::learn_and_draw(wanted);
        return 0;
    });
}
