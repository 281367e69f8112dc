#include <imle/adapters/torch.hpp>

#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>

// Macros of glog, which torch includes; Catch has its own.
#undef CHECK

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <imle/core/errors.hpp>
#include <imle/core/tensor.hpp>
#include <imle/estimators/exact_layer.hpp>
#include <imle/estimators/negative_identity_layer.hpp>
#include <imle/estimators/perturbed_layer.hpp>
#include <imle/estimators/score_function_layer.hpp>
#include <imle/estimators/straight_through_layer.hpp>
#include <imle/families/k_subset_family.hpp>
#include <imle/layer/imle_layer.hpp>
#include <imle/noise/gumbel.hpp>
#include <imle/noise/normal.hpp>
#include <imle/random/random_key.hpp>
#include <imle/solvers/grid_shortest_path.hpp>
#include <imle/solvers/top_k.hpp>
#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/perturbation_target.hpp>
#include <imle/testing/check_adapter.hpp>

#include "support/catch.hpp"
#include "support/messages.hpp"

using imle::random_key;
using imle::torch_marginals;
using imle::torch_samples;
using support::message_of;
using support::says;

namespace {

constexpr random_key key{7};

auto top_3(imle::layer_options options = {.samples = 8}) {
    return imle::imle_layer{imle::top_k{3}, imle::gumbel{}, imle::perturbation_target{.beta = 2}, options};
}
auto adaptive_top_3(imle::beta_update update = imle::beta_update::additive) {
    return imle::imle_layer{imle::top_k{3},
                            imle::gumbel{},
                            imle::adaptive_target{{.beta_step = 0.1, .update = update}},
                            {.samples = 8}};
}

torch::Tensor numbers(c10::IntArrayRef sizes, std::uint64_t seed, torch::ScalarType type = torch::kFloat) {
    return torch::randn(sizes, at::detail::createCPUGenerator(seed), torch::TensorOptions().dtype(type));
}

// The tensor as the library sees it, written without the adapter's help.
template <int Rank, class Scalar = float>
Eigen::Tensor<Scalar, Rank, Eigen::RowMajor> eigen(const torch::Tensor& tensor) {
    const torch::Tensor copy = tensor.detach().clone(at::MemoryFormat::Contiguous);
    Eigen::DSizes<Eigen::Index, Rank> dimensions;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Rank); ++i)
        dimensions[i] = tensor.size(static_cast<std::int64_t>(i));
    Eigen::Tensor<Scalar, Rank, Eigen::RowMajor> result(dimensions);
    if (result.size() > 0)
        std::memcpy(result.data(), copy.data_ptr<Scalar>(),
                    static_cast<std::size_t>(result.size()) * sizeof(Scalar));
    return result;
}

// Shape and bits.
template <class TensorT>
bool same(const torch::Tensor& a, const TensorT& b) {
    using Scalar = imle::scalar_of<TensorT>;
    if (!a.defined() || a.scalar_type() != c10::CppTypeToScalarType<Scalar>::value) return false;
    if (a.dim() != imle::rank_of<TensorT>) return false;
    for (int i = 0; i < imle::rank_of<TensorT>; ++i)
        if (a.size(i) != b.dimension(i)) return false;
    const torch::Tensor copy = a.detach().clone(at::MemoryFormat::Contiguous);
    return b.size() == 0 || std::memcmp(copy.data_ptr<Scalar>(), b.data(),
                                        static_cast<std::size_t>(b.size()) * sizeof(Scalar)) == 0;
}
bool same(const torch::Tensor& a, const torch::Tensor& b) {
    return a.defined() && b.defined() && a.scalar_type() == b.scalar_type() && torch::equal(a, b);
}

// The gradient of sum(weights * output) with respect to theta.
torch::Tensor gradient_of(const torch::Tensor& output, const torch::Tensor& weights,
                          const torch::Tensor& theta, bool keep = false) {
    return torch::autograd::grad({output}, {theta}, {weights}, keep)[0];
}

// A solver whose behaviour the test controls; for float only.
struct script {
    int solves = 0;
    int fails_from = -1;  // the solve from which on `fail` is called
    void (*fail)() = nullptr;
};
struct scripted_solver {
    script* told;
    void operator()(const imle::const_view<float, 1, Eigen::RowMajor>& theta,
                    imle::mutable_view<float, 1, Eigen::RowMajor>& z) const {
        if (told->solves++ >= told->fails_from && told->fails_from >= 0) told->fail();
        z.setZero();
        z(theta(0) > theta(1) ? 0 : 1) = 1;
    }
};
auto scripted(script& told) {
    return imle::imle_layer{scripted_solver{&told}, imle::gumbel{}, imle::perturbation_target{.beta = 2}};
}

