"""Writes the external address of this pod's node to a file: `node_address.py FILE`.

Peers are told the address that they can reach. Kubernetes tells a pod its node's internal address
only; the external one stands in the node's own object, which the pod's account may read.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.request
from pathlib import Path
from typing import Any

# Where Kubernetes puts a token unless it is told otherwise.
ACCOUNT = os.environ.get("SERVICE_ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount")


def external_address(node: dict[str, Any]) -> str | None:
    """Return the first external address in a node's status, None if it has none."""
    for entry in node["status"].get("addresses", []):
        if entry["type"] == "ExternalIP":
            return str(entry["address"])
    return None


def read_node(name: str) -> dict[str, Any]:
    """Return a node's object from the Kubernetes API."""
    account = Path(ACCOUNT)
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    place = f"[{host}]" if ":" in host else host
    token = (account / "token").read_text(encoding="ascii")
    request = urllib.request.Request(
        f"https://{place}:{port}/api/v1/nodes/{name}", headers={"Authorization": f"Bearer {token}"}
    )
    context = ssl.create_default_context(cafile=str(account / "ca.crt"))
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


def main() -> int:
    """Write the file; end with 1 and one line where the node has no external address."""
    name = os.environ["NODE_NAME"]
    try:
        address = external_address(read_node(name))
    except OSError as error:
        print(f"node {name} can't be read: {error}", file=sys.stderr)
        return 1
    if address is None:
        print(
            f"node {name} has no ExternalIP: put workers on nodes with public addresses, or set "
            "media.advertise to hostIP or podIP",
            file=sys.stderr,
        )
        return 1
    Path(sys.argv[1]).write_text(address, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
