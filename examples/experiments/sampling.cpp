#include "sampling.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "sampling_measurement.hpp"
#include "table.hpp"

namespace experiments {
namespace {

using namespace sampling_experiment;

/// "1.96 +- 0.02"
std::string with_error(const estimate& found, int digits) {
    return fixed(found.value, digits) + " +- " + fixed(found.error, digits);
}

/// Three digits, so that large numbers have none after the point.
std::string with_error(const estimate& found) {
    return with_error(found, found.value < 10 ? 2 : found.value < 100 ? 1 : 0);
}

template <std::size_t N>
std::vector<std::string> headings(const char* text, const std::array<Eigen::Index, N>& numbers) {
    std::vector<std::string> all;
    for (const Eigen::Index each : numbers) all.push_back(text + std::to_string(each));
    return all;
}

// ---- marginals --------------------------------------------------------------------------------------------

experiment_table marginals_table(const std::vector<family_result>& families) {
    experiment_table table{.title = "Marginals: what other ways to sample gain",
                           .quantity =
                               "variance by as many independent samples over the variance, and its "
                               "standard error",
                           .extra_columns = headings("S = ", sample_counts),
                           .only_extra = true};
    for (const family_result& family : families)
        for (const marginals_gain& gain : family.marginals) {
            experiment_row row{.method = family.name + ": " + gain.way};
            for (const estimate& ratio : gain.ratios) row.extra.push_back(with_error(ratio));
            table.rows.push_back(std::move(row));
        }
    return table;
}

// ---- gradients --------------------------------------------------------------------------------------------

/// What a table is about.
using quality_member = std::vector<double> gradient_quality::*;

/// The step of the highest cosine.
std::size_t best_step(const gradient_curve& curve) {
    const auto cosine = [](const gradient_quality& each) { return summarize(each.cosines).mean; };
    const auto best = std::max_element(
        curve.steps.begin(), curve.steps.end(),
        [&](const gradient_quality& a, const gradient_quality& b) { return cosine(a) < cosine(b); });
    return static_cast<std::size_t>(best - curve.steps.begin());
}

/// One row of the tables: a curve at a step.
struct gradient_line {
    std::string way;
    std::string curve;
    /// The step: this many doublings from the best of `forward`. Without a number it is the curve's own best.
    std::optional<std::size_t> doublings;
};

const std::vector<gradient_line> gradient_lines = {{"I-MLE, forward", "I-MLE, forward", {}},
                                                   {"I-MLE, forward, latin", "I-MLE, forward, latin", {}},
                                                   {"I-MLE, central, forward's step", "I-MLE, central", 0},
                                                   {"I-MLE, central, twice that step", "I-MLE, central", 1},
                                                   {"I-MLE, central", "I-MLE, central", {}},
                                                   {"I-MLE, central, latin", "I-MLE, central, latin", {}},
                                                   {"perturbed, score", "perturbed, score", {}},
                                                   {"perturbed, symmetrized", "perturbed, symmetrized", {}},
                                                   {"perturbed, directional", "perturbed, directional", {}},
                                                   {"conditional", "conditional", {}},
                                                   {"conditional, latin", "conditional, latin", {}}};

/// `cell(forward's best, found, step)` is the text of a family's cell.
template <class CellT>
experiment_table gradients_table(const std::vector<family_result>& families, quality_member what,
                                 const CellT& cell) {
    experiment_table table;
    table.only_extra = true;
    for (const family_result& family : families) table.extra_columns.push_back(family.name);
    for (const gradient_line& line : gradient_lines) {
        experiment_row row{.method = line.way};
        for (const family_result& family : families) {
            const auto curve =
                std::find_if(family.gradients.begin(), family.gradients.end(),
                             [&](const gradient_curve& each) { return each.way == line.curve; });
            if (curve == family.gradients.end()) {
                row.extra.emplace_back();
                continue;
            }
            const gradient_curve& base = family.gradients[imle_curve::forward];
            const std::size_t from = best_step(base);
            const std::size_t step = line.doublings
                                         ? std::min(from + *line.doublings, curve->steps.size() - 1)
                                         : best_step(*curve);
            row.extra.push_back(cell(base.steps[from].*what, curve->steps[step].*what,
                                     curve->steps.size() > 1 ? &step_sizes[step] : nullptr));
        }
        table.rows.push_back(std::move(row));
    }
    return table;
}

std::string shortest(double number) {
    std::ostringstream out;
    out << number;
    return out.str();
}

experiment_table cosines_table(const std::vector<family_result>& families) {
    double largest_error = 0;
    experiment_table table = gradients_table(
        families, &gradient_quality::cosines,
        [&](const auto&, const std::vector<double>& cosines, const double* step) {
            const mean_and_deviation found = summarize(cosines);
            largest_error = std::max(largest_error, found.error(cosines.size()));
            return fixed(found.mean, 3) + (step != nullptr ? " (" + shortest(*step) + ")" : "");
        });
    table.title = "Gradients: the cosine with the exact gradient, at " + std::to_string(solves) + " solves";
    table.quantity = "mean cosine, with the step of I-MLE in brackets";
    table.note =
        "The step is rms(beta * dz), in standard deviations of the noise: the best of powers of two, "
        "unless the row says otherwise. No standard error is above " +
        fixed(largest_error, 4) + ".";
    return table;
}

experiment_table errors_table(const std::vector<family_result>& families) {
    experiment_table table =
        gradients_table(families, &gradient_quality::errors,
                        [&](const std::vector<double>& base, const std::vector<double>& errors,
                            const double*) { return with_error(ratio_of_means(base, errors)); });
    table.title = "Gradients: what other ways gain, at " + std::to_string(solves) + " solves";
    table.quantity =
        "mean squared error of I-MLE, forward, over the mean squared error, and its standard error";
    table.note = "The steps are those of the table above.";
    return table;
}

// ---- training ---------------------------------------------------------------------------------------------

/// A row of mean regrets. Empty cells have no method.
experiment_row regrets_row(const training_curve& curve) {
    experiment_row row{.method = curve.way};
    for (const std::vector<double>& regrets : curve.regrets) {
        const mean_and_deviation found = summarize(regrets);
        row.extra.push_back(regrets.empty() ? "" : with_error({found.mean, found.error(regrets.size())}, 2));
    }
    return row;
}

/// A row of mean differences, run by run: regrets by `from` minus those by `to`.
experiment_row gains_row(const trained_problem& problem, const std::string& from, const std::string& to) {
    const auto curve = [&](const std::string& way) -> const training_curve& {
        return *std::find_if(problem.ways.begin(), problem.ways.end(),
                             [&](const training_curve& each) { return each.way == way; });
    };
    experiment_row row{.method = from + " minus " + to};
    for (std::size_t i = 0; i < training_solves.size(); ++i) {
        const std::vector<double>&first = curve(from).regrets[i], &second = curve(to).regrets[i];
        std::vector<double> gains;
        for (std::size_t run = 0; run < std::min(first.size(), second.size()); ++run)
            gains.push_back(first[run] - second[run]);
        const mean_and_deviation found = summarize(gains);
        row.extra.push_back(gains.empty() ? "" : with_error({found.mean, found.error(gains.size())}, 2));
    }
    return row;
}

experiment_table training_table(const trained_problem& problem) {
    experiment_table table{.title = "Training by solves: " + problem.problem,
                           .quantity = "normalised test regret, %, and its standard error",
                           .extra_columns = headings("solves ", training_solves),
                           .only_extra = true};
    for (const training_curve& curve : problem.ways) table.rows.push_back(regrets_row(curve));
    for (const auto& [from, to] :
         {std::pair("forward", "forward, latin"), std::pair("central", "central, latin"),
          std::pair("forward", "central"), std::pair("defaults", "forward")})
        table.rows.push_back(gains_row(problem, from, to));
    table.note = std::to_string(problem.ways.front().regrets.front().size()) +
                 " runs each. `solves` are those of an instance in a step, forward and backward together: "
                 "2 S one-sided, 3 S central, rounded down. Differences are of runs with the same seed.";
    return table;
}

// ---- times ------------------------------------------------------------------------------------------------

experiment_table times_table(const std::vector<noise_times>& times) {
    experiment_table table{
        .title = "The time of noise",
        .quantity = "nanoseconds a number: Gumbel noise, float, one thread, the least of 15 calls",
        .extra_columns = headings("S = ", sample_counts),
        .only_extra = true};
    for (const noise_times& each : times)
        for (const bool latin : {false, true}) {
            experiment_row row{.method =
                                   "n = " + std::to_string(each.n) + (latin ? ", latin" : ", independent")};
            for (const double time : latin ? each.latin : each.independent)
                row.extra.push_back(fixed(time, 2));
            table.rows.push_back(std::move(row));
        }
    return table;
}

}  // namespace

experiment_result sampling(const run_options& options) {
    run_options first = options, second = options;
    first.on_progress = [&](double share) { options.on_progress(0.5 * share); };
    second.on_progress = [&](double share) { options.on_progress(0.5 + 0.5 * share); };
    const std::vector<family_result> families = measure_families(first);
    const std::vector<trained_problem> trainings = measure_trainings(second);
    experiment_result result{
        .tables = {marginals_table(families), cosines_table(families), errors_table(families)},
        .pictures = {draw_gradients(families), draw_trainings(trainings)},
        .times = {times_table(measure_noise(options.quick))}};
    for (const trained_problem& problem : trainings) result.tables.push_back(training_table(problem));
    return result;
}

}  // namespace experiments
