"""Figures for Prometheus, read from the host when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from antiphase.service.host import RoomHost
from antiphase.service.signalling import Signalling

__all__ = ["make_registry"]


class _Service(Collector):
    def __init__(self, host: RoomHost, signalling: Signalling) -> None:
        self._host, self._signalling = host, signalling

    def describe(self) -> list[Metric]:
        """Return nothing: names are read when there are values."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return all metrics of now."""
        host = self._host
        ids = host.rooms.ids
        yield _gauge("antiphase_sessions", "Open sessions", len(ids))
        yield _gauge("antiphase_websockets", "Open WebSockets", self._signalling.connections)
        yield _gauge("antiphase_peers", "Media peers", len(host.endpoint.sessions))
        yield _gauge("antiphase_draining", "1 while no new sessions are taken", host.draining)
        waiting = GaugeMetricFamily(
            "antiphase_writes_waiting", "Writes that a store has not taken yet", labels=["store"]
        )
        lost = CounterMetricFamily(
            "antiphase_writes_lost", "Writes given up for good", labels=["store"]
        )
        failures = CounterMetricFamily(
            "antiphase_write_failures", "Times that a store did not take writes", labels=["store"]
        )
        for store, log in (("history", host.written), ("registry", host.registry.later)):
            waiting.add_metric([store], log.waiting)
            lost.add_metric([store], log.lost)
            failures.add_metric([store], log.failures)
        yield from (waiting, lost, failures)
        dropped = CounterMetricFamily(
            "antiphase_datagrams_dropped", "Datagrams dropped, by reason", labels=["reason"]
        )
        for reason, count in asdict(host.endpoint.counters).items():
            dropped.add_metric([reason], count)
        yield dropped
        reduction = GaugeMetricFamily(
            "antiphase_attenuation_db", "Estimated attenuation", labels=["session"]
        )
        misses = CounterMetricFamily(
            "antiphase_deadline_misses", "Frames and updates that came too late", labels=["session"]
        )
        for session_id in ids:
            figures = host.rooms.figures(session_id, host.now())
            misses.add_metric([session_id], figures.deadline_misses)
            if figures.attenuation.estimated is not None:
                reduction.add_metric([session_id], figures.attenuation.estimated)
        yield reduction
        yield misses


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value)


def make_registry(host: RoomHost, signalling: Signalling) -> CollectorRegistry:
    """Return a registry of one host's figures."""
    registry = CollectorRegistry()
    registry.register(_Service(host, signalling))
    return registry
