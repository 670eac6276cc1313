// Control of a harmonic sound with synthesised references: drive = Re sum_h W_h exp(j h phase), one
// complex weight per harmonic, the phase of the fundamental from a microphone, a tacho or the
// disturbance itself. Modified form: the weights see d̂ = e - ŝ * y.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "controller.hpp"
#include "delay_line.hpp"
#include "pitch.hpp"

namespace antiphase {

// Frequency response of an impulse response, tabulated without its bulk delay so that linear
// interpolation is exact to -60 dB or better.
class ResponseTable {
 public:
  explicit ResponseTable(std::size_t taps) : points_(std::max<std::size_t>(1024, 8 * taps)), table_(points_ + 1) {}

  template <class T>
  void assign(const T* path, std::size_t taps) {
    double weight = 0, moment = 0;
    for (std::size_t i = 0; i < taps; ++i) {
      const double energy = double(path[i]) * double(path[i]);
      weight += energy;
      moment += energy * static_cast<double>(i);
    }
    bulk_ = weight > 0 ? std::floor(moment / weight) : 0.0;
    peak_ = 0;
    for (std::size_t f = 0; f <= points_; ++f) {
      const double angle = 0.5 * two_pi * static_cast<double>(f) / static_cast<double>(points_);
      const Phasor turn = unit(-angle);
      Phasor power = unit(angle * bulk_), total;
      for (std::size_t i = 0; i < taps; ++i) {
        total.re += path[i] * power.re;
        total.im += path[i] * power.im;
        power = power * turn;
      }
      table_[f] = total;
      peak_ = std::max(peak_, square(total));
    }
  }

  // At `angle` rad per sample in [0, pi].
  Phasor at(double angle) const {
    const double position = std::clamp(angle / (0.5 * two_pi), 0.0, 1.0) * static_cast<double>(points_);
    const std::size_t f = std::min(static_cast<std::size_t>(position), points_ - 1);
    const double share = position - static_cast<double>(f);
    const Phasor a = table_[f], b = table_[f + 1];
    return Phasor{a.re + share * (b.re - a.re), a.im + share * (b.im - a.im)} * unit(-angle * bulk_);
  }
  // max |S|^2
  double peak() const { return peak_; }

 private:
  std::size_t points_;
  std::vector<Phasor> table_;
  double bulk_ = 0, peak_ = 0;
};

enum class PhaseSource : int { reference = 0, error = 1, phase = 2 };

struct NarrowbandSettings {
  PitchTracker::Settings pitch;
  PhaseSource source;
  double mu, leakage;
  double lead;  // samples by which the phase is turned ahead
  std::size_t error_delay;
};

template <class T>
class Narrowband : public Controller<T> {
 public:
  Narrowband(const NarrowbandSettings& s, const Orders& orders, const T* path, std::size_t path_taps)
      : orders_(orders), settings_(s), tracker_(orders, s.pitch), path_(path_taps), response_(path_taps),
        drive_(path_taps + s.error_delay), phases_(s.error_delay + 1), weights_(orders.size()),
        gains_(orders.size()), regressors_(orders.size()) {
    set_path(path);
  }

  std::size_t path_taps() const { return path_.size(); }
  void get_path(T* out) const { std::reverse_copy(path_.begin(), path_.end(), out); }
  void set_path(const T* in) {
    std::reverse_copy(in, in + path_.size(), path_.begin());
    response_.assign(in, path_.size());
    until_gains_ = 0;
  }

  // Real and imaginary part of each harmonic's weight in turn.
  std::size_t filter_size() const override { return 2 * weights_.size(); }
  void get_filter(T* out) const override {
    for (const Phasor& w : weights_) {
      *out++ = static_cast<T>(w.re);
      *out++ = static_cast<T>(w.im);
    }
  }
  void set_filter(const T* in) override {
    for (Phasor& w : weights_) {
      w.re = *in++;
      w.im = *in++;
    }
  }

  double frequency() const { return tracker_.frequency(); }
  double explained() const { return tracker_.explained(); }
  double mu() const { return settings_.mu; }
  void set_mu(double mu) { settings_.mu = mu; }

