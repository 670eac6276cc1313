"""The rig's scenes: road, transformer, drill, office, plain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from antiphase.acoustics import StreetScene, noise
from antiphase.acoustics.paths import distance_m
from antiphase.acoustics.room import room_paths
from antiphase.devices.rig.scene import Change, DeviceSpec, RigScene
from antiphase.devices.rig.sounds import LoopedSound, seamless, through
from antiphase.errors import require
from antiphase.identify import ExponentialSweep, identify_sweep
from antiphase.realtime import RoleBinding
from antiphase.simulation import ExponentialJitter, IndependentLoss, Link

__all__ = ["SCENES", "identify_in_quiet", "make_scene", "spoil_estimate"]

Floats = npt.NDArray[np.float64]
Point = tuple[float, float, float]

SCENES = ("road", "transformer", "drill", "office", "plain")

# RMS at the error microphone re full scale: 26 dB of headroom for vehicles that pass and blows.
LEVEL = 0.05
_PERIOD_S = 120.0
_OVERLAP_S = 0.5
_AMBIENT_DB = -30.0
_MICROPHONE_DB = -50.0
_PATH_TAPS = 256


@dataclass(frozen=True)
class _Layout:
    """What makes an outdoor scene its own."""

    title: str
    mode: str
    noise: str
    about: str
    source: Point
    reference: Point
    error: Point
    loudspeaker: Point
    together: bool = False
    filters: bool = True


_OUTDOORS = {
    "road": _Layout(
        "Road barrier",
        "split",
        "traffic",
        "traffic; the reference stands at the kerb, 20 m ahead of the listener",
        (0.0, 0.0, 0.5),
        (0.5, 0.0, 0.5),
        (20.0, 0.0, 1.2),
        (19.22, 0.0, 1.17),
    ),
    "transformer": _Layout(
        "Transformer",
        "predictive",
        "hum",
        "mains hum; the reference is no closer to the transformer than the listener",
        (0.0, 0.0, 1.5),
        (0.0, 10.0, 1.2),
        (10.0, 0.0, 1.5),
        (9.3, 0.0, 1.5),
    ),
    "drill": _Layout(
        "Construction site",
        "split",
        "drill",
        "a drill; one device with a reference microphone on a cable",
        (0.0, 0.0, 1.0),
        (0.5, 0.0, 1.0),
        (12.0, 0.0, 1.2),
        (11.22, 0.0, 1.19),
        together=True,
    ),
    "plain": _Layout(
        "Plain loudspeaker at the road",
        "lookahead",
        "traffic",
        "traffic; the loudspeaker runs no filter, the server makes the anti-noise",
        (0.0, 0.0, 0.5),
        (0.5, 0.0, 0.5),
        (20.0, 0.0, 1.2),
        (19.22, 0.0, 1.17),
        filters=False,
    ),
}


def make_scene(
    name: str,
    *,
    seconds: float | None = None,
    seed: int = 0,
    fs: int = 8000,
    drift_ppm: float = 20.0,
    delay_ms: float = 5.0,
    jitter_ms: float = 1.0,
    loss: float = 0.01,
    kind: str | None = None,
    margin_ms: float | None = None,
    frame_ms: float = 5.0,
) -> RigScene:
    """Return a scene; the same for the same arguments.

    Parameters
    ----------
    name : {"road", "transformer", "drill", "office", "plain"}
    seconds : float, optional
        Period of the noises, 120 by default; they repeat without a seam.
    seed : int
        Of noises, microphones and network.
    fs : int
        Control rate, Hz.
    drift_ppm : float
        Between the clock of the loudspeaker's (or talker's) device and the reference's; half of it
        each against true time.
    delay_ms, jitter_ms : float
        Least delay each way, and the mean of the exponential jitter on top.
    loss : float
        Share of media packets lost each way, in [0, 1).
    kind : str, optional
        Another noise than the scene's, see `acoustics.noise`.
    margin_ms : float, optional
        For scenes whose device has the reference on a cable: hold the reference back until this
        causality margin is left. Space gives the most.
    frame_ms : float
        Packet length of the devices.

    Returns
    -------
    RigScene

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """
    require(name in SCENES, "name", name, f"one of {', '.join(SCENES)}")
    period = _PERIOD_S if seconds is None else seconds
    require(period >= 2, "seconds", period, "at least 2 s")
    require(0 <= loss < 1, "loss", loss, "in [0, 1)")
    jitter = ExponentialJitter(jitter_ms)
    network = {"link": Link(delay_ms, jitter, IndependentLoss(loss)), "seed": seed}
    half = drift_ppm / 2
    make = _Maker(fs, period, seed)
    if name == "office":
        return _office(make, half, kind or "fan", frame_ms, network)
    return _outdoors(make, name, half, kind, margin_ms, frame_ms, network)


@dataclass(frozen=True)
class _Maker:
    """Makes sounds of one period."""

    fs: int
    period_s: float
    seed: int

    @property
    def n(self) -> int:
        return round(self.period_s * self.fs)

    def noise(self, kind: str, purpose: int = 0) -> Floats:
        """Return one period of a noise of unit RMS, without a seam."""
        made = noise.make(kind, self.period_s + _OVERLAP_S, self.fs, self.seed + 7919 * purpose)
        looped = seamless(made, len(made) - self.n)
        level = _rms(looped)
        return looped / level

    def white(self, purpose: int, rms: float) -> Floats:
        """Return one period of a microphone's noise."""
        return rms * np.random.default_rng([self.seed, purpose]).standard_normal(self.n)


