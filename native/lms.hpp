// The cancellers LMS, NLMS (order 1) and affine projection: residual = primary - w * reference.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "affine_projection.hpp"
#include "controller.hpp"
#include "delay_line.hpp"

namespace antiphase {

template <class T, std::size_t Order>
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
      const std::size_t whole = count - count % sweep_samples;
      if (whole > 0) blocks<sweep_samples>(newest, primary, residual, whole);
      blocks<1>(newest + whole, primary + whole, residual + whole, count - whole);
      reference += count;
      primary += count;
      residual += count;
      n -= count;
    }
  }

 private:
  static constexpr std::size_t chunk = 480;

  // n frames, a multiple of Count.
  template <std::size_t Count>
  void blocks(const T* newest, const T* primary, T* residual, std::size_t n) {
    typename Projection<T, Order>::template Block<Count> block;
    for (std::size_t start = 0; start < n; start += Count) {
      if (start == 0 || !fused<Count>()) core_.begin(block, newest + start, !this->adapting_);
      std::array<T, Count> error;
#pragma GCC unroll 8
      for (std::size_t k = 0; k < Count; ++k) {
        error[k] = static_cast<T>(core_.update(block, k, primary[start + k]));
      }
      std::copy_n(error.data(), Count, residual + start);
      if constexpr (fused<Count>()) {
        if (start + Count < n) {
          core_.finish_and_begin(block);
          continue;
        }
      }
      core_.finish(block);
    }
  }

  template <std::size_t Count>
  static constexpr bool fused() {
    return Order == 1 && Count == sweep_samples;
  }

  Projection<T, Order> core_;
  DelayLine<T> history_;
};

}  // namespace antiphase
