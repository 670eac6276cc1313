"""Convolution with long impulse responses in partitions, without latency."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from antiphase.dsp.fir import FIRFilter, as_matrix
from antiphase.dsp.stream import Floats, as_block
from antiphase.errors import require

__all__ = ["OverlapSave"]


class OverlapSave:
    """Uniformly partitioned overlap-save convolution with a direct head: latency 0.

    The response is cut into partitions of `block_size` taps. The first meets the newest frames
    directly; the others are applied as spectra, once per completed block, and their share of the
    coming block is ready before it starts. Same output as `FIRFilter` to rounding for any split.
    About ``block_size + 4·log2(2·block_size) + 4·n_taps/block_size`` multiplications per sample.

    Parameters
    ----------
    taps : array_like, shape (taps,) or [output, input, taps]
        As for `FIRFilter`.
    block_size : int
        At least 1; 64–512 for live blocks, more for files.
    channels : int
        Channels of the signal when one response is shared.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    References
    ----------
    Stockham (1966), High-speed convolution and correlation. Gardner (1995), Efficient convolution
    without input-output delay.
    """

    def __init__(self, taps: npt.ArrayLike, block_size: int = 256, *, channels: int = 1) -> None:
        require(block_size >= 1, "block_size", block_size, "at least 1")
        matrix, shared = as_matrix(taps, channels)
        self._shared = shared
        self._block_size = block_size
        self._channels = channels if shared else matrix.shape[1]
        self._outputs = channels if shared else matrix.shape[0]
        head = matrix[:, :, :block_size]
        self._head = FIRFilter(head[0, 0] if shared else head, channels=self._channels)
        self._spectra = self._partition(matrix)
        self.reset()

    def _partition(self, matrix: Floats) -> npt.NDArray[np.complex128]:
        size = self._block_size
        count = max(0, -(-matrix.shape[2] // size) - 1)
        rest = matrix[:, :, size:]
        padded = np.zeros((*matrix.shape[:2], count * size))
        padded[:, :, : rest.shape[2]] = rest
        parts = padded.reshape(*matrix.shape[:2], count, size)
        spectra: npt.NDArray[np.complex128] = np.fft.rfft(parts, 2 * size, axis=3)
        return spectra

    @property
    def latency(self) -> int:
        """0: the first tap meets the newest frame."""
        return 0

    @property
    def block_size(self) -> int:
        """Length of a partition."""
        return self._block_size

    def reset(self) -> None:
        """Forget all history."""
        size = self._block_size
        self._head.reset()
        self._input: Floats = np.zeros((2 * size, self._channels))
        self._filled = 0
        self._tail: Floats = np.zeros((size, self._outputs))
        shape = (self._channels, self._spectra.shape[2], size + 1)
        self._past: npt.NDArray[np.complex128] = np.zeros(shape, dtype=np.complex128)

    def process(self, signal: npt.ArrayLike) -> Floats:
        """Filter the next frames.

        Parameters
        ----------
        signal : array_like, shape (n,) or (n, channels)

        Returns
        -------
        ndarray of float64, shape (n,) or (n, outputs)

        Raises
        ------
        SignalError
            If the shape does not fit or a sample is not finite; the history stays as it was.
        """
        block, flat = as_block(signal, self._channels)
        result = self._head.process(block).reshape(len(block), self._outputs)
        size, start = self._block_size, 0
        while start < len(block) and self._past.shape[1]:
            take = min(size - self._filled, len(block) - start)
            new = slice(self._filled, self._filled + take)
            result[start : start + take] += self._tail[new]
            self._input[size + new.start : size + new.stop] = block[start : start + take]
            self._filled += take
            start += take
            if self._filled == size:
                self._advance()
        return result[:, 0] if flat and self._outputs == 1 else result

    def _advance(self) -> None:
        """Take in the completed block and prepare the tail of the next one."""
        size = self._block_size
        spectrum = np.fft.rfft(self._input.T, axis=1)
        self._past = np.concatenate([spectrum[:, None], self._past[:, :-1]], axis=1)
        if self._shared:
            product = np.einsum("cpf,pf->cf", self._past, self._spectra[0, 0])
        else:
            product = np.einsum("ipf,oipf->of", self._past, self._spectra)
        self._tail = np.fft.irfft(product, 2 * size, axis=1)[:, size:].T
        self._input[:size] = self._input[size:]
        self._filled = 0
