"""A profile's month, line by line: quantity times dated price."""

from __future__ import annotations

import math
from dataclasses import dataclass

from antiphase.cost.lifecycle import quantities
from antiphase.cost.prices import PriceBook, read_prices
from antiphase.cost.rates import (
    GB,
    answer_bytes,
    egress_gb_per_hour,
    gb_seconds,
)
from antiphase.cost.usage import Edge, Profile, load_profile

__all__ = ["MISSING", "Estimate", "Line", "estimate", "monthly_cost_usd", "nodes_for"]

# What the infrastructure builds and the price list has no dated price for.
MISSING = (
    "Firehose and its delivery of the firewall's log",
    "X-Ray traces",
    "Shield Advanced",
    "retrieval from Glacier",
    "spot, reserved and savings-plan prices",
    "support plans and tax",
)

_RECORDINGS = {
    "s3.it_frequent_gb": "recordings of the last month",
    "s3.it_infrequent_gb": "recordings unread for 30 days",
    "s3.glacier_flexible_gb": "recordings in Glacier",
    "s3.standard_gb": "their names",
    "s3.put_1k": "puts",
    "s3.it_lifecycle_1k": "moves to tiering",
    "s3.it_monitoring_1k": "its monitoring",
    "s3.glacier_flexible_lifecycle_1k": "moves to Glacier",
}


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes
    ----------
    part, what : str
        Heading and words.
    key : str
        The price that it was taken with.
    quantity : float
        Units of that price.
    usd : float
        A month.
    """

    part: str
    what: str
    key: str
    quantity: float
    usd: float


@dataclass(frozen=True)
class Estimate:
    """A month.

    Attributes
    ----------
    profile : Profile
        What it is for.
    lines : tuple of Line
        All of the table.
    hours : float
        Of the month.
    """

    profile: Profile
    lines: tuple[Line, ...]
    hours: float

    @property
    def total(self) -> float:
        """US dollars a month."""
        return sum(line.usd for line in self.lines)

    @property
    def parts(self) -> dict[str, float]:
        """US dollars a month by heading, in order."""
        sums: dict[str, float] = {}
        for line in self.lines:
            sums[line.part] = sums.get(line.part, 0.0) + line.usd
        return sums

    @property
    def session_hour_usd(self) -> float | None:
        """All of it over the hours of WebRTC sessions and edge users; None without either."""
        at_once = self.profile.traffic.sessions + self.profile.edge.users
        return self.total / (at_once * self.hours) if at_once else None


class _Ledger:
    """Collects lines; leaves out what there is none of."""

    def __init__(self, book: PriceBook) -> None:
        self.book = book
        self.lines: list[Line] = []

    def add(self, part: str, what: str, key: str, quantity: float) -> None:
        """Add a line."""
        if quantity > 0:
            usd = self.book[key].cost(quantity)
            self.lines.append(Line(part, what, key, quantity, usd))

    def hours(self, part: str, what: str, key: str, count: float) -> None:
        """Add a line of something that is there all month."""
        self.add(part, what, key, count * self.book.hours_per_month)


def nodes_for(profile: Profile, sessions: float) -> int:
    """Return the media nodes that scaling keeps for so many sessions at once."""
    media = profile.media
    wanted = sessions * profile.traffic.cores_per_session / (media.vcpus * media.busy)
    return max(media.least_nodes, math.ceil(wanted - 1e-9))


def estimate(profile: Profile, book: PriceBook | None = None) -> Estimate:
    """Return what a profile costs in a month.

    Parameters
    ----------
    profile : Profile
    book : PriceBook
        The package's own by default.

    Raises
    ------
    ParameterError
        If the price list lacks a price that the profile needs.
    """
    ledger = _Ledger(book or read_prices())
    for add in (_media, _edge, _data, _storage, _network, _security, _watching):
        add(ledger, profile)
    return Estimate(profile, tuple(ledger.lines), ledger.book.hours_per_month)


def monthly_cost_usd(name: str) -> float:
    """Return the month's total of a built-in profile or of the one in a file, US dollars."""
    return estimate(load_profile(name)).total


def _media(ledger: _Ledger, profile: Profile) -> None:
    media, traffic = profile.media, profile.traffic
    nodes = nodes_for(profile, traffic.sessions)
    zones = profile.network.zones
    egress = egress_gb_per_hour(traffic) * traffic.sessions * ledger.book.hours_per_month
    ledger.hours("media", f"{nodes} × {media.node}", f"ec2.{media.node}", nodes)
    ledger.add("media", "disks of the nodes, 30 GB each", "ebs.gp3_gb", 30.0 * nodes)
    ledger.hours("media", "Kubernetes control plane", "eks.cluster_hour", float(media.cluster))
    ledger.hours("media", "public addresses of the nodes", "public_ipv4_hour", nodes)
    ledger.hours("media", "load balancer of signalling", "nlb.hour", 1)
    ledger.hours("media", "its addresses", "public_ipv4_hour", zones)
    ledger.hours("media", "its capacity, one unit", "nlb.lcu_hour", 1)
    ledger.add("media", "audio to the internet", "dto.internet_gb", egress)


