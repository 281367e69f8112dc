#include <imle/adapters/cbc/read_program.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <imle/adapters/cbc.hpp>
#include <imle/core/tensor.hpp>

#include "support/catch.hpp"
#include "support/messages.hpp"

// CoinUtils leaks memory for a file that it gives up on.
extern "C" const char* __lsan_default_suppressions() { return "leak:CoinMpsIO::readMps"; }

namespace {

// A file of the text, removed again.
class mps {
  public:
    explicit mps(const std::string& text)
        : path_(std::filesystem::temp_directory_path() / "imle_read_program_test.mps") {
        std::ofstream(path_) << text;
    }
    mps(const mps&) = delete;
    mps& operator=(const mps&) = delete;
    ~mps() { std::filesystem::remove(path_); }
    [[nodiscard]] std::string path() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

std::string text_with(const std::string& sense, const std::string& end = "") {
    return "* A comment\nNAME          PLANT\n" + sense +
           "ROWS\n"
           " N  COST\n"
           " L  CAP\n"
           " G  NEED\n"
           " E  EVEN\n"
           "COLUMNS\n"
           "    MARKER                 'MARKER'                 'INTORG'\n"
           "    X         COST         3.0   CAP          2.0\n"
           "    X         NEED         1.0\n"
           "    Y         COST         2.0   CAP          1.0\n"
           "    Y         EVEN         1.0\n"
           "    MARKER                 'MARKER'                 'INTEND'\n"
           "    Z         COST         1.0   CAP          1.0\n"
           "    W         EVEN        -2.0\n"
           "RHS\n"
           "    RHS       CAP          7.0   COST        10.0\n"
           "    RHS       NEED         1.0\n"
           "RANGES\n"
           "    RNG       CAP          5.0\n"
           "BOUNDS\n"
           " UP BND       X            4.0\n"
           " UP BND       Y            2.0\n"
           " UP BND       Z            1.5\n"
           " MI BND       W\n" +
           end + "ENDATA\n";
}

double optimum(const imle::named_program& program) {
    imle::integer_program solver(program);
    Eigen::Tensor<double, 1> theta(solver.variables()), z(solver.variables());
    Eigen::Map<Eigen::VectorXd>(theta.data(), theta.size()) = -program.costs;
    solver(theta, z);
    return program.costs.dot(Eigen::Map<Eigen::VectorXd>(z.data(), z.size())) + program.constant;
}

std::string refused(const std::string& text) {
    const mps file(text);
    return support::message_of<std::invalid_argument>(
        [&] { static_cast<void>(imle::read_program(file.path())); });
}

}  // namespace

TEST_CASE("read_program reads rows, bounds, integers, names and the objective", "[adapters][cbc]") {
    const mps file(text_with(""));
    const imle::named_program program = imle::read_program(file.path());
    const Eigen::MatrixXd a{{2, 1, 1, 0}, {1, 0, 0, 0}, {0, 1, 0, -2}};
    CHECK(Eigen::MatrixXd(program.a) == a);
    constexpr double unbounded = std::numeric_limits<double>::infinity();
    CHECK(program.b == Eigen::Vector3d(7, unbounded, 0));
    CHECK(program.options.row_lower == Eigen::Vector3d(2, 1, 0));
    CHECK(program.options.lower == Eigen::Vector4d(0, 0, 0, -unbounded));
    CHECK(program.options.upper == Eigen::Vector4d(4, 2, 1.5, unbounded));
    CHECK(program.options.integer == std::vector<bool>{true, true, false, false});
    CHECK(program.costs == Eigen::Vector4d(3, 2, 1, 0));
    CHECK(program.constant == -10);
    CHECK(program.variable_names == std::vector<std::string>{"X", "Y", "Z", "W"});
    CHECK(program.row_names == std::vector<std::string>{"CAP", "NEED", "EVEN"});
    CHECK(program.variable("Z") == 2);
    CHECK(support::says(
        support::message_of<std::invalid_argument>([&] { static_cast<void>(program.variable("Q")); }),
        {"\"Q\"", "one of the program's 4"}));
    CHECK(optimum(program) == Approx(3 - 10));
}

TEST_CASE("read_program minimises the objective of a file that maximises", "[adapters][cbc]") {
    // The best is X = 2, Y = 2, Z = 1: 3 * 2 + 2 * 2 + 1 - 10.
    for (const char* sense : {"OBJSENSE\n    MAX\n", "OBJSENSE\n  MAXIMIZE\n", "OBJSENSE MAX\n",
                              "OBJSENSE\n* a comment\n    MAX\n"}) {
        INFO(sense);
        const mps file(text_with(sense));
        const imle::named_program program = imle::read_program(file.path());
        CHECK(program.costs == Eigen::Vector4d(-3, -2, -1, 0));
        CHECK(optimum(program) == Approx(-1));
    }
    const mps file(text_with("OBJSENSE\n    MIN\n"));
    CHECK(optimum(imle::read_program(file.path())) == Approx(3 - 10));
}

TEST_CASE("read_program's objective in addition to theta", "[adapters][cbc]") {
    const mps file(text_with(""));
    const std::string path = file.path();
    // [read]
    imle::named_program program = imle::read_program(path);
    program.options.decisions = {program.variable("X"), program.variable("Y")};
    program.options.fixed = program.costs;  // the file's objective, beside theta
    imle::integer_program solver(program);
    // [/read]
    // X costs 3 and Y 2, and 2 X + Y + Z is 2 to 7, with X from 1.
    Eigen::Tensor<double, 1> theta(2), z(2);
    theta.setValues({0, 0});
    solver(theta, z);
    CHECK((z(0) == 1 && z(1) == 0));
    theta.setValues({2.5, 2.5});
    solver(theta, z);
    CHECK((z(0) == 1 && z(1) == 2));
    theta.setValues({3.5, 1.5});
    solver(theta, z);
    CHECK((z(0) == 3 && z(1) == 0));
}

TEST_CASE("read_program says what it cannot read", "[adapters][cbc][errors]") {
    using support::says;
    CHECK(says(support::message_of<std::invalid_argument>(
                   [] { static_cast<void>(imle::read_program("no_such_file.mps")); }),
               {"no_such_file.mps", "not readable"}));
    CHECK(says(refused("int main() {}\n"), {"the section int"}));
    CHECK(says(refused(""), {"not readable"}));
    CHECK(says(refused(text_with("").substr(0, 300)), {"not readable"}));
    CHECK(says(refused(text_with("", " UP BND       Q            3.0\n")), {"not readable", "column Q"}));
    CHECK(says(refused(text_with("", " SC BND       Z            3.0\n")), {"program in", "Z"}));
    CHECK(says(refused(text_with("",
                                 "SOS1\n S1 SOS       SET1         1\n    SOS       X            1\n"
                                 "    SOS       Y            2\n")),
               {"the section SOS1", "linear program"}));
    CHECK(says(refused(text_with("", "QUADOBJ\n    X         X            2.0\n")), {"the section QUADOBJ"}));
}

// ../shared/cases lies beside the repository on some machines: its README.md has sources and right values.
TEST_CASE("integer_program solves programs of MIPLIB", "[adapters][cbc][slow]") {
    const std::filesystem::path cases(IMLE_TEST_DATA_DIR "/../../../shared/cases");
    if (!std::filesystem::exists(cases)) {
        WARN("../shared/cases is not there");
        return;
    }
    for (const auto& [name, value] : {std::pair{"p0033.mps", 3089.0},
                                      {"gt2.mps", 21166.0},
                                      {"egout.mps", 568.1007},
                                      {"bell5.mps", 8966406.49152}}) {
        INFO(name);
        CHECK(optimum(imle::read_program((cases / name).string())) == Approx(value).epsilon(1e-8));
    }
}
