#include "lms.hpp"

#include "bind.hpp"

namespace antiphase {

template <class T>
static void bind(nb::module_& m) {
  using Class = nb::class_<Lms<T>, Canceller<T>>;
  Class cls(m, named<T>("Lms").c_str());
  cls.def("__init__",
          [](Lms<T>* self, std::size_t n_taps, std::size_t order, const StepRule& rule) {
            new (self) Lms<T>(n_taps, order, rule);
          },
          "n_taps"_a, "order"_a, "rule"_a);
  cls.def_prop_rw("mu", &Lms<T>::mu, &Lms<T>::set_mu);
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
  bind<float>(m);
  bind<double>(m);
}

}  // namespace antiphase