struct users_error {
    int number;
};

// Passes its input on, and an undefined gradient back.
struct undefined_gradient : torch::autograd::Function<undefined_gradient> {
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x) {
        context->set_materialize_grads(false);
        return x.clone();
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext*,
                                                   torch::autograd::variable_list) {
        return {torch::Tensor()};
    }
};

// check_adapter's engine is torch.
template <class Scalar, bool marginals>
auto torch_engine() {
    return [](auto& layer, const auto& x, random_key k, const imle::testing::adapter_loss<Scalar>& loss) {
        const auto type = c10::CppTypeToScalarType<Scalar>::value;
        const auto tensor = [&](const auto& values, c10::IntArrayRef sizes) {
            return torch::tensor(at::ArrayRef<Scalar>(values.data(), static_cast<std::size_t>(values.size())),
                                 torch::TensorOptions().dtype(type))
                .view(sizes);
        };
        const torch::Tensor inputs = tensor(x, {x.dimension(0), x.dimension(1)}).requires_grad_();
        const torch::Tensor theta = inputs * static_cast<double>(loss.scale);
        torch::Tensor z;
        if constexpr (marginals)
            z = torch_marginals<1>(layer, theta, k);
        else
            z = torch_samples<1>(layer, theta, k);
        const torch::Tensor value = (tensor(loss.first, z.sizes()) * z).sum() +
                                    (tensor(loss.second, z.sizes()) * z).sum() +
                                    (tensor(loss.square, z.sizes()) * z * z).sum();
        value.backward();
        const auto all = [](const torch::Tensor& t) {
            const torch::Tensor dense = t.detach().contiguous();
            return std::vector<Scalar>(dense.data_ptr<Scalar>(), dense.data_ptr<Scalar>() + dense.numel());
        };
        return imle::testing::adapter_result<Scalar>{all(z), all(inputs.grad())};
    };
}

// Values and gradients of both functions against the layer's own.
template <class Scalar, int InstanceRank, class LayerT>
void equals_the_layers_own(LayerT layer, c10::IntArrayRef sizes) {
    const auto type = c10::CppTypeToScalarType<Scalar>::value;
    const torch::Tensor theta = numbers(sizes, 1, type).requires_grad_();
    const auto own_theta = eigen<InstanceRank + 1, Scalar>(theta);

    const torch::Tensor z = torch_samples<InstanceRank>(layer, theta, key, 5);
    const auto [value, pullback] = layer.value_and_pullback(own_theta, key, 5);
    CHECK(same(z, value));
    const torch::Tensor dz = numbers(z.sizes(), 2, type);
    CHECK(same(gradient_of(z, dz, theta), pullback(eigen<InstanceRank + 2, Scalar>(dz))));

    const torch::Tensor mu = torch_marginals<InstanceRank>(layer, theta, key, 5);
    const auto pass = layer.marginals(own_theta, key, 5);
    CHECK(same(mu, pass.marginals()));
    const torch::Tensor dmu = numbers(mu.sizes(), 3, type);
    CHECK(same(gradient_of(mu, dmu, theta), layer.vjp(pass, eigen<InstanceRank + 1, Scalar>(dmu))));
}

}  // namespace

TEST_CASE("torch_samples and torch_marginals keep the laws of an adapter", "[adapters][torch]") {
    imle::testing::check_adapter_options options{.subject = "torch_samples"};
    CHECK(imle::testing::check_adapter<float>(torch_engine<float, false>(), options).passed());
    CHECK(imle::testing::check_adapter<double>(torch_engine<double, false>(), options).passed());
    options.subject = "torch_marginals";
    options.output = imle::testing::adapter_output::marginals;
    CHECK(imle::testing::check_adapter<float>(torch_engine<float, true>(), options).passed());
    CHECK(imle::testing::check_adapter<double>(torch_engine<double, true>(), options).passed());
}

TEST_CASE("values and gradients are the layer's own, bit for bit", "[adapters][torch]") {
    for (const auto difference : {imle::difference::forward, imle::difference::central})
        for (const int threads : {1, 3}) {
            const imle::layer_options options{.samples = 5, .difference = difference, .threads = threads};
            equals_the_layers_own<float, 1>(top_3(options), {6, 9});
            equals_the_layers_own<double, 1>(top_3(options), {6, 9});
            equals_the_layers_own<float, 2>(top_3(options), {4, 3, 5});
        }
    equals_the_layers_own<float, 1>(top_3(), {1, 3});
    equals_the_layers_own<float, 2>(
        imle::imle_layer{
            imle::grid_shortest_path{}, imle::gumbel{}, imle::perturbation_target{.beta = 3}, {.samples = 4}},
        {3, 6, 6});
}

