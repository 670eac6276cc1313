"""Settings: what is refused at the start, in one line that says what to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from antiphase.errors import ParameterError
from antiphase.service.settings import read_settings


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"host": "0.0.0.0"}, "plain HTTP is for localhost only"),  # noqa: S104 - refused
        ({"port": 70000}, "port=70000"),
        ({"certificate": Path("a.pem")}, "must be given together"),
        (
            {"host": "::", "certificate": Path("a"), "certificate_key": Path("b")},
            "needs api_keys",
        ),
        ({"turn_urls": ("turn:a",)}, "turn_secret"),
        ({"token_secret": "short"}, "token_secret='short'"),
        ({"session_ttl_s": -1}, "session_ttl_s=-1"),
    ],
)
def test_bad_settings_are_refused(arguments: dict[str, Any], message: str) -> None:
    """Each fault is one line."""
    with pytest.raises(ParameterError, match=message) as caught:
        read_settings(**arguments)
    assert "\n" not in str(caught.value)


def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument > environment > default; None is no argument."""
    monkeypatch.setenv("ANTIPHASE_PORT", "9000")
    assert read_settings(port=9001).port == 9001
    assert read_settings(port=None).port == 9000
    monkeypatch.delenv("ANTIPHASE_PORT")
    assert read_settings().port == 8443


def test_a_secret_is_new_at_each_start() -> None:
    """Tokens of one start mean nothing to the next unless a secret is set."""
    assert read_settings().token_secret != read_settings().token_secret


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("::1", True), ("localhost", True)]
)
def test_loopback_is_known(host: str, expected: bool) -> None:
    """All names of this machine count as loopback."""
    assert read_settings(host=host).is_loopback is expected
