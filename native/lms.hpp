// The cancellers LMS, NLMS (order 1) and affine projection: residual = primary - w * reference.
#pragma once

#include <algorithm>
#include <cstddef>

#include "affine_projection.hpp"
#include "controller.hpp"
#include "delay_line.hpp"

namespace antiphase {

template <class T>
class Lms : public Canceller<T> {
 public:
  Lms(std::size_t n_taps, std::size_t order, StepRule rule)
      : core_(n_taps, order, rule), history_(core_.reach(), chunk) {}

  std::size_t n_taps() const { return core_.n_taps(); }

  // Weights as an impulse response: taps[0] meets the newest sample. The core adds, so it holds -w.
  void taps(T* out) const {
    std::transform(core_.weights().rbegin(), core_.weights().rend(), out, [](T w) { return -w; });
  }
  void set_taps(const T* in) {
    std::transform(in, in + n_taps(), core_.weights().rbegin(), [](T w) { return -w; });
    core_.forget_outputs();
  }

  double mu() const { return core_.rule().mu(); }
  void set_mu(double mu) { core_.rule().set_mu(mu); }

  void reset() override {
    core_.reset();
    history_.reset();
  }

  void visit(Archive& archive) override {
    archive.expect("Lms");
    core_.visit(archive);
    history_.visit(archive);
  }

 protected:
  void run(const T* reference, const T* primary, T* residual, std::size_t n) override {
    while (n > 0) {
      const std::size_t count = std::min(n, chunk);
      history_.push(reference, count);
      const T* newest = history_.end() - count;
      for (std::size_t k = 0; k < count;) {
        const std::size_t block = count - k >= sweep_samples ? sweep_samples : 1;
        core_.begin(newest + k, block);
        for (std::size_t j = 0; j < block; ++j, ++k) {
          residual[k] = static_cast<T>(core_.error(j, primary[k]));
          core_.adapt(j, !this->adapting_);
        }
        core_.finish();
      }
      reference += count;
      primary += count;
      residual += count;
      n -= count;
    }
  }

 private:
  static constexpr std::size_t chunk = 128;

  Projection<T> core_;
  DelayLine<T> history_;
};

}  // namespace antiphase
