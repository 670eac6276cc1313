"""A scenario: everything that one simulation needs, as frozen value objects.

A scenario is one TOML file with the tables ``noise``, ``paths``, ``electronics``,
``identification`` and ``controller``; `docs/scenarios.md` lists every key. Built-in ones are such
files too, in the folder ``builtin`` beside this module.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from antiphase.errors import FileFormatError, ParameterError, require
from antiphase.files.bench_data import find_bench_data
from antiphase.simulation.layouts import PATH_KINDS, Paths
from antiphase.tables import build, nearest, read_toml

__all__ = [
    "BUILTIN",
    "ControllerSettings",
    "Electronics",
    "Identification",
    "NoiseSettings",
    "Scenario",
    "load_scenario",
    "parse_scenario",
]

BUILTIN = ("duct", "headset", "office", "road", "transformer", "window")


@dataclass(frozen=True, kw_only=True)
class NoiseSettings:
    """The noise, from a recording or a generator.

    Attributes
    ----------
    kind : str
        ``"recording"`` or a generator of `antiphase.acoustics.noise`: white, pink, band, engine …
    file : str
        The recording (WAV, FLAC, OGG, npz), relative to the scenario's folder; ``bench:NAME`` is a
        file of bench-data.
    key : str
        The array in an npz file.
    start_s : float
        Where in the recording to start, in s.
    parameters : dict
        Every other key of the table: parameters of the generator.
    """

    kind: str = "pink"
    file: str = ""
    key: str = ""
    start_s: float = 0.0
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(
            (self.kind == "recording") == bool(self.file),
            "noise.file",
            self.file,
            'given if, and only if, kind is "recording"',
        )
        require(self.start_s >= 0, "noise.start_s", self.start_s, "≥ 0")


@dataclass(frozen=True, kw_only=True)
class Electronics:
    """What converters, microphones and the surroundings add.

    Attributes
    ----------
    latency_ms : float
        Converters, buffers and processing between reference microphone and loudspeaker; part of
        the secondary path.
    reference_delay_ms : float
        Additional delay of the reference on its way to the controller, such as a network's.
    reference_snr_db, error_snr_db : float
        Level of the signal over the microphone's own noise, each relative to its own signal with
        control off.
    output_limit : float
        Where the loudspeaker saturates softly, in units of the drive; 0 is nowhere. The noise
        source has RMS 1.
    ambient_db : float
        Pink noise at the error microphones that the reference does not hear, relative to the
        disturbance; −200 is none.
    """

    latency_ms: float = 0.0
    reference_delay_ms: float = 0.0
    reference_snr_db: float = 40.0
    error_snr_db: float = 40.0
    output_limit: float = 0.0
    ambient_db: float = -200.0

    def __post_init__(self) -> None:
        require(self.latency_ms >= 0, "electronics.latency_ms", self.latency_ms, "≥ 0")
        delay = self.reference_delay_ms
        require(delay >= 0, "electronics.reference_delay_ms", delay, "≥ 0")
        require(self.output_limit >= 0, "electronics.output_limit", self.output_limit, "≥ 0")
        require(self.ambient_db <= 20, "electronics.ambient_db", self.ambient_db, "≤ 20")


@dataclass(frozen=True, kw_only=True)
class Identification:
    """How the secondary-path estimate is measured before control starts.

    Attributes
    ----------
    exact : bool
        Take the true path instead (only a simulation can).
    seconds : float
        Length of the white-noise measurement.
    snr_db : float
        Level of the measured response over the noise in it.
    n_taps : int
        Length of the estimate; 0 takes the path's own length.
    """

    exact: bool = False
    seconds: float = 5.0
    snr_db: float = 20.0
    n_taps: int = 0

    def __post_init__(self) -> None:
        require(self.seconds > 0, "identification.seconds", self.seconds, "> 0")
        require(self.n_taps >= 0, "identification.n_taps", self.n_taps, "≥ 0")


@dataclass(frozen=True, kw_only=True)
class ControllerSettings:
    """The controller.

    Attributes
    ----------
    kind : str
        A controller class of `antiphase.adaptive`, or ``module:Class`` for one of your own.
    n_taps : int
        Length of the control filter.
    guard : bool
        Whether the guard (limits, watchdog, roll-back, mute) watches over it.
    parameters : dict
        Every other key of the table: arguments of the class.
    """

    kind: str = "ModifiedFxAP"
    n_taps: int = 512
    guard: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(self.n_taps >= 1, "controller.n_taps", self.n_taps, "at least 1")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One simulation, fully described.

    Attributes
    ----------
    title, about : str
        A name for people and a few sentences.
    fs : float
        Control rate in Hz.
    seconds : float
        Length of the run.
    seed : int
        Of everything random.
    generated : bool
        The noise and the paths stand in for recordings that are not here.
    noise, paths, electronics, identification, controller
        The tables of the file.
    folder : str
        Where relative file names start.
    """

    title: str
    paths: Paths
    about: str = ""
    fs: float = 8000.0
    seconds: float = 10.0
    seed: int = 0
    generated: bool = False
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    electronics: Electronics = field(default_factory=Electronics)
    identification: Identification = field(default_factory=Identification)
    controller: ControllerSettings = field(default_factory=ControllerSettings)
    folder: str = "."

    def __post_init__(self) -> None:
        whole = self.fs.is_integer()
        require(
            whole and 1000 <= self.fs <= 192000, "fs", self.fs, "a whole rate, 1000 … 192000 Hz"
        )
        require(0 < self.seconds <= 36000, "seconds", self.seconds, "in (0, 36000]")
        require(self.seed >= 0, "seed", self.seed, "≥ 0")


