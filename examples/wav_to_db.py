"""From a recording to decibels in ten lines."""

from scipy.signal import lfilter

from antiphase.adaptive import ModifiedFxAP
from antiphase.files import read_audio, read_path
from antiphase.metrics import noise_reduction_db
from antiphase.simulation import run_loop

noise, fs = read_audio("noise.wav")
primary, secondary = read_path("primary.wav").taps, read_path("secondary.wav").taps
disturbance = lfilter(primary, 1, noise)
controller = ModifiedFxAP(1024, secondary, order=4, mu=0.2)
run = run_loop(controller, reference=noise, disturbance=disturbance, secondary_path=secondary)
print(f"{noise_reduction_db(disturbance, run.error, start=round(fs)):.1f} dB quieter")
