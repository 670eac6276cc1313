"""The WebAssembly kernel run under wasmtime, with the same verbs as the native one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import wasmtime

__all__ = ["WasmFxNLMS"]

Floats32 = npt.NDArray[np.float32]


class WasmFxNLMS:
    """FxNLMS in a WebAssembly module; parameters as for `antiphase.adaptive.FxNLMS`."""

    def __init__(
        self,
        module: Path,
        n_taps: int,
        secondary_path_estimate: npt.ArrayLike,
        mu: float,
        *,
        error_delay: int = 0,
        leakage: float = 1.0,
        epsilon: float = 1e-6,
        energy_floor: float = 1e-4,
    ) -> None:
        self._store = wasmtime.Store()
        compiled = wasmtime.Module.from_file(self._store.engine, str(module))
        self._exports = wasmtime.Instance(self._store, compiled, []).exports(self._store)
        path = np.asarray(secondary_path_estimate, dtype=np.float32)
        self._write("path", path)
        done = self._call(
            "create", n_taps, len(path), error_delay, mu, leakage, epsilon, energy_floor
        )
        if not done:
            raise ValueError("the module refused the lengths")
        self._n_taps = n_taps

    def process(self, reference: Floats32, error: Floats32) -> Floats32:
        """Return the drive, at most 4096 frames at once."""
        self._write("reference", reference)
        self._write("error", error)
        self.run(len(reference))
        return self._read("drive", len(reference))

    def run(self, frames: int) -> None:
        """Process what is in the module's buffers: the kernel alone, without copies."""
        self._call("process", frames)

    @property
    def control_filter(self) -> Floats32:
        """The control filter w."""
        self._call("get_filter")
        return self._read("taps", self._n_taps)

    def _call(self, name: str, *arguments: float) -> Any:  # noqa: ANN401 - a number or nothing
        return self._exports[f"antiphase_{name}"](self._store, *arguments)

    def _write(self, name: str, values: Floats32) -> None:
        self._exports["memory"].write(self._store, values.tobytes(), self._call(name))

    def _read(self, name: str, count: int) -> Floats32:
        start = self._call(name)
        data = self._exports["memory"].read(self._store, start, start + 4 * count)
        return np.frombuffer(bytes(data), np.float32)
