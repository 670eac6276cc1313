"""The plant of a rig: it never ends and never waits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase import _native
from antiphase.adaptive import Controller
from antiphase.adaptive.seam import native_core
from antiphase.arrays import as_signal
from antiphase.devices.rig.sounds import LoopedSound
from antiphase.errors import SignalError, require

__all__ = ["RigPlant"]

Floats = npt.NDArray[np.float64]

_SOFT = 1


class RigPlant:
    """One loudspeaker, one error microphone, and noises that repeat for ever.

    ``e = d + s∗sat(y)``; the microphones' own noise is added to what they report, not to the
    sound. A path or the disturbance may change at any frame to come.

    Parameters
    ----------
    reference : LoopedSound
        What the device's own reference microphone hears.
    disturbance : LoopedSound
        Noise at the error microphone with control off, ambient included.
    secondary_path : array_like, shape (taps,)
        The true S.
    error_noise_rms : float
        White noise of the error microphone, ≥ 0.
    limit : float
        Largest drive of the loudspeaker (soft saturation), > 0.
    longest_path : int
        Taps that a later path may have; at least as many as S has now.
    seed : int
        Of the microphone's noise.
    """

    def __init__(
        self,
        reference: LoopedSound,
        disturbance: LoopedSound,
        secondary_path: npt.ArrayLike,
        *,
        error_noise_rms: float = 0.0,
        limit: float = 1.0,
        longest_path: int = 2048,
        seed: int = 0,
    ) -> None:
        path = as_signal("secondary_path", secondary_path, channels=1)
        require(error_noise_rms >= 0, "error_noise_rms", error_noise_rms, "≥ 0")
        require(limit > 0, "limit", limit, "> 0")
        self._longest = max(longest_path, len(path))
        self._core = _native.Plant(
            1, path[None, None, :].astype(np.float64), None, _SOFT, limit, 0, self._longest
        )
        self._reference = reference
        self._disturbances: list[tuple[int, int, LoopedSound]] = [(0, 0, disturbance)]
        self._noise_rms = error_noise_rms
        self._rng = np.random.default_rng([seed, 0xE44])

    @property
    def frame(self) -> int:
        """Frames played so far."""
        return int(self._core.frame)

    def move(
        self,
        *,
        secondary_path: npt.ArrayLike | None = None,
        disturbance: LoopedSound | None = None,
        fade: int = 160,
    ) -> None:
        """From now on another S, another disturbance, or both.

        Parameters
        ----------
        secondary_path : array_like, shape (taps,), optional
        disturbance : LoopedSound, optional
        fade : int
            Frames of cross-fade, ≥ 0.

        Raises
        ------
        SignalError
            If the path is longer than the plant has room for.
        """
        require(fade >= 0, "fade", fade, "at least 0")
        if secondary_path is not None:
            path = as_signal("secondary_path", secondary_path, channels=1)
            if len(path) > self._longest:
                raise SignalError(f"a path of {len(path)} taps is longer than {self._longest}")
            self._core.add_change(self.frame, fade, path[None, None, :].astype(np.float64))
        if disturbance is not None:
            self._disturbances.append((self.frame, fade, disturbance))

    def disturbance(self, first: int, n: int) -> Floats:
        """Return what the error microphone would hear with control off."""
        sound = self._disturbances[0][2].take(first, n)
        for at, fade, later in self._disturbances[1:]:
            if first + n > at:
                gain = np.clip((np.arange(first, first + n) - at + 1) / (fade + 1), 0.0, 1.0)
                sound = (1 - gain) * sound + gain * later.take(first, n)
        return sound

    def reference(self, first: int, n: int) -> Floats:
        """Return what the device's own reference microphone hears."""
        return self._reference.take(first, n)

    def exchange(self, drive: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Play a block of drives.

        Parameters
        ----------
        drive : array_like, shape (n,)

        Returns
        -------
        reference : ndarray, shape (n,)
        error : ndarray, shape (n,)
            As the microphone reports it.
        sound : ndarray, shape (n,)
            The true e, without the microphone's noise.
        """
        y = as_signal("drive", drive, channels=1)
        n = len(y)
        x = self.reference(self.frame, n)
        d = self.disturbance(self.frame, n)
        reference, sound = np.empty((n, 1)), np.empty((n, 1))
        self._core.exchange(y[:, None], x[:, None], d[:, None], None, None, reference, sound)
        return reference[:, 0], sound[:, 0] + self._noise(n), sound[:, 0]

    def advance(
        self, controller: Controller, n: int, *, reference: Floats | None = None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Let a controller on the device drive the loudspeaker, sample by sample.

        Parameters
        ----------
        controller : Controller
        n : int
            Frames, ≥ 1.
        reference : ndarray, shape (n,), optional
            What it is given instead of the device's own reference microphone.

        Returns
        -------
        reference, error, sound, drive : ndarray, shape (n,)
        """
        core = native_core(controller, references=1, loudspeakers=1, errors=1)
        x = self.reference(self.frame, n) if reference is None else reference
        d, noise = self.disturbance(self.frame, n), self._noise(n)
        heard, drive, sound = (np.empty((n, 1)) for _ in range(3))
        block = min(n, int(self._core.exact_block))
        inputs = (np.ascontiguousarray(x)[:, None], d[:, None], None, noise[:, None])
        _native.run_loop(core, self._core, block, *inputs, heard, drive, sound)
        return heard[:, 0], sound[:, 0] + noise, sound[:, 0], drive[:, 0]

    def _noise(self, n: int) -> Floats:
        noise: Floats = self._noise_rms * self._rng.standard_normal(n)
        return noise
