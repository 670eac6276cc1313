"""The request's own cost table, line by line, beside what the dated prices give.

The request states dollars and no usage. What is paid by use is therefore turned round: its *before*
column says how much was used (35 million messages, 2,609 GB, 556 GB), and the *after* column is
derived for that same use. What is paid by the hour is the smallest thing that can be bought under
that name and does what the line says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from antiphase.cost.estimate import Estimate
from antiphase.cost.lifecycle import GLACIER_MONTHS, months_to_save, saving, storage_usd
from antiphase.cost.prices import PriceBook
from antiphase.cost.rates import gb_seconds
from antiphase.cost.usage import Edge, Storage

__all__ = ["Claim", "TableLine", "claims", "request_table"]

# Managed groups, the two rate rules and the country rule of the firewall module.
_WAF_RULES = 9
_ZONES = 3


@dataclass(frozen=True)
class TableLine:
    """A line of the request's table; US dollars a month, None where it has no such line.

    Attributes
    ----------
    name : str
        As in the request.
    claimed_before, claimed_after : float or None
        What it says.
    before, after : float
        Derived from dated prices.
    words : str
        What that buys.
    """

    name: str
    claimed_before: float | None
    claimed_after: float | None
    before: float
    after: float
    words: str


@dataclass(frozen=True)
class Claim:
    """A figure that the request promised.

    Attributes
    ----------
    name, claimed : str
        What, and how much.
    value : float
        Derived, in `unit`.
    unit : str
        Of the value.
    words : str
        Why it differs.
    """

    name: str
    claimed: str
    value: float
    unit: str
    words: str


@dataclass(frozen=True)
class _Usage:
    """What the request's *before* column pays for."""

    messages: float
    egress_gb: float
    logs_gb: float
    storage: Storage
    edge: Edge


def _usage(book: PriceBook) -> _Usage:
    gigabytes = 60 / book["s3.standard_gb"].cost(1)
    return _Usage(
        messages=35 / book["apigw.websocket_msg_1m"].cost(1),
        egress_gb=50 / book["dto.internet_gb"].cost(1),
        logs_gb=30 / book["cloudwatch.log_ingest_gb"].cost(1),
        storage=Storage(raw_gb=gigabytes / 12, raw_months=12.0),
        edge=Edge(memory_mb=1769.0),
    )


def request_table(book: PriceBook) -> list[TableLine]:
    """Return all lines of the request's table, then the lines that it leaves out."""
    usage = _usage(book)
    return [*_by_use(book, usage), *_by_hour(book), *_left_out(book)]


def _edge_usd(book: PriceBook, usage: _Usage) -> float:
    seconds = usage.messages * gb_seconds(usage.edge, usage.edge.block_ms)
    return (
        book["lambda_edge.request"].cost(usage.messages)
        + book["cloudfront.https_10k"].cost(usage.messages)
        + book["lambda_edge.gb_second"].cost(seconds)
    )


def _by_use(book: PriceBook, usage: _Usage) -> list[TableLine]:
    millions = usage.messages / 1e6
    stored = usage.storage.raw_gb * usage.storage.raw_months
    per_call = (50 - book["lambda.request"].cost(usage.messages)) / usage.messages
    gb_s = per_call / book["lambda.gb_second.x86"].cost(1)
    waf = _waf_usd(book) + book["waf.request_1m"].cost(usage.messages)
    return [
        TableLine(
            "Lambda (regional), then Lambda@Edge",
            50,
            35,
            50,
            _edge_usd(book, usage),
            f"{millions:.0f} million calls of {1000 * gb_s:.0f} ms at 1 GB; at the edge a "
            "call costs three times as much, and the CDN's request five times, however short",
        ),
        TableLine("API Gateway", 35, 35, 35, 35, f"{millions:.0f} million messages of 32 kB"),
        TableLine(
            "S3",
            60,
            20,
            60,
            storage_usd(book, usage.storage, "tiering and glacier"),
            f"{stored:.0f} GB kept for 12 months: the claim holds if nobody reads them again",
        ),
        TableLine(
            "Data transfer",
            50,
            15,
            50,
            50,
            f"{usage.egress_gb:.0f} GB to the internet, which no endpoint makes cheaper",
        ),
        TableLine("CloudWatch", 30, 30, 30, 30, f"{usage.logs_gb:.0f} GB of logs"),
        TableLine(
            "WAF",
            None,
            25,
            0,
            waf,
            f"{_WAF_RULES} rules are ${_waf_usd(book):.0f} before the first request",
        ),
    ]


def _waf_usd(book: PriceBook) -> float:
    return book["waf.acl_month"].cost(1) + book["waf.rule_month"].cost(_WAF_RULES)


