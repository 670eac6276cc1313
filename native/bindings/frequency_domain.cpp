#include "frequency_domain.hpp"

#include "bind.hpp"
#include "kalman.hpp"

namespace antiphase {

template <class T>
static void bind_transform(nb::module_& m) {
  using Core = BlockTransform<T>;
  nb::class_<Core>(m, named<T>("BlockTransform").c_str())
      .def(nb::init<std::size_t>(), "block_size"_a)
      .def("forward",
           [](Core& self, Array1<T> old, Array1<T> fresh) {
             const std::size_t n = self.block();
             if (old.shape(0) != n || fresh.shape(0) != n) {
               throw BadSignal("blocks must have " + std::to_string(n) + " samples");
             }
             auto re = new_array<T>({n}), im = new_array<T>({n});
             self.forward(old.data(), fresh.data(), re.data(), im.data());
             return nb::make_tuple(re.cast(), im.cast());
           },
           "old"_a, "fresh"_a)
      .def("inverse",
           [](Core& self, Array1<T> re, Array1<T> im) {
             const std::size_t n = self.block();
             if (re.shape(0) != n || im.shape(0) != n) {
               throw BadSignal("spectra must have " + std::to_string(n) + " bins");
             }
             auto old = new_array<T>({n}), fresh = new_array<T>({n});
             self.inverse_leading(re.data(), im.data(), old.data());
             self.inverse_trailing(re.data(), im.data(), fresh.data());
             return nb::make_tuple(old.cast(), fresh.cast());
           },
           "re"_a, "im"_a);
}

template <class T>
static void bind_cancellers(nb::module_& m) {
  using Block = nb::class_<PartitionedBlock<T>, Canceller<T>>;
  Block block(m, named<T>("PartitionedBlock").c_str());
  block.def(
      "__init__",
      [](PartitionedBlock<T>* self, std::size_t n_taps, std::size_t block_size, double mu,
         double leakage, double epsilon, double regularisation, bool constrain_all) {
        new (self) PartitionedBlock<T>(n_taps, block_size, {mu, epsilon, regularisation}, leakage,
                                       constrain_all);
      },
      "n_taps"_a, "block_size"_a, "mu"_a, "leakage"_a, "epsilon"_a, "regularisation"_a,
      "constrain_all"_a);
  block.def_prop_rw("mu", &PartitionedBlock<T>::mu, &PartitionedBlock<T>::set_mu);
  bind_kernel<Block, T>(block, "reference", "primary");
  bind_taps<Block, T>(block);

  using Kalman = nb::class_<KalmanBlock<T>, Canceller<T>>;
  Kalman kalman(m, named<T>("KalmanBlock").c_str());
  kalman.def(nb::init<std::size_t, std::size_t, double, double, double, bool>(), "n_taps"_a,
             "block_size"_a, "transition"_a, "smoothing"_a, "initial_covariance"_a,
             "constrain_all"_a);
  kalman.def_prop_ro("uncertainty", [](const KalmanBlock<T>& self) {
    auto array = new_array<T>({self.partitions()});
    self.uncertainty(array.data());
    return array.cast();
  });
  bind_kernel<Kalman, T>(kalman, "reference", "primary");
  bind_taps<Kalman, T>(kalman);
}

template <class T>
static void bind_controller(nb::module_& m) {
  using Core = PartitionedFx<T>;
  using Class = nb::class_<Core, Controller<T>>;
  Class cls(m, named<T>("PartitionedFx").c_str());
  cls.def(
      "__init__",
      [](Core* self, std::size_t n_taps, std::size_t block_size, Array1<T> path, double mu,
         double leakage, double epsilon, double regularisation, std::size_t error_delay,
         bool constrain_all, bool delayless, bool modified) {
        new (self) Core(n_taps, block_size, path.data(), path.shape(0),
                        {mu, epsilon, regularisation}, leakage,
                        {error_delay, constrain_all, delayless, modified});
      },
      "n_taps"_a, "block_size"_a, "secondary_path_estimate"_a, "mu"_a, "leakage"_a, "epsilon"_a,
      "regularisation"_a, "error_delay"_a, "constrain_all"_a, "delayless"_a, "modified"_a);
  cls.def_prop_rw("mu", &Core::mu, &Core::set_mu);
  bind_kernel<Class, T>(cls, "reference", "error");
  bind_filter_matrix<Class, T>(cls);
}

void bind_frequency_domain(nb::module_& m) {
  bind_transform<float>(m);
  bind_transform<double>(m);
  bind_cancellers<float>(m);
  bind_cancellers<double>(m);
  bind_controller<float>(m);
  bind_controller<double>(m);
}

}  // namespace antiphase
