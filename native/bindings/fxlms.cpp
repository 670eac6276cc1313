#include "fxlms.hpp"

#include "bind.hpp"

namespace antiphase {

template <class Class, class T>
static void bind_common(Class& cls) {
  using Core = typename Class::Type;
  cls.def_prop_rw("mu", &Core::mu, &Core::set_mu);
  cls.def_prop_rw(
      "secondary_path_estimate",
      [](const Core& self) {
        auto array = new_array<T>({self.signals().path_taps()});
        self.signals().path(array.data());
        return array.cast();
      },
      [](Core& self, Array1<T> path) {
        if (path.shape(0) != self.signals().path_taps()) {
          throw BadSignal("secondary_path_estimate must have " +
                          std::to_string(self.signals().path_taps()) + " taps");
        }
        self.set_path(path.data());
      });
  bind_kernel<Class, T>(cls, "reference", "error");
  bind_filter_matrix<Class, T>(cls);
}

template <class T>
static void bind(nb::module_& m) {
  using Fx = nb::class_<FxLms<T>, Controller<T>>;
  Fx fx(m, named<T>("FxLms").c_str());
  fx.def("__init__",
         [](FxLms<T>* self, Array1<T> path, std::size_t n_taps, std::size_t error_delay,
            const StepRule& rule) {
           new (self) FxLms<T>(path.data(), path.shape(0), n_taps, error_delay, rule);
         },
         "secondary_path_estimate"_a, "n_taps"_a, "error_delay"_a, "rule"_a);
  bind_common<Fx, T>(fx);
}

template <class T, std::size_t Order>
static void bind_modified(nb::module_& m, const char* name) {
  using Core = ModifiedFx<T, Order>;
  using Class = nb::class_<Core, Controller<T>>;
  Class cls(m, named<T>(name).c_str());
  cls.def("__init__",
          [](Core* self, Array1<T> path, std::size_t n_taps, std::size_t order,
             std::size_t error_delay, const StepRule& rule) {
            new (self) Core(path.data(), path.shape(0), n_taps, order, error_delay, rule);
          },
          "secondary_path_estimate"_a, "n_taps"_a, "order"_a, "error_delay"_a, "rule"_a);
  bind_common<Class, T>(cls);
}

void bind_fxlms(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
  bind_modified<float, 1>(m, "ModifiedFxLms");
  bind_modified<double, 1>(m, "ModifiedFxLms");
  bind_modified<float, any_order>(m, "ModifiedFxAp");
  bind_modified<double, any_order>(m, "ModifiedFxAp");
}

}  // namespace antiphase
