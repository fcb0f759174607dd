/* The life of a device: what the maker calls. */
#include "internal.h"

#include <string.h>

#define INPUT_AT_ONCE 256
#define READS_A_POLL 16

static bool is_device_id(const char *text)
{
    const size_t size = strlen(text);
    if (size < 3 || size > VW_DEVICE_ID_MOST)
        return false;
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return strstr(text, "--") == NULL; /* a unit behind a hub speaks through the hub */
}

static bool is_plain_text(const char *text)
{
    for (; *text != 0; text++)
        if ((unsigned char)*text < ' ' || *text == '"' || *text == '\\')
            return false;
    return true;
}

static void write_root(vw_device *device, const char *id)
{
    static const char hex[] = "0123456789abcdef";
    const uint32_t shard = vw_crc32(0, (const uint8_t *)id, strlen(id)) & 0xffu;
    memcpy(device->root, "vw1/", 4);
    device->root[4] = hex[shard >> 4];
    device->root[5] = hex[shard & 15u];
    device->root[6] = '/';
    memcpy(device->root + 7, id, strlen(id) + 1);
}

vw_result vw_init(vw_device *device, const vw_config *config, void *memory, size_t size)
{
    if (config->device == NULL || !is_device_id(config->device) || config->secret == NULL ||
        strlen(config->secret) > 256 || config->clock_us == NULL ||
        config->transport.send == NULL || config->transport.receive == NULL ||
        config->keep_alive_s == 0 || memory == NULL || size < 1024 || size > UINT32_MAX ||
        (config->firmware != NULL &&
         (strlen(config->firmware) > 64 || !is_plain_text(config->firmware))))
        return VW_BAD_ARGUMENT;
    memset(device, 0, sizeof *device);
    device->config = *config;
    device->battery_percent = -1;
    device->next_packet = PACKET_FIRST_DATA;
    write_root(device, config->device);
    ring_init(&device->ring, memory, size);
    return VW_OK;
}

static vw_result add(vw_device *device, const char *codec, int64_t t_us, size_t size, uint32_t *n)
{
    const ring_entry entry = {.t_us = t_us,
                              .codec = codec,
                              .n = device->next_n,
                              .size = (uint32_t)size,
                              .state = ENTRY_WAITING};
    ring_add(&device->ring, &entry);
    if (n != NULL)
        *n = device->next_n;
    device->next_n++;
    return VW_OK;
}

vw_result vw_publish(vw_device *device, int64_t t_us, uint8_t flags, const vw_frame *frames,
                     uint8_t n_frames, uint32_t *n)
{
    packed_message message = {.flags = (uint8_t)(flags | device->config.flags),
                              .boot = device->config.boot,
                              .n = device->next_n,
                              .t_us = t_us,
                              .frames = frames,
                              .n_frames = n_frames};
    const size_t size = packed_size(&message);
    if (size == 0)
        return VW_BAD_ARGUMENT;
    if (!ring_could_hold(&device->ring, size))
        return VW_TOO_LARGE;
    uint8_t *bytes = ring_reserve(&device->ring, size);
    if (bytes == NULL)
        return VW_FULL;
    packed_write(&message, bytes);
    return add(device, NULL, t_us, size, n);
}

vw_result vw_publish_native(vw_device *device, const char *codec, int64_t t_us,
                            const uint8_t *bytes, size_t size, uint32_t *n)
{
    if (codec == NULL || strlen(codec) == 0 || strlen(codec) > 32 || (bytes == NULL && size > 0))
        return VW_BAD_ARGUMENT;
    if (!ring_could_hold(&device->ring, size))
        return VW_TOO_LARGE;
    uint8_t *to = ring_reserve(&device->ring, size);
    if (to == NULL)
        return VW_FULL;
    if (size > 0)
        memcpy(to, bytes, size);
    return add(device, codec, t_us, size, n);
}

bool vw_drop_oldest(vw_device *device)
{
    for (size_t at = ring_first(&device->ring); at != RING_NONE; at = ring_next(&device->ring, at)) {
        if (ring_read(&device->ring, at).state == ENTRY_SETTLED)
            continue;
        if (at == device->ring.held)
            return false;
        settle(device, at);
        ring_trim(&device->ring);
        return true;
    }
    return false;
}

/* All that is not settled goes again, oldest first, but what alone broke one connection after the
 * other. */
static void begin_anew(vw_device *device)
{
    device->ring.held = RING_NONE;
    for (size_t at = ring_first(&device->ring); at != RING_NONE; at = ring_next(&device->ring, at)) {
        ring_entry entry = ring_read(&device->ring, at);
        if (entry.state == ENTRY_FLYING && entry.losses < UINT8_MAX)
            entry.losses++;
        if (entry.state == ENTRY_FLYING && entry.losses >= ASIDE_FROM_LOSSES) {
            entry.state = ENTRY_ASIDE;
            entry.since_ms = device->now_ms;
        } else if (entry.state == ENTRY_FLYING || entry.state == ENTRY_RESTING) {
            entry.state = ENTRY_WAITING;
        }
        ring_write(&device->ring, at, &entry);
    }
    ring_trim(&device->ring);
    device->in_flight = 0;
}

