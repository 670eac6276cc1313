// Keeps any controller from doing harm: see Guard.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "around.hpp"
#include "filter_keeper.hpp"
#include "loop_watch.hpp"
#include "path.hpp"

namespace antiphase {

struct GuardSettings {
  double fs = 0;
  double limit = 0;  // of the drive, 0 = none
  double gate_db = 0;
  double floor_rms = 0;
  double outlier_factor = 0;
  std::size_t error_delay = 0;
};

enum class GuardState : int { active = 0, held = 1, muted = 2, testing = 3 };

struct GuardCounts {
  std::uint64_t frames = 0, held_frames = 0, muted_frames = 0, idle_frames = 0;
  std::uint64_t clipped = 0, overflows = 0, rollbacks = 0, mutes = 0, tests = 0;

  void visit(Archive& archive) {
    for (std::uint64_t* n : {&frames, &held_frames, &muted_frames, &idle_frames, &clipped,
                             &overflows, &rollbacks, &mutes, &tests}) {
      archive(*n);
    }
  }
};

// Around a controller:
//   inputs    single outliers are taken as 0 (non-finite values are, in every kernel)
//   activity  adaptation rests while the reference is quiet
//   output    played = clip(gain * y, limit); with a path estimate the controller is given
//             e + s^*(y - played), the error it would have without clip and gain: no wind-up
//   watchdog  every 4 ms; harm -> back to the last good filter and hold adaptation; harm again, or
//             no good filter -> mute and start afresh later. Pauses double each time.
template <class T>
class Guard : public Around<T> {
 public:
  // `estimate`: secondary path [error][loudspeaker][taps], may be null.
  Guard(Controller<T>& inner, const GuardSettings& settings, const PathMatrix<T>* estimate)
      : Around<T>(inner, inner.shape()), settings_(settings),
        hop_(std::max<std::size_t>(1, static_cast<std::size_t>(settings.fs * 0.004))),
        outliers_x_(inner.shape().references, settings.outlier_factor, settings.fs),
        outliers_e_(inner.shape().errors, settings.outlier_factor, settings.fs),
        watch_(settings.fs / static_cast<double>(hop_), settings.gate_db, settings.floor_rms,
               static_cast<double>(hop_ * inner.shape().references), estimate != nullptr),
        test_(settings.fs / static_cast<double>(hop_)), keeper_(inner.filter_size()), x_(inner.shape().references), e_(inner.shape().errors),
        y_(inner.shape().loudspeakers), lost_(inner.shape().loudspeakers),
        zeros_(inner.filter_size(), T(0)), tail_(static_cast<std::uint64_t>(0.06 * settings.fs)) {
    sound_share_ = 1 / (0.2 * settings.fs * static_cast<double>(inner.shape().errors));
    if (!estimate) return;
    played_ = std::make_unique<PathModel<T>>(*estimate, settings.error_delay);
    missing_ = std::make_unique<PathModel<T>>(*estimate, settings.error_delay);
    missing_span_ = estimate->taps() + settings.error_delay;
    tail_ = missing_span_;
  }

  // Another secondary path estimate of the same shape, with the filter that belongs to it already
  // set: what was held against the old pair is forgotten, and the output comes back.
  void set_estimate(const PathMatrix<T>& path) {
    if (!played_) {
      fail<std::invalid_argument>([] { return "the guard was made without an estimate"; });
    }
    played_->replace(path);
    missing_->replace(path);
    strikes_ = 0;
    state_ = GuardState::active;
    test_.forget();
    keeper_.forget();
    begin_interval();
  }

  // Another filter came in while the output was silent: nothing is known about it yet.
  void begin_afresh() {
    test_.forget();
    begin_interval();
  }

  GuardState state() const { return test_.running() ? GuardState::testing : state_; }
  bool idle() const { return idle_; }
  const GuardCounts& counts() const { return counts_; }
  std::uint64_t outliers() const { return outliers_x_.rejected() + outliers_e_.rejected(); }
  double gain() const { return gain_; }

  const char* take_warning() override {
    if (counts_.overflows == 0 || warned_) return inner_.take_warning();
    warned_ = true;
    return "the controller's drive overflowed; the guard has taken it back (further overflows are "
           "only counted). Use a normalised rule or a smaller step";
  }

  void reset() override {
    inner_.reset();
    for (auto* model : {played_.get(), missing_.get()}) {
      if (model) model->reset();
    }
    outliers_x_.reset();
    outliers_e_.reset();
    watch_.reset();
    test_.forget();
    keeper_.forget();
    energy_ = {};
    state_ = GuardState::active;
    idle_ = true;
    at_ = since_judged_ = pause_ = calm_ = missing_left_ = hop_clipped_ = grace_ = silent_ = 0;
    strikes_ = 0;
    gain_ = ceiling_ = 1;
    sound_ = 0;
    expected_ = std::numeric_limits<double>::infinity();
  }

