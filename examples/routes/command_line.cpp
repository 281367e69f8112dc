#include "command_line.hpp"

#include <string_view>

#include "support/command_line.hpp"

namespace routes {
namespace {

using example_support::add_count;

constexpr int most_nodes = 1'000'000;
constexpr int most_trips = 1'000'000;
constexpr int most_epochs = 1'000'000;
constexpr int most_samples = 1000;

/// A check of a number above 0, at most `most`.
auto up_to(double most, const char* what) {
    return [=](const std::string& text) {
        const auto number = example_support::read_number<double>(text);
        if (number.has_value() && *number > 0 && *number <= most) return std::string{};
        std::string complaint = "'" + text + "' is not a ";
        return complaint + what;
    };
}

/// A check of one of two words.
auto either(const char* one, const char* other) {
    return [=](const std::string& text) {
        if (text == one || text == other) return std::string{};
        std::string complaint = "'" + text + "' is neither ";
        return complaint + one + " nor " + other;
    };
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted) {
    CLI::App app{
        "Learns the costs of a road network's edges from the paths that drivers took. Prints how well the\n"
        "cheapest paths agree with the drivers', before and after, and draws maps with gnuplot.\n"};
    std::string loss = "fenchel-young", start = "lengths";
    CLI::Option* const network =
        app.add_option("--network", wanted.network,
                       "A road network: a DIMACS file (*.gr) or one of TransportationNetworks (*.tntp).\n"
                       "Default: a generated city")
            ->type_name("FILE")
            ->check(CLI::ExistingFile);
    app.add_option("--positions", wanted.positions,
                   "The positions of its nodes, for the maps: lines `v node x y` (DIMACS' .co) or `node x y`")
        ->type_name("FILE")
        ->check(CLI::ExistingFile)
        ->needs(network);
    app.option_defaults()->always_capture_default();
    add_count(app, "--nodes", wanted.nodes, 2, most_nodes, "Crossings of the generated city")
        ->excludes(network);
    add_count(app, "--train", wanted.training_trips, 1, most_trips, "Trips to train with");
    add_count(app, "--test", wanted.held_out_trips, 1, most_trips,
              "Trips held out: none is used for training");
    app.add_option("--start", start, "The initial costs of edges: lengths, or uniform (all the same)")
        ->type_name("NAME")
        ->check(either("lengths", "uniform"));
    app.add_option("--loss", loss, "fenchel-young, or hamming (edges that differ, by I-MLE's gradient)")
        ->type_name("NAME")
        ->check(either("fenchel-young", "hamming"));
    add_count(app, "--epochs", wanted.learning.epochs, 1, most_epochs,
              "How often each trip is used for training");
    add_count(app, "--batch", wanted.learning.batch, 1, most_trips, "Trips per step");
    add_count(app, "--samples", wanted.learning.samples, 1, most_samples, "Paths per trip in a step");
    app.add_option("--temperature", wanted.learning.temperature,
                   "Scale of the noise; the mean cost of an edge is 1")
        ->type_name("X")
        ->check(up_to(1000, "temperature; expected a number above 0, at most 1000"));
    app.add_option("--learning-rate", wanted.learning.learning_rate,
                   "Adam's initial rate, for the logarithms of the costs; it falls to 0")
        ->type_name("X")
        ->check(up_to(1, "learning rate; expected a number above 0, at most 1"));
    example_support::add_seed(app, wanted.seed,
                              "Seed of the city, the hidden costs, the trips and the noise");
    example_support::add_threads(app, wanted.learning.threads,
                                 "Threads of the solves; 0 means all cores. No result depends on it");
    example_support::add_out(app, wanted.out, "Folder for the maps; made if missing");
    app.add_flag("!--no-pictures", wanted.pictures, "Draw no maps; gnuplot is then not needed");

    if (const auto exit_code = example_support::parse(app, argc, argv)) return exit_code;

    wanted.learning.loss = loss == "hamming" ? loss_kind::hamming : loss_kind::fenchel_young;
    wanted.learning.start = start == "uniform" ? first_costs::uniform : first_costs::lengths;
    return std::nullopt;
}

}  // namespace routes
