"""Networked control in virtual time: the standard table of the street, 3 seeds, worst seed.

``python -m benchmarks.network --json`` prints one JSON object on its last line; ``--only NAME``
runs one group. Everything passes through the classes and the bytes that the live service uses;
only clock and network are simulated. What is synthetic and what is not:

- scene "street" of `antiphase.acoustics.street`: 8 kHz, Ŝ identified (256 taps, 20 dB SNR),
  reference SNR 50 dB, pink ambient 30 dB below the noise, so that **30 dB is the ceiling**;
- split control: 100 ms blocks, 100 ms round trip, probe at −40 dB re the error all the time;
- noises of `antiphase.acoustics.noise`; ``*_real`` are recordings through the same scene;
- linear algebra has one thread, so that `solver_core_share` is work: a second one spins and adds a
  third to it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from antiphase.threads import ONE_THREAD
from benchmarks import data, network_late, network_links, network_split
from benchmarks.groups import collect, print_figures

__all__ = ["GROUPS", "network"]

GROUPS: dict[str, Callable[[], dict[str, Any]]] = {
    "tables": network_split.tables,
    "margins": network_split.margins,
    "moves": network_split.after_a_move,
    "outlook": network_split.outlook,
    "late": network_late.late,
    "times": network_split.times,
    "links": network_links.links,
}


def network(only: str | None = None) -> dict[str, object]:
    """Return all figures, or those of one group."""
    groups = dict(GROUPS)
    if data.available():
        groups["real"] = network_split.recordings
    return collect(groups, only)


def main() -> None:
    """Print the figures, with one thread for linear algebra: it has to be told at its start."""
    if not ONE_THREAD.keys() <= os.environ.keys():
        again = [sys.executable, "-m", "benchmarks.network", *sys.argv[1:]]
        os.execve(sys.executable, again, os.environ | ONE_THREAD)  # noqa: S606 - itself
    print_figures(__doc__, (*GROUPS, "real"), network)


if __name__ == "__main__":
    main()
