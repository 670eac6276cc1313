"""The platform's own runtime interface emulator, running a function.

One emulator runs one call at a time, as one instance of the function does; several make a pool.
The emulator's binary is in the wheel of `aws-sam-cli` (`tools/get_emulator.py` takes it out), the
runtime client is `awslambdaric`.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import queue
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from antiphase.errors import AntiphaseError, MissingDependencyError

__all__ = ["EDGE", "REGION", "Emulator", "EmulatorError", "find_emulator", "free_port"]

EDGE = "edge.handler.lambda_handler"
REGION = "antiphase.region.function.handler"

TARGET = "/2015-03-31/functions/function/invocations"


class EmulatorError(AntiphaseError):
    """The function broke: it crashed, ran out of time, or answered no JSON."""


def find_emulator() -> Path:
    """Return the emulator's binary: ``ANTIPHASE_EMULATOR``, or build/aws-lambda-rie.

    Raises
    ------
    MissingDependencyError
        If the binary or the runtime client is missing.
    """
    path = Path(os.environ.get("ANTIPHASE_EMULATOR", "build/aws-lambda-rie"))
    if not path.is_file():
        raise MissingDependencyError(f"{path} is missing; run: python tools/get_emulator.py")
    if importlib.util.find_spec("awslambdaric") is None:
        raise MissingDependencyError("awslambdaric is missing; install requirements/edge.txt")
    return path.resolve()


def free_port() -> int:
    """Return a port of the loopback interface that nothing uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Instance:
    def __init__(
        self, binary: Path, runtime: list[str], environment: Mapping[str, str], timeout_s: float
    ) -> None:
        self.port = free_port()
        self._timeout_s = timeout_s
        ports = ["--runtime-interface-emulator-address", f"127.0.0.1:{self.port}"]
        ports += ["--runtime-api-address", f"127.0.0.1:{free_port()}"]
        limits = {"AWS_LAMBDA_FUNCTION_TIMEOUT": str(max(1, round(timeout_s)))}
        self.process = subprocess.Popen(  # noqa: S603 - our own arguments
            [str(binary), *ports, *runtime],
            cwd=environment["LAMBDA_TASK_ROOT"],
            env={**os.environ, **limits, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def invoke(self, body: bytes) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self._timeout_s + 2)
        try:
            connection.request("POST", TARGET, body)
            return connection.getresponse().read()
        finally:
            connection.close()

    def wait_until_up(self, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise EmulatorError("the emulator did not start")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Emulator:
    """A pool of emulators that run one function.

    Parameters
    ----------
    handler : str
        The function's entry point, such as `EDGE`.
    folder : Path
        Where its code is: an unpacked package, or any folder if the code is installed.
    binary : Path
        See `find_emulator`.
    instances : int
        The concurrency cap, ≥ 1.
    timeout_s : float
        The function's time limit.
    python : str, optional
        Interpreter that has `awslambdaric`; this one if None.
    environment : mapping, optional
        Variables of the function.
    """

    def __init__(
        self,
        handler: str,
        folder: Path,
        binary: Path,
        *,
        instances: int = 1,
        timeout_s: float = 30.0,
        python: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        runtime = [python or sys.executable, "-m", "awslambdaric", handler]
        variables = {**(environment or {}), "LAMBDA_TASK_ROOT": str(folder)}
        self._all = [_Instance(binary, runtime, variables, timeout_s) for _ in range(instances)]
        self._idle: queue.LifoQueue[_Instance] = queue.LifoQueue()
        try:
            for instance in self._all:
                instance.wait_until_up()
                self._idle.put(instance)
        except EmulatorError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def invoke(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Return what the function returns, None when all instances are busy (throttled).

        Raises
        ------
        EmulatorError
            If the function broke.
        """
        try:
            instance = self._idle.get_nowait()
        except queue.Empty:
            return None
        try:
            answer = json.loads(instance.invoke(json.dumps(event).encode()))
        except (OSError, ValueError, http.client.HTTPException) as fault:
            raise EmulatorError(f"no answer of the function: {fault}") from None
        finally:
            self._idle.put(instance)
        if not isinstance(answer, dict) or "errorMessage" in answer:
            raise EmulatorError(f"the function failed: {str(answer)[:200]}")
        return answer

    def close(self) -> None:
        """Stop all instances."""
        for instance in self._all:
            instance.stop()
