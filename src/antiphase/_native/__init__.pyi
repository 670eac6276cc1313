from typing import Annotated

import numpy
from numpy.typing import NDArray


ISA: str

class ControllerF32:
    pass

class CancellerF32:
    pass

class ControllerF64:
    pass

class CancellerF64:
    pass

class LmsF32(CancellerF32):
    def __init__(self, n_taps: int, mu: float, leakage: float, epsilon: float, normalised: bool) -> None: ...

    @property
    def mu(self) -> float: ...

    @mu.setter
    def mu(self, arg: float, /) -> None: ...

    def process(self, reference: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], primary: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], out: object | None = None) -> object: ...

    def reset(self) -> None: ...

    def state(self) -> bytes: ...

    def load_state(self, state: bytes) -> None: ...

    @property
    def adapting(self) -> bool: ...

    @adapting.setter
    def adapting(self, arg: bool, /) -> None: ...

    @property
    def rejected(self) -> int: ...

    @property
    def latency(self) -> int: ...

    @property
    def n_taps(self) -> int: ...

    @property
    def control_filter(self) -> Annotated[NDArray[numpy.float32], dict(order='C')]: ...

    @control_filter.setter
    def control_filter(self, arg: Annotated[NDArray[numpy.float32], dict(shape=(None,), order='C', device='cpu', writable=False)], /) -> None: ...

class LmsF64(CancellerF64):
    def __init__(self, n_taps: int, mu: float, leakage: float, epsilon: float, normalised: bool) -> None: ...

    @property
    def mu(self) -> float: ...

    @mu.setter
    def mu(self, arg: float, /) -> None: ...

    def process(self, reference: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], primary: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], out: object | None = None) -> object: ...

    def reset(self) -> None: ...

    def state(self) -> bytes: ...

    def load_state(self, state: bytes) -> None: ...

    @property
    def adapting(self) -> bool: ...

    @adapting.setter
    def adapting(self, arg: bool, /) -> None: ...

    @property
    def rejected(self) -> int: ...

    @property
    def latency(self) -> int: ...

    @property
    def n_taps(self) -> int: ...

    @property
    def control_filter(self) -> Annotated[NDArray[numpy.float64], dict(order='C')]: ...

    @control_filter.setter
    def control_filter(self, arg: Annotated[NDArray[numpy.float64], dict(shape=(None,), order='C', device='cpu', writable=False)], /) -> None: ...
