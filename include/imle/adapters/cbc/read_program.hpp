#pragma once

/// @file
/// Reads an integer program from a file in the MPS format, which every solver of integer programs writes.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <Eigen/Core>
#include <Eigen/SparseCore>

#include <CoinError.hpp>
#include <CoinFileIO.hpp>
#include <CoinFinite.hpp>
#include <CoinMessageHandler.hpp>
#include <CoinMpsIO.hpp>
#include <CoinPackedMatrix.hpp>

#include <imle/adapters/cbc/program.hpp>
#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI {

/// The arguments of `integer_program`, with the names in a file.
struct named_program {
    /// [rows, variables]
    Eigen::SparseMatrix<double> a;
    /// [rows] upper bounds; the lower ones are `options.row_lower`.
    Eigen::VectorXd b;
    /// Bounds and which variables are integers. You set limits, decisions and fixed costs.
    integer_program_options options;
    /// [variables] the file's objective, to be minimised: <costs, x> + constant. (If the file maximises, both
    /// have the opposite sign.) theta = -costs gives the file's optimum; `options.fixed = costs` keeps the
    /// objective in addition to theta.
    Eigen::VectorXd costs;
    /// The constant that the objective adds to <costs, x>.
    double constant = 0;
    /// [variables] and [rows] the names in the file.
    std::vector<std::string> variable_names, row_names;

    /// The index of a variable, for `options.decisions`. O(variables). Throws `std::invalid_argument` if
    /// there is no variable of this name.
    [[nodiscard]] Eigen::Index variable(std::string_view name) const {
        const auto at = std::find(variable_names.begin(), variable_names.end(), name);
        if (at == variable_names.end())
            detail::throw_invalid("name of a variable", detail::message("\"", name, "\""),
                                  detail::message("one of the program's ", variable_names.size()));
        return static_cast<Eigen::Index>(at - variable_names.begin());
    }
};

namespace detail {

/// Stores CoinUtils' messages on mistakes in a file, instead of printing them.
class kept_messages : public CoinMessageHandler {
  public:
    int print() override {
        if (currentMessage().severity() == 'I') return 0;
        text_ += ": ";
        text_ += messageBuffer();
        return 0;
    }
    [[nodiscard]] CoinMessageHandler* clone() const override { return new kept_messages(*this); }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

  private:
    std::string text_;
};

/// The lines of a file, watched for what CoinUtils ignores: that the objective is to be maximised, and
/// sections of other kinds of programs.
class mps_lines : public CoinFileInput {
  public:
    explicit mps_lines(const std::string& path) : CoinFileInput(path), file_(CoinFileInput::create(path)) {}

    [[nodiscard]] bool maximizes() const noexcept { return maximizes_; }
    /// The first section that is not part of a linear integer program, or "".
    [[nodiscard]] const std::string& other_section() const noexcept { return other_section_; }

    int read(void* buffer, int size) override { return file_->read(buffer, size); }
    char* gets(char* buffer, int size) override {
        if (file_->gets(buffer, size) == nullptr) return nullptr;
        const std::string_view line(buffer);
        const bool begins_line = std::exchange(ends_line_, line.ends_with('\n'));
        if (!begins_line || line.starts_with('*')) return buffer;
        const std::string_view name = line.substr(0, line.find_first_of(" \t\r\n"));
        if (!name.empty()) begin_section(name);
        if (in_objective_sense_) {
            maximizes_ = maximizes_ || line.find("MAX") != line.npos;
            std::fill(buffer, buffer + line.size() - (ends_line_ ? 1 : 0), '*');  // now a comment
        }
        return buffer;
    }

  private:
    void begin_section(std::string_view name) {
        constexpr std::string_view linear[] = {"NAME", "OBJSENSE", "ROWS",   "COLUMNS",
                                               "RHS",  "RANGES",   "BOUNDS", "ENDATA"};
        in_objective_sense_ = name == "OBJSENSE";
        if (other_section_.empty() &&
            std::find(std::begin(linear), std::end(linear), name) == std::end(linear))
            other_section_ = name;
    }

