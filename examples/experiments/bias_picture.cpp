#include <algorithm>
#include <array>
#include <iterator>
#include <sstream>
#include <string>

#include "bias_measurement.hpp"
#include "plot.hpp"

namespace experiments::bias_experiment {

example_support::picture draw(const std::vector<step_measurement>& steps,
                              const std::vector<other_measurement>& others,
                              const adaptive_measurement& adaptive) {
    const auto count = static_cast<double>(steps.front().forward.cosines.front().size());
    // lambda, then mean, lower and upper for forward and central, then the shares of zeros
    std::array<std::vector<double>, 9> columns;
    std::array<std::vector<double>, 4> references;  // lambda, forward, central, zeros
    for (const step_measurement& step : steps) {
        columns[0].push_back(step.lambda);
        std::size_t c = 1;
        for (const measurement* each : {&step.forward, &step.central}) {
            const mean_and_deviation found = each->over_problems();
            const double bar = 1.96 * found.error(static_cast<std::size_t>(count));
            for (const double y : {found.mean, found.mean - bar, found.mean + bar}) columns[c++].push_back(y);
        }
        columns[7].push_back(summarize(step.forward.zero_shares).mean);
        columns[8].push_back(summarize(step.central.zero_shares).mean);
        if (!step.has_reference) continue;
        references[0].push_back(step.lambda);
        references[1].push_back(step.forward_reference);
        references[2].push_back(step.central_reference);
        references[3].push_back(step.zeros_reference);
    }
    const mean_and_deviation lambda = summarize(adaptive.forward.lambdas);
    const std::array<std::vector<double>, 6> own = {
        std::vector{lambda.mean},
        {*std::min_element(adaptive.forward.lambdas.begin(), adaptive.forward.lambdas.end())},
        {*std::max_element(adaptive.forward.lambdas.begin(), adaptive.forward.lambdas.end())},
        {adaptive.forward.found.over_problems().mean},
        {adaptive.central.found.over_problems().mean},
        {summarize(adaptive.forward.found.zero_shares).mean}};

    const auto line = [](const char* colour) {
        return std::string(" with lines lw 2 lc rgb '") + colour + "'";
    };
    const auto dashes = [&](const char* colour) { return line(colour) + " dt 2"; };
    const auto band = [](const char* colour) {
        return std::string(" with filledcurves fs transparent solid 0.25 noborder lc rgb '") + colour + "'";
    };
    const std::string circles = std::string(" with points pt 6 ps 1.3 lw 1.5 lc rgb '") + colour::grey + "'";
    const std::string dot = " with xerrorbars pt 7 ps 1.4 lw 1.5 lc rgb 'black'";
    const char* const other_colours[] = {colour::green, colour::purple};
    const std::size_t drawn_others = std::min(others.size(), std::size(other_colours));

    std::ostringstream out;
    set_up_picture(out, 1180, 430);
    put_data(out, "steps", columns);
    put_data(out, "references", references);
    put_data(out, "own", own);
    out << "set multiplot layout 1,2\nset tmargin at screen 0.87\nset logscale x\nset xrange ["
        << steps.front().lambda << ':' << steps.back().lambda << "]\nset format x '%g'\n"
        << "set xlabel 'lambda'\nunset key\nset lmargin at screen 0.06\nset rmargin at screen 0.38\n";

    out << "set title \"Cosine with the exact gradient, mean of the problems\\n(bands: 95 % confidence)\"\n"
        << "set yrange [0:1]\nset ylabel 'cosine'\nplot $steps using 1:3:4" << band(colour::blue)
        << ", $steps using 1:6:7" << band(colour::orange) << ", $steps using 1:2" << line(colour::blue)
        << ", $steps using 1:5" << line(colour::orange);
    for (std::size_t i = 0; i < drawn_others; ++i)
        out << ", " << others[i].found.over_problems().mean << dashes(other_colours[i]);
    out << ", $references using 1:2" << circles << ", $references using 1:3" << circles
        << ", $own using 1:4:2:3" << dot << '\n';

    // The legend of both plots is to their right.
    out << "set title \"Share of zeros in the difference that a sample gives\\n \"\n"
        << "set lmargin at screen 0.47\nset rmargin at screen 0.79\n"
        << "set key at screen 0.80, screen 0.86 left top Left reverse samplen 2 spacing 1.3\n"
        << "set yrange [0.958:1.001]\nset ytics 0.96,0.01\n"
        << "set ylabel 'share of zeros'\nplot $steps using 1:8" << line(colour::blue)
        << " title 'I-MLE, forward', $steps using 1:9" << line(colour::orange) << " title 'I-MLE, central'";
    for (std::size_t i = 0; i < drawn_others; ++i)
        out << ", NaN" << dashes(other_colours[i]) << " title '" << others[i].name << "'";
    out << ", $references using 1:4" << circles << " title \"by the reference's code\", $own using 1:6:2:3"
        << dot << " title \"adaptive, its own lambda\"\nunset multiplot\n";
    return {"bias.png", out.str()};
}

}  // namespace experiments::bias_experiment
