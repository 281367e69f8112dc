#include "heat_maps.hpp"

#include <cstddef>
#include <ostream>

namespace solver_pictures {

void print_heat_maps(std::ostream& script, std::span<const heat_map> maps, const std::string& row_name,
                     const std::string& column_name) {
    for (std::size_t i = 0; i < maps.size(); ++i) {
        script << "$map" << i << " << END_OF_DATA\n";
        for (Eigen::Index row = 0; row < maps[i].values.rows(); ++row)
            for (Eigen::Index column = 0; column < maps[i].values.cols(); ++column)
                script << maps[i].values(row, column) << (column + 1 == maps[i].values.cols() ? '\n' : ' ');
        script << "END_OF_DATA\n";
    }
    script << "set multiplot layout 1," << maps.size() << " margins 0.06,0.93,0.15,0.88 spacing 0.11\n"
           << "unset key\nset border lc rgb '#606060'\n"
           << "set tics textcolor rgb '#202020' out nomirror scale 0.4\nset colorbox user\n"
           << "set style line 1 lc rgb '#d0d0d0' lw 0.5\n";
    for (std::size_t i = 0; i < maps.size(); ++i) {
        const heat_map& map = maps[i];
        // The right end of this panel, as a share of the picture, for its colour bar.
        const auto count = static_cast<double>(maps.size());
        const double width = (0.93 - 0.06 - 0.11 * (count - 1)) / count;
        const double right = 0.06 + static_cast<double>(i) * (width + 0.11) + width;
        script << "set title '" << map.title << "' offset 0,-0.5\n"
               << "set xlabel '" << (i == 0 ? column_name : "") << "' offset 0,0.5\n"
               << "set ylabel '" << (i == 0 ? row_name : "") << "' offset 1,0\n"
               << "set xrange [-0.5:" << map.values.cols() << "-0.5]\nset yrange [" << map.values.rows()
               << "-0.5:-0.5]\n"
               << "set colorbox user origin " << right + 0.008 << ",0.15 size 0.012,0.73\n"
               << "set palette defined (0 '#ffffff', 0.25 '#c6dbef', 0.5 '#6baed6', 0.75 '#2171b5', 1 "
                  "'#08306b')\n";
        if (map.palette == colours::shares)
            script << "set cbrange [0:1]\nset cbtics 0.5 scale 0.4\n";
        else
            script << "set cbrange [" << map.values.minCoeff() << ':' << map.values.maxCoeff()
                   << "]\nset cbtics autofreq scale 0.4\n";
        // Lines between the cells, so that white ones can be counted.
        script << "unset arrow\n";
        for (Eigen::Index row = 1; row < map.values.rows(); ++row)
            script << "set arrow from -0.5," << row << "-0.5 to " << map.values.cols() << "-0.5," << row
                   << "-0.5 nohead front ls 1\n";
        for (Eigen::Index column = 1; column < map.values.cols(); ++column)
            script << "set arrow from " << column << "-0.5,-0.5 to " << column << "-0.5," << map.values.rows()
                   << "-0.5 nohead front ls 1\n";
        script << "plot $map" << i << " matrix with image\n";
    }
    script << "unset multiplot\n";
}

}  // namespace solver_pictures