def load_scenario(name: str | Path, changes: Mapping[str, Any] | None = None) -> Scenario:
    """Return a built-in scenario by name or one from a TOML file.

    Parameters
    ----------
    name : str or Path
        One of `BUILTIN`, or a file. ``duct`` is the measured duct with a recorded drill where
        bench-data is found, else ``duct-generated``.
    changes : mapping, optional
        Dotted keys and their new values, such as ``{"controller.mu": 0.1}``. A new
        ``controller.kind`` keeps ``n_taps`` and ``guard`` and drops the other keys of the table.

    Raises
    ------
    FileFormatError
        If there is no such scenario, or the file has unknown or missing keys or bad values.
    """
    path = Path(name)
    if path.suffix != ".toml":
        names = [file.stem for file in (Path(__file__).parent / "builtin").glob("*.toml")]
        if str(name) not in [*BUILTIN, *names]:
            hint = nearest(str(name), BUILTIN)
            raise FileFormatError(f"no scenario is called {str(name)!r}; {hint}")
        stem = str(name)
        if stem == "duct":
            stem = "duct-generated" if find_bench_data() is None else "duct-measured"
        path = Path(__file__).parent / "builtin" / f"{stem}.toml"
    table = read_toml(path)
    # Kinds first: a new kind takes none of the parameters that the file has for the old one.
    for key, value in sorted((changes or {}).items(), key=lambda item: not _is_kind(item[0])):
        _change(table, key, value)
    try:
        return parse_scenario(table, folder=str(path.parent))
    except (FileFormatError, ParameterError) as error:
        raise FileFormatError(f"{path.name}: {error}") from error


def parse_scenario(table: Mapping[str, Any], *, folder: str = ".") -> Scenario:
    """Return the scenario that nested tables describe.

    Parameters
    ----------
    table : mapping
        As read from TOML.
    folder : str
        Where relative file names start.

    Raises
    ------
    FileFormatError
        If a key is unknown or missing, or of the wrong type.
    ParameterError
        If a value is out of its range.
    """
    table = dict(table)
    for name in ("noise", "controller"):
        table[name] = _with_parameters(name, _table(table, name))
    paths = dict(_table(table, "paths"))
    kind = str(paths.pop("kind", ""))
    if kind not in PATH_KINDS:
        raise FileFormatError(f"paths.kind is {kind!r}; {nearest(kind, PATH_KINDS)}")
    built = build(PATH_KINDS[kind], paths, "paths")
    return build(Scenario, {**table, "paths": built, "folder": folder})


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, Mapping):
        raise FileFormatError(f"{name} is {value!r} but must be a table: write [{name}]")
    return value


def _with_parameters(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """Move the keys that the table's class does not know into its `parameters`."""
    cls = {"noise": NoiseSettings, "controller": ControllerSettings}[name]
    known = {f.name for f in dataclasses.fields(cls)} - {"parameters"}
    own = {key: value for key, value in table.items() if key in known}
    return {**own, "parameters": {k: v for k, v in table.items() if k not in known}}


def _is_kind(key: str) -> bool:
    return key.endswith(".kind")


def _change(table: dict[str, Any], key: str, value: object) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        inner = table.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise FileFormatError(f"{key}: {parent} is not a table")
        table = inner
    if _is_kind(key) and table.get(last) != value:
        keep = ("n_taps", "guard") if parents == ["controller"] else ()
        for old in [name for name in table if name not in keep]:
            del table[old]
    table[last] = value
