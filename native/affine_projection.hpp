// Affine projection, exact in blocks of eight samples: the errors of a block are computed with the
// weights at its start, corrected by sliding correlations of the regressor, and the weights are
// updated once. Order 1 is (N)LMS. Sign: error = target + w . u, w <- leakage w - U gamma.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "archive.hpp"
#include "simd.hpp"
#include "step_rule.hpp"
#include "sweep.hpp"

namespace antiphase {

constexpr std::size_t max_order = 16;

// Correlations of two sliding windows of n samples at the lags 0 ... L - 1, in double. Row element
// L - 1 - lag holds one lag, in the order of memory, so that the update is elementwise.
template <class T>
class SlidingCorrelation {
 public:
  SlidingCorrelation(std::size_t n, std::size_t lags)
      : n_(n), lags_((lags + 7) / 8 * 8), row_(lags_, 0.0) {}

  std::size_t lags() const { return lags_; }
  const double* row() const { return row_.data(); }

  // Moves both windows on by one sample, to newest a[0] and b[0]; lags look back along b. Reads
  // a[-n ... 0] and b[-n - lags + 1 ... 0].
  void advance(const T* a, const T* b) {
    if (until_exact_ == 0) {
      recompute(a, b);
      until_exact_ = exact_every;
    } else {
      const double come = a[0], gone = a[-static_cast<std::ptrdiff_t>(n_)];
      const T* fresh = b - (lags_ - 1);
      const T* stale = fresh - n_;
      for (std::size_t i = 0; i < lags_; i += 8) {
        for (std::size_t j = i; j < i + 8; ++j) {
          row_[j] += come * static_cast<double>(fresh[j]) - gone * static_cast<double>(stale[j]);
        }
      }
    }
    --until_exact_;
  }

  void reset() {
    std::fill(row_.begin(), row_.end(), 0.0);
    until_exact_ = 0;
  }
  void visit(Archive& archive) {
    archive(row_);
    archive(until_exact_);
  }

 private:
  // A running difference drifts; 480 samples bound the drift to rounding error.
  static constexpr std::uint32_t exact_every = 480;

