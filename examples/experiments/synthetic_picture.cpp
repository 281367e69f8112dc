#include "synthetic_picture.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "plot.hpp"
#include "statistics.hpp"

namespace experiments::synthetic_experiment {
namespace {

void plot_map(std::ostream& out, const std::string& name, const gap_map& gaps,
              const std::vector<float>& rates, const std::vector<double>& lambdas) {
    out << "$" << name << " << END_OF_DATA\n";
    for (std::size_t r = 0; r < rates.size(); ++r)
        for (std::size_t l = 0; l < lambdas.size(); ++l) out << l << ' ' << r << ' ' << gaps[r][l] << '\n';
    out << "END_OF_DATA\n";
    const char* separator = "set xtics (";
    for (std::size_t l = 0; l < lambdas.size(); ++l, separator = ", ")
        out << separator << '\'' << lambdas[l] << "' " << l;
    out << ")\n";
    separator = "set ytics (";
    for (std::size_t r = 0; r < rates.size(); ++r, separator = ", ")
        out << separator << '\'' << rates[r] << "' " << r;
    out << ")\nset xrange [-0.5:" << static_cast<double>(lambdas.size()) - 0.5
        << "]\nset yrange [-0.5:" << static_cast<double>(rates.size()) - 0.5 << "]\n"
        << "plot $" << name << " using 1:2:3 with image notitle, $" << name
        << " using 1:2:(sprintf('%.2f', $3)):($3 > 0.7 * highest ? 0xffffff : 0x000000) with labels tc rgb "
           "variable notitle\n";
}

}  // namespace

example_support::picture draw_curves(const std::vector<curve>& curves) {
    std::ostringstream out;
    set_up_picture(out, 720, 460);
    int last = 1;
    for (std::size_t c = 0; c < curves.size(); ++c) {
        std::array<std::vector<double>, 4> columns;  // step, mean, mean - sd, mean + sd
        const auto stride = static_cast<std::size_t>(curves[c].step_length);
        for (std::size_t step = 0; step < curves[c].gaps.size(); step += stride) {
            const mean_and_deviation gap = summarize(curves[c].gaps[step]);
            columns[0].push_back(static_cast<double>(step / stride));
            columns[1].push_back(gap.mean);
            columns[2].push_back(gap.mean - gap.deviation);
            columns[3].push_back(gap.mean + gap.deviation);
        }
        last = std::max(last, static_cast<int>(columns[0].size()) - 1);
        put_data(out, "curve" + std::to_string(c), columns);
    }
    out << "set title \"Learning a 5-subset of 10: the gap to the least loss\\n"
        << "mean of the runs, with a band of one standard deviation\"\n"
        << "set xrange [0:" << last << "]\nset yrange [0:]\nset xlabel 'step'\n"
        << "set ylabel 'E ||z - b||^2 minus its minimum'\nset key top right Left reverse\n";
    const char* separator = "plot ";
    for (std::size_t c = 0; c < curves.size(); ++c) {
        out << separator << "$curve" << c
            << " using 1:3:4 with filledcurves fs transparent solid 0.2 noborder lc rgb '" << curves[c].colour
            << "' notitle";
        separator = ", ";
    }
    for (std::size_t c = 0; c < curves.size(); ++c)
        out << separator << "$curve" << c << " using 1:2 with lines lw 2 lc rgb '" << curves[c].colour
            << "' title '" << curves[c].title << "'";
    out << '\n';
    return {"synthetic_curves.png", out.str()};
}

example_support::picture draw_maps(const std::vector<std::pair<std::string, gap_map>>& maps,
                                   const std::vector<float>& rates, const std::vector<double>& lambdas) {
    double highest = 0;
    for (const auto& [title, gaps] : maps)
        for (const auto& row : gaps)
            for (const double gap : row) highest = std::max(highest, gap);
    std::ostringstream out;
    set_up_picture(out, 860, 400);
    out << "highest = " << highest << "\nset multiplot layout 1,2 title \"I-MLE: the last gap, mean of the "
        << "runs, over lambda and learning rate\" font ',12'\n"
        << "set cbrange [0:highest]\nset cblabel 'gap'\nunset grid\n"
        << "set palette defined (0 '#fff7ec', 0.3 '#fdcc8a', 0.6 '#e34a33', 1 '#7f0000')\n"
        << "set xlabel 'lambda'\nset ylabel 'learning rate'\nset tics scale 0\n";
    for (std::size_t i = 0; i < maps.size(); ++i) {
        out << "set title '" << maps[i].first << "'\n";
        plot_map(out, "gaps" + std::to_string(i), maps[i].second, rates, lambdas);
    }
    out << "unset multiplot\n";
    return {"synthetic_sensitivity.png", out.str()};
}

}  // namespace experiments::synthetic_experiment
