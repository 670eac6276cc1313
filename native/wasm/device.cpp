// The device side of `split` and `local` control for browsers: freestanding wasm32, no imports.
//
//   split  a filter that a far solver exchanges, with probe, guard and recorder (split_device.hpp)
//   local  no reference: a modified filtered-x rule on the disturbance that an internal model finds
//
// antiphase_create once per run, then antiphase_process on antiphase_reference() and
// antiphase_error(), which holds e one frame late as every Controller wants it. One device per
// instance of the module. Sample counts and versions cross the border as doubles (exact to 2^53).
#define ANTIPHASE_ARENA_BYTES (4 << 20)
#include "fxlms.hpp"
#include "guard.hpp"
#include "split_device.hpp"
#include "structures.hpp"
#include "wasm/freestanding.hpp"

namespace {

using namespace antiphase;

constexpr int max_frames = 4096, max_taps = 4096, max_block = 19200, max_probe = 32767;
constexpr int split_mode = 0, local_mode = 1;

float reference[max_frames], error[max_frames], drive[max_frames];
float taps[max_taps], path[max_taps], probe[max_probe];
float block[3 * max_block];

// The parts live until the next antiphase_create gives their memory back.
SwitchedFilter<float>* filter = nullptr;
Guard<float>* guard = nullptr;
Recorder<float>* recorder = nullptr;

PathMatrix<float> path_matrix(int n) {
  return PathMatrix<float>(1, 1, static_cast<std::size_t>(n), path);
}

bool fits(int n, int most) { return n >= 1 && n <= most; }

}  // namespace

EXPORT(antiphase_reference) float* antiphase_reference() { return reference; }
EXPORT(antiphase_error) float* antiphase_error() { return error; }
EXPORT(antiphase_drive) float* antiphase_drive() { return drive; }
EXPORT(antiphase_taps) float* antiphase_taps() { return taps; }
EXPORT(antiphase_path) float* antiphase_path() { return path; }
EXPORT(antiphase_probe) float* antiphase_probe() { return probe; }
EXPORT(antiphase_block) float* antiphase_block() { return block; }

// The path estimate is read from antiphase_path(). `smoothing`: of the level that the probe follows;
// `limit` of the drive, 0 is none; `kept` frames are recorded; mu and leakage are those of the local
// rule. 0 where a length does not fit.
EXPORT(antiphase_create)
int antiphase_create(int mode, int n_taps, int path_taps, int kept, double fs, double smoothing,
                     double limit, double mu, double leakage) {
  filter = nullptr;
  guard = nullptr;
  recorder = nullptr;
  const bool known = mode == split_mode || mode == local_mode;
  if (!known || !fits(n_taps, max_taps) || !fits(path_taps, max_taps) || !fits(kept, 4 * max_block)) {
    return 0;
  }
  arena_used = 0;
  const PathMatrix<float> estimate = path_matrix(path_taps);
  const double no_gate = -std::numeric_limits<double>::infinity();
  const GuardSettings settings{fs, limit, mode == split_mode ? no_gate : -35.0, 0, 50, 0};
  Controller<float>* outer = nullptr;
  if (mode == split_mode) {
    filter = new SwitchedFilter<float>(Shape{}, static_cast<std::size_t>(n_taps), smoothing);
    outer = guard = new Guard<float>(*filter, settings, &estimate);
  } else {
    const StepRule rule(mu, leakage, 1e-6, 1e-4, true, Robust::none);
    auto* core = new ModifiedFx<float, 1>(path, static_cast<std::size_t>(path_taps),
                                          static_cast<std::size_t>(n_taps), 1, 0, rule);
    guard = new Guard<float>(*core, settings, &estimate);
    outer = new InternalModel<float>(*guard, estimate, 0, 1);
  }
  recorder = new Recorder<float>(*outer, static_cast<std::size_t>(kept));
  return 1;
}

// n frames from antiphase_reference() and antiphase_error() to antiphase_drive().
EXPORT(antiphase_process) int antiphase_process(int n) {
  if (recorder == nullptr || n < 0 || n > max_frames) return 0;
  recorder->process(reference, error, drive, static_cast<std::size_t>(n));
  return 1;
}

// Split: the filter in antiphase_taps() is to fade in from sample `at` on.
EXPORT(antiphase_push) void antiphase_push(double version, double at, int fade) {
  if (filter == nullptr || fade < 0) return;
  filter->push(taps, static_cast<std::int64_t>(version), static_cast<std::int64_t>(at),
               static_cast<std::size_t>(fade));
}

// Split: the first n samples of antiphase_probe(), repeated for ever; 0 is none. Memory for the
// longest is taken at the first call, so that later ones can't use up the arena.
EXPORT(antiphase_set_probe) void antiphase_set_probe(int n, double relative) {
  if (filter == nullptr || n < 0 || n > max_probe) return;
  filter->set_probe(probe, max_probe, 0);
  filter->set_probe(probe, static_cast<std::size_t>(n), relative);
}

// The guard judges by the path in antiphase_path(), of the length given at the start, from now on.
EXPORT(antiphase_set_path) void antiphase_set_path(int n) {
  if (guard == nullptr || !fits(n, max_taps)) return;
  const std::size_t used = arena_used;
  guard->set_estimate(path_matrix(n));
  arena_used = used;
}
EXPORT(antiphase_begin_afresh) void antiphase_begin_afresh() {
  if (guard != nullptr) guard->begin_afresh();
}

// Copies w to antiphase_taps() (get) or from there (set).
EXPORT(antiphase_get_filter) void antiphase_get_filter() {
  if (recorder != nullptr) recorder->get_filter(taps);
}
EXPORT(antiphase_set_filter) void antiphase_set_filter() {
  if (recorder != nullptr) recorder->set_filter(taps);
}
EXPORT(antiphase_set_adapting) void antiphase_set_adapting(int on) {
  if (recorder != nullptr) recorder->set_adapting(on != 0);
}

EXPORT(antiphase_version) double antiphase_version() {
  return filter ? static_cast<double>(filter->version()) : 0;
}
EXPORT(antiphase_applied_at) double antiphase_applied_at() {
  return filter ? static_cast<double>(filter->applied_at()) : 0;
}
EXPORT(antiphase_overrides) double antiphase_overrides() {
  return filter ? static_cast<double>(filter->overrides()) : 0;
}
// active 0, held 1, muted 2, testing 3
EXPORT(antiphase_guard_state) int antiphase_guard_state() {
  return guard ? static_cast<int>(guard->state()) : 0;
}
EXPORT(antiphase_clipped) double antiphase_clipped() {
  return guard ? static_cast<double>(guard->counts().clipped) : 0;
}

EXPORT(antiphase_recorded) double antiphase_recorded() {
  return recorder ? static_cast<double>(recorder->recorded()) : 0;
}
// Frames [first, first + n) to antiphase_block(): n of x, then y, then e; 0 where they are not held.
EXPORT(antiphase_copy) int antiphase_copy(double first, int n) {
  if (recorder == nullptr || !fits(n, max_block)) return 0;
  const auto size = static_cast<std::size_t>(n);
  const auto at = static_cast<std::int64_t>(first);
  return recorder->copy(at, size, block, block + n, block + 2 * n) ? 1 : 0;
}