  void recompute(const T* a, const T* b) {
    const T* first_a = a - (n_ - 1);
    const T* first_b = b - (n_ - 1) - (lags_ - 1);
    for (std::size_t i = 0; i < lags_; i += 8) {
      double total[8] = {};
      for (std::size_t k = 0; k < n_; ++k) {
        for (std::size_t j = 0; j < 8; ++j) {
          total[j] += static_cast<double>(first_a[k]) * static_cast<double>(first_b[k + i + j]);
        }
      }
      std::copy(total, total + 8, row_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  std::size_t n_, lags_;
  Buffer<double> row_;
  std::uint32_t until_exact_ = 0;
};

// Solves (gram + delta I) x = b in place by Cholesky's LDL' form; gram is row major, its lower
// triangle is overwritten. A pivot without substance contributes nothing.
inline void solve_regularised(double* gram, double* b, std::size_t n, double delta) {
  double pivot_floor = 0;
  for (std::size_t i = 0; i < n; ++i) {
    gram[i * n + i] += delta;
    pivot_floor = std::max(pivot_floor, gram[i * n + i]);
  }
  pivot_floor = std::max(1e-12 * pivot_floor, StepRule::smallest_energy);
  std::array<double, max_order> inverse{};
  for (std::size_t j = 0; j < n; ++j) {
    double pivot = gram[j * n + j];
    for (std::size_t k = 0; k < j; ++k) pivot -= gram[j * n + k] * gram[j * n + k] * gram[k * n + k];
    gram[j * n + j] = pivot;
    inverse[j] = pivot > pivot_floor ? 1.0 / pivot : 0.0;
    for (std::size_t i = j + 1; i < n; ++i) {
      double value = gram[i * n + j];
      for (std::size_t k = 0; k < j; ++k) value -= gram[i * n + k] * gram[j * n + k] * gram[k * n + k];
      gram[i * n + j] = value * inverse[j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= gram[i * n + k] * b[k];
  }
  for (std::size_t i = 0; i < n; ++i) b[i] *= inverse[i];
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= gram[k * n + i] * b[k];
  }
}

template <class T>
class Projection {
 public:
  Projection(std::size_t n_taps, std::size_t order, StepRule rule)
      : order_(order), rule_(rule), correlation_(n_taps, order + sweep_samples - 1),
        weights_(n_taps, T(0)), rows_((order - 1 + sweep_samples) * correlation_.lags(), 0.0) {}

  std::size_t n_taps() const { return weights_.size(); }
  // Samples of the regressor before the newest that a block reads.
  std::size_t reach() const { return n_taps() + correlation_.lags(); }
  Buffer<T>& weights() { return weights_; }
  const Buffer<T>& weights() const { return weights_; }
  StepRule& rule() { return rule_; }
  const StepRule& rule() const { return rule_; }

  // After weights were set from outside: recent errors are those of the new weights no longer known,
  // so that reused vectors start anew.
  void forget_outputs() {
    targets_.fill(0.0);
    outputs_.fill(0.0);
  }

  // Starts a block of `count` frames (1 or 8); u points at the regressor's newest sample of the
  // first frame, later frames follow.
  void begin(const T* u, std::size_t count) {
    u_ = u;
    count_ = count;
    scale_ = 1.0;
    const T* window = u - (n_taps() - 1);
    if (count == sweep_samples) dots8(weights_.data(), window, n_taps(), product_.data());
    else product_[0] = dot(weights_.data(), window, n_taps());
    for (std::size_t k = 0; k < count; ++k) {
      correlation_.advance(u + k, u + k);
      std::copy_n(correlation_.row(), correlation_.lags(), row(k));
    }
    std::fill(gains_.begin(), gains_.end(), 0.0);
  }

  // Error of frame k before its update. Frames in order, each once.
  double error(std::size_t k, double target) {
    std::copy_backward(targets_.begin(), targets_.begin() + order_ - 1, targets_.begin() + order_);
    targets_[0] = target;
    outputs_[0] = scale_ * (static_cast<double>(product_[k]) + corrected(row(k), k, 1));
    return target + outputs_[0];
  }

  // Update with frame k; frozen: only what later errors need.
  void adapt(std::size_t k, bool frozen) {
    std::array<double, max_order> gamma{};
    const double keep = frozen ? 1.0 : rule_.leakage();
    if (!frozen) {
      find_gains(k, gamma.data());
      scale_ *= keep;
      for (std::size_t q = 0; q < order_; ++q) gains_[order_ - 1 + k - q] -= gamma[q] / scale_;
    }
    for (std::size_t p = order_ - 1; p > 0; --p) {
      double output = keep * outputs_[p - 1];
      for (std::size_t q = 0; q < order_; ++q) output -= gamma[q] * gram(k, q, p - 1);
      outputs_[p] = output;
    }
  }

  // What the updates of this block so far add to the inner product of another window with the
  // weights; `cross` holds that window's correlations with the regressor, arranged as here.
  double corrected(const double* cross, std::size_t k, std::size_t first_lag) const {
    const double* c = cross + correlation_.lags() - (k + order_);
    double total = 0;
    for (std::size_t j = 0; j + first_lag < k + order_; ++j) total += gains_[j] * c[j];
    return total;
  }

  // Factor of all weights that is not in them before `finish`.
  double scale() const { return scale_; }

  void finish() {
    const std::size_t terms = order_ - 1 + count_;
    std::array<T, max_order - 1 + sweep_samples> gains{};
    for (std::size_t j = 0; j < terms; ++j) gains[j] = static_cast<T>(gains_[j]);
    add_block(weights_.data(), u_ - (order_ - 1) - (n_taps() - 1), gains.data(), terms,
              static_cast<T>(scale_), n_taps());
    std::copy_n(row(count_ - order_ + 1), (order_ - 1) * correlation_.lags(), rows_.data());
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
  // Correlations at frame k of the block, k >= 1 - order.
  double* row(std::size_t k) { return rows_.data() + (order_ - 1 + k) * correlation_.lags(); }

  // Inner product of the regressors p and q frames before frame k.
  double gram(std::size_t k, std::size_t p, std::size_t q) {
    const auto [near, far] = std::minmax(p, q);
    return row(k - near)[correlation_.lags() - 1 - (far - near)];
  }

  void find_gains(std::size_t k, double* gamma) {
    const double energy = std::max(0.0, row(k)[correlation_.lags() - 1]);
    if (order_ == 1) {
      gamma[0] = rule_.step(energy) * rule_.influence(targets_[0] + outputs_[0]);
      return;
    }
    if (!rule_.active(energy)) return;
    std::array<double, max_order * max_order> matrix;
    for (std::size_t p = 0; p < order_; ++p) {
      gamma[p] = rule_.mu() * (targets_[p] + outputs_[p]);
      for (std::size_t q = 0; q <= p; ++q) matrix[p * order_ + q] = gram(k, p, q);
    }
    solve_regularised(matrix.data(), gamma, order_, rule_.epsilon());
  }

  std::size_t order_;
  StepRule rule_;
  SlidingCorrelation<T> correlation_;
  Buffer<T> weights_;
  Buffer<double> rows_;
  // Targets and inner products of the newest `order` frames with the weights in force.
  std::array<double, max_order> targets_{}, outputs_{};
  // Within a block: weights = scale (weights at its start + sum_j gains[j] u[. + j]).
  std::array<double, max_order - 1 + sweep_samples> gains_{};
  std::array<T, sweep_samples> product_{};
  double scale_ = 1.0;
  const T* u_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace antiphase