TEST_CASE("the other estimators are layers too", "[adapters][torch]") {
    const auto check = [](auto layer) {
        torch::Tensor theta = numbers({3, 10}, 1).requires_grad_();
        const torch::Tensor weights = numbers({3, 8, 10}, 2);
        torch::Tensor z = torch_samples<1>(layer, theta, key);
        (z * weights).sum().backward();

        Eigen::Tensor<float, 2, Eigen::RowMajor> own_theta(3, 10);
        std::copy_n(theta.data_ptr<float>(), 30, own_theta.data());
        Eigen::Tensor<float, 3, Eigen::RowMajor> own_weights(3, 8, 10);
        std::copy_n(weights.data_ptr<float>(), 240, own_weights.data());
        const auto own = layer.value_and_pullback(own_theta, key);
        const Eigen::Tensor<float, 2, Eigen::RowMajor> gradient = own.pullback(own_weights);
        CHECK(std::memcmp(z.data_ptr<float>(), own.value.data(), 240 * sizeof(float)) == 0);
        CHECK(std::memcmp(theta.grad().data_ptr<float>(), gradient.data(), 30 * sizeof(float)) == 0);
        CHECK(theta.grad().abs().sum().item<float>() > 0);
    };
    check(imle::straight_through_layer{imle::top_k{3}, imle::gumbel{}, {.samples = 8}});
    check(imle::perturbed_layer{imle::top_k{3}, imle::normal{}, {.samples = 8}});
    check(imle::score_function_layer{imle::k_subset_family{3}, {.samples = 8}});
    check(imle::simple_layer(3, {.samples = 8}));
    check(imle::exact_layer{imle::k_subset_family{3}, {.samples = 8}});

    // As modules too: drawn, printed, saved and read again.
    const auto module_of = [](auto layer, const char* printed) {
        auto module = imle::make_torch_layer<1>(layer, key);
        const torch::Tensor theta = numbers({3, 10}, 1);
        const torch::Tensor z = module->forward(theta);
        CHECK(same(z, torch_samples<1>(layer, theta, key.fold_in(0))));
        std::stringstream text, file;
        module->pretty_print(text);
        CHECK(says(text.str(), {"output=samples", printed}));
        torch::save(module, file);
        auto other = imle::make_torch_layer<1>(layer, random_key{99});
        torch::load(other, file);
        CHECK(other->key() == key);
        CHECK(other->step() == 1);
    };
    module_of(imle::straight_through_layer{imle::top_k{3}, imle::gumbel{}, {.samples = 8}}, "samples=8");
    module_of(imle::perturbed_layer{imle::top_k{3}, imle::normal{}, {.samples = 8}}, "samples=8)");
    module_of(imle::negative_identity_layer{imle::top_k{3}}, "samples=1)");
    module_of(imle::exact_layer{imle::k_subset_family{3}, {.samples = 8}}, "samples=8)");
    module_of(imle::score_function_layer{imle::k_subset_family{3}, {.samples = 8}}, "samples=8)");
    CHECK(says(message_of<c10::Error>([] {
                   (void)imle::make_torch_layer<1>(imle::perturbed_layer{imle::top_k{3}, imle::normal{}}, key,
                                                   imle::torch_output::marginals);
               }),
               {"the layer does not pull back through passes of marginals"}));
}

TEST_CASE("a loss that is a mean over samples does not shrink the step", "[adapters][torch]") {
    for (const Eigen::Index samples : {1, 8, 64}) {  // powers of two: dividing by them is exact
        auto layer = top_3({.samples = samples});
        const torch::Tensor theta = numbers({4, 9}, 1).requires_grad_();
        const torch::Tensor dmu = numbers({4, 9}, 2);
        const torch::Tensor gradient = gradient_of(torch_samples<1>(layer, theta, key).mean(1), dmu, theta);
        const auto pass = layer.forward(eigen<2>(theta), key);
        CHECK(same(gradient, layer.vjp(pass, eigen<2>(dmu))));
    }
}

