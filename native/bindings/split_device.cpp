#include "split_device.hpp"

#include "bind.hpp"

namespace antiphase {

template <class T>
static void bind_filter(nb::module_& m) {
  using Core = SwitchedFilter<T>;
  using Class = nb::class_<Core, Controller<T>>;
  Class cls(m, named<T>("SwitchedFilter").c_str());
  cls.def(
      "__init__",
      [](Core* self, std::size_t references, std::size_t loudspeakers, std::size_t errors,
         std::size_t n_taps, double level_smoothing) {
        new (self) Core(Shape{references, loudspeakers, errors}, n_taps, level_smoothing);
      },
      "references"_a, "loudspeakers"_a, "errors"_a, "n_taps"_a, "level_smoothing"_a);
  bind_kernel<Class, T>(cls, "reference", "error");
  bind_filter_matrix<Class, T>(cls);
  cls.def(
         "push",
         [](Core& self, Array1<T> taps, std::int64_t version, std::int64_t at, std::size_t fade) {
           if (taps.shape(0) != self.filter_size()) {
             throw BadSignal("a pushed filter must have " + std::to_string(self.filter_size()) +
                             " taps in all");
           }
           self.push(taps.data(), version, at, fade);
         },
         "taps"_a, "version"_a, "at"_a, "fade"_a)
      .def(
          "set_probe",
          [](Core& self, Array1<T> samples, double relative) {
            self.set_probe(samples.data(), samples.shape(0), relative);
          },
          "samples"_a, "relative"_a)
      .def_prop_ro("now", &Core::now)
      .def_prop_ro("version", &Core::version)
      .def_prop_ro("applied_at", &Core::applied_at)
      .def_prop_ro("overrides", &Core::overrides)
      .def_prop_ro("waiting", &Core::waiting)
      .def_prop_ro("error_rms", &Core::error_rms);
}

template <class T>
static void bind_recorder(nb::module_& m) {
  using Core = Recorder<T>;
  using Class = nb::class_<Core, Controller<T>>;
  Class cls(m, named<T>("Recorder").c_str(), nb::dynamic_attr());
  cls.def(
      "__init__",
      [](Core* self, Controller<T>& inner, std::size_t capacity) {
        new (self) Core(inner, capacity);
      },
      "controller"_a, "capacity"_a);
  bind_kernel<Class, T>(cls, "reference", "error");
  cls.def_prop_ro("recorded", &Core::recorded)
      .def(
          "copy",
          [](const Core& self, std::int64_t first, std::size_t n) -> nb::typed<nb::tuple, nb::any, nb::any, nb::any> {
            const Shape& shape = self.shape();
            auto x = new_array<T>({n, shape.references});
            auto y = new_array<T>({n, shape.loudspeakers});
            auto e = new_array<T>({n, shape.errors});
            if (!self.copy(first, n, x.data(), y.data(), e.data())) {
              throw BadSignal("these frames are not held");
            }
            return nb::make_tuple(x, y, e);
          },
          "first"_a, "n"_a);
}

void bind_split_device(nb::module_& m) {
  bind_filter<float>(m);
  bind_filter<double>(m);
  bind_recorder<float>(m);
  bind_recorder<double>(m);
}

}  // namespace antiphase
