"""The signals and paths of a scenario, made or read."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import signal

from antiphase.acoustics import noise
from antiphase.acoustics.duct import duct_path
from antiphase.acoustics.earcup import earcup_paths
from antiphase.acoustics.free_field import ASPHALT, Converter, free_field_path
from antiphase.acoustics.room import room_paths
from antiphase.dsp import first_arrival, resample
from antiphase.errors import FileFormatError, SignalError
from antiphase.files import read_audio, read_path
from antiphase.files.bench_data import find_bench_data
from antiphase.simulation.layouts import (
    DuctPaths,
    EarcupPaths,
    FreeFieldPaths,
    MeasuredPaths,
    Position,
    RoomPaths,
)
from antiphase.simulation.scenario import NoiseSettings, Scenario
from antiphase.tables import nearest

__all__ = ["Scene", "build_scene", "load_noise"]

Floats = npt.NDArray[np.float64]

# Corner of the converters' filters as a share of the rate, and a small loudspeaker's lower end.
ANTI_ALIAS = 0.45
LOUDSPEAKER_HZ = 60.0
SPEED = 343.0


@dataclass(frozen=True)
class Scene:
    """What a simulation hears and moves through; frames first, microphones as columns.

    Attributes
    ----------
    fs : float
        Hz.
    reference : ndarray, shape (n,)
        x as it reaches the controller, without the microphone's own noise.
    disturbance : ndarray, shape (n, microphones)
        d, ambient included.
    ambient : ndarray, shape (n, microphones)
        The part of d that the reference does not hear.
    reference_noise : ndarray, shape (n,)
        The reference microphone's own noise.
    error_noise : ndarray, shape (n, microphones)
        The error microphones' own noise.
    primary_path : ndarray, shape (microphones, taps)
        From the source (or, for measured paths, the reference microphone) to the error microphones.
    secondary_path : ndarray, shape (microphones, loudspeakers, taps)
        S with the electronics' latency in it.
    primary_arrival : float
        First arrival in the primary path, in samples, at the first microphone.
    lead_samples : float
        By how much the reference is known before the noise is at the first error microphone.
    anti_noise_samples : float
        First arrival from the drive to the first error microphone, over the nearest loudspeaker.
    """

    fs: float
    reference: Floats
    disturbance: Floats
    ambient: Floats
    reference_noise: Floats
    error_noise: Floats
    primary_path: Floats
    secondary_path: Floats
    primary_arrival: float
    lead_samples: float
    anti_noise_samples: float

    @property
    def margin_samples(self) -> float:
        """Causality margin: acoustic lead less the way of the anti-noise, in samples."""
        return self.lead_samples - self.anti_noise_samples

    @property
    def has_other_noise(self) -> bool:
        """Whether there is anything that the controller can't know."""
        return bool(self.reference_noise.any() or self.ambient.any())


@dataclass(frozen=True)
class _Geometry:
    """Paths as the layout gives them, electronics apart; `arrivals` where they are known."""

    to_reference: Floats | None
    to_errors: Floats
    secondary: Floats
    arrivals: tuple[float, float] | None = None


def build_scene(scenario: Scenario) -> Scene:
    """Return the signals and paths of a scenario; the same for the same scenario.

    Raises
    ------
    FileFormatError, SignalError, ParameterError
        If a file or a parameter does not fit.
    """
    fs, n = scenario.fs, round(scenario.seconds * scenario.fs)
    geometry = _geometry(scenario)
    source = _source(scenario, n)
    n = len(source)
    electronics = scenario.electronics
    heard = source if geometry.to_reference is None else _through(geometry.to_reference, source)
    late = round(electronics.reference_delay_ms * fs / 1000)
    reference = np.concatenate([np.zeros(late), heard])[:n]
    pure = np.stack([_through(path, source) for path in geometry.to_errors], axis=1)
    microphones = pure.shape[1]
    level = np.sqrt(np.mean(pure**2))
    ambient = np.zeros_like(pure)
    if electronics.ambient_db > -200:
        for m in range(microphones):
            pink = noise.make("pink", n / fs, fs, seed=_seed(scenario, f"ambient {m}"))
            ambient[:, m] = pink[:n] * level * 10 ** (electronics.ambient_db / 20)
    latency = int(np.ceil(electronics.latency_ms * fs / 1000))
    secondary = np.pad(geometry.secondary, [(0, 0), (0, 0), (latency, 0)])
    at_reference = 0.0 if geometry.to_reference is None else first_arrival(geometry.to_reference)
    primary_arrival, secondary_arrival = geometry.arrivals or (
        first_arrival(geometry.to_errors[0]),
        min(first_arrival(path) for path in geometry.secondary[0]),
    )
    return Scene(
        fs=fs,
        reference=reference,
        disturbance=pure + ambient,
        ambient=ambient,
        reference_noise=_white(
            scenario, "reference", reference[:, None], electronics.reference_snr_db
        )[:, 0],
        error_noise=_white(scenario, "error", pure, electronics.error_snr_db),
        primary_path=geometry.to_errors,
        secondary_path=secondary,
        primary_arrival=primary_arrival,
        lead_samples=primary_arrival - at_reference - late,
        anti_noise_samples=secondary_arrival + latency,
    )


