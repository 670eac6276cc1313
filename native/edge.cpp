// The kernels of the edge package as plain C functions, in double: no Python, no numpy, no state
// between calls. Weights and windows are oldest first; `inout` holds the second signal on entry and
// the output on return.
#include <algorithm>
#include <cstddef>

#include "float_mode.hpp"
#include "simd.hpp"
#include "step_rule.hpp"
#include "sweep.hpp"

namespace {

struct Energy {
  const double* signal;
  std::size_t n_taps;
  double value = 0;
  std::size_t until_exact = 0;

  // Energy of the window that begins at k; a running sum is renewed before it drifts.
  double at(std::size_t k) {
    if (until_exact == 0) {
      value = antiphase::energy(signal + k, n_taps);
      until_exact = 480;
    } else {
      const double gone = signal[k - 1], come = signal[k + n_taps - 1];
      value = std::max(0.0, value + come * come - gone * gone);
    }
    --until_exact;
    return value;
  }
};

antiphase::StepRule make_rule(double mu, double leakage, double epsilon, double floor, double peak) {
  antiphase::StepRule rule(mu, leakage, epsilon, floor, true, antiphase::Robust::none);
  rule.set_peak(peak);
  return rule;
}

}  // namespace

extern "C" {

int antiphase_edge_abi() { return 1; }

void antiphase_nlms(const double* reference, double* inout, double* weights, std::size_t n,
                    std::size_t n_taps, double mu, double leakage, double epsilon, double floor,
                    double* peak) {
  const antiphase::FlushDenormals flush;
  antiphase::StepRule rule = make_rule(mu, leakage, epsilon, floor, *peak);
  Energy energy{reference, n_taps};
  for (std::size_t k = 0; k < n; ++k) {
    const double error = inout[k] - antiphase::dot(weights, reference + k, n_taps);
    const double gain = rule.step(energy.at(k)) * error;
    if (leakage != 1.0) {
      for (std::size_t i = 0; i < n_taps; ++i) weights[i] *= leakage;
    }
    antiphase::axpy(gain, reference + k, weights, n_taps);
    inout[k] = error;
  }
  *peak = rule.peak();
}

void antiphase_fxnlms(const double* reference, const double* filtered, double* inout,
                      double* weights, std::size_t n, std::size_t n_taps, double mu, double leakage,
                      double epsilon, double floor, double* peak) {
  const antiphase::FlushDenormals flush;
  antiphase::StepRule rule = make_rule(mu, leakage, epsilon, floor, *peak);
  Energy energy{filtered, n_taps};
  for (std::size_t k = 0; k < n; ++k) {
    const double gain = -rule.step(energy.at(k)) * inout[k];
    inout[k] = antiphase::adapt_and_filter(weights, filtered + k, gain, reference + k, leakage, n_taps);
  }
  *peak = rule.peak();
}

void antiphase_convolve(const double* signal, const double* path, double* out, std::size_t n,
                        std::size_t path_taps) {
  for (std::size_t k = 0; k < n; ++k) out[k] = antiphase::dot(signal + k, path, path_taps);
}

}  // extern "C"
