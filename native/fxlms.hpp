// Filtered-x controllers: e = d + s * y, w <- leakage w - step e x'. FxLms is the classical form;
// ModifiedFx updates on the reconstructed disturbance, which takes the secondary path's delay out of
// the loop, with one (NLMS) or more (affine projection) reused vectors.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "affine_projection.hpp"
#include "controller.hpp"
#include "delay_line.hpp"

namespace antiphase {

// Reference and filtered reference x' = s^ * x, taken in by chunks.
template <class T>
class FilteredReference {
 public:
  static constexpr std::size_t chunk = 128;

  // Keeps `reach` samples of both signals.
  FilteredReference(const T* path, std::size_t path_taps, std::size_t reach)
      : path_(path_taps), reference_(std::max(reach, path_taps), chunk), filtered_(reach, chunk) {
    set_path(path);
  }

  std::size_t path_taps() const { return path_.size(); }
  void path(T* out) const { std::reverse_copy(path_.begin(), path_.end(), out); }
  void set_path(const T* in) { std::reverse_copy(in, in + path_.size(), path_.begin()); }
  // Newest tap last.
  const Buffer<T>& reversed_path() const { return path_; }

  void push(const T* reference, std::size_t count) {
    reference_.push(reference, count);
    filter_block(path_.data(), reference_.end() - count - (path_.size() - 1), path_.size(), count,
                 scratch_.data());
    filtered_.push(scratch_.data(), count);
  }

  // One past the newest sample.
  const T* reference_end() const { return reference_.end(); }
  const T* filtered_end() const { return filtered_.end(); }

  void reset() {
    reference_.reset();
    filtered_.reset();
  }
  void visit(Archive& archive) {
    archive.expect("secondary path taps", path_.size());
    archive(path_);
    reference_.visit(archive);
    filtered_.visit(archive);
  }

 private:
  Buffer<T> path_;
  DelayLine<T> reference_, filtered_;
  std::array<T, chunk> scratch_{};
};

template <class T>
class FxLms : public Controller<T> {
 public:
  FxLms(const T* path, std::size_t path_taps, std::size_t n_taps, std::size_t error_delay,
        StepRule rule)
      : age_(error_delay + 1), rule_(rule), energy_(n_taps),
        signals_(path, path_taps, n_taps + 1 + age_), weights_(n_taps, T(0)) {}

  std::size_t n_taps() const { return weights_.size(); }
  std::size_t filter_size() const override { return weights_.size(); }
  void get_filter(T* out) const override {
    std::reverse_copy(weights_.begin(), weights_.end(), out);
  }
  void set_filter(const T* in) override {
    std::reverse_copy(in, in + weights_.size(), weights_.begin());
  }
  const FilteredReference<T>& signals() const { return signals_; }
  void set_path(const T* path) { signals_.set_path(path); }
  double mu() const { return rule_.mu(); }
  void set_mu(double mu) { rule_.set_mu(mu); }

  void reset() override {
    rule_.reset();
    energy_.reset();
    signals_.reset();
    std::fill(weights_.begin(), weights_.end(), T(0));
  }

  void visit(Archive& archive) override {
    archive.expect("FxLms");
    archive.expect("n_taps", weights_.size());
    archive.expect("error_delay", age_ - 1);
    archive.expect("scalar bytes", sizeof(T));
    rule_.visit(archive);
    energy_.visit(archive);
    signals_.visit(archive);
    archive(weights_);
  }

 protected:
  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    while (n > 0) {
      const std::size_t count = std::min(n, signals_.chunk);
      signals_.push(reference, count);
      // Newest samples at the first frame: of x, and of the x' its error belongs to.
      const T* x = signals_.reference_end() - count;
      const T* u = signals_.filtered_end() - count - age_;
      std::array<double, FilteredReference<T>::chunk> gains;
      for (std::size_t k = 0; k < count; ++k) {
        gains[k] = energy_.advance(u + k);
      }
      std::size_t whole = 0;
      for (; whole + sweep_samples <= count; whole += sweep_samples) {
        rule_.template steps<sweep_samples>(gains.data() + whole, 1, gains.data() + whole);
      }
      for (; whole < count; ++whole) rule_.template steps<1>(gains.data() + whole, 1, gains.data() + whole);
      for (std::size_t k = 0; k < count; ++k) {
        gains[k] *= this->adapting_ ? -rule_.influence(error[k]) : 0.0;
      }
      sweep(gains.data(), u - (n_taps() - 1), x - (n_taps() - 1), drive, count);
      reference += count;
      error += count;
      drive += count;
      n -= count;
    }
  }

