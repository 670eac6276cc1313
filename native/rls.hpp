// Recursive least squares on the factored inverse correlation matrix P = U D Uᵀ: positive definite
// by construction in float32, and the pass that updates U also makes the next sample's Uᵀx.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "controller.hpp"
#include "delay_line.hpp"
#include "simd.hpp"

namespace antiphase {

// The gain vector of RLS for a sliding window of one signal (Bierman 1977, with forgetting).
// Column j of U predicts sample j of the window from the older ones, 1 / D[j] is the energy of that
// prediction's error; bounding D by 1 / (loading * energy) keeps P finite for pure tones.
template <class T>
class UdRecursion {
 public:
  UdRecursion(std::size_t n, double forgetting, double loading, double delta)
      : n_(n), padded_((n + columns - 1) / columns * columns), forgetting_(forgetting),
        loading_(loading), release_(1 - (1 - forgetting) / 10), slow_release_(1 - (1 - forgetting) / 100),
        first_((std::min)(1 / delta, largest)),
        factor_(panel_start(padded_ / columns)), diagonal_(padded_), projected_(padded_),
        gain_(rows(padded_ / columns - 1)), shifted_(gain_.size()) {
    reset();
  }

  // Takes the window in (oldest first); false when there is too little signal to learn from.
  bool update(const T* window) {
    const double newest = window[n_ - 1];
    if (until_exact_ == 0) {
      window_energy_ = energy(window, n_);
      until_exact_ = 480;
    } else {
      window_energy_ = std::max(0.0, window_energy_ + newest * newest - gone_ * gone_);
    }
    --until_exact_;
    gone_ = window[0];
    total_energy_ = forgetting_ * total_energy_ + newest * newest;
    reference_energy_ = std::max(total_energy_, release_ * reference_energy_);
    peak_energy_ = std::max(window_energy_, slow_release_ * peak_energy_);
    if (!(window_energy_ > silence * peak_energy_)) {
      ready_ = false;
      return false;
    }
    if (ready_) projected_[n_ - 1] += static_cast<T>(newest);
    else project(window);
    std::memcpy(shifted_.data(), window + 1, (n_ - 1) * sizeof(T));
    step();
    ready_ = true;
    return true;
  }

  const T* gain() const { return gain_.data(); }
  // The window goes on without an update.
  void skip() { ready_ = false; until_exact_ = 0; }

  void reset() {
    std::fill(factor_.begin(), factor_.end(), T(0));
    for (std::size_t j = 0; j < padded_; ++j) *entry(j, j) = T(1);
    std::fill(diagonal_.begin(), diagonal_.end(), static_cast<T>(first_));
    std::fill(projected_.begin(), projected_.end(), T(0));
    std::fill(shifted_.begin(), shifted_.end(), T(0));
    std::fill(gain_.begin(), gain_.end(), T(0));
    total_energy_ = reference_energy_ = window_energy_ = peak_energy_ = gone_ = 0;
    until_exact_ = 0;
    ready_ = false;
  }

  void visit(Archive& archive) {
    archive(factor_);
    archive(diagonal_);
    archive(projected_);
    for (double* value : {&total_energy_, &reference_energy_, &window_energy_, &peak_energy_, &gone_}) {
      archive(*value);
    }
    archive(until_exact_);
    archive(ready_);
  }

 private:
  using V = Simd<T>;
  using Vector = typename V::type;
  static constexpr std::size_t columns = 4;   // handled together, so that the gain is loaded once
  static constexpr double silence = 1e-7;     // of the running peak energy
  static constexpr double largest = 1e18;     // of D, for any signal

