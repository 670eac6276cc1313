// Base of controllers around another one: everything that only passes through.
#pragma once

#include <cstddef>

#include "controller.hpp"

namespace antiphase {

template <class T>
class Around : public Controller<T> {
 public:
  Around(Controller<T>& inner, Shape shape) : Controller<T>(shape), inner_(inner) {}

  std::size_t latency() const override { return inner_.latency(); }
  std::size_t filter_size() const override { return inner_.filter_size(); }
  void get_filter(T* out) const override { inner_.get_filter(out); }
  void set_filter(const T* in) override { inner_.set_filter(in); }
  void restart() override { inner_.restart(); }
  const char* take_warning() override { return inner_.take_warning(); }

 protected:
  // Frame by frame through `frame`, with the adaptation switch passed on.
  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    const Shape& shape = this->shape();
    for (std::size_t k = 0; k < n; ++k) {
      frame(reference + k * shape.references, error + k * shape.errors,
            drive + k * shape.loudspeakers);
    }
  }

  virtual void frame(const T* reference, const T* error, T* drive) = 0;

  Controller<T>& inner_;
};

}  // namespace antiphase
