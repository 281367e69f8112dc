#include "command_line.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "support/command_line.hpp"

namespace learning_to_explain {
namespace {

using example_support::add_count;
using example_support::add_out;
using example_support::add_seed;
using example_support::add_threads;

constexpr int most_instances = 1'000'000;
constexpr int most_steps = 1'000'000;
constexpr int most_batch = 10'000;
constexpr int most_samples = 1000;
constexpr int most_runs = 1000;
constexpr double highest_beta = 1e6;

constexpr std::array<std::pair<method, std::string_view>, 6> option_names = {{
    {method::imle, "imle"},
    {method::straight_through, "straight-through"},
    {method::standardized, "standardized"},
    {method::no_random_masks, "no-random-masks"},
    {method::fixed, "fixed"},
    {method::random, "random"},
}};

std::string refuse_unknown_method(const std::string& text) {
    for (const auto& [how, name] : option_names)
        if (text == name) return {};
    return "'" + text +
           "' is not a method; expected imle, straight-through, standardized, no-random-masks, fixed or "
           "random";
}

std::string refuse_bad_beta(const std::string& text) {
    const auto beta = example_support::read_number<double>(text);
    if (beta.has_value() && *beta > 0 && *beta <= highest_beta) return {};
    return "'" + text + "' is not a step; expected a number above 0, at most 1000000";
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted) {
    CLI::App app{
        "Learns, for each instance, which 5 of its 20 features decide its label, from how probable the "
        "label\n"
        "is and nothing else: a selector scores the features, top-k under noise selects 5, a predictor sees\n"
        "only these; both learn by I-MLE's gradient. Prints a table; gnuplot draws the pictures.\n"};
    std::vector<std::string> methods;
    app.add_option(
           "--method", methods,
           "Use only this method: imle, straight-through, standardized, no-random-masks, fixed or random.\n"
           "May be repeated. Default: all six")
        ->type_name("NAME")
        ->check(refuse_unknown_method);
    app.option_defaults()->always_capture_default();
    add_out(app, wanted.out, "Folder for the pictures; made if missing");
    add_count(app, "--train", wanted.training_instances, 1, most_instances, "Instances to train with");
    add_count(app, "--test", wanted.test_instances, 1, most_instances,
              "Instances to test with; none is used for training");
    add_count(app, "--steps", wanted.training.steps, 1, most_steps, "Training steps");
    add_count(app, "--batch", wanted.training.batch, 1, most_batch, "Instances per step");
    add_count(app, "--samples", wanted.training.samples, 1, most_samples,
              "Selections per instance in a step");
    app.add_option("--beta", wanted.training.beta, "I-MLE's step")->type_name("X")->check(refuse_bad_beta);
    app.add_flag("--drawn-labels", wanted.training.drawn_labels,
                 "Learn from drawn labels instead of the probability of label 1. Needs a smaller step and\n"
                 "more samples: --beta 0.1 --samples 8 --steps 3000");
    add_count(app, "--runs", wanted.runs, 1, most_runs,
              "Runs of each method, each with its own data, weights and noise");
    add_seed(app, wanted.seed, "Seed of all runs");
    add_threads(app, wanted.training.threads,
                "Threads of the layer; 0 means all cores. The results do not depend on it, and most of\n"
                "the time goes to the networks, which have one");
    app.add_flag("!--no-pictures", wanted.pictures, "Draw no pictures; gnuplot is then not needed");

    if (const auto exit_code = example_support::parse(app, argc, argv)) return exit_code;

    for (const auto& [how, name] : option_names)
        if (methods.empty() || std::find(methods.begin(), methods.end(), name) != methods.end())
            wanted.methods.push_back(how);
    return std::nullopt;
}

}  // namespace learning_to_explain
