#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "drawing.hpp"

namespace map_demo {
namespace {

/// Each point is the mean of so many steps: the loss of a single step is too noisy to compare lines.
constexpr std::size_t window = 20;

constexpr std::array line_colours = {"#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#e6ab02"};

std::vector<float> smoothed(const std::vector<float>& losses) {
    std::vector<float> means;
    double sum = 0;
    for (std::size_t i = 0; i < losses.size(); ++i) {
        sum += losses[i];
        if (i >= window) sum -= losses[i - window];
        means.push_back(static_cast<float>(sum / static_cast<double>(std::min(i + 1, window))));
    }
    return means;
}

using temperature_pair = std::pair<double, double>;

temperature_pair temperatures_of(const learning_record& record) {
    return {record.which.input_temperature, record.which.target_temperature};
}

std::vector<temperature_pair> distinct_temperatures(const std::vector<learning_record>& records) {
    std::vector<temperature_pair> pairs;
    for (const learning_record& record : records)
        if (std::find(pairs.begin(), pairs.end(), temperatures_of(record)) == pairs.end())
            pairs.push_back(temperatures_of(record));
    return pairs;
}

}  // namespace

picture draw_loss_curves(const std::vector<learning_record>& records, bool per_sample) {
    const std::vector<temperature_pair> pairs = distinct_temperatures(records);
    const auto columns = std::min<std::size_t>(3, pairs.size());
    const auto rows = (pairs.size() + columns - 1) / columns;

    std::ostringstream out;
    float highest = 1;
    std::size_t steps = 2;
    for (std::size_t i = 0; i < records.size(); ++i) {
        out << "$losses" << i << " << END_OF_DATA\n";
        const std::vector<float> means = smoothed(records[i].losses);
        for (std::size_t step = 0; step < means.size(); ++step) {
            out << step + 1 << ' ' << means[step] << '\n';
            highest = std::max(highest, means[step]);
        }
        out << "END_OF_DATA\n";
        steps = std::max(steps, means.size());
    }

    out << "set terminal pngcairo size " << std::max<std::size_t>(720, 340 * columns) << ','
        << 90 + 290 * rows << " font 'DejaVu Sans,10'\n"
        << "set multiplot layout " << rows << ',' << columns
        << " title \"Loss while learning: Hamming distance to the gold path, mean of the samples\\n"
        << (per_sample ? "cotangent per sample, divided by the number of samples"
                       : "cotangent of the marginals")
        << "; each point is the mean of " << window << " steps\" font ',12'\n"
        << "set logscale x\nset xrange [1:" << steps << "]\nset yrange [0:" << highest * 1.05F << "]\n"
        << "set grid lc rgb '#dddddd' lt 1\nset border lc rgb '#808080'\nset tics textcolor rgb 'black'\n"
        << "set xlabel 'step'\nset ylabel 'loss'\nset key bottom left Left reverse samplen 2\n";
    for (const temperature_pair& pair : pairs) {
        out << "set title 'input temperature " << pair.first << ", target temperature " << pair.second
            << "'\n";
        const char* separator = "plot ";
        std::size_t line = 0;
        for (std::size_t i = 0; i < records.size(); ++i) {
            if (temperatures_of(records[i]) != pair) continue;
            const int samples = records[i].which.samples;
            // The first lines are wider, so that identical lines remain visible. Without noise all are
            // identical.
            const double line_width = line == 0 ? 2.4 : line == 1 ? 1.8 : 1.4;
            out << separator << "$losses" << i << " with lines lw " << line_width << " lc rgb '"
                << line_colours[line % line_colours.size()] << "' title '" << samples
                << (samples == 1 ? " sample" : " samples") << "'";
            ++line;
            separator = ", ";
        }
        out << '\n';
    }
    out << "unset multiplot\n";
    return {"loss_curves.png", out.str()};
}

}  // namespace map_demo