 private:
  void sweep(const double* gains, const T* u, const T* x, T* drive, std::size_t count) {
    const double keep = this->adapting_ ? rule_.leakage() : 1.0;
    std::size_t k = 0;
    for (; k + sweep_samples <= count; k += sweep_samples) {
      std::array<T, sweep_samples> step, output;
      std::array<double, sweep_samples> scale;
      double product = 1.0;
      for (std::size_t j = 0; j < sweep_samples; ++j) {
        scale[j] = product *= keep;
        step[j] = static_cast<T>(gains[k + j] / product);
      }
      adapt_and_filter8(weights_.data(), u + k, step.data(), x + k, static_cast<T>(product),
                        n_taps(), output.data());
      for (std::size_t j = 0; j < sweep_samples; ++j) {
        drive[k + j] = static_cast<T>(scale[j] * output[j]);
      }
    }
    for (; k < count; ++k) {
      drive[k] = adapt_and_filter(weights_.data(), u + k, static_cast<T>(gains[k]), x + k,
                                  static_cast<T>(keep), n_taps());
    }
  }

  std::size_t age_;
  StepRule rule_;
  SlidingEnergy<T> energy_;
  FilteredReference<T> signals_;
  Buffer<T> weights_;
};

template <class T, std::size_t Order>
class ModifiedFx : public Controller<T> {
 public:
  ModifiedFx(const T* path, std::size_t path_taps, std::size_t n_taps, std::size_t order,
             std::size_t error_delay, StepRule rule)
      : age_(error_delay + 1), core_(n_taps, order, rule), cross_(n_taps, order + sweep_samples - 1),
        cross_rows_(sweep_samples * cross_.lags() + core_.row_padding),
        signals_(path, path_taps, core_.reach() + age_),
        drive_(path_taps + age_, sweep_samples) {
    set_leading();
  }

  std::size_t n_taps() const { return core_.n_taps(); }
  std::size_t filter_size() const override { return n_taps(); }
  void get_filter(T* out) const override {
    std::reverse_copy(core_.weights().begin(), core_.weights().end(), out);
  }
  void set_filter(const T* in) override {
    std::reverse_copy(in, in + n_taps(), core_.weights().begin());
    core_.forget_outputs();
  }
  void restart() override { core_.forget_outputs(); }
  const FilteredReference<T>& signals() const { return signals_; }
  void set_path(const T* path) {
    signals_.set_path(path);
    set_leading();
  }
  double mu() const { return core_.rule().mu(); }
  void set_mu(double mu) { core_.rule().set_mu(mu); }

  void reset() override {
    core_.reset();
    cross_.reset();
    signals_.reset();
    drive_.reset();
  }

  void visit(Archive& archive) override {
    archive.expect("ModifiedFx");
    archive.expect("error_delay", age_ - 1);
    core_.visit(archive);
    cross_.visit(archive);
    signals_.visit(archive);
    drive_.visit(archive);
    set_leading();
  }

 protected:
  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    while (n > 0) {
      const std::size_t count = std::min(n, signals_.chunk);
      signals_.push(reference, count);
      const T* x = signals_.reference_end() - count;
      const T* u = signals_.filtered_end() - count - age_;
      std::size_t k = 0;
      for (; k + sweep_samples <= count; k += sweep_samples) {
        frames<sweep_samples>(x + k, u + k, error + k, drive + k);
      }
      for (; k < count; ++k) frames<1>(x + k, u + k, error + k, drive + k);
      reference += count;
      error += count;
      drive += count;
      n -= count;
    }
  }

 private:
  // Frames whose newest samples are x[k] and, for the error, u[k].
  template <std::size_t Count>
  void frames(const T* x, const T* u, const T* error, T* drive) {
    typename Projection<T, Order>::template Block<Count> block;
    std::array<T, Count> output, through;
    core_.begin(block, u, !this->adapting_);
    cross_.template advance<Count>(x, u, cross_row(0));
    filter_frames<Count>(core_.weights().data(), x - (n_taps() - 1), n_taps(), output.data());
    // Drives of this block count as 0 in s^ * y and are added as they become known.
    const std::array<T, Count> unknown{};
    drive_.push(unknown.data(), Count);
    T* y = drive_.newest_block(Count);
    const Buffer<T>& path = signals_.reversed_path();
    filter_frames<Count>(path.data(), y - age_ - (path.size() - 1), path.size(), through.data());
    std::array<double, Count> now;
#pragma GCC unroll 8
    for (std::size_t k = 0; k < Count; ++k) {
      double anti_noise = through[k];
      for (std::size_t j = 0; j + age_ <= k; ++j) anti_noise += leading_[k - age_ - j] * now[j];
      core_.update(block, k, error[k] - anti_noise);
      y[k] = static_cast<T>(block.scale * core_.corrected(block, cross_row(k), k, 0, output[k]));
      now[k] = y[k];
    }
    std::copy_n(y, Count, drive);
    core_.finish(block);
  }

  double* cross_row(std::size_t k) { return cross_rows_.data() + k * cross_.lags(); }

  // First taps of s^, by which drives of a block reach errors of the same block.
  void set_leading() {
    const Buffer<T>& path = signals_.reversed_path();
    for (std::size_t k = 0; k < std::min(leading_.size(), path.size()); ++k) {
      leading_[k] = path[path.size() - 1 - k];
    }
  }

  std::size_t age_;
  Projection<T, Order> core_;
  SlidingCorrelation<T> cross_;
  Buffer<double> cross_rows_;
  FilteredReference<T> signals_;
  DelayLine<T> drive_;
  std::array<double, sweep_samples> leading_{};
};

}  // namespace antiphase