def _edge(ledger: _Ledger, profile: Profile) -> None:
    edge = profile.edge
    blocks = _blocks(ledger, edge)
    handed = blocks * edge.handed_over
    answer = answer_bytes(edge, edge.block_ms)
    compute = gb_seconds(edge, edge.block_ms)
    ledger.add("edge", "calls of the function", "lambda_edge.request", blocks)
    ledger.add("edge", "its compute", "lambda_edge.gb_second", blocks * compute)
    ledger.add("edge", "requests to the CDN", "cloudfront.https_10k", blocks)
    ledger.add("edge", "answers", "cloudfront.out_gb", blocks * answer / GB)
    # A block is as long as its answer: samples and state go both ways.
    ledger.add("edge", "handed to the region", "cloudfront.to_origin_gb", handed * answer / GB)
    ledger.add("edge", "calls of the regional function", "lambda.request", handed)
    ledger.add("edge", "its compute", "lambda.gb_second.x86", handed * compute)


def _blocks(ledger: _Ledger, edge: Edge) -> float:
    return edge.users * ledger.book.hours_per_month * 3_600_000 / edge.block_ms


def _data(ledger: _Ledger, profile: Profile) -> None:
    data, traffic = profile.data, profile.traffic
    sessions = traffic.sessions * ledger.book.hours_per_month * 60 / traffic.minutes
    writes = sessions * data.writes_per_session
    ledger.add("data", "writes of the tables", "dynamodb.wru", writes)
    ledger.add("data", "reads of the tables", "dynamodb.rru", sessions * data.reads_per_session)
    ledger.add(
        "data",
        f"writes in {data.replica_regions} further regions",
        "dynamodb.rwru",
        writes * data.replica_regions,
    )
    ledger.add(
        "data", "tables, 1 GB in each region", "dynamodb.storage_gb", 1 + data.replica_regions
    )
    ledger.add("data", "their point-in-time recovery", "dynamodb.pitr_gb", 1)
    if data.database:
        copies = 2 if data.multi_az else 1
        ledger.hours("data", f"{copies} × {data.database}", f"rds.{data.database}", copies)
        ledger.add("data", "disks of the database", "rds.gp3_gb", copies * data.database_gb)
    if data.cache:
        words = f"{data.cache_nodes} × {data.cache}"
        ledger.hours("data", words, f"elasticache.{data.cache}", data.cache_nodes)
    if data.inference:
        words = f"{data.inference_nodes} × {data.inference}"
        ledger.hours("data", words, f"sagemaker.{data.inference}", data.inference_nodes)


def _storage(ledger: _Ledger, profile: Profile) -> None:
    storage = profile.storage
    amounts = quantities(storage, "tiering and glacier")
    for key, words in _RECORDINGS.items():
        ledger.add("storage", words, key, amounts[key])
    ledger.add("storage", "results, 30 days", "s3.standard_gb", storage.processed_gb)
    ledger.add("storage", "models", "s3.standard_gb", storage.models_gb)
    ledger.add("storage", "images, 2 GB", "ecr.gb", 2)


def _network(ledger: _Ledger, profile: Profile) -> None:
    network = profile.network
    endpoints = network.interface_endpoints * network.zones
    ledger.hours("network", f"{network.gateways} NAT gateways", "nat.hour", network.gateways)
    ledger.hours("network", "their addresses", "public_ipv4_hour", network.gateways)
    ledger.add("network", "through them", "nat.gb", network.nat_gb if network.gateways else 0)
    ledger.hours("network", "interface endpoints", "vpce.interface_hour", endpoints)
    ledger.add("network", "names, one zone", "route53.zone", 1)
    ledger.add("network", "queries", "route53.query_latency_1m", 1e6)
    checks = profile.operations.health_checks
    ledger.add("network", "health checks", "route53.health_check", checks)


def _security(ledger: _Ledger, profile: Profile) -> None:
    operations, edge = profile.operations, profile.edge
    if operations.waf_rules:
        ledger.add("security", "firewall", "waf.acl_month", 1)
        ledger.add("security", "its rules and groups", "waf.rule_month", operations.waf_rules)
        ledger.add("security", "requests seen", "waf.request_1m", _blocks(ledger, edge))
    ledger.add("security", "keys", "kms.key", operations.keys)
    ledger.add("security", "secrets", "secretsmanager.secret", operations.secrets)


def _watching(ledger: _Ledger, profile: Profile) -> None:
    operations = profile.operations
    kept = operations.log_gb * operations.log_months
    ledger.add("watching", "logs taken", "cloudwatch.log_ingest_gb", operations.log_gb)
    ledger.add("watching", "logs kept", "cloudwatch.log_store_gb", kept)
    ledger.add("watching", "metrics", "cloudwatch.custom_metric", operations.metrics)
    ledger.add("watching", "alarms", "cloudwatch.alarm", operations.alarms)
