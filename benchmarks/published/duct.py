"""The measured duct: FxLMS as published, and FxNLMS with a tuned step on the physical plant.

Data: primary path 1024 taps, secondary path 512 taps, drill, aircraft and motorbike noise, 10 s at
16 kHz (Luo, Shi & Gan, generative fixed-filter ANC). Normalised mean square error over all samples,
control filter of 1024 taps.

as published
    Plain LMS, step 2e-4, on x′ = s∗x in the swapped form: e[n] = d[n] − w·x′[n]. The secondary path
    never sees a filter that changes, so instability is hidden; the step is 10 to 100 times too
    small.
tuned
    FxNLMS on the physical plant e = d + s∗y, mu 0.01, epsilon 1e-6 (in units of the energy of x′
    over 1024 samples, whose mean is 1e-3 to 1e-1 on these files), true secondary path.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve

from antiphase.adaptive import FxNLMS, LMSFilter
from antiphase.simulation import run_loop
from benchmarks.data import load

__all__ = ["NOISES", "PUBLISHED", "as_published", "tuned"]

NOISES = ("drill", "aircraft", "motorbike")
N_TAPS = 1024

PUBLISHED = {
    "as_published": {"drill": -4.33, "aircraft": -3.55, "motorbike": -4.81},
    "tuned": {"drill": -8.07, "aircraft": -11.15, "motorbike": -12.41},
}
"""NMSE in dB: the published figures of the first row, and what the tuned baseline must give."""

Floats = npt.NDArray[np.float64]


def _duct(noise: str) -> tuple[Floats, Floats, Floats]:
    data = load("duct")
    reference = data[noise]
    disturbance = fftconvolve(reference, data["primary_path"])[: len(reference)]
    return reference, disturbance, data["secondary_path"]


def _nmse_db(error: npt.ArrayLike, disturbance: Floats) -> float:
    return float(10 * np.log10(np.sum(np.square(error)) / np.sum(disturbance**2)))


def as_published(noise: str) -> float:
    """Return the NMSE in dB of the published baseline on one of `NOISES`."""
    reference, disturbance, secondary = _duct(noise)
    filtered = fftconvolve(reference, secondary)[: len(reference)]
    residual = LMSFilter(N_TAPS, 2e-4, dtype=np.float64).process(filtered, disturbance)
    return _nmse_db(residual, disturbance)


def tuned(noise: str) -> float:
    """Return the NMSE in dB of FxNLMS with mu 0.01 on the physical plant."""
    reference, disturbance, secondary = _duct(noise)
    controller = FxNLMS(
        N_TAPS, secondary_path_estimate=secondary, mu=0.01, epsilon=1e-6, dtype=np.float64
    )
    result = run_loop(
        controller, reference=reference, disturbance=disturbance, secondary_path=secondary
    )
    return _nmse_db(result.error, disturbance)


def main() -> None:
    """Print both rows beside the published figures; the last line is JSON."""
    figures: dict[str, float] = {}
    for row, function in (("as_published", as_published), ("tuned", tuned)):
        for noise in NOISES:
            value = function(noise)
            figures[f"{row}_{noise}_nmse"] = round(value, 3)
            if "--json" not in sys.argv:
                print(
                    f"{row:13s} {noise:10s} {value:7.2f} dB  (table: {PUBLISHED[row][noise]:.2f})"
                )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
