// How do I train on several machines? Each rank takes its rows of the batch, and the results are the same as
// on one rank. `mpirun -np 4 mpi_training --help`.

#include <exception>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "command_line.hpp"
#include "measuring.hpp"
#include "support/output.hpp"

namespace mpi_training {
namespace {

constexpr Eigen::Index unseen_maps = 500;

void run(const communicator& ranks, const training_options& options) {
    training trained(ranks, options);
    trained.run();
    const std::uint64_t solved = trained.solved_maps(unseen_maps);
    if (ranks.rank() == 0)
        std::cout << solved << " of " << unseen_maps << " maps never seen: a cheapest path\nweights "
                  << std::hex << std::setw(16) << std::setfill('0') << trained.weights_digest() << '\n';
}

}  // namespace
}  // namespace mpi_training

int main(int argc, char** argv) {
    const mpi_training::communicator ranks(argc, argv);
    try {
        mpi_training::command_line wanted;
        const auto exit_code = mpi_training::parse_command_line(argc, argv, ranks.rank() == 0, wanted);
        if (!exit_code.has_value() && wanted.measures) mpi_training::measure(ranks, wanted.training);
        if (!exit_code.has_value() && !wanted.measures) mpi_training::run(ranks, wanted.training);
        example_support::require_printed();
        return exit_code.value_or(0);
    } catch (const std::exception& error) {
        // Other ranks may be waiting for this one, so it must not just exit. The message is one string, so
        // that lines of several ranks do not mix.
        std::ostringstream line;
        line << "mpi_training: rank " << ranks.rank() << ": " << error.what() << '\n';
        std::cerr << line.str() << std::flush;
        ranks.abort(1);
    }
}
