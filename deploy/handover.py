"""Hands what Terraform built to the chart, from its outputs on standard input.

`terraform output -json | python3 handover.py values REGION` prints the chart's values of a region,
JSON, which Helm takes as YAML. `states-url` and `history-url` in place of `values` print what goes
into the keys of that name of the service's secret; the latter needs the password of the history's
user in HISTORY_PASSWORD. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any
from urllib.parse import quote

__all__ = ["history_url", "states_url", "values"]

# The database's own user belongs to RDS, which changes its password every week.
HISTORY_USER = "antiphase_service"
TURN_PORT = 3478
# Where the chart puts the file of the ConfigMap that `secrets.authorities` names.
HISTORY_AUTHORITIES = "/etc/antiphase/authorities/history.pem"


def values(outputs: dict[str, Any], region: str) -> dict[str, Any]:
    """Return the chart's values of a region.

    Parameters
    ----------
    outputs : dict
        Of the environment, by name.
    region : str
        One of its regions.

    Raises
    ------
    KeyError
        If an output is missing or knows nothing of the region.
    """
    host, own = outputs["host"], outputs["hosts"][region]
    tables, buckets = outputs["tables"], outputs["buckets"][region]
    return {
        "stores": {
            "sessionsUrl": f"dynamodb://{region}/{tables['sessions']}/{tables['connections']}",
            "objectsUrl": f"s3://{region}?raw={buckets['raw']}&processed={buckets['processed']}",
        },
        "media": {"domain": f"media.{own}", "origins": [f"https://{host}", f"https://{own}"]},
        "turn": {"realm": host, "urls": [f"turn:{own}:{TURN_PORT}?transport=udp"]},
    }


def states_url(outputs: dict[str, Any], region: str) -> str:
    """Return the address of a region's hot states; IAM knows the user, so it holds no password.

    Raises
    ------
    KeyError
        As `values`.
    """
    to = outputs["states"][region]
    place = f"{to['user']}@{to['address']}:{to['port']}/{to['group']}"
    return f"elasticache://{place}?region={region}"


def history_url(outputs: dict[str, Any], region: str, password: str) -> str:
    """Return the address of a region's history with the password of its user.

    Raises
    ------
    KeyError
        As `values`.
    """
    to = outputs["history"][region]
    user = f"{HISTORY_USER}:{quote(password, safe='')}"
    place = f"{user}@{to['address']}:{to['port']}/{to['database']}"
    checks = f"sslmode=verify-full&sslrootcert={HISTORY_AUTHORITIES}"
    return f"postgresql+psycopg://{place}?{checks}"


def main() -> int:
    """Print one of the three; end with 1 and one line where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["values", "states-url", "history-url"])
    parser.add_argument("region", help="such as us-east-1")
    asked = parser.parse_args()
    password = os.environ.get("HISTORY_PASSWORD", "")
    if asked.what == "history-url" and not password:
        print("HISTORY_PASSWORD must hold the password of the history's user", file=sys.stderr)
        return 1
    try:
        outputs = {name: each["value"] for name, each in json.load(sys.stdin).items()}
        if asked.what == "values":
            print(json.dumps(values(outputs, asked.region), indent=2))
        elif asked.what == "states-url":
            print(states_url(outputs, asked.region))
        else:
            print(history_url(outputs, asked.region, password))
    except KeyError as missing:
        print(f"the outputs have no {missing}: is the region one of `hosts`?", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"not the JSON of terraform output -json: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
