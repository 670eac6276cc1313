"""What one user costs for one hour, by the way that the audio is carried.

A function behind HTTP is paid by the request, so its price goes with one over the block's length;
a media worker is paid by the core. That is why blocks are 50–200 ms and frames go over WebRTC.
"""

from __future__ import annotations

from dataclasses import dataclass

from antiphase.cost.prices import PriceBook
from antiphase.cost.usage import Edge, Media, Traffic

__all__ = [
    "FULL_VCPU_MB",
    "GB",
    "HourRate",
    "answer_bytes",
    "edge_rate",
    "egress_gb_per_hour",
    "gb_seconds",
    "region_rate",
    "users_per_region",
    "webrtc_rate",
]

GB = 1024.0**3
# Lambda gives CPU in proportion to memory, one vCPU at this much.
FULL_VCPU_MB = 1769.0
# Quota of Lambda@Edge, by region.
REQUESTS_PER_SECOND = 10_000.0
# Of an answer beside its samples: 50 bytes of header, 810 of signed state (128 taps).
STATE_BYTES = 860.0


@dataclass(frozen=True)
class HourRate:
    """US dollars for one user and hour.

    Attributes
    ----------
    requests, compute, transfer, firewall : float
        The parts; compute is a function's time or a share of a worker.
    """

    requests: float
    compute: float
    transfer: float
    firewall: float

    @property
    def total(self) -> float:
        """The sum."""
        return self.requests + self.compute + self.transfer + self.firewall


def gb_seconds(edge: Edge, block_ms: float) -> float:
    """Return GB-seconds of one call: the less memory, the less CPU, the longer it runs."""
    share = min(1.0, edge.memory_mb / FULL_VCPU_MB)
    seconds = edge.cpu_share * block_ms / 1000 / share
    return seconds * edge.memory_mb / 1024


def answer_bytes(edge: Edge, block_ms: float) -> float:
    """Return the length of one answer: 16-bit samples, header and state."""
    return 2 * edge.fs * block_ms / 1000 + STATE_BYTES


def edge_rate(book: PriceBook, edge: Edge, block_ms: float, *, firewall: bool) -> HourRate:
    """Return the rate of blocks to the function behind the CDN."""
    blocks = 3_600_000 / block_ms
    gigabytes = blocks * answer_bytes(edge, block_ms) / GB
    return HourRate(
        requests=book["lambda_edge.request"].cost(blocks)
        + book["cloudfront.https_10k"].cost(blocks),
        compute=book["lambda_edge.gb_second"].cost(blocks * gb_seconds(edge, block_ms)),
        transfer=book["cloudfront.out_gb"].cost(gigabytes),
        firewall=book["waf.request_1m"].cost(blocks) if firewall else 0.0,
    )


def region_rate(book: PriceBook, edge: Edge, block_ms: float) -> HourRate:
    """Return the rate of the same blocks to a regional function behind an HTTP API."""
    blocks = 3_600_000 / block_ms
    gigabytes = blocks * answer_bytes(edge, block_ms) / GB
    return HourRate(
        requests=book["lambda.request"].cost(blocks) + book["apigw.http_1m"].cost(blocks),
        compute=book["lambda.gb_second.x86"].cost(blocks * gb_seconds(edge, block_ms)),
        transfer=book["dto.internet_gb"].cost(gigabytes),
        firewall=0.0,
    )


def egress_gb_per_hour(traffic: Traffic) -> float:
    """Return what one session sends to the internet in an hour, GB."""
    return traffic.wire_kbit_s * 1000 / 8 * 3600 / GB


def webrtc_rate(book: PriceBook, traffic: Traffic, media: Media) -> HourRate:
    """Return the rate of a session on a media worker that is as full as scaling makes it."""
    node = book[f"ec2.{media.node}"].cost(1)
    return HourRate(
        requests=0.0,
        compute=node * traffic.cores_per_session / (media.vcpus * media.busy),
        transfer=book["dto.internet_gb"].cost(egress_gb_per_hour(traffic)),
        firewall=0.0,
    )


def users_per_region(block_ms: float) -> float:
    """Return how many users one region's request quota carries at a block length."""
    return REQUESTS_PER_SECOND * block_ms / 1000
