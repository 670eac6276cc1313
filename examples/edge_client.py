"""Cancel a fan's noise block by block over HTTP, with the region standing by.

Here both URLs are one region on this machine; in production the first is the CDN's. Run
`antiphase edge-front` to have the edge function in front.
"""

from __future__ import annotations

import numpy as np

from antiphase.acoustics.noise import make
from antiphase.codecs.pcm import decode_pcm16, encode_pcm16
from antiphase.metrics.attenuation import noise_reduction_db
from antiphase.region.client import EdgeClient
from antiphase.region.contract import Request
from antiphase.region.handler import Region
from antiphase.region.server import make_server, serving
from antiphase.region.state_token import Keys

FS = 8000
reference = 0.05 * make("fan", 3.0, FS, seed=4)
primary = np.convolve(reference, [0.0, 0.0, 0.6, -0.2, 0.1])[: len(reference)]
block = FS // 10

with serving(make_server(Region(Keys({1: b"only for this example"}, 1)))) as url:
    client = EdgeClient(url, url, Request(audio=bytes(4), sample_rate=FS, references=1))
    anti_noise = []
    for k in range(0, len(reference), block):
        frames = np.stack([reference[k : k + block], primary[k : k + block]], axis=1)
        answer = client.process(encode_pcm16(frames))
        anti_noise.append(decode_pcm16(answer.audio))
    client.close()

error = primary + np.concatenate(anti_noise)
print(f"noise reduction {noise_reduction_db(primary[FS:], error[FS:]):.1f} dB after 1 s")
print(f"answered by {client.answered}")
