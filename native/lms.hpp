// LMS and NLMS, plain and leaky: residual = primary - w * reference.
#pragma once

#include <algorithm>
#include <cstddef>

#include "controller.hpp"
#include "delay_line.hpp"
#include "simd.hpp"

namespace antiphase {

template <class T>
class Lms : public Canceller<T> {
 public:
  // normalised: step mu / (epsilon + |x|^2); otherwise step mu.
  Lms(std::size_t n_taps, double mu, double leakage, double epsilon, bool normalised)
      : mu_(mu), leakage_(leakage), epsilon_(epsilon), normalised_(normalised),
        history_(n_taps), weights_(n_taps, T(0)) {}

  std::size_t n_taps() const { return weights_.size(); }

  // Weights as an impulse response: taps[0] meets the newest sample.
  void taps(T* out) const { std::reverse_copy(weights_.begin(), weights_.end(), out); }
  void set_taps(const T* in) { std::reverse_copy(in, in + weights_.size(), weights_.begin()); }

  double mu() const { return mu_; }
  void set_mu(double mu) { mu_ = mu; }

  void reset() override {
    history_.reset();
    std::fill(weights_.begin(), weights_.end(), T(0));
    energy_ = 0;
    until_exact_ = 0;
  }

  void visit(Archive& archive) override {
    archive.expect("Lms");
    archive.expect("n_taps", weights_.size());
    archive.expect("scalar bytes", sizeof(T));
    archive(weights_);
    history_.visit(archive);
    archive(energy_);
    archive(until_exact_);
  }

 protected:
  void run(const T* reference, const T* primary, T* residual, std::size_t n) override {
    const std::size_t length = weights_.size();
    for (std::size_t i = 0; i < n; ++i) {
      const double gone = history_.newest(length - 1);
      history_.push(reference[i]);
      const T* x = history_.window();
      // Exact energy once per 480 samples: the running difference drifts.
      if (until_exact_ == 0) {
        energy_ = energy(x, length);
        until_exact_ = 480;
      } else {
        const double come = reference[i];
        energy_ = std::max(0.0, energy_ + come * come - gone * gone);
      }
      --until_exact_;
      const T error = primary[i] - dot(weights_.data(), x, length);
      residual[i] = error;
      if (!this->adapting_) continue;
      const double step = normalised_ ? mu_ / (epsilon_ + energy_) : mu_;
      if (leakage_ != 1.0) {
        for (T& w : weights_) w *= static_cast<T>(leakage_);
      }
      axpy(static_cast<T>(step * error), x, weights_.data(), length);
    }
  }

 private:
  double mu_, leakage_, epsilon_;
  bool normalised_;
  DelayLine<T> history_;
  Buffer<T> weights_;
  double energy_ = 0;
  std::uint32_t until_exact_ = 0;
};

}  // namespace antiphase
