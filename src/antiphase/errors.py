"""All exceptions of the package.

::

    AntiphaseError
    ├── ParameterError (ValueError)      a parameter outside its range
    ├── SignalError (ValueError)         a signal with the wrong shape, rate or content
    ├── FileFormatError (ValueError)     a file that can't be read as what it should be
    ├── ProtocolError (ValueError)       bytes or text from a peer that break the protocol
    ├── StateError (ValueError)          a saved state that does not fit
    ├── StoreError                       a store that does not answer
    ├── StabilityError                   a controller that would be unstable on its path
    └── MissingDependencyError (ImportError)   an optional package that is not installed

Every message is one line and says what to change.
"""

from __future__ import annotations

__all__ = [
    "AntiphaseError",
    "FileFormatError",
    "MissingDependencyError",
    "ParameterError",
    "ProtocolError",
    "SignalError",
    "StabilityError",
    "StateError",
    "StoreError",
    "require",
]


class AntiphaseError(Exception):
    """Base of everything this package raises on purpose."""


class ParameterError(AntiphaseError, ValueError):
    """A parameter outside its range: ``mu=2.5 must be in (0, 2)``.

    Parameters
    ----------
    name : str
        The parameter's name.
    value : object
        What was given.
    rule : str
        What it must be, such as ``"in (0, 2)"`` or ``"a positive number of taps"``.
    """

    def __init__(self, name: str, value: object, rule: str) -> None:
        super().__init__(f"{name}={value!r} must be {rule}")
        self.name = name
        self.value = value
        self.rule = rule


class SignalError(AntiphaseError, ValueError):
    """A signal with the wrong shape, rate or content."""


class FileFormatError(AntiphaseError, ValueError):
    """A file that can't be read as what it should be."""


class ProtocolError(AntiphaseError, ValueError):
    """Bytes or text from a peer that break the protocol they claim to follow."""


class StateError(AntiphaseError, ValueError):
    """A saved state that does not fit the object it is loaded into."""


class StoreError(AntiphaseError):
    """A database or object store that does not answer; the message names it."""


class StabilityError(AntiphaseError):
    """A controller that would be unstable on the path it is given."""


class MissingDependencyError(AntiphaseError, ImportError):
    """An optional package that is not installed; the message names the extra to install."""


def require(ok: bool, name: str, value: object, rule: str) -> None:
    """Raise `ParameterError` unless `ok`.

    Parameters
    ----------
    ok : bool
        Whether the parameter is good.
    name, value, rule
        As for `ParameterError`.

    Raises
    ------
    ParameterError
        If `ok` is false.
    """
    if not ok:
        raise ParameterError(name, value, rule)
