"""Which sound devices there are."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from antiphase.devices.soundcard import catalogue
from antiphase.errors import MissingDependencyError, SignalError


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sounddevice, and without PortAudio, the message says what to install."""

    def fail(error: Exception) -> Any:  # noqa: ANN401 - raises
        def raiser(name: str) -> Any:  # noqa: ANN401 - raises
            raise error

        return raiser

    monkeypatch.setattr(importlib, "import_module", fail(ModuleNotFoundError("sounddevice")))
    with pytest.raises(MissingDependencyError, match="pip install sounddevice"):
        catalogue.load()
    monkeypatch.setattr(importlib, "import_module", fail(OSError("PortAudio library not found")))
    with pytest.raises(MissingDependencyError, match="apt install libportaudio2"):
        catalogue.load()


class Listed:
    """What the catalogue asks of sounddevice."""

    class default:  # noqa: N801 - as there
        """The system's choice."""

        device = (0, 1)

    def query_devices(self) -> list[dict[str, Any]]:
        names = (("USB microphone", 1, 0), ("Speakers", 0, 2), ("USB headset", 1, 2))
        return [
            {
                "index": k,
                "name": name,
                "hostapi": 0,
                "max_input_channels": inputs,
                "max_output_channels": outputs,
                "default_low_input_latency": 0.0213333,
                "default_samplerate": 48000.0,
            }
            for k, (name, inputs, outputs) in enumerate(names)
        ]

    def query_hostapis(self, index: int) -> dict[str, str]:
        return {"name": "JACK Audio Connection Kit"}


def test_devices_are_found_by_number_name_or_default() -> None:
    """A number, a part of a name, the default; the output is the input's device where it can be."""
    sd = Listed()
    find = catalogue.find_device
    assert find(sd, "2", "input", None)["name"] == "USB headset"
    assert find(sd, "headset", "output", None)["index"] == 2
    assert find(sd, None, "input", None)["index"] == 0
    assert find(sd, None, "output", 2)["index"] == 2
    assert find(sd, None, "output", 0)["index"] == 1
    with pytest.raises(SignalError, match="0 USB microphone, 2 USB headset"):
        find(sd, "speakers", "input", None)


def test_jack_s_period_is_the_block() -> None:
    """With blocks of JACK's own length nothing is re-blocked."""
    sd = Listed()
    assert catalogue.jack_period(sd, sd.query_devices()[0]) == 1024
