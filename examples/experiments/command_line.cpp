#include "command_line.hpp"

#include <algorithm>
#include <thread>

#include <CLI/CLI.hpp>

#include "support/option_checks.hpp"

namespace experiments {
namespace {

constexpr int most_threads = 1024;

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

parsed_command_line parse_command_line(int argc, char** argv) {
    parsed_command_line parsed;
    command_line& wanted = parsed.wanted;
    wanted.options.data = IMLE_EXPERIMENTS_DATA;

    CLI::App app{
        "Runs published experiments and compares what comes out with the published or recomputed figures.\n"
        "Prints tables; gnuplot draws the pictures.\n"};
    std::vector<std::string> only;
    app.add_option("--only", only, "Run only these, separated by commas: " + names() + ".\nDefault: all")
        ->type_name("NAME,...")
        ->delimiter(',')
        ->check(refuse_unknown_experiment);
    app.option_defaults()->always_capture_default();
    app.add_option("--out", wanted.out, "Folder for results.md and the pictures; made if missing")
        ->type_name("DIR")
        ->check(example_support::refuse_what_is_not_a_folder);
    app.add_option("--seed", wanted.options.seed, "Seed of the noise")
        ->type_name("N")
        ->check(example_support::refuse_bad_seed);
    wanted.options.threads = 0;
    app.add_option("--threads", wanted.options.threads,
                   "Threads; 0 means all cores. The results do not depend on it")
        ->type_name("N")
        ->check(CLI::Range(0, most_threads));
    app.add_flag("--quick", wanted.options.quick,
                 "Small sizes, to see whether all runs: the figures then mean nothing");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        parsed.exit_code =
            app.exit(error) == 0 ? 0 : exit_bad_usage;  // app.exit prints the help or the error
        return parsed;
    }
    if (wanted.options.threads == 0)
        wanted.options.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    for (const experiment& each : all_experiments())
        if (only.empty() || std::find(only.begin(), only.end(), each.name) != only.end())
            wanted.only.push_back(each);
    return parsed;
}

}  // namespace experiments
