#include <imle/testing/check_target.hpp>

#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/loss_gradient_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include <cmath>
#include <cstddef>
#include <span>

#include "support/catch.hpp"

using imle::testing::check_target;
using imle::testing::law_report;

namespace {

template <class TargetT>
void require_lawful(const TargetT& target) {
    for (const law_report& report : {check_target<float>(target), check_target<double>(target)}) {
        INFO(report);
        CHECK(report.passed());
    }
}

// Targets that each break one law, otherwise theta' = theta - dz.
using in = std::span<const float>;
using out = std::span<float>;

struct right {
    void parameters(in theta, in dz, out theta_prime) const {
        for (std::size_t i = 0; i < theta_prime.size(); ++i) theta_prime[i] = theta[i] - dz[i];
    }
};
struct skips_zeros : right {  // leaves theta' unwritten where dz is 0
    void parameters(in theta, in dz, out theta_prime) const {
        for (std::size_t i = 0; i < theta_prime.size(); ++i)
            if (dz[i] != 0) theta_prime[i] = theta[i] - dz[i];
    }
};
struct divides : right {  // by a norm that may be 0
    void parameters(in theta, in dz, out theta_prime) const {
        float norm = 0;
        for (const float d : dz) norm += d * d;
        for (std::size_t i = 0; i < theta_prime.size(); ++i) theta_prime[i] = theta[i] - dz[i] / norm;
    }
};
struct writes_too_much : right {
    void parameters(in theta, in dz, out theta_prime) const {
        right::parameters(theta, dz, theta_prime);
        theta_prime.data()[theta_prime.size()] = 0;
    }
};
struct counts : right {
    mutable int calls = 0;
    void parameters(in theta, in dz, out theta_prime) const {
        ++calls;
        for (std::size_t i = 0; i < theta_prime.size(); ++i)
            theta_prime[i] = theta[i] - dz[i] * static_cast<float>(calls);
    }
};
struct drifts : right {  // moves theta although dz is 0
    void parameters(in theta, in dz, out theta_prime) const {
        for (std::size_t i = 0; i < theta_prime.size(); ++i) theta_prime[i] = theta[i] - dz[i] - 0.25f;
    }
};
struct divides_by_nothing : right {
    double gradient_divisor() const { return -1; }
};
struct drifts_in_calls : right {
    drifts for_call(const imle::target_sums&) const { return {}; }
};

}  // namespace

TEST_CASE("The built-in targets keep their laws", "[testing][laws]") {
    require_lawful(imle::perturbation_target{});
    require_lawful(imle::perturbation_target{.alpha = 0, .beta = 10, .scale_gradient = true});
    require_lawful(imle::perturbation_target{.alpha = 0.3, .beta = 0});
    require_lawful(imle::loss_gradient_target{});
    require_lawful(imle::adaptive_target{});
    require_lawful(
        imle::adaptive_target{imle::adaptive_target_options{.initial_alpha = 0.5, .initial_beta = 3}});
}

TEST_CASE("Each law that a target breaks is reported", "[testing][laws]") {
    const char* written = "all of theta_prime is written, and finite for finite input";
    CHECK(check_target<float>(right{}).passed());
    CHECK(check_target<float>(skips_zeros{}).broken(written));
    CHECK(check_target<float>(divides{}).broken(written));
    CHECK(check_target<float>(writes_too_much{}).broken("nothing else is written"));
    CHECK(check_target<float>(counts{}).broken("pure: same arguments, same bits"));
    CHECK(check_target<float>(drifts{}).broken("dz = 0 leaves alpha * theta"));
    CHECK(check_target<float>(drifts{}).failures().size() == 1);
    CHECK(check_target<float>(drifts_in_calls{}).broken("dz = 0 leaves alpha * theta"));
    CHECK(check_target<float>(divides_by_nothing{})
              .broken("the gradient's divisor is finite and not negative"));
}
