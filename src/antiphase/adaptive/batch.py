"""Many independent filters in one native call, for servers with many sessions."""

from __future__ import annotations

from collections.abc import Sequence

from antiphase.adaptive.seam import NativeCanceller, NativeController, native_class
from antiphase.arrays import Signal
from antiphase.errors import ParameterError, require

__all__ = ["FilterBatch"]


class FilterBatch:
    """One frame of each of many sessions per call, without the interpreter lock.

    A call should carry at least 100 µs of work, so that threads that call batches of their own
    scale with the cores. The filters stay usable on their own between calls.

    Parameters
    ----------
    filters : sequence of NativeController or of NativeCanceller
        At least one, all of the same number type and the same channels; each at most once.

    Raises
    ------
    ParameterError
        If there are none, one comes twice, or number types or channels differ.
    """

    def __init__(self, filters: Sequence[NativeController | NativeCanceller]) -> None:
        require(len(filters) > 0, "filters", list(filters), "at least one filter")
        require(
            len({id(f) for f in filters}) == len(filters), "filters", len(filters), "all different"
        )
        dtypes = {f.dtype for f in filters}
        require(len(dtypes) == 1, "filters", dtypes, "of one number type")
        self._filters = tuple(filters)
        try:
            self._core = native_class("Batch", filters[0].dtype)([f.core for f in filters])
        except ValueError as error:
            raise ParameterError("filters", len(filters), f"alike: {error}") from None

    @property
    def filters(self) -> tuple[NativeController | NativeCanceller, ...]:
        """The filters in the order of the sessions."""
        return self._filters

    def process(self, first: Signal, second: Signal, out: Signal | None = None) -> Signal:
        """Process the same number of frames of each session.

        Parameters
        ----------
        first : ndarray, shape (sessions, n) or (sessions, n, channels)
            References.
        second : ndarray, shape (sessions, n) or (sessions, n, channels)
            Errors of controllers, primaries of cancellers.
        out : ndarray, optional
            Where to write.

        Returns
        -------
        ndarray, shape (sessions, n) or (sessions, n, channels)
            Drives of controllers, residuals of cancellers.

        Raises
        ------
        SignalError
            If shapes or lengths do not fit.
        """
        result: Signal = self._core.process(first, second, out)
        return result
