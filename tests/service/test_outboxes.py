"""Messages that wait for WebSockets."""

from __future__ import annotations

import asyncio

from antiphase.service.outboxes import Outbox, Outboxes


def test_a_slow_reader_misses_figures_and_nothing_else() -> None:
    """Figures are left out beyond a few dozen; other messages are kept."""

    async def run() -> None:
        box = Outbox()
        for k in range(500):
            box.put({"type": "figures", "time_s": k})
        box.put({"type": "bye"})
        kinds: list[str] = []
        while not kinds or kinds[-1] != "bye":
            kinds.append((await box.get())["type"])
        assert 10 < kinds.count("figures") < 100

    asyncio.run(run())


def test_each_message_goes_to_whom_it_is_for() -> None:
    """To one device, to all of a session or to all; who has left gets none."""

    async def run() -> None:
        boxes = Outboxes()
        one, two, other = Outbox(), Outbox(), Outbox()
        boxes.add("a", "1", one)
        boxes.add("a", "2", two)
        boxes.add("b", "3", other)
        boxes.put("a", "1", {"type": "to 1"})
        boxes.put("a", "nobody", {"type": "to nobody"})
        boxes.put("a", None, {"type": "to a"})
        boxes.drop("a", "2")
        boxes.put_all({"type": "to all"})
        boxes.drop_session("a")
        boxes.put_all({"type": "late"})
        for box, kinds in (
            (one, ["to 1", "to a", "to all"]),
            (two, ["to a"]),
            (other, ["to all", "late"]),
        ):
            got: list[str] = []
            with_end = [*kinds, "end"]
            box.put({"type": "end"})
            while not got or got[-1] != "end":
                got.append((await box.get())["type"])
            assert got == with_end

    asyncio.run(run())
