#include "bind.hpp"
#include "lms.hpp"

namespace antiphase {

template <class T>
static void bind(nb::module_& m) {
  using Class = nb::class_<Lms<T>, Canceller<T>>;
  Class cls(m, named<T>("Lms").c_str());
  cls.def(nb::init<std::size_t, double, double, double, bool>(), "n_taps"_a, "mu"_a, "leakage"_a,
          "epsilon"_a, "normalised"_a);
  cls.def_prop_rw("mu", &Lms<T>::mu, &Lms<T>::set_mu);
  bind_kernel<Class, T>(cls, "reference", "primary");
  bind_taps<Class, T>(cls);
}

void bind_lms(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace antiphase
