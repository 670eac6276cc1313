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
        noise_(block, T(0)) {}

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
    for (std::size_t g = 0; g < this->line_.groups(); ++g) correct(g, innovation(g));
    this->filter_.constrain_turn(this->constrain_all_);
  }

 private:
  using V = Simd<T>;
  using Vector = typename V::type;
  static constexpr std::size_t lanes = V::lanes;

  // Predicts the covariance; returns the variance of the residual, 0 where there is nothing at all.
  Vector innovation(std::size_t g) {
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
    explained *= V::splat(T(0.5));
    const auto re = V::load(&this->re_[g * lanes]), im = V::load(&this->im_[g * lanes]);
    const auto surplus = re * re + im * im - explained;
    auto noise = V::splat(smoothing_) * V::load(&noise_[g * lanes]);
    for (std::size_t k = 0; k < lanes; ++k) noise[k] += (1 - smoothing_) * std::max(surplus[k], T(0));
    V::store(&noise_[g * lanes], noise);
    return explained + noise;
  }

  // w <- w + p conj(x) e / (2 variance);  p <- p - p^2 |x|^2 / (4 variance)
  void correct(std::size_t g, Vector variance) {
    Vector scale{};
    for (std::size_t k = 0; k < lanes; ++k) scale[k] = variance[k] > 0 ? T(0.5) / variance[k] : T(0);
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
  Buffer<T> noise_;
};

}  // namespace antiphase
