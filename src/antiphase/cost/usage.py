"""What is used in a month and on what it runs: profiles as frozen value objects.

A profile is one TOML file with the tables below; the built-in ones lie in the folder ``profiles``
beside this module. Levels of load are means over the month; `Traffic.peak` sizes what has to be
there for the busiest hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from antiphase.errors import FileFormatError, require
from antiphase.tables import build, nearest, read_toml

__all__ = [
    "BUILTIN",
    "Data",
    "Edge",
    "Media",
    "Network",
    "Operations",
    "Profile",
    "Storage",
    "Traffic",
    "load_profile",
]

BUILTIN = ("dev", "staging", "production")
_FOLDER = Path(__file__).parent / "profiles"
# RTP header, SRTP tag, UDP and IPv4 headers.
PACKET_OVERHEAD_BYTES = 12 + 16 + 8 + 20


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Live sessions over WebRTC.

    Attributes
    ----------
    sessions : float
        Held at once, mean over the month, ≥ 0.
    peak : float
        Busiest hour over mean, ≥ 1.
    minutes : float
        Length of a session, > 0.
    devices : float
        Devices of a session, ≥ 1.
    split, clean, forward : float
        Shares of the sessions by what the server does for them; their sum is 1.
    codec_kbit_s, frame_ms : float
        Audio that the server sends in each session, and its packets.
    """

    sessions: float
    peak: float = 2.0
    minutes: float = 30.0
    devices: float = 2.0
    split: float = 1.0
    clean: float = 0.0
    forward: float = 0.0
    codec_kbit_s: float = 32.0
    frame_ms: float = 20.0

    def __post_init__(self) -> None:
        require(self.sessions >= 0, "traffic.sessions", self.sessions, "≥ 0")
        require(self.peak >= 1, "traffic.peak", self.peak, "≥ 1")
        require(self.minutes > 0, "traffic.minutes", self.minutes, "> 0")
        require(self.devices >= 1, "traffic.devices", self.devices, "≥ 1")
        shares = (self.split, self.clean, self.forward)
        whole = min(shares) >= 0 and abs(sum(shares) - 1) < 1e-6
        require(whole, "traffic.split, clean, forward", shares, "shares ≥ 0 with the sum 1")
        require(self.codec_kbit_s > 0, "traffic.codec_kbit_s", self.codec_kbit_s, "> 0")
        require(self.frame_ms > 0, "traffic.frame_ms", self.frame_ms, "> 0")

    @property
    def wire_kbit_s(self) -> float:
        """What the server sends in a session with all headers, kbit/s."""
        return self.codec_kbit_s + PACKET_OVERHEAD_BYTES * 8 / self.frame_ms

    @property
    def cores_per_session(self) -> float:
        """Cores that a session keeps busy, by the measured figures of each kind."""
        return (
            self.split * CORES_PER_SPLIT
            + self.clean / CLEAN_PER_CORE
            + self.forward / FORWARD_PER_CORE
        )


# Measured on a quiet two-core machine: the solver's share at 512 taps and 8 kHz
# (benchmarks.network), and the sessions held on one core (benchmarks.media).
CORES_PER_SPLIT = 0.04
CLEAN_PER_CORE = 250.0
FORWARD_PER_CORE = 1500.0


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Clients that only have HTTP: blocks to the function behind the CDN.

    Attributes
    ----------
    users : float
        At once, mean over the month, ≥ 0.
    block_ms : float
        Length of a block, 50 to 200.
    memory_mb : float
        Of the function; 1,769 MB are one vCPU.
    cpu_share : float
        Time that a whole vCPU computes over time of audio.
    fs : float
        Rate of the audio, Hz, 16-bit.
    handed_over : float
        Share of the blocks that go on to the region.
    """

    users: float = 0.0
    block_ms: float = 100.0
    memory_mb: float = 512.0
    cpu_share: float = 0.058
    fs: float = 8000.0
    handed_over: float = 0.01

    def __post_init__(self) -> None:
        require(self.users >= 0, "edge.users", self.users, "≥ 0")
        require(50 <= self.block_ms <= 200, "edge.block_ms", self.block_ms, "50 to 200")
        require(128 <= self.memory_mb <= 10_240, "edge.memory_mb", self.memory_mb, "128 to 10240")
        require(self.cpu_share > 0, "edge.cpu_share", self.cpu_share, "> 0")
        require(self.fs > 0, "edge.fs", self.fs, "> 0")
        require(0 <= self.handed_over <= 1, "edge.handed_over", self.handed_over, "0 to 1")


@dataclass(frozen=True, kw_only=True)
class Media:
    """What carries the live sessions: nodes that clients reach directly.

    Attributes
    ----------
    node : str
        Instance type, a key ``ec2.<node>`` of the price list.
    vcpus : int
        Of a node.
    least_nodes : int
        Kept at all times.
    busy : float
        Share of a node's cores that scaling fills, 0 to 1.
    cluster : bool
        Whether a managed Kubernetes control plane is paid for.
    """

    node: str = "c6i.large"
    vcpus: int = 2
    least_nodes: int = 3
    busy: float = 0.6
    cluster: bool = True

    def __post_init__(self) -> None:
        require(self.vcpus >= 1, "media.vcpus", self.vcpus, "≥ 1")
        require(self.least_nodes >= 0, "media.least_nodes", self.least_nodes, "≥ 0")
        require(0 < self.busy <= 1, "media.busy", self.busy, "above 0, at most 1")


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Recordings, results and models.

    Attributes
    ----------
    raw_gb, processed_gb : float
        Added in a month.
    raw_months : float
        Months that recordings are kept.
    object_mb : float
        Mean size of a recording.
    models_gb : float
        Models that lie there.
    """

    raw_gb: float = 0.0
    processed_gb: float = 0.0
    raw_months: float = 12.0
    object_mb: float = 10.0
    models_gb: float = 1.0

    def __post_init__(self) -> None:
        for name in ("raw_gb", "processed_gb", "models_gb"):
            require(getattr(self, name) >= 0, f"storage.{name}", getattr(self, name), "≥ 0")
        require(self.raw_months >= 1, "storage.raw_months", self.raw_months, "≥ 1")
        require(self.object_mb > 0, "storage.object_mb", self.object_mb, "> 0")


