"""Which mode a session should run in, from what its roster and meter know."""

from __future__ import annotations

from antiphase.control import Choice, Mode, Situation, Supervisor, predictable_db
from antiphase.realtime.figures import LatencyBudget
from antiphase.realtime.margin import MarginEstimate, causality_margin
from antiphase.realtime.meter import Meter
from antiphase.realtime.roster import Device, Roster

__all__ = ["Chooser", "budget", "missing_for", "words_of"]

_MEASURE_S = 1.0
_SHORTEST_S = 0.8
_LONGEST_S = 4.0
_LATE_MS = 40.0
_LEAST_MS = 1.0
# A session that only passes sound on, since the reference came too late, hears no reference: it
# looks again after so long, and then after twice as long each time.
_AGAIN_S, _SELDOM_S = 15.0, 60.0
# How far ahead a line can be foretold shows in its width: segments have to be longer than that. A
# quarter of a second says 11 dB of hum 30 ms late where 29 are to be had.
_LINE_S, _LEAST_SEGMENT = 1.0, 1024


def words_of(choice: Choice) -> str:
    """Return a reason without its numbers, which change all the time."""
    return "".join(c for c in choice.reason if not c.isdigit())


def missing_for(mode: Mode, roster: Roster) -> str | None:
    """Return what a mode lacks in this session, in words; None where it can run."""
    if mode == "lookahead":
        return _missing_lookahead(roster)
    has_reference = roster.first("reference") is not None
    if mode == "clean" and not (has_reference and roster.first("talker") is not None):
        return "cleaning needs a talker and a reference"
    if mode in ("split", "predictive") and not has_reference:
        return "no device has a reference microphone"
    return _missing_loop(roster) if mode in ("split", "predictive", "local") else None


def _missing_lookahead(roster: Roster) -> str | None:
    looper, source = roster.looper(), roster.first("reference")
    if looper is None:
        return "no device has both a loudspeaker and an error microphone"
    if looper.description.secondary_path_estimate is None:
        return "the device with the loudspeaker has not measured its secondary path"
    ear = looper.description.binding("error")
    if source is None or source[1].track == "data" or ear is None or ear.track == "data":
        return "reference and error must come as tracks for the server to make the anti-noise"
    return _switched(looper)


def _switched(looper: Device) -> str | None:
    """Return words on an error track whose rate is not that of Ŝ; None where it is."""
    ear, joined = looper.description.binding("error"), looper.description.fs
    sends = 0 if ear is None or ear.track == "data" else looper.track(ear.track).fs
    if sends in (0, joined):
        return None
    return (
        f"the device with the loudspeaker joined at {joined} Hz and sends {sends} Hz now: it must "
        "measure its secondary path and join again"
    )


def _missing_loop(roster: Roster) -> str | None:
    looper = roster.looper()
    if looper is None:
        return "no device has both a loudspeaker and an error microphone"
    if looper.description.secondary_path_estimate is None:
        return "the device with the loudspeaker has not measured its secondary path"
    if "anc.split" not in looper.channels:
        return "the device with the loudspeaker has no data channel anc.split"
    return None


