"""Commands of `aws`, held against the description of AWS's interface that its own library carries.

The command line is made from that description: an operation's name and its members' names, with
hyphens. So what is found here is what `aws` would accept, without an account.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

import botocore.session
from botocore import xform_name

__all__ = ["aws_commands", "faults_of"]

# Of every command, and the commands that `aws` adds to what the interface has.
_GLOBAL = {"query", "output", "region"}
_ADDED = {("eks", "update-kubeconfig"): {"name"}, ("ecr", "get-login-password"): set[str]()}
_SERVICES = {"s3api": "s3"}


def aws_commands(text: str) -> list[str]:
    """Return the `aws` commands of a block, those within $(…) and before | too."""
    return [found.strip() for found in re.findall(r"(?m)(?:^|\$\()(aws [^)|\n]*)", text)]


def _options(words: list[str]) -> dict[str, str]:
    """Return the options with their values, empty where there is none."""
    found: dict[str, str] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word[2:]
            found[name] = ""
        else:
            found[name] = word
    return found


def _operation(service: Any, name: str) -> Any:  # noqa: ANN401 - botocore has no types
    names = {xform_name(each, "-"): each for each in service.operation_names}
    return service.operation_model(names[name]) if name in names else None


def faults_of(command: str) -> list[str]:
    """Return what `aws` would refuse of a command: service, operation, options, listed values."""
    _, service_name, action, *rest = shlex.split(command)
    options = _options(rest)
    if (service_name, action) in _ADDED:
        return sorted(set(options) - _ADDED[service_name, action] - _GLOBAL)
    session = botocore.session.get_session()
    name = _SERVICES.get(service_name, service_name)
    if name not in session.get_available_services():
        return [service_name]
    service = session.get_service_model(name)
    if action == "wait":
        waits = session.get_waiter_model(name)
        names = {xform_name(each, "-"): each for each in waits.waiter_names}
        if rest[0] not in names:
            return [rest[0]]
        action = xform_name(waits.get_waiter(names[rest[0]]).operation, "-")
        options = _options(rest[1:])
    operation = _operation(service, action)
    if operation is None:
        return [action]
    shape = operation.input_shape
    members = {xform_name(member, "-"): member for member in shape.members}
    faults = []
    for option, value in options.items():
        member = members.get(option) or members.get(option.removeprefix("no-"))
        if member is None:
            faults += [option] if option not in _GLOBAL else []
            continue
        allowed = getattr(shape.members[member], "enum", [])
        if allowed and value not in allowed:
            faults.append(f"{option} {value}")
    lacks = {xform_name(member, "-") for member in shape.required_members} - set(options)
    # The library fills in what only has to be unlike others.
    return faults + sorted(lacks - {"caller-reference", "client-token"})