TEST_CASE("tensors of any stride give the same results, and contiguous ones are not copied",
          "[adapters][torch]") {
    auto layer = top_3();
    const torch::Tensor plain = numbers({4, 9}, 1);
    const torch::Tensor wide = torch::zeros({8, 18});
    wide.slice(0, 1, 8, 2).slice(1, 0, 18, 2).copy_(plain);
    const torch::Tensor weights = numbers({4, 8, 9}, 2);
    const torch::Tensor like_plain = plain.clone().requires_grad_();
    const torch::Tensor z = torch_samples<1>(layer, like_plain, key);
    const torch::Tensor gradient = gradient_of(z, weights, like_plain);

    for (torch::Tensor theta : {plain.t().contiguous().t(), wide.slice(0, 1, 8, 2).slice(1, 0, 18, 2),
                                torch::_neg_view(-plain), plain.to(torch::kDouble).to(torch::kFloat)}) {
        theta = theta.detach().requires_grad_();
        const torch::Tensor other = torch_samples<1>(layer, theta, key);
        CHECK(same(other, z));
        CHECK(
            same(gradient_of(other, weights.permute({2, 0, 1}).contiguous().permute({1, 2, 0}), theta, true),
                 gradient));
        CHECK(same(gradient_of(other, torch::_neg_view(-weights), theta), gradient));
    }

    // An expanded theta: its rows are one, whose gradient is the sum of theirs.
    const torch::Tensor row = numbers({1, 9}, 3).requires_grad_();
    const torch::Tensor expanded = row.expand({4, 9});
    const torch::Tensor copies = row.detach().repeat({4, 1}).requires_grad_();
    CHECK(same(gradient_of(torch_samples<1>(layer, expanded, key), weights, row),
               gradient_of(torch_samples<1>(layer, copies, key), weights, copies).sum(0, true)));
    // The cotangent of a sum has strides 0; torch may also say 0 without any memory.
    const torch::Tensor theta = plain.clone().requires_grad_();
    const torch::Tensor sum = torch_samples<1>(layer, theta, key);
    CHECK(same(gradient_of(sum.sum(), torch::ones({}), theta, true),
               gradient_of(sum, torch::ones({4, 8, 9}), theta, true)));
    CHECK(same(gradient_of(sum, torch::_efficientzerotensor({4, 8, 9}), theta), torch::zeros({4, 9})));

    CHECK(imle::detail::in_order(plain).data_ptr() == plain.data_ptr());
    CHECK(imle::detail::in_order(plain.slice(0, 1, 3)).data_ptr() == plain.slice(0, 1, 3).data_ptr());
    CHECK(imle::detail::in_order(plain.t()).data_ptr() != plain.data_ptr());
}

TEST_CASE("an empty batch is a batch", "[adapters][torch]") {
    auto layer = top_3();
    const torch::Tensor theta = torch::zeros({0, 9}, torch::requires_grad());
    const torch::Tensor z = torch_samples<1>(layer, theta, key);
    CHECK(z.sizes() == c10::IntArrayRef({0, 8, 9}));
    CHECK(gradient_of(z, z.detach(), theta).sizes() == c10::IntArrayRef({0, 9}));
    const torch::Tensor mu = torch_marginals<1>(layer, theta, key);
    CHECK(mu.sizes() == c10::IntArrayRef({0, 9}));
    CHECK(gradient_of(mu, mu.detach(), theta).sizes() == c10::IntArrayRef({0, 9}));
    const torch::NoGradGuard no_grad;
    CHECK(torch_samples<1>(layer, theta, key).sizes() == c10::IntArrayRef({0, 8, 9}));
}

TEST_CASE("if no gradient is needed there is no graph", "[adapters][torch]") {
    auto layer = top_3();
    const torch::Tensor theta = numbers({4, 9}, 1);
    const torch::Tensor wanted = theta.clone().requires_grad_();
    const torch::Tensor z = torch_samples<1>(layer, wanted, key);
    const torch::Tensor mu = torch_marginals<1>(layer, wanted, key);
    CHECK(z.grad_fn()->name() == "imle::torch_samples");
    CHECK(mu.grad_fn()->name() == "imle::torch_marginals");
    const auto none = [&](const torch::Tensor& t) {
        const torch::Tensor other_z = torch_samples<1>(layer, t, key);
        const torch::Tensor other_mu = torch_marginals<1>(layer, t, key);
        return same(other_z, z.detach()) && same(other_mu, mu.detach()) && !other_z.requires_grad() &&
               !other_mu.requires_grad() && !other_z.grad_fn() && !other_mu.grad_fn();
    };
    CHECK(none(theta));
    {
        const torch::NoGradGuard no_grad;
        CHECK(none(wanted));
    }
    const c10::InferenceMode inference;
    CHECK(none(wanted));
}

