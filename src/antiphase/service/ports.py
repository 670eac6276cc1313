"""TCP ports, each bound once, so that a taken one is named before anything starts."""

from __future__ import annotations

import socket

from antiphase.errors import ParameterError

__all__ = ["bind"]


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Bind a TCP port.

    Parameters
    ----------
    host : str
    port : int
        0 takes a free one.
    shared : bool
        Whether other processes of this user may bind it too; the kernel deals connections out to
        those that listen.

    Raises
    ------
    ParameterError
        If it is taken.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        rule = f"free on {host} ({error.strerror}); choose another one"
        raise ParameterError("port", port, rule) from None
    return bound
