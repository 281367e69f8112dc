#include "sampler.hpp"

#include <algorithm>

namespace imle_benchmarks {

template <class Scalar>
sampler<Scalar> sampler_of(const probability_function& cdf, std::function<void(std::span<Scalar>)> fill) {
    sampler<Scalar> result;
    result.distance = [cdf, fill](std::size_t count) {
        auto draw = fill;
        std::vector<Scalar> numbers(count);
        for (std::size_t i = 0; i < count; i += buffer_size)
            draw(std::span<Scalar>(numbers).subspan(i, std::min(buffer_size, count - i)));
        return kolmogorov_distance(numbers, cdf);
    };
    result.fill = std::move(fill);
    return result;
}

template sampler<float> sampler_of(const probability_function&, std::function<void(std::span<float>)>);
template sampler<double> sampler_of(const probability_function&, std::function<void(std::span<double>)>);

}  // namespace imle_benchmarks
