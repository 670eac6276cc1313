"""Recording a session on the page: asked, agreed, declined, withdrawn, deleted; in Chromium."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from playwright.async_api import Page

from tests.media.browser import needs_chromium
from tests.service.peers import microphone
from tests.service.running import Live
from tests.service.test_page import until
from tests.service.test_page_own import verdict
from tests.service.test_page_recordings import on_page
from tests.service.web_room import room

pytestmark = needs_chromium
NOTICE = "document.querySelector('#recording').innerText"
WORDS = "document.querySelector('#record-words').textContent"
ROWS = "document.querySelector('#recordings-rows').innerText"
LIVE = "document.querySelector('#state').textContent === 'live'"


async def pieces(client: httpx.AsyncClient, recording_id: str) -> list[dict[str, Any]]:
    """Return the notes of all pieces, each track with the level of its file, of full scale."""
    row = (await client.get(f"/recordings/{recording_id}")).json()
    found = []
    for name in row["files"]:
        if name[0].isdigit() and name.endswith(".json"):
            piece = (await client.get(f"/recordings/{recording_id}/{name}")).json()
            for track in piece["tracks"]:
                sound = (await client.get(f"/recordings/{recording_id}/{track['file']}")).content
                samples, _ = soundfile.read(io.BytesIO(sound))
                track["level"] = float(np.sqrt(np.mean(samples**2)))
            found.append(piece)
    return found


async def press(page: Page, name: str) -> None:
    """Press a button of the notice by the keyboard."""
    await page.focus(f"#recording button:text-is('{name}')")
    await page.keyboard.press("Enter")


async def only(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return the one recording there is."""
    (row,) = (await client.get("/recordings")).json()
    found: dict[str, Any] = row
    return found


async def delete(page: Page, server: Live, name: str) -> None:
    await page.click(f"#recordings-rows button[aria-label='Delete {name}']")
    await until(page, "document.querySelector('#recordings-table').hidden")
    assert server.server.host.stores.objects.find("") == []


def test_a_microphone_of_the_page_is_recorded_while_it_agrees(tmp_path: Path) -> None:
    """Asked; declined: nothing of it; agreed: sound in the files; withdrawn: nothing more; deleted.

    All by the keyboard, and what a screen reader is told says where it stands.
    """

    async def check(page: Page, server: Live) -> None:
        await until(page, "document.querySelector('#state').textContent === 'no session'")
        assert await page.is_disabled("#record")
        await page.click("#own-measure")
        await verdict(page)
        await page.click("#own-start")
        await until(page, "!document.querySelector('#record').disabled")
        assert await page.inner_text("#recording") == ""
        await page.click("#record")
        await until(page, f"{NOTICE}.includes('May your microphone be, too')")
        assert await page.get_attribute("#recording", "role") == "status"
        await page.screenshot(path=tmp_path / "asked.png")
        await press(page, "Decline")
        await until(page, f"{NOTICE}.includes('without your microphone')")
        await until(page, f"{WORDS}.includes('0 devices agreed, 0 devices not answered')")
        assert "before" not in await page.inner_text("#recording")
        async with httpx.AsyncClient(base_url=server.url) as client:
            row = await only(client)
            await asyncio.sleep(2.5)
            declined = await pieces(client, row["recording_id"])
            assert len(declined) >= 1
            assert [piece["tracks"] for piece in declined] == [[]] * len(declined)
            await press(page, "Agree to be recorded")
            await until(page, f"{NOTICE}.includes('and your microphone with it')")
            await asyncio.sleep(2.5)
            await press(page, "Stop recording my microphone")
            await until(page, f"{NOTICE}.includes('What was recorded of it before stays')")
            focused = "document.activeElement.textContent === 'Agree to be recorded'"
            assert await page.evaluate(focused)
            await asyncio.sleep(2.5)
            await page.click("#record")
            await until(page, f"{NOTICE}.includes('no longer recorded: ended by')")
            await until(page, f"{ROWS}.includes('kept: ended by')")
            found = await pieces(client, row["recording_id"])
        tracks = [track for piece in found for track in piece["tracks"]]
        roles = {track["role"] for track in tracks}
        assert roles == {"reference", "error", "output"}
        assert max(track["level"] for track in tracks if track["role"] == "reference") > 0.01
        assert found[-1]["tracks"] == []
        await press(page, "Close")
        await until(page, f"{NOTICE} === ''")
        await delete(page, server, "my microphone")

    on_page(check, script=room(), recording_piece_s=1)


def test_who_only_listens_sees_that_others_are_recorded(tmp_path: Path) -> None:
    """With a key: begun and ended on the page, counted, listed, its files saved, deleted.

    Of two microphones one agrees and one declines.
    """

    async def check(page: Page, server: Live) -> None:
        headers = {"Authorization": "Bearer key-1"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers) as client:
            made = (await client.post("/sessions", json={"name": "yard"})).json()
            session_id, tokens = made["session_id"], []
            for role in ("reference", "error"):
                wish = {"roles": [role]}
                answer = await client.post(f"/sessions/{session_id}/tokens", json=wish)
                tokens.append(answer.json()["token"])
            await until(page, LIVE)
            where = server.websocket, session_id
            async with (
                microphone(*where, 440.0, "reference", tokens[0]) as one,
                microphone(*where, 1000.0, "error", tokens[1]) as two,
            ):
                await page.click("#record")
                await until(page, f"{NOTICE}.includes('“yard” is to be recorded')")
                assert await page.locator("#recording button").count() == 0
                recording_id = (await two.told(state="on"))["recording_id"]
                await one.consent(recording_id)
                await until(page, f"{NOTICE}.includes('1 device agreed, 1 device not answered')")
                await two.consent(recording_id, agree=False)
                await until(page, f"{WORDS}.includes('1 device agreed, 0 devices not answered')")
                assert "You send no sound" in await page.inner_text("#recording")
                await until(page, f"{ROWS}.includes('is being recorded')")
                await asyncio.sleep(2.5)
                await page.click("#record")
                await until(page, f"{ROWS}.includes('kept: ended by')")
            for piece in await pieces(client, recording_id):
                assert {track["device_id"] for track in piece["tracks"]} <= {one.device_id}
        assert "live session" in await page.inner_text("#recordings-rows")
        await page.click("#recordings-rows summary")
        link = page.locator("#recordings-rows a[download$='.flac']").first
        async with page.expect_download() as coming:
            await link.click()
        download = await coming.value
        await download.save_as(tmp_path / download.suggested_filename)
        samples, _ = soundfile.read(tmp_path / download.suggested_filename)
        assert np.sqrt(np.mean(samples**2)) > 0.1
        await page.locator("#recordings").screenshot(path=tmp_path / "list.png")
        await delete(page, server, "yard")

    on_page(check, key="key-1", api_keys=("key-1",), recording_piece_s=1)
