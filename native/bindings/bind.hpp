// What every binding shares: array checks, the process call without the interpreter lock, state.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <string>

#include "controller.hpp"
#include "path.hpp"

namespace antiphase {

namespace nb = nanobind;
using namespace nb::literals;

template <class T>
using Array = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
template <class T>
using Array1 = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Output = nb::ndarray<nb::numpy, T, nb::c_contig>;

// A signal that does not fit: becomes antiphase.errors.SignalError.
struct BadSignal : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

template <class T>
Output<T> new_array(std::initializer_list<std::size_t> shape) {
  std::size_t size = 1;
  for (const std::size_t n : shape) size *= n;
  T* data = new T[size]();
  nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return Output<T>(data, shape.size(), shape.begin(), owner);
}

inline std::string shape_text(std::size_t frames, std::size_t channels) {
  return channels == 1 ? "(" + std::to_string(frames) + ",)"
                       : "(" + std::to_string(frames) + ", " + std::to_string(channels) + ")";
}

// Number of frames of an array that must be (n,) or (n, channels).
template <class A>
std::size_t frames_of(const char* name, const A& array, std::size_t channels) {
  const bool flat = array.ndim() == 1 && channels == 1;
  const bool framed = array.ndim() == 2 && array.shape(1) == channels;
  if (!flat && !framed) {
    std::string shape = "(";
    for (std::size_t k = 0; k < array.ndim(); ++k) shape += std::to_string(array.shape(k)) + ", ";
    throw BadSignal(std::string(name) + " has shape " + shape + ") but must be " +
                    (channels == 1 ? "(n,)" : "(n, " + std::to_string(channels) + ")"));
  }
  return array.shape(0);
}

// A path [output][input][taps] of an array.
template <class T>
PathMatrix<T> path_matrix(const nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>& path) {
  return PathMatrix<T>(path.shape(0), path.shape(1), path.shape(2), path.data());
}

// Shows what a kernel has to say as a RuntimeWarning.
template <class K>
void show_warning(K& kernel) {
  const char* message = kernel.take_warning();
  if (message && PyErr_WarnEx(PyExc_RuntimeWarning, message, 1) < 0) throw nb::python_error();
}

// process(first, second, out=None): `first_name` and `second_name` are the seam's words.
template <class Class, class T>
auto bind_kernel(Class& cls, const char* first_name, const char* second_name) {
  using Core = typename Class::Type;
  cls.def(
         "process",
         [first_name, second_name](Core& self, Array<T> first, Array<T> second, nb::object out) {
           const std::size_t n = frames_of(first_name, first, self.first_channels());
           const std::size_t m = frames_of(second_name, second, self.second_channels());
           if (n != m) {
             throw BadSignal(std::string(second_name) + " has " + std::to_string(m) + " frames but " +
                             first_name + " has " + std::to_string(n));
           }
           const std::size_t channels = self.output_channels();
           nb::object result = out;
           T* target = nullptr;
           if (out.is_none()) {
             auto array = channels == 1 ? new_array<T>({n}) : new_array<T>({n, channels});
             target = array.data();
             result = array.cast();
           } else {
             auto array = nb::cast<nb::ndarray<T, nb::c_contig, nb::device::cpu>>(out, false);
             if (frames_of("out", array, channels) != n) {
               throw BadSignal("out must have shape " + shape_text(n, channels));
             }
             target = array.data();
           }
           {
             nb::gil_scoped_release unlocked;
             self.process(first.data(), second.data(), target, n);
           }
           show_warning(self);
           return result;
         },
         nb::arg(first_name), nb::arg(second_name), "out"_a = nb::none())
      .def("reset", [](Core& self) { self.reset(); })
      .def("state",
           [](Core& self) {
             const auto bytes = save_state(self);
             return nb::bytes(bytes.data(), bytes.size());
           })
      .def("load_state",
           [](Core& self, nb::bytes state) {
             load_state(self, static_cast<const std::uint8_t*>(state.data()), state.size());
           },
           "state"_a)
      .def_prop_rw("adapting", [](const Core& self) { return self.adapting(); },
                   [](Core& self, bool on) { self.set_adapting(on); })
      .def_prop_ro("rejected", [](const Core& self) { return self.rejected(); })
      .def_prop_ro("latency", [](const Core& self) { return self.latency(); });
}

// n_taps and control_filter for kernels with one weight vector (taps / set_taps).
template <class Class, class T>
auto bind_taps(Class& cls) {
  using Core = typename Class::Type;
  cls.def_prop_ro("n_taps", [](const Core& self) { return self.n_taps(); })
      .def_prop_rw(
          "control_filter",
          [](const Core& self) {
            auto array = new_array<T>({self.n_taps()});
            self.taps(array.data());
            return array.cast();
          },
          [](Core& self, Array1<T> taps) {
            if (taps.shape(0) != self.n_taps()) {
              throw BadSignal("control_filter must have " + std::to_string(self.n_taps()) + " taps");
            }
            self.set_taps(taps.data());
          });
}

// control_filter for controllers that keep [loudspeaker][reference][taps]: an array (taps,) when
// both are one, else of three dimensions.
template <class Class, class T>
auto bind_filter_matrix(Class& cls) {
  using Core = typename Class::Type;
  cls.def_prop_ro("n_taps", [](const Core& self) { return self.n_taps(); })
      .def_prop_rw(
          "control_filter",
          [](const Core& self) {
            const Shape& shape = self.shape();
            const std::size_t K = shape.loudspeakers, J = shape.references;
            auto array = K * J == 1 ? new_array<T>({self.n_taps()}) : new_array<T>({K, J, self.n_taps()});
            self.get_filter(array.data());
            return array.cast();
          },
          [](Core& self, Array<T> taps) {
            const Shape& shape = self.shape();
            const std::size_t K = shape.loudspeakers, J = shape.references, N = self.n_taps();
            const bool flat = taps.ndim() == 1 && K * J == 1 && taps.shape(0) == N;
            const bool full = taps.ndim() == 3 && taps.shape(0) == K && taps.shape(1) == J && taps.shape(2) == N;
            if (!flat && !full) {
              throw BadSignal("control_filter must have the shape (" + std::to_string(K) + ", " +
                              std::to_string(J) + ", " + std::to_string(N) +
                              (K * J == 1 ? ") or (" + std::to_string(N) + ",)" : ")"));
            }
            self.set_filter(taps.data());
          });
}

// secondary_path_estimate for controllers that keep one, (taps,) or (errors, loudspeakers, taps);
// assigning it changes the model in a running controller.
template <class Class, class T>
auto bind_path(Class& cls) {
  using Core = typename Class::Type;
  cls.def_prop_rw(
      "secondary_path_estimate",
      [](const Core& self) {
        const Shape& shape = self.shape();
        const std::size_t M = shape.errors, K = shape.loudspeakers, L = self.path_taps();
        auto array = M * K == 1 ? new_array<T>({L}) : new_array<T>({M, K, L});
        self.get_path(array.data());
        return array.cast();
      },
      [](Core& self, Array<T> path) {
        const Shape& shape = self.shape();
        const std::size_t M = shape.errors, K = shape.loudspeakers, L = self.path_taps();
        const bool flat = path.ndim() == 1 && M * K == 1 && path.shape(0) == L;
        const bool full = path.ndim() == 3 && path.shape(0) == M && path.shape(1) == K && path.shape(2) == L;
        if (!flat && !full) {
          throw BadSignal("secondary_path_estimate must keep its shape, " + std::to_string(M) + " x " +
                          std::to_string(K) + " x " + std::to_string(L) + " taps");
        }
        self.set_path(path.data());
      });
}

// The abstract seams, so that functions such as the simulation loop take any controller.
template <class T>
const char* suffix();
template <>
inline const char* suffix<float>() { return "F32"; }
template <>
inline const char* suffix<double>() { return "F64"; }

template <class T>
std::string named(const char* base) { return std::string(base) + suffix<T>(); }

void bind_batch(nb::module_& m);
void bind_codecs(nb::module_& m);
void bind_frequency_domain(nb::module_& m);
void bind_fxlms(nb::module_& m);
void bind_lms(nb::module_& m);
void bind_least_squares(nb::module_& m);
void bind_guard(nb::module_& m);
void bind_media(nb::module_& m);
void bind_loop(nb::module_& m);
void bind_multichannel(nb::module_& m);
void bind_narrowband(nb::module_& m);
void bind_peak(nb::module_& m);
void bind_rls(nb::module_& m);
void bind_split_device(nb::module_& m);
void bind_structures(nb::module_& m);

}  // namespace antiphase
