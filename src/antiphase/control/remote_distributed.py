"""Several devices whose loudspeakers hear each other, solved for together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.adaptive import LeastSquaresSolver
from antiphase.control.remote_settings import SplitSettings
from antiphase.control.split_messages import Block, Message, Push, Rollback
from antiphase.errors import ParameterError, SignalError, require

__all__ = ["DistributedSolver"]

Floats = npt.NDArray[np.float64]


class DistributedSolver:
    """Multichannel least squares for devices with one loudspeaker and one microphone each.

    Each microphone hears all loudspeakers: filters solved one by one work against each other, those
    solved together do not. ``min_w Σ_m (d̂_m + Σ_k s_mk ∗ w_k ∗ x)²`` with
    ``d̂_m = e_m − Σ_k ŝ_mk ∗ y_k``. All devices get the same reference; blocks of the same span are
    put together by `Block.first_sample`, so the devices' samples must have been brought to one
    clock before. A filter is pushed to all while it is foretold to help, and silence otherwise.

    Parameters
    ----------
    devices : sequence of str
        Names, in the order of the paths.
    n_taps : int
        Taps of each device's filter.
    secondary_path_estimate : array_like, shape (devices, devices, taps)
        Ŝ [microphone, loudspeaker].
    fs : int
        Rate, Hz.
    settings : SplitSettings
        `track` is not available here: the paths are taken as known.

    Raises
    ------
    ParameterError, SignalError
        If a parameter is outside its range or the paths do not fit the devices.

    References
    ----------
    Elliott, Stothers & Nelson (1987), A multiple error LMS algorithm and its application to the
    active control of sound and vibration.
    """

    def __init__(
        self,
        devices: list[str],
        n_taps: int = 512,
        *,
        secondary_path_estimate: npt.ArrayLike,
        fs: int,
        settings: SplitSettings | None = None,
    ) -> None:
        require(len(devices) >= 1, "devices", devices, "at least one")
        require(len(set(devices)) == len(devices), "devices", devices, "all different")
        paths = np.asarray(secondary_path_estimate, np.float64)
        count = len(devices)
        if paths.ndim != 3 or paths.shape[:2] != (count, count):
            raise SignalError(
                f"secondary_path_estimate has shape {paths.shape} but must be "
                f"({count}, {count}, taps)"
            )
        self._devices = list(devices)
        self._settings = SplitSettings() if settings is None else settings
        self._n_taps, self._fs = n_taps, fs
        self._solver = LeastSquaresSolver(
            n_taps,
            secondary_path_estimate=paths,
            fs=fs,
            window_s=self._settings.window_s,
            ridge=self._settings.ridge,
        )
        self._paths = paths
        self._waiting: dict[int, dict[str, Block]] = {}
        self._history = np.zeros((n_taps + paths.shape[2], 1 + count))
        self._next = 0
        self._version = 0
        self._silent = True
        self.foretold_db = 0.0
        self.incomplete = 0

    @property
    def control_filters(self) -> Floats:
        """The filters solved last, shape (devices, n_taps)."""
        taps = np.asarray(self._solver.control_filter, np.float64)
        return taps.reshape(len(self._devices), self._n_taps)

    def receive(self, device: str, message: Message) -> dict[str, list[Message]]:
        """Take in a message of a device.

        Parameters
        ----------
        device : str
        message : Block
            Others are ignored.

        Returns
        -------
        dict of device → list of Push and Rollback
            Empty until the blocks of all devices are in; spans that one device never sent are
            counted in `incomplete` and bridged.

        Raises
        ------
        ParameterError, SignalError
            If the device is not known, or its block has another rate or other channels.
        """
        if device not in self._devices:
            raise ParameterError("device", device, f"one of {', '.join(self._devices)}")
        if not isinstance(message, Block):
            return {}
        signals = (message.reference, message.drive, message.error)
        if message.fs != self._fs or {s.shape[1] for s in signals} != {1}:
            raise SignalError(f"a block must have one channel of each signal at {self._fs} Hz")
        first = message.first_sample
        if first < self._next:
            return {}
        together = self._waiting.setdefault(first, {})
        together[device] = message
        if len(together) < len(self._devices):
            return {}
        older = [at for at in self._waiting if at < first]
        self.incomplete += len(older)
        for at in (*older, first):
            del self._waiting[at]
        if first != self._next:
            self._history[:] = 0
            taps = self._solver.control_filter
            self._solver.restart()
            self._solver.control_filter = taps
        self._next = first + message.frames
        self._learn([together[name] for name in self._devices])
        return self._decide()

    def _learn(self, blocks: list[Block]) -> None:
        x = np.asarray(blocks[0].reference[:, 0], np.float64)
        y = np.concatenate([block.drive for block in blocks], axis=1).astype(np.float64)
        e = np.concatenate([block.error for block in blocks], axis=1).astype(np.float64)
        for block in blocks:
            for start, length in block.gaps:
                e[start : start + length] = np.nan
        self._foretell(x, y, e)
        self._solver.observe(x, y, e)
        self._solver.solve(self._settings.iterations)

    def _foretell(self, x: Floats, y: Floats, e: Floats) -> None:
        """Compare d̂ with what the filters solved before would have left of it."""
        joined = np.concatenate([self._history, np.column_stack([x, y])])
        self._history = joined[len(x) :]
        disturbance, left = e.copy(), e.copy()
        for m, k in np.ndindex(self._paths.shape[:2]):
            path = self._paths[m, k]
            played = np.convolve(joined[:, 1 + k], path)[: len(joined)][-len(x) :]
            wanted = np.convolve(joined[:, 0], self.control_filters[k])[: len(joined)]
            disturbance[:, m] -= played
            left[:, m] += np.convolve(wanted, path)[: len(joined)][-len(x) :] - played
        before, after = np.nansum(disturbance**2), np.nansum(left**2)
        solved = self._solver.samples > 0 and after > 0
        self.foretold_db = float(10 * np.log10(before / after)) if solved and before > 0 else 0.0

    def _decide(self) -> dict[str, list[Message]]:
        if self.foretold_db < self._settings.least_db:
            if self._silent:
                return {}
            self._silent = True
            return {name: [Rollback(0)] for name in self._devices}
        self._silent = False
        self._version += 1
        fade = round(self._settings.fade_ms * self._fs / 1000)
        at = self._next + self._settings.lead_samples
        return {
            name: [Push(self._version, taps.astype(np.float32)[None, None], at, fade)]
            for name, taps in zip(self._devices, self.control_filters, strict=True)
        }
