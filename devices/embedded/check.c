/* Checks of the parts that no broker can try: the ring against a model, JSON that is cut anywhere.
 * The tests compile and run it; it ends with 0 when all holds. */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLDS(what)                                                        \
    do {                                                                   \
        if (!(what)) {                                                     \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);     \
            exit(1);                                                       \
        }                                                                  \
    } while (0)

static uint32_t state = 2463534242u;

static uint32_t chance(uint32_t below) /* xorshift, the same each run */
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

/* Messages come and are settled in any order; what is left is there, whole and in order. */
static void check_ring(void)
{
    enum { MOST = 4096 };
    static uint64_t memory[512];
    static bool is_settled[1u << 16];
    vw_ring ring;
    uint32_t next_n = 0, first_n = 0, n_full = 0, n_wrapped = 0;
    ring_init(&ring, memory, sizeof memory);
    HOLDS(ring_could_hold(&ring, MOST - sizeof(ring_entry)));
    HOLDS(!ring_could_hold(&ring, MOST - sizeof(ring_entry) + 1));
    for (unsigned step = 0; step < 60000 && next_n < sizeof is_settled; step++) {
        if (chance(2) == 0) {
            const uint32_t size = chance(chance(8) == 0 ? 3000 : 300);
            uint8_t *bytes = ring_reserve(&ring, size);
            if (bytes == NULL) {
                n_full++;
            } else {
                const ring_entry entry = {.n = next_n, .size = size};
                memset(bytes, (int)(next_n & 0xffu), size);
                ring_add(&ring, &entry);
                next_n++;
            }
        } else if (next_n > first_n) {
            const uint32_t wanted = first_n + chance(chance(2) == 0 ? 1 : next_n - first_n);
            for (size_t at = ring_first(&ring); at != RING_NONE; at = ring_next(&ring, at)) {
                ring_entry entry = ring_read(&ring, at);
                if (entry.n != wanted)
                    continue;
                entry.state = ENTRY_SETTLED;
                ring_write(&ring, at, &entry);
                is_settled[wanted] = true;
            }
            ring.held = chance(4) == 0 ? ring_first(&ring) : RING_NONE;
            ring_trim(&ring);
            ring.held = RING_NONE;
        }
        while (first_n < next_n && is_settled[first_n])
            first_n++;
        uint32_t expected = first_n;
        n_wrapped += ring.wrapped;
        for (size_t at = ring_first(&ring); at != RING_NONE; at = ring_next(&ring, at)) {
            const ring_entry entry = ring_read(&ring, at);
            if (entry.state == ENTRY_SETTLED)
                continue;
            while (is_settled[expected])
                expected++;
            HOLDS(entry.n == expected);
            expected++;
            for (uint32_t i = 0; i < entry.size; i++)
                HOLDS(ring_bytes(&ring, at)[i] == (entry.n & 0xffu));
        }
        while (expected < next_n && is_settled[expected])
            expected++;
        HOLDS(expected == next_n);
    }
    HOLDS(n_full > 100 && n_wrapped > 100 && first_n > 1000);
}

static void check_json(void)
{
    static const char text[] =
        " {\"x\": {\"boot\": 1, \"s\": \"}\\\"\"}, \"boot\" : 4294967295,\"ranges\":[[0, 7],[12,3456]],"
        "\"reason\":\"bad_time\",\"ask\":true} ";
    const size_t size = sizeof text - 1;
    uint64_t number, from, to;
    char reason[16];
    for (size_t cut = 0; cut <= size; cut++) {
        /* A piece of its own on the heap, so that a look beyond its end is seen. */
        uint8_t *piece = malloc(cut + 1);
        HOLDS(piece != NULL);
        memcpy(piece, text, cut);
        piece = realloc(piece, cut > 0 ? cut : 1);
        HOLDS(piece != NULL);
        size_t at = 0;
        unsigned n_ranges = 0;
        const json_value ranges = json_field(piece, cut, "ranges");
        while (json_next_range(ranges, &at, &from, &to)) {
            HOLDS(n_ranges == 0 ? from == 0 && to == 7 : from == 12 && to == 3456);
            n_ranges++;
        }
        HOLDS(n_ranges <= 2 && (cut < size || n_ranges == 2));
        if (cut == size) {
            HOLDS(json_unsigned(json_field(piece, cut, "boot"), &number) && number == 4294967295u);
            HOLDS(json_string(json_field(piece, cut, "reason"), reason, sizeof reason));
            HOLDS(strcmp(reason, "bad_time") == 0);
            HOLDS(!json_string(json_field(piece, cut, "reason"), reason, 8));
            HOLDS(json_is_true(json_field(piece, cut, "ask")));
            HOLDS(json_field(piece, cut, "s").size == 0);
        }
        free(piece);
    }
    for (unsigned turn = 0; turn < 200000; turn++) { /* anything may come; nothing is looked at twice */
        uint8_t any[40];
        static const char letters[] = "{}[]\",:\\ 0129abootrngs";
        const size_t length = chance(sizeof any + 1);
        for (size_t i = 0; i < length; i++)
            any[i] = (uint8_t)letters[chance(sizeof letters - 1)];
        size_t at = 0;
        const json_value ranges = json_field(any, length, "a");
        while (json_next_range(ranges, &at, &from, &to))
            HOLDS(at <= ranges.size);
    }
}

