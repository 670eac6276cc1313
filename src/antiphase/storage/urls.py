"""Opens each store by an address, or embedded where none is given."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

import sqlalchemy as sa

from antiphase.errors import ParameterError, StoreError, require
from antiphase.storage.history import HistoryStore, SqlHistory
from antiphase.storage.objects import FolderObjects, ObjectStore
from antiphase.storage.redis_urls import open_redis, without_password
from antiphase.storage.sessions import SessionStore, SqliteSessions
from antiphase.storage.state import Clock, SqliteStates, StateStore

__all__ = ["StoreUrls", "Stores", "open_stores"]

_ENDPOINT = "endpoint"


@dataclass(frozen=True)
class StoreUrls:
    """Where each store is; empty: embedded, in a folder.

    Parameters
    ----------
    sessions : str
        ``dynamodb://REGION/SESSIONS/CONNECTIONS``: region and the two tables.
    states : str
        See `antiphase.storage.redis_urls.open_redis`.
    history : str
        What SQLAlchemy takes, such as ``postgresql+psycopg://USER@HOST/BASE``.
    objects : str
        ``s3://REGION?raw=BUCKET&processed=BUCKET``: region, and the bucket of each first part.

    Notes
    -----
    ``endpoint=http://HOST:PORT`` in the query of the AWS ones gives another address of the API.
    """

    sessions: str = ""
    states: str = ""
    history: str = ""
    objects: str = ""


@dataclass(frozen=True)
class Stores:
    """One of each.

    Attributes
    ----------
    sessions : SessionStore
    states : StateStore
    history : HistoryStore
    objects : ObjectStore
    """

    sessions: SessionStore
    states: StateStore
    history: HistoryStore
    objects: ObjectStore

    def close(self) -> None:
        """Let go of all."""
        for store in (self.sessions, self.states, self.history, self.objects):
            store.close()


def open_stores(urls: StoreUrls, folder: Path, clock: Clock = time.time) -> Stores:
    """Open all four.

    Parameters
    ----------
    urls : StoreUrls
    folder : path-like
        Of the embedded ones, which the processes of one machine share; made if there is none.
    clock : callable
        Seconds since 1970.

    Raises
    ------
    ParameterError
        If an address is not of the right form.
    StoreError
        If the history's database does not answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as opened:
        sessions = _sessions(urls.sessions, folder, clock)
        opened.callback(sessions.close)
        states = _states(urls.states, folder, clock)
        opened.callback(states.close)
        history = _history(urls.history, folder)
        opened.callback(history.close)
        stores = Stores(sessions, states, history, _objects(urls.objects, folder))
        opened.pop_all()
        return stores


def _parts(name: str, url: str, scheme: str, form: str) -> tuple[SplitResult, dict[str, str]]:
    parts = urlsplit(url)
    require(parts.scheme == scheme and bool(parts.netloc), name, url, f"empty or {form}")
    return parts, dict(parse_qsl(parts.query))


def _sessions(url: str, folder: Path, clock: Clock) -> SessionStore:
    if not url:
        return SqliteSessions(folder / "sessions.db", clock)
    form = "dynamodb://REGION/SESSIONS/CONNECTIONS"
    parts, query = _parts("sessions_url", url, "dynamodb", form)
    tables = parts.path.strip("/").split("/")
    fits = len(tables) == 2 and all(tables) and set(query) <= {_ENDPOINT}
    require(fits, "sessions_url", url, f"empty or {form}")
    # AWS's library takes long to load, and embedded stores need none of it.
    from antiphase.storage.dynamodb import DynamoSessions  # noqa: PLC0415

    return DynamoSessions(tables[0], tables[1], parts.netloc, clock, query.get(_ENDPOINT))


def _states(url: str, folder: Path, clock: Clock) -> StateStore:
    if not url:
        return SqliteStates(folder / "states.db", clock)
    return open_redis("states_url", url)


def _history(url: str, folder: Path) -> HistoryStore:
    try:
        return SqlHistory(url or f"sqlite:///{folder / 'history.db'}")
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError):
        rule = "empty or an address that SQLAlchemy takes, postgresql+psycopg://USER@HOST/BASE"
        raise ParameterError("history_url", without_password(url), rule) from None
    except sa.exc.SQLAlchemyError as error:
        words = str(error).splitlines()[0]
        raise StoreError(f"history_url={without_password(url)}: {words}") from None


def _objects(url: str, folder: Path) -> ObjectStore:
    if not url:
        return FolderObjects(folder / "objects")
    form = "s3://REGION?raw=BUCKET&processed=BUCKET"
    parts, query = _parts("objects_url", url, "s3", form)
    endpoint = query.pop(_ENDPOINT, None)
    needed = {"raw", "processed"}
    require(needed <= set(query), "objects_url", url, f"empty or {form}")
    from antiphase.storage.s3 import S3Objects  # noqa: PLC0415

    return S3Objects(query, parts.netloc, endpoint)
