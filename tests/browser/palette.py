"""Pictures of a page: as pixels, and with at most 256 colours, which no eye sees."""

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Page
from scipy.spatial import cKDTree

COLOURS = 256
SIGNATURE = b"\x89PNG\r\n\x1a\n"


UNPACK = """async (picture) => {
  const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], {type: 'image/png'}));
  const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.width, image.height).data;
  let packed = '';
  for (let i = 0; i < pixels.length; i += 0x8000) {
    packed += String.fromCharCode(...pixels.subarray(i, i + 0x8000));
  }
  return [image.width, image.height, btoa(packed)];
}"""


async def unpacked(page: Page, picture: bytes) -> NDArray[np.uint8]:
    """A PNG as (height, width, 3); the browser itself unpacks it."""
    text = base64.b64encode(picture).decode()
    width, height, packed = await page.evaluate(UNPACK, text)
    raw = np.frombuffer(base64.b64decode(packed), dtype=np.uint8)
    return raw.reshape(height, width, 4)[:, :, :3]


def palette_png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG with a palette: a third of the bytes.

    Parameters
    ----------
    pixels : (height, width, 3), red, green, blue
    """
    height, width, _ = pixels.shape
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)
    colours, place, counts = np.unique(packed.ravel(), return_inverse=True, return_counts=True)
    split = np.stack([colours >> 16 & 255, colours >> 8 & 255, colours & 255], axis=1)
    kept = split[np.argsort(counts)[::-1][:COLOURS]]
    nearest = np.asarray(cKDTree(kept).query(split)[1], dtype=np.uint8)
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # each row begins with "no filter"
    rows[:, 1:] = nearest[place].reshape(height, width)
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", kept.astype(np.uint8).tobytes()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
