// Multichannel filtered-x control with the gradient by filtered references, plain or modified.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "channels.hpp"
#include "multichannel.hpp"
#include "simd.hpp"

namespace antiphase {

// Filtered references, one per microphone, loudspeaker and reference; plain or modified. With
// whitening filters a_j the step goes along x~ = a_j (time-reversed) * a_j * x' instead of x', about
// the inverse correlation matrix times x' (LMS-Newton); it acts whitening_taps - 1 samples late.
template <class T>
class MultichannelFx : public Multichannel<T> {
 public:
  // whitening [j][tap] or null
  MultichannelFx(const MultichannelSettings& s, const StepRule& rule, const T* path, const T* whitening)
      : Multichannel<T>(s, rule, s.path_taps + s.error_delay, path),
        lag_(s.whitening_taps > 1 ? s.whitening_taps - 1 : 0), drives_(K_, s.path_taps + s.error_delay),
        filtered_(K_ * J_ * M_, N_ + lag_), white_(lag_ > 0 ? K_ * J_ * M_ : 0, N_ + lag_),
        conditioned_(lag_ > 0 ? K_ * J_ * M_ : 0, N_), disturbances_(M_, lag_ + 1),
        kernel_(J_ * s.whitening_taps), fresh_(K_ * J_ * M_),
        by_path_(M_ * K_), seen_(M_), energies_(K_ * J_), gram_(M_ * M_), factor_(M_ * M_),
        solution_(M_), scratch_(M_) {
    if (lag_ > 0) std::copy(whitening, whitening + kernel_.size(), kernel_.begin());
  }

  void reset() override {
    Multichannel<T>::reset();
    for (ChannelLines<T>* lines : {&drives_, &filtered_, &white_, &conditioned_, &disturbances_}) lines->reset();
    restart();
  }

  // Energies are computed anew.
  void restart() override {
    std::fill(energies_.begin(), energies_.end(), 0.0);
    std::fill(gram_.begin(), gram_.end(), 0.0);
    until_exact_ = 0;
  }

  void visit(Archive& archive) override {
    archive.expect("MultichannelFx");
    archive.expect("modified", settings_.modified);
    archive.expect("step", static_cast<std::uint64_t>(settings_.step));
    archive.expect("prewhitening taps", lag_ + 1);
    Multichannel<T>::visit(archive);
    for (ChannelLines<T>* lines : {&drives_, &filtered_, &white_, &conditioned_, &disturbances_}) {
      lines->visit(archive);
    }
    archive(kernel_);
    archive(energies_);
    archive(gram_);
    archive(until_exact_);
  }

 protected:
  using Multichannel<T>::J_;
  using Multichannel<T>::K_;
  using Multichannel<T>::M_;
  using Multichannel<T>::N_;
  using Multichannel<T>::L_;
  using Multichannel<T>::settings_;
  using Multichannel<T>::rule_;
  using Multichannel<T>::references_;
  using Multichannel<T>::path_;

  void play(T* drive) override {
    Multichannel<T>::play(drive);
    drives_.push(drive);
  }

  void adapt(const T* error) override {
    if (settings_.step != Step::plain && until_exact_ > 0) track_energies(-1);
    filter_references();
    if (settings_.step != Step::plain) {
      if (until_exact_ == 0) measure_energies();
      else track_energies(1);
    }
    until_exact_ = until_exact_ == 0 ? 479 : until_exact_ - 1;
    std::copy(error, error + M_, seen_.begin());
    if (settings_.modified) reconstruct_disturbance();
    if (!this->adapting_) return;
    if (settings_.modified) add_control();
    this->leak();
    if (settings_.step == Step::projection) step_projected();
    else step_by_channel();
  }

 private:
  // Microphone 0 of the channels x'_mkj of one loudspeaker and reference; the others follow.
  std::size_t channel(std::size_t k, std::size_t j) const { return (k * J_ + j) * M_; }
  // Regressor and direction of the step of one channel, both of the same time.
  const T* regressor(std::size_t c) const { return filtered_.latest(c, N_ + lag_); }
  const T* direction(std::size_t c) const { return lag_ > 0 ? conditioned_.window(c) : regressor(c); }
  const ChannelLines<T>& directions() const { return lag_ > 0 ? conditioned_ : filtered_; }
  // The energy that bounds the step is that of a * x' over all frames that regressor and direction
  // depend on: the mean of their product, but never negative or late by chance.
  const T* sized(std::size_t c) const { return lag_ > 0 ? white_.latest(c, N_ + lag_) : regressor(c); }
  const ChannelLines<T>& sizes() const { return lag_ > 0 ? white_ : filtered_; }

  void filter_references() {
    for (std::size_t j = 0; j < J_; ++j) {
      std::fill(by_path_.begin(), by_path_.end(), T(0));
      dots(path_.data(), L_, M_ * K_, references_.latest(j, L_ + settings_.error_delay), L_, by_path_.data());
      for (std::size_t m = 0; m < M_; ++m) {
        for (std::size_t k = 0; k < K_; ++k) fresh_[channel(k, j) + m] = by_path_[m * K_ + k];
      }
    }
    filtered_.push(fresh_.data());
    if (lag_ == 0) return;
    const std::size_t taps = lag_ + 1;
    for (std::size_t c = 0; c < fresh_.size(); ++c) {
      fresh_[c] = reversed_dot(kernel_.data() + c / M_ % J_ * taps, filtered_.latest(c, taps), taps);
    }
    white_.push(fresh_.data());
    for (std::size_t c = 0; c < fresh_.size(); ++c) {
      fresh_[c] = dot(kernel_.data() + c / M_ % J_ * taps, white_.latest(c, taps), taps);
    }
    conditioned_.push(fresh_.data());
  }

