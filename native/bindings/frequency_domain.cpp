#include "frequency_domain.hpp"

#include <nanobind/stl/complex.h>

#include <complex>
#include <vector>

#include "bind.hpp"
#include "kalman.hpp"

namespace antiphase {

template <class T>
static void bind_transform(nb::module_& m) {
  using Core = BlockTransform<T>;
  using Complex = std::complex<T>;
  const auto check = [](std::size_t got, std::size_t wanted, const char* what) {
    if (got != wanted) throw BadSignal("there must be " + std::to_string(wanted) + " " + what);
  };
  nb::class_<Core>(m, named<T>("BlockTransform").c_str())
      .def(nb::init<std::size_t>(), "block_size"_a)
      .def("forward",
           [=](Core& self, Array1<T> samples) {
             const std::size_t n = self.block();
             check(samples.shape(0), 2 * n, "samples");
             std::vector<T> re(n), im(n);
             self.forward(samples.data(), samples.data() + n, re.data(), im.data());
             auto bins = new_array<Complex>({n});
             for (std::size_t k = 0; k < n; ++k) bins.data()[k] = Complex(re[k], im[k]);
             return bins.cast();
           },
           "samples"_a)
      .def("inverse",
           [=](Core& self, Array1<Complex> bins) {
             const std::size_t n = self.block();
             check(bins.shape(0), n, "bins");
             std::vector<T> re(n), im(n);
             for (std::size_t k = 0; k < n; ++k) {
               re[k] = bins.data()[k].real();
               im[k] = bins.data()[k].imag();
             }
             auto samples = new_array<T>({2 * n});
             self.inverse_leading(re.data(), im.data(), samples.data());
             self.inverse_trailing(re.data(), im.data(), samples.data() + n);
             return samples.cast();
           },
           "bins"_a);
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
  kalman.def(nb::init<std::size_t, std::size_t, double, double, double, double, bool>(), "n_taps"_a,
             "block_size"_a, "transition"_a, "smoothing"_a, "initial_covariance"_a,
             "regularisation"_a, "constrain_all"_a);
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
  bind_path<Class, T>(cls);
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
