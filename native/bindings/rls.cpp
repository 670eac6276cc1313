#include "bind.hpp"
#include "rls.hpp"

namespace antiphase {

template <class T>
static void bind(nb::module_& m) {
  using Filter = nb::class_<Rls<T>, Canceller<T>>;
  Filter filter(m, named<T>("Rls").c_str());
  filter.def(nb::init<std::size_t, double, double, double>(), "n_taps"_a, "forgetting"_a, "loading"_a,
             "delta"_a);
  bind_kernel<Filter, T>(filter, "reference", "primary");
  bind_taps<Filter, T>(filter);

  using Fx = nb::class_<FxRls<T>, Controller<T>>;
  Fx fx(m, named<T>("FxRls").c_str());
  fx.def(
      "__init__",
      [](FxRls<T>* self, std::size_t n_taps, Array1<T> path, double forgetting, double loading,
         double delta, std::size_t error_delay) {
        new (self) FxRls<T>(n_taps, path.data(), path.shape(0), forgetting, loading, delta, error_delay);
      },
      "n_taps"_a, "secondary_path_estimate"_a, "forgetting"_a, "loading"_a, "delta"_a, "error_delay"_a);
  bind_kernel<Fx, T>(fx, "reference", "error");
  bind_filter_matrix<Fx, T>(fx);
  bind_path<Fx, T>(fx);
}

void bind_rls(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace antiphase