  // Energies per loudspeaker and reference over all microphones, or the matrix of inner products of
  // the microphones' regressors: what leaves the window is taken off before the new frame comes,
  // the newest added after it; exact once per 480 frames, because running differences drift.
  void track_energies(int sign) {
    const std::size_t at = sign < 0 ? 0 : N_ + lag_ - 1;
    for (std::size_t c = 0; c < fresh_.size(); c += M_) {
      const T* a = sized(c) + at;
      const std::size_t p = sizes().stride();
      if (settings_.step == Step::channel) {
        double total = 0;
        for (std::size_t m = 0; m < M_; ++m) total += double(a[m * p]) * double(a[m * p]);
        energies_[c / M_] = std::max(0.0, energies_[c / M_] + sign * total);
        continue;
      }
      for (std::size_t m = 0; m < M_; ++m) {
        for (std::size_t i = 0; i <= m; ++i) gram_[m * M_ + i] += sign * double(a[m * p]) * double(a[i * p]);
      }
    }
  }

  void measure_energies() {
    std::fill(energies_.begin(), energies_.end(), 0.0);
    std::fill(gram_.begin(), gram_.end(), 0.0);
    for (std::size_t c = 0; c < fresh_.size(); c += M_) {
      for (std::size_t m = 0; m < M_; ++m) {
        if (settings_.step == Step::channel) {
          energies_[c / M_] += energy(sized(c + m), N_ + lag_);
          continue;
        }
        for (std::size_t i = 0; i <= m; ++i) {
          gram_[m * M_ + i] += inner(sized(c + m), sized(c + i), N_ + lag_);
        }
      }
    }
  }

  // seen = e - sum_k ŝ_mk * y_k, of `lag_` frames ago.
  void reconstruct_disturbance() {
    std::fill(scratch_.begin(), scratch_.end(), T(0));
    for (std::size_t k = 0; k < K_; ++k) {
      dots(path_.data() + k * L_, K_ * L_, M_, drives_.window(k), L_, scratch_.data());
    }
    for (std::size_t m = 0; m < M_; ++m) seen_[m] -= scratch_[m];
    disturbances_.push(seen_.data());
    for (std::size_t m = 0; m < M_; ++m) seen_[m] = *disturbances_.window(m);
  }

  void add_control() {
    for (std::size_t k = 0; k < K_; ++k) {
      for (std::size_t j = 0; j < J_; ++j) {
        dots(regressor(channel(k, j)), filtered_.stride(), M_, this->weights(k, j), N_, seen_.data());
      }
    }
  }

  void step_by_channel() {
    const double channels = static_cast<double>(K_ * J_);
    if (settings_.step == Step::channel && !rule_.active(this->total(energies_))) return;
    for (std::size_t k = 0; k < K_; ++k) {
      for (std::size_t j = 0; j < J_; ++j) {
        double step = rule_.mu();
        if (settings_.step == Step::channel) {
          step /= rule_.epsilon() + channels * energies_[k * J_ + j];
        }
        if (!std::isfinite(step)) continue;
        for (std::size_t m = 0; m < M_; ++m) solution_[m] = static_cast<T>(-step * seen_[m]);
        descend(k, j);
      }
    }
  }

  // Smallest change of all filters together that takes mu of each microphone's error away.
  void step_projected() {
    double trace = 0;
    for (std::size_t m = 0; m < M_; ++m) trace += gram_[m * M_ + m];
    const double load = rule_.epsilon() + settings_.regularisation * trace / static_cast<double>(M_);
    if (!rule_.active(trace) || !factorise(load)) return;
    double* const z = work_.data();
    for (std::size_t a = 0; a < M_; ++a) {
      double total = -rule_.mu() * seen_[a];
      for (std::size_t b = 0; b < a; ++b) total -= factor_[a * M_ + b] * z[b];
      z[a] = total / factor_[a * M_ + a];
    }
    for (std::size_t a = M_; a-- > 0;) {
      double total = z[a];
      for (std::size_t b = a + 1; b < M_; ++b) total -= factor_[b * M_ + a] * z[b];
      z[a] = total / factor_[a * M_ + a];
      solution_[a] = static_cast<T>(z[a]);
    }
    for (std::size_t k = 0; k < K_; ++k) {
      for (std::size_t j = 0; j < J_; ++j) descend(k, j);
    }
  }

  // Cholesky factor of the loaded matrix of inner products; false where rounding spoilt it.
  bool factorise(double load) {
    for (std::size_t a = 0; a < M_; ++a) {
      for (std::size_t b = 0; b <= a; ++b) {
        double total = gram_[a * M_ + b] + (a == b ? load : 0.0);
        for (std::size_t c = 0; c < b; ++c) total -= factor_[a * M_ + c] * factor_[b * M_ + c];
        if (a != b) factor_[a * M_ + b] = total / factor_[b * M_ + b];
        else if (total > 0) factor_[a * M_ + a] = std::sqrt(total);
        else return false;
      }
    }
    return true;
  }

  void descend(std::size_t k, std::size_t j) {
    add_rows(direction(channel(k, j)), directions().stride(), M_, solution_.data(), this->weights(k, j), N_);
  }

  std::size_t lag_;
  ChannelLines<T> drives_, filtered_, white_, conditioned_, disturbances_;
  Buffer<T> kernel_, fresh_, by_path_, seen_;
  Buffer<double> energies_, gram_, factor_;
  Buffer<T> solution_, scratch_;
  std::array<double, max_channels> work_{};
  std::uint32_t until_exact_ = 0;
};

}  // namespace antiphase
