#include "loop.hpp"

#include <nanobind/stl/optional.h>

#include <memory>
#include <optional>

#include "bind.hpp"
#include "fixed.hpp"
#include "plant.hpp"
#include "python_controller.hpp"

namespace antiphase {

using Path = nb::ndarray<const double, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Frames = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// Plays drives that are known beforehand: what an exchange with a sound card is.
class Tape : public Controller<double> {
 public:
  Tape(Shape shape, const double* drive) : Controller<double>(shape), next_(drive) {}
  void reset() override {}
  void visit(Archive&) override {}

 protected:
  void run(const double*, const double*, double* drive, std::size_t n) override {
    const std::size_t size = n * shape().loudspeakers;
    std::copy(next_, next_ + size, drive);
    next_ += size;
  }

 private:
  const double* next_;
};

static LoopSignals loop_signals(const Frames& source, const Frames& disturbance,
                                const std::optional<Frames>& reference_noise,
                                const std::optional<Frames>& error_noise, Result& reference,
                                double* drive, Result& error) {
  return {source.data(),
          disturbance.data(),
          reference_noise ? reference_noise->data() : nullptr,
          error_noise ? error_noise->data() : nullptr,
          reference.data(),
          drive,
          error.data()};
}

template <class T>
static void bind(nb::module_& m) {
  using Fixed = nb::class_<FixedFilter<T>, Controller<T>>;
  Fixed fixed(m, named<T>("FixedFilter").c_str());
  fixed.def(nb::init<std::size_t, std::size_t, std::size_t, std::size_t>(), "references"_a,
            "loudspeakers"_a, "errors"_a, "n_taps"_a);
  bind_kernel<Fixed, T>(fixed, "reference", "error");
  bind_filter_matrix<Fixed, T>(fixed);

  using Python = nb::class_<PythonController<T>, Controller<T>>;
  Python python(m, named<T>("PythonController").c_str(), nb::dynamic_attr());
  python.def(nb::init<nb::handle, std::size_t, std::size_t, std::size_t>(), "controller"_a,
             "references"_a, "loudspeakers"_a, "errors"_a);

  m.def(
      "run_loop",
      [](Controller<T>& controller, Plant& plant, std::size_t block, Frames source,
         Frames disturbance, std::optional<Frames> reference_noise,
         std::optional<Frames> error_noise, Result reference, Result drive, Result error) {
        const LoopSignals signals = loop_signals(source, disturbance, reference_noise, error_noise,
                                                 reference, drive.data(), error);
        const std::size_t n = source.shape(0);
        {
          nb::gil_scoped_release unlocked;
          Loop<T>(controller, plant, block).run(signals, n);
        }
        show_warning(controller);
      },
      "controller"_a, "plant"_a, "block"_a, "source"_a, "disturbance"_a,
      "reference_noise"_a.none(), "error_noise"_a.none(), "reference"_a, "drive"_a, "error"_a);
}

static void bind_plant(nb::module_& m) {
  nb::class_<Plant>(m, "Plant")
      .def("__init__",
           [](Plant* self, std::size_t references, Path secondary, std::optional<Path> feedback,
              int saturation, double limit, std::size_t error_delay, std::size_t history) {
             std::unique_ptr<PathMatrix<double>> loop_back;
             if (feedback) loop_back = std::make_unique<PathMatrix<double>>(path_matrix<double>(*feedback));
             const Shape shape{references, secondary.shape(1), secondary.shape(0)};
             new (self) Plant(shape, path_matrix<double>(secondary), loop_back.get(),
                              static_cast<Saturation>(saturation), limit, error_delay, history);
           },
           "references"_a, "secondary_path"_a, "feedback_path"_a.none(), "saturation"_a, "limit"_a,
           "error_delay"_a, "history"_a)
      .def("add_change",
           [](Plant& self, std::uint64_t at, std::uint64_t fade, Path path) {
             self.add_change(at, fade, path_matrix<double>(path));
           },
           "at"_a, "fade"_a, "path"_a)
      .def_prop_ro("exact_block", &Plant::exact_block)
      .def_prop_ro("frame", &Plant::frame)
      .def("exchange",
           [](Plant& self, Frames drive, Frames source, Frames disturbance,
              std::optional<Frames> reference_noise, std::optional<Frames> error_noise,
              Result reference, Result error) {
             Tape tape(self.shape(), drive.data());
             std::vector<double> played(drive.size());
             const LoopSignals signals = loop_signals(source, disturbance, reference_noise,
                                                      error_noise, reference, played.data(), error);
             Loop<double>(tape, self, 1).run(signals, drive.shape(0));
           },
           "drive"_a, "source"_a, "disturbance"_a, "reference_noise"_a.none(),
           "error_noise"_a.none(), "reference"_a, "error"_a);
}

void bind_loop(nb::module_& m) {
  bind_plant(m);
  bind<float>(m);
  bind<double>(m);
}

}  // namespace antiphase
