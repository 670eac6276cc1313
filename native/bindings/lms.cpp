#include "lms.hpp"

#include "bind.hpp"

namespace antiphase {

template <class T, std::size_t Order>
static void bind(nb::module_& m, const char* name) {
  using Core = Lms<T, Order>;
  using Class = nb::class_<Core, Canceller<T>>;
  Class cls(m, named<T>(name).c_str());
  cls.def("__init__",
          [](Core* self, std::size_t n_taps, std::size_t order, const StepRule& rule) {
            new (self) Core(n_taps, order, rule);
          },
          "n_taps"_a, "order"_a, "rule"_a);
  cls.def_prop_rw("mu", &Core::mu, &Core::set_mu);
  bind_kernel<Class, T>(cls, "reference", "primary");
  bind_taps<Class, T>(cls);
}

void bind_lms(nb::module_& m) {
  nb::enum_<Robust>(m, "Robust")
      .value("none", Robust::none)
      .value("huber", Robust::huber)
      .value("sign", Robust::sign);
  nb::class_<StepRule>(m, "StepRule")
      .def(nb::init<double, double, double, double, bool, Robust>(), "mu"_a, "leakage"_a, "epsilon"_a,
           "floor"_a, "normalised"_a, "robust"_a);
  bind<float, 1>(m, "Lms");
  bind<double, 1>(m, "Lms");
  bind<float, any_order>(m, "AffineProjection");
  bind<double, any_order>(m, "AffineProjection");
}

}  // namespace antiphase
