#include "narrowband.hpp"

#include <nanobind/stl/vector.h>

#include "bind.hpp"

namespace antiphase {

template <class T>
static void bind(nb::module_& m) {
  using Core = Narrowband<T>;
  using Class = nb::class_<Core, Controller<T>>;
  Class cls(m, named<T>("Narrowband").c_str());
  cls.def(
      "__init__",
      [](Core* self, std::vector<std::uint32_t> half_orders, Array1<T> path, int source, double start,
         double lowest, double highest, double loop, double fade, std::size_t search_block, double mu,
         double leakage, double lead, std::size_t error_delay) {
        const NarrowbandSettings s{{start, lowest, highest, loop, fade, search_block},
                                   static_cast<PhaseSource>(source),
                                   mu,
                                   leakage,
                                   lead,
                                   error_delay};
        new (self) Core(s, Orders(std::move(half_orders)), path.data(), path.shape(0));
      },
      "half_orders"_a, "secondary_path_estimate"_a, "source"_a, "start"_a, "lowest"_a, "highest"_a,
      "loop"_a, "fade"_a, "search_block"_a, "mu"_a, "leakage"_a, "lead"_a, "error_delay"_a);
  cls.def_prop_rw("mu", &Core::mu, &Core::set_mu)
      .def_prop_ro("frequency", &Core::frequency)
      .def_prop_ro("explained", &Core::explained)
      .def_prop_rw(
          "control_filter",
          [](const Core& self) {
            auto array = new_array<T>({self.filter_size() / 2, 2});
            self.get_filter(array.data());
            return array.cast();
          },
          [](Core& self, nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu> weights) {
            if (2 * weights.shape(0) != self.filter_size() || weights.shape(1) != 2) {
              throw BadSignal("control_filter must have " + std::to_string(self.filter_size() / 2) +
                              " rows of real and imaginary part");
            }
            self.set_filter(weights.data());
          });
  bind_kernel<Class, T>(cls, "reference", "error");
  bind_path<Class, T>(cls);
}

void bind_narrowband(nb::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace antiphase
