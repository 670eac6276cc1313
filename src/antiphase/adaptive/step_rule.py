"""What all gradient rules share: step, leakage, a hold on quiet references, robust errors."""

from __future__ import annotations

from typing import Any, Literal

from antiphase import _native
from antiphase.errors import require

__all__ = ["Robust", "step_rule"]

Robust = Literal["none", "huber", "sign"]
"""How an update sees its error. ``"none"``: as it is. ``"huber"``: limited to ± 1.345 σ.
``"sign"``: its sign times m. m is a running median of |error| (a tracker in steps of 1 %, which
no single outlier moves further) and σ = 1.4826 m, the standard deviation of Gaussian noise with
that median (Huber 1964; Mathews & Cho 1987; Zou, Chan & Ng 2000)."""


def step_rule(
    mu: float,
    *,
    leakage: float = 1.0,
    epsilon: float = 0.0,
    energy_floor: float = 0.0,
    normalised: bool = True,
    robust: Robust = "none",
) -> Any:  # noqa: ANN401 - a native object
    """Return the native rule ``mu / (epsilon + E)``, 0 while ``E < energy_floor · peak(E)``.

    Parameters
    ----------
    mu : float
        Step: in (0, 2) when normalised, else > 0.
    leakage : float
        Multiplies w at each update, in (0, 1]; 1 is none.
    epsilon : float
        Added to the energy E of the regressor, in units of signal energy, ≥ 0.
    energy_floor : float
        No update while E is below this share of its running peak (which forgets by 1/e in 200,000
        samples), in [0, 1): the weights do not wander on the sensor noise of a reference that has
        gone quiet. Leakage goes on.
    normalised : bool
        False: the step is mu.
    robust : {"none", "huber", "sign"}
        See `Robust`.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.
    """
    if normalised:
        require(0 < mu < 2, "mu", mu, "in (0, 2)")
    else:
        require(0 < mu < float("inf"), "mu", mu, "> 0 and finite")
    require(0 < leakage <= 1, "leakage", leakage, "in (0, 1]")
    require(0 <= epsilon < float("inf"), "epsilon", epsilon, "≥ 0 and finite")
    require(0 <= energy_floor < 1, "energy_floor", energy_floor, "in [0, 1)")
    kinds = {
        "none": _native.Robust.none,
        "huber": _native.Robust.huber,
        "sign": _native.Robust.sign,
    }
    require(robust in kinds, "robust", robust, "none, huber or sign")
    return _native.StepRule(mu, leakage, epsilon, energy_floor, normalised, kinds[robust])