def load_noise(name: str, fs: float, *, seconds: float, seed: int = 0) -> Floats:
    """Return a noise by the name of its kind, or from a recording.

    Parameters
    ----------
    name : str
        A kind of `antiphase.acoustics.noise`, or an audio file.
    fs : float
        Rate wanted, Hz.
    seconds : float
        Length at most.
    seed : int
        Of a generated noise.

    Returns
    -------
    ndarray, shape (n,)
        RMS 1; channels of a recording are averaged.

    Raises
    ------
    FileFormatError, SignalError
        If there is no such kind or file, or it is silent.
    """
    generated = "." not in name
    settings = NoiseSettings(kind=name) if generated else NoiseSettings(kind="recording", file=name)
    scenario = Scenario(
        title=name, paths=DuctPaths(), fs=fs, seconds=seconds, seed=seed, noise=settings
    )
    return _source(scenario, round(seconds * fs))


def _through(path: Floats, source: Floats) -> Floats:
    return np.asarray(signal.oaconvolve(source, path)[: len(source)])


def _seed(scenario: Scenario, purpose: str) -> int:
    """Return a seed of its own for each purpose, so that one more source changes no other."""
    return zlib.crc32(f"{scenario.seed} {purpose}".encode())


def _white(scenario: Scenario, purpose: str, like: Floats, snr_db: float) -> Floats:
    rng = np.random.default_rng(_seed(scenario, purpose))
    level = np.sqrt(np.mean(like**2, axis=0)) * 10 ** (-snr_db / 20)
    return np.asarray(rng.standard_normal(like.shape) * level)


def _find(scenario: Scenario, name: str) -> Path:
    """Return the path of a file of the scenario; ``bench:NAME`` is in bench-data."""
    prefix, _, rest = name.partition(":")
    if prefix == "bench" and rest:
        folder = find_bench_data()
        if folder is None:
            raise FileFormatError(
                f"{name} needs bench-data: set ANTIPHASE_BENCH_DATA to its folder"
            )
        return folder / rest
    return Path(scenario.folder) / name


def _source(scenario: Scenario, n: int) -> Floats:
    settings = scenario.noise
    if settings.kind != "recording":
        return _generated(scenario, settings, n)
    path = _find(scenario, settings.file)
    if path.suffix == ".npz":
        array = read_path(path, variable=settings.key or None)
        samples = resample(np.ravel(array.taps), array.fs, scenario.fs)
    else:
        samples, _ = read_audio(path, fs=scenario.fs)
        samples = samples if samples.ndim == 1 else samples.mean(axis=1)
    first = round(settings.start_s * scenario.fs)
    samples = samples[first : first + n]
    if not samples.any():
        raise SignalError(f"{settings.file} is silent or shorter than start_s={settings.start_s:g}")
    return np.asarray(samples / np.sqrt(np.mean(samples**2)))


def _generated(scenario: Scenario, settings: NoiseSettings, n: int) -> Floats:
    if settings.kind not in noise.KINDS:
        hint = nearest(settings.kind, [*noise.KINDS, "recording"])
        raise FileFormatError(f"noise.kind is {settings.kind!r}; {hint}")
    for key in settings.parameters:
        if key not in noise.parameters(settings.kind):
            hint = nearest(key, noise.parameters(settings.kind))
            raise FileFormatError(f"unknown key noise.{key} for {settings.kind!r}; {hint}")
    made = noise.make(
        settings.kind,
        n / scenario.fs,
        scenario.fs,
        seed=_seed(scenario, "noise"),
        **settings.parameters,
    )
    return np.asarray(made[:n], dtype=np.float64)


