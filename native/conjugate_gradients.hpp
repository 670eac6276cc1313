// Conjugate gradients on the normal equations of a covariance window, in slices of bounded cost.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "archive.hpp"
#include "covariance_window.hpp"
#include "simd.hpp"

namespace antiphase {

// Solves (R / s + ridge I) w = ridge prior - p / s from a starting point, a few rows of R at a time.
// s = mean of diag R, so that neither the loudness nor the length of the window matters.
template <class T>
class ConjugateGradients {
 public:
  explicit ConjugateGradients(std::size_t size)
      : right_(size), solution_(size), residual_(size), direction_(size), product_(size) {}

  bool busy() const { return busy_; }
  // False: the equations of the last solve were indefinite or not finite.
  bool sound() const { return sound_; }
  const T* solution() const { return solution_.data(); }

  void start(const CovarianceWindow<T>& window, double ridge, const T* prior, const T* initial,
             std::size_t iterations) {
    const auto& p = window.right_hand();
    const double scale = 1.0 / (window.power() * window.weight());
    for (std::size_t k = 0; k < right_.size(); ++k) {
      right_[k] = static_cast<T>(ridge * static_cast<double>(prior[k]) - scale * static_cast<double>(p[k]));
    }
    scale_ = static_cast<T>(scale);
    std::copy(initial, initial + solution_.size(), solution_.begin());
    direction_ = solution_;
    mark_ = window.mark();
    ridge_ = static_cast<T>(ridge);
    passes_ = iterations + 1;
    pass_ = 0;
    busy_ = sound_ = true;
    begin_product();
  }

  // Spends at most `rows` rows of R; true when the solution is complete.
  bool advance(const CovarianceWindow<T>& window, std::size_t rows) {
    while (busy_ && rows > 0) {
      const std::size_t n = std::min(rows, mark_.filled - age_);
      window.multiply(mark_, direction_.data(), product_.data(), age_, age_ + n);
      age_ += n;
      rows -= n;
      if (age_ == mark_.filled) end_pass();
    }
    return !busy_;
  }

  void abort() { busy_ = false; }

  void visit(Archive& archive) {
    for (auto* v : {&right_, &solution_, &residual_, &direction_, &product_}) archive(*v);
    archive(mark_.head);
    archive(mark_.filled);
    archive(scale_);
    archive(ridge_);
    archive(squared_);
    archive(passes_);
    archive(pass_);
    archive(age_);
    archive(busy_);
    archive(sound_);
  }

 private:
  void begin_product() {
    std::fill(product_.begin(), product_.end(), T(0));
    age_ = 0;
  }

  void end_pass() {
    const std::size_t n = solution_.size();
    for (std::size_t k = 0; k < n; ++k) {
      product_[k] = scale_ * product_[k] + ridge_ * direction_[k];
    }
    if (pass_ == 0) {
      for (std::size_t k = 0; k < n; ++k) residual_[k] = right_[k] - product_[k];
      squared_ = energy(residual_.data(), n);
      direction_ = residual_;
    } else if (!step(n)) {
      busy_ = sound_ = false;
      return;
    }
    // Below this the steps are rounding errors.
    const double eps = std::numeric_limits<T>::epsilon();
    if (++pass_ == passes_ || !(squared_ > 16 * eps * eps * energy(right_.data(), n))) {
      busy_ = false;
      sound_ = std::isfinite(squared_);
    } else {
      begin_product();
    }
  }

  bool step(std::size_t n) {
    const double curvature = dot(direction_.data(), product_.data(), n);
    if (!(curvature > 0)) return false;
    const T length = static_cast<T>(squared_ / curvature);
    axpy(length, direction_.data(), solution_.data(), n);
    axpy(-length, product_.data(), residual_.data(), n);
    const double before = squared_;
    squared_ = energy(residual_.data(), n);
    const T turn = static_cast<T>(squared_ / before);
    for (std::size_t k = 0; k < n; ++k) direction_[k] = residual_[k] + turn * direction_[k];
    return true;
  }

  Buffer<T> right_, solution_, residual_, direction_, product_;
  typename CovarianceWindow<T>::Mark mark_;
  T scale_ = 1, ridge_ = 0;
  double squared_ = 0;
  std::size_t passes_ = 0, pass_ = 0, age_ = 0;
  bool busy_ = false, sound_ = true;
};

}  // namespace antiphase
