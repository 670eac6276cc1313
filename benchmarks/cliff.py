"""The causality cliff: the planner's bounds beside the published table.

``python -m benchmarks.cliff --json`` prints the largest difference per kind of noise. White, band
and hum are defined by the table's own words and must be within 1 dB; the other kinds depend on the
generator (`antiphase.acoustics.noise.parameters` lists ours), so their difference is printed.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import numpy.typing as npt

from antiphase.acoustics import noise
from antiphase.simulation.planner import CliffTable, causality_cliff

__all__ = ["EXACT", "PUBLISHED", "cliff", "differences"]

EXACT = ("white", "band", "hum")

# Fixed-filter bound in dB, 512 taps at 8 kHz, over margins of −40 … +20 ms.
PUBLISHED = {
    "white": (0, 0, 0, 0.1, 3.8, 16.7, 21.8, 28.1, 29.2),
    "band": (0, 0, 0.1, 1.6, 24.9, 29.9, 30.0, 29.9, 30.0),
    "traffic": (0, 0.1, 1.7, 3.0, 15.8, 27.2, 27.4, 27.5, 28.7),
    "babble": (0, 0.1, 0.2, 1.1, 11.4, 22.9, 24.0, 24.5, 25.0),
    "impulsive": (0.2, 3.0, 7.3, 9.6, 20.1, 21.1, 21.2, 21.8, 24.1),
    "fan": (3.2, 3.3, 3.3, 3.4, 13.9, 24.2, 24.8, 25.6, 27.9),
    "engine": (6.1, 6.1, 5.7, 6.9, 17.2, 17.3, 17.5, 18.4, 23.0),
    "hum": (26.8, 27.0, 27.0, 27.2, 28.8, 29.1, 29.2, 29.3, 29.1),
}


def differences(table: CliffTable) -> dict[str, npt.NDArray[np.float64]]:
    """Return ours minus published, dB, by kind."""
    return {
        kind: row - np.array(PUBLISHED[kind], dtype=np.float64)
        for kind, row in zip(table.kinds, table.nr_db, strict=True)
    }


def cliff(seconds: float = 30.0) -> dict[str, object]:
    """Return the figures: the largest difference per kind, and whether the exact ones hold."""
    table = causality_cliff(tuple(PUBLISHED), seconds=seconds)
    worst = {kind: float(np.abs(row).max()) for kind, row in differences(table).items()}
    figures: dict[str, object] = {f"cliff_{kind}_db": round(db, 2) for kind, db in worst.items()}
    figures["cliff_exact_max_db"] = round(max(worst[kind] for kind in EXACT), 2)
    print("margin/ms " + " ".join(f"{m:>6g}" for m in table.margins_ms))
    for kind, row in zip(table.kinds, table.nr_db, strict=True):
        print(f"{kind:9s} " + " ".join(f"{db:6.1f}" for db in row))
        print(f"{'  listed':9s} " + " ".join(f"{db:6.1f}" for db in PUBLISHED[kind]))
        print(f"{'  from':9s} {noise.parameters(kind)}")
    return figures


def main() -> None:
    """Print the table, then the figures as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each noise")
    print(json.dumps(cliff(parser.parse_args().seconds)))


if __name__ == "__main__":
    main()