def _geometry(scenario: Scenario) -> _Geometry:
    layout, fs = scenario.paths, scenario.fs
    if isinstance(layout, MeasuredPaths):
        return _measured(scenario, layout)
    if isinstance(layout, DuctPaths):
        return _duct(layout, fs)
    if isinstance(layout, EarcupPaths):
        return _earcup(layout, fs)
    if isinstance(layout, FreeFieldPaths):
        return _free_field(layout, fs)
    return _room(layout, fs)


def _measured(scenario: Scenario, layout: MeasuredPaths) -> _Geometry:
    fs = scenario.fs
    primary, second = (
        read_path(_find(scenario, file), variable=key or None).resampled(fs)
        for file, key in (
            (layout.primary, layout.primary_key),
            (layout.secondary, layout.secondary_key),
        )
    )
    to_errors, secondary = np.atleast_2d(primary.taps), second.taps
    secondary = secondary.reshape((1,) * (3 - secondary.ndim) + secondary.shape)
    if to_errors.ndim != 2 or secondary.shape[0] != to_errors.shape[0]:
        raise SignalError(
            f"primary has shape {primary.taps.shape} and secondary {second.taps.shape}, but they "
            "must be [microphone, taps] and [microphone, loudspeaker, taps]"
        )
    return _Geometry(None, to_errors, secondary)


def _duct(layout: DuctPaths, fs: float) -> _Geometry:
    def path(source_m: float, receiver_m: float) -> Floats:
        return duct_path(
            fs,
            length_m=layout.length_m,
            source_m=source_m,
            receiver_m=receiver_m,
            reflections=(layout.source_reflection, layout.outlet_reflection),
            n_taps=layout.n_taps,
        )

    return _Geometry(
        path(0.0, layout.reference_m),
        path(0.0, layout.error_m)[None],
        path(layout.loudspeaker_m, layout.error_m)[None, None],
    )


def _earcup(layout: EarcupPaths, fs: float) -> _Geometry:
    primary, secondary = earcup_paths(
        fs,
        leak_hz=layout.leak_hz,
        outside_m=layout.outside_m,
        inside_m=layout.inside_m,
        resonance_hz=layout.resonance_hz,
        n_taps=layout.n_taps,
    )
    # The cup smears the pulse over a millisecond: its first arrival is known only from the way.
    arrivals = (layout.outside_m / SPEED * fs, layout.inside_m / SPEED * fs)
    return _Geometry(None, primary[None], secondary[None, None], arrivals)


def _free_field(layout: FreeFieldPaths, fs: float) -> _Geometry:
    ground = ASPHALT if layout.ground else None
    filtered = Converter(ANTI_ALIAS * fs)
    loudspeaker = Converter(ANTI_ALIAS * fs, highpass_hz=LOUDSPEAKER_HZ)

    def path(source: Position, receiver: Position, *chain: Converter) -> Floats:
        return free_field_path(
            source, receiver, fs, layout.n_taps, converters=chain, flow_resistivity=ground
        )

    return _Geometry(
        path(layout.source_m, layout.reference_m, filtered),
        np.stack([path(layout.source_m, error, filtered) for error in layout.errors_m]),
        np.stack(
            [
                [path(place, error, loudspeaker, filtered) for place in layout.loudspeakers_m]
                for error in layout.errors_m
            ]
        ),
    )


def _room(layout: RoomPaths, fs: float) -> _Geometry:
    def paths(sources: tuple[Position, ...], microphones: tuple[Position, ...]) -> Floats:
        return room_paths(
            layout.size_m, sources, microphones, fs, t60_s=layout.t60_s, n_taps=layout.n_taps
        ).taps

    from_source = paths((layout.source_m,), (layout.reference_m, *layout.errors_m))[:, 0]
    return _Geometry(from_source[0], from_source[1:], paths(layout.loudspeakers_m, layout.errors_m))
