// Multichannel filtered-x control, J references x K loudspeakers x M error microphones.
//
// filtered reference:  w_kj -= step_kj * sum_m e_m * x'_mkj,   x'_mkj = ŝ_mk * x_j
// filtered error:      w_kj -= step_kj * f_k * x_j(delayed),   f_k = sum_m adjoint(ŝ_mk) * e_m
// modified:            the first with e_m = d̂_m + sum_kj w_kj . x'_mkj,  d̂_m = e_m - sum_k ŝ_mk * y_k
//
// The two forms of the gradient are equal but for the delay of path_taps - 1 that makes the adjoint
// causal. Multiply-adds per sample: J K M (L + N) + J K N, and K M L + 2 J K N.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "channels.hpp"
#include "controller.hpp"
#include "simd.hpp"
#include "step_rule.hpp"

namespace antiphase {

enum class Step : int { plain = 0, channel = 1, projection = 2 };

struct MultichannelSettings {
  Shape shape;
  std::size_t n_taps = 1;
  std::size_t path_taps = 1;
  std::size_t whitening_taps = 0;  // 0 or 1: no preconditioning
  double regularisation = 0;  // of the projection, relative to the mean energy per microphone
  std::size_t error_delay = 0;
  Step step = Step::channel;
  bool modified = false;
};

// What the forms share: references, control filters, secondary path, drive.
template <class T>
class Multichannel : public Controller<T> {
 public:
  // path [m][k][tap]
  Multichannel(const MultichannelSettings& s, const StepRule& rule, std::size_t history, const T* path)
      : Controller<T>(s.shape), J_(s.shape.references), K_(s.shape.loudspeakers), M_(s.shape.errors),
        N_(s.n_taps), L_(s.path_taps), settings_(s), rule_(rule), references_(J_, std::max(N_, history)),
        weights_(K_ * J_ * N_, T(0)), path_(M_ * K_ * L_) {
    reverse_rows(path, path_.data(), M_ * K_, L_);
  }

  std::size_t n_taps() const { return N_; }
  std::size_t filter_size() const override { return weights_.size(); }
  void get_filter(T* out) const override { reverse_rows(weights_.data(), out, K_ * J_, N_); }
  void set_filter(const T* in) override { reverse_rows(in, weights_.data(), K_ * J_, N_); }

  std::size_t path_taps() const { return L_; }
  void get_path(T* out) const { reverse_rows(path_.data(), out, M_ * K_, L_); }
  virtual void set_path(const T* in) { reverse_rows(in, path_.data(), M_ * K_, L_); }

  double mu() const { return rule_.mu(); }
  void set_mu(double mu) { rule_.set_mu(mu); }

  void reset() override {
    references_.reset();
    rule_.reset();
    std::fill(weights_.begin(), weights_.end(), T(0));
  }

  void visit(Archive& archive) override {
    archive.expect("n_taps", N_);
    archive.expect("path_taps", L_);
    archive.expect("references", J_);
    archive.expect("loudspeakers", K_);
    archive.expect("errors", M_);
    archive.expect("error_delay", settings_.error_delay);
    archive.expect("scalar bytes", sizeof(T));
    archive(weights_);
    archive(path_);
    references_.visit(archive);
    rule_.visit(archive);
  }

 protected:
  virtual void adapt(const T* error) = 0;   // before the frame's reference is taken in
  virtual void played(const T* drive) = 0;

  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    for (; n > 0; --n, reference += J_, error += M_, drive += K_) {
      adapt(error);
      references_.push(reference);
      std::fill(drive, drive + K_, T(0));
      for (std::size_t j = 0; j < J_; ++j) {
        dots(weights_.data() + j * N_, J_ * N_, K_, references_.latest(j, N_), N_, drive);
      }
      played(drive);
    }
  }

  static double total(const Buffer<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum;
  }

  T* weights(std::size_t k, std::size_t j) { return weights_.data() + (k * J_ + j) * N_; }

  void leak() {
    if (rule_.leakage() == 1.0) return;
    for (T& w : weights_) w *= static_cast<T>(rule_.leakage());
  }

  std::size_t J_, K_, M_, N_, L_;
  MultichannelSettings settings_;
  StepRule rule_;
  ChannelLines<T> references_;

