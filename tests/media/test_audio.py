"""Streams under loss, reordering, duplicates and restarts: concealed, counted, never stalled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphase.errors import SignalError
from antiphase.media.audio import AudioFrame, AudioReceiver, AudioSender
from antiphase.media.payload import AudioFormat
from antiphase.media.rtp import RtpPacket

L16 = AudioFormat("L16", 96, 8000)
OPUS = AudioFormat("opus", 111, 48000)
FRAME = 80


def packets(n: int, form: AudioFormat = L16) -> tuple[npt.NDArray[np.float64], list[RtpPacket]]:
    size = form.sample_rate() // 100
    signal = 0.3 * np.sin(2 * np.pi * 200 * np.arange(n * size) / form.sample_rate())
    sender = AudioSender(form)
    return signal, [sender.send(frame) for frame in np.split(signal, n)]


def run(receiver: AudioReceiver, sent: list[RtpPacket]) -> list[AudioFrame]:
    return [f for k, p in enumerate(sent) for f in receiver.receive(p, 0.01 * k)]


def test_an_undisturbed_stream_comes_back_whole() -> None:
    """Every frame arrives once, in order, at once, with timestamps that step by a frame."""
    signal, sent = packets(20)
    frames = run(AudioReceiver(L16), sent)
    np.testing.assert_allclose(np.concatenate([f.pcm for f in frames]), signal, atol=2e-5)
    assert set(np.diff([f.timestamp for f in frames])) == {FRAME}


@given(st.sets(st.integers(1, 98), max_size=30))
def test_lost_packets_are_concealed_and_time_is_kept(lost: set[int]) -> None:
    """With any losses the frames still cover the whole time without a hole or an overlap."""
    _, sent = packets(100)
    receiver = AudioReceiver(L16)
    frames = run(receiver, [p for k, p in enumerate(sent) if k not in lost])
    assert len(frames) == 100
    assert set(np.diff([f.timestamp for f in frames])) == {FRAME}
    assert receiver.concealed == receiver.statistics.lost == len(lost)
    assert {k for k, f in enumerate(frames) if f.concealed} == lost


def test_a_late_packet_is_dropped_without_a_window_and_used_with_one() -> None:
    """Swapped packets cost a concealed frame on arrival, nothing with a window of one packet."""
    _, sent = packets(10)
    sent[4], sent[5] = sent[5], sent[4]
    hasty, patient = AudioReceiver(L16), AudioReceiver(L16, reorder=1)
    assert sum(f.concealed for f in run(hasty, sent)) == 1
    frames = run(patient, sent)
    assert [f.concealed for f in frames] == [False] * 10
    assert set(np.diff([f.timestamp for f in frames])) == {FRAME}


def test_duplicates_play_once() -> None:
    """A packet sent twice gives one frame."""
    _, sent = packets(10)
    assert len(run(AudioReceiver(L16), [p for p in sent for _ in range(2)])) == 10


def test_a_long_gap_is_skipped_not_filled() -> None:
    """After half a second of silence from the network the stream resumes at once."""
    _, sent = packets(100)
    frames = run(AudioReceiver(L16), sent[:10] + sent[60:])
    assert len(frames) == 50
    assert not any(f.concealed for f in frames)


def test_a_restarted_sender_is_followed() -> None:
    """New random sequence numbers and timestamps do not stall the stream."""
    _, first = packets(10)
    _, second = packets(10)
    for k, packet in enumerate(second):
        packet.sequence = first[0].sequence + 20000 + k & 0xFFFF
    assert len(run(AudioReceiver(L16), first + second)) == 20


def test_opus_loss_keeps_the_level() -> None:
    """A tone with every tenth packet lost keeps its level within 1 dB."""
    signal, sent = packets(100, OPUS)
    frames = run(AudioReceiver(OPUS), [p for k, p in enumerate(sent) if k % 10 != 5])
    level = np.sqrt(np.mean(np.concatenate([f.pcm for f in frames])[4800:] ** 2))
    assert abs(20 * np.log10(level / np.sqrt(np.mean(signal**2)))) < 1


def test_undecodable_payloads_are_counted() -> None:
    """Half a sample is no frame; the stream goes on behind it."""
    _, sent = packets(3)
    sent[1].payload = b"x"
    receiver = AudioReceiver(L16)
    assert len(run(receiver, sent)) == 2
    assert receiver.undecodable == 1


def test_sent_packets_can_be_sent_again() -> None:
    """The newest 128 packets are kept for retransmission, older ones are gone."""
    sender = AudioSender(L16)
    sent = [sender.send(np.zeros(FRAME)) for _ in range(200)]
    assert sender.sent(sent[-1].sequence) is sent[-1]
    assert sender.sent(sent[0].sequence) is None


def test_a_frame_with_other_channels_is_refused() -> None:
    """Stereo into a mono stream is an error of the caller, said at once."""
    with pytest.raises(SignalError, match="channels"):
        AudioSender(L16).send(np.zeros((FRAME, 2)))