    std::unique_ptr<CoinFileInput> file_;
    std::string other_section_;
    bool ends_line_ = true, in_objective_sense_ = false, maximizes_ = false;
};

/// CoinUtils' reader with our own input.
class mps_file : public CoinMpsIO {
  public:
    /// messages: must outlive this object.
    mps_file(std::unique_ptr<mps_lines> lines, CoinMessageHandler& messages) : lines_(*lines) {
        passInMessageHandler(&messages);  // first, because the card reader keeps it
        cardReader_ =
            new CoinMpsCardReader(lines.release(), this);  // owns the lines; the base owns the reader
    }
    [[nodiscard]] const mps_lines& lines() const noexcept { return lines_; }

  private:
    const mps_lines& lines_;
};

}  // namespace detail

/// Reads a file in the MPS format, fixed or free; also compressed by gzip, if CoinUtils supports it.
///
/// Throws `std::invalid_argument`, with the reason, for a file that cannot be read or is not a linear integer
/// program: special ordered sets, semi-continuous variables and quadratic terms are not supported. (CoinUtils
/// leaks its memory for a malformed file, some 80 kB each.)
[[nodiscard]] inline named_program read_program(const std::string& path) {
    const auto refuse = [&](const std::string& what) {
        detail::throw_invalid(("program in " + path).c_str(), what,
                              "a linear program with or without integers, in the MPS format");
    };
    std::unique_ptr<detail::mps_lines> lines;
    try {
        lines = std::make_unique<detail::mps_lines>(path);
    } catch (const CoinError& error) {
        refuse("not readable: " + error.message());
    }
    detail::kept_messages messages;
    detail::mps_file file(std::move(lines), messages);
    const int errors = file.readMps();
    if (const std::string& section = file.lines().other_section(); !section.empty())
        refuse("one with the section " + section);
    if (errors != 0) refuse("not readable" + messages.text());
    const int variables = file.getNumCols(), rows = file.getNumRows();
    const auto copy = [](const double* values, int count) {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        Eigen::VectorXd result = Eigen::Map<const Eigen::VectorXd>(values, count);
        return Eigen::VectorXd(result.unaryExpr([](double x) {
            return x >= COIN_DBL_MAX ? infinity : x <= -COIN_DBL_MAX ? -infinity : x;
        }));
    };

    named_program program;
    const CoinPackedMatrix& matrix = *file.getMatrixByCol();
    std::vector<Eigen::Triplet<double>> terms;
    for (int j = 0; j < variables; ++j)
        for (CoinBigIndex k = matrix.getVectorFirst(j); k < matrix.getVectorLast(j); ++k)
            terms.emplace_back(matrix.getIndices()[k], j, matrix.getElements()[k]);
    program.a.resize(rows, variables);
    program.a.setFromTriplets(terms.begin(), terms.end());
    program.b = copy(file.getRowUpper(), rows);
    program.options.row_lower = copy(file.getRowLower(), rows);
    program.options.lower = copy(file.getColLower(), variables);
    program.options.upper = copy(file.getColUpper(), variables);
    for (int j = 0; j < variables; ++j) {
        const int kind = file.isIntegerOrSemiContinuous(j);
        if (kind > 1) refuse(detail::message("one with the semi-continuous variable ", file.columnName(j)));
        program.options.integer.push_back(kind == 1);
        program.variable_names.emplace_back(file.columnName(j));
    }
    for (int row = 0; row < rows; ++row) program.row_names.emplace_back(file.rowName(row));
    program.costs = copy(file.getObjCoefficients(), variables);
    program.constant = -file.objectiveOffset();
    if (file.lines().maximizes()) {
        program.costs = -program.costs;
        program.constant = -program.constant;
    }
    return program;
}

}  // namespace imle::inline IMLE_ABI
