"""Feeds controllers on time: one engine per session, one module per mode; no sockets, no clock."""

from __future__ import annotations

from antiphase.realtime.carried import Carried
from antiphase.realtime.engine import Engine
from antiphase.realtime.figures import Figures
from antiphase.realtime.load import InlinePool, SolverPool, ThreadPool, Ticket
from antiphase.realtime.outputs import Flow, Notice, Output, PlayAudio, SendMessage, SetRoutes
from antiphase.realtime.roles import DeviceDescription, Role, RoleBinding
from antiphase.realtime.settings import EngineSettings

__all__ = [
    "Carried",
    "DeviceDescription",
    "Engine",
    "EngineSettings",
    "Figures",
    "Flow",
    "InlinePool",
    "Notice",
    "Output",
    "PlayAudio",
    "Role",
    "RoleBinding",
    "SendMessage",
    "SetRoutes",
    "SolverPool",
    "ThreadPool",
    "Ticket",
]
