"""Devices describe themselves."""

from __future__ import annotations

import numpy as np
import pytest

from antiphase.errors import ParameterError
from antiphase.realtime import DeviceDescription, RoleBinding


@pytest.mark.parametrize(
    "changes",
    [
        {"fs": 10},
        {"taps": 0},
        {"name": "x" * 200},
        {"device_margin_ms": 1e9},
        {"secondary_path_estimate": np.zeros(4)},
        {"secondary_path_estimate": np.full(4, np.nan)},
        {"secondary_path_estimate": np.ones((2, 2))},
        {"roles": (RoleBinding("error"),) * 17},
    ],
    ids=str,
)
def test_bad_descriptions_are_refused(changes: dict[str, object]) -> None:
    """Each value outside its range is named."""
    with pytest.raises(ParameterError, match=next(iter(changes))):
        DeviceDescription(**changes)  # type: ignore[arg-type]


def test_bad_roles_are_refused() -> None:
    """Unknown roles, odd channels and empty tracks are errors."""
    with pytest.raises(ParameterError, match="role"):
        RoleBinding("boss")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="track"):
        RoleBinding("error", "")
    with pytest.raises(ParameterError, match="channel"):
        RoleBinding("error", "0", -1)


def test_roles_are_found() -> None:
    """The first binding of a role counts; names come once each."""
    roles = (RoleBinding("error", "1"), RoleBinding("error", "data"), RoleBinding("listener", "2"))
    description = DeviceDescription("d", roles)
    assert description.binding("error") == roles[0]
    assert description.binding("talker") is None
    assert description.role_names == ["error", "listener"]
    assert [role.mid for role in roles] == ["1", "", "2"]
    assert roles[0].as_dict() == {"role": "error", "track": "1", "channel": 0}
