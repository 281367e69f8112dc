#include "command_line.hpp"

#include <algorithm>
#include <thread>

#include "support/command_line.hpp"

namespace experiments {
namespace {

using example_support::add_out;
using example_support::add_seed;
using example_support::add_threads;

std::string names() {
    std::string all;
    for (const experiment& each : all_experiments())
        all += (all.empty() ? "" : ", ") + std::string(each.name);
    return all;
}

std::string refuse_unknown_experiment(const std::string& text) {
    for (const experiment& each : all_experiments())
        if (each.name == text) return {};
    return "'" + text + "' is not an experiment; expected " + names();
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted) {
    wanted.options.data = IMLE_EXPERIMENTS_DATA;

    CLI::App app{
        "Repeats published experiments and compares the results with the published or recomputed figures.\n"
        "Prints tables; gnuplot draws the pictures.\n"};
    std::vector<std::string> only;
    app.add_option("--only", only, "Run only these, separated by commas: " + names() + ".\nDefault: all")
        ->type_name("NAME,...")
        ->delimiter(',')
        ->check(refuse_unknown_experiment);
    app.option_defaults()->always_capture_default();
    add_out(app, wanted.out, "Folder for results.md and the pictures; made if missing");
    add_seed(app, wanted.options.seed, "Seed of the noise");
    wanted.options.threads = 0;
    add_threads(app, wanted.options.threads, "Threads; 0 means all cores. The results do not depend on it");
    app.add_flag("--quick", wanted.options.quick,
                 "Small sizes, to check that everything runs; the figures then mean nothing");

    if (const auto exit_code = example_support::parse(app, argc, argv)) return exit_code;
    if (wanted.options.threads == 0)
        wanted.options.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    for (const experiment& each : all_experiments())
        if (only.empty() || std::find(only.begin(), only.end(), each.name) != only.end())
            wanted.only.push_back(each);
    return std::nullopt;
}

}  // namespace experiments