def _rms(x: Floats) -> float:
    return float(np.sqrt(np.mean(x**2)))


def _db(level_db: float) -> float:
    return float(10 ** (level_db / 20))


def _outdoors(
    make: _Maker,
    name: str,
    half_ppm: float,
    kind: str | None,
    margin_ms: float | None,
    frame_ms: float,
    network: dict[str, Any],
) -> RigScene:
    layout = _OUTDOORS[name]
    places = (layout.source, layout.reference, layout.error, layout.loudspeaker)
    street = StreetScene(float(make.fs), *places)
    most = street.margin().margin_ms
    held_ms = 0.0
    if margin_ms is not None:
        require(layout.together, "margin_ms", margin_ms, f"left out: {name} has no cable")
        held_ms = street.electronics_for(margin_ms)
    emitted = make.noise(kind or layout.noise)
    gain = LEVEL / _rms(through(emitted, street.disturbance_path))
    emitted *= gain
    heard = through(emitted, street.reference_path(held_ms))
    # The reference microphone has a gain of its own.
    heard *= 2 * LEVEL / _rms(heard)
    heard += make.white(1, 2 * LEVEL * _db(_MICROPHONE_DB))
    ambient = make.noise("pink", 1) * LEVEL * _db(_AMBIENT_DB)
    disturbance = through(emitted, street.disturbance_path) + ambient
    noise_rms = LEVEL * _db(_MICROPHONE_DB)
    moved = _moved(street, layout)
    return RigScene(
        name=name,
        title=layout.title,
        mode=layout.mode,
        fs=make.fs,
        geometry=_geometry(layout, kind or layout.noise),
        devices=_outdoor_devices(layout, half_ppm, frame_ms),
        reference=LoopedSound(heard),
        disturbance=LoopedSound(disturbance),
        speech=None,
        secondary_path=street.secondary_path,
        secondary_path_estimate=identify_in_quiet(
            street.secondary_path, make.fs, noise_rms=noise_rms + ambient.std(), seed=make.seed
        ),
        error_noise_rms=noise_rms,
        lead_ms=most - held_ms,
        changes={
            "primary": Change(LoopedSound(through(emitted, moved.disturbance_path) + ambient)),
            "secondary": Change(secondary_path=moved.secondary_path),
        },
        **network,
    )


def _moved(street: StreetScene, layout: _Layout) -> StreetScene:
    """Return the scene with the error microphone 20 cm further from the loudspeaker."""
    x, y, z = layout.error
    return StreetScene(
        street.fs, layout.source, layout.reference, (x + 0.2, y, z), layout.loudspeaker
    )


def _geometry(layout: _Layout, kind: str) -> dict[str, Any]:
    places = {
        name: list(getattr(layout, name))
        for name in ("source", "reference", "error", "loudspeaker")
    }
    lead_m = distance_m(layout.source, layout.error) - distance_m(layout.source, layout.reference)
    return {**places, "noise": kind, "about": layout.about, "lead_m": round(lead_m, 2)}


def _outdoor_devices(layout: _Layout, half_ppm: float, frame_ms: float) -> tuple[DeviceSpec, ...]:
    speaks = (RoleBinding("error", "0"), RoleBinding("loudspeaker", "0"))
    if layout.together:
        roles = (RoleBinding("reference", "data"), *speaks)
        return (DeviceSpec("barrier", roles, -half_ppm, frame_ms),)
    return (
        DeviceSpec("kerb", (RoleBinding("reference", "0"),), half_ppm, frame_ms),
        DeviceSpec("window", speaks, -half_ppm, frame_ms, layout.filters),
    )


