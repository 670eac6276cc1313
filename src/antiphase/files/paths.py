"""Impulse responses from the files that measuring programs write: WAV, npz, MATLAB, SOFA."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from antiphase.dsp.delay import sinc_delay_taps
from antiphase.dsp.resample import resample
from antiphase.dsp.stream import Floats
from antiphase.errors import FileFormatError, ParameterError, require
from antiphase.files.audio import read_audio
from antiphase.files.audio_out import write_audio

__all__ = ["ImpulseResponse", "read_path", "write_path"]

_RATES = ("fs", "Fs", "FS", "sample_rate", "samplerate", "sampling_rate", "SamplingRate", "sr")
_AUDIO = {".wav", ".flac", ".ogg", ".w64", ".rf64", ".aiff", ".aif", ".caf"}
_HDF5_MAGIC = b"\x89HDF"


@dataclass(frozen=True)
class ImpulseResponse:
    """Impulse responses and their rate.

    Parameters
    ----------
    taps : ndarray, shape (..., taps)
        Such as (taps,), [mic, taps] or [mic, loudspeaker, taps].
    fs : float
        Hz, > 0.

    Raises
    ------
    FileFormatError
        If the taps are empty or not finite.
    ParameterError
        If the rate is not positive.
    """

    taps: Floats
    fs: float

    def __post_init__(self) -> None:
        require(bool(np.isfinite(self.fs)) and self.fs > 0, "fs", self.fs, "> 0 Hz")
        if self.taps.ndim == 0 or self.taps.size == 0:
            raise FileFormatError(f"impulse response of shape {self.taps.shape} holds no taps")
        if not np.isfinite(self.taps).all():
            raise FileFormatError("impulse response holds NaN or Inf")

    def resampled(self, fs: float) -> ImpulseResponse:
        """Return the same path at another rate, with the same gain at each frequency.

        Taps are scaled by the ratio of the rates: a path is a density per sample.

        Raises
        ------
        ParameterError
            If the rates have no small ratio.
        """
        if fs == self.fs:
            return self
        columns = self.taps.reshape(-1, self.taps.shape[-1]).T
        # Room for the converter's ringing behind the last tap.
        ringing = round(64 * max(1.0, self.fs / fs))
        columns = np.pad(columns, ((0, ringing), (0, 0)))
        converted = resample(columns, self.fs, fs) * (self.fs / fs)
        shape = (*self.taps.shape[:-1], len(converted))
        return ImpulseResponse(np.ascontiguousarray(converted.T).reshape(shape), float(fs))


def read_path(
    path: str | os.PathLike[str],
    *,
    variable: str | None = None,
    fs: float | None = None,
    axis: int | None = None,
) -> ImpulseResponse:
    """Read impulse responses.

    Parameters
    ----------
    path : str or os.PathLike
        - .wav, .flac and other audio: channels become [channel, taps], mono (taps,);
        - .npz, .npy: numpy arrays;
        - .mat: MATLAB up to v7 and v7.3 (HDF5);
        - .sofa: ``Data.IR`` of the FIR conventions, [measurement, receiver, taps] (FIR-E: with
          emitters before the taps); ``Data.Delay`` is applied.
    variable : str, optional
        Which array of a .npz, .mat or .h5 file; needed where there is more than one.
    fs : float, optional
        Rate in Hz, needed where the file does not tell it; must agree where it does.
    axis : int, optional
        Axis of the taps in .npy, .npz, .mat; default the longest. It is moved to the end.

    Returns
    -------
    ImpulseResponse

    Raises
    ------
    FileFormatError
        If the file can't be read, the variable is missing or unclear (the message names those
        there are), the rate is unknown, or the taps are not real and finite.
    ParameterError
        If `fs` or `axis` does not fit.
    """
    place = Path(path)
    if not place.is_file():
        raise FileFormatError(f"{place}: no such file")
    suffix = place.suffix.lower()
    if suffix in _AUDIO:
        signal, rate = read_audio(place)
        return ImpulseResponse(np.ascontiguousarray(signal.T), _agree(place, rate, fs))
    if suffix == ".sofa":
        taps, rate = _read_sofa(place)
        return ImpulseResponse(taps, _agree(place, rate, fs))
    readers: dict[str, Callable[[Path], Mapping[str, Any]]] = {
        ".npz": _load_npz,
        ".npy": _load_npy,
        ".mat": _load_mat,
        ".h5": _load_hdf5,
        ".hdf5": _load_hdf5,
    }
    if suffix not in readers:
        known = ", ".join(sorted(_AUDIO | set(readers) | {".sofa"}))
        raise FileFormatError(f"{place}: unknown extension; use one of {known}")
    arrays = readers[suffix](place)
    told = _rate(arrays)
    taps = _choose(place, arrays, variable)
    if told is None and fs is None:
        raise FileFormatError(f"{place}: tells no sample rate; give fs in Hz")
    return ImpulseResponse(_taps_last(place, taps, axis), _agree(place, told, fs))


def _agree(path: Path, told: float | None, given: float | None) -> float:
    require(given is None or given > 0, "fs", given, "> 0 Hz")
    if told is None:
        return float(given or 0)
    if given is not None and abs(given - told) > 1e-6 * told:
        raise ParameterError("fs", given, f"{told:g}, which {path.name} says; resample afterwards")
    return told


def _rate(arrays: Mapping[str, Any]) -> float | None:
    for name in _RATES:
        if name in arrays:
            value = np.asarray(arrays[name])
            if value.size == 1 and np.issubdtype(value.dtype, np.number):
                return float(value.reshape(()).real)
    return None


def _shapes(arrays: Mapping[str, Any]) -> str:
    listed = [f"{name} {np.shape(value)}" for name, value in arrays.items()]
    return ", ".join(listed) if listed else "none"


def _choose(path: Path, arrays: Mapping[str, Any], variable: str | None) -> npt.NDArray[Any]:
    if variable is not None:
        if variable not in arrays:
            raise FileFormatError(f"{path}: no variable {variable!r}; there are {_shapes(arrays)}")
        return np.asarray(arrays[variable])
    fitting = {
        name: value
        for name, value in arrays.items()
        if np.size(value) > 1 and np.issubdtype(np.asarray(value).dtype, np.number)
    }
    if len(fitting) != 1:
        what = "no numeric array" if not fitting else "several arrays; name one with variable"
        raise FileFormatError(f"{path}: {what}; there are {_shapes(arrays)}")
    return np.asarray(next(iter(fitting.values())))


def _taps_last(path: Path, array: npt.NDArray[Any], axis: int | None) -> Floats:
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise FileFormatError(f"{path}: variable of type {array.dtype} is no real impulse response")
    if array.size == 0:
        raise FileFormatError(f"{path}: variable of shape {array.shape} holds no taps")
    if axis is None:
        squeezed = array.squeeze() if array.squeeze().ndim else array.reshape(1)
        longest = [i for i, n in enumerate(squeezed.shape) if n == max(squeezed.shape)]
        if len(longest) > 1:
            raise FileFormatError(f"{path}: shape {array.shape} leaves the taps unclear; give axis")
        array, axis = squeezed, longest[0]
    require(-array.ndim <= axis < array.ndim, "axis", axis, f"an axis of shape {array.shape}")
    return np.ascontiguousarray(np.moveaxis(array, axis, -1), dtype=np.float64)


def _load_npz(path: Path) -> Mapping[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise FileFormatError(f"{path}: not readable as npz of plain arrays") from error


def _load_npy(path: Path) -> Mapping[str, Any]:
    try:
        return {"array": np.load(path, allow_pickle=False)}
    except (ValueError, OSError, EOFError) as error:
        raise FileFormatError(f"{path}: not readable as a plain npy array") from error


def _load_mat(path: Path) -> Mapping[str, Any]:
    with path.open("rb") as file:
        start = file.read(516)
    # Version 7.3 is HDF5 behind a 512-byte text header.
    if _HDF5_MAGIC in {start[:4], start[512:516]}:
        return {k: v for k, v in _load_hdf5(path).items() if not k.startswith("#")}
    # Nothing else needs this part of scipy.
    from scipy import io as scipy_io  # noqa: PLC0415

    try:
        loaded = scipy_io.loadmat(path)
    except Exception as error:
        raise FileFormatError(f"{path}: not readable as a MATLAB file") from error
    return {name: value for name, value in loaded.items() if not name.startswith("__")}


def _load_hdf5(path: Path) -> Mapping[str, Any]:
    """Arrays at the top of an HDF5 file; MATLAB's (class attribute) in MATLAB's axis order."""
    try:
        with h5py.File(path, "r") as file:
            return {
                name: np.asarray(item[()]).T if "MATLAB_class" in item.attrs else item[()]
                for name, item in file.items()
                if isinstance(item, h5py.Dataset)
            }
    except (OSError, KeyError, RuntimeError) as error:
        raise FileFormatError(f"{path}: not readable as HDF5") from error


def _read_sofa(path: Path) -> tuple[Floats, float]:
    try:
        with h5py.File(path, "r") as file:
            kind = file.attrs.get("DataType", b"")
            kind = kind.decode() if isinstance(kind, bytes) else str(kind)
            if not kind.startswith("FIR") or "Data.IR" not in file:
                names = ", ".join(file)
                reason = f"SOFA data type {kind or 'unknown'} is not FIR; there are {names}"
                raise FileFormatError(f"{path}: {reason}")
            taps = np.asarray(file["Data.IR"][()], dtype=np.float64)
            rate = float(np.ravel(file["Data.SamplingRate"][()])[0])
            delay = np.asarray(file["Data.Delay"][()] if "Data.Delay" in file else 0.0, np.float64)
    except (OSError, KeyError) as error:
        raise FileFormatError(f"{path}: not readable as SOFA (HDF5 with Data.IR)") from error
    if kind == "FIR-E":
        # This convention stores [measurement, receiver, taps, emitter].
        taps = np.moveaxis(taps, 2, -1)
    return _delayed(taps, delay), rate


def _delayed(taps: Floats, delay: Floats) -> Floats:
    """Apply delays in samples, of shape () or those of the taps' leading axes (1 = the same)."""
    delays = np.broadcast_to(delay, taps.shape[:-1])
    if not np.any(delays):
        return taps
    kernels = [sinc_delay_taps(float(d)) for d in delays.ravel()]
    length = taps.shape[-1] + max(len(kernel) for kernel in kernels) - 1
    rows = np.zeros((len(kernels), length))
    for row, response, kernel in zip(rows, taps.reshape(len(kernels), -1), kernels, strict=True):
        late = np.convolve(response, kernel)
        row[: len(late)] = late
    return rows.reshape(*taps.shape[:-1], length)


def write_path(path: str | os.PathLike[str], response: ImpulseResponse) -> None:
    """Write impulse responses to .npz (``taps``, ``fs``) or, up to two axes, to a float .wav.

    Raises
    ------
    ParameterError
        If the extension is another one.
    FileFormatError
        If a .wav can't hold the shape.
    """
    place = Path(path)
    suffix = place.suffix.lower()
    require(suffix in {".npz", ".wav"}, "extension", suffix, ".npz or .wav")
    if suffix == ".npz":
        np.savez(place, taps=response.taps, fs=np.float64(response.fs))
        return
    if response.taps.ndim > 2:
        raise FileFormatError(
            f"{place}: a .wav has no room for {response.taps.ndim} axes; use .npz"
        )
    write_audio(place, response.taps.T, response.fs, subtype="DOUBLE")
