#include "multichannel.hpp"

#include <nanobind/stl/optional.h>

#include <optional>

#include "bind.hpp"
#include "multichannel_fx.hpp"

namespace antiphase {

template <class T>
using Array3 = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <class T>
using Array2 = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <class T>
static MultichannelSettings settings_of(std::size_t references, std::size_t n_taps, const Array3<T>& path,
                                        std::size_t error_delay, int step) {
  MultichannelSettings s;
  s.shape = {references, path.shape(1), path.shape(0)};
  s.n_taps = n_taps;
  s.path_taps = path.shape(2);
  s.error_delay = error_delay;
  s.step = static_cast<Step>(step);
  return s;
}

template <class Core, class T, class Class>
static void bind_common(Class& cls) {
  cls.def_prop_rw("mu", &Core::mu, &Core::set_mu);
  bind_kernel<Class, T>(cls, "reference", "error");
  bind_filter_matrix<Class, T>(cls);
  bind_path<Class, T>(cls);
}

template <class T>
static void bind(nb::module_& m) {
  using Reference = MultichannelFx<T>;
  nb::class_<Reference, Controller<T>> reference(m, named<T>("MultichannelFx").c_str());
  reference.def(
      "__init__",
      [](Reference* self, std::size_t references, std::size_t n_taps, Array3<T> path,
         std::size_t error_delay, int step, const StepRule& rule, bool modified,
         double regularisation, std::optional<Array2<T>> whitening) {
        MultichannelSettings s = settings_of<T>(references, n_taps, path, error_delay, step);
        s.modified = modified;
        s.regularisation = regularisation;
        s.whitening_taps = whitening ? whitening->shape(1) : 0;
        new (self) Reference(s, rule, path.data(), whitening ? whitening->data() : nullptr);
      },
      "references"_a, "n_taps"_a, "secondary_path_estimate"_a, "error_delay"_a, "step"_a,
      "rule"_a, "modified"_a = false, "regularisation"_a = 1.0,
      "prewhitening"_a.none() = nb::none());
  bind_common<Reference, T>(reference);

  using Error = MultichannelAdjoint<T>;
  nb::class_<Error, Controller<T>> error(m, named<T>("MultichannelAdjoint").c_str());
  error.def(
      "__init__",
      [](Error* self, std::size_t references, std::size_t n_taps, Array3<T> path,
         std::size_t error_delay, int step, const StepRule& rule) {
        new (self) Error(settings_of<T>(references, n_taps, path, error_delay, step), rule, path.data());
      },
      "references"_a, "n_taps"_a, "secondary_path_estimate"_a, "error_delay"_a, "step"_a,
      "rule"_a);
  bind_common<Error, T>(error);
}

void bind_multichannel(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace antiphase
