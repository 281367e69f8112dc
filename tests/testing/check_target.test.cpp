#include <imle/testing/check_target.hpp>

#include <imle/targets/adaptive_target.hpp>
#include <imle/targets/loss_gradient_target.hpp>
#include <imle/targets/perturbation_target.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>

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
struct uphill : right {
    void parameters(in theta, in dz, out theta_prime) const {
        for (std::size_t i = 0; i < theta_prime.size(); ++i) theta_prime[i] = theta[i] + dz[i];
    }
};
struct never_moves : right {
    void parameters(in theta, in, out theta_prime) const {
        std::copy(theta.begin(), theta.end(), theta_prime.begin());
    }
};
struct says_that_it_never_moves : never_moves {
    double gradient_divisor() const { return 0; }
};
struct reads_dz_backwards : right {
    void parameters(in theta, in dz, out theta_prime) const {
        for (std::size_t i = 0; i < theta_prime.size(); ++i)
            theta_prime[i] = theta[i] - dz[dz.size() - 1 - i];
    }
};
struct never_moves_in_calls : right {
    never_moves for_call(const imle::target_sums&) const { return {}; }
};
struct uphill_for_instances : right {
    uphill for_instance(const imle::target_sums&) const { return {}; }
};
struct learns : right {  // a step that moves with the share of changes
    float step = 1;
    void parameters(in theta, in dz, out theta_prime) const {
        for (std::size_t i = 0; i < theta_prime.size(); ++i) theta_prime[i] = theta[i] - step * dz[i];
    }
    void update(const imle::target_sums& sums) {
        if (sums.differences == 0) return;
        const float changes = static_cast<float>(sums.nonzeros) / static_cast<float>(sums.differences);
        step = 0.9F * step + 0.1F / (1 + changes);
    }
};
struct learns_nan : learns {  // where no call had an instance: 0 / 0
    void update(const imle::target_sums& sums) {
        step *= static_cast<float>(sums.nonzeros) / static_cast<float>(sums.differences);
    }
};
struct learns_nan_from_silence : learns {  // where nothing changed: 0 * infinity
    void update(const imle::target_sums& sums) {
        if (sums.differences == 0) return;
        step *= static_cast<float>(sums.nonzeros) * (1 / static_cast<float>(sums.nonzeros));
    }
};
struct learns_uphill : learns {
    void update(const imle::target_sums& sums) {
        if (sums.nonzeros > sums.differences) step -= 0.1F;  // with no stop at 0
    }
};
struct learns_to_throw : learns {
    void update(const imle::target_sums& sums) {
        if (sums.nonzeros == 0) throw std::domain_error("nothing to learn");
    }
};
struct drifts_in_calls : right {
    drifts for_call(const imle::target_sums&) const { return {}; }
};

}  // namespace

TEST_CASE("The built-in targets keep their laws", "[testing][laws]") {
    require_lawful(imle::perturbation_target{});
    require_lawful(imle::perturbation_target{.alpha = 0, .beta = 10, .scale_gradient = true});
    require_lawful(imle::perturbation_target{.alpha = 0.3, .beta = 0});
    require_lawful(imle::perturbation_target{.alpha = 0, .beta = 0, .scale_gradient = true});
    require_lawful(imle::perturbation_target{.alpha = -2, .beta = 1e-3});
    require_lawful(imle::loss_gradient_target{});
    require_lawful(imle::adaptive_target{});
    require_lawful(
        imle::adaptive_target{imle::adaptive_target_options{.initial_alpha = 0.5, .initial_beta = 3}});
    require_lawful(imle::adaptive_target{imle::adaptive_target_options{.initial_beta = 0}});
    require_lawful(imle::adaptive_target{imle::adaptive_target_options{.initial_beta = 0.5, .beta_step = 1}});
    require_lawful(imle::instance_adaptive_target{});
    require_lawful(imle::instance_adaptive_target{imle::adaptive_target_options{.initial_alpha = 0}});
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

TEST_CASE("A target that does not go downhill is found", "[testing][laws]") {
    const char* downhill = "downhill: <theta'(dz) - theta'(-dz), dz> is not positive";
    const char* moves = "dz moves theta', or gradient_divisor() is 0";
    CHECK(check_target<float>(uphill{}).broken(downhill));
    CHECK(check_target<float>(uphill{}).broken(moves));
    CHECK(check_target<float>(uphill_for_instances{}).broken(downhill));
    CHECK(check_target<float>(reads_dz_backwards{}).broken(downhill));
    CHECK(check_target<float>(never_moves{}).failures().size() == 1);
    CHECK(check_target<float>(never_moves{}).broken(moves));
    CHECK(check_target<float>(never_moves_in_calls{}).broken(moves));
    CHECK(check_target<float>(says_that_it_never_moves{}).passed());
}

TEST_CASE("A target that an update breaks is found", "[testing][laws]") {
    const char* written = "all of theta_prime is written, and finite for finite input";
    CHECK(check_target<float>(learns{}).passed());
    CHECK(check_target<float>(learns_nan{}).broken(written));
    CHECK(check_target<float>(learns_nan_from_silence{}).broken(written));
    CHECK(check_target<float>(learns_uphill{})
              .broken("downhill: <theta'(dz) - theta'(-dz), dz> is not positive"));
    CHECK(check_target<float>(learns_to_throw{}).broken("update leaves a target that works"));
}