  void reset() override {
    tracker_.reset();
    drive_.reset();
    std::fill(phases_.begin(), phases_.end(), 0.0);
    std::fill(weights_.begin(), weights_.end(), Phasor{});
    played_ = 0;
    until_gains_ = 0;
  }

  void visit(Archive& archive) override {
    archive.expect("Narrowband");
    archive.expect("harmonics", weights_.size());
    archive.expect("source", static_cast<std::uint64_t>(settings_.source));
    archive.expect("error_delay", settings_.error_delay);
    archive.expect("scalar bytes", sizeof(T));
    archive(path_);
    if (archive.loading()) {
      std::vector<T> forward(path_.rbegin(), path_.rend());
      response_.assign(forward.data(), forward.size());
    }
    tracker_.visit(archive);
    drive_.visit(archive);
    archive(phases_);
    for (std::vector<Phasor>* values : {&weights_, &gains_}) {
      for (Phasor& v : *values) {
        archive(v.re);
        archive(v.im);
      }
    }
    archive(played_);
    archive(until_gains_);
  }

 protected:
  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    const std::size_t delays = phases_.size();
    for (std::size_t i = 0; i < n; ++i) {
      const double disturbance =
          static_cast<double>(error[i]) - static_cast<double>(dot(path_.data(), drive_.window(), path_.size()));
      if (until_gains_ == 0) evaluate_path();
      until_gains_ = until_gains_ == 0 ? 15 : until_gains_ - 1;
      // The oldest phase kept is the one that the drive had when this error was heard.
      if (this->adapting_ && played_ >= delays) adapt(disturbance, phases_[played_ % delays]);
      double ahead = settings_.lead;
      if (settings_.source == PhaseSource::reference) {
        tracker_.hear(reference[i]);
      } else if (settings_.source == PhaseSource::phase) {
        tracker_.turn(reference[i]);
      } else {
        tracker_.hear(disturbance);
        ahead += static_cast<double>(delays);
      }
      const double phase = tracker_.phase() + tracker_.frequency() * ahead;
      phases_[played_ % delays] = phase;
      ++played_;
      orders_.phasors(phase, regressors_.data());
      double y = 0;
      for (std::size_t h = 0; h < weights_.size(); ++h) {
        if (audible(h)) y += real_product(weights_[h], regressors_[h]);
      }
      drive[i] = static_cast<T>(y);
      drive_.push(drive[i]);
    }
  }

 private:
  // Share of max |Ŝ|^2 below which a harmonic is not driven any harder.
  static constexpr double weakest = 1e-3;

  bool audible(std::size_t h) const { return orders_.multiple(h) * tracker_.frequency() < 0.95 * two_pi / 2; }

  void evaluate_path() {
    for (std::size_t h = 0; h < gains_.size(); ++h) {
      gains_[h] = response_.at(orders_.multiple(h) * tracker_.frequency());
    }
  }

  void adapt(double disturbance, double phase) {
    orders_.phasors(phase, regressors_.data());
    double prior = disturbance;
    for (std::size_t h = 0; h < weights_.size(); ++h) {
      regressors_[h] = regressors_[h] * gains_[h];
      if (audible(h)) prior += real_product(weights_[h], regressors_[h]);
    }
    const double floor = weakest * response_.peak();
    const double step = settings_.mu * prior / static_cast<double>(weights_.size());
    for (std::size_t h = 0; h < weights_.size(); ++h) {
      if (!audible(h)) continue;
      const double size = square(gains_[h]) + floor;
      if (!(size > 0)) continue;
      weights_[h].re = settings_.leakage * weights_[h].re - step / size * regressors_[h].re;
      weights_[h].im = settings_.leakage * weights_[h].im + step / size * regressors_[h].im;
    }
  }

  Orders orders_;
  NarrowbandSettings settings_;
  PitchTracker tracker_;
  Buffer<T> path_;  // newest tap last
  ResponseTable response_;
  DelayLine<T> drive_;
  Buffer<double> phases_;
  std::vector<Phasor> weights_, gains_, regressors_;
  std::uint64_t played_ = 0;
  std::uint32_t until_gains_ = 0;
};

}  // namespace antiphase
