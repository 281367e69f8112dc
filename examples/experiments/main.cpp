// Runs the published experiments and compares the results with the references. `experiments --help`.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "command_line.hpp"
#include "support/interrupt.hpp"
#include "support/output.hpp"
#include "support/picture_writer.hpp"
#include "support/progress_bar.hpp"
#include "table.hpp"

namespace experiments {
namespace {

/// The approximate time for a picture, in the bar's unit, a second.
constexpr double work_of_a_picture = 0.3;
constexpr double pictures_of_an_experiment = 2;
/// How much less work --quick does.
constexpr double quick_share = 0.05;

/// Writes the text to a file, which appears under its name only when it is complete.
void write_whole(const std::filesystem::path& file, const std::string& text) {
    std::filesystem::path temporary = file;
    temporary += ".tmp";
    std::ofstream out(temporary, std::ios::binary);
    out << text;
    try {
        example_support::close_written(out, file.string());
    } catch (...) {
        std::error_code ignored;
        std::filesystem::remove(temporary, ignored);
        throw;
    }
    std::filesystem::rename(temporary, file);
}

std::string text_of(const std::vector<experiment_table>& tables) {
    std::ostringstream out;
    for (const experiment_table& table : tables) {
        print_table(out, table);
        out << '\n';
    }
    return out.str();
}

/// One experiment's section of results.md.
std::string section(const experiment& which, const experiment_result& result) {
    return "## " + std::string(which.title) + "\n\n" + text_of(result.tables);
}

void run(const command_line& wanted) {
    double total_work = 0;
    const double share = wanted.options.quick ? quick_share : 1;
    for (const experiment& each : wanted.only)
        total_work += each.seconds * share + work_of_a_picture * pictures_of_an_experiment;

    example_support::picture_writer writer(wanted.out, static_cast<unsigned>(wanted.options.threads));
    example_support::progress_bar bar(total_work);
    const example_support::interrupt_guard guard([&] {
        writer.abandon();
        bar.clear();
        std::cerr << "experiments: interrupted; " << writer.count() << " pictures were finished\n";
    });

    std::ostringstream all;
    all << "# Results of the experiments, seed " << wanted.options.seed << "\n\n";
    if (wanted.options.quick) all << "Small sizes (`--quick`): these figures mean nothing.\n\n";
    std::cout << all.str() << std::flush;
    for (const experiment& each : wanted.only) {
        const auto start = std::chrono::steady_clock::now();
        bar.label(std::string(each.name));
        double done = 0;
        run_options options = wanted.options;
        options.on_progress = [&](double part) {
            bar.advance((part - done) * each.seconds * share);
            done = part;
        };
        const experiment_result result = each.run(options);
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;

        bar.clear();
        const std::string text = section(each, result);
        std::cout << text << text_of(result.times) << std::fixed << std::setprecision(1) << taken.count()
                  << " s\n\n"
                  << std::flush;
        all << text;
        for (const example_support::picture& picture : result.pictures)
            all << "![" << each.title << "](" << picture.file_name << ")\n\n";
        bar.label("drawing");
        writer.write(result.pictures, [&] { bar.advance(work_of_a_picture); });
    }
    bar.clear();
    write_whole(std::filesystem::path(wanted.out) / "results.md", all.str());
    std::cout << "results.md and " << writer.count() << " pictures are in " << wanted.out << '\n';
}

}  // namespace
}  // namespace experiments

int main(int argc, char** argv) {
    return example_support::run_program("experiments", [&] {
        experiments::command_line wanted;
        if (const auto exit_code = experiments::parse_command_line(argc, argv, wanted)) return *exit_code;
        experiments::run(wanted);
        return 0;
    });
}