vw_result vw_connect(vw_device *device, uint32_t now_ms)
{
    device->now_ms = device->heard_ms = device->said_ms = device->status_ms = now_ms;
    begin_anew(device);
    device->link = LINK_CONNECTING;
    device->input_state = 0;
    device->n_acks = 0;
    device->body_size = device->body_sent = 0;
    device->denied_by = 0;
    device->subscribe_due = device->status_due = device->status_flying = false;
    device->result_flying = device->is_proven = device->ping_due = device->says_good_bye = false;
    mqtt_writer to = {.bytes = device->output, .room = sizeof device->output};
    mqtt_put_connect(&to, device);
    device->output_sent = 0;
    device->output_size = to.overrun ? 0 : to.size;
    return to.overrun ? VW_BAD_ARGUMENT : VW_OK;
}

static vw_result receive(vw_device *device)
{
    uint8_t bytes[INPUT_AT_ONCE];
    for (unsigned i = 0; i < READS_A_POLL; i++) {
        const int count =
            device->config.transport.receive(device->config.context, bytes, sizeof bytes);
        if (count < 0)
            return VW_LINK_LOST;
        if (count == 0)
            return VW_OK;
        device->heard_ms = device->now_ms;
        const vw_result result = take_input(device, bytes, (size_t)count);
        if (result != VW_OK)
            return result;
    }
    return VW_OK;
}

/* Move a part of the output; false when nothing can be moved now. */
static bool move(vw_device *device, const uint8_t *bytes, size_t size, size_t *sent, bool *is_lost)
{
    const int count =
        device->config.transport.send(device->config.context, bytes + *sent, size - *sent);
    *is_lost = count < 0;
    if (count <= 0)
        return false;
    *sent += (size_t)count;
    device->said_ms = device->now_ms;
    return true;
}

static vw_result send(vw_device *device)
{
    bool is_lost = false;
    for (unsigned i = 0; i < 4u * VW_IN_FLIGHT; i++) {
        fill_output(device);
        if (device->output_sent < device->output_size) {
            if (!move(device, device->output, device->output_size, &device->output_sent, &is_lost))
                break;
        } else if (device->body_sent < device->body_size) {
            if (!move(device, device->body, device->body_size, &device->body_sent, &is_lost))
                break;
        } else {
            break;
        }
    }
    return is_lost ? VW_LINK_LOST : VW_OK;
}

static bool is_silent(vw_device *device)
{
    const uint32_t now = device->now_ms;
    const uint32_t keep_alive_ms = device->config.keep_alive_s * 1000u;
    if (device->link != LINK_UP)
        return now - device->heard_ms > ANSWER_WITHIN_MS;
    return now - device->heard_ms > keep_alive_ms + keep_alive_ms / 2u ||
           (device->in_flight > 0 && now - device->waiting_ms > ANSWER_WITHIN_MS);
}

vw_result vw_poll(vw_device *device, uint32_t now_ms)
{
    device->now_ms = now_ms;
    if (device->link == LINK_NONE)
        return VW_NOT_CONNECTED;
    vw_result result = receive(device);
    if (result == VW_OK) {
        const uint32_t half_ms = device->config.keep_alive_s * 500u;
        const bool is_quiet =
            now_ms - device->heard_ms >= half_ms || now_ms - device->said_ms >= half_ms;
        if (device->link == LINK_UP && is_quiet && now_ms - device->ping_ms >= half_ms) {
            device->ping_due = true;
            device->ping_ms = now_ms;
        }
        if (device->link == LINK_UP && now_ms - device->status_ms >= STATUS_EACH_MS)
            device->status_due = true;
        result = send(device);
    }
    if (result == VW_OK && device->link != LINK_NONE && is_silent(device))
        result = VW_LINK_LOST;
    if (result != VW_OK)
        device->link = LINK_NONE;
    if (result == VW_OK && device->link == LINK_NONE)
        result = VW_NOT_CONNECTED; /* we have said good-bye */
    return result;
}

void vw_disconnect(vw_device *device)
{
    if (device->link == LINK_UP)
        device->says_good_bye = true;
    else
        device->link = LINK_NONE;
}

void vw_tell_status(vw_device *device)
{
    device->status_due = true;
}

uint32_t vw_unstored(const vw_device *device)
{
    uint32_t count = 0;
    for (size_t at = ring_first(&device->ring); at != RING_NONE; at = ring_next(&device->ring, at))
        count += ring_read(&device->ring, at).state != ENTRY_SETTLED;
    return count;
}

bool vw_is_connected(const vw_device *device)
{
    return device->link == LINK_UP && device->is_proven;
}

bool vw_utc_us(const vw_device *device, int64_t *utc_us)
{
    *utc_us = device->config.clock_us(device->config.context) + device->utc_minus_clock_us;
    return device->knows_utc;
}
