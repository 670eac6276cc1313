"""Stores behind small protocols, each with an embedded implementation: no server to start."""

from __future__ import annotations

from antiphase.storage.state import MemoryStates, SqliteStates, StateStore

__all__ = ["MemoryStates", "SqliteStates", "StateStore"]
