#include "network_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "support/read_number.hpp"

namespace routes {
namespace {

/// A text file, line by line, each split at blanks.
class line_reader {
  public:
    explicit line_reader(std::string file) : file_(std::move(file)), in_(file_) {
        if (!in_) throw std::runtime_error("cannot read " + file_);
    }

    /// Moves on to the next line that is not empty; false after the last.
    bool next() {
        words_.clear();
        for (std::string line; words_.empty() && std::getline(in_, line);) {
            ++line_;
            std::replace(line.begin(), line.end(), ';', ' ');
            std::istringstream split(line);
            for (std::string word; split >> word;) words_.push_back(word);
        }
        return !words_.empty();
    }

    [[nodiscard]] std::size_t size() const { return words_.size(); }
    [[nodiscard]] const std::string& word(std::size_t i) const { return words_[i]; }

    /// Word i as a number of at least `least`; `what` names it in error messages.
    template <class Number>
    [[nodiscard]] Number number(std::size_t i, Number least, const char* what) const {
        if (i >= words_.size()) fail(std::string("there is no ") + what);
        const auto read = example_support::read_number<Number>(words_[i]);
        if (!read.has_value() || !(*read >= least) || !(*read <= std::numeric_limits<Number>::max()))
            fail("'" + words_[i] + "' is not a " + what);
        return *read;
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw std::runtime_error(file_ + ", line " + std::to_string(line_) + ": " + what);
    }

  private:
    std::string file_;
    std::ifstream in_;
    int line_ = 0;
    std::vector<std::string> words_;
};

/// Edges as they are read.
class edge_list {
  public:
    /// Adds an edge between two nodes, which the file numbers from 1.
    void add(const line_reader& line, std::size_t first_word, float length, float time) {
        edges_.push_back({line.number<Eigen::Index>(first_word, 1, "number of a node") - 1,
                          line.number<Eigen::Index>(first_word + 1, 1, "number of a node") - 1});
        network_.lengths.push_back(length);
        network_.free_flow_times.push_back(time);
    }

    [[nodiscard]] road_network& network() { return network_; }

    [[nodiscard]] road_network finished(const line_reader& at_end, Eigen::Index nodes) && {
        for (const imle::graph_edge& edge : edges_)
            if (std::max(edge.from, edge.to) >= nodes)
                at_end.fail("an edge leads from node " + std::to_string(edge.from + 1) + " to " +
                            std::to_string(edge.to + 1) + ", and there are " + std::to_string(nodes));
        if (edges_.empty()) at_end.fail("the file has no edge");
        network_.graph = imle::directed_graph{nodes, std::move(edges_)};
        return std::move(network_);
    }

  private:
    road_network network_;
    std::vector<imle::graph_edge> edges_;
};

road_network read_dimacs(line_reader line) {
    edge_list edges;
    Eigen::Index nodes = 0;
    while (line.next()) {
        if (line.word(0) == "p") nodes = line.number<Eigen::Index>(2, 1, "number of nodes");
        if (line.word(0) != "a") continue;
        const float length = line.number<float>(3, 0, "length");
        edges.add(line, 1, length, length);
    }
    return std::move(edges).finished(line, nodes);
}

road_network read_tntp(line_reader line) {
    edge_list edges;
    Eigen::Index nodes = 0;
    while (line.next()) {
        if (line.word(0).front() == '~') continue;
        if (line.word(0).front() != '<') {
            const float length = line.number<float>(3, 0, "length");
            edges.add(line, 0, length, line.number<float>(4, 0, "free flow time"));
            continue;
        }
        // <NUMBER OF NODES> 416
        const std::size_t last = line.size() - 1;
        const auto is = [&](const char* second, const char* third) {
            return line.size() == 4 && line.word(1) == second && line.word(2) == third;
        };
        if (is("OF", "NODES>")) nodes = line.number<Eigen::Index>(last, 1, "number of nodes");
        if (is("OF", "ZONES>")) edges.network().zones = line.number<Eigen::Index>(last, 0, "number of zones");
        if (is("THRU", "NODE>"))
            edges.network().first_through_node = line.number<Eigen::Index>(last, 1, "number of a node") - 1;
    }
    edges.network().zones = std::min(edges.network().zones, nodes);
    return std::move(edges).finished(line, nodes);
}

}  // namespace

road_network read_network(const std::string& file) {
    road_network network =
        file.ends_with(".gr") ? read_dimacs(line_reader(file)) : read_tntp(line_reader(file));
    const std::size_t slash = file.find_last_of('/');
    network.name = slash == std::string::npos ? file : file.substr(slash + 1);
    return network;
}

void read_positions(const std::string& file, road_network& network) {
    line_reader line(file);
    const auto nodes = static_cast<std::size_t>(network.graph.nodes());
    constexpr float nowhere = std::numeric_limits<float>::quiet_NaN();
    std::vector<position> positions(nodes, {nowhere, nowhere});
    constexpr float lowest = std::numeric_limits<float>::lowest();
    while (line.next()) {
        const bool is_dimacs = line.word(0) == "v";
        const std::size_t first = is_dimacs ? 1 : 0;
        // A comment, or column headings.
        if (!is_dimacs && !example_support::read_number<std::size_t>(line.word(0)).has_value()) continue;
        const auto node = line.number<std::size_t>(first, 1, "number of a node");
        if (node > nodes) line.fail("node " + std::to_string(node) + " is not in the network");
        positions[node - 1] = {line.number<float>(first + 1, lowest, "coordinate"),
                               line.number<float>(first + 2, lowest, "coordinate")};
    }
    for (std::size_t node = 0; node < nodes; ++node)
        if (std::isnan(positions[node].x)) line.fail("node " + std::to_string(node + 1) + " has no position");
    network.positions = std::move(positions);
}

}  // namespace routes
