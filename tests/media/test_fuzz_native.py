"""The native loop under sanitizers: mutated packets of every codec, and what has failed before."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from antiphase.codecs import opus
from antiphase.media.audio import AudioSender
from antiphase.media.payload import AudioFormat
from tests.media.findings import FINDINGS, packets_of
from tests.media.test_fuzz import mutate
from tests.needs import program

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).with_name("fuzz_native.cpp")
FORMATS = (
    AudioFormat("opus", 111, 48000),
    AudioFormat("L16", 96, 16000, 2),
    AudioFormat("G722", 9, 8000),
    AudioFormat("PCMU", 0, 8000),
)
ROUNDS = 400

pytestmark = pytest.mark.slow


def corpus() -> list[bytes]:
    """Return past findings, then honest packets, each with a mutation of it, and cuts of some."""
    rng = np.random.default_rng(5)
    result = [p for path in FINDINGS if path.suffix == ".rtp" for p in packets_of(path)]
    for form in FORMATS:
        sender = AudioSender(form)
        n = form.sample_rate() // 100
        for k in range(ROUNDS):
            shape = n if form.channels == 1 else (n, form.channels)
            packet = sender.send(0.2 * rng.standard_normal(shape)).encode()
            result += [packet, mutate(packet, rng)]
            if k == 0:
                result += [packet[:size] for size in range(len(packet))]
    return result


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the loop built with the address and undefined behaviour sanitizers."""
    compiler = program("c++")
    target = tmp_path_factory.mktemp("fuzz") / "fuzz_native"
    flags = ["-std=c++17", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command = [compiler, *flags, f"-I{ROOT / 'native'}", str(SOURCE), "-o", str(target)]
    subprocess.run([*command, "-lpthread", "-ldl"], check=True)
    return target


def test_the_loop_survives_mutated_packets(binary: Path, tmp_path: Path) -> None:
    """No access outside of memory and no undefined behaviour; honest packets are still heard."""
    packets = corpus()
    file = tmp_path / "packets"
    file.write_bytes(b"".join(len(p).to_bytes(2) + p for p in packets))
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(
        [str(binary), str(opus.library()._name), str(file)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    heard, sent = map(int, done.stdout.split())
    assert heard > len(packets)
    assert sent > len(packets)
