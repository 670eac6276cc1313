"""What Kubernetes would refuse of the chart."""

from __future__ import annotations

from deploy.render import ENVIRONMENTS, KUBERNETES, faults, read_values, schema_faults

__all__ = ["chart_schema_errors"]


def chart_schema_errors() -> int:
    """Return the faults of all environments in all checked versions, and Helm's own."""
    found = 0
    for environment in ENVIRONMENTS:
        values = read_values(environment)
        found += len(faults(values))
        found += sum(len(schema_faults(values, version)) for version in KUBERNETES)
    return found
