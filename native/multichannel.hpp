// Multichannel filtered-x control, J references x K loudspeakers x M error microphones: what the
// two forms of the gradient share, and the one by filtered errors (the other: multichannel_fx.hpp).
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
  virtual void adapt(const T* error) = 0;  // before the frame's reference is taken in
  virtual void play(T* drive) {            // after it
    std::fill(drive, drive + K_, T(0));
    for (std::size_t j = 0; j < J_; ++j) {
      dots(weights_.data() + j * N_, J_ * N_, K_, references_.latest(j, N_), N_, drive);
    }
  }

  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    for (; n > 0; --n, reference += J_, error += M_, drive += K_) {
      adapt(error);
      references_.push(reference);
      play(drive);
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

// Error filtered by the time-reversed path; the reference waits for it.
template <class T>
class MultichannelAdjoint : public Multichannel<T> {
 public:
  MultichannelAdjoint(const MultichannelSettings& s, const StepRule& rule, const T* path)
      : Multichannel<T>(s, rule, s.n_taps + s.path_taps + s.error_delay, path),
        errors_(M_, L_), filtered_(K_), steps_(K_ * J_), adjoint_(M_ * K_ * L_), gains_(K_), energies_(J_),
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
        steps_[j * K_ + k] = std::isfinite(step) ? static_cast<T>(-step * filtered_[k]) : T(0);
      }
    }
    pending_ = true;
  }

  // The update waits for the pass over the weights that makes the drives.
  void play(T* drive) override {
    if (!pending_) {
      Multichannel<T>::play(drive);
      return;
    }
    pending_ = false;
    std::fill(drive, drive + K_, T(0));
    for (std::size_t j = 0; j < J_; ++j) {
      spread_and_dot(references_.latest(j, N_ + L_ + settings_.error_delay), steps_.data() + j * K_,
                     references_.latest(j, N_), K_, this->weights(0, j), J_ * N_, N_, drive);
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
  bool pending_ = false;
};

}  // namespace antiphase