TEST_CASE("the layer can be used twice in one graph, and z changed in place", "[adapters][torch]") {
    auto layer = top_3();
    const torch::Tensor theta = numbers({4, 9}, 1).requires_grad_();
    const torch::Tensor a = numbers({4, 8, 9}, 2), b = numbers({4, 8, 9}, 3);
    const auto gradient = [&](random_key k, const torch::Tensor& dz) {
        return gradient_of(torch_samples<1>(layer, theta, k), dz, theta);
    };

    // Two nodes: their gradients add up.
    const torch::Tensor first = torch_samples<1>(layer, theta, key);
    const torch::Tensor second = torch_samples<1>(layer, theta, random_key{8});
    ((first * a).sum() + (second * b).sum()).backward();
    CHECK(same(theta.grad(), gradient(key, a) + gradient(random_key{8}, b)));

    // One node, used twice: its cotangents add up, which is something else.
    const torch::Tensor z = torch_samples<1>(layer, theta, key);
    const torch::Tensor both = torch::autograd::grad({(z * a).sum() + (z * b).sum()}, {theta})[0];
    CHECK(same(both, gradient(key, a + b)));
    CHECK_FALSE(same(both, gradient(key, a) + gradient(key, b)));

    // A second layer on the output of the first, plus theta. A mean over 8 samples divides exactly.
    const torch::Tensor chain = torch_samples<1>(layer, theta, key);
    const torch::Tensor next = chain.mean(1) + theta;
    const torch::Tensor last = torch_samples<1>(layer, next, random_key{8});
    const torch::Tensor found = gradient_of(last, b, theta);
    const torch::Tensor leaf = next.detach().requires_grad_();
    const torch::Tensor dnext = gradient_of(torch_samples<1>(layer, leaf, random_key{8}), b, leaf);
    CHECK(same(found, dnext + gradient(key, (dnext / 8).unsqueeze(1).expand({4, 8, 9}))));

    // z is changed, and so is theta, before the backward pass.
    torch::Tensor changed = torch_samples<1>(layer, theta, key);
    const torch::Tensor expected = gradient(key, a * 2);
    changed.mul_(2).sub_(1);
    {
        const torch::NoGradGuard no_grad;
        theta.zero_();
    }
    CHECK(same(gradient_of(changed, a, theta), expected));
}

TEST_CASE("a retained graph gives the same gradient again", "[adapters][torch]") {
    auto layer = top_3();
    const torch::Tensor theta = numbers({4, 9}, 1).requires_grad_();
    const torch::Tensor dz = numbers({4, 8, 9}, 2);
    const torch::Tensor z = torch_samples<1>(layer, theta, key);
    const torch::Tensor first = gradient_of(z, dz, theta, true);
    CHECK(same(gradient_of(z, dz, theta, true), first));
    CHECK(same(gradient_of(z, dz, theta, false), first));
    CHECK(says(message_of<c10::Error>([&] { (void)gradient_of(z, dz, theta); }),
               {"backward through the graph a second time"}));

    // An adaptive target moves after each: the second run takes the next step.
    auto moving = adaptive_top_3();
    const torch::Tensor mu = torch_marginals<1>(moving, theta, key);
    const auto before = moving.target().state();
    (void)gradient_of(mu, numbers({4, 9}, 2), theta, true);
    const auto once = moving.target().state();
    (void)gradient_of(mu, numbers({4, 9}, 2), theta, true);
    CHECK_FALSE(before == once);
    CHECK_FALSE(once == moving.target().state());
}

TEST_CASE("a second derivative is an error", "[adapters][torch][errors]") {
    auto layer = top_3();
    const torch::Tensor theta = numbers({4, 9}, 1).requires_grad_();
    const torch::Tensor scale = torch::ones({}, torch::requires_grad());
    const torch::Tensor weights = numbers({4, 9}, 2);
    for (const bool samples : {true, false}) {
        const torch::Tensor mu =
            samples ? torch_samples<1>(layer, theta, key).mean(1) : torch_marginals<1>(layer, theta, key);
        const torch::Tensor gradient =
            torch::autograd::grad({(mu * weights * scale).sum()}, {theta}, {}, true, true)[0];
        CHECK(gradient.requires_grad());
        // With respect to theta, to what the cotangent was made of, and to everything.
        for (const torch::Tensor& of : {theta, scale})
            CHECK(says(message_of<c10::Error>([&] {
                           (void)torch::autograd::grad({gradient.sum()}, {of}, {}, true, false, true);
                       }),
                       {"imle: a second derivative", "expected first derivatives only"}));
        CHECK(says(message_of<c10::Error>([&] { (gradient * gradient).sum().backward({}, true); }),
                   {"imle: a second derivative"}));
        // As numbers it may be used.
        CHECK(torch::autograd::grad({(gradient.detach() * theta).sum()}, {theta})[0].defined());
    }
}

