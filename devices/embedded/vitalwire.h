/* vitalwire for microcontrollers: sends samples over MQTT 5 and loses none before it is stored.
 *
 * C99, no malloc, no clock, no socket and no thread of its own: the maker gives a block of memory,
 * a transport and the time. README.md beside this file leads from zero to a first message.
 *
 * Everything runs in vw_poll(), which never waits. A message stays in the ring until the server says
 * that it is in the database (down/stored) or that it will never take it (down/error); a PUBACK only
 * means that the broker has it.
 */
#ifndef VITALWIRE_H
#define VITALWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes that a maker may set otherwise, for all files of this library alike (-DVW_...). */
#ifndef VW_INPUT_BYTES
#define VW_INPUT_BYTES 1024 /* of one MQTT packet that is looked at; what is longer is passed over */
#endif
#ifndef VW_OUTPUT_BYTES
#define VW_OUTPUT_BYTES 640 /* one packet without its samples; a status with all fields needs 520 */
#endif
#ifndef VW_IN_FLIGHT
#define VW_IN_FLIGHT 16 /* messages that the broker has not acknowledged, at most */
#endif
#ifndef VW_COMMANDS
#define VW_COMMANDS 8 /* commands whose end is remembered, so that none runs twice */
#endif
#ifndef VW_RESEND_AFTER_MS
#define VW_RESEND_AFTER_MS 60000u /* without a receipt a message that the broker took goes again */
#endif

#define VW_LARGEST_BYTES 65536u /* of a packed message, the format's own limit */
#define VW_DEVICE_ID_MOST 40
#define VW_COMMAND_ID_MOST 36
#define VW_COMMAND_NAME_MOST 40
#define VW_DETAIL_MOST 60
#define VW_REASON_MOST 32
#define VW_ACKS 8 /* QoS 1 messages that the broker may send before we acknowledge (told on CONNECT) */

/* Streams (unit) and places, as in the table of streams of vitalwire. */
enum {
    VW_ECG = 1,           /* mV */
    VW_PPG = 2,           /* counts: red, infrared, green */
    VW_IMPEDANCE = 3,     /* ohm */
    VW_ACCELEROMETER = 4, /* g: x, y, z */
    VW_TEMPERATURE = 5,   /* degC */
    VW_RADAR_IQ = 6,      /* V: i, q */
    VW_FLOW = 7,          /* L/s */
    VW_WIFI_RSSI = 8,     /* dBm */
    VW_HEADING = 9,       /* deg */
    VW_GYROSCOPE = 10     /* deg/s */
};
enum {
    VW_NO_PLACE = 0,
    VW_CHEST = 1,
    VW_THIGH = 2,
    VW_WRIST = 3,
    VW_WAIST = 4,
    VW_FINGER = 5,
    VW_EAR = 6,
    VW_BACK = 7
};

/* Flags of a message: they speak for all its frames. */
enum {
    VW_LEAD_OFF = 1,
    VW_SIMULATED = 2,
    VW_SENSOR_FAULT = 4,
    VW_RECEIPT_WANTED = 8
};

typedef enum {
    VW_OK = 0,
    VW_FULL = -1,          /* the ring has no room: the maker decides what to give up */
    VW_TOO_LARGE = -2,     /* would never fit the ring or the format */
    VW_BAD_ARGUMENT = -3,
    VW_NOT_CONNECTED = -4, /* call vw_connect() when the transport stands again */
    VW_LINK_LOST = -5,     /* the connection is over, by an error or by silence */
    VW_DENIED = -6         /* the broker does not let us in: vw_device.denied_by has its code */
} vw_result;

/* One stretch of equally spaced samples: value = sample * scale + offset in the stream's unit. */
typedef struct {
    uint8_t stream;
    uint8_t place;
    uint8_t channels;
    uint16_t samples;     /* of each channel */
    uint64_t interval_ns; /* between samples; 0 for a single reading */
    int32_t dt_us;        /* from the time of the message to the first sample */
    float scale;
    float offset;
    const int16_t *data;  /* samples * channels, interleaved by channel; INT16_MIN: missing */
} vw_frame;

/* Both return at once: bytes taken or given, 0 when nothing can be moved now, below 0 when the
 * connection is lost. */
typedef struct {
    int (*send)(void *context, const uint8_t *bytes, size_t count);
    int (*receive)(void *context, uint8_t *bytes, size_t room);
} vw_transport;

typedef enum { VW_DONE, VW_REFUSED, VW_FAILED, VW_EXPIRED, VW_UNSEEN } vw_outcome;

/* A command of the server. `args` is a JSON object as it came, not ended by a zero. */
typedef struct {
    const char *id;
    const char *name;
    const char *args;
    size_t args_size;
    const char *detail; /* the maker may set it: a short text for people, that stays valid */
} vw_command;

