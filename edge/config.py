"""Settings of the edge function; `edge/build.py` renders this file (there are no variables)."""

from __future__ import annotations

from .state_token import Keys

__all__ = [
    "ALLOW_ORIGIN",
    "KEYS",
    "LONGEST_STATE",
    "MAX_TAPS",
    "MAX_WORK",
    "NS_PER_WORK",
    "PATH",
    "RESERVE_MS",
]

PATH = "/anc-process"
# For development only: a build names its own.
KEYS = Keys({1: b"development key, never deployed"}, current=1)
ALLOW_ORIGIN = "*"
# Beyond these the region is asked: taps, frames · (taps + path taps), raw bytes of the token.
MAX_TAPS = 1024
MAX_WORK = 4_000_000
LONGEST_STATE = 4096
# Price of one unit of work on the memory that Terraform gives the function (FxNLMS, the slower,
# takes 150 ns there), and what else a call needs.
NS_PER_WORK = 160
RESERVE_MS = 50
