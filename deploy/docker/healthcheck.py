"""Ends with 0 while the service in this container answers."""

from __future__ import annotations

import os
import ssl
import sys
import urllib.request

PORT = os.environ.get("ANTIPHASE_PORT", "8443")
SCHEME = "https" if os.environ.get("ANTIPHASE_CERTIFICATE") else "http"


def main() -> int:
    """Ask for /healthz on loopback; the certificate is for another name and not checked here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(  # noqa: S310 - the address is ours
            f"{SCHEME}://127.0.0.1:{PORT}/healthz", timeout=2, context=context
        ) as answer:
            return int(answer.status != 200)
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
