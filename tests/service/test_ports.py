"""Ports: taken ones are named, shared ones are shared."""

from __future__ import annotations

import socket

import pytest

from antiphase.errors import ParameterError
from antiphase.service.ports import bind


def test_a_taken_port_is_named() -> None:
    """With the port and what to do; a free one is bound."""
    with bind("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ParameterError, match=f"port={port} must be free on 127.0.0.1"):
            bind("127.0.0.1", port)


def test_a_shared_port_is_dealt_out_to_who_listens() -> None:
    """One holder does not listen and gets nothing; the listener gets every connection."""
    with bind("127.0.0.1", 0, shared=True) as holder:
        port = holder.getsockname()[1]
        with bind("127.0.0.1", port, shared=True) as listener:
            listener.listen()
            for _ in range(20):
                with socket.create_connection(("127.0.0.1", port), 5):
                    listener.accept()[0].close()
                with pytest.raises(ParameterError):
                    bind("127.0.0.1", port)