  // Panel p holds columns 4p ... 4p + 3 with all rows down to the diagonal, [row / lanes][column][lane].
  static constexpr std::size_t rows(std::size_t panel) {
    return (columns * (panel + 1) + V::lanes - 1) / V::lanes * V::lanes;
  }
  static std::size_t panel_start(std::size_t panel) {
    std::size_t start = 0;
    for (std::size_t p = 0; p < panel; ++p) start += columns * rows(p);
    return start;
  }
  T* entry(std::size_t i, std::size_t j) {
    return factor_.data() + panel_start(j / columns) + (i / V::lanes * columns + j % columns) * V::lanes +
           i % V::lanes;
  }

  // projected = Uᵀ window.
  void project(const T* window) {
    std::memcpy(shifted_.data(), window, n_ * sizeof(T));
    const T* u = factor_.data();
    for (std::size_t j = 0, panel = 0; j < padded_; j += columns, ++panel) {
      Vector sums[columns]{};
      for (std::size_t i = 0; i < rows(panel); i += V::lanes, u += columns * V::lanes) {
        const Vector x = V::load(shifted_.data() + i);
        for (std::size_t c = 0; c < columns; ++c) sums[c] += V::load(u + c * V::lanes) * x;
      }
      for (std::size_t c = 0; c < columns; ++c) projected_[j + c] = V::sum(sums[c]);
    }
    shifted_[n_ - 1] = T(0);
  }

  // Rows of the gain below the current column are still zero and the diagonal is stored as ones, so
  // the diagonal block needs no masks.
  void step() {
    const T bound = static_cast<T>(
        loading_ > 0 ? std::min(largest, 1 / std::max(loading_ * reference_energy_, 1 / largest)) : largest);
    const T growth = static_cast<T>(1 / forgetting_);
    std::fill(gain_.begin(), gain_.end(), T(0));
    T alpha = static_cast<T>(forgetting_);
    T* u = factor_.data();
    T* const k = gain_.data();
    for (std::size_t j = 0, panel = 0; j < padded_; j += columns, ++panel) {
      Vector back[columns], forth[columns], sums[columns]{};
      for (std::size_t c = 0; c < columns; ++c) {
        const T f = projected_[j + c];
        const T g = diagonal_[j + c] * f;
        const T next = alpha + f * g;
        back[c] = V::splat(-f / alpha);
        forth[c] = V::splat(g);
        diagonal_[j + c] = std::min(bound, diagonal_[j + c] * (alpha / next) * growth);
        alpha = next;
      }
      for (std::size_t i = 0; i < rows(panel); i += V::lanes, u += columns * V::lanes) {
        Vector gain = V::load(k + i);
        const Vector x = V::load(shifted_.data() + i);
        for (std::size_t c = 0; c < columns; ++c) {
          const Vector old = V::load(u + c * V::lanes);
          const Vector now = old + back[c] * gain;
          V::store(u + c * V::lanes, now);
          sums[c] += now * x;
          gain += forth[c] * old;
        }
        V::store(k + i, gain);
      }
      for (std::size_t c = 0; c < columns; ++c) projected_[j + c] = V::sum(sums[c]);
    }
    const T scale = T(1) / alpha;
    for (T& value : gain_) value *= scale;
  }

  std::size_t n_, padded_;
  double forgetting_, loading_, release_, slow_release_, first_;
  Buffer<T> factor_, diagonal_, projected_, gain_, shifted_;
  double total_energy_ = 0, reference_energy_ = 0, window_energy_ = 0, peak_energy_ = 0, gone_ = 0;
  std::uint32_t until_exact_ = 0;
  bool ready_ = false;  // `projected_` holds Uᵀ of the window to come, without its newest sample
};

template <class T>
class Rls : public Canceller<T> {
 public:
  Rls(std::size_t n_taps, double forgetting, double loading, double delta)
      : recursion_(n_taps, forgetting, loading, delta), history_(n_taps), weights_(n_taps, T(0)) {}

  std::size_t n_taps() const { return weights_.size(); }
  void taps(T* out) const { std::reverse_copy(weights_.begin(), weights_.end(), out); }
  void set_taps(const T* in) { std::reverse_copy(in, in + weights_.size(), weights_.begin()); }

