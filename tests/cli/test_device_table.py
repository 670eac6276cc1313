"""The terminal's view of a sound card's device."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console, RenderableType

from antiphase.cli.device_table import device_line, device_list, device_view
from antiphase.devices.soundcard.catalogue import DeviceInfo

STATUS: dict[str, Any] = {
    "state": "running",
    "doing": "",
    "mode": "local",
    "muted": False,
    "control": True,
    "attenuation_db": {"estimated": 21.0, "measured": 19.5, "bound": 24.0},
    "level_dbfs": -51.3,
    "guard": "active",
    "latency_ms": 31.2,
    "verdict": "Up to 24.0 dB [here].",
    "xruns": 3,
    "late_blocks": 2,
    "dropped_blocks": 1,
    "messages_dropped": 7,
    "reopened": 4,
    "identified": 5,
    "why": "",
}


def shown(what: RenderableType) -> str:
    file = io.StringIO()
    Console(file=file, width=200).print(what)
    return file.getvalue()


def test_the_view_has_all_that_matters() -> None:
    """Attenuation, bound, level, round trip, every count, verdict, keys, the server's figures."""
    text = shown(device_view(STATUS, {"mode": "local", "attenuation_db": {"estimated": 18.0}}))
    for words in ("19.5 dB", "21.0 dB", "24.0 dB", "-51.3 dBFS", "31.2 ms", "[here]", "18.0 dB"):
        assert words in text
    for words in ("xruns 3", "late blocks 2", "dropped blocks 1", "reopened 4", "m mutes"):
        assert words in text


def test_the_state_is_in_words() -> None:
    """Muted comes first, then what is measured, then the switch."""
    assert device_line({**STATUS, "muted": True}).startswith("muted:")
    measuring = {**STATUS, "state": "measuring", "doing": "sweep at -22 dB", "level_dbfs": None}
    assert "measuring: sweep at -22 dB" in device_line(measuring)
    assert "–" in shown(device_view({**measuring, "latency_ms": None, "verdict": None}, {}))
    assert "control off" in device_line({**STATUS, "control": False})
    assert "19.5 dB quieter" in device_line(STATUS)


def test_why_nothing_is_cancelled_is_said() -> None:
    """In the line behind the decibels and as a row of the view; neither where control works."""
    muted = {**STATUS, "why": "muted by the guard [for now]"}
    assert "19.5 dB quieter than with control off (muted by the guard [for now])" in device_line(
        muted
    )
    assert "muted by the guard [for now]" in shown(device_view(muted, {}))
    assert "why" not in shown(device_view(STATUS, {}))


def test_devices_are_a_table() -> None:
    """Number, name, host API, channels, rates, latency, default."""
    usb = DeviceInfo(2, "USB [mic]", "ALSA", 1, 0, 48e3, (44100, 48000), 8.7, 0.0, "input")
    text = shown(device_list([usb, DeviceInfo(3, "none", "ALSA", 0, 0, 0.0, (), 0.0, 0.0, "")]))
    for words in ("USB [mic]", "ALSA", "44.1, 48", "8.7 / 0.0 ms", "default input", "none"):
        assert words in text
