"""WebRTC data plane: bytes in, bytes and events out, a clock passed in; drivers do the I/O."""

from __future__ import annotations
