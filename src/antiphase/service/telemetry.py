"""Figures for Prometheus, read from the host when they are asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from antiphase.service.host import RoomHost
from antiphase.service.signalling import Signalling

__all__ = ["make_registry"]

SESSION = {
    "antiphase_attenuation_db": "Estimated attenuation",
    "antiphase_bound_db": "Attenuation that the best fixed filter would have reached",
    "antiphase_margin_ms": "Causality margin",
    "antiphase_output_thd_percent": "Harmonics of the drive, where one line dominates it",
    "antiphase_output_snr_db": "What the filter makes of the reference, re what else is played",
}
DEVICE = {
    "antiphase_drift_ppm": "Drift of a device's clock re the server's",
    "antiphase_loss": "Share of a device's frames that were lost",
}


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
        for store, log in (("history", host.journal.written), ("registry", host.registry.later)):
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
        yield from _sessions(host)


def _sessions(host: RoomHost) -> Iterator[Metric]:
    """Give what each session measures; what is not known now is left out."""
    misses = CounterMetricFamily(
        "antiphase_deadline_misses", "Frames and updates that came too late", labels=["session"]
    )
    gauges = {
        name: GaugeMetricFamily(name, words, labels=["session"]) for name, words in SESSION.items()
    }
    devices = {
        name: GaugeMetricFamily(name, words, labels=["session", "device"])
        for name, words in DEVICE.items()
    }
    for session_id in host.rooms.ids:
        figures = host.rooms.figures(session_id, host.now())
        misses.add_metric([session_id], figures.deadline_misses)
        values = {
            "antiphase_attenuation_db": figures.attenuation.estimated,
            "antiphase_bound_db": figures.attenuation.bound,
            "antiphase_margin_ms": figures.margin_ms,
            "antiphase_output_thd_percent": figures.output.thd_percent,
            "antiphase_output_snr_db": figures.output.snr_db,
        }
        _add(gauges, [session_id], values)
        for device in figures.devices:
            of_device = {"antiphase_drift_ppm": device.drift_ppm, "antiphase_loss": device.loss}
            _add(devices, [session_id, device.device_id], of_device)
    yield misses
    yield from gauges.values()
    yield from devices.values()


def _add(
    gauges: dict[str, GaugeMetricFamily], labels: list[str], values: dict[str, float | None]
) -> None:
    for name, value in values.items():
        if value is not None and math.isfinite(value):
            gauges[name].add_metric(labels, value)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value)


def make_registry(host: RoomHost, signalling: Signalling) -> CollectorRegistry:
    """Return a registry of one host's figures."""
    registry = CollectorRegistry()
    registry.register(_Service(host, signalling))
    return registry
