// The device side of split control: a filter that others exchange while it runs, with a quiet probe
// on top, and a recorder of what was heard and played.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "around.hpp"
#include "delay_line.hpp"
#include "simd.hpp"

namespace antiphase {

// y_k = sum_j w_kj * x_j + probe. A pushed filter waits for its sample and then fades in linearly:
// y = (1 - g) y_old + g y_new, g in equal steps.
template <class T>
class SwitchedFilter : public Controller<T> {
 public:
  SwitchedFilter(Shape shape, std::size_t n_taps, double level_smoothing)
      : Controller<T>(shape), n_taps_(n_taps), smoothing_(level_smoothing),
        histories_(shape.references, DelayLine<T>(n_taps)),
        weights_(shape.loudspeakers * shape.references * n_taps),
        fresh_(weights_.size()), waiting_(weights_.size()) {}

  std::size_t n_taps() const { return n_taps_; }
  std::int64_t now() const { return now_; }
  std::int64_t version() const { return version_; }
  std::int64_t applied_at() const { return applied_at_; }
  // Times that somebody other than `push` set the filter: a guard that rolled back.
  std::uint64_t overrides() const { return overrides_; }
  double error_rms() const { return std::sqrt(error_power_); }

  // `taps` [loudspeaker][reference][tap], newest first; takes the place of one still waiting.
  void push(const T* taps, std::int64_t version, std::int64_t at, std::size_t fade) {
    reverse_each(taps, waiting_.data());
    waiting_version_ = version;
    waiting_at_ = at;
    waiting_fade_ = fade;
    is_waiting_ = true;
  }
  bool waiting() const { return is_waiting_; }

  // Probe: `samples` repeat for ever, times `relative` times the running RMS of the error.
  void set_probe(const T* samples, std::size_t n, double relative) {
    probe_.assign(samples, samples + n);
    relative_ = relative;
    probe_at_ = 0;
  }

  std::size_t filter_size() const override { return weights_.size(); }
  void get_filter(T* out) const override {
    reverse_each(fade_left_ > 0 ? fresh_.data() : weights_.data(), out);
  }
  void set_filter(const T* in) override {
    reverse_each(in, weights_.data());
    fade_left_ = 0;
    is_waiting_ = false;
    ++overrides_;
  }

  void reset() override {
    for (auto& history : histories_) history.reset();
    std::fill(weights_.begin(), weights_.end(), T(0));
    fade_left_ = 0;
    is_waiting_ = false;
    version_ = now_ = applied_at_ = 0;
    overrides_ = 0;
    error_power_ = 0;
    probe_at_ = 0;
  }

  void visit(Archive& archive) override {
    archive.expect("SwitchedFilter");
    archive.expect("n_taps", n_taps_);
    archive.expect("scalar bytes", sizeof(T));
    archive.expect("probe", probe_.size());
    for (auto& history : histories_) history.visit(archive);
    for (auto* taps : {&weights_, &fresh_, &waiting_}) archive(*taps);
    for (auto* n : {&now_, &version_, &applied_at_, &fresh_version_, &waiting_version_, &waiting_at_}) {
      archive(*n);
    }
    archive(overrides_);
    for (auto* n : {&fade_, &fade_left_, &waiting_fade_, &probe_at_}) archive(*n);
    archive(is_waiting_);
    archive(error_power_);
    archive(relative_);
  }

 protected:
  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    const Shape& shape = this->shape();
    for (std::size_t i = 0; i < n; ++i) {
      level(error + i * shape.errors);
      if (is_waiting_ && waiting_at_ <= now_) begin_fade();
      for (std::size_t j = 0; j < shape.references; ++j) {
        histories_[j].push(reference[i * shape.references + j]);
      }
      frame(drive + i * shape.loudspeakers);
      ++now_;
    }
  }

 private:
  void level(const T* error) {
    double power = 0;
    for (std::size_t m = 0; m < this->shape().errors; ++m) {
      power += static_cast<double>(error[m]) * static_cast<double>(error[m]);
    }
    power /= static_cast<double>(this->shape().errors);
    error_power_ += smoothing_ * (power - error_power_);
  }

  void begin_fade() {
    if (fade_left_ > 0) weights_ = fresh_;
    fresh_ = waiting_;
    fresh_version_ = waiting_version_;
    fade_ = waiting_fade_;
    fade_left_ = fade_ + 1;
    is_waiting_ = false;
    version_ = fresh_version_;
    applied_at_ = now_;
  }

