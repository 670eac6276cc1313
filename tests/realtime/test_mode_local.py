"""A device on its own."""

from __future__ import annotations

from antiphase.realtime import Engine, RoleBinding

from .engine_loop import paths, speaker


def test_without_a_reference_the_device_works_alone() -> None:
    """Auto says local and why; a reference that comes ends it."""
    engine = Engine()
    roles = (RoleBinding("error", "data"), RoleBinding("loudspeaker"))
    engine.add_device("d", speaker(paths()[1], roles=roles), 0.0)
    engine.open_channel("d", "anc.split", 0.0)
    engine.set_mode("local", 0.0)
    assert engine.mode == "local"
    engine.remove_device("d", 1.0)
    assert engine.mode == "forward"
