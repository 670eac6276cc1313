/* Packets of sound as they come, without the browser's jitter buffer, which stretches time: G.711 µ-law
   (PCMU, payload type 0) to samples, with their RTP timestamps, to the port that the page gives. */

const table = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = ~code & 0xff;
  const size = ((((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84;
  return (bits & 0x80 ? -size : size) / 32767;
});

let port = null;
onmessage = ({ data }) => {
  port = data.port;
};

onrtctransform = async ({ transformer }) => {
  const reader = transformer.readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const { rtpTimestamp, payloadType } = value.getMetadata();
    if (payloadType !== 0) continue;
    const samples = Float32Array.from(new Uint8Array(value.data), (code) => table[code]);
    port?.postMessage({ timestamp: rtpTimestamp, samples }, [samples.buffer]);
  }
};
