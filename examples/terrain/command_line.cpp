#include "command_line.hpp"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>

#include "support/option_checks.hpp"

namespace terrain {
namespace {

constexpr int most_maps = 1'000'000;
constexpr int most_epochs = 10'000;
constexpr int most_threads = 1024;
constexpr std::array all_methods = {method::imle, method::blackbox, method::per_tile};

std::string refuse_bad_learning_rate(const std::string& text) {
    const auto rate = example_support::read_number<double>(text);
    if (rate.has_value() && *rate > 0 && *rate <= 1) return {};
    return "'" + text + "' is not a learning rate; expected a number above 0, at most 1";
}

std::string refuse_unknown_method(const std::string& text) {
    for (const method how : all_methods)
        if (text == option_name(how)) return {};
    return "'" + text + "' is not a method; expected imle, blackbox or per-tile";
}

}  // namespace

std::string option_name(method how) {
    switch (how) {
        case method::imle:
            return "imle";
        case method::blackbox:
            return "blackbox";
        case method::per_tile:
            return "per-tile";
    }
    return {};
}

parsed_command_line parse_command_line(int argc, char** argv) {
    parsed_command_line parsed;
    command_line& wanted = parsed.wanted;

    CLI::App app{
        "Learns what terrain costs from pictures of maps and the cheapest paths through them, never from a\n"
        "cost: through a shortest-path solver by I-MLE, through it by blackbox backprop, and without it, "
        "tile\n"
        "by tile. Prints a table; saves the networks; gnuplot draws the pictures.\n"};
    std::vector<std::string> methods;
    const auto* const method_option =
        app.add_option("--method", methods,
                       "Train only so: imle, blackbox or per-tile. May be repeated. Default: all three")
            ->type_name("NAME")
            ->check(refuse_unknown_method);
    app.add_option("--load", wanted.load, "Test the model that an earlier run saved, instead of training")
        ->type_name("FILE")
        ->check(CLI::ExistingFile)
        ->excludes(const_cast<CLI::Option*>(method_option));
    app.add_option("--blocks", wanted.training.blocks,
                   "Residual blocks, by which tiles know about each other. Default: 3 per tile, else 0")
        ->type_name("N")
        ->check(CLI::Range(0, most_blocks));
    app.add_option("--learning-rate", wanted.training.learning_rate,
                   "Of Adam in the first step; it falls to 0 along a cosine. Default: 0.002 for blackbox,\n"
                   "else 0.01")
        ->type_name("X")
        ->check(refuse_bad_learning_rate);
    app.option_defaults()->always_capture_default();
    app.add_option("--out", wanted.out, "Folder for networks and pictures; made if missing")
        ->type_name("DIR")
        ->check(example_support::refuse_what_is_not_a_folder);
    app.add_option("--train", wanted.training_maps, "Maps to learn from")
        ->type_name("N")
        ->check(CLI::Range(2, most_maps));
    app.add_option("--test", wanted.test_maps, "Maps to be tested on; none of them is learned from")
        ->type_name("N")
        ->check(CLI::Range(1, most_maps));
    app.add_option("--epochs", wanted.training.epochs, "How often each map is learned from")
        ->type_name("N")
        ->check(CLI::Range(1, most_epochs));
    app.add_option("--batch", wanted.training.batch, "Maps in a step")
        ->type_name("N")
        ->check(CLI::Range(2, most_maps));
    app.add_option("--seed", wanted.training.seed,
                   "Seed of the first weights, the order of the maps and the noise; the maps are the same\n"
                   "for any seed")
        ->type_name("N")
        ->check(example_support::refuse_bad_seed);
    app.add_option(
           "--threads", wanted.training.threads,
           "Threads of libtorch and of the layer; 0 means all cores. The network is so small that one\n"
           "is as fast, and then a seed gives the same network each time")
        ->type_name("N")
        ->check(CLI::Range(0, most_threads));

    app.add_flag("!--no-pictures", wanted.pictures, "Draw none; then gnuplot is not needed");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        parsed.exit_code =
            app.exit(error) == 0 ? 0 : exit_bad_usage;  // app.exit prints the help or the error
        return parsed;
    }

    for (const method how : all_methods)
        if (methods.empty() || std::find(methods.begin(), methods.end(), option_name(how)) != methods.end())
            wanted.methods.push_back(how);
    return parsed;
}

}  // namespace terrain
