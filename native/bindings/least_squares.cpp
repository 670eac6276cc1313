#include "least_squares.hpp"

#include "bind.hpp"

namespace antiphase {

template <class T>
using Paths = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

template <class T>
static void bind_controller(nb::module_& m) {
  using Core = LeastSquares<T>;
  using Class = nb::class_<Core, Controller<T>>;
  Class cls(m, named<T>("LeastSquares").c_str());
  cls.def(
      "__init__",
      [](Core* self, std::size_t n_taps, Paths<T> s, std::size_t references, double forgetting,
         double evidence_forgetting, double ridge, double path_error,
         std::size_t update_interval, std::size_t iterations, double fade,
         std::size_t error_delay) {
        const Shape shape{references, s.shape(1), s.shape(0)};
        const FitSettings settings{n_taps, forgetting,      evidence_forgetting, ridge,
                                   path_error, update_interval, error_delay};
        new (self) Core(shape, settings, update_interval, iterations, fade, s.data(), s.shape(2));
      },
      "n_taps"_a, "secondary_path_estimate"_a, "references"_a, "forgetting"_a,
      "evidence_forgetting"_a, "ridge"_a, "path_error"_a, "update_interval"_a, "iterations"_a,
      "fade"_a, "error_delay"_a);
  bind_kernel<Class, T>(cls, "reference", "error");
  bind_filter_matrix<Class, T>(cls);
  cls.def("restart", &Core::restart)
      .def_prop_ro("unsound", &Core::unsound)
      .def_prop_ro("helping", &Core::helping);
}

// The controller's words for a solver, so that both share their bindings.
template <class T>
struct Remote : LeastSquaresSolver<T> {
  using LeastSquaresSolver<T>::LeastSquaresSolver;
  const Shape& shape() const { return this->fit().shape(); }
  std::size_t n_taps() const { return this->fit().settings().n_taps; }
  std::size_t filter_size() const { return this->fit().size(); }
  void get_filter(T* out) const { this->fit().get_filter(out); }
  void set_filter(const T* in) { this->fit().set_filter(in); }
};

template <class T>
static void observe(Remote<T>& self, Array<T> reference, Array<T> drive, Array<T> error) {
  const Shape& shape = self.shape();
  const std::size_t n = frames_of("reference", reference, shape.references);
  if (frames_of("drive", drive, shape.loudspeakers) != n ||
      frames_of("error", error, shape.errors) != n) {
    throw BadSignal("drive and error must have " + std::to_string(n) + " frames as reference has");
  }
  nb::gil_scoped_release unlocked;
  self.observe(reference.data(), drive.data(), error.data(), n);
}

template <class T>
static void bind_solver(nb::module_& m) {
  using Core = Remote<T>;
  using Class = nb::class_<Core>;
  Class cls(m, named<T>("LeastSquaresSolver").c_str());
  cls.def(
      "__init__",
      [](Core* self, std::size_t n_taps, Paths<T> s, std::size_t references, double forgetting,
         double evidence_forgetting, double ridge, double path_error) {
        const FitSettings settings{n_taps, forgetting, evidence_forgetting, ridge, path_error, 0, 0};
        new (self) Core({references, s.shape(1), s.shape(0)}, settings, s.data(), s.shape(2));
      },
      "n_taps"_a, "secondary_path_estimate"_a, "references"_a, "forgetting"_a,
      "evidence_forgetting"_a, "ridge"_a, "path_error"_a);
  bind_filter_matrix<Class, T>(cls);
  cls.def("observe", &observe<T>, "reference"_a, "drive"_a, "error"_a)
      .def(
          "solve",
          [](Core& self, std::size_t iterations) {
            nb::gil_scoped_release unlocked;
            return self.solve(iterations);
          },
          "iterations"_a)
      .def("restart", [](Core& self) { self.fit().restart(); })
      .def("reset", [](Core& self) { self.fit().reset(); })
      .def_prop_ro("weight", [](const Core& self) { return self.fit().window().weight(); })
      .def("state",
           [](Core& self) {
             const auto bytes = save_state(self);
             return nb::bytes(bytes.data(), bytes.size());
           })
      .def("load_state",
           [](Core& self, nb::bytes state) {
             load_state(self, static_cast<const std::uint8_t*>(state.data()), state.size());
           },
           "state"_a);
}

void bind_least_squares(nb::module_& m) {
  bind_controller<float>(m);
  bind_controller<double>(m);
  bind_solver<float>(m);
  bind_solver<double>(m);
}

}  // namespace antiphase