typedef struct {
    const char *device;   /* [a-z0-9-], 3 to 40; also the user name at the broker */
    const char *secret;   /* password at the broker */
    const char *firmware; /* or NULL */
    uint32_t boot;        /* drawn at random at each power-up; never the same again */
    uint16_t keep_alive_s;
    uint8_t flags;        /* of every message, as VW_SIMULATED */
    vw_transport transport;
    void *context;        /* handed to every function below and to the transport */
    int64_t (*clock_us)(void *context); /* the device's clock; steady while the power is on */
    /* What follows may be NULL. None of them may call vw_poll() or vw_publish(). */
    void (*on_stored)(void *context, uint32_t n);
    void (*on_refused)(void *context, uint32_t n, const char *reason);
    vw_outcome (*on_command)(void *context, vw_command *command);
} vw_config;

typedef struct {
    uint8_t *memory;
    size_t size, first, end, wrapped_at;
    size_t held; /* the entry that is being sent: its bytes must stay; SIZE_MAX: none */
    uint32_t count;
    bool wrapped;
} vw_ring;

typedef struct {
    char id[VW_COMMAND_ID_MOST + 1];
    char detail[VW_DETAIL_MOST + 1];
    uint8_t outcome;
    bool untold;
} vw_ended_command;

/* All fields are the library's own, but those under "for the maker". */
typedef struct {
    /* For the maker to read. */
    uint8_t denied_by;         /* reason code of CONNACK, when VW_DENIED */
    uint32_t stored, refused;  /* messages settled so far */
    uint32_t resent;           /* messages sent more than once */
    /* For the maker to set; vw_tell_status() sends them at once, else within a minute. */
    int battery_percent;       /* -1: not known */
    int rssi_dbm;              /* 0: not known */

    vw_config config;
    vw_ring ring;
    char root[VW_DEVICE_ID_MOST + 8]; /* vw1/ss/device */
    uint32_t next_n;
    uint8_t link;
    uint16_t in_flight, in_flight_most, next_packet;
    uint32_t now_ms, heard_ms, said_ms, status_ms, ping_ms;
    uint32_t waiting_ms; /* for a PUBACK, since then */
    bool subscribe_due, status_due, status_flying, result_flying, ping_due;
    bool is_proven; /* the broker has acknowledged our status */
    bool says_good_bye;
    int64_t utc_minus_clock_us;
    bool knows_utc;
    uint16_t acks[VW_ACKS];
    uint8_t n_acks;
    vw_ended_command ended[VW_COMMANDS];
    uint8_t next_ended;
    /* One packet on its way out: head, then perhaps the bytes of a message in the ring. */
    uint8_t output[VW_OUTPUT_BYTES];
    size_t output_size, output_sent;
    const uint8_t *body;
    size_t body_size, body_sent;
    /* One packet on its way in. */
    uint8_t input[VW_INPUT_BYTES + 1];
    uint8_t input_state, input_type;
    uint32_t input_length, input_taken, input_shift;
} vw_device;

/* Make a device. `memory` holds the unsent messages, aligned as for a uint64_t: a second of ECG at
 * 250 Hz takes 600 bytes. */
vw_result vw_init(vw_device *device, const vw_config *config, void *memory, size_t size);

/* Take a message; it is in the ring when this gives VW_OK, and `n` is its number (may be NULL).
 * `t_us` is the device's clock. Needs no connection. */
vw_result vw_publish(vw_device *device, int64_t t_us, uint8_t flags, const vw_frame *frames,
                     uint8_t n_frames, uint32_t *n);

/* The same for bytes of another codec; `codec` must stay valid as long as the message is unstored. */
vw_result vw_publish_native(vw_device *device, const char *codec, int64_t t_us,
                            const uint8_t *bytes, size_t size, uint32_t *n);

/* Give up the oldest message to make room. False when there is none, or it is just being sent. */
bool vw_drop_oldest(vw_device *device);

/* The transport stands: begin an MQTT connection over it. */
vw_result vw_connect(vw_device *device, uint32_t now_ms);

/* Do what can be done now: hear, send, keep alive. Call it often, at least once a second.
 * `now_ms` counts on without jumps and may wrap around. After VW_LINK_LOST or VW_DENIED close the
 * transport, wait a while, open it and call vw_connect(). */
vw_result vw_poll(vw_device *device, uint32_t now_ms);

/* Say good-bye, so that the server shows the device as offline at once; the transport may be closed
 * when vw_poll() gives VW_NOT_CONNECTED. */
void vw_disconnect(vw_device *device);

/* Send the status now. */
void vw_tell_status(vw_device *device);

/* Messages in the ring that are not settled. */
uint32_t vw_unstored(const vw_device *device);

/* Whether the broker let us in and has answered. */
bool vw_is_connected(const vw_device *device);

/* UTC by the server's clock, in microseconds; false while it has not told the time. */
bool vw_utc_us(const vw_device *device, int64_t *utc_us);

/* CRC-32 as in zip and zlib; begin with 0 and hand the last result on. */
uint32_t vw_crc32(uint32_t crc, const uint8_t *bytes, size_t count);

#ifdef __cplusplus
}
#endif
#endif
