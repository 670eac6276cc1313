// Gathers what a loudspeaker's control filter should have been: the recency-weighted least-squares
// problem min_w sum_t f^(n-t) (sum_m (d^_m + sum_i w_i * x'_mi)^2 + sum_k E_k (w_k * x)^2) with
// d^ = e - s^ * y, x' = s^ * x. E_k is the energy of the error of s^_k, spread over all frequencies:
// the expected error for an s^ that is wrong by that much, and what keeps the loop contracting.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "conjugate_gradients.hpp"
#include "controller.hpp"
#include "covariance_window.hpp"
#include "delay_line.hpp"
#include "simd.hpp"

namespace antiphase {

struct FitSettings {
  std::size_t n_taps;
  double forgetting;           // per sample
  double evidence_forgetting;  // per sample, of the powers of e and d^
  double ridge;                // weight of the prior, see LeastSquaresFit::ridge
  double path_error;           // energy of the error of s^ over that of s^
  std::size_t slack;           // samples that a solve may last
  std::size_t error_delay;
};

// Filters are [loudspeaker][reference][tap], taps oldest first inside, newest first outside.
template <class T>
class LeastSquaresFit {
 public:
  // secondary: [error][loudspeaker][tap], newest first.
  LeastSquaresFit(Shape shape, const FitSettings& settings, const T* secondary,
                  std::size_t path_taps)
      : shape_(shape), settings_(settings), path_taps_(path_taps),
        secondary_(shape.errors * shape.loudspeakers * path_taps),
        references_(shape.references, DelayLine<T>(std::max(settings.n_taps, memory()))),
        drives_(shape.loudspeakers, DelayLine<T>(memory())),
        window_(shape.loudspeakers * shape.references, shape.errors, shape.loudspeakers,
                settings.n_taps, settings.forgetting, settings.slack),
        weights_(window_.size()), prior_(window_.size()), effort_(shape.loudspeakers),
        filtered_(shape.loudspeakers * shape.references * (shape.errors + 1)),
        target_(shape.errors + shape.loudspeakers) {
    for (std::size_t path = 0; path < shape.errors * shape.loudspeakers; ++path) {
      std::reverse_copy(secondary + path * path_taps, secondary + (path + 1) * path_taps,
                        secondary_.data() + path * path_taps);
    }
    for (std::size_t k = 0; k < shape.loudspeakers; ++k) {
      double total = 0;
      for (std::size_t m = 0; m < shape.errors; ++m) {
        total += energy(secondary + (m * shape.loudspeakers + k) * path_taps, path_taps);
      }
      effort_[k] = static_cast<T>(std::sqrt(settings.path_error * total));
    }
  }

  const Shape& shape() const { return shape_; }
  const FitSettings& settings() const { return settings_; }
  const CovarianceWindow<T>& window() const { return window_; }
  bool empty() const { return !(window_.power() > 0); }
  std::size_t size() const { return weights_.size(); }
  const T* weights() const { return weights_.data(); }
  const T* prior() const { return prior_.data(); }
  // [error][loudspeaker][tap], oldest first.
  const T* secondary() const { return secondary_.data(); }
  std::size_t path_taps() const { return path_taps_; }
  // Samples of drive on which an error depends.
  std::size_t memory() const { return path_taps_ + settings_.error_delay; }

  void get_filter(T* out) const { turn(weights_.data(), out); }
  void set_filter(const T* in) {
    turn(in, weights_.data());
    prior_ = weights_;
  }
  // False, and nothing changed: the weights are not finite.
  bool accept(const T* weights) {
    if (!std::isfinite(energy(weights, size()))) return false;
    std::copy(weights, weights + size(), weights_.begin());
    return true;
  }

  // The drives that the filter makes of the newest references.
  void drive(T* y) const {
    const std::size_t length = settings_.n_taps;
    const T* w = weights_.data();
    for (std::size_t k = 0; k < shape_.loudspeakers; ++k) {
      y[k] = 0;
      for (const auto& line : references_) {
        y[k] += dot(w, newest(line, length, 0), length);
        w += length;
      }
    }
  }

