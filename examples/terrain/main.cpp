// Learns the costs of terrain from pictures of maps and the cheapest paths through them. `terrain --help`.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <optional>
#include <thread>
#include <vector>

#include "command_line.hpp"
#include "dataset.hpp"
#include "drawing.hpp"
#include "run.hpp"
#include "support/interrupt.hpp"
#include "support/output.hpp"
#include "support/picture_writer.hpp"
#include "support/progress_bar.hpp"
#include "table.hpp"

namespace terrain {
namespace {

/// The maps are the same for every seed of the command line, so that runs can be compared.
const imle::random_key training_key = imle::random_key{12}.fold_in(0);
const imle::random_key test_key = imle::random_key{12}.fold_in(1);

/// The first three test maps, of which the second has another season than its neighbours, and the first one
/// that the first network gets wrong.
std::vector<std::size_t> maps_to_show(const std::vector<example>& testing,
                                      const std::vector<run_record>& records) {
    std::vector<std::size_t> shown;
    for (std::size_t i = 0; i < testing.size() && shown.size() < 3; ++i)
        if (shown.empty() || testing[i].when != testing[shown.back()].when) shown.push_back(i);
    for (std::size_t i = 0; i < testing.size(); ++i) {
        if (is_as_cheap(records.front().paths[i], testing[i])) continue;
        if (std::find(shown.begin(), shown.end(), i) != shown.end()) continue;
        shown.push_back(i);
        break;
    }
    return shown;
}

void learn_and_draw(const command_line& wanted) {
    const auto start = std::chrono::steady_clock::now();
    const std::filesystem::path folder = wanted.out;
    std::filesystem::create_directories(folder);
    std::optional<example_support::picture_writer> writer;
    if (wanted.pictures) writer.emplace(folder, std::max(1U, std::thread::hardware_concurrency()));
    example_support::progress_bar bar(static_cast<double>(wanted.methods.size() * wanted.training_maps) *
                                      wanted.training.epochs);
    const example_support::interrupt_guard guard([&] {
        if (writer.has_value()) writer->abandon();
        bar.clear();
        std::cerr << "terrain: interrupted\n";
    });

    bar.label("making maps");
    const std::vector<example> testing = make_examples(test_key, 0, wanted.test_maps);
    std::vector<example> training;
    if (wanted.load.empty()) training = make_examples(training_key, 0, wanted.training_maps);

    bar.clear();
    print_table_head(std::cout, testing.size());
    std::vector<run_record> records;
    if (!wanted.load.empty()) {
        test(model::load(wanted.load, wanted.training.threads), testing, records.emplace_back());
        print_table_rows(std::cout, records.back());
    }
    for (const method how : training.empty() ? std::vector<method>{} : wanted.methods) {
        records.push_back(run(how, wanted.training, training, testing, folder / (option_name(how) + ".pt"),
                              [&](int epoch, std::size_t maps) {
                                  bar.advance(static_cast<double>(maps));
                                  bar.label(title(how) + ", epoch " + std::to_string(epoch + 1) + " of " +
                                            std::to_string(wanted.training.epochs));
                              }));
        bar.clear();
        print_table_rows(std::cout, records.back());
    }

    if (writer.has_value()) {
        bar.label("drawing");
        std::vector<picture> pictures = {draw_maps(testing, maps_to_show(testing, records), records)};
        if (!training.empty()) pictures.push_back(draw_learning_curves(records));
        writer->write(pictures, [] {});
        bar.clear();
    }

    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (!training.empty()) std::cout << "Each network was saved, loaded again and found the same. ";
    if (!training.empty() || wanted.pictures) std::cout << "All is in " << wanted.out << "; ";
    std::cout << std::fixed << std::setprecision(1) << taken.count() << " s in all\n";
}

}  // namespace
}  // namespace terrain

int main(int argc, char** argv) {
    return example_support::run_program("terrain", [&] {
        terrain::command_line wanted;
        if (const auto exit_code = terrain::parse_command_line(argc, argv, wanted)) return *exit_code;
        terrain::learn_and_draw(wanted);
        return 0;
    });
}