  void visit(Archive& archive) override {
    archive.expect("Guard");
    archive.expect("hop", hop_);
    inner_.visit(archive);
    for (auto* model : {played_.get(), missing_.get()}) {
      if (model) model->visit(archive);
    }
    outliers_x_.visit(archive);
    outliers_e_.visit(archive);
    watch_.visit(archive);
    test_.visit(archive);
    keeper_.visit(archive);
    counts_.visit(archive);
    archive(energy_.error);
    archive(energy_.disturbance);
    archive(energy_.reference);
    archive(energy_.drive);
    archive(state_);
    archive(idle_);
    for (std::uint64_t* n : {&at_, &since_judged_, &pause_, &calm_, &missing_left_, &hop_clipped_,
                             &grace_, &silent_}) {
      archive(*n);
    }
    archive(strikes_);
    archive(gain_);
    archive(ceiling_);
    archive(sound_);
    archive(expected_);
  }

 protected:
  void frame(const T* reference, const T* error, T* drive) override {
    const Shape& shape = this->shape();
    for (std::size_t j = 0; j < shape.references; ++j) {
      x_[j] = outliers_x_(j, reference[j]);
      energy_.reference += square(x_[j]);
    }
    bool runaway = false;
    for (std::size_t m = 0; m < shape.errors; ++m) {
      e_[m] = outliers_e_(m, error[m]);
      const bool outlier = e_[m] != error[m];
      const T anti_noise = played_ ? played_->output(m) : T(0);
      sound_ += sound_share_ * (square(anti_noise) - sound_);
      const double heard = square(error[m]), left = square(error[m] - anti_noise);
      // By the estimate it is the drive's own sound; without one only the level can tell.
      runaway = runaway || (played_ ? square(anti_noise) > std::max(40 * expected_, 3 * left)
                                    : heard > 1000 * expected_);
      if (!outlier) {
        energy_.error += heard;
        energy_.disturbance += left;
      }
      if (missing_left_ > 0 && missing_) e_[m] += missing_->output(m);
    }
    if (runaway && state_ != GuardState::muted && grace_ == 0) {
      strike();
      if (state_ == GuardState::muted) gain_ = 0;
      // The sound of the last drives is still under way.
      grace_ = tail_;
    }
    const bool unknown = !played_ && (missing_left_ > 0 || gain_ < 1);
    inner_.set_adapting(this->adapting_ && state_ == GuardState::active && !idle_ &&
                         !unknown && !test_.running());
    inner_.process_flushed(x_.data(), e_.data(), y_.data(), 1);
    play(drive);
    if (++at_ == hop_) end_hop();
  }

 private:
  using Around<T>::inner_;

  // The drive's own sound, 30 dB below the noise, could make it louder by a quarter of a dB.
  bool audible() const { return !played_ || sound_ > 1e-3 * expected_; }

  static double square(T value) { return static_cast<double>(value) * static_cast<double>(value); }

  // From the controller's drive to the one that is played.
  void play(T* drive) {
    const std::size_t K = this->shape().loudspeakers;
    bool finite = true;
    for (std::size_t k = 0; k < K; ++k) finite = finite && std::isfinite(y_[k]);
    if (!finite) overflow();
    move_gain();
    bool whole = true;
    for (std::size_t k = 0; k < K; ++k) {
      double wanted = gain_ * static_cast<double>(y_[k]);
      if (settings_.limit > 0 && std::abs(wanted) > settings_.limit) {
        wanted = std::copysign(settings_.limit, wanted);
        ++hop_clipped_;
        ++counts_.clipped;
      }
      drive[k] = static_cast<T>(wanted);
      lost_[k] = y_[k] - drive[k];
      whole = whole && lost_[k] == T(0);
      energy_.drive += square(drive[k]);
    }
    if (!whole) missing_left_ = missing_span_;
    else if (missing_left_ > 0) --missing_left_;
    if (!played_) return;
    played_->push(drive);
    missing_->push(lost_.data());
  }

  // The gain goes to its target within 5 ms, without a click.
  void move_gain() {
    const bool off = state_ == GuardState::muted || test_.running();
    const double target = off ? 0.0 : ceiling_;
    const double step = 200.0 / settings_.fs;
    gain_ = gain_ < target ? std::min(target, gain_ + step) : std::max(target, gain_ - step);
  }

  void overflow() {
    ++counts_.overflows;
    std::fill(y_.begin(), y_.end(), T(0));
    inner_.reset();
    missing_left_ = 0;
    if (missing_) missing_->reset();
    strike();
  }