TEST_CASE("an undefined cotangent costs no solve", "[adapters][torch]") {
    script told;
    auto layer = scripted(told);
    const torch::Tensor theta = numbers({3, 2}, 1).requires_grad_();
    const torch::Tensor z = undefined_gradient::apply(torch_samples<1>(layer, theta, key));
    const torch::Tensor mu = undefined_gradient::apply(torch_marginals<1>(layer, theta, key));
    const int solves = told.solves;
    CHECK(solves == 6);
    (z.sum() + mu.sum()).backward();
    CHECK(told.solves == solves);
    CHECK_FALSE(theta.grad().defined());

    // Nor does an output that the loss does not use, or a gradient that nobody asks for.
    const torch::Tensor unused = torch_samples<1>(layer, theta, key);
    const torch::Tensor other = torch::ones({}, torch::requires_grad());
    const int now = told.solves;
    theta.sum().backward();
    (void)torch::autograd::grad({(unused * other).sum()}, {other});
    CHECK(told.solves == now);
}

TEST_CASE("a tensor that does not fit is a c10::Error", "[adapters][torch][errors]") {
    auto layer = top_3();
    const auto message = [&](const torch::Tensor& theta) {
        const std::string samples =
            message_of<c10::Error>([&] { (void)torch_samples<1>(layer, theta, key); });
        const std::string marginals =
            message_of<c10::Error>([&] { (void)torch_marginals<1>(layer, theta, key); });
        const auto first_line = [](const std::string& s) { return s.substr(0, s.find('\n')); };
        CHECK(first_line(samples) == first_line(marginals));
        return samples;
    };
    const torch::Tensor theta = numbers({4, 9}, 1);
    CHECK(says(message({}), {"imle: theta is an undefined tensor"}));
    CHECK(says(message(theta.to(torch::kMeta)), {"imle: theta is on device meta", "on the CPU"}));
    CHECK(says(message(theta.to_sparse()), {"imle: theta has the layout Sparse", "dense"}));
    CHECK(
        says(message(theta.to(torch::kHalf)), {"imle: theta's numbers are of type Half", "Float or Double"}));
    CHECK(says(message(theta.to(torch::kLong)), {"type Long", "Float or Double"}));
    CHECK(says(message(torch::complex(theta, theta)), {"type ComplexFloat", "Float or Double"}));
    CHECK(says(message(theta[0]),
               {"imle: theta is a tensor of shape [9]", "a batch dimension and 1 instance"}));
    CHECK(says(message(theta.view({4, 3, 3})), {"of shape [4, 3, 3]"}));
    {
        const std::uint64_t level = torch::autograd::forward_ad::enter_dual_level();
        const torch::Tensor dual = torch::_make_dual(theta, theta, static_cast<std::int64_t>(level));
        CHECK(says(message(dual), {"imle: theta has a forward-mode tangent"}));
        torch::autograd::forward_ad::exit_dual_level(level);
    }

    script told;
    auto of_float = scripted(told);
    CHECK(says(message_of<c10::Error>([&] {
                   (void)torch_samples<1>(of_float, numbers({3, 2}, 1, torch::kDouble), key);
               }),
               {"type Double, which the layer's solver", "expected Float"}));
    // A cotangent that does not fit.
    const torch::Tensor leaf = theta.clone().requires_grad_();
    const torch::Tensor z = torch_samples<1>(layer, leaf, key);
    CHECK(says(message_of<c10::Error>([&] { (void)gradient_of(z, numbers({4, 9}, 2), leaf); }), {"shape"}));
    CHECK(says(message_of<c10::Error>([&] {
                   (void)gradient_of(z, numbers({4, 8, 9}, 2).to_sparse(), leaf);
               }),
               {"imle: the cotangent has the layout Sparse", "dense"}));
}

