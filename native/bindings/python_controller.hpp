// A controller written in Python behind the native seam, so that the loop and the guard need to know
// one kind only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bind.hpp"

namespace antiphase {

template <class T>
class PythonController : public Controller<T> {
 public:
  // The object must live as long as this one: Python keeps it in an attribute of the instance, where
  // the cycle collector sees it.
  PythonController(nb::handle object, std::size_t references, std::size_t loudspeakers,
                   std::size_t errors)
      : Controller<T>(Shape{references, loudspeakers, errors}), object_(object) {
    if (!nb::hasattr(object_, "control_filter")) return;
    const nb::object filter = object_.attr("control_filter");
    // One that can be read but not set is no use to a guard.
    if (filter.is_none() || PyObject_SetAttrString(object_.ptr(), "control_filter", filter.ptr())) {
      PyErr_Clear();
      return;
    }
    filter_size_ = nb::cast<std::size_t>(filter.attr("size"));
  }

  std::size_t latency() const override {
    const nb::gil_scoped_acquire lock;
    return nb::cast<std::size_t>(object_.attr("latency"));
  }

  std::size_t filter_size() const override { return filter_size_; }

  void get_filter(T* out) const override {
    const nb::gil_scoped_acquire lock;
    const auto taps = as_array(object_.attr("control_filter"), filter_size_, "control_filter");
    std::copy(taps.data(), taps.data() + filter_size_, out);
  }

  void set_filter(const T* in) override {
    const nb::gil_scoped_acquire lock;
    auto flat = new_array<T>({filter_size_});
    std::copy(in, in + filter_size_, flat.data());
    object_.attr("control_filter") =
        flat.cast().attr("reshape")(object_.attr("control_filter").attr("shape"));
  }

  void restart() override {
    const nb::gil_scoped_acquire lock;
    if (nb::hasattr(object_, "restart")) object_.attr("restart")();
  }

  void reset() override {
    const nb::gil_scoped_acquire lock;
    object_.attr("reset")();
  }

  void visit(Archive& archive) override {
    const nb::gil_scoped_acquire lock;
    std::vector<std::uint8_t> bytes;
    if (!archive.loading()) {
      const auto state = nb::cast<nb::bytes>(object_.attr("state")());
      const auto* data = static_cast<const std::uint8_t*>(state.data());
      bytes.assign(data, data + state.size());
    }
    archive.blob(bytes);
    if (archive.loading()) object_.attr("load_state")(nb::bytes(bytes.data(), bytes.size()));
  }

 protected:
  void run(const T* reference, const T* error, T* drive, std::size_t n) override {
    const nb::gil_scoped_acquire lock;
    const Shape& shape = this->shape();
    const nb::object x = frames(reference, n, shape.references);
    nb::object e = frames(error, n, shape.errors);
    if (nb::hasattr(object_, "adapting")) object_.attr("adapting") = this->adapting_;
    else if (!this->adapting_) e = e * nb::int_(0);  // no error, nothing to adapt to
    const nb::object result = object_.attr("process")(x, e);
    const auto y = as_array(result, n * shape.loudspeakers, "drive");
    std::copy(y.data(), y.data() + n * shape.loudspeakers, drive);
  }

 private:
  static nb::object frames(const T* data, std::size_t n, std::size_t channels) {
    auto array = channels == 1 ? new_array<T>({n}) : new_array<T>({n, channels});
    std::copy(data, data + n * channels, array.data());
    return array.cast();
  }

  static Array<T> as_array(const nb::object& value, std::size_t size, const char* name) {
    Array<T> array;
    if (!nb::try_cast<Array<T>>(value, array) || array.size() != size) {
      throw BadSignal(std::string(name) + " of the controller must be an array of " +
                      std::to_string(size) + " numbers");
    }
    return array;
  }

  nb::handle object_;
  std::size_t filter_size_ = 0;
};

}  // namespace antiphase
