#include "command_line.hpp"

#include <algorithm>
#include <string_view>

#include "support/command_line.hpp"

namespace map_demo {
namespace {

using example_support::add_count;
using example_support::add_out;
using example_support::add_seed;
using example_support::add_threads;
using example_support::read_number;

constexpr double highest_temperature = 1e6;
constexpr int most_samples = 100'000;
constexpr int most_steps = 1'000'000;

std::vector<std::string_view> split_at_commas(std::string_view text) {
    std::vector<std::string_view> parts;
    for (std::size_t comma = 0; comma != std::string_view::npos;) {
        comma = text.find(',');
        parts.push_back(text.substr(0, comma));
        if (comma != std::string_view::npos) text.remove_prefix(comma + 1);
    }
    return parts;
}

/// The settings of "1,1" (with three numbers of samples) or "1,1,10"; none if the text has another form.
std::vector<setting> read_settings(const std::string& text) {
    const std::vector<std::string_view> parts = split_at_commas(text);
    if (parts.size() != 2 && parts.size() != 3) return {};
    const auto input = read_number<double>(parts[0]);
    const auto target = read_number<double>(parts[1]);
    // Written so that NaN is refused.
    const auto is_temperature = [](const std::optional<double>& t) {
        return t.has_value() && *t >= 0 && *t <= highest_temperature;
    };
    if (!is_temperature(input) || !is_temperature(target)) return {};
    if (parts.size() == 2) return {{*input, *target, 1}, {*input, *target, 10}, {*input, *target, 100}};
    const auto samples = read_number<int>(parts[2]);
    if (!samples.has_value() || *samples < 1 || *samples > most_samples) return {};
    return {{*input, *target, *samples}};
}

std::string refuse_bad_setting(const std::string& text) {
    if (!read_settings(text).empty()) return {};
    return "'" + text +
           "' is not a setting; expected INPUT,TARGET or INPUT,TARGET,SAMPLES, such as 5,0 or 1,1,10: " +
           "temperatures from 0 to 1000000, samples from 1 to " + std::to_string(most_samples);
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, command_line& wanted) {
    CLI::App app{
        "Samples paths through a 16 x 16 map, then learns the weights whose best path is the gold path,\n"
        "by I-MLE gradients through a shortest-path solver. Prints a table; draws pictures with gnuplot.\n"};
    std::vector<std::string> settings;
    app.add_option("--setting", settings,
                   "Use only this setting: the input and the target temperature, and the number of\n"
                   "samples (without it: 1, 10 and 100). May be repeated. Default: 0,0 1,1 2,2\n"
                   "5,5 and 5,0, each with 1, 10 and 100 samples")
        ->type_name("T,T[,S]")
        ->check(refuse_bad_setting);
    app.option_defaults()->always_capture_default();
    add_out(app, wanted.out, "Folder for the pictures; made if missing");
    add_seed(app, wanted.learning.seed, "Seed of the noise and of the initial weights");
    add_count(app, "--steps", wanted.learning.steps, 1, most_steps, "Training steps");
    add_threads(app, wanted.learning.threads, "Threads; 0 means all cores. The results do not depend on it");
    app.add_flag("--per-sample", wanted.learning.per_sample,
                 "Give each sample its share of the mean loss's cotangent, as the reference\n"
                 "implementation does, instead of the cotangent of the marginals. The more\n"
                 "samples, the smaller the step");

    if (const auto exit_code = example_support::parse(app, argc, argv)) return exit_code;

    for (const std::string& text : settings)
        for (const setting& each : read_settings(text))
            if (std::find(wanted.settings.begin(), wanted.settings.end(), each) == wanted.settings.end())
                wanted.settings.push_back(each);
    if (wanted.settings.empty()) wanted.settings = all_settings();
    return std::nullopt;
}

}  // namespace map_demo
