/* What goes to the broker: one packet at a time, in the order of how much waits for it. */
#include "internal.h"

#include <string.h>

static mqtt_writer writer_of(vw_device *device)
{
    const mqtt_writer writer = {.bytes = device->output, .room = sizeof device->output};
    return writer;
}

/* A packet of which a part did not fit is not sent: its bytes would be another packet's. */
static bool finish_output(vw_device *device, const mqtt_writer *written)
{
    device->output_sent = 0;
    device->output_size = written->overrun ? 0 : written->size;
    return !written->overrun;
}

static void write_topic(vw_device *device, char *topic, size_t room, const char *kind,
                        const char *codec)
{
    mqtt_writer to = {.bytes = (uint8_t *)topic, .room = room - 1};
    put_text(&to, device->root);
    put_text(&to, kind);
    put_text(&to, codec);
    topic[to.overrun ? 0 : to.size] = 0;
}

static void put_number(mqtt_writer *to, const char *name, int64_t value)
{
    char digits[24];
    put_text(to, name);
    put_text(to, write_signed(digits, sizeof digits, value));
}

bool write_will(mqtt_writer *to, const vw_device *device)
{
    put_number(to, "{\"online\":false,\"boot\":", device->config.boot);
    put_text(to, "}"); /* without a time: nobody knows when the broker will send it */
    return !to->overrun;
}

static void write_status(mqtt_writer *to, const vw_device *device)
{
    const vw_config *config = &device->config;
    put_number(to, "{\"online\":true,\"boot\":", config->boot);
    put_number(to, ",\"t\":", config->clock_us(config->context));
    put_number(to, ",\"buffered\":", device->ring.count);
    if (config->firmware != NULL) {
        put_text(to, ",\"firmware\":\"");
        put_text(to, config->firmware);
        put_text(to, "\"");
    }
    if (device->battery_percent >= 0)
        put_number(to, ",\"battery\":", device->battery_percent);
    if (device->rssi_dbm != 0)
        put_number(to, ",\"rssi\":", device->rssi_dbm);
    put_text(to, "}");
}

static const char *outcome_text(uint8_t outcome)
{
    static const char *const texts[] = {"done", "refused", "failed", "expired", "unseen"};
    return texts[outcome];
}

static void write_result(mqtt_writer *to, const vw_ended_command *ended)
{
    put_text(to, "{\"command\":\"");
    put_text(to, ended->id);
    put_text(to, "\",\"outcome\":\"");
    put_text(to, outcome_text(ended->outcome));
    put_text(to, "\",\"detail\":\"");
    put_text(to, ended->detail);
    put_text(to, "\"}");
}

/* A small QoS 1 message whose payload is text. */
static bool put_small(vw_device *device, mqtt_writer *to, const char *kind, uint16_t packet,
                      bool retain, const uint8_t *text, size_t size)
{
    char topic[VW_DEVICE_ID_MOST + 24];
    write_topic(device, topic, sizeof topic, kind, "");
    const mqtt_publish publish = {
        .topic = topic, .flags = retain ? 0x03 : 0x02, .packet = packet, .payload_size = size};
    mqtt_put_publish_head(to, &publish);
    put_bytes(to, text, size);
    return !to->overrun;
}

static bool send_status(vw_device *device, bool online)
{
    uint8_t text[320];
    mqtt_writer status = {.bytes = text, .room = sizeof text};
    mqtt_writer to = writer_of(device);
    if (online)
        write_status(&status, device);
    else
        write_will(&status, device);
    put_small(device, &to, "/up/status", PACKET_STATUS, true, text, status.size);
    if (!online) {
        put_u8(&to, MQTT_DISCONNECT);
        put_u8(&to, 0);
    }
    to.overrun = to.overrun || status.overrun;
    return finish_output(device, &to);
}

static bool send_result(vw_device *device)
{
    for (unsigned i = 0; i < VW_COMMANDS; i++) {
        vw_ended_command *ended = &device->ended[i];
        if (!ended->untold)
            continue;
        uint8_t text[192];
        mqtt_writer result = {.bytes = text, .room = sizeof text};
        mqtt_writer to = writer_of(device);
        ended->untold = false; /* when it is lost on the way, the server asks again */
        write_result(&result, ended);
        put_small(device, &to, "/up/result", PACKET_RESULT, false, text, result.size);
        to.overrun = to.overrun || result.overrun;
        return finish_output(device, &to);
    }
    return false;
}

