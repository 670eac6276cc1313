"""The device at the other end of `clean`: hears the talker and knows what he said."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, linalg

from antiphase.devices.rig.device import Place, RigDevice
from antiphase.media.dtls import Certificate

__all__ = ["Listener", "SpeechFigures", "speech_figures"]

Floats = npt.NDArray[np.float64]

_JUDGED_S = 2.0
_TAPS = 33
_TRUTH_S = 1.0
_LONGEST_S = 0.5


@dataclass(frozen=True)
class SpeechFigures:
    """What became of a talker.

    Attributes
    ----------
    snr_db : float
        Talker over everything else, as heard.
    level_db : float
        The talker's own level re how his microphone heard it.
    lag : int
        Samples by which he is heard later.
    """

    snr_db: float
    level_db: float
    lag: int


def speech_figures(heard: Floats, speech: Floats, longest_lag: int) -> SpeechFigures:
    """Split what is heard into the talker (through a short filter) and the rest.

    Parameters
    ----------
    heard : ndarray, shape (n,)
    speech : ndarray, shape (n,)
        What was said, on the same clock; `heard` may be later by up to `longest_lag`.
    longest_lag : int
        Samples, < n / 2.
    """
    size = fft.next_fast_len(len(heard) + longest_lag, real=True)
    cross = fft.irfft(fft.rfft(heard, size) * np.conj(fft.rfft(speech, size)), size)
    lag = int(np.argmax(np.abs(cross[: longest_lag + 1])))
    half = _TAPS // 2
    first = max(lag + half, 0)
    rows = np.arange(first, len(heard))
    columns = rows[:, None] - lag - np.arange(-half, half + 1)[None, :]
    inside = (columns >= 0) & (columns < len(speech))
    said = np.where(inside, speech[np.clip(columns, 0, len(speech) - 1)], 0.0)
    gram = said.T @ said
    gram[np.diag_indices_from(gram)] *= 1 + 1e-6
    talker = said @ linalg.solve(gram, said.T @ heard[rows], assume_a="pos")
    rest = heard[rows] - talker
    energy = float(talker @ talker)
    own = float(np.sum(speech[np.clip(rows - lag, 0, len(speech) - 1)] ** 2))
    return SpeechFigures(
        10 * math.log10(max(energy, 1e-30) / max(float(rest @ rest), 1e-30)),
        10 * math.log10(max(energy, 1e-30) / max(own, 1e-30)),
        lag,
    )


class Listener(RigDevice):
    """Hears the session's sound; tells by how much the talker stands out more than before.

    Parameters
    ----------
    place : Place
    certificate : Certificate, optional
    """

    def __init__(self, place: Place, *, certificate: Certificate | None = None) -> None:
        super().__init__(place, direction="recvonly", certificate=certificate)
        self._heard: list[Floats] = []
        self._last: int | None = None
        self._since = 0
        self.figures: SpeechFigures | None = None
        self.gain_db: float | None = None
        """By how much the talker stands out more than at his microphone, dB."""

    def hear(self, mid: str, pcm: Floats, timestamp: int, now: float) -> None:
        """Keep the newest seconds; a lost frame is silence."""
        del mid
        if self._last is not None and 0 < timestamp - self._last <= self.fs:
            self._heard.append(np.zeros(timestamp - self._last))
        self._last = timestamp + len(pcm)
        self._heard.append(np.asarray(pcm, np.float64))
        self._since += len(pcm)
        if self._since >= _TRUTH_S * self.fs:
            self._since = 0
            self._judge(now)

    def _judge(self, now: float) -> None:
        scene = self.place.scene
        n = round(_JUDGED_S * self.fs)
        heard = np.concatenate(self._heard)[-n:]
        self._heard = [heard]
        if scene.speech is None or len(heard) < n:
            return
        end = math.floor(self.place.scene_clock.count(now))
        speech = scene.speech.take(end - n, n)
        figures = speech_figures(heard, speech, round(_LONGEST_S * self.fs))
        before = float(np.sum(speech**2)) / float(np.sum(scene.disturbance.take(end - n, n) ** 2))
        self.figures = figures
        self.gain_db = figures.snr_db - 10 * math.log10(max(before, 1e-30))
        self.say({"type": "truth", "nr_db": round(self.gain_db, 3)})