TEST_CASE("exceptions of layer and solver arrive unchanged, forward and backward",
          "[adapters][torch][errors]") {
    auto layer = top_3();
    torch::Tensor theta = numbers({4, 9}, 1).requires_grad_();
    CHECK(says(message_of<std::invalid_argument>([&] {
                   (void)torch_samples<1>(layer, torch::full({1, 9}, NAN), key);
               }),
               {"theta", "nan"}));
    CHECK(says(message_of<std::invalid_argument>(
                   [&] { (void)torch_marginals<1>(layer, theta.slice(1, 0, 2), key); }),
               {"top_k"}));
    const torch::Tensor z = torch_samples<1>(layer, theta, key);
    CHECK(says(message_of<std::invalid_argument>([&] {
                   (void)gradient_of(z, torch::full({4, 8, 9}, INFINITY), theta);
               }),
               {"dz", "finite"}));

    theta = numbers({3, 2}, 1).requires_grad_();
    const torch::Tensor dz = 10 * numbers({3, 1, 2}, 2);
    script told;
    auto failing = scripted(told);
    const auto use = [&](int from, void (*fail)()) {
        told = {0, from, fail};
        const torch::Tensor output = torch_samples<1>(failing, theta, key);
        output.backward(dz);
    };
    for (const int from : {1, 4}) {  // forward, backward
        CHECK_THROWS_AS(use(from, [] { throw imle::solve_failure(imle::solve_status::infeasible); }),
                        imle::solve_failure);
        CHECK_THROWS_AS(use(from, [] { throw std::domain_error("the user's"); }), std::domain_error);
    }
    CHECK_THROWS_AS(use(1, [] { throw users_error{3}; }), users_error);
    try {
        use(4, [] { throw users_error{4}; });
        FAIL("the error of the backward pass was lost");
    } catch (const std::runtime_error& error) {
        CHECK(says(error.what(), {"something that is no std::exception"}));
        CHECK_THROWS_AS(std::rethrow_if_nested(error), users_error);
    }
    use(-1, nullptr);  // and after all that it works
    CHECK(told.solves == 6);
}

TEST_CASE("a graph outlives its layer and its module", "[adapters][torch]") {
    const torch::Tensor theta = numbers({4, 9}, 1).requires_grad_();
    const torch::Tensor dz = numbers({4, 8, 9}, 2), dmu = numbers({4, 9}, 3);
    torch::Tensor z, mean, mu;
    {
        auto layer = top_3();
        z = torch_samples<1>(layer, theta, key);
        mean = torch_marginals<1>(layer, theta, key);
        auto module = imle::make_torch_layer<1>(top_3(), key, imle::torch_output::marginals);
        mu = module->forward_with(theta, key);
    }
    auto layer = top_3();
    CHECK(same(gradient_of(z, dz, theta), gradient_of(torch_samples<1>(layer, theta, key), dz, theta)));
    for (const torch::Tensor& late : {mean, mu})
        CHECK(same(gradient_of(late, dmu, theta),
                   gradient_of(torch_marginals<1>(layer, theta, key), dmu, theta)));
}

TEST_CASE("threads with separate layers do not interfere", "[adapters][torch][threads]") {
    const auto run = [](std::uint64_t seed) {
        auto layer = top_3({.samples = 8, .threads = seed % 2 == 0 ? 1 : 2});
        torch::Tensor sum = torch::zeros({6, 9});
        for (std::uint64_t step = 0; step < 20; ++step) {
            const torch::Tensor theta = numbers({6, 9}, seed).requires_grad_();
            const torch::Tensor loss = (torch_samples<1>(layer, theta, key.fold_in(step)).mean(1) *
                                        numbers({6, 9}, seed + step + 100))
                                           .sum();
            loss.backward();
            sum += theta.grad();
        }
        return sum;
    };
    std::array<torch::Tensor, 4> found;
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < found.size(); ++i) threads.emplace_back([&, i] { found[i] = run(i); });
    }
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(same(found[i], run(i)));
}

TEST_CASE("torch_layer draws the noise of the next number", "[adapters][torch]") {
    auto layer = top_3();
    auto module = imle::make_torch_layer<1>(layer, key);
    const torch::Tensor theta = numbers({4, 9}, 1);
    CHECK(same(module(theta), torch_samples<1>(layer, theta, key.fold_in(0))));
    module->eval();
    CHECK(same(module(theta), torch_samples<1>(layer, theta, key.fold_in(1))));
    CHECK_THROWS_AS(module(theta[0]), c10::Error);
    CHECK(module->step() == 2);
    CHECK(same(module->forward_with(theta, key, 3), torch_samples<1>(layer, theta, key, 3)));
    CHECK(module->step() == 2);
    module->set_step(5);
    const auto copy = std::dynamic_pointer_cast<imle::torch_layer_impl<1, decltype(layer)>>(module->clone());
    CHECK_FALSE(copy->is_training());
    CHECK(same(copy->forward(theta), torch_samples<1>(layer, theta, key.fold_in(5))));
    CHECK(same(copy->forward(theta), torch_samples<1>(layer, theta, key.fold_in(6))));
    CHECK(module->step() == 5);
    auto mean = imle::make_torch_layer<1>(layer, key, imle::torch_output::marginals);
    CHECK(same(mean(theta), torch_marginals<1>(layer, theta, key.fold_in(0))));

    // [sequential]
    torch::nn::Sequential net(
        torch::nn::Linear(4, 9),
        imle::make_torch_layer<1>(top_3({.samples = 8}), key, imle::torch_output::marginals));
    // [/sequential]
    CHECK(net->forward(numbers({2, 4}, 1)).sizes() == c10::IntArrayRef({2, 9}));
    std::ostringstream printed;
    printed << net;
    CHECK(says(printed.str(), {"(1): imle::torch_layer(instance_rank=1, output=marginals, samples=8, "
                               "input_temperature=1, target_temperature=1, difference=forward, threads=1, "
                               "failures=throw_error, statistics=false)"}));
}

