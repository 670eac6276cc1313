// Least-squares modified filtered-x: a controller whose solver costs the same at each sample, and
// the same fit for somebody else's loudspeaker, solved on demand.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "conjugate_gradients.hpp"
#include "controller.hpp"
#include "drive_gate.hpp"
#include "least_squares_fit.hpp"

namespace antiphase {

template <class T>
class LeastSquares : public Controller<T> {
 public:
  // fade: steps of the drive gate per sample. update_interval: samples from one start of the solver to the next; its `iterations`
  // conjugate-gradient steps are spread over them and start from the filter at work.
  LeastSquares(Shape shape, const FitSettings& settings, std::size_t update_interval,
               std::size_t iterations, double fade, const T* secondary, std::size_t path_taps)
      : Controller<T>(shape), update_interval_(update_interval), iterations_(iterations),
        rows_(rows_per_sample(settings.n_taps, iterations, update_interval)),
        fit_(shape, settings, secondary, path_taps), solver_(fit_.size()),
        gate_(shape.loudspeakers, fit_.memory(), settings.evidence_forgetting, fade) {
    missing_ = settings.error_delay + 1;
  }

  std::size_t n_taps() const { return fit_.settings().n_taps; }
  bool helping() const { return gate_.open(); }
  // Solves that ended without a usable filter.
  std::uint64_t unsound() const { return unsound_; }

  std::size_t filter_size() const override { return fit_.size(); }
  void get_filter(T* out) const override { fit_.get_filter(out); }
  void set_filter(const T* in) override {
    fit_.set_filter(in);
    solver_.abort();
    gate_.trust();
  }

  void restart() override {
    fit_.restart();
    solver_.abort();
    until_solve_ = 0;
  }

  void reset() override {
    fit_.reset();
    solver_.abort();
    gate_.reset();
    until_solve_ = 0;
    missing_ = fit_.settings().error_delay + 1;
    unsound_ = 0;
  }

  void visit(Archive& archive) override {
    archive.expect("LeastSquares");
    archive.expect("update_interval", update_interval_);
    fit_.visit(archive);
    solver_.visit(archive);
    gate_.visit(archive);
    archive(missing_);
    archive(until_solve_);
    archive(unsound_);
  }

 protected:
  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    const Shape& shape = this->shape();
    for (; n > 0; --n) {
      if (missing_ > 0) {
        --missing_;  // this error belongs to the time before the first frame
      } else {
        learn(error);
      }
      fit_.push_reference(reference);
      fit_.drive(drive);
      gate_.pass(drive);
      fit_.push_drive(drive);
      reference += shape.references;
      error += shape.errors;
      drive += shape.loudspeakers;
    }
  }

 private:
  static std::size_t rows_per_sample(std::size_t n_taps, std::size_t iterations,
                                     std::size_t interval) {
    const std::size_t rows = (iterations + 1) * n_taps;
    return ((rows + interval - 1) / interval + 3) / 4 * 4;
  }

  void learn(const T* error) {
    const bool heard = fit_.learn(error, this->adapting_, [this](const T* disturbance) {
      return gate_.observe(disturbance, this->shape().errors, fit_.secondary(), fit_.path_taps(),
                           fit_.settings().error_delay);
    });
    if (!this->adapting_) {
      solver_.abort();
    } else if (heard) {
      work();
    }
  }

  void work() {
    if (until_solve_ == 0) {
      until_solve_ = update_interval_;
      if (!fit_.empty()) {
        solver_.start(fit_.window(), fit_.ridge(), fit_.prior(), fit_.weights(), iterations_);
      }
    }
    --until_solve_;
    if (!solver_.busy() || !solver_.advance(fit_.window(), rows_)) return;
    const bool good = solver_.sound() && fit_.accept(solver_.solution());
    if (!good) ++unsound_;
  }

  std::size_t update_interval_, iterations_, rows_;
  LeastSquaresFit<T> fit_;
  ConjugateGradients<T> solver_;
  DriveGate<T> gate_;
  std::size_t missing_ = 1, until_solve_ = 0;
  std::uint64_t unsound_ = 0;
};

// Fits a control filter that runs elsewhere, from what was heard and played there.
template <class T>
class LeastSquaresSolver {
 public:
  LeastSquaresSolver(Shape shape, const FitSettings& settings, const T* secondary,
                     std::size_t path_taps)
      : fit_(shape, settings, secondary, path_taps), solver_(fit_.size()) {}

  const LeastSquaresFit<T>& fit() const { return fit_; }
  LeastSquaresFit<T>& fit() { return fit_; }

  // n frames; a frame whose error is not finite was lost.
  void observe(const T* reference, const T* drive, const T* error, std::size_t n) {
    const FlushDenormals flush;
    const Shape& shape = fit_.shape();
    for (; n > 0; --n) {
      fit_.push_reference(reference);
      fit_.push_drive(drive);
      fit_.learn(error, std::isfinite(energy(error, shape.errors)));
      reference += shape.references;
      drive += shape.loudspeakers;
      error += shape.errors;
    }
  }

  // False: nothing heard yet, or the equations gave no usable filter; the one at hand stays.
  bool solve(std::size_t iterations) {
    const FlushDenormals flush;
    if (fit_.empty()) return false;
    solver_.start(fit_.window(), fit_.ridge(), fit_.prior(), fit_.weights(), iterations);
    solver_.advance(fit_.window(), (iterations + 1) * fit_.settings().n_taps);
    return solver_.sound() && fit_.accept(solver_.solution());
  }

  void visit(Archive& archive) {
    archive.expect("LeastSquaresSolver");
    fit_.visit(archive);
    solver_.visit(archive);
  }

 private:
  LeastSquaresFit<T> fit_;
  ConjugateGradients<T> solver_;
};

}  // namespace antiphase
