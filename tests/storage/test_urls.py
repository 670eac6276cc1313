"""Each store by its address, embedded without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from antiphase.errors import ParameterError, StoreError
from antiphase.storage.dynamodb import DynamoSessions
from antiphase.storage.history import HistoryRecord, SqlHistory
from antiphase.storage.objects import FolderObjects
from antiphase.storage.redis_states import RedisStates
from antiphase.storage.s3 import S3Objects
from antiphase.storage.sessions import SessionRecord, SqliteSessions
from antiphase.storage.state import SqliteStates
from antiphase.storage.urls import StoreUrls, open_stores
from tests.certificates import loopback_certificate
from tests.storage.servers import aws, make_bucket, make_tables, postgresql_server, redis_server


def test_without_addresses_all_are_files_that_last(tmp_path: Path) -> None:
    """What one process has written another finds."""
    row = SessionRecord("a", "http://one", 1.0, 9e9)
    stores = open_stores(StoreUrls(), tmp_path / "new")
    kinds = (SqliteSessions, SqliteStates, SqlHistory, FolderObjects)
    each = (stores.sessions, stores.states, stores.history, stores.objects)
    assert [type(store) for store in each] == list(kinds)
    stores.sessions.create(row)
    stores.states.put("k", b"v", 60.0)
    stores.close()
    again = open_stores(StoreUrls(), tmp_path / "new")
    assert again.sessions.get("a") == row
    assert again.states.get("k") == b"v"
    again.close()


def test_addresses_lead_to_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB, Redis, PostgreSQL and S3, each written to and read from."""
    with aws(monkeypatch) as api, redis_server() as redis, postgresql_server() as sql:
        sessions, connections = make_tables(api)
        raw, processed = make_bucket(api, "raw-bucket"), make_bucket(api, "processed-bucket")
        urls = StoreUrls(
            f"dynamodb://eu-central-1/{sessions}/{connections}?endpoint={api}",
            redis,
            sql,
            f"s3://eu-central-1?raw={raw}&processed={processed}&endpoint={api}",
        )
        stores = open_stores(urls, tmp_path)
        kinds = (DynamoSessions, RedisStates, SqlHistory, S3Objects)
        each = (stores.sessions, stores.states, stores.history, stores.objects)
        assert [type(store) for store in each] == list(kinds)
        row = SessionRecord("a", "http://one", 1.0, 9e9)
        assert stores.sessions.create(row)
        assert stores.sessions.get("a") == row
        assert stores.states.add("k", b"v", 60.0)
        record = HistoryRecord("a", "created", 1.0, 1.0, {})
        stores.history.append([record])
        assert stores.history.read("a") == [record]
        (tmp_path / "f").write_bytes(b"x")
        stores.objects.put_file("raw/f", tmp_path / "f")
        assert [info.key for info in stores.objects.find("raw/")] == ["raw/f"]
        stores.close()
        assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize(
    ("urls", "name"),
    [
        (StoreUrls(sessions="dynamodb://eu-central-1/only-one"), "sessions_url"),
        (StoreUrls(sessions="mysql://somewhere"), "sessions_url"),
        (StoreUrls(states="memcached://somewhere"), "states_url"),
        (StoreUrls(history="what is this"), "history_url"),
        (StoreUrls(history="oracle+none://u:secret@h/b"), "history_url"),
        (StoreUrls(objects="s3://eu-central-1?raw=a"), "objects_url"),
        (StoreUrls(objects="ftp://eu-central-1?raw=a&processed=b"), "objects_url"),
    ],
)
def test_a_wrong_address_is_named(tmp_path: Path, urls: StoreUrls, name: str) -> None:
    """One line says which and of what form it must be; no password is in it."""
    with pytest.raises(ParameterError, match=f"^{name}=.* must be empty") as caught:
        open_stores(urls, tmp_path)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_database_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    """A refused connection is a fault of the store, without the password."""
    url = "postgresql+psycopg://u:secret@127.0.0.1:9/b"
    with pytest.raises(StoreError, match=r"history_url=postgresql\+psycopg://u:…@127") as caught:
        open_stores(StoreUrls(history=url), tmp_path)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_historys_certificate_is_checked(tmp_path: Path) -> None:
    """PostgreSQL is spoken to when our authority signed its certificate, for its name, else not."""
    ours, theirs = (tmp_path / name for name in ("ours", "theirs"))
    ours.mkdir()
    theirs.mkdir()
    certificate, key = loopback_certificate(ours)
    stranger, _ = loopback_certificate(theirs)
    with postgresql_server((certificate.read_bytes(), key.read_bytes())) as plain:
        url = f"{plain}?sslmode=verify-full&sslrootcert="
        open_stores(StoreUrls(history=f"{url}{certificate}"), tmp_path / "a").close()
        elsewhere = url.replace("127.0.0.1", "localhost")
        for wrong in (
            f"{url}{stranger}",
            f"{url}{tmp_path / 'none.pem'}",
            f"{elsewhere}{certificate}",
        ):
            with pytest.raises(
                StoreError, match=r"^history_url=.*(certificate|none\.pem)"
            ) as error:
                open_stores(StoreUrls(history=wrong), tmp_path / "b")
            assert len(str(error.value).splitlines()) == 1
