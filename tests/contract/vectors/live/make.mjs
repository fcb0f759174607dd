// Writes the golden bytes of the live socket's binary messages from the text of the interface,
// without any code of the project: `node tests/contract/vectors/live/make.mjs`. Never changed for
// a form that was published.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

function block(header, samples) {
  let text = JSON.stringify(header);
  while ((3 + Buffer.byteLength(text)) % 4 !== 0) text += " ";
  const out = Buffer.alloc(3 + Buffer.byteLength(text) + 2 * samples.length);
  out.writeUInt8(1, 0);
  out.writeUInt16LE(Buffer.byteLength(text), 1);
  out.write(text, 3);
  samples.forEach((sample, i) => out.writeInt16LE(sample, 3 + Buffer.byteLength(text) + 2 * i));
  return out;
}

function bundle(blocks) {
  const head = Buffer.alloc(4);
  head.writeUInt8(2, 0);
  head.writeUInt16LE(blocks.length, 1);
  const parts = [head];
  for (const one of blocks) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(one.length, 0);
    parts.push(length, one, Buffer.alloc((4 - (one.length % 4)) % 4));
  }
  return Buffer.concat(parts);
}

const first = block(
  { id: "a", s: 3, patient: "p-7kd2m", device: "ecg-0001", stream: "ecg", place: "chest",
    t0: 1700000000000000, hz: 250, channels: ["I", "II"], scale: 0.001, offset: 0, unit: "mV",
    n: 3 },
  [1, -1, 32767, -32768, 0, -32767],
);
const next = block({ s: 3, t0: 1700000000012000, n: 1 }, [7, 8]);
const odd = block({ s: 4, t0: 1700000000012000, n: 1 }, [9]);
const write = (name, bytes) =>
  writeFileSync(join(here, name),
    bytes.toString("hex").replace(/(.{64})/g, "$1\n").trim() + "\n");
write("first.hex", first);
write("next.hex", next);
write("bundle.hex", bundle([first, next, odd]));
