#include <sstream>
#include <string>
#include <vector>

#include "plot.hpp"
#include "sampling_measurement.hpp"

namespace experiments::sampling_experiment {
namespace {

/// "plot A, B": the parts of one plot.
class plot_command {
  public:
    explicit plot_command(std::ostream& out) : out_(out) {}
    std::ostream& next() {
        out_ << (any_ ? ", " : "plot ");
        any_ = true;
        return out_;
    }

  private:
    std::ostream& out_;
    bool any_ = false;
};

constexpr auto legend =
    "set key at screen 0.83, screen 0.88 left top vertical Left reverse samplen 3 spacing 1.3\n";

/// Forward is orange and central is blue, latin is solid and independent dashed.
std::string style(const char* colour, bool latin) {
    return std::string(" with linespoints pt 7 ps 0.7 lw 1.8 lc rgb '") + colour + "'" +
           (latin ? "" : " dt 2");
}

}  // namespace

example_support::picture draw_gradients(const std::vector<family_result>& families) {
    constexpr int columns = 3, width = 1280, height = 720;
    std::ostringstream out;
    set_up_picture(out, width, height);
    for (std::size_t f = 0; f < families.size(); ++f) {
        std::vector<std::vector<double>> data = {{step_sizes.begin(), step_sizes.end()}};
        for (std::size_t curve = 0; curve <= central_latin; ++curve) {
            data.emplace_back();
            for (const gradient_quality& each : families[f].gradients[curve].steps)
                data.back().push_back(summarize(each.cosines).mean);
        }
        put_data(out, "family" + std::to_string(f), data);
    }
    out << "set multiplot layout 2," << columns << " title 'Cosine with the exact gradient, " << solves
        << " solves a gradient' margins 0.04,0.82,0.08,0.9 spacing 0.035,0.1\n"
        << "set logscale x 2\nset xrange [" << step_sizes.front() << ':' << step_sizes.back()
        << "]\nset yrange [0:1]\nset format x '%g'\nunset key\n";
    const char* const titles[] = {"I-MLE, forward", "forward, latin", "central", "central, latin"};
    struct line {
        const char* way;
        const char* colour;
    };
    const line lines[] = {{"perturbed, symmetrized", colour::grey},
                          {"perturbed, directional", colour::purple},
                          {"conditional, latin", colour::green}};
    for (std::size_t f = 0; f < families.size(); ++f) {
        const bool is_last = f + 1 == families.size();
        if (f >= columns) out << "set xlabel 'step, in deviations of the noise'\n";
        // The last plot has the legend of all, to their right.
        if (is_last) out << legend;
        out << "set title '" << families[f].name << "'\n";
        plot_command plot(out);
        for (std::size_t curve = 0; curve <= central_latin; ++curve)
            plot.next() << "$family" << f << " using 1:" << curve + 2
                        << style(curve < central ? colour::orange : colour::blue, curve % 2 == 1)
                        << " title '" << titles[curve] << "'";
        for (const line& each : lines) {
            bool found = false;
            for (const gradient_curve& curve : families[f].gradients)
                if (curve.way == each.way) {
                    plot.next() << summarize(curve.steps.front().cosines).mean;
                    found = true;
                }
            if (!found) plot.next() << "NaN";
            out << " with lines lw 1.8 lc rgb '" << each.colour << "' title '" << each.way << "'";
        }
        out << '\n';
    }
    out << "unset multiplot\n";
    return {"sampling_gradients.png", out.str()};
}

example_support::picture draw_trainings(const std::vector<trained_problem>& problems) {
    constexpr int width = 1100, height = 400;
    std::ostringstream out;
    set_up_picture(out, width, height);
    const auto name_of = [](std::size_t p, std::size_t w) {
        return "regret" + std::to_string(p) + "_" + std::to_string(w);
    };
    for (std::size_t p = 0; p < problems.size(); ++p)
        for (std::size_t w = 0; w < problems[p].ways.size(); ++w) {
            std::vector<std::vector<double>> data(3);
            for (std::size_t i = 0; i < training_solves.size(); ++i) {
                const std::vector<double>& regrets = problems[p].ways[w].regrets[i];
                if (regrets.empty()) continue;
                const mean_and_deviation found = summarize(regrets);
                data[0].push_back(static_cast<double>(training_solves[i]));
                data[1].push_back(found.mean);
                data[2].push_back(found.error(regrets.size()));
            }
            put_data(out, name_of(p, w), data);
        }
    out << "set multiplot layout 1,2 title 'Test regret after training, %, with one standard error' margins "
           "0.05,0.82,0.15,0.84 spacing 0.06\nset logscale x 2\nset xrange [1.8:18]\nset xtics "
           "(2, 4, 8, 16)\nset xlabel 'solves an instance, forward and backward'\nunset key\n";
    for (std::size_t p = 0; p < problems.size(); ++p) {
        if (p + 1 == problems.size()) out << legend;
        out << "set title '" << problems[p].problem << "'\n";
        plot_command plot(out);
        for (std::size_t w = 0; w < problems[p].ways.size(); ++w) {
            const std::string& way = problems[p].ways[w].way;
            const bool is_central = way.starts_with("central"), is_default = way == "defaults";
            plot.next() << "$" << name_of(p, w) << " using 1:2:3 with yerrorlines pt 7 ps 0.7 lw 1.8 lc rgb '"
                        << (is_default   ? colour::grey
                            : is_central ? colour::blue
                                         : colour::orange)
                        << "'" << (way.ends_with("latin") ? "" : " dt 2") << " title '" << way << "'";
        }
        out << '\n';
    }
    out << "unset multiplot\n";
    return {"sampling_training.png", out.str()};
}

}  // namespace experiments::sampling_experiment
