#include <imle/core/tensor.hpp>

#include <imle/core/shape.hpp>
#include <string>

#include "support/catch.hpp"
#include "support/messages.hpp"

using imle::as_tensor;

namespace {

using row_tensor = Eigen::Tensor<float, 3, Eigen::RowMajor>;
using column_tensor = Eigen::Tensor<double, 2>;
using fixed_tensor = Eigen::TensorFixedSize<float, Eigen::Sizes<2, 3>, Eigen::RowMajor>;

}  // namespace

static_assert(imle::DenseTensor<row_tensor>);
static_assert(imle::DenseTensor<column_tensor>);
static_assert(imle::DenseTensor<fixed_tensor>);
static_assert(imle::DenseTensor<Eigen::TensorMap<row_tensor>>);
static_assert(imle::DenseTensor<Eigen::TensorMap<const row_tensor>>);
static_assert(imle::DenseTensor<Eigen::TensorMap<fixed_tensor>>);
static_assert(imle::DenseTensor<const Eigen::Tensor<float, 2, Eigen::RowMajor, int>&>);
static_assert(!imle::DenseTensor<Eigen::Tensor<int, 2>>);
static_assert(!imle::DenseTensor<Eigen::MatrixXf>);
static_assert(!imle::DenseTensor<float*>);
static_assert(!imle::DenseTensor<decltype(std::declval<row_tensor>() * 2.0f)>);

static_assert(imle::rank_of<row_tensor> == 3 && imle::rank_of<Eigen::TensorMap<const fixed_tensor>> == 2);
static_assert(imle::layout_of<row_tensor> == Eigen::RowMajor &&
              imle::layout_of<column_tensor> == Eigen::ColMajor);
static_assert(std::is_same_v<imle::scalar_of<Eigen::TensorMap<const column_tensor>>, double>);

TEST_CASE("as_tensor: a row-major matrix is [batch, n], a column-major one [n, batch]", "[core]") {
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows(2, 3);
    rows << 1, 2, 3, 4, 5, 6;
    auto view = as_tensor(rows);
    static_assert(imle::layout_of<decltype(view)> == Eigen::RowMajor);
    CHECK(view.dimension(0) == 2);
    CHECK(view.dimension(1) == 3);
    CHECK(view(1, 0) == 4);
    view(1, 0) = 9;  // a view, not a copy
    CHECK(rows(1, 0) == 9);

    const Eigen::ArrayXXd columns = Eigen::ArrayXXd::Random(3, 2);
    const auto other = as_tensor(columns);
    static_assert(imle::layout_of<decltype(other)> == Eigen::ColMajor);
    CHECK(other.dimension(0) == 3);
    CHECK(other(2, 1) == columns(2, 1));
    CHECK(other.data() == columns.data());

    Eigen::Map<Eigen::ArrayXXf> map(rows.data(), 3, 2);
    CHECK(as_tensor(map).data() == rows.data());
}

TEST_CASE("as_tensor: a view with gaps is refused", "[core]") {
    Eigen::MatrixXf matrix = Eigen::MatrixXf::Random(4, 3);
    CHECK_THROWS_AS(as_tensor(matrix.topRows(2)), std::invalid_argument);
    CHECK_THROWS_AS(as_tensor(matrix.row(1)), std::invalid_argument);
    const Eigen::MatrixXf& constant = matrix;
    CHECK_THROWS_AS(as_tensor(constant.block(1, 0, 2, 2)), std::invalid_argument);
    const auto columns = as_tensor(constant.rightCols(2));
    CHECK(columns(3, 1) == matrix(3, 2));
    CHECK(as_tensor(constant.col(1))(2, 0) == matrix(2, 1));
}

TEST_CASE("as_tensor: instances of several dimensions", "[core]") {
    using rows_type = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    rows_type rows = rows_type::Random(3, 6);
    auto tensor = as_tensor(rows, 2, 3);
    static_assert(imle::rank_of<decltype(tensor)> == 3);
    CHECK(imle::detail::shape_string(imle::detail::dimensions_of(tensor)) == "[3, 2, 3]");
    CHECK(tensor(2, 1, 0) == rows(2, 3));
    tensor(2, 1, 0) = 7;
    CHECK(rows(2, 3) == 7);
    const Eigen::MatrixXd columns = Eigen::MatrixXd::Random(6, 3);
    const auto view = as_tensor(columns, 2, 3);
    CHECK(imle::detail::shape_string(imle::detail::dimensions_of(view)) == "[2, 3, 3]");
    CHECK(view(1, 0, 2) == columns(1, 2));
    CHECK(support::says(support::message_of<std::invalid_argument>([&] { (void)as_tensor(columns, 2, 4); }),
                        {"of 8 numbers", "a column", "6"}));
    CHECK_THROWS_AS(as_tensor(columns.topRows(4), 2, 2), std::invalid_argument);
}

TEST_CASE("as_matrix: the inverse of as_tensor", "[core]") {
    row_tensor rows(4, 2, 3);
    rows.setRandom();
    auto matrix = imle::as_matrix(rows);
    static_assert(decltype(matrix)::IsRowMajor);
    CHECK(matrix.rows() == 4);
    CHECK(matrix.cols() == 6);
    CHECK(matrix(3, 4) == rows(3, 1, 1));
    matrix(3, 4) = 7;
    CHECK(rows(3, 1, 1) == 7);
    column_tensor columns(5, 3);
    columns.setRandom();
    const column_tensor& constant = columns;
    const auto view = imle::as_matrix(constant);
    static_assert(!decltype(view)::IsRowMajor);
    CHECK(view.rows() == 5);
    CHECK(view.cols() == 3);
    CHECK(view(4, 1) == columns(4, 1));
    CHECK(as_tensor(view).data() == columns.data());
}

TEST_CASE("batch_shape: the batch is outermost in memory", "[core]") {
    const auto rows = imle::detail::batch_shape<2, Eigen::RowMajor>::of(row_tensor(4, 2, 3));
    CHECK(rows.batch == 4);
    CHECK(rows.n == 6);
    CHECK(imle::detail::shape_string(rows.instance) == "[2, 3]");
    CHECK(imle::detail::shape_string(rows.theta()) == "[4, 2, 3]");
    CHECK(imle::detail::shape_string(rows.samples(5)) == "[4, 5, 2, 3]");
    const auto columns = imle::detail::batch_shape<2, Eigen::ColMajor>::of(Eigen::Tensor<double, 3>(2, 3, 4));
    CHECK(columns.batch == 4);
    CHECK(columns.n == 6);
    CHECK(imle::detail::shape_string(columns.batched(7)) == "[2, 3, 7]");
    CHECK(imle::detail::shape_string(columns.samples(5)) == "[2, 3, 5, 4]");
    fixed_tensor fixed;
    fixed.setZero();
    CHECK(imle::detail::shape_string(imle::detail::dimensions_of(fixed)) == "[2, 3]");
}
