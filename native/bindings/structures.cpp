#include "structures.hpp"

#include "bind.hpp"

namespace antiphase {

template <class T>
static void bind(nb::module_& m) {
  using Path = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

  using Neutral = nb::class_<Neutralisation<T>, Controller<T>>;
  Neutral neutral(m, named<T>("Neutralisation").c_str(), nb::dynamic_attr());
  neutral.def(
      "__init__",
      [](Neutralisation<T>* self, Controller<T>& inner, Path feedback) {
        new (self) Neutralisation<T>(inner, path_matrix<T>(feedback));
      },
      "controller"_a, "feedback_path_estimate"_a);
  bind_kernel<Neutral, T>(neutral, "reference", "error");

  using Feedback = nb::class_<InternalModel<T>, Controller<T>>;
  Feedback feedback(m, named<T>("InternalModel").c_str(), nb::dynamic_attr());
  feedback.def(
      "__init__",
      [](InternalModel<T>* self, Controller<T>& inner, Path estimate, std::size_t error_delay,
         std::size_t references) {
        new (self) InternalModel<T>(inner, path_matrix<T>(estimate), error_delay, references);
      },
      "controller"_a, "secondary_path_estimate"_a, "error_delay"_a, "references"_a);
  bind_kernel<Feedback, T>(feedback, "reference", "error");

  using Both = nb::class_<Hybrid<T>, Controller<T>>;
  Both both(m, named<T>("Hybrid").c_str(), nb::dynamic_attr());
  both.def(
      "__init__",
      [](Hybrid<T>* self, Controller<T>& forward, Controller<T>& back, Path estimate,
         std::size_t error_delay) {
        new (self) Hybrid<T>(forward, back, path_matrix<T>(estimate), error_delay);
      },
      "feedforward"_a, "feedback"_a, "secondary_path_estimate"_a, "error_delay"_a);
  bind_kernel<Both, T>(both, "reference", "error");
  both.def_prop_rw(
      "filter",
      [](const Hybrid<T>& self) {
        auto array = new_array<T>({self.filter_size()});
        self.get_filter(array.data());
        return array.cast();
      },
      [](Hybrid<T>& self, Array1<T> taps) { self.set_filter(taps.data()); });

  using Remote = nb::class_<VirtualSensing<T>, Controller<T>>;
  Remote remote(m, named<T>("VirtualSensing").c_str(), nb::dynamic_attr());
  remote.def(
      "__init__",
      [](VirtualSensing<T>* self, Controller<T>& inner, Path physical, Path at_virtual,
         Path observation, std::size_t error_delay) {
        new (self) VirtualSensing<T>(inner, path_matrix<T>(physical), path_matrix<T>(at_virtual),
                                     path_matrix<T>(observation), error_delay);
      },
      "controller"_a, "physical"_a, "virtual"_a, "observation"_a, "error_delay"_a);
  bind_kernel<Remote, T>(remote, "reference", "error");
}

void bind_structures(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace antiphase
