"""Which sound devices there are: PortAudio through the optional package `sounddevice`."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from antiphase.errors import MissingDependencyError, SignalError

__all__ = [
    "DeviceInfo",
    "find_device",
    "hold",
    "jack_period",
    "list_devices",
    "load",
    "quiet",
    "release",
]

_RATES = (16000, 32000, 44100, 48000, 96000)


@dataclass(frozen=True)
class DeviceInfo:
    """A sound device.

    Attributes
    ----------
    index : int
        As `--input` and `--output` take it.
    name, host_api : str
    inputs, outputs : int
        Channels.
    default_rate : float
        Hz.
    rates : tuple of int
        Those of 16, 32, 44.1, 48 and 96 kHz that it opens with.
    input_latency_ms, output_latency_ms : float
        Of its buffers, as the driver says it; 0 where it says nothing.
    default : str
        "input", "output", "input and output" or "".
    """

    index: int
    name: str
    host_api: str
    inputs: int
    outputs: int
    default_rate: float
    rates: tuple[int, ...]
    input_latency_ms: float
    output_latency_ms: float
    default: str


def load() -> Any:  # noqa: ANN401 - a module
    """Return the module `sounddevice`.

    Raises
    ------
    MissingDependencyError
        If it or PortAudio is missing; one line says what to install.
    """
    try:
        with quiet():
            return importlib.import_module("sounddevice")
    except ImportError:
        raise MissingDependencyError(
            "sounddevice is missing: python -m pip install sounddevice"
        ) from None
    except OSError:
        raise MissingDependencyError(
            "PortAudio is missing: apt install libportaudio2 (Debian, Raspberry Pi OS) or "
            "brew install portaudio"
        ) from None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' own words about devices that they fail to open off the terminal."""
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nothing)
        os.close(kept)


def release(sd: Any) -> None:  # noqa: ANN401
    """Let go of all devices and servers: PortAudio looks at them only when it starts."""
    with quiet(), contextlib.suppress(sd.PortAudioError):
        sd._terminate()  # noqa: SLF001 - the documented way


def hold(sd: Any) -> None:  # noqa: ANN401
    """Look at the devices there are now."""
    with quiet(), contextlib.suppress(sd.PortAudioError):
        sd._initialize()  # noqa: SLF001 - the documented way


def list_devices() -> list[DeviceInfo]:
    """Return all sound devices.

    Raises
    ------
    MissingDependencyError
        If sounddevice or PortAudio is missing.
    """
    sd = load()
    apis = sd.query_hostapis()
    first, second = sd.default.device
    found = []
    for each in sd.query_devices():
        index, inputs, outputs = (
            int(each[key]) for key in ("index", "max_input_channels", "max_output_channels")
        )
        defaults = [n for n, k in (("input", first), ("output", second)) if k == index]
        found.append(
            DeviceInfo(
                index,
                str(each["name"]),
                str(apis[each["hostapi"]]["name"]),
                inputs,
                outputs,
                float(each["default_samplerate"]),
                tuple(rate for rate in _RATES if _opens(sd, index, inputs, outputs, rate)),
                _milliseconds(each["default_low_input_latency"]),
                _milliseconds(each["default_low_output_latency"]),
                " and ".join(defaults),
            )
        )
    return found


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 2) if 0 < seconds < 10 else 0.0


def _opens(sd: Any, index: int, inputs: int, outputs: int, rate: int) -> bool:  # noqa: ANN401
    try:
        with quiet():
            if inputs:
                sd.check_input_settings(device=index, channels=1, samplerate=rate)
            if outputs:
                sd.check_output_settings(device=index, channels=1, samplerate=rate)
    except (sd.PortAudioError, ValueError):
        return False
    return bool(inputs or outputs)


def find_device(sd: Any, wish: str | None, side: str, other: int | None) -> Any:  # noqa: ANN401
    """Return the device that a wish names.

    Raises
    ------
    SignalError
        If there is none, for now.
    """
    key = f"max_{side}_channels"
    devices = [d for d in sd.query_devices() if d[key] > 0]
    if wish is None:
        default = sd.default.device[side == "output"]
        chosen = [d for d in devices if d["index"] == other] or [
            d for d in devices if d["index"] == default
        ]
    elif wish.isdigit():
        chosen = [d for d in devices if d["index"] == int(wish)]
    else:
        chosen = [d for d in devices if d["name"] == wish] or [
            d for d in devices if wish.lower() in d["name"].lower()
        ]
    if not chosen:
        names = ", ".join(f"{d['index']} {d['name']}" for d in devices) or "none"
        raise SignalError(f"no {side} device {wish or '(default)'}; there are: {names}")
    return chosen[0]


def jack_period(sd: Any, device: Any) -> int:  # noqa: ANN401
    """Return the frames per block of the JACK server a device belongs to, 0 elsewhere.

    With blocks of another length PortAudio re-blocks, and its lag moves at each overflow.
    """
    api = device["hostapi"]
    if "JACK" not in str(sd.query_hostapis(api)["name"]):
        return 0
    rate = device["default_samplerate"]
    known = (d["default_low_input_latency"] for d in sd.query_devices() if d["hostapi"] == api)
    return max((round(s * rate) for s in known if 0 < s < 1), default=0)
