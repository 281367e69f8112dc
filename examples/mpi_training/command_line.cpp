#include "command_line.hpp"

#include <iostream>
#include <sstream>
#include <string>
#include <string_view>

#include "support/command_line.hpp"

namespace mpi_training {
namespace {

using example_support::add_count;
using example_support::add_seed;
using example_support::add_threads;

constexpr int many = 1'000'000'000;

void add_accident(CLI::App& app, const std::string& name, const std::string& what, accident& planned) {
    const char* const group = "Accidents, to test how the job reacts";
    add_count(app, "--" + name + "-at-step", planned.step, 0, many,
              what + " at the start of this step; 0: never")
        ->group(group);
    add_count(app, "--" + name + "-rank", planned.rank, 0, 1'000'000, "On which rank")
        ->type_name("RANK")
        ->group(group);
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, bool prints, command_line& into) {
    training_options& wanted = into.training;
    run_settings& settings = wanted.settings;

    CLI::App app{
        "Learns the costs of maps from features, through a shortest-path solver, on all ranks of an MPI "
        "job:\n"
        "mpirun -np 4 mpi_training. The numbers do not depend on the number of ranks.\n"};
    app.option_defaults()->always_capture_default();
    add_count(app, "--steps", wanted.steps, 1, many, "Total steps, including those before a checkpoint");
    add_count(app, "--batch", settings.batch, 1, 10'000'000, "Instances per step, over all ranks");
    add_count(app, "--block", settings.block, 1, 10'000'000,
              "Instances whose gradients are always added together");
    add_count(app, "--samples", settings.samples, 1, 100'000, "Samples per instance");
    add_count(app, "--side", settings.side, 2, 256, "Rows and columns of a map");
    add_count(app, "--features", settings.features, 1, 10'000, "Features per instance");
    app.add_option("--learning-rate", settings.learning_rate, "Adam's learning rate")
        ->type_name("X")
        ->check(CLI::Range(1e-9, 1e3));
    add_seed(app, settings.seed, "Seed of data, initial weights and noise");
    add_threads(app, wanted.threads, "Threads per rank; 0 means all cores");
    std::string reduce = name_of(settings.reduce);
    app.add_option("--reduction", reduce,
                   "How gradients are added up over ranks. plain: in any order; ordered and\n"
                   "fixed-point: the bits do not depend on the number of ranks")
        ->type_name("WAY")
        ->check(CLI::IsMember({"ordered", "fixed-point", "plain"}));
    app.add_option("--checkpoint", wanted.checkpoint_file,
                   "Write checkpoints to this file, which must be new\n"
                   "or the one to resume from")
        ->type_name("FILE");
    add_count(app, "--every", wanted.every, 1, many,
              "Steps from one checkpoint, and one printed line, to the next");
    app.add_option("--resume", wanted.resume_file, "Resume from this checkpoint")->type_name("FILE");
    app.add_option("--gradients", wanted.gradients_file,
                   "Write a digest of each instance's gradient, at each step, to this file")
        ->type_name("FILE");
    app.add_flag("--measure", into.measures, "Instead of training, time the parts of a step and messages");
    add_accident(app, "die", "A rank kills itself", wanted.death);
    add_accident(app, "fail", "A rank's solver throws", wanted.solver_failure);

    std::ostringstream unheard;
    std::ostream& out = prints ? std::cout : unheard;
    std::ostream& errors = prints ? std::cerr : unheard;
    if (const auto exit_code = example_support::parse(app, argc, argv, out, errors)) return exit_code;
    for (const reduction how : {reduction::fixed_point, reduction::plain})
        if (reduce == name_of(how)) settings.reduce = how;
    return std::nullopt;
}

}  // namespace mpi_training
