"""A GStreamer webrtcbin in a process of its own, under the system's Python, which has its bindings.

Usage: ``python3 gst_peer.py 'ENCODER ! PAYLOADER' SECONDS``. It writes an SDP offer as one JSON
line, reads the answer as another, sends a tone of 440 Hz through the given elements, and writes
what came back as a last line: 16-bit samples at 16 kHz in hexadecimal. Without arguments it only
fails where something that it needs is missing.
"""

import json
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("Nice", "0.1")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC, Nice  # noqa: E402

RATE = 16000
ELEMENTS = ("webrtcbin", "nicesrc", "dtlsenc", "srtpenc", "opusenc", "rtpopuspay", "mulawenc")
SINK = (
    "audioconvert ! audioresample ! "
    f"audio/x-raw,format=S16LE,rate={RATE},channels=1 ! appsink name=sink emit-signals=true "
    "sync=false"
)


def say(what: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Peer:
    """One call."""

    def __init__(self, elements: str, seconds: float) -> None:
        self.loop = GLib.MainLoop()
        self.wanted = round(seconds * RATE) * 2
        self.heard = b""
        self.pipeline = Gst.parse_launch(
            "webrtcbin name=rtc bundle-policy=max-bundle latency=20 "
            "audiotestsrc is-live=true wave=sine freq=440 volume=0.5 samplesperbuffer=80 ! "
            f"audioconvert ! audioresample ! {elements} ! rtc."
        )
        self.rtc = self.pipeline.get_by_name("rtc")
        loopback = Nice.Address()
        loopback.init()
        loopback.set_from_string("127.0.0.1")
        self.ice = self.rtc.get_property("ice-agent")  # kept, or the binding frees it
        self.agent = self.ice.get_property("agent")
        self.agent.add_local_address(loopback)
        self.rtc.connect("on-negotiation-needed", self.offer)
        self.rtc.connect("pad-added", self.receive)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.fail)
        self.offered = False

    def run(self) -> None:
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        say({"heard": self.heard.hex()})

    def fail(self, _: Gst.Bus, message: Gst.Message) -> None:
        sys.stderr.write(f"{message.parse_error()}\n")
        self.loop.quit()

    def offer(self, rtc: Gst.Element) -> None:
        if not self.offered:
            self.offered = True
            rtc.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offer_made))

    def offer_made(self, promise: Gst.Promise) -> None:
        reply = promise.get_reply()  # owns what its values point to
        offer = reply.get_value("offer")
        self.rtc.emit("set-local-description", offer, Gst.Promise.new())
        say({"sdp": offer.sdp.as_text()})
        _, sdp = GstSdp.SDPMessage.new_from_text(json.loads(sys.stdin.readline())["sdp"])
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.rtc.emit("set-remote-description", answer, Gst.Promise.new())

    def receive(self, _: Gst.Element, pad: Gst.Pad) -> None:
        if pad.direction != Gst.PadDirection.SRC:
            return
        decoder = Gst.ElementFactory.make("decodebin")
        decoder.connect("pad-added", self.listen)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def listen(self, _: Gst.Element, pad: Gst.Pad) -> None:
        sink = Gst.parse_bin_from_description(SINK, ghost_unlinked_pads=True)
        self.pipeline.add(sink)
        sink.get_by_name("sink").connect("new-sample", self.sample)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def sample(self, sink: Gst.Element) -> Gst.FlowReturn:
        buffer = sink.emit("pull-sample").get_buffer()
        self.heard += buffer.extract_dup(0, buffer.get_size())
        if len(self.heard) >= self.wanted:
            self.loop.quit()
        return Gst.FlowReturn.OK


if __name__ == "__main__":
    Gst.init(None)
    missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
    if missing or len(sys.argv) < 3:
        sys.exit(f"no element {', '.join(missing)}" if missing else 0)
    peer = Peer(sys.argv[1], float(sys.argv[2]))
    GLib.timeout_add_seconds(20, peer.loop.quit)
    peer.run()
