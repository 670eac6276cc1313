"""Update rules written from their equations, one frame at a time, as oracles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["MultichannelTextbook"]

Floats = npt.NDArray[np.float64]


class MultichannelTextbook:
    """Multichannel filtered-x in float64 from the equations, one frame at a time."""

    def __init__(self, N: int, s: Floats, J: int, delay: int = 0) -> None:
        self.s, self.N, self.delay = s, N, delay
        M, K, L = s.shape
        self.w = np.zeros((K, J, N))
        self.x = np.zeros((N + 2 * L + delay + 1, J))
        self.y = np.zeros((L + delay, K))
        self.e = np.zeros((L, M))
        self.x1 = np.zeros((N, M, K, J))

    def regressors(self) -> Floats:
        L = self.s.shape[2]
        new = np.einsum("mkl,lj->mkj", self.s, self.x[self.delay : self.delay + L])
        self.x1 = np.concatenate([new[None], self.x1[:-1]])
        return self.x1

    def modified(self, e: Floats) -> Floats:
        L = self.s.shape[2]
        anti = np.einsum("mkl,lk->m", self.s, self.y[self.delay : self.delay + L])
        return np.asarray(e - anti + np.einsum("kji,imkj->m", self.w, self.x1))

    def adjoint(self, e: Floats) -> Floats:
        L = self.s.shape[2]
        self.e = np.concatenate([e[None], self.e[:-1]])
        f = np.einsum("mkl,lm->k", self.s[:, :, ::-1], self.e)
        old = self.x[self.delay + L - 1 : self.delay + L - 1 + self.N]
        return np.asarray(np.einsum("k,ij->kji", f, old))

    def emit(self, x: Floats) -> Floats:
        self.x = np.concatenate([x[None], self.x[:-1]])
        y = np.einsum("kji,ij->k", self.w, self.x[: self.N])
        self.y = np.concatenate([y[None], self.y[:-1]])
        return np.asarray(y)