  void reset() override {
    recursion_.reset();
    history_.reset();
    std::fill(weights_.begin(), weights_.end(), T(0));
  }

  void visit(Archive& archive) override {
    archive.expect("Rls");
    archive.expect("n_taps", weights_.size());
    archive.expect("scalar bytes", sizeof(T));
    archive(weights_);
    history_.visit(archive);
    recursion_.visit(archive);
  }

 protected:
  void run(const T* reference, const T* primary, T* residual, std::size_t n) override {
    const std::size_t length = weights_.size();
    for (std::size_t i = 0; i < n; ++i) {
      history_.push(reference[i]);
      const T* x = history_.window();
      const T error = primary[i] - dot(weights_.data(), x, length);
      residual[i] = error;
      if (!this->adapting_) recursion_.skip();
      else if (recursion_.update(x)) axpy(error, recursion_.gain(), weights_.data(), length);
    }
  }

 private:
  UdRecursion<T> recursion_;
  DelayLine<T> history_;
  Buffer<T> weights_;
};

// Modified filtered-x RLS: least squares on x' = ŝ * x and d̂ = e - ŝ * y.
template <class T>
class FxRls : public Controller<T> {
 public:
  FxRls(std::size_t n_taps, const T* path, std::size_t path_taps, double forgetting, double loading,
        double delta, std::size_t error_delay)
      : recursion_(n_taps, forgetting, loading, delta), delayed_(path_taps + error_delay),
        reference_(std::max(n_taps, delayed_)), drive_(delayed_), filtered_(n_taps),
        weights_(n_taps, T(0)), path_(path_taps) {
    set_path(path);
  }

  std::size_t n_taps() const { return weights_.size(); }
  std::size_t filter_size() const override { return weights_.size(); }
  void get_filter(T* out) const override { std::reverse_copy(weights_.begin(), weights_.end(), out); }
  void set_filter(const T* in) override { std::reverse_copy(in, in + weights_.size(), weights_.begin()); }
  void restart() override { recursion_.reset(); }

  std::size_t path_taps() const { return path_.size(); }
  void get_path(T* out) const { std::reverse_copy(path_.begin(), path_.end(), out); }
  void set_path(const T* in) { std::reverse_copy(in, in + path_.size(), path_.begin()); }

  void reset() override {
    recursion_.reset();
    for (DelayLine<T>* line : {&reference_, &drive_, &filtered_}) line->reset();
    std::fill(weights_.begin(), weights_.end(), T(0));
  }

  void visit(Archive& archive) override {
    archive.expect("FxRls");
    archive.expect("n_taps", weights_.size());
    archive.expect("error_delay", delayed_ - path_.size());
    archive.expect("scalar bytes", sizeof(T));
    archive(weights_);
    archive(path_);
    for (DelayLine<T>* line : {&reference_, &drive_, &filtered_}) line->visit(archive);
    recursion_.visit(archive);
  }

 protected:
  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    const std::size_t length = weights_.size();
    for (std::size_t i = 0; i < n; ++i) {
      filtered_.push(dot(path_.data(), reference_.window() + reference_.length() - delayed_, path_.size()));
      if (this->adapting_) adapt(error[i]);
      else recursion_.skip();
      reference_.push(reference[i]);
      drive[i] = dot(weights_.data(), reference_.window() + reference_.length() - length, length);
      drive_.push(drive[i]);
    }
  }

 private:
  void adapt(T error) {
    const std::size_t length = weights_.size();
    const T* x = filtered_.window();
    const T disturbance = error - dot(path_.data(), drive_.window(), path_.size());
    const T prior = disturbance + dot(weights_.data(), x, length);
    if (recursion_.update(x)) axpy(-prior, recursion_.gain(), weights_.data(), length);
  }

  UdRecursion<T> recursion_;
  std::size_t delayed_;
  DelayLine<T> reference_, drive_, filtered_;
  Buffer<T> weights_, path_;
};

}  // namespace antiphase
