"""A room in WebAudio: what the page plays is delayed, convolved and heard by a fake microphone.

In the page `roomLevels()` gives the energies of the last 0.7 s at the error microphone: `noise`
alone and `heard`, with what the page plays; `roomNoise()` is a track of the noise at its source;
`roomLead(seconds)` moves the source.
"""

from __future__ import annotations

import json

__all__ = ["room"]

_SCRIPT = """
(() => {
  const given = GIVEN;
  const settings = {echoCancellation: false, noiseSuppression: false, autoGainControl: false,
    channelCount: given.channels, ...given.settings};
  const Real = window.AudioContext;
  let room = null;
  const build = () => {
    room = new Real({latencyHint: 0});
    const rate = room.sampleRate;
    let seed = 1;
    const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1;
    const sound = new AudioBuffer({length: 20 * rate, sampleRate: rate});
    const samples = sound.getChannelData(0);
    for (let n = 0; n < samples.length; n += 1) {
      samples[n] = given.white * random();
      for (const [hz, a] of given.tones) samples[n] += a * Math.sin(2 * Math.PI * hz * n / rate);
    }
    const noise = new AudioBufferSourceNode(room, {buffer: sound, loop: true});
    const band = new BiquadFilterNode(room, {type: "lowpass", frequency: 1000});
    const response = (gains) => {
      const buffer = new AudioBuffer({length: 480, sampleRate: rate});
      gains.forEach(([at, gain]) => { buffer.getChannelData(0)[at] = gain; });
      return new ConvolverNode(room, {buffer, disableNormalization: true});
    };
    const wait = (seconds) => new DelayNode(room, {delayTime: seconds, maxDelayTime: 1});
    const microphones = new ChannelMergerNode(room, {numberOfInputs: given.channels});
    const meter = () => new AnalyserNode(room, {fftSize: 32768});
    const energy = (node) => {
      const samples = new Float32Array(node.fftSize);
      node.getFloatTimeDomainData(samples);
      return samples.reduce((sum, value) => sum + value * value, 0);
    };
    const [alone, heard] = [meter(), meter()];
    window.roomLevels = () => ({noise: energy(alone), heard: energy(heard)});
    noise.connect(band);
    const outside = new MediaStreamAudioDestinationNode(room, {channelCount: 1});
    band.connect(outside);
    window.roomNoise = () => outside.stream.getTracks()[0];
    const lead = wait(given.lead);
    window.roomLead = (seconds) => { lead.delayTime.value = seconds; };
    band.connect(lead).connect(response([[0, 0.8], [200, 0.3]])).connect(alone);
    alone.connect(heard).connect(microphones, 0, 0);
    if (given.channels === 2) band.connect(microphones, 0, 1);
    const speaker = new GainNode(room, {gain: 1});
    speaker.connect(wait(0.004)).connect(response([[0, 0.7], [90, -0.2], [300, 0.1]]))
      .connect(heard);
    Object.defineProperty(room, "destination", {value: speaker});
    room.close = async () => {};
    const ears = new MediaStreamAudioDestinationNode(room, {channelCount: given.channels});
    microphones.connect(ears);
    noise.start();
    const [track] = ears.stream.getTracks();
    track.getSettings = () => settings;
    track.stop = () => {};
    return ears.stream;
  };
  window.AudioContext = function () { return room; };
  let stream = null;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    window.asked = wanted;
    return (stream ??= build());
  };
})();
"""


def room(
    *,
    channels: int = 2,
    white: float = 0.2,
    tones: tuple[tuple[float, float], ...] = (),
    lead: float = 0.06,
    settings: dict[str, object] | None = None,
) -> str:
    """Return a script to run before the page's own.

    Parameters
    ----------
    channels : int
        Of the microphone: 1 is the error alone, 2 has a reference at the noise.
    white : float
        Amplitude of noise up to 1 kHz.
    tones : tuple of (Hz, amplitude)
    lead : float
        Seconds by which the reference hears the noise earlier.
    settings : dict, optional
        What the track says of itself, beside no processing.
    """
    given = {"channels": channels, "white": white, "tones": tones, "lead": lead}
    return _SCRIPT.replace("GIVEN", json.dumps({**given, "settings": settings or {}}))