static void check_numbers(void)
{
    char text[24];
    HOLDS(strcmp(write_signed(text, sizeof text, INT64_MIN), "-9223372036854775808") == 0);
    HOLDS(strcmp(write_unsigned(text, sizeof text, UINT64_MAX), "18446744073709551615") == 0);
    HOLDS(strcmp(write_hex(text, sizeof text, 0x1fu), "0000001f") == 0);
    HOLDS(strcmp(write_unsigned(text, 3, 1234), "12") == 0);
    HOLDS(vw_crc32(0, (const uint8_t *)"123456789", 9) == 0xcbf43926u); /* the check of the polynomial */
    for (uint32_t value = 0; value < 1u << 28; value += 1u + value / 3u) {
        uint8_t bytes[4];
        mqtt_writer writer = {.bytes = bytes, .room = sizeof bytes};
        put_varint(&writer, value);
        mqtt_reader reader = {.bytes = bytes, .size = writer.size};
        HOLDS(get_varint(&reader) == value && !reader.underrun && !writer.overrun);
    }
}

/* A broker that says anything, in any pieces. */
typedef struct {
    uint8_t bytes[256];
    size_t size, at;
} rude_broker;

static int rude_send(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    (void)bytes;
    return (int)(chance(3) == 0 ? 0 : 1 + chance((uint32_t)count));
}

static int rude_receive(void *context, uint8_t *bytes, size_t room)
{
    rude_broker *broker = context;
    size_t count = broker->size - broker->at;
    if (count > 0)
        count = 1 + chance((uint32_t)count);
    if (count > room)
        count = room;
    memcpy(bytes, broker->bytes + broker->at, count);
    broker->at += count;
    return (int)count;
}

static int64_t rude_clock_us(void *context)
{
    (void)context;
    return 1700000000000000;
}

static vw_outcome rude_obey(void *context, vw_command *command)
{
    (void)context;
    HOLDS(strlen(command->id) <= VW_COMMAND_ID_MOST);
    command->detail = "a detail \"that\" is rather too long to be told to anybody, whoever it may be";
    return VW_DONE;
}

static size_t add_publish(uint8_t *to, const char *root, const char *kind, const char *text)
{
    mqtt_writer body = {.bytes = to + 2, .room = 125};
    put_u16(&body, (unsigned)(strlen(root) + 6 + strlen(kind)));
    put_text(&body, root);
    put_text(&body, "/down/");
    put_text(&body, kind);
    put_u16(&body, 7);
    put_u8(&body, 0);
    put_text(&body, text);
    HOLDS(!body.overrun);
    to[0] = 0x32;
    to[1] = (uint8_t)body.size;
    return body.size + 2;
}

static void check_rude_broker(void)
{
    static uint64_t memory[256];
    static const uint8_t hello[] = {0x20, 0x06, 0, 0, 3, 0x21, 0, 20,          /* CONNACK */
                                    0x90, 0x04, 0, 3, 0, 1,                    /* SUBACK */
                                    0x40, 0x02, 0, 1,                          /* PUBACK of the status */
                                    0x40, 0x03, 0, 16, 0x87, 0x40, 2, 0, 17}; /* denied, taken */
    static vw_device device;
    rude_broker broker;
    unsigned n_up = 0, n_stored = 0, n_commands = 0;
    for (unsigned turn = 0; turn < 20000; turn++) {
        const vw_config config = {.device = "dev",
                                  .secret = "s",
                                  .boot = 5,
                                  .keep_alive_s = 10,
                                  .transport = {rude_send, rude_receive},
                                  .context = &broker,
                                  .clock_us = rude_clock_us,
                                  .on_command = rude_obey};
        const int16_t sample = 1;
        const vw_frame frame = {.stream = VW_TEMPERATURE, .channels = 1, .samples = 1, .scale = 1,
                                .data = &sample};
        HOLDS(vw_init(&device, &config, memory, sizeof memory) == VW_OK);
        for (unsigned i = 0; i < 6; i++)
            HOLDS(vw_publish(&device, 0, 0, &frame, 1, NULL) == VW_OK);
        HOLDS(vw_publish_native(&device, "am1", 0, (const uint8_t *)"B01", 3, NULL) == VW_OK);
        memcpy(broker.bytes, hello, sizeof hello);
        broker.at = 0;
        broker.size = sizeof hello;
        broker.size += add_publish(broker.bytes + broker.size, device.root, "time",
                                   "{\"t_utc_us\":1800000000000000}");
        switch (turn % 3) {
        case 0:
            broker.size += add_publish(broker.bytes + broker.size, device.root, "stored",
                                       "{\"boot\":5,\"ranges\":[[1,2],[4,9]]}");
            break;
        case 1:
            broker.size += add_publish(broker.bytes + broker.size, device.root, "error",
                                       "{\"boot\":5,\"n\":3,\"reason\":\"bad_time\"}");
            break;
        default:
            broker.size +=
                add_publish(broker.bytes + broker.size, device.root, "command",
                            "{\"command\":\"c\",\"name\":\"x\",\"expires\":1900000000000000}");
        }
        for (uint32_t flips = turn < 100 ? 0 : chance(4); flips > 0; flips--)
            broker.bytes[chance((uint32_t)broker.size)] ^= (uint8_t)(1u << chance(8));
        HOLDS(vw_connect(&device, 0) == VW_OK);
        vw_result result = VW_OK;
        for (uint32_t now_ms = 0; now_ms < 400 && result == VW_OK; now_ms += 10)
            result = vw_poll(&device, now_ms);
        n_up += vw_is_connected(&device);
        n_stored += device.stored;
        n_commands += device.ended[0].id[0] != 0;
        HOLDS(turn >= 100 || (result == VW_OK && vw_is_connected(&device)));
        HOLDS(device.stored + device.refused + vw_unstored(&device) == 7);
    }
    HOLDS(n_up > 5000 && n_stored > 5000 && n_commands > 1000);
}

int main(void)
{
    check_ring();
    check_rude_broker();
    check_json();
    check_numbers();
    return 0;
}
