#include "peak.hpp"

#include "bind.hpp"

namespace antiphase {

void bind_peak(nb::module_& m) {
  m.def("measure_peak_f32", &measure_peak<float>, "rounds"_a, nb::call_guard<nb::gil_scoped_release>());
  m.def("measure_peak_f64", &measure_peak<double>, "rounds"_a, nb::call_guard<nb::gil_scoped_release>());
}

}  // namespace antiphase