  Buffer<T> weights_, path_;  // newest tap last
};

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

  void played(const T* drive) override { drives_.push(drive); }

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

// Error filtered by the time-reversed path; the reference waits for it.
template <class T>
class MultichannelAdjoint : public Multichannel<T> {
 public:
  MultichannelAdjoint(const MultichannelSettings& s, const StepRule& rule, const T* path)
      : Multichannel<T>(s, rule, s.n_taps + s.path_taps - 1 + s.error_delay, path),
        errors_(M_, L_), filtered_(K_), steps_(K_), adjoint_(M_ * K_ * L_), gains_(K_), energies_(J_),
        gone_(J_) {
    set_path(path);
  }

  void set_path(const T* in) override {
    Multichannel<T>::set_path(in);
    std::copy(in, in + M_ * K_ * L_, adjoint_.begin());
    for (std::size_t k = 0; k < K_; ++k) gains_[k] = peak_gain(k);
  }

  void reset() override {
    Multichannel<T>::reset();
    errors_.reset();
    restart();
  }

  void restart() override {
    std::fill(energies_.begin(), energies_.end(), 0.0);
    std::fill(gone_.begin(), gone_.end(), 0.0);
    until_exact_ = 0;
  }

  void visit(Archive& archive) override {
    archive.expect("MultichannelAdjoint");
    Multichannel<T>::visit(archive);
    archive(adjoint_);
    archive(gains_);
    errors_.visit(archive);
    archive(energies_);
    archive(gone_);
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

  void played(const T*) override {}

  void adapt(const T* error) override {
    errors_.push(error);
    track_energies();
    if (!this->adapting_) return;
    std::fill(filtered_.begin(), filtered_.end(), T(0));
    for (std::size_t m = 0; m < M_; ++m) {
      dots(adjoint_.data() + m * K_ * L_, L_, K_, errors_.window(m), L_, filtered_.data());
    }
    this->leak();
    if (settings_.step == Step::channel && !rule_.active(this->total(energies_))) return;
    for (std::size_t j = 0; j < J_; ++j) {
      for (std::size_t k = 0; k < K_; ++k) {
        double step = rule_.mu();
        if (settings_.step == Step::channel) {
          step /= rule_.epsilon() + static_cast<double>(K_ * J_) * gains_[k] * energies_[j];
        }
        steps_[k] = std::isfinite(step) ? static_cast<T>(-step * filtered_[k]) : T(0);
      }
      spread(old(j), steps_.data(), K_, this->weights(0, j), J_ * N_, N_);
    }
  }

 private:
  const T* old(std::size_t j) const {
    return references_.latest(j, N_ + L_ - 1 + settings_.error_delay);
  }

  void track_energies() {
    const bool exact = until_exact_ == 0;
    until_exact_ = exact ? 479 : until_exact_ - 1;
    for (std::size_t j = 0; j < J_; ++j) {
      const double come = old(j)[N_ - 1];
      if (exact) energies_[j] = energy(old(j), N_);
      else energies_[j] = std::max(0.0, energies_[j] + come * come - gone_[j] * gone_[j]);
      gone_[j] = *old(j);
    }
  }

  // max over frequency of sum_m |Ŝ_mk|^2, on a grid twice as fine as the response is long.
  double peak_gain(std::size_t k) const {
    const std::size_t points = 2 * L_;
    double peak = 0;
    for (std::size_t f = 0; f <= points / 2; ++f) {
      const double angle = 2 * 3.14159265358979323846 * static_cast<double>(f) / static_cast<double>(points);
      double power = 0;
      for (std::size_t m = 0; m < M_; ++m) {
        const T* s = adjoint_.data() + (m * K_ + k) * L_;
        double re = 0, im = 0, c = 1, d = 0;
        for (std::size_t i = 0; i < L_; ++i) {
          re += s[i] * c;
          im += s[i] * d;
          const double turned = c * std::cos(angle) - d * std::sin(angle);
          d = c * std::sin(angle) + d * std::cos(angle);
          c = turned;
        }
        power += re * re + im * im;
      }
      peak = std::max(peak, power);
    }
    return peak;
  }

  ChannelLines<T> errors_;
  Buffer<T> filtered_, steps_, adjoint_;
  Buffer<double> gains_, energies_, gone_;
  std::uint32_t until_exact_ = 0;
};

}  // namespace antiphase
