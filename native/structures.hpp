// Controller structures around any update rule: feedback neutralisation, internal-model feedback,
// hybrid, virtual sensing. Each frame costs the paths' inner products and one call of the rule.
#pragma once

#include <algorithm>
#include <cstddef>

#include "around.hpp"
#include "path.hpp"

namespace antiphase {

// Takes what the loudspeakers add to the references out of them: x' = x - f^*y.
template <class T>
class Neutralisation : public Around<T> {
 public:
  // `feedback` [reference][loudspeaker][taps], each starting with a zero.
  Neutralisation(Controller<T>& inner, PathMatrix<T> feedback)
      : Around<T>(inner, inner.shape()), feedback_(std::move(feedback)),
        clean_(inner.shape().references) {}

  void reset() override {
    this->inner_.reset();
    feedback_.reset();
  }

  void visit(Archive& archive) override {
    archive.expect("Neutralisation");
    this->inner_.visit(archive);
    feedback_.visit(archive);
  }

 protected:
  void frame(const T* reference, const T* error, T* drive) override {
    for (std::size_t j = 0; j < clean_.size(); ++j) clean_[j] = reference[j] - feedback_.next(j);
    this->inner_.set_adapting(this->adapting_);
    this->inner_.process_flushed(clean_.data(), error, drive, 1);
    feedback_.push(drive);
  }

 private:
  PathModel<T> feedback_;
  Buffer<T> clean_;
};

// Internal model control: the rule's reference is the disturbance estimate d^ = e - s^*y.
template <class T>
class InternalModel : public Around<T> {
 public:
  // `estimate` [error][loudspeaker][taps]; the inner controller takes as many references as errors.
  InternalModel(Controller<T>& inner, PathMatrix<T> estimate, std::size_t error_delay,
                std::size_t references)
      : Around<T>(inner, Shape{references, inner.shape().loudspeakers, inner.shape().errors}),
        estimate_(std::move(estimate), error_delay), disturbance_(inner.shape().errors) {}

  void reset() override {
    this->inner_.reset();
    estimate_.reset();
  }

  void visit(Archive& archive) override {
    archive.expect("InternalModel");
    this->inner_.visit(archive);
    estimate_.visit(archive);
  }

 protected:
  void frame(const T*, const T* error, T* drive) override {
    for (std::size_t m = 0; m < disturbance_.size(); ++m) {
      disturbance_[m] = error[m] - estimate_.output(m);
    }
    this->inner_.set_adapting(this->adapting_);
    this->inner_.process_flushed(disturbance_.data(), error, drive, 1);
    estimate_.push(drive);
  }

 private:
  PathModel<T> estimate_;
  Buffer<T> disturbance_;
};

// Feedforward and internal-model feedback side by side: y = y_forward + y_back, both adapt with e.
template <class T>
class Hybrid : public Around<T> {
 public:
  Hybrid(Controller<T>& forward, Controller<T>& back, PathMatrix<T> estimate,
         std::size_t error_delay)
      : Around<T>(forward, forward.shape()), back_(back),
        estimate_(std::move(estimate), error_delay), disturbance_(forward.shape().errors),
        second_(forward.shape().loudspeakers) {}

  std::size_t latency() const override {
    return std::max(this->inner_.latency(), back_.latency());
  }

  // Both filters, the feedforward one first.
  std::size_t filter_size() const override {
    return this->inner_.filter_size() + back_.filter_size();
  }
  void get_filter(T* out) const override {
    this->inner_.get_filter(out);
    back_.get_filter(out + this->inner_.filter_size());
  }
  void set_filter(const T* in) override {
    this->inner_.set_filter(in);
    back_.set_filter(in + this->inner_.filter_size());
  }
  void restart() override {
    this->inner_.restart();
    back_.restart();
  }
  const char* take_warning() override {
    const char* message = this->inner_.take_warning();
    return message ? message : back_.take_warning();
  }

  void reset() override {
    this->inner_.reset();
    back_.reset();
    estimate_.reset();
  }

  void visit(Archive& archive) override {
    archive.expect("Hybrid");
    this->inner_.visit(archive);
    back_.visit(archive);
    estimate_.visit(archive);
  }

 protected:
  void frame(const T* reference, const T* error, T* drive) override {
    for (std::size_t m = 0; m < disturbance_.size(); ++m) {
      disturbance_[m] = error[m] - estimate_.output(m);
    }
    this->inner_.set_adapting(this->adapting_);
    back_.set_adapting(this->adapting_);
    this->inner_.process_flushed(reference, error, drive, 1);
    back_.process_flushed(disturbance_.data(), error, second_.data(), 1);
    for (std::size_t k = 0; k < second_.size(); ++k) drive[k] += second_[k];
    estimate_.push(drive);
  }

 private:
  Controller<T>& back_;
  PathModel<T> estimate_;
  Buffer<T> disturbance_, second_;
};

// Remote microphone technique: the rule is given the error at places where no microphone is.
//   d^_p = e_p - s^_p*y    d^_v = o*d^_p    e^_v = d^_v + s^_v*y
template <class T>
class VirtualSensing : public Around<T> {
 public:
  // Paths [microphone][loudspeaker][taps]; `observation` [virtual][physical][taps].
  VirtualSensing(Controller<T>& inner, PathMatrix<T> physical, PathMatrix<T> at_virtual,
                 PathMatrix<T> observation, std::size_t error_delay)
      : Around<T>(inner, Shape{inner.shape().references, inner.shape().loudspeakers,
                               physical.outputs()}),
        disturbance_(physical.outputs()), virtual_error_(at_virtual.outputs()),
        physical_(std::move(physical), error_delay), virtual_(std::move(at_virtual), error_delay),
        observation_(std::move(observation)) {}

  void reset() override {
    this->inner_.reset();
    for (auto* model : {&physical_, &virtual_, &observation_}) model->reset();
  }

  void visit(Archive& archive) override {
    archive.expect("VirtualSensing");
    this->inner_.visit(archive);
    for (auto* model : {&physical_, &virtual_, &observation_}) model->visit(archive);
  }

 protected:
  void frame(const T* reference, const T* error, T* drive) override {
    for (std::size_t m = 0; m < disturbance_.size(); ++m) {
      disturbance_[m] = error[m] - physical_.output(m);
    }
    observation_.push(disturbance_.data());
    for (std::size_t v = 0; v < virtual_error_.size(); ++v) {
      virtual_error_[v] = observation_.output(v) + virtual_.output(v);
    }
    this->inner_.set_adapting(this->adapting_);
    this->inner_.process_flushed(reference, virtual_error_.data(), drive, 1);
    physical_.push(drive);
    virtual_.push(drive);
  }

 private:
  Buffer<T> disturbance_, virtual_error_;
  PathModel<T> physical_, virtual_, observation_;
};

}  // namespace antiphase
