#include "command_line.hpp"

#include <algorithm>
#include <array>

#include "support/command_line.hpp"

namespace terrain {
namespace {

using example_support::add_count;
using example_support::add_out;
using example_support::add_seed;
using example_support::add_threads;

constexpr int most_maps = 1'000'000;
constexpr int most_epochs = 10'000;
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

std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted) {
    CLI::App app{
        "Learns the costs of terrain from pictures of maps and the cheapest paths through them, without\n"
        "seeing a cost: through a shortest-path solver by I-MLE, through it by blackbox backprop, and tile\n"
        "by tile without it. Prints a table, saves the networks, and draws pictures with gnuplot.\n"};
    std::vector<std::string> methods;
    const auto* const method_option =
        app.add_option(
               "--method", methods,
               "Use only this method: imle, blackbox or per-tile. May be repeated. Default: all three")
            ->type_name("NAME")
            ->check(refuse_unknown_method);
    app.add_option("--load", wanted.load, "Test the model that an earlier run saved, instead of training")
        ->type_name("FILE")
        ->check(CLI::ExistingFile)
        ->excludes(const_cast<CLI::Option*>(method_option));
    add_count(app, "--blocks", wanted.training.blocks, 0, most_blocks,
              "Residual blocks, which share information between tiles. Default: 3 for per-tile, else 0");
    app.add_option("--learning-rate", wanted.training.learning_rate,
                   "Adam's rate in the first step; it falls to 0 along a cosine. Default: 0.002 for\n"
                   "blackbox, else 0.01")
        ->type_name("X")
        ->check(refuse_bad_learning_rate);
    app.option_defaults()->always_capture_default();
    add_out(app, wanted.out, "Folder for networks and pictures; made if missing");
    add_count(app, "--train", wanted.training_maps, 2, most_maps, "Maps to train with");
    add_count(app, "--test", wanted.test_maps, 1, most_maps,
              "Maps to test with; none of them is used for training");
    add_count(app, "--epochs", wanted.training.epochs, 1, most_epochs,
              "How often each map is used for training");
    add_count(app, "--batch", wanted.training.batch, 2, most_maps, "Maps per step");
    add_seed(app, wanted.training.seed,
             "Seed of the initial weights, the order of the maps and the noise; the maps are the same\n"
             "for any seed");
    add_threads(app, wanted.training.threads,
                "Threads of libtorch and of the layer; 0 means all cores. The network is so small that one\n"
                "is as fast, and then a seed gives the same network each time");

    app.add_flag("!--no-pictures", wanted.pictures, "Draw no pictures; gnuplot is then not needed");

    if (const auto exit_code = example_support::parse(app, argc, argv)) return exit_code;

    for (const method how : all_methods)
        if (methods.empty() || std::find(methods.begin(), methods.end(), option_name(how)) != methods.end())
            wanted.methods.push_back(how);
    return std::nullopt;
}

}  // namespace terrain
