// Partitioned-block frequency-domain Kalman filter with a diagonal state covariance.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>

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
              double initial_covariance, double floor, bool constrain_all)
      : BlockCanceller<T>(n_taps, block, constrain_all), decay_(static_cast<T>(transition * transition)),
        process_(static_cast<T>(1 - transition * transition)), smoothing_(static_cast<T>(smoothing)),
        initial_(static_cast<T>(initial_covariance)), floor_(static_cast<T>(floor)),
        covariance_(n_taps, initial_),
        noise_(block, T(0)), explained_(block), spread_(block), variance_(block), lag_(block),
        zeros_(block), heard_(n_taps / block * lanes), limit_(n_taps / block, T(0)) {}

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
    std::fill(limit_.begin(), limit_.end(), T(0));
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
    archive(limit_);
  }

 protected:
  void adapt() override {
    for (std::size_t g = 0; g < this->line_.groups(); ++g) predict(g);
    spread();
    track_noise();
    std::fill(heard_.begin(), heard_.end(), T(0));
    for (std::size_t g = 0; g < this->line_.groups(); ++g) correct(g);
    limit_changes();
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
      const auto power = square(w), limit = V::splat(limit_[p]);
      const auto variance = keep * V::load(c) + process * (power < limit ? power : limit);
      V::store(c, variance);
      explained += square(x) * variance;
    }
    V::store(&explained_[g * lanes], explained);
  }

  // The residual fills half of its window, which spreads a strong bin's power over the others: the
  // autocorrelation is multiplied by that of the window, a triangle. What weak bins hold of the
  // reference has leaked from strong bins too, and many weak bins would correct one strong bin's error
  // at once: hence the floor.
  void spread() {
    auto& transform = this->filter_.transform();
    const std::size_t n = explained_.size();
    std::fill(zeros_.begin(), zeros_.end(), T(0));
    transform.inverse_leading(explained_.data(), zeros_.data(), lag_.data());
    lag_[0] *= T(0.5);
    for (std::size_t k = 0; k < n; ++k) lag_[k] *= static_cast<T>(n - k) / static_cast<T>(n);
    transform.forward_leading(lag_.data(), spread_.data(), zeros_.data());
    const T floor = floor_ * *std::max_element(explained_.begin(), explained_.end());
    for (std::size_t k = 0; k < n; ++k) {
      variance_[k] = std::max({spread_[k], T(0.25) * explained_[k], floor});
    }
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
    Vector energy;
    for (std::size_t k = 0; k < lanes; ++k) energy[k] = static_cast<T>(this->line_.energy()[g * lanes + k]);
    const std::size_t rows = this->filter_.partitions();
    T* c = &covariance_[g * rows * lanes];
    T* w = this->filter_.weights().at(g, 0);
    const T* x = this->line_.newest(g);
    for (std::size_t p = 0; p < rows; ++p, c += lanes, w += 2 * lanes, x += 2 * lanes) {
      const auto prior = V::load(c), re = V::load(x), im = V::load(x + lanes);
      V::store(w, V::load(w) + prior * (a * re + b * im));
      V::store(w + lanes, V::load(w + lanes) + prior * (b * re - a * im));
      V::store(c, prior - quarter * prior * prior * square(x));
      T* heard = &heard_[p * lanes];
      V::store(heard, V::load(heard) + energy * square(w));
    }
  }

  // |w|^2 of each partition, weighted by the reference's energy in the bins: what the process noise is
  // taken from in bins that seem stronger. Without this limit a bin that hears nothing feeds itself:
  // chance makes it grow, growth makes it uncertain, uncertainty lets chance in.
  void limit_changes() {
    const double* energy = this->line_.energy();
    const double total = std::accumulate(energy, energy + noise_.size(), 0.0);
    for (std::size_t p = 0; p < limit_.size(); ++p) {
      const T sum = V::sum(V::load(&heard_[p * lanes]));
      if (total > 0) limit_[p] = static_cast<T>(sum / total);
    }
  }

  static Vector square(const T* cell) {
    const auto re = V::load(cell), im = V::load(cell + lanes);
    return re * re + im * im;
  }

  T decay_, process_, smoothing_, initial_, floor_;
  Buffer<T> covariance_;  // [bin group][partition][lane]
  Buffer<T> noise_;       // variance of what the reference does not explain
  Buffer<T> explained_, spread_, variance_, lag_, zeros_, heard_;
  Buffer<T> limit_;  // of the |w|^2 that the process noise is taken from, by partition
};

}  // namespace antiphase
