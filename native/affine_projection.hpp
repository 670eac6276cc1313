// Affine projection, exact in blocks of eight samples: the errors of a block are computed with the
// weights at its start, corrected by sliding correlations of the regressor, and the weights are
// updated once. Order 1 is (N)LMS. Sign: error = target + w . u, w <- leakage w - U gamma.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "archive.hpp"
#include "simd.hpp"
#include "sliding.hpp"
#include "small_solve.hpp"
#include "step_rule.hpp"
#include "sweep.hpp"

namespace antiphase {

// Order known when compiling (1), or `any_order`: given to the constructor.
constexpr std::size_t any_order = 0;

template <class T, std::size_t Order>
class Projection {
  static constexpr std::size_t max_terms = Order == 1 ? sweep_samples : max_order - 1 + sweep_samples;

 public:
  // Values that `corrected` may read after a row.
  static constexpr std::size_t row_padding = 4;

  // What a block of Count (1 or 8) frames keeps while it is worked on. Weights in force at a frame:
  // scale (weights at the start + sum_j gains[j] u[. + j]), j counted from order - 1 frames before
  // the block.
  template <std::size_t Count>
  struct Block {
    const T* u;
    bool frozen;
    double keep, scale, unscale;
    std::array<double, Count> step;
    std::array<T, Count> product;
    std::array<double, max_terms + row_padding> gains;

    void rescale() {
      scale *= keep;
      unscale = 1.0 / scale;
    }
  };

  Projection(std::size_t n_taps, std::size_t order, StepRule rule)
      : order_(order), rule_(rule), correlation_(n_taps, order + sweep_samples - 1),
        weights_(n_taps, T(0)),
        rows_((order - 1 + sweep_samples) * correlation_.lags() + row_padding, 0.0),
        systems_(Order == 1 ? 0 : order) {}

  std::size_t n_taps() const { return weights_.size(); }
  // Correlations in a row, here and in `cross` of `corrected`.
  std::size_t lags() const { return correlation_.lags(); }
  // Samples of the regressor up to the newest that a block reads.
  std::size_t reach() const { return n_taps() + lags(); }
  Buffer<T>& weights() { return weights_; }
  const Buffer<T>& weights() const { return weights_; }
  StepRule& rule() { return rule_; }
  const StepRule& rule() const { return rule_; }

  // After weights were set from outside the errors of the vectors to be reused are not known.
  void forget_outputs() {
    targets_.fill(0.0);
    outputs_.fill(0.0);
  }

  // u points at the regressor's newest sample of the first frame, later frames follow. Frozen: no
  // updates in this block.
  template <std::size_t Count>
  void begin(Block<Count>& block, const T* u, bool frozen) {
    prepare(block, u, frozen);
    filter_frames<Count>(weights_.data(), u - (n_taps() - 1), n_taps(), block.product.data());
  }

  // As `finish` and `begin` of the block right after it.
  void finish_and_begin(Block<sweep_samples>& block) {
    static_assert(Order == 1, "more vectors need more than one pass");
    std::array<T, sweep_samples> gains;
    for (std::size_t j = 0; j < sweep_samples; ++j) gains[j] = static_cast<T>(block.gains[j]);
    add_and_dots8(weights_.data(), block.u - (n_taps() - 1), gains.data(),
                  static_cast<T>(block.scale), n_taps(), block.product.data());
    prepare(block, block.u + sweep_samples, block.frozen);
  }

  // Error of frame k before its update, and the update. Frames in order, each once.
  template <std::size_t Count>
  double update(Block<Count>& block, std::size_t k, double target) {
    if constexpr (Order == 1) {
      // From one gain to the next it is a multiply-add and a product: the block's longest chain.
      const double start = target * block.unscale + static_cast<double>(block.product[k]);
      const double scaled = corrected(block, row(k), k, 1, start);
      const double error = block.scale * scaled;
      block.gains[k] = block.step[k] * (rule_.robust() == Robust::none
                                            ? scaled
                                            : block.unscale * rule_.influence(error));
      if (block.keep != 1.0) block.rescale();
      return error;
    } else {
      const double sum = corrected(block, row(k), k, 1, static_cast<double>(block.product[k]));
      return update_reusing(block, k, target, block.scale * sum);
    }
  }

  // Inner product of another window with the weights in force: `start` is that with the weights at
  // the block's start, `cross` the window's correlations with the regressor at frame k, in a row
  // with some values after its end; first_lag 1: without the update of frame k itself. To
  // be multiplied by the scale.
  template <std::size_t Count>
  double corrected(const Block<Count>& block, const double* cross, std::size_t k,
                   std::size_t first_lag, double start) const {
    const std::size_t terms = k + order();
    const double* c = cross + lags() - terms;
    if constexpr (Order == 1) {
      for (std::size_t j = 0; j + first_lag <= k; ++j) start = multiply_add(block.gains[j], c[j], start);
      return start;
    } else {
      // Scalars: vectors would wait for the stores of the newest gains.
      std::array<double, row_padding> total{};
      for (std::size_t j = 0; j < terms; j += row_padding) {
        for (std::size_t i = 0; i < row_padding; ++i) {
          total[i] = multiply_add(block.gains[j + i], c[j + i], total[i]);
        }
      }
      return start + ((total[0] + total[1]) + (total[2] + total[3]));
    }
  }
  template <std::size_t Count>
  void finish(const Block<Count>& block) {
    const std::size_t terms = order() - 1 + Count;
    std::array<T, max_terms> gains;
    for (std::size_t j = 0; j < terms; ++j) gains[j] = static_cast<T>(block.gains[j]);
    add_block(weights_.data(), block.u - (order() - 1) - (n_taps() - 1), gains.data(), terms,
              static_cast<T>(block.scale), n_taps());
    if (order() > 1) std::copy_n(row(Count - order() + 1), (order() - 1) * lags(), rows_.data());
  }

