"""Make recordings and paths to try the other examples with: a fan in a duct."""

from __future__ import annotations

import numpy as np

from antiphase.acoustics import duct_path, noise
from antiphase.files import write_audio
from antiphase.identify import ExponentialSweep

FS = 16000


def path(source_m: float, receiver_m: float) -> np.ndarray:
    """Return the path between two places of a duct of 4 m."""
    return 0.2 * duct_path(
        FS,
        length_m=4.0,
        source_m=source_m,
        receiver_m=receiver_m,
        reflections=(0.6, -0.6),
        n_taps=1024,
    )


def main() -> None:
    """Write noise, both paths, and what a microphone records of the sweep in docs/measuring.md."""
    secondary = path(2.5, 3.4)
    fan = noise.make("fan", 5.0, FS)
    sweep = ExponentialSweep(FS, seconds=3.0, high_hz=7600.0)
    played = np.concatenate([0.5 * sweep.samples, np.zeros(FS)])
    write_audio("noise.wav", 0.1 * fan, FS, clipping="scale")
    write_audio("unit.wav", 0.1 * fan, FS, clipping="scale")
    write_audio("primary.wav", path(0.0, 3.4), FS)
    write_audio("secondary.wav", secondary, FS)
    write_audio("recording.wav", np.convolve(played, secondary)[: len(played)], FS)


if __name__ == "__main__":
    main()
