// Writes the golden bytes of frames.v1, vitals.v1 and beats.v1 from the text of the interface,
// without any code of the project: `node tests/contract/vectors/make.mjs`. Never changed for a
// version that was published; a new version gets a new file beside the old.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

class Writer {
  bytes = [];
  put(size, name, value) {
    const buffer = Buffer.alloc(size);
    buffer[name](value, 0);
    this.bytes.push(...buffer);
    return this;
  }
  text(value) { this.bytes.push(...Buffer.from(value, "latin1")); return this; }
  i8(v) { return this.put(1, "writeInt8", v); }
  u8(v) { return this.put(1, "writeUInt8", v); }
  i16(v) { return this.put(2, "writeInt16LE", v); }
  u16(v) { return this.put(2, "writeUInt16LE", v); }
  i32(v) { return this.put(4, "writeInt32LE", v); }
  u32(v) { return this.put(4, "writeUInt32LE", v); }
  i64(v) { return this.put(8, "writeBigInt64LE", BigInt(v)); }
  f32(v) { return this.put(4, "writeFloatLE", v); }
  head(magic, count) { return this.text(magic).u16(1).u16(0).u32(count).u32(0); }
  hex() { return Buffer.from(this.bytes).toString("hex").replace(/(.{64})/g, "$1\n").trim() + "\n"; }
}

const frames = new Writer().head("VWF1", 3);
const frame = (f, start, size) => frames
  .i32(f.device).u32(f.boot).u32(f.n).i16(f.part).i16(f.stream).i64(f.t0).i64(f.interval)
  .i64(f.received).u32(f.flags).i16(f.channels).i8(f.format).i8(f.place).f32(f.scale).f32(f.offset)
  .u32(start).u32(size);
const ecg = { device: 7, boot: 0xfffffffe, n: 4294967295, part: 0, stream: 1, t0: 1700000000000000n,
  interval: 2777778, received: 1700000000123456n, flags: 16, channels: 2, format: 1, place: 1,
  scale: 0.005, offset: 0 };
frame(ecg, 0, 12);
frame({ ...ecg, part: 1, stream: 5, interval: 0, channels: 1, format: 4, place: 0, scale: 1 }, 12, 4);
frame({ ...ecg, device: 2147483647, boot: 1, n: 0, stream: 3, t0: -1, channels: 1, format: 3,
  flags: 129, scale: 0.5, offset: -2.25 }, 16, 8);
for (const v of [1, -2, 300, -32768, 32767, 0]) frames.i16(v);
frames.f32(36.75);
frames.i32(-2147483648).i32(70000);
writeFileSync(join(here, "frames", "v1.hex"), frames.hex());

const vitals = new Writer().head("VWV1", 2);
vitals.i64(1700000000000000n).i64(1700000000250000n).i32(7).i32(3).f32(61.5).f32(0.875)
  .i16(1).i16(1).i8(0).i8(1).u16(2);
vitals.i64(1700000001000000n).i64(1700000001250000n).i32(7).i32(0).f32(NaN).f32(0)
  .i16(3).i16(2).i8(3).i8(4).u16(8);
writeFileSync(join(here, "vitals", "v1.hex"), vitals.hex());

const beats = new Writer().head("VWB1", 1);
beats.i64(1700000000512345n).i32(7).f32(812.5).f32(0.75).i16(1).i8(1).i8(3);
writeFileSync(join(here, "beats", "v1.hex"), beats.hex());