  void push_reference(const T* x) {
    for (std::size_t j = 0; j < references_.size(); ++j) references_[j].push(x[j]);
  }
  void push_drive(const T* y) {
    for (std::size_t k = 0; k < drives_.size(); ++k) drives_[k].push(y[k]);
  }

  // Adds the error that belongs to the instant error_delay before the newest push. `known` false:
  // the error is taken as what the filter at hand would have left, 0, so that the gap says nothing.
  // False: silence, the window stands still.
  bool learn(const T* error, bool known) {
    return learn(error, known, [&](const T*) { return energy(error, shape_.errors); });
  }

  // The same with the energy that the filter leaves given by `left(d^)`, for a filter whose drive is
  // not always played.
  template <class Left>
  bool learn(const T* error, bool known, Left left) {
    reconstruct(error);
    const double remains = left(target_.data());
    if (!window_.push(filtered_.data())) return false;
    if (known) {
      const double f = settings_.evidence_forgetting;
      error_power_ = f * error_power_ + remains;
      target_power_ = f * target_power_ + energy(target_.data(), shape_.errors);
    } else {
      window_.predict(weights_.data(), target_.data());
      for (T& value : target_) value = -value;
    }
    window_.accumulate(target_.data());
    return true;
  }

  // Noise power per observation over the variance of a tap, in units of the mean diagonal: the tap
  // variance is what makes the anti-noise as strong as d^, the noise is the share of d^ now left.
  double ridge() const {
    const double left = target_power_ > 0 ? error_power_ / target_power_ : 1.0;
    const double unknowns = static_cast<double>(size()) / static_cast<double>(shape_.errors);
    const double floor = sizeof(T) == 4 ? 1e-6 : 1e-10;
    return settings_.ridge * left * unknowns / window_.weight() + floor;
  }

  // Forgets what was gathered, keeps the filter (the ridge pulls to it from now on) and histories.
  void restart() {
    window_.forget();
    prior_ = weights_;
    error_power_ = target_power_ = 0;
  }

  void reset() {
    std::fill(weights_.begin(), weights_.end(), T(0));
    restart();
    for (auto& line : references_) line.reset();
    for (auto& line : drives_) line.reset();
  }

  void visit(Archive& archive) {
    archive.expect("scalar bytes", sizeof(T));
    archive.expect("loudspeakers", shape_.loudspeakers);
    archive.expect("error_delay", settings_.error_delay);
    for (auto& line : references_) line.visit(archive);
    for (auto& line : drives_) line.visit(archive);
    window_.visit(archive);
    archive(weights_);
    archive(prior_);
    archive(error_power_);
    archive(target_power_);
  }

 private:
  // The `length` samples that end `age` before the newest one.
  static const T* newest(const DelayLine<T>& line, std::size_t length, std::size_t age) {
    return line.window() + line.length() - age - length;
  }

  void turn(const T* in, T* out) const {
    for (std::size_t k = 0; k < size(); k += settings_.n_taps) {
      std::reverse_copy(in + k, in + k + settings_.n_taps, out + k);
    }
  }

  // d^ = e - s^ * y and x' = s^ * x of the instant to which the error belongs.
  void reconstruct(const T* error) {
    const std::size_t age = settings_.error_delay;
    const T* path = secondary_.data();
    T* filtered = filtered_.data();
    for (std::size_t m = 0; m < shape_.errors; ++m) {
      target_[m] = error[m];
      for (std::size_t k = 0; k < shape_.loudspeakers; ++k) {
        target_[m] -= dot(path, newest(drives_[k], path_taps_, age), path_taps_);
        for (const auto& line : references_) {
          *filtered++ = dot(path, newest(line, path_taps_, age), path_taps_);
        }
        path += path_taps_;
      }
    }
    for (std::size_t k = 0; k < shape_.loudspeakers; ++k) {
      target_[shape_.errors + k] = 0;
      for (const auto& line : references_) *filtered++ = effort_[k] * line.newest(age);
    }
  }

  Shape shape_;
  FitSettings settings_;
  std::size_t path_taps_;
  Buffer<T> secondary_;
  std::vector<DelayLine<T>> references_, drives_;
  CovarianceWindow<T> window_;
  Buffer<T> weights_, prior_, effort_, filtered_, target_;
  double error_power_ = 0, target_power_ = 0;
};

}  // namespace antiphase
