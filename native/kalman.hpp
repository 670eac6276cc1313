// Partitioned-block frequency-domain Kalman filter with a diagonal state covariance.
#pragma once

#include <algorithm>
#include <cstddef>

#include "frequency_domain.hpp"

namespace antiphase {

// State: the weights, to which each block adds noise of variance (1 - A^2) |w|^2. The estimate is not
// shrunk by A: that would only limit the depth. Observation: the residual, which fills half of its
// zero-padded window, hence the factors 1/2. The variance of what the reference
// does not explain (talker, ambient noise) is tracked in each bin and sets the gain.
template <class T>
class KalmanBlock : public BlockCanceller<T> {
 public:
  KalmanBlock(std::size_t n_taps, std::size_t block, double transition, double smoothing,
              double initial_covariance, bool constrain_all)
      : BlockCanceller<T>(n_taps, block, constrain_all), decay_(static_cast<T>(transition * transition)),
        process_(static_cast<T>(1 - transition * transition)), smoothing_(static_cast<T>(smoothing)),
        initial_(static_cast<T>(initial_covariance)), covariance_(n_taps, initial_),
        noise_(block, T(0)), explained_(block), spread_(block), variance_(block), lag_(block),
        zeros_(block) {}

  // The variance of each bin's weights, averaged over the bins: one value per partition.
  void uncertainty(T* out) const {
    const std::size_t rows = this->filter_.partitions();
    std::fill_n(out, rows, T(0));
    for (std::size_t k = 0; k < covariance_.size(); ++k) out[k / lanes % rows] += covariance_[k];
    for (std::size_t p = 0; p < rows; ++p) out[p] /= static_cast<T>(noise_.size());
  }
  std::size_t partitions() const { return this->filter_.partitions(); }

  void reset() override {
    BlockCanceller<T>::reset();
    std::fill(covariance_.begin(), covariance_.end(), initial_);
    std::fill(noise_.begin(), noise_.end(), T(0));
  }

  void visit(Archive& archive) override {
    archive.expect("KalmanBlock");
    BlockCanceller<T>::visit(archive);
    const std::size_t rows = this->filter_.partitions();
    for (std::size_t p = 0; p < rows; ++p) {
      for (std::size_t k = 0; k < noise_.size(); ++k) {
        archive(covariance_[(k / lanes * rows + p) * lanes + k % lanes]);
      }
    }
    archive(noise_);
  }

 protected:
  void adapt() override {
    for (std::size_t g = 0; g < this->line_.groups(); ++g) predict(g);
    spread();
    track_noise();
    for (std::size_t g = 0; g < this->line_.groups(); ++g) correct(g);
    this->filter_.constrain_turn(this->constrain_all_);
  }

 private:
  using V = Simd<T>;
  using Vector = typename V::type;
  static constexpr std::size_t lanes = V::lanes;

  // Covariance a block later; what it explains of each bin of the unwindowed residual.
  void predict(std::size_t g) {
    const std::size_t rows = this->filter_.partitions();
    const auto keep = V::splat(decay_), process = V::splat(process_);
    T* c = &covariance_[g * rows * lanes];
    const T* w = this->filter_.weights().at(g, 0);
    const T* x = this->line_.newest(g);
    Vector explained{};
    for (std::size_t p = 0; p < rows; ++p, c += lanes, w += 2 * lanes, x += 2 * lanes) {
      const auto variance = keep * V::load(c) + process * square(w);
      V::store(c, variance);
      explained += square(x) * variance;
    }
    V::store(&explained_[g * lanes], explained);
  }

  // The residual fills half of its window, which spreads a strong bin's power over the others: the
  // autocorrelation is multiplied by that of the window, a triangle.
  void spread() {
    auto& transform = this->filter_.transform();
    const std::size_t n = explained_.size();
    std::fill(zeros_.begin(), zeros_.end(), T(0));
    transform.inverse_leading(explained_.data(), zeros_.data(), lag_.data());
    lag_[0] *= T(0.5);
    for (std::size_t k = 0; k < n; ++k) lag_[k] *= static_cast<T>(n - k) / static_cast<T>(n);
    transform.forward_leading(lag_.data(), spread_.data(), zeros_.data());
    for (std::size_t k = 0; k < n; ++k) variance_[k] = std::max(spread_[k], T(0.25) * explained_[k]);
  }

  // variance_ <- all of the residual's: what the covariance explains and what it does not.
  void track_noise() {
    for (std::size_t k = 0; k < noise_.size(); ++k) {
      const T power = this->re_[k] * this->re_[k] + this->im_[k] * this->im_[k];
      const T surplus = std::max(power - variance_[k], T(0));
      noise_[k] = smoothing_ * noise_[k] + (1 - smoothing_) * surplus;
      variance_[k] += noise_[k];
    }
  }

  // w <- w + p conj(x) e / (2 variance);  p <- p - p^2 |x|^2 / (4 variance)
  void correct(std::size_t g) {
    Vector scale{};
    for (std::size_t k = 0; k < lanes; ++k) {
      const T variance = variance_[g * lanes + k];
      scale[k] = variance > 0 ? T(0.5) / variance : T(0);
    }
    const auto a = scale * V::load(&this->re_[g * lanes]), b = scale * V::load(&this->im_[g * lanes]);
    const auto quarter = V::splat(T(0.5)) * scale;
    const std::size_t rows = this->filter_.partitions();
    T* c = &covariance_[g * rows * lanes];
    T* w = this->filter_.weights().at(g, 0);
    const T* x = this->line_.newest(g);
    for (std::size_t p = 0; p < rows; ++p, c += lanes, w += 2 * lanes, x += 2 * lanes) {
      const auto prior = V::load(c), re = V::load(x), im = V::load(x + lanes);
      V::store(w, V::load(w) + prior * (a * re + b * im));
      V::store(w + lanes, V::load(w + lanes) + prior * (b * re - a * im));
      V::store(c, prior - quarter * prior * prior * square(x));
    }
  }

  static Vector square(const T* cell) {
    const auto re = V::load(cell), im = V::load(cell + lanes);
    return re * re + im * im;
  }

  T decay_, process_, smoothing_, initial_;
  Buffer<T> covariance_;  // [bin group][partition][lane]
  Buffer<T> noise_;       // variance of what the reference does not explain
  Buffer<T> explained_, spread_, variance_, lag_, zeros_;
};

}  // namespace antiphase
