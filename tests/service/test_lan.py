"""The service for phones on a network: certificate, key, QR code, page."""

from __future__ import annotations

import asyncio
import contextlib
import io
import ipaddress
import re
import ssl
import stat
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import av
import httpx
import numpy as np
import numpy.typing as npt
import pytest
import zxingcpp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from playwright.async_api import Page

from antiphase.service.lan import LanCertificate, lan_address, make_key, qr_svg, qr_terminal
from tests.axe import faults
from tests.devices.rig.live import ANTIPHASE, free_port
from tests.media.browser import needs_chromium, open_page
from tests.service.test_page import until

ADDRESS = "https://192.168.1.20:8443/#key=abc_DEF-123"
_DOTS = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}


def decoded(text: str) -> str:
    """Read a QR code off a terminal that shows it in half blocks, light ones drawn."""
    rows = [[_DOTS[c] for c in line] for line in text.splitlines() if line.strip()]
    light = np.array([[dot[half] for dot in row] for row in rows for half in (0, 1)], np.uint8)
    return read_image(np.kron(255 * light, np.ones((8, 8), np.uint8)))


def read_image(image: npt.NDArray[np.uint8]) -> str:
    found = zxingcpp.read_barcodes(image)
    assert len(found) == 1
    return str(found[0].text)


def test_a_code_on_the_terminal_can_be_read() -> None:
    """A foreign reader finds the address in it."""
    assert decoded(qr_terminal(ADDRESS)) == ADDRESS


def test_a_certificate_is_kept_while_it_fits(tmp_path: Path) -> None:
    """Same address: the same one, its key for its owner only; another: a new one."""
    first = LanCertificate.load_or_make(tmp_path, "192.168.1.20")
    assert LanCertificate.load_or_make(tmp_path, "192.168.1.20") == first
    assert stat.S_IMODE(first.key.stat().st_mode) == 0o600
    made = x509.load_pem_x509_certificate(first.certificate.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ipaddress.ip_address("192.168.1.20") in names.get_values_for_type(x509.IPAddress)
    assert first.fingerprint.replace(":", "") == made.fingerprint(hashes.SHA256()).hex().upper()
    assert (made.not_valid_after_utc - made.not_valid_before_utc).days <= 398
    other = LanCertificate.load_or_make(tmp_path, "fan.local")
    assert other.fingerprint != first.fingerprint
    other.certificate.write_text("broken")
    assert LanCertificate.load_or_make(tmp_path, "fan.local").fingerprint != other.fingerprint


def test_the_address_is_not_this_machine_alone() -> None:
    """Where there is a network; keys are long enough not to be guessed."""
    with contextlib.suppress(ValueError):  # no network here
        assert not ipaddress.ip_address(lan_address()).is_loopback
    assert len({make_key() for _ in range(100)}) == 100
    assert len(make_key()) >= 16


@contextlib.contextmanager
def serving(data: Path) -> Iterator[tuple[str, str]]:
    """Run ``antiphase serve --lan`` on loopback; gives what it says first, and its URL."""
    port = free_port()
    command = [*ANTIPHASE, "serve", "--lan", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            said = ""
            assert process.stdout is not None
            for line in process.stdout:
                said += line
                if "live at" in line:
                    break
            url = f"https://127.0.0.1:{port}"
            trusted = ssl.create_default_context(cafile=str(data / "lan.pem"))
            end = time.monotonic() + 60
            while time.monotonic() < end:
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(f"{url}/healthz", verify=trusted)
                    break
                time.sleep(0.1)
            yield said, url
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """One service for the tests below."""
    data = tmp_path_factory.mktemp("lan")
    with serving(data) as (said, url):
        yield said, url, data


def test_what_the_terminal_says_opens_the_service(served: tuple[str, str, Path]) -> None:
    """The code holds the address with the key; TLS 1.3 under the generated certificate, by name."""
    said, url, data = served
    code = "\n".join(line for line in said.splitlines() if set(line) <= set(_DOTS) and line.strip())
    place = decoded(code)
    assert place in said
    assert place.startswith(f"{url}/#key=")
    key = place.partition("#key=")[2]
    trusted = ssl.create_default_context(cafile=str(data / "lan.pem"))
    trusted.minimum_version = ssl.TLSVersion.TLSv1_3
    assert httpx.get(f"{url}/sessions", verify=trusted).status_code == 401
    headers = {"Authorization": f"Bearer {key}"}
    assert httpx.get(f"{url}/sessions", verify=trusted, headers=headers).json() == []
    shown = re.search(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", said)
    assert shown is not None
    made = x509.load_pem_x509_certificate((data / "lan.pem").read_bytes())
    assert shown.group().replace(":", "") == made.fingerprint(hashes.SHA256()).hex().upper()


def told_place(served: tuple[str, str, Path]) -> str:
    """Return the address, with its key, that the terminal shows."""
    said, url, _ = served
    place = re.search(rf"{url}/#key=\S+", said)
    assert place is not None
    return place.group()


@contextlib.asynccontextmanager
async def opened(place: str) -> AsyncIterator[Page]:
    """Open the page, whose certificate the browser does not know, and wait for the code."""
    async with open_page() as first:
        browser = first.context.browser
        assert browser is not None
        context = await browser.new_context(ignore_https_errors=True)
        page = await context.new_page()
        await page.goto(place)
        await until(page, "document.querySelector('#state').textContent === 'no session'")
        await until(page, "document.querySelector('#phone-code').naturalWidth > 100")
        yield page


@needs_chromium
def test_the_page_shows_a_phone_the_way(served: tuple[str, str, Path], tmp_path: Path) -> None:
    """Opened from the terminal's address it lists sessions and shows the same code."""
    place = told_place(served)

    async def run() -> bytes:
        async with opened(place) as page:
            assert "key" not in page.url
            await page.locator("#phone").screenshot(path=tmp_path / "phone.png")
            return await page.locator("#phone-code").screenshot()

    image = asyncio.run(run())
    with av.open(io.BytesIO(image), "r") as container:
        grey = next(container.decode(video=0)).to_ndarray(format="gray")
    assert read_image(grey.astype(np.uint8)) == place


@pytest.mark.slow
@needs_chromium
def test_the_way_can_be_read_by_everybody(served: tuple[str, str, Path], tmp_path: Path) -> None:
    """axe-core finds no fault in the page that shows it."""

    async def run() -> list[str]:
        async with opened(told_place(served)) as page:
            return await faults(page, tmp_path / "phone.png")

    assert asyncio.run(run()) == []


def test_an_image_is_an_image() -> None:
    """SVG that an `img` element takes: it names its size and its name space."""
    svg = qr_svg(ADDRESS).decode()
    assert svg.startswith("<svg")
    assert 'xmlns="http://www.w3.org/2000/svg"' in svg