  void reset() {
    rule_.reset();
    correlation_.reset();
    std::fill(weights_.begin(), weights_.end(), T(0));
    std::fill(rows_.begin(), rows_.end(), 0.0);
    forget_outputs();
  }

  void visit(Archive& archive) {
    archive.expect("n_taps", n_taps());
    archive.expect("order", order_);
    archive.expect("scalar bytes", sizeof(T));
    rule_.visit(archive);
    correlation_.visit(archive);
    archive(weights_);
    archive(rows_);
    for (double& value : targets_) archive(value);
    for (double& value : outputs_) archive(value);
  }

 private:
  std::size_t order() const { return Order == any_order ? order_ : Order; }

  template <std::size_t Count>
  void prepare(Block<Count>& block, const T* u, bool frozen) {
    block.u = u;
    block.scale = block.unscale = 1.0;
    if (Order != 1) block.gains.fill(0.0);
    block.keep = frozen ? 1.0 : rule_.leakage();
    block.frozen = frozen;
    correlation_.template advance<Count>(u, u, row(0));
    if constexpr (Order == 1) {
      rule_.template steps<Count>(row(0) + lags() - 1, lags(), block.step.data());
      const double factor = frozen ? 0.0 : -1.0 / block.keep;
      for (std::size_t k = 0; k < Count; ++k) block.step[k] *= factor;
    } else {
      factor_systems(block);
    }
  }

  // Correlations at frame k of the block, k >= 1 - order.
  double* row(std::size_t k) { return rows_.data() + (order() - 1 + k) * lags(); }
  double energy(std::size_t k) { return std::max(0.0, row(k)[lags() - 1]); }

  template <std::size_t Count>
  double update_reusing(Block<Count>& block, std::size_t k, double target, double output) {
    const std::size_t n = order();
    std::copy_backward(targets_.begin(), targets_.begin() + (n - 1), targets_.begin() + n);
    targets_[0] = target;
    outputs_[0] = output;
    std::array<double, max_order> gamma, applied;
    const bool active = !block.frozen && block.step[k] > 0.0;
    if (active) find_gains(k, block.step[k], gamma, applied);
    if (block.keep != 1.0) block.rescale();
    // outputs_[p] belongs to the frame p before the next one from here on.
    for (std::size_t p = n; p-- > 0;) {
      if (active) block.gains[n - 1 + k - p] -= gamma[p] * block.unscale;
      const double value = block.keep * outputs_[p] - (active ? applied[p] : 0.0);
      if (p + 1 < n) outputs_[p + 1] = value;
    }
    return target + output;
  }

  // The systems of all frames: they don't depend on the errors.
  template <std::size_t Count>
  void factor_systems(Block<Count>& block) {
    const std::size_t n = order();
    using V = Simd<double>;
    const std::size_t stride = lags();
    for (std::size_t k = 0; k < Count; ++k) block.step[k] = rule_.active(energy(k)) ? rule_.mu() : 0.0;
    for (std::size_t k = 0; k < Count; k += V::lanes) {
      for (std::size_t q = 0; q < n; ++q) {
        const double* lag = row(k - q) + stride - 1;
        for (std::size_t p = q; p < n; ++p, --lag) {
          typename V::type value = V::splat(p == q ? rule_.epsilon() : 0.0);
          // A block of one frame leaves the other systems of its lanes alone: any numbers do.
          for (std::size_t m = 0; m < std::min(Count, V::lanes); ++m) value[m] += lag[m * stride];
          systems_.set(p, q, k, value);
        }
      }
      systems_.factor(k, StepRule::smallest_energy);
    }
  }

  // gamma = mu (U'U + epsilon I)^-1 errors, applied = U'U gamma.
  void find_gains(std::size_t k, double mu, std::array<double, max_order>& gamma,
                  std::array<double, max_order>& applied) {
    const std::size_t n = order();
    for (std::size_t q = 0; q < n; ++q) gamma[q] = applied[q] = mu * (targets_[q] + outputs_[q]);
    if (systems_.solve(k, gamma.data())) {
      for (std::size_t q = 0; q < n; ++q) applied[q] -= rule_.epsilon() * gamma[q];
      return;
    }
    // Some direction was left out, so the product is not what was asked for.
    for (std::size_t p = 0; p < n; ++p) {
      applied[p] = 0;
      for (std::size_t q = 0; q < n; ++q) {
        const auto [near, far] = std::minmax(p, q);
        applied[p] += gamma[q] * row(k - near)[lags() - 1 - (far - near)];
      }
    }
  }

  std::size_t order_;
  StepRule rule_;
  SlidingCorrelation<T> correlation_;
  Buffer<T> weights_;
  Buffer<double> rows_;
  FactoredSystems systems_;
  // Targets of the newest frames, and outputs that the weights in force give for them.
  std::array<double, max_order> targets_{}, outputs_{};
};

}  // namespace antiphase
