"""One thread for linear algebra: to be said before numpy is loaded."""

from __future__ import annotations

import os

__all__ = ["ONE_THREAD", "use_one_thread"]

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""What tells it to the libraries that numpy and scipy may be built with."""


def use_one_thread() -> None:
    """Let this process and its children have one, unless the environment says otherwise.

    The loops are in our own kernels; what is left for a linear-algebra library is too small for a
    second thread, which spins meanwhile.
    """
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)
