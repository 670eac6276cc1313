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
      : age_(error_delay + 1), rule_(rule), energy_(n_taps, 1),
        signals_(path, path_taps, n_taps + energy_.lags() + age_), weights_(n_taps, T(0)) {}

  std::size_t n_taps() const { return weights_.size(); }
  std::size_t filter_size() const override { return weights_.size(); }
  void get_filter(T* out) const override {
    std::reverse_copy(weights_.begin(), weights_.end(), out);
  }
  void set_filter(const T* in) override {
    std::reverse_copy(in, in + weights_.size(), weights_.begin());
  }
  FilteredReference<T>& signals() { return signals_; }
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
        energy_.advance(u + k, u + k);
        const double energy = std::max(0.0, energy_.row()[energy_.lags() - 1]);
        gains[k] = this->adapting_ ? -rule_.step(energy) * rule_.influence(error[k]) : 0.0;
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
  SlidingCorrelation<T> energy_;
  FilteredReference<T> signals_;
  Buffer<T> weights_;
};

template <class T>
class ModifiedFx : public Controller<T> {
 public:
  ModifiedFx(const T* path, std::size_t path_taps, std::size_t n_taps, std::size_t order,
             std::size_t error_delay, StepRule rule)
      : age_(error_delay + 1), core_(n_taps, order, rule), cross_(n_taps, order + sweep_samples - 1),
        signals_(path, path_taps, core_.reach() + age_),
        drive_(path_taps + age_, sweep_samples) {}

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
  FilteredReference<T>& signals() { return signals_; }
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
  }

 protected:
  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    while (n > 0) {
      const std::size_t count = std::min(n, signals_.chunk);
      signals_.push(reference, count);
      const T* x = signals_.reference_end() - count;
      const T* u = signals_.filtered_end() - count - age_;
      for (std::size_t k = 0; k < count;) {
        const std::size_t frames = count - k >= sweep_samples ? sweep_samples : 1;
        block(x + k, u + k, error + k, drive + k, frames);
        k += frames;
      }
      reference += count;
      error += count;
      drive += count;
      n -= count;
    }
  }

 private:
  // Frames whose newest samples are x[k] and, for the error, u[k].
  void block(const T* x, const T* u, const T* error, T* drive, std::size_t frames) {
    std::array<T, sweep_samples> output, anti_noise;
    core_.begin(u, frames);
    filter_block(core_.weights().data(), x - (n_taps() - 1), n_taps(), frames, output.data());
    // Drives of this block count as 0 here and are added as they become known.
    const std::array<T, sweep_samples> unknown{};
    drive_.push(unknown.data(), frames);
    const Buffer<T>& path = signals_.reversed_path();
    T* y = drive_.newest_block(frames);
    filter_block(path.data(), y - age_ - (path.size() - 1), path.size(), frames, anti_noise.data());
    for (std::size_t k = 0; k < frames; ++k) {
      double through = anti_noise[k];
      for (std::size_t j = 0; j + age_ <= k; ++j) {
        const std::size_t lag = k - age_ - j;
        if (lag < path.size()) through += static_cast<double>(path[path.size() - 1 - lag]) * y[j];
      }
      core_.error(k, error[k] - through);
      core_.adapt(k, !this->adapting_);
      cross_.advance(x + k, u + k);
      y[k] = static_cast<T>(core_.scale() * (output[k] + core_.corrected(cross_.row(), k, 0)));
    }
    std::copy_n(y, frames, drive);
    core_.finish();
  }

  std::size_t age_;
  Projection<T> core_;
  SlidingCorrelation<T> cross_;
  FilteredReference<T> signals_;
  DelayLine<T> drive_;
};

}  // namespace antiphase
