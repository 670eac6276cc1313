// The FxNLMS kernel for browsers: freestanding wasm32, no imports, memory from a static arena.
//
// Call antiphase_create once, write blocks to antiphase_reference() and antiphase_error(), call
// antiphase_process, read antiphase_drive(). One controller per instance of the module.
#define ANTIPHASE_ARENA_BYTES (1 << 20)
#include "fxlms.hpp"
#include "wasm/freestanding.hpp"

namespace {

constexpr std::size_t max_frames = 4096;
constexpr std::size_t max_taps = 4096;

using Fx = antiphase::FxLms<float>;
alignas(Fx) std::uint8_t storage[sizeof(Fx)];
Fx* controller = nullptr;

float path[max_taps], reference[max_frames], error[max_frames], drive[max_frames];
float taps[max_taps];

}  // namespace

EXPORT(antiphase_path) float* antiphase_path() { return path; }
EXPORT(antiphase_reference) float* antiphase_reference() { return reference; }
EXPORT(antiphase_error) float* antiphase_error() { return error; }
EXPORT(antiphase_drive) float* antiphase_drive() { return drive; }
EXPORT(antiphase_taps) float* antiphase_taps() { return taps; }

// Makes the controller with the path in antiphase_path(); 0 where a length does not fit.
EXPORT(antiphase_create)
int antiphase_create(int n_taps, int path_taps, int error_delay, double mu, double leakage,
                     double epsilon, double energy_floor) {
  const auto fits = [](int n) { return n >= 1 && n <= static_cast<int>(max_taps); };
  if (!fits(n_taps) || !fits(path_taps) || error_delay < 0) return 0;
  arena_used = 0;
  controller = new (storage) Fx(path, static_cast<std::size_t>(path_taps),
                                static_cast<std::size_t>(n_taps),
                                static_cast<std::size_t>(error_delay),
                                antiphase::StepRule(mu, leakage, epsilon, energy_floor, true,
                                                    antiphase::Robust::none));
  return 1;
}

// n frames from antiphase_reference() and antiphase_error() to antiphase_drive().
EXPORT(antiphase_process) int antiphase_process(int n) {
  if (controller == nullptr || n < 0 || n > static_cast<int>(max_frames)) return 0;
  controller->process(reference, error, drive, static_cast<std::size_t>(n));
  return 1;
}

EXPORT(antiphase_set_adapting) void antiphase_set_adapting(int on) {
  if (controller != nullptr) controller->set_adapting(on != 0);
}

// Copies w to antiphase_taps() (get) or from there (set).
EXPORT(antiphase_get_filter) void antiphase_get_filter() {
  if (controller != nullptr) controller->get_filter(taps);
}
EXPORT(antiphase_set_filter) void antiphase_set_filter() {
  if (controller != nullptr) controller->set_filter(taps);
}