  void frame(T* drive) {
    if (fade_left_ == 1) {
      weights_ = fresh_;
      fade_left_ = 0;
    }
    const T gain = fade_left_ > 0 ? T(fade_ + 1 - fade_left_ + 1) / T(fade_ + 1) : T(0);
    T probe = 0;
    if (!probe_.empty()) {
      probe = static_cast<T>(relative_ * error_rms()) * probe_[probe_at_];
      probe_at_ = probe_at_ + 1 == probe_.size() ? 0 : probe_at_ + 1;
    }
    for (std::size_t k = 0; k < this->shape().loudspeakers; ++k) {
      T y = output(weights_, k);
      if (fade_left_ > 0) y += gain * (output(fresh_, k) - y);
      drive[k] = y + probe;
    }
    if (fade_left_ > 0) --fade_left_;
  }

  T output(const Buffer<T>& weights, std::size_t k) const {
    T total = 0;
    const T* w = weights.data() + k * histories_.size() * n_taps_;
    for (const auto& history : histories_) {
      total += dot(w, history.window(), n_taps_);
      w += n_taps_;
    }
    return total;
  }

  void reverse_each(const T* from, T* to) const {
    for (std::size_t p = 0; p < weights_.size(); p += n_taps_) {
      std::reverse_copy(from + p, from + p + n_taps_, to + p);
    }
  }

  std::size_t n_taps_;
  double smoothing_;
  std::vector<DelayLine<T>> histories_;
  Buffer<T> weights_, fresh_, waiting_;
  std::vector<T> probe_;
  std::int64_t now_ = 0, version_ = 0, applied_at_ = 0, fresh_version_ = 0;
  std::int64_t waiting_version_ = 0, waiting_at_ = 0;
  std::uint64_t overrides_ = 0;
  std::size_t fade_ = 0, fade_left_ = 0, waiting_fade_ = 0, probe_at_ = 0;
  bool is_waiting_ = false;
  double error_power_ = 0, relative_ = 0;
};

// Keeps the last `capacity` frames of what the controller inside heard and played. An error comes
// one frame after the drive that it belongs to, so the newest whole frame is one behind.
template <class T>
class Recorder : public Around<T> {
 public:
  Recorder(Controller<T>& inner, std::size_t capacity)
      : Around<T>(inner, inner.shape()), capacity_(capacity),
        references_(capacity * inner.shape().references),
        drives_(capacity * inner.shape().loudspeakers), errors_(capacity * inner.shape().errors) {}

  std::size_t capacity() const { return capacity_; }
  // Whole frames since the start.
  std::int64_t recorded() const { return std::max<std::int64_t>(0, frames_ - 1); }

  // Frames [first, first + n): true if all are still held.
  bool copy(std::int64_t first, std::size_t n, T* x, T* y, T* e) const {
    const auto end = first + static_cast<std::int64_t>(n);
    if (first < 0 || end > recorded() || first < frames_ - static_cast<std::int64_t>(capacity_)) {
      return false;
    }
    const Shape& shape = this->shape();
    for (std::int64_t at = first; at < end; ++at) {
      x = std::copy_n(slot(references_, at, shape.references), shape.references, x);
      y = std::copy_n(slot(drives_, at, shape.loudspeakers), shape.loudspeakers, y);
      e = std::copy_n(slot(errors_, at, shape.errors), shape.errors, e);
    }
    return true;
  }

  void reset() override {
    this->inner_.reset();
    frames_ = 0;
  }

  void visit(Archive& archive) override {
    archive.expect("Recorder");
    archive.expect("capacity", capacity_);
    this->inner_.visit(archive);
    for (auto* ring : {&references_, &drives_, &errors_}) archive(*ring);
    archive(frames_);
  }

 protected:
  void frame(const T* reference, const T* error, T* drive) override {
    const Shape& shape = this->shape();
    this->inner_.set_adapting(this->adapting_);
    this->inner_.process_flushed(reference, error, drive, 1);
    if (frames_ > 0) std::copy_n(error, shape.errors, slot(errors_, frames_ - 1, shape.errors));
    std::copy_n(reference, shape.references, slot(references_, frames_, shape.references));
    std::copy_n(drive, shape.loudspeakers, slot(drives_, frames_, shape.loudspeakers));
    ++frames_;
  }

 private:
  template <class Ring>
  auto slot(Ring& ring, std::int64_t at, std::size_t channels) const {
    return ring.data() + static_cast<std::size_t>(at) % capacity_ * channels;
  }

  std::size_t capacity_;
  Buffer<T> references_, drives_, errors_;
  std::int64_t frames_ = 0;
};

}  // namespace antiphase
