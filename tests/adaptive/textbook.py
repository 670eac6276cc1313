"""Update rules in plain numpy, sample by sample, written from their equations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from antiphase.adaptive import Controller

__all__ = ["Rule", "affine_projection", "close_loop", "filtered_x", "histories", "modified_fx"]

Floats = npt.NDArray[np.float64]


@dataclass
class Rule:
    """Step, leakage, floor and robust error as `step_rule` states them."""

    mu: float
    leakage: float = 1.0
    epsilon: float = 0.0
    energy_floor: float = 0.0
    normalised: bool = True
    robust: str = "none"
    peak: float = 0.0
    median: float = 0.0

    def active(self, energy: float) -> bool:
        self.peak = max(energy, self.peak * (1 - 5e-6))
        return energy > 0 and energy >= self.energy_floor * self.peak

    def step(self, energy: float) -> float:
        if not self.active(energy):
            return 0.0
        return self.mu / (energy + self.epsilon) if self.normalised else self.mu

    def gains(self, X: Floats, errors: Floats) -> Floats:
        """Weights of the regressors X (rows) in the update, for their errors."""
        energy = float(X[0] @ X[0])
        if len(X) == 1:
            return self.step(energy) * np.array([self.influence(errors[0])])
        if not self.active(energy):
            return np.zeros(len(X))
        gram = X @ X.T + self.epsilon * np.eye(len(X))
        return np.asarray(self.mu * np.linalg.solve(gram, errors))

    def influence(self, error: float) -> float:
        if self.robust == "none" or error == 0:
            return error
        median = self.median or abs(error)
        self.median = median * 1.01 if abs(error) > median else median / 1.01
        if self.robust == "sign":
            return float(np.sign(error)) * median
        limit = 1.345 * 1.4826 * median
        return float(np.clip(error, -limit, limit))


def histories(x: Floats, n: int) -> Floats:
    """Row k holds x[k], x[k − 1], …, x[k − n + 1]."""
    padded = np.concatenate([np.zeros(n - 1), x])
    return np.lib.stride_tricks.sliding_window_view(padded, n)[:, ::-1]


def affine_projection(x: Floats, d: Floats, n_taps: int, order: int, rule: Rule) -> Floats:
    """Return the residual of a canceller; order 1 is (N)LMS."""
    rows = histories(x, n_taps)
    w = np.zeros(n_taps)
    residual = np.empty(len(x))
    for n in range(len(x)):
        newest = [n - p for p in range(order)]
        X = np.array([rows[m] if m >= 0 else np.zeros(n_taps) for m in newest])
        targets = np.array([d[m] if m >= 0 else 0.0 for m in newest])
        e = targets - X @ w
        residual[n] = e[0]
        w = rule.leakage * w + X.T @ rule.gains(X, e)
    return residual


def filtered_x(x: Floats, e: Floats, s: Floats, n_taps: int, delay: int, rule: Rule) -> Floats:
    """Drive of FxLMS for given newest errors e[n] (of sample n − 1 − delay)."""
    rows = histories(x, n_taps)
    filtered = histories(np.convolve(x, s)[: len(x)], n_taps)
    w = np.zeros(n_taps)
    drive = np.empty(len(x))
    for n in range(len(x)):
        t = n - 1 - delay
        u = filtered[t] if t >= 0 else np.zeros(n_taps)
        w = rule.leakage * w - rule.step(float(u @ u)) * rule.influence(e[n]) * u
        drive[n] = w @ rows[n]
    return drive


def modified_fx(
    x: Floats, e: Floats, s: Floats, n_taps: int, order: int, delay: int, rule: Rule
) -> Floats:
    """Drive of modified filtered-x NLMS (order 1) or affine projection for given errors."""
    rows = histories(x, n_taps)
    filtered = histories(np.convolve(x, s)[: len(x)], n_taps)
    w = np.zeros(n_taps)
    drive = np.zeros(len(x))
    d_hat = np.zeros(len(x))
    for n in range(len(x)):
        t = n - 1 - delay
        d_now = e[n]
        if t >= 0:
            past = drive[max(0, t - len(s) + 1) : t + 1][::-1]
            d_now -= s[: len(past)] @ past
            d_hat[t] = d_now
        times = [t - p for p in range(order)]
        X = np.array([filtered[m] if m >= 0 else np.zeros(n_taps) for m in times])
        targets = np.array([d_hat[m] if m >= 0 else 0.0 for m in times])
        targets[0] = d_now
        errors = targets + X @ w
        w = rule.leakage * w - X.T @ rule.gains(X, errors)
        drive[n] = w @ rows[n]
    return drive


def close_loop(controller: Controller, x: Floats, d: Floats, s: Floats, delay: int = 0) -> Floats:
    """Return the error of a controller called sample by sample on the plant e = d + s∗y."""
    drive = np.zeros(len(x))
    error = np.zeros(len(x))
    for n in range(len(x)):
        t = n - 1 - delay
        newest = error[t] if t >= 0 else 0.0
        drive[n] = controller.process(x[n : n + 1], np.array([newest]))[0]
        past = drive[max(0, n - len(s) + 1) : n + 1][::-1]
        error[n] = d[n] + s[: len(past)] @ past
    return error