_ROOM: Point = (5.0, 4.0, 2.7)
_FAN: Point = (0.4, 2.0, 2.3)
_AT_FAN: Point = (0.6, 2.0, 2.3)
_TALKER: Point = (3.6, 2.0, 1.2)
_AT_TALKER: Point = (3.9, 2.0, 1.2)
_ROOM_TAPS = 2048


def _office(
    make: _Maker, half_ppm: float, kind: str, frame_ms: float, network: dict[str, Any]
) -> RigScene:
    paths = room_paths(
        _ROOM, (_FAN, _TALKER), (_AT_FAN, _AT_TALKER), float(make.fs), t60_s=0.25, n_taps=_ROOM_TAPS
    ).taps
    fan, talk = (
        make.noise(kind),
        make.noise("babble", 2) if kind != "babble" else make.noise("pink"),
    )
    speech = through(talk, paths[1, 1])
    scale = LEVEL / _rms(speech)
    heard = through(fan, paths[0, 1])
    level = LEVEL / _rms(heard)
    at_fan = level * through(fan, paths[0, 0]) + scale * through(talk, paths[1, 0])
    gain = 2 * LEVEL / _rms(at_fan)
    at_fan = gain * at_fan + make.white(1, 2 * LEVEL * _db(_MICROPHONE_DB))
    quiet = LEVEL * _db(_MICROPHONE_DB)
    lead_m = distance_m(_FAN, _AT_TALKER) - distance_m(_FAN, _AT_FAN)
    geometry = {
        "source": list(_FAN),
        "reference": list(_AT_FAN),
        "talker": list(_TALKER),
        "error": list(_AT_TALKER),
        "room": list(_ROOM),
        "noise": kind,
        "about": "a talker at a desk and a fan; the listener hears the talker without the fan",
        "lead_m": round(lead_m, 2),
    }
    return RigScene(
        name="office",
        title="Open-plan desk",
        mode="clean",
        fs=make.fs,
        geometry=geometry,
        devices=(
            DeviceSpec("desk", (RoleBinding("talker", "0"),), -half_ppm, frame_ms),
            DeviceSpec("fan", (RoleBinding("reference", "0"),), half_ppm, frame_ms),
            DeviceSpec("colleague", (RoleBinding("listener", "0"),), 0.0, frame_ms),
        ),
        reference=LoopedSound(at_fan),
        disturbance=LoopedSound(level * heard + make.white(3, quiet)),
        speech=LoopedSound(scale * speech),
        secondary_path=np.zeros(1),
        secondary_path_estimate=np.zeros(1),
        error_noise_rms=0.0,
        lead_ms=lead_m / 0.3432,
        **network,
    )


def identify_in_quiet(
    secondary_path: Floats, fs: int, *, noise_rms: float, seed: int = 0, n_taps: int = _PATH_TAPS
) -> Floats:
    """Return Ŝ from a sweep of 2 s that is as loud as the noise will be, before it starts.

    Parameters
    ----------
    secondary_path : ndarray, shape (taps,)
        The true S.
    fs : int
        Hz.
    noise_rms : float
        Of microphone and ambient together.
    seed : int
    n_taps : int
        Taps kept.

    Returns
    -------
    ndarray, shape (n_taps,)
    """
    # Up to the Nyquist frequency: Ŝ has to hold wherever the control filter has gain.
    sweep = ExponentialSweep(float(fs), seconds=2.0, high_hz=fs / 2 - 1)
    level = math.sqrt(2) * LEVEL
    played = np.pad(level * sweep.samples, (0, 2 * n_taps + len(secondary_path)))
    heard = np.convolve(played, secondary_path)[: len(played)]
    rng = np.random.default_rng([seed, 0x5EE9])
    recorded = heard + noise_rms * rng.standard_normal(len(heard))
    return identify_sweep(sweep, recorded / level, n_taps).taps


def spoil_estimate(estimate: Floats, error_db: float, seed: int = 0) -> Floats:
    """Return Ŝ with a random error of so much energy re its own, dB.

    The error decays as Ŝ does, so that it looks like a path that has changed, not like noise.
    """
    rng = np.random.default_rng([seed, 0x5B01])
    envelope = np.sqrt(np.convolve(estimate**2, np.ones(9) / 9, mode="same"))
    error = envelope * rng.standard_normal(len(estimate))
    error *= _db(error_db) * _rms(estimate) / max(_rms(error), 1e-30)
    return estimate + error