class Chooser:
    """Measures margin and predictability and keeps the session in the mode that suits it.

    Parameters
    ----------
    settle_s : float
        As for `Supervisor`.
    """

    def __init__(self, settle_s: float = 2.0) -> None:
        self._settle_s = settle_s
        self.reset()

    def reset(self) -> None:
        """Begin anew: the devices have changed."""
        self._supervisor = Supervisor(settle_s=self._settle_s)
        self.margin: MarginEstimate | None = None
        self._predictable_db = 0.0
        self._measured_at: float | None = None
        self._heard = self._since = self._blind_s = 0.0
        self._pause_s = _AGAIN_S
        self._settled = self._anew = False

    def measure(self, meter: Meter, now: float) -> None:
        """Read margin and predictability from the sound, once a second at most."""
        if self._anew or meter.seconds < self._since:
            self._since, self._anew = meter.seconds if self._anew else 0.0, False
        due = self._measured_at is None or now - self._measured_at >= _MEASURE_S
        fresh_s = meter.seconds - self._since
        if not due or fresh_s < _SHORTEST_S or meter.seconds == self._heard:
            return
        self._measured_at, self._heard = now, meter.seconds
        x, _, _, d = meter.window(min(_LONGEST_S, fresh_s))
        found = causality_margin(x, d, meter.path, meter.fs, longest_ms=100.0)
        if found is not None and (self.margin is None or found.clear or not self.margin.clear):
            self.margin = found
            self._blind_s = 0.0 if found.clear else self._blind_s
        late_ms = self.margin_ms if self.margin_ms is not None else -_LATE_MS
        known = d[d == d]  # noqa: PLR0124 - not NaN
        segment = 2 * (min(round(_LINE_S * meter.fs), len(known) // 3) // 2)
        if segment >= _LEAST_SEGMENT and known.any():
            self._predictable_db = predictable_db(
                known, meter.fs, min(late_ms, 0.0), segment=segment
            )

    @property
    def margin_ms(self) -> float | None:
        """Causality margin; None before it was measured and where the noise hides it."""
        return self.margin.margin_ms if self.margin is not None and self.margin.clear else None

    def _look_again(self, elapsed_s: float) -> None:
        """Forget a margin that was too small, once it has been known for long and by no sound."""
        self._blind_s += elapsed_s
        if self._blind_s < self._pause_s:
            return
        self._pause_s = min(2 * self._pause_s, _SELDOM_S)
        self._blind_s = 0.0
        self.margin, self._measured_at = None, None
        self._settled, self._anew = False, True

    def choose(self, roster: Roster, elapsed_s: float, *, room: bool) -> Choice:
        """Return mode and reason; what was too late is measured again after a while.

        Parameters
        ----------
        roster : Roster
        elapsed_s : float
            Since the last call.
        room : bool
            A solver is free (or this session has one already).
        """
        choice = self._choice(roster, elapsed_s, room=room)
        if choice.mode == "forward" and self.margin_ms is not None:
            self._look_again(elapsed_s)
        elif self.margin_ms is not None:
            self._blind_s, self._pause_s = 0.0, _AGAIN_S
        return choice

    def _choice(self, roster: Roster, elapsed_s: float, *, room: bool) -> Choice:
        looper = roster.looper()
        if looper is None:
            return self._at_once(_situation(roster, None, 0.0, None, room))
        missing = missing_for("split", roster)
        if missing is not None:
            plain = missing_for("lookahead", roster) is None
            silent = Choice("forward", f"{_switched(looper) or missing}; sound is passed on")
            return self._on_the_server() if plain else silent
        if self.margin is None:
            why = (
                "the causality margin is being measured; nothing is played before a filter is "
                "foretold to help"
            )
            return Choice("split", why) if room else Choice("local", "no solver is free")
        if not self.margin.clear:
            return self._regular()
        forwarded = looper.description.binding("reference") is None
        situation = _situation(roster, self.margin_ms, self._predictable_db, looper, room)
        # The first choice is taken at once, later ones when they have lasted.
        if self._settled:
            choice = self._supervisor.consider(situation, elapsed_s)
        else:
            choice = self._at_once(situation)
            self._settled = True
        if choice.mode == "split" and forwarded:
            words = (
                f"the network brings the noise {self.margin_ms:.1f} ms before its answer is due; "
                "the loop closes on the device and the server solves for its filter"
            )
            return Choice("split", words)
        return choice

    def _on_the_server(self) -> Choice:
        """Choose for a loudspeaker whose device runs no filter."""
        if self.margin is None:
            return Choice("lookahead", "the way to the loudspeaker and back is being measured")
        if self.margin_ms is not None and self.margin_ms < _LEAST_MS:
            return Choice(
                "forward",
                f"the anti-noise would come {_LEAST_MS - self.margin_ms:.1f} ms too late, and the "
                "device with the loudspeaker runs no filter; sound is passed on",
            )
        early = "" if self.margin_ms is None else f" {self.margin_ms:.1f} ms"
        return Choice(
            "lookahead",
            f"the network brings the noise{early} before its answer is due; the device with the "
            "loudspeaker runs no filter, so the server makes the anti-noise",
        )

    def _at_once(self, situation: Situation) -> Choice:
        self._supervisor.consider(situation, 0.0)
        return self._supervisor.consider(situation, 1e3)

    def _regular(self) -> Choice:
        """Choose for a noise so regular that no lag stands out: what lasts can be foretold."""
        if self._predictable_db >= 3.0:
            return Choice(
                "predictive",
                f"the noise is too regular to tell how early it is heard, and "
                f"{self._predictable_db:.0f} dB of it can be foretold",
            )
        return Choice("split", "the causality margin is not clear yet")


def _situation(
    roster: Roster,
    margin_ms: float | None,
    foretold_db: float,
    looper: Device | None,
    room: bool,
) -> Situation:
    late = None if margin_ms is None or margin_ms >= 0 else margin_ms
    return Situation(
        margin_ms=late,
        device_margin_ms=margin_ms,
        predictable_db=foretold_db,
        has_reference=roster.first("reference") is not None,
        has_error=roster.first("error") is not None,
        has_loudspeaker=roster.first("loudspeaker") is not None,
        has_talker=roster.first("talker") is not None,
        on_one_device=looper is not None,
        solver_is_free=room,
    )


def budget(roster: Roster, margin_ms: float | None, server_ms: float) -> LatencyBudget:
    """Return where the time goes; the acoustic lead is what margin and latencies add up to."""
    looper, source = roster.looper(), roster.first("reference")
    if looper is None or source is None:
        return LatencyBudget()
    told = looper.told_ms
    capture = told.get("capture")
    up = down = None
    server: float | None = 0.0
    if source[0] is not looper:
        track = source[0].tracks.get(source[1].track)
        capture = track.frame_ms if track is not None and track.frame_ms else capture
        up, down = (_half(d.round_trip_ms) for d in (source[0], looper))
        server = server_ms
    parts = (capture, up, server, down, told.get("buffer"), told.get("converters"))
    lead = None if margin_ms is None else margin_ms + sum(p for p in parts if p is not None)
    return LatencyBudget(*parts, lead)


def _half(round_trip_ms: float | None) -> float | None:
    return None if round_trip_ms is None else round_trip_ms / 2
