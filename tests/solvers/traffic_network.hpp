#pragma once

// A road network in the format of TransportationNetworks (`*_net.tntp`).

#include <imle/solvers/directed_graph.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace support {

/// Where the file of Anaheim is, if it is there: not part of the project.
inline std::filesystem::path anaheim() {
    return std::filesystem::path(IMLE_TEST_DATA_DIR) / ".." / ".." / ".." / "shared" / "cases" /
           "Anaheim_net.tntp";
}

/// Nodes are numbered from 0 here, and from 1 in the file.
struct traffic_network {
    imle::directed_graph graph{0, {}};
    Eigen::Index first_through_node = 0;
    std::vector<double> free_flow_time;

    explicit traffic_network(const std::filesystem::path& file) {
        std::ifstream in(file);
        Eigen::Index nodes = 0;
        std::vector<imle::graph_edge> edges;
        for (std::string line; std::getline(in, line);) {
            const auto value = [&] { return std::stol(line.substr(line.find('>') + 1)); };
            if (line.find("<NUMBER OF NODES>") == 0) nodes = value();
            if (line.find("<FIRST THRU NODE>") == 0) first_through_node = value() - 1;
            std::istringstream columns(line);
            Eigen::Index from = 0, to = 0;
            double capacity = 0, length = 0, time = 0;
            if (!(columns >> from >> to >> capacity >> length >> time)) continue;
            edges.push_back({from - 1, to - 1});
            free_flow_time.push_back(time);
        }
        graph = {nodes, edges};
    }
};

}  // namespace support