/* The oldest message that may go now. */
static size_t choose(vw_device *device)
{
    const uint32_t now = device->now_ms;
    size_t chosen = RING_NONE;
    for (size_t at = ring_first(&device->ring); at != RING_NONE; at = ring_next(&device->ring, at)) {
        ring_entry entry = ring_read(&device->ring, at);
        if (entry.state == ENTRY_FLYING && entry.losses >= LONE_FROM_LOSSES)
            return RING_NONE; /* nothing takes off beside one that is suspect */
        const bool is_due =
            (entry.state == ENTRY_RESTING && now - entry.since_ms >= VW_RESEND_AFTER_MS) ||
            (entry.state == ENTRY_ASIDE && now - entry.since_ms >= RETRY_ASIDE_MS);
        if (is_due) {
            entry.state = ENTRY_WAITING;
            ring_write(&device->ring, at, &entry);
        }
        if (chosen == RING_NONE && entry.state == ENTRY_WAITING) {
            const uint16_t most = entry.losses >= LONE_FROM_LOSSES ? 1 : device->in_flight_most;
            if (device->in_flight >= most)
                return RING_NONE;
            chosen = at;
        }
    }
    return chosen;
}

static bool send_message(vw_device *device)
{
    const size_t at = choose(device);
    if (at == RING_NONE)
        return false;
    ring_entry entry = ring_read(&device->ring, at);
    char topic[VW_DEVICE_ID_MOST + 48], boot[12], n[12], t[24];
    write_topic(device, topic, sizeof topic, "/up/d/", entry.codec == NULL ? "packed" : entry.codec);
    mqtt_publish publish = {
        .topic = topic, .flags = 0x02, .packet = device->next_packet, .payload_size = entry.size};
    if (entry.codec != NULL) {
        publish.boot = write_hex(boot, sizeof boot, device->config.boot);
        publish.n = write_unsigned(n, sizeof n, entry.n);
        publish.t = write_signed(t, sizeof t, entry.t_us);
    }
    mqtt_writer to = writer_of(device);
    mqtt_put_publish_head(&to, &publish);
    if (!finish_output(device, &to))
        return false;
    device->body = ring_bytes(&device->ring, at);
    device->body_size = entry.size;
    device->body_sent = 0;
    device->ring.held = at;
    entry.state = ENTRY_FLYING;
    entry.packet = device->next_packet;
    entry.since_ms = device->now_ms;
    if (entry.times_sent > 0)
        device->resent++;
    if (entry.times_sent < UINT8_MAX)
        entry.times_sent++;
    ring_write(&device->ring, at, &entry);
    device->next_packet = device->next_packet == UINT16_MAX ? PACKET_FIRST_DATA
                                                            : (uint16_t)(device->next_packet + 1);
    if (device->in_flight++ == 0)
        device->waiting_ms = device->now_ms;
    return true;
}

static bool send_ack(vw_device *device)
{
    mqtt_writer to = writer_of(device);
    mqtt_put_puback(&to, device->acks[0]);
    device->n_acks--;
    memmove(device->acks, device->acks + 1, device->n_acks * sizeof device->acks[0]);
    return finish_output(device, &to);
}

void fill_output(vw_device *device)
{
    if (device->output_sent < device->output_size || device->body_sent < device->body_size)
        return;
    device->output_size = device->output_sent = 0;
    device->body_size = device->body_sent = 0;
    device->ring.held = RING_NONE;
    ring_trim(&device->ring);
    if (device->link == LINK_ENDING) {
        device->link = LINK_NONE; /* the good-bye that was written last is out */
        return;
    }
    if (device->link != LINK_UP)
        return;
    if (device->n_acks > 0) {
        send_ack(device);
    } else if (device->subscribe_due) {
        mqtt_writer to = writer_of(device);
        device->subscribe_due = false;
        mqtt_put_subscribe(&to, PACKET_SUBSCRIBE, device->root);
        finish_output(device, &to);
    } else if (device->says_good_bye) {
        device->link = LINK_ENDING;
        send_status(device, false);
    } else if (device->status_due && !device->status_flying) {
        device->status_due = false;
        device->status_ms = device->now_ms;
        device->status_flying = send_status(device, true);
    } else if (!device->result_flying && send_result(device)) {
        device->result_flying = true;
    } else if (device->ping_due) {
        mqtt_writer to = writer_of(device);
        device->ping_due = false;
        put_u8(&to, MQTT_PINGREQ);
        put_u8(&to, 0);
        finish_output(device, &to);
    } else if (device->is_proven) {
        send_message(device);
    }
}