def _by_hour(book: PriceBook) -> list[TableLine]:
    hours = book.hours_per_month
    database = book["rds.db.t4g.medium"].cost(2 * hours) + book["rds.gp3_gb"].cost(2 * 100)
    caches = book["elasticache.cache.t4g.medium"].cost(2 * hours)
    model = book["sagemaker.ml.m5.large"].cost(hours)
    workers = (
        book["eks.cluster_hour"].cost(hours)
        + book["ec2.c6i.large"].cost(3 * hours)
        + book["public_ipv4_hour"].cost((3 + _ZONES) * hours)
        + book["nlb.hour"].cost(hours)
        + book["nlb.lcu_hour"].cost(hours)
    )
    two = "2 × {}, so that one may fail"
    return [
        TableLine(
            "RDS",
            120,
            120,
            database,
            database,
            f"{two.format('db.t4g.medium')}, 100 GB each",
        ),
        TableLine("ElastiCache", 80, 80, caches, caches, two.format("cache.t4g.medium")),
        TableLine("SageMaker", 100, 100, model, model, "one ml.m5.large; a 90/10 split needs two"),
        TableLine(
            "WebRTC (Kubernetes)",
            None,
            20,
            0,
            workers,
            "control plane, the 3 replicas as c6i.large, addresses, load balancer; $20 is less "
            "than a third of the control plane",
        ),
    ]


def _left_out(book: PriceBook) -> list[TableLine]:
    hours = book.hours_per_month
    nat = book["nat.hour"].cost(_ZONES * hours) + book["public_ipv4_hour"].cost(_ZONES * hours)
    small = (
        book["kms.key"].cost(4)
        + book["secretsmanager.secret"].cost(6)
        + book["route53.zone"].cost(1)
        + book["ecr.gb"].cost(2)
    )
    return [
        TableLine("NAT gateways", None, None, 0, nat, "one in each of 3 zones, as requested"),
        TableLine("keys, secrets, names, images", None, None, 0, small, "KMS, Route 53, ECR"),
    ]


def claims(book: PriceBook, estimate: Estimate) -> list[Claim]:
    """Return the request's other cost figures beside derived ones."""
    return [*_table_claims(book), *_storage_claims(book), *_network_claims(book, estimate)]


def _table_claims(book: PriceBook) -> list[Claim]:
    rows = request_table(book)
    usage = _usage(book)
    before, after = sum(row.before for row in rows), sum(row.after for row in rows)
    edge = 50 - _edge_usd(book, usage)
    return [
        Claim("the table before", "$525 a month", before, "$", "what is paid by use is as claimed"),
        Claim("the table after", "$480 a month", after, "$", "more is built, and all of it paid"),
        Claim("saved by the table", "$45 a month", before - after, "$", "negative: it costs more"),
        Claim(
            "saved at scale",
            "40–60 %",
            100 * (before - after) / before,
            "%",
            "the request's own table says 8.6 %",
        ),
        Claim(
            "Lambda@Edge instead of regional",
            "$30 a month",
            edge,
            "$",
            "a request at the edge costs three times one in the region, and the CDN's comes on top",
        ),
    ]


def _storage_claims(book: PriceBook) -> list[Claim]:
    usage = _usage(book)
    storage = usage.storage
    plain, tiered, archived = (
        storage_usd(book, storage, rule) for rule in ("standard", "tiering", "tiering and glacier")
    )
    price = 1 - book["s3.glacier_flexible_gb"].cost(1) / book["s3.standard_gb"].cost(1)
    months = months_to_save(book, storage, "tiering and glacier", 0.68)
    kept = saving(book, replace(storage, raw_months=12.0), "tiering and glacier")
    needed = 120 / (plain - archived) * storage.raw_gb * storage.raw_months
    return [
        Claim("Intelligent-Tiering", "$40 a month", plain - tiered, "$", "of the $60 line"),
        Claim("lifecycle", "$25 a month", tiered - archived, "$", "on top of tiering"),
        Claim(
            "both, at scale",
            "$120 a month",
            plain - archived,
            "$",
            f"$120 needs {needed:.0f} GB instead of {storage.raw_gb * storage.raw_months:.0f}",
        ),
        Claim(
            "Glacier",
            "68 %",
            100 * kept,
            "%",
            f"over 12 months, {GLACIER_MONTHS:g} of them before Glacier; the price of a GB falls "
            f"by {100 * price:.0f} %, and 68 % is reached when they are kept {months} months",
        ),
    ]


def _network_claims(book: PriceBook, estimate: Estimate) -> list[Claim]:
    gigabytes = 50 / book["nat.gb"].cost(1)
    per_hour = estimate.session_hour_usd or 0.0
    hours = estimate.profile.traffic.minutes / 60
    return [
        Claim(
            "endpoints cut transfer",
            "90 %, $50 a month",
            gigabytes,
            "GB",
            "so much S3 and DynamoDB traffic must go through NAT for $50; those endpoints take all "
            "of it, and nothing of what goes to the internet",
        ),
        Claim(
            "a session",
            "$0.01",
            per_hour * hours,
            "$",
            f"{estimate.profile.name}, everything over all sessions of "
            f"{estimate.profile.traffic.minutes:g} minutes",
        ),
    ]
