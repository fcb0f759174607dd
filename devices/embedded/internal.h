/* What the files of the library share; no part of its face. */
#ifndef VITALWIRE_INTERNAL_H
#define VITALWIRE_INTERNAL_H

#include "vitalwire.h"

/* ---- packed.c: the codec `packed` */

#define PACKED_HEAD 21u
#define PACKED_FRAME 26u
#define PACKED_CHECKSUM 4u

typedef struct {
    uint8_t flags;
    uint32_t boot, n;
    int64_t t_us;
    const vw_frame *frames;
    uint8_t n_frames;
} packed_message;

/* Bytes of the message; 0 when it is none: no frame, no samples, or too large. */
size_t packed_size(const packed_message *message);
/* Write as many bytes as packed_size() gives. */
void packed_write(const packed_message *message, uint8_t *bytes);

/* ---- ring.c: unsent messages in fixed memory, oldest first */

enum { ENTRY_WAITING, ENTRY_FLYING, ENTRY_RESTING, ENTRY_ASIDE, ENTRY_SETTLED };

typedef struct {
    int64_t t_us;      /* of native bytes: travels beside them */
    const char *codec; /* of native bytes; NULL: packed */
    uint32_t n, size, since_ms;
    uint16_t packet;
    uint8_t state, losses, times_sent;
} ring_entry;

#define RING_NONE SIZE_MAX

void ring_init(vw_ring *ring, void *memory, size_t size);
/* Room for a message at the end of the ring; NULL when there is none now. ring_add() makes it an
 * entry. */
uint8_t *ring_reserve(vw_ring *ring, size_t size);
void ring_add(vw_ring *ring, const ring_entry *entry);
bool ring_could_hold(const vw_ring *ring, size_t size);
size_t ring_first(const vw_ring *ring);
size_t ring_next(const vw_ring *ring, size_t at);
ring_entry ring_read(const vw_ring *ring, size_t at);
void ring_write(vw_ring *ring, size_t at, const ring_entry *entry);
const uint8_t *ring_bytes(const vw_ring *ring, size_t at);
/* Give the memory of settled entries back, from the oldest on. */
void ring_trim(vw_ring *ring);

/* ---- mqtt.c: bytes of MQTT 5 */

enum {
    MQTT_CONNECT = 0x10,
    MQTT_CONNACK = 0x20,
    MQTT_PUBLISH = 0x30,
    MQTT_PUBACK = 0x40,
    MQTT_SUBSCRIBE = 0x82,
    MQTT_SUBACK = 0x90,
    MQTT_PINGREQ = 0xC0,
    MQTT_PINGRESP = 0xD0,
    MQTT_DISCONNECT = 0xE0
};

/* A writer that stops at its end: `overrun` says that something did not fit. */
typedef struct {
    uint8_t *bytes;
    size_t room, size;
    bool overrun;
} mqtt_writer;

void put_u8(mqtt_writer *to, unsigned value);
void put_u16(mqtt_writer *to, unsigned value);
void put_varint(mqtt_writer *to, uint32_t value);
void put_bytes(mqtt_writer *to, const void *bytes, size_t size);
void put_text(mqtt_writer *to, const char *text);   /* as it is */
void put_string(mqtt_writer *to, const char *text); /* with its length before it */

/* A packet from the broker, as far as it was kept. */
typedef struct {
    const uint8_t *bytes;
    size_t size, at;
    bool underrun;
} mqtt_reader;

unsigned get_u8(mqtt_reader *from);
unsigned get_u16(mqtt_reader *from);
uint32_t get_varint(mqtt_reader *from);
const uint8_t *get_bytes(mqtt_reader *from, size_t size);

typedef struct {
    const char *topic;   /* whole */
    uint8_t flags;       /* 0x02: QoS 1, 0x01: retain */
    uint16_t packet;
    const char *boot, *n, *t; /* user properties of native bytes, or NULL */
    size_t payload_size; /* which follows what is written here */
} mqtt_publish;

void mqtt_put_connect(mqtt_writer *to, const vw_device *device);
void mqtt_put_publish_head(mqtt_writer *to, const mqtt_publish *publish);
void mqtt_put_subscribe(mqtt_writer *to, uint16_t packet, const char *root);
void mqtt_put_puback(mqtt_writer *to, uint16_t packet);
/* The Receive Maximum that stands in the properties of a CONNACK; 65,535 when it does not. */
unsigned mqtt_receive_maximum(mqtt_reader *from);

/* ---- json.c: the little that is read and written of it */

typedef struct {
    const char *text;
    size_t size;
} json_value;

/* The value of a key of the outermost object, perhaps cut off at the end; size 0 when it is not
 * there. */
json_value json_field(const uint8_t *bytes, size_t size, const char *key);
bool json_unsigned(json_value value, uint64_t *number);
bool json_is_true(json_value value);
/* A string without escapes, ended by a zero; false when it is none or longer. */
bool json_string(json_value value, char *text, size_t room);
/* The next [from, to] of a list of ranges; `at` begins with 0. */
bool json_next_range(json_value ranges, size_t *at, uint64_t *from, uint64_t *to);
/* Decimal or hex digits of a number, ended by a zero; gives `text`. */
char *write_unsigned(char *text, size_t room, uint64_t value);
char *write_signed(char *text, size_t room, int64_t value);
char *write_hex(char *text, size_t room, uint32_t value);

/* ---- outgoing.c, incoming.c */

enum { LINK_NONE, LINK_CONNECTING, LINK_UP, LINK_ENDING };
enum { PACKET_STATUS = 1, PACKET_RESULT = 2, PACKET_SUBSCRIBE = 3, PACKET_FIRST_DATA = 16 };
#define RETRY_ASIDE_MS 600000u
#define STATUS_EACH_MS 60000u
#define ANSWER_WITHIN_MS 20000u
#define LONE_FROM_LOSSES 2u  /* connections that a message was lost with, until it flies alone */
#define ASIDE_FROM_LOSSES 4u /* and until it waits ten minutes, so that the others go on */

/* Put the next packet into the output, if there is one and the output is free. */
void fill_output(vw_device *device);
/* Take bytes of the broker. */
vw_result take_input(vw_device *device, const uint8_t *bytes, size_t count);
void settle(vw_device *device, size_t at);
bool write_will(mqtt_writer *to, const vw_device *device);

#endif
