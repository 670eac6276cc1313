// The fundamental of a harmonic sound: a search over a grid of frequencies, and a phase-locked loop
// that follows it. All in double: a handful of states.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "archive.hpp"
#include "simd.hpp"

namespace antiphase {

constexpr double two_pi = 6.283185307179586476925;

struct Phasor {
  double re = 0, im = 0;
};
inline Phasor operator*(Phasor a, Phasor b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
inline Phasor unit(double angle) { return {std::cos(angle), std::sin(angle)}; }
inline double square(Phasor a) { return a.re * a.re + a.im * a.im; }
// Re(a b)
inline double real_product(Phasor a, Phasor b) { return a.re * b.re - a.im * b.im; }
inline double wrapped(double angle) { return angle - two_pi * std::round(angle / two_pi); }

// Multiples of half the fundamental (orders 1, 2, 3 ... of the half), ascending.
class Orders {
 public:
  explicit Orders(std::vector<std::uint32_t> halves) : halves_(std::move(halves)) {}
  std::size_t size() const { return halves_.size(); }
  double multiple(std::size_t h) const { return 0.5 * halves_[h]; }

  // out[h] = exp(j multiple_h angle)
  void phasors(double angle, Phasor* out) const {
    const Phasor step = unit(0.5 * angle);
    Phasor power{1, 0};
    std::uint32_t order = 0;
    for (std::size_t h = 0; h < halves_.size(); ++h) {
      for (; order < halves_[h]; ++order) power = power * step;
      out[h] = power;
    }
  }

 private:
  std::vector<std::uint32_t> halves_;
};

// Which fundamental of a grid explains most of a signal; one answer per block.
class PitchSearch {
 public:
  // Frequencies in rad per sample, block in samples.
  PitchSearch(const Orders& orders, double lowest, double highest, std::size_t block)
      : orders_(orders.size()), block_(block) {
    const double top = orders.multiple(orders.size() - 1);
    const double wanted = (highest - lowest) * static_cast<double>(block) * top / two_pi;
    grid_ = highest > lowest ? static_cast<std::size_t>(std::clamp(std::ceil(wanted), 1.0, 255.0)) + 1 : 0;
    const std::size_t size = grid_ * orders_;
    for (Buffer<double>* values : {&c_, &s_, &turn_c_, &turn_s_, &sum_c_, &sum_s_}) values->resize(size);
    frequency_.resize(grid_);
    for (std::size_t g = 0; g < grid_; ++g) {
      frequency_[g] = lowest + (highest - lowest) * static_cast<double>(g) / static_cast<double>(grid_ - 1);
      for (std::size_t h = 0; h < orders_; ++h) {
        const double turn = orders.multiple(h) * frequency_[g];
        const bool audible = turn < 0.95 * two_pi / 2;
        turn_c_[g * orders_ + h] = audible ? std::cos(turn) : 0;
        turn_s_[g * orders_ + h] = audible ? std::sin(turn) : 0;
      }
    }
    restart();
  }

  // True at the end of a block: `frequency()` and `power()` are new.
  bool push(double x) {
    if (grid_ == 0) return false;
    using V = Simd<double>;
    const std::size_t size = c_.size();
    const auto value = V::splat(x);
    std::size_t i = 0;
    for (; i + V::lanes <= size; i += V::lanes) {
      const auto c = V::load(&c_[i]), s = V::load(&s_[i]), a = V::load(&turn_c_[i]), b = V::load(&turn_s_[i]);
      V::store(&sum_c_[i], V::load(&sum_c_[i]) + value * c);
      V::store(&sum_s_[i], V::load(&sum_s_[i]) + value * s);
      V::store(&c_[i], c * a - s * b);
      V::store(&s_[i], c * b + s * a);
    }
    for (; i < size; ++i) {
      sum_c_[i] += x * c_[i];
      sum_s_[i] += x * s_[i];
      const double c = c_[i] * turn_c_[i] - s_[i] * turn_s_[i];
      s_[i] = c_[i] * turn_s_[i] + s_[i] * turn_c_[i];
      c_[i] = c;
    }
    if (++count_ < block_) return false;
    choose();
    restart();
    return true;
  }

  double frequency() const { return best_frequency_; }
  double power() const { return best_power_; }

  void restart() {
    std::fill(c_.begin(), c_.end(), 1.0);
    for (Buffer<double>* values : {&s_, &sum_c_, &sum_s_}) std::fill(values->begin(), values->end(), 0.0);
    count_ = 0;
  }

  void visit(Archive& archive) {
    for (Buffer<double>* values : {&c_, &s_, &sum_c_, &sum_s_}) archive(*values);
    archive(count_);
    archive(best_frequency_);
    archive(best_power_);
  }

 private:
  double explained(std::size_t g) const {
    double total = 0;
    for (std::size_t i = g * orders_; i < (g + 1) * orders_; ++i) {
      total += sum_c_[i] * sum_c_[i] + sum_s_[i] * sum_s_[i];
    }
    return 2 * total / (static_cast<double>(block_) * static_cast<double>(block_));
  }

  void choose() {
    std::size_t best = 0;
    best_power_ = -1;
    for (std::size_t g = 0; g < grid_; ++g) {
      const double power = explained(g);
      if (power > best_power_) {
        best_power_ = power;
        best = g;
      }
    }
    best_frequency_ = frequency_[best];
    if (best == 0 || best + 1 == grid_) return;
    const double left = explained(best - 1), right = explained(best + 1);
    const double bend = left - 2 * best_power_ + right;
    if (bend < 0) best_frequency_ += 0.5 * (left - right) / bend * (frequency_[1] - frequency_[0]);
  }

  std::size_t orders_, block_, grid_ = 0;
  Buffer<double> c_, s_, turn_c_, turn_s_, sum_c_, sum_s_, frequency_;
  std::uint64_t count_ = 0;
  double best_frequency_ = 0, best_power_ = 0;
};

// Phase and frequency of the fundamental. All harmonics steer one loop: the error of prediction is
// projected on the derivative of the prediction by the phase.
class PitchTracker {
 public:
  struct Settings {
    double start, lowest, highest;  // rad per sample
    double loop;                    // natural frequency of the phase-locked loop, rad per sample
    double fade;                    // rate of the amplitudes, per sample
    std::size_t search_block;       // samples
  };

  PitchTracker(const Orders& orders, const Settings& s)
      : orders_(orders), settings_(s), search_(orders, s.lowest, s.highest, s.search_block),
        amplitudes_(orders.size()), turned_(orders.size()) {
    reset();
  }

  double phase() const { return phase_; }
  double frequency() const { return frequency_; }
  // Share of the signal's power that the harmonics explain.
  double explained() const {
    const double model = modelled();
    return model > 0 ? model / (model + residual_) : 0.0;
  }

  // A sample of the sound.
  void hear(double x) {
    if (search_.push(x) && search_.power() > jump * modelled()) {
      frequency_ = search_.frequency();
      std::fill(amplitudes_.begin(), amplitudes_.end(), Phasor{});
      age_ = 0;
    }
    advance();
    orders_.phasors(phase_, turned_.data());
    double predicted = 0, slope = 0, power = 0, slope_power = 0;
    for (std::size_t h = 0; h < orders_.size(); ++h) {
      if (silent(h)) continue;
      const double multiple = orders_.multiple(h);
      const Phasor part = amplitudes_[h] * turned_[h];
      predicted += part.re;
      slope -= multiple * part.im;
      power += 0.5 * square(amplitudes_[h]);
      slope_power += 0.5 * multiple * multiple * square(amplitudes_[h]);
    }
    const double rest = x - predicted;
    ++age_;
    const double rate = std::max(settings_.fade, 1.0 / (static_cast<double>(age_) + 1.0));
    residual_ += std::max(settings_.fade, rate) * (rest * rest - residual_);
    const double gain = std::min(2 * rate, 1.0 / static_cast<double>(orders_.size()));
    for (std::size_t h = 0; h < orders_.size(); ++h) {
      if (silent(h)) continue;
      amplitudes_[h].re += gain * rest * turned_[h].re;
      amplitudes_[h].im -= gain * rest * turned_[h].im;
    }
    // Amplitudes first; in noise the loop slows down with the share that the model explains.
    if (slope_power > 0 && static_cast<double>(age_) * frequency_ * orders_.multiple(0) > two_pi) correct(rest * slope / slope_power * power / (power + residual_));
  }

  // The phase itself, from a tacho, rad.
  void turn(double phase) {
    advance();
    if (age_++ == 0) phase_ = phase;
    else correct(wrapped(phase - phase_));
  }

  void reset() {
    search_.restart();
    std::fill(amplitudes_.begin(), amplitudes_.end(), Phasor{});
    phase_ = residual_ = 0;
    frequency_ = settings_.start;
    age_ = 0;
  }

  void visit(Archive& archive) {
    search_.visit(archive);
    for (Phasor& a : amplitudes_) {
      archive(a.re);
      archive(a.im);
    }
    for (double* value : {&phase_, &frequency_, &residual_}) archive(*value);
    archive(age_);
  }

 private:
  // A search result must explain this many times more than the loop does to take over.
  static constexpr double jump = 1.5;

  bool silent(std::size_t h) const { return orders_.multiple(h) * frequency_ > 0.95 * two_pi / 2; }

  double modelled() const {
    double total = 0;
    for (const Phasor& a : amplitudes_) total += 0.5 * square(a);
    return total;
  }

  void advance() {
    phase_ += frequency_;
    if (phase_ > 2 * two_pi) phase_ -= 2 * two_pi;  // a whole number of half-order cycles
  }

  void correct(double error) {
    const double limited = std::clamp(error, -1.0, 1.0);
    phase_ += 2 * settings_.loop * limited;
    frequency_ = std::clamp(frequency_ + settings_.loop * settings_.loop * limited, settings_.lowest,
                            settings_.highest);
  }

  Orders orders_;
  Settings settings_;
  PitchSearch search_;
  std::vector<Phasor> amplitudes_, turned_;
  double phase_ = 0, frequency_ = 0, residual_ = 0;
  std::uint64_t age_ = 0;
};

}  // namespace antiphase