@dataclass(frozen=True, kw_only=True)
class Network:
    """The private network.

    Attributes
    ----------
    zones : int
        Availability zones.
    nat : str
        ``per_zone``, ``single`` or ``none``.
    nat_gb : float
        Through the NAT gateways in a month: images, telemetry, AWS services without an endpoint.
    interface_endpoints : int
        Services reached through interface endpoints.
    """

    zones: int = 3
    nat: str = "per_zone"
    nat_gb: float = 0.0
    interface_endpoints: int = 0

    def __post_init__(self) -> None:
        require(self.zones >= 1, "network.zones", self.zones, "≥ 1")
        known = self.nat in {"per_zone", "single", "none"}
        require(known, "network.nat", self.nat, "per_zone, single or none")
        require(self.nat_gb >= 0, "network.nat_gb", self.nat_gb, "≥ 0")
        endpoints = self.interface_endpoints
        require(endpoints >= 0, "network.interface_endpoints", endpoints, "≥ 0")

    @property
    def gateways(self) -> int:
        """How many NAT gateways there are."""
        return {"per_zone": self.zones, "single": 1, "none": 0}[self.nat]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Databases and inference.

    Attributes
    ----------
    database, cache, inference : str
        Classes: keys ``rds.<database>``, ``elasticache.<cache>``, ``sagemaker.<inference>`` of the
        price list; empty for none (the service then uses its embedded stores).
    multi_az : bool
        Whether the database has a standby.
    database_gb : float
        Its disk.
    cache_nodes, inference_nodes : int
        How many of them.
    replica_regions : int
        Further regions of the tables.
    writes_per_session, reads_per_session : float
        Requests to the tables for one session, its index writes included.
    """

    database: str = ""
    multi_az: bool = False
    database_gb: float = 20.0
    cache: str = ""
    cache_nodes: int = 0
    inference: str = ""
    inference_nodes: int = 0
    replica_regions: int = 0
    writes_per_session: float = 40.0
    reads_per_session: float = 40.0

    def __post_init__(self) -> None:
        for name in ("database_gb", "cache_nodes", "inference_nodes", "replica_regions"):
            require(getattr(self, name) >= 0, f"data.{name}", getattr(self, name), "≥ 0")


@dataclass(frozen=True, kw_only=True)
class Operations:
    """What guards and watches.

    Attributes
    ----------
    waf_rules : int
        Rules and managed groups of the firewall; 0 for no firewall.
    log_gb : float
        Logs taken in a month.
    log_months : float
        Months that they are kept.
    metrics, alarms : int
        Custom metrics and alarms.
    keys, secrets, health_checks : int
        KMS keys, secrets, Route 53 health checks.
    """

    waf_rules: int = 0
    log_gb: float = 0.0
    log_months: float = 3.0
    metrics: int = 0
    alarms: int = 0
    keys: int = 0
    secrets: int = 0
    health_checks: int = 0


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One environment's month.

    Attributes
    ----------
    name, about : str
        What it is.
    traffic, edge, media, storage, network, data, operations
        The tables.
    """

    name: str
    about: str = ""
    traffic: Traffic
    edge: Edge = field(default_factory=Edge)
    media: Media = field(default_factory=Media)
    storage: Storage = field(default_factory=Storage)
    network: Network = field(default_factory=Network)
    data: Data = field(default_factory=Data)
    operations: Operations = field(default_factory=Operations)


def load_profile(name: str, changes: Mapping[str, Any] | None = None) -> Profile:
    """Return a built-in profile, or the one in a TOML file.

    Parameters
    ----------
    name : str
        One of `BUILTIN`, or a path ending in ``.toml``.
    changes : mapping
        Values by dotted key, such as ``{"traffic.sessions": 100}``.

    Raises
    ------
    FileFormatError
        If there is no such profile, or a key or type is wrong.
    ParameterError
        If a value is out of range.
    """
    if name in BUILTIN:
        path = _FOLDER / f"{name}.toml"
    elif name.endswith(".toml"):
        path = Path(name)
    else:
        raise FileFormatError(f"no profile is called {name!r}; {nearest(name, BUILTIN)}")
    tables = {"name": path.stem, **read_toml(path)}
    for key, value in (changes or {}).items():
        table, dot, entry = key.partition(".")
        if not dot:
            tables[key] = value
        else:
            tables.setdefault(table, {})[entry] = value
    return build(Profile, tables)
