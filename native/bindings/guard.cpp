#include "guard.hpp"

#include <optional>

#include <nanobind/stl/optional.h>

#include "bind.hpp"

namespace antiphase {

template <class T>
static nb::typed<nb::dict, nb::str, nb::any> status(const Guard<T>& guard) {
  static const char* const names[] = {"active", "held", "muted", "testing"};
  const GuardCounts& counts = guard.counts();
  nb::dict all;
  all["state"] = names[static_cast<int>(guard.state())];
  all["idle"] = guard.idle();
  all["gain"] = guard.gain();
  all["frames"] = counts.frames;
  all["held_frames"] = counts.held_frames;
  all["muted_frames"] = counts.muted_frames;
  all["idle_frames"] = counts.idle_frames;
  all["clipped"] = counts.clipped;
  all["overflows"] = counts.overflows;
  all["rollbacks"] = counts.rollbacks;
  all["mutes"] = counts.mutes;
  all["tests"] = counts.tests;
  all["outliers"] = guard.outliers();
  all["rejected"] = guard.rejected();
  return all;
}

template <class T>
static void bind(nb::module_& m) {
  using Path = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
  using Class = nb::class_<Guard<T>, Controller<T>>;
  Class cls(m, named<T>("Guard").c_str(), nb::dynamic_attr());
  cls.def(
      "__init__",
      [](Guard<T>* self, Controller<T>& inner, double fs, std::optional<Path> estimate,
         double limit, double gate_db, double floor_rms, double outlier_factor,
         std::size_t error_delay) {
        std::unique_ptr<PathMatrix<T>> path;
        if (estimate) path = std::make_unique<PathMatrix<T>>(path_matrix<T>(*estimate));
        const GuardSettings settings{fs, limit, gate_db, floor_rms, outlier_factor, error_delay};
        new (self) Guard<T>(inner, settings, path.get());
      },
      "controller"_a, "fs"_a, "secondary_path_estimate"_a.none(), "limit"_a, "gate_db"_a,
      "floor_rms"_a, "outlier_factor"_a, "error_delay"_a);
  bind_kernel<Class, T>(cls, "reference", "error");
  cls.def("status", &status<T>)
      .def("begin_afresh", &Guard<T>::begin_afresh)
      .def("set_estimate",
           [](Guard<T>& self, Path path) { self.set_estimate(path_matrix<T>(path)); }, "path"_a);
}

void bind_guard(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace antiphase