TEST_CASE("training resumes from a save, bit for bit", "[adapters][torch]") {
    struct training {
        torch::nn::Linear linear{5, 9};
        imle::torch_layer<1, decltype(adaptive_top_3())> choose;
        torch::nn::Sequential net;
        explicit training(random_key k)
            : choose(adaptive_top_3(imle::beta_update::multiplicative), k, imle::torch_output::marginals),
              net(linear, choose) {
            const torch::NoGradGuard no_grad;
            linear->weight.copy_(numbers({9, 5}, 4));
            linear->bias.zero_();
        }
        void steps(int count) {
            for (int i = 0; i < count; ++i) {
                net->zero_grad();
                const torch::Tensor x = numbers({6, 5}, choose->step());
                (net->forward(x) - numbers({6, 9}, 50)).pow(2).sum().backward();
                const torch::NoGradGuard no_grad;
                linear->weight -= 0.1 * linear->weight.grad();
            }
        }
    };
    training whole(key), half(key), other(random_key{99});
    whole.steps(6);
    half.steps(3);
    std::stringstream file;
    torch::save(half.net, file);
    other.steps(1);
    torch::load(other.net, file);
    CHECK(other.choose->key() == key);
    CHECK(other.choose->step() == 3);
    CHECK(other.choose->layer().target().state() == half.choose->layer().target().state());
    other.net->to(torch::kDouble);  // which rounds parameters and buffers alone
    other.net->to(torch::kFloat);
    other.steps(3);
    CHECK(same(other.linear->weight, whole.linear->weight));
    CHECK(other.choose->layer().target().state() == whole.choose->layer().target().state());
    CHECK(whole.choose->layer().target().state().beta != 1);

    // All four numbers.
    const imle::adaptive_target_state four{2, 3, -0.5, 0.25};
    half.choose->layer().target().restore(four);
    std::stringstream again;
    torch::save(half.net, again);
    torch::load(other.net, again);
    CHECK(other.choose->layer().target().state() == four);
}

TEST_CASE("an archive that does not fit changes nothing", "[adapters][torch][errors]") {
    const auto saved = [](const auto& module) {
        std::stringstream file;
        torch::save(module, file);
        return file;
    };
    auto adaptive = imle::make_torch_layer<1>(adaptive_top_3(), key);
    auto plain = saved(imle::make_torch_layer<1>(top_3(), random_key{5}));
    CHECK(says(message_of<c10::Error>([&] { torch::load(adaptive, plain); }), {"no imle_adaptive_target"}));
    CHECK(adaptive->key() == key);
    auto linear = saved(torch::nn::Linear(2, 2));
    CHECK(says(message_of<c10::Error>([&] { torch::load(adaptive, linear); }), {"no imle_key_and_step"}));

    struct learning_target : imle::perturbation_target {
        void update(const imle::target_sums&) {}
    };
    const auto unknown =
        imle::make_torch_layer<1>(imle::imle_layer{imle::top_k{3}, imle::gumbel{}, learning_target{}}, key);
    CHECK(says(message_of<c10::Error>([&] { (void)saved(unknown); }), {"the state of the layer's target"}));
}

TEST_CASE("a loss falls in ten lines", "[adapters][torch]") {
    const torch::Tensor x = numbers({16, 5}, 1);
    const torch::Tensor truth = numbers({5, 9}, 2);
    const torch::Tensor wanted = torch::zeros({16, 9}).scatter_(1, std::get<1>(x.mm(truth).topk(3, 1)), 1);
    std::vector<float> losses;
    // [train]
    imle::imle_layer layer{
        imle::top_k{3}, imle::gumbel{}, imle::perturbation_target{.beta = 10}, {.samples = 16}};
    torch::nn::Linear net(5, 9);
    torch::optim::SGD optimizer(net->parameters(), 0.1);
    for (std::uint64_t step = 0; step < 100; ++step) {
        const torch::Tensor theta = net->forward(x);  // [batch, 9]
        const torch::Tensor z =
            imle::torch_samples<1>(layer, theta, imle::random_key{1}.fold_in(step));  // [batch, 16, 9]
        const torch::Tensor loss = (z.mean(1) - wanted).square().sum();
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        losses.push_back(loss.item<float>());
    }
    // [/train]
    CHECK(losses.back() < 0.3F * losses.front());
}