  void end_hop() {
    at_ = 0;
    counts_.frames += hop_;
    (state_ == GuardState::held ? counts_.held_frames : counts_.muted_frames) +=
        state_ == GuardState::active && !test_.running() ? 0 : hop_;
    const HopEnergy hop = energy_;
    energy_ = {};
    silent_ = hop.drive == 0 ? silent_ + hop_ : 0;
    limit_gain();
    if (grace_ > 0) {
      grace_ = grace_ > hop_ ? grace_ - hop_ : 0;
    } else if (test_.running()) {
      hear_test(hop);
    } else if (state_ == GuardState::muted) {
      if (silent_ > tail_) watch_.add_open(hop);
    } else {
      watch_loop(hop);
    }
    idle_ = !watch_.active() || watch_.listening();
    counts_.idle_frames += idle_ ? hop_ : 0;
    expected_ = watch_.expected() / static_cast<double>(hop_);
    if (!(expected_ > 0)) expected_ = std::numeric_limits<double>::infinity();
    if (state_ == GuardState::active) return;
    if (pause_ > hop_) pause_ -= hop_;
    else if (!test_.running()) go_on();
  }

  // One hop under control.
  void watch_loop(HopEnergy hop) {
    const double expected = watch_.uncontrolled() * hop.reference;
    if (!played_) hop.disturbance = expected;
    watch_.add(hop);
    keeper_.add(hop, expected);
    if (watch_.harmful(keeper_.good_drive(), state_ == GuardState::held)) {
      strike();
      return;
    }
    const bool due = test_.due(watch_.harm_ratio(), watch_.drive_ratio(), watch_.discredited());
    if (due && audible()) {
      test_.begin(watch_.error_ratio(), watch_.drive_ratio());
      ++counts_.tests;
      return;
    }
    if (state_ != GuardState::active || !watch_.active()) return;
    since_judged_ += hop_;
    calm_ += hop_;
    if (static_cast<double>(since_judged_) >= 0.1 * settings_.fs) {
      const double seconds = static_cast<double>(since_judged_) / settings_.fs;
      since_judged_ = 0;
      if (keeper_.judge(inner_, watch_.drive_ratio(), seconds, watch_.discredited())) {
        strike();
        return;
      }
    }
    if (static_cast<double>(calm_) > 10 * settings_.fs) {
      calm_ = 0;
      strikes_ = strikes_ > 0 ? strikes_ - 1 : 0;
    }
  }

  // One hop of a test, of which the last drives' sound is not a part.
  void hear_test(const HopEnergy& hop) {
    if (silent_ <= tail_ || !test_.add(hop)) return;
    const bool failed = test_.failed();
    if (test_.off_ratio() > 0) watch_.correct(test_.off_ratio());
    if (failed) strike();
    else begin_interval();
  }

  // Clipping more than a twentieth of the time: turn down until the loudspeaker can follow.
  void limit_gain() {
    const double share = static_cast<double>(hop_clipped_) /
                         static_cast<double>(hop_ * this->shape().loudspeakers);
    ceiling_ = share > 0.05 ? 0.9 * ceiling_ : std::min(1.0, 1.02 * ceiling_);
    hop_clipped_ = 0;
  }

  void strike() {
    const bool can_roll_back = state_ == GuardState::active && keeper_.has_good();
    if (can_roll_back) {
      inner_.set_filter(keeper_.good());
      inner_.restart();
      state_ = GuardState::held;
      ++counts_.rollbacks;
    } else if (state_ != GuardState::muted) {
      state_ = GuardState::muted;
      ++counts_.mutes;
    }
    const double seconds = std::min(30.0, 0.5 * std::pow(2.0, strikes_));
    pause_ = static_cast<std::uint64_t>(seconds * settings_.fs);
    strikes_ = std::min(strikes_ + 1, 6u);
    calm_ = 0;
    test_.forget();
    begin_interval();
  }

  // The pause is over: adapt again, from the good filter or, after a mute, from nothing.
  void go_on() {
    if (state_ == GuardState::muted) {
      if (inner_.filter_size() > 0) inner_.set_filter(zeros_.data());
      else inner_.reset();
      inner_.restart();
      keeper_.forget();
    }
    state_ = GuardState::active;
    begin_interval();
  }

  void begin_interval() {
    watch_.restart();
    keeper_.restart(inner_);
    since_judged_ = 0;
  }

  GuardSettings settings_;
  std::size_t hop_;
  OutlierFilter outliers_x_, outliers_e_;
  LoopWatch watch_;
  OffTest test_;
  FilterKeeper<T> keeper_;
  std::unique_ptr<PathModel<T>> played_, missing_;
  Buffer<T> x_, e_, y_, lost_, zeros_;
  // Frames until the sound of a drive is over.
  std::uint64_t tail_;
  HopEnergy energy_;
  GuardCounts counts_;
  GuardState state_ = GuardState::active;
  bool idle_ = true, warned_ = false;
  std::uint64_t at_ = 0, since_judged_ = 0, pause_ = 0, calm_ = 0, missing_left_ = 0;
  std::uint64_t hop_clipped_ = 0, grace_ = 0, silent_ = 0, missing_span_ = 1;
  std::uint32_t strikes_ = 0;
  double gain_ = 1, ceiling_ = 1;
  // Of the drive's own sound, per error microphone.
  double sound_ = 0, sound_share_ = 0;
  // Energy of one frame with control off, as far as it is known.
  double expected_ = std::numeric_limits<double>::infinity();
};

}  // namespace antiphase
