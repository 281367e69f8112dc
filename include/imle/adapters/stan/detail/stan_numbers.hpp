#pragma once

/// @file
/// Stan's variables in and out of the containers that its users have.

// Stan's headers come before all others: they configure Eigen.
#if __has_include(<stan/math/rev/mat/fun/Eigen_NumTraits.hpp>)
#include <stan/math/rev/mat/fun/Eigen_NumTraits.hpp>  // Stan Math 3; version 4 has it in core.hpp
#endif
#include <stan/math/rev/core.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <imle/core/config.hpp>
#include <imle/core/errors.hpp>

namespace imle::inline IMLE_ABI {
namespace detail {

template <class Derived>
std::true_type is_stan_matrix_test(const Eigen::DenseBase<Derived>*) requires(
    std::same_as<typename Derived::Scalar, stan::math::var>);
std::false_type is_stan_matrix_test(const void*);

}  // namespace detail

/// theta on Stan's tape: `std::vector<stan::math::var>`, one instance; a vector of Eigen's, one instance; or
/// a matrix or array of Eigen's, or an expression of them, an instance in each row.
template <class T>
concept StanTheta = std::same_as<T, std::vector<stan::math::var>> ||
    decltype(detail::is_stan_matrix_test(static_cast<const T*>(nullptr)))::value;

namespace detail {

/// theta as a row-major batch of variables, and how values of its shape are made.
template <StanTheta ThetaT>
class stan_batch;

template <>
class stan_batch<std::vector<stan::math::var>> {
  public:
    using container = std::vector<stan::math::var>;

    explicit stan_batch(const container& theta) : theta_(theta) {}
    [[nodiscard]] Eigen::Index rows() const { return 1; }
    [[nodiscard]] Eigen::Index columns() const { return static_cast<Eigen::Index>(theta_.size()); }
    [[nodiscard]] const stan::math::var& operator()(Eigen::Index, Eigen::Index j) const {
        return theta_[static_cast<std::size_t>(j)];
    }
    /// theta's shape, filled with make(row, column).
    template <class F>
    [[nodiscard]] container shaped(F&& make) const {
        container result;
        result.reserve(theta_.size());
        for (Eigen::Index j = 0; j < columns(); ++j) result.push_back(make(0, j));
        return result;
    }

  private:
    const container& theta_;
};

template <StanTheta ThetaT>
requires(!std::same_as<ThetaT, std::vector<stan::math::var>>) class stan_batch<ThetaT> {
  public:
    using container = typename ThetaT::PlainObject;
    static constexpr bool one_instance = ThetaT::IsVectorAtCompileTime;

    // Evaluated once: reading an expression makes variables each time.
    explicit stan_batch(const ThetaT& theta) : theta_(theta) {}
    [[nodiscard]] Eigen::Index rows() const { return one_instance ? 1 : theta_.rows(); }
    [[nodiscard]] Eigen::Index columns() const { return one_instance ? theta_.size() : theta_.cols(); }
    [[nodiscard]] const stan::math::var& operator()(Eigen::Index i, Eigen::Index j) const {
        if constexpr (one_instance)
            return theta_.coeffRef(j);
        else
            return theta_.coeffRef(i, j);
    }
    template <class F>
    [[nodiscard]] container shaped(F&& make) const {
        container result;
        result.resize(theta_.rows(), theta_.cols());
        for (Eigen::Index i = 0; i < rows(); ++i)
            for (Eigen::Index j = 0; j < columns(); ++j)
                if constexpr (one_instance)
                    result.coeffRef(j) = make(i, j);
                else
                    result.coeffRef(i, j) = make(i, j);
        return result;
    }

  private:
    container theta_;
};

/// Their nodes, row by row.
template <class BatchT>
[[nodiscard]] std::vector<stan::math::vari*> nodes_of(const BatchT& batch) {
    std::vector<stan::math::vari*> nodes;
    nodes.reserve(static_cast<std::size_t>(batch.rows() * batch.columns()));
    for (Eigen::Index i = 0; i < batch.rows(); ++i)
        for (Eigen::Index j = 0; j < batch.columns(); ++j) {
            nodes.push_back(batch(i, j).vi_);
            if (nodes.back() == nullptr)
                throw_invalid("theta", message("without a value in row ", i, ", coordinate ", j),
                              "variables that were given one");
        }
    return nodes;
}

/// Fresh variables. They have nothing to do in a reverse pass but to hold what comes back.
template <class TensorT>
[[nodiscard]] std::vector<stan::math::vari*> fresh_nodes(const TensorT& values) {
    std::vector<stan::math::vari*> nodes;
    nodes.reserve(static_cast<std::size_t>(values.size()));
    for (Eigen::Index i = 0; i < values.size(); ++i)
        nodes.push_back(new stan::math::vari(values.data()[i], false));  // in Stan's arena
    return nodes;
}

}  // namespace detail
}  // namespace imle::inline IMLE_ABI
