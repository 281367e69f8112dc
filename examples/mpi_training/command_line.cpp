#include "command_line.hpp"

#include <iostream>
#include <sstream>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "support/option_checks.hpp"

namespace mpi_training {
namespace {

void add_accident(CLI::App& app, const std::string& name, const std::string& what, accident& planned) {
    app.add_option("--" + name + "-at-step", planned.step, what + " at the start of this step; 0: never")
        ->type_name("N")
        ->check(CLI::Range(0, 1'000'000'000))
        ->group("Accidents, to try what becomes of the job");
    app.add_option("--" + name + "-rank", planned.rank, "On which rank")
        ->type_name("RANK")
        ->check(CLI::Range(0, 1'000'000))
        ->group("Accidents, to try what becomes of the job");
}

}  // namespace

parsed_command_line parse_command_line(int argc, char** argv, bool prints) {
    parsed_command_line parsed;
    training_options& wanted = parsed.wanted;
    run_settings& settings = wanted.settings;

    CLI::App app{
        "Learns the costs of maps from features, through a shortest-path solver, on all ranks of an MPI "
        "job:\n"
        "mpirun -np 4 mpi_training. The numbers do not depend on the number of ranks.\n"};
    app.option_defaults()->always_capture_default();
    app.add_option("--steps", wanted.steps, "Steps in all, those before a checkpoint included")
        ->type_name("N")
        ->check(CLI::Range(1, 1'000'000'000));
    app.add_option("--batch", settings.batch, "Instances of a step, over all ranks")
        ->type_name("N")
        ->check(CLI::Range(1, 10'000'000));
    app.add_option("--block", settings.block, "Instances whose gradients are always added together")
        ->type_name("N")
        ->check(CLI::Range(1, 10'000'000));
    app.add_option("--samples", settings.samples, "Samples of an instance")
        ->type_name("N")
        ->check(CLI::Range(1, 100'000));
    app.add_option("--side", settings.side, "Rows and columns of a map")
        ->type_name("N")
        ->check(CLI::Range(2, 256));
    app.add_option("--features", settings.features, "Features of an instance")
        ->type_name("N")
        ->check(CLI::Range(1, 10'000));
    app.add_option("--learning-rate", settings.learning_rate, "Adam's")
        ->type_name("X")
        ->check(CLI::Range(1e-9, 1e3));
    app.add_option("--seed", settings.seed, "Seed of data, first weights and noise")
        ->type_name("N")
        ->check(example_support::refuse_bad_seed);
    app.add_option("--threads", wanted.threads, "Threads of a rank; 0 means all cores")
        ->type_name("N")
        ->check(CLI::Range(0, 1024));
    std::string reduce = name_of(settings.reduce);
    app.add_option("--reduction", reduce,
                   "How gradients are added up over ranks. plain: as MPI likes; ordered and\n"
                   "fixed-point: to bits that do not depend on the number of ranks")
        ->type_name("WAY")
        ->check(CLI::IsMember({"ordered", "fixed-point", "plain"}));
    app.add_option("--checkpoint", wanted.checkpoint_file,
                   "Write checkpoints to this file, which must be new\n"
                   "or the one to go on from")
        ->type_name("FILE");
    app.add_option("--every", wanted.every, "Steps from one checkpoint, and one printed line, to the next")
        ->type_name("N")
        ->check(CLI::Range(1, 1'000'000'000));
    app.add_option("--resume", wanted.resume_file, "Go on from this checkpoint")->type_name("FILE");
    app.add_option("--gradients", wanted.gradients_file,
                   "Write a digest of each instance's gradient, at each step, to this file")
        ->type_name("FILE");
    app.add_flag("--measure", parsed.measures, "Instead of training, time the parts of a step and messages");
    add_accident(app, "die", "A rank kills itself", wanted.death);
    add_accident(app, "fail", "A rank's solver throws", wanted.solver_failure);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::ostringstream unheard;
        std::ostream& out = prints ? std::cout : unheard;
        std::ostream& errors = prints ? std::cerr : unheard;
        parsed.exit_code = app.exit(error, out, errors) == 0 ? 0 : exit_bad_usage;
        return parsed;
    }
    for (const reduction how : {reduction::fixed_point, reduction::plain})
        if (reduce == name_of(how)) settings.reduce = how;
    return parsed;
}

}  // namespace mpi_training
