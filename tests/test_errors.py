"""The exception tree and its one-line messages."""

from __future__ import annotations

import pytest

from antiphase import errors


def test_message_names_parameter_value_and_rule() -> None:
    """A parameter error reads `name=value must be rule`."""
    with pytest.raises(errors.ParameterError, match=r"^mu=2\.5 must be in \(0, 2\)$"):
        errors.require(False, "mu", 2.5, "in (0, 2)")


def test_good_parameters_pass() -> None:
    """`require` is silent when the rule holds."""
    errors.require(True, "mu", 0.5, "in (0, 2)")


def test_one_base_for_everything() -> None:
    """All public exceptions derive from AntiphaseError, so one except clause catches them."""
    classes = [getattr(errors, name) for name in errors.__all__ if name != "require"]
    assert all(issubclass(cls, errors.AntiphaseError) for cls in classes)
