/* The codec `packed`: little-endian whatever the processor is. shared/codecs/packed/README.md */
#include "internal.h"

#include <string.h>

enum { FORMAT_INT16 = 1 };

uint32_t vw_crc32(uint32_t crc, const uint8_t *bytes, size_t count)
{
    static const uint32_t table[16] = {
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u,
        0x4db26158u, 0x5005713cu, 0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu,
        0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu};
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        crc = table[(crc ^ bytes[i]) & 15u] ^ (crc >> 4);
        crc = table[(crc ^ ((uint32_t)bytes[i] >> 4)) & 15u] ^ (crc >> 4);
    }
    return ~crc;
}

size_t packed_size(const packed_message *message)
{
    size_t size = PACKED_HEAD + PACKED_CHECKSUM;
    if (message->n_frames == 0)
        return 0;
    for (uint8_t i = 0; i < message->n_frames; i++) {
        const vw_frame *frame = &message->frames[i];
        if (frame->samples == 0 || frame->channels == 0 || frame->data == NULL)
            return 0;
        size += PACKED_FRAME + (size_t)frame->samples * frame->channels * 2u;
        if (size > VW_LARGEST_BYTES)
            return 0;
    }
    return size;
}

static uint8_t *put_little(uint8_t *to, uint64_t value, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++)
        *to++ = (uint8_t)(value >> (8u * i));
    return to;
}

static uint8_t *put_float(uint8_t *to, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_little(to, bits, 4);
}

void packed_write(const packed_message *message, uint8_t *bytes)
{
    uint8_t *to = bytes;
    *to++ = 'V';
    *to++ = 'W';
    *to++ = 1;
    *to++ = message->flags;
    to = put_little(to, message->boot, 4);
    to = put_little(to, message->n, 4);
    to = put_little(to, (uint64_t)message->t_us, 8);
    *to++ = message->n_frames;
    for (uint8_t i = 0; i < message->n_frames; i++) {
        const vw_frame *frame = &message->frames[i];
        *to++ = frame->stream;
        *to++ = frame->place;
        *to++ = frame->channels;
        to = put_little(to, frame->samples, 2);
        to = put_little(to, frame->interval_ns, 8);
        to = put_little(to, (uint32_t)frame->dt_us, 4);
        *to++ = FORMAT_INT16;
        to = put_float(to, frame->scale);
        to = put_float(to, frame->offset);
        const size_t n_values = (size_t)frame->samples * frame->channels;
        for (size_t k = 0; k < n_values; k++)
            to = put_little(to, (uint16_t)frame->data[k], 2);
    }
    put_little(to, vw_crc32(0, bytes, (size_t)(to - bytes)), 4);
}
