/* Bytes of MQTT 5, as far as a device needs them. OASIS MQTT 5.0, sections in brackets. */
#include "internal.h"

#include <string.h>

void put_u8(mqtt_writer *to, unsigned value)
{
    if (to->size < to->room)
        to->bytes[to->size++] = (uint8_t)value;
    else
        to->overrun = true;
}

void put_u16(mqtt_writer *to, unsigned value)
{
    put_u8(to, value >> 8);
    put_u8(to, value & 0xffu);
}

void put_varint(mqtt_writer *to, uint32_t value)
{
    do {
        const uint32_t rest = value >> 7;
        put_u8(to, (value & 0x7fu) | (rest != 0 ? 0x80u : 0u));
        value = rest;
    } while (value != 0);
}

void put_bytes(mqtt_writer *to, const void *bytes, size_t size)
{
    if (to->room - to->size < size) {
        to->overrun = true;
        return;
    }
    if (size > 0)
        memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

void put_text(mqtt_writer *to, const char *text)
{
    put_bytes(to, text, strlen(text));
}

void put_string(mqtt_writer *to, const char *text)
{
    const size_t size = strlen(text);
    if (size > 0xffffu)
        to->overrun = true;
    put_u16(to, (unsigned)size);
    put_bytes(to, text, size);
}

unsigned get_u8(mqtt_reader *from)
{
    if (from->at >= from->size) {
        from->underrun = true;
        return 0;
    }
    return from->bytes[from->at++];
}

unsigned get_u16(mqtt_reader *from)
{
    const unsigned high = get_u8(from);
    return high << 8 | get_u8(from);
}

uint32_t get_varint(mqtt_reader *from)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        const unsigned byte = get_u8(from);
        value |= (uint32_t)(byte & 0x7fu) << shift;
        if ((byte & 0x80u) == 0)
            return value;
    }
    from->underrun = true;
    return 0;
}

const uint8_t *get_bytes(mqtt_reader *from, size_t size)
{
    if (from->size - from->at < size) {
        from->underrun = true;
        return NULL;
    }
    const uint8_t *bytes = from->bytes + from->at;
    from->at += size;
    return bytes;
}

/* Put the fixed head before what was written behind it, which is moved by as much. */
static void finish(mqtt_writer *to, size_t begin, unsigned first, size_t following)
{
    const size_t written = to->size - begin;
    uint8_t head_bytes[5];
    mqtt_writer head = {.bytes = head_bytes, .room = sizeof head_bytes};
    put_u8(&head, first);
    put_varint(&head, (uint32_t)(written + following));
    if (to->overrun || to->room - to->size < head.size) {
        to->overrun = true;
        return;
    }
    memmove(to->bytes + begin + head.size, to->bytes + begin, written);
    memcpy(to->bytes + begin, head_bytes, head.size);
    to->size += head.size;
}

void mqtt_put_connect(mqtt_writer *to, const vw_device *device)
{
    enum { CLEAN_START = 0x02, WILL = 0x04, WILL_QOS_1 = 0x08, WILL_RETAIN = 0x20, LOG_IN = 0xC0 };
    const size_t begin = to->size;
    uint8_t will_bytes[48];
    mqtt_writer will = {.bytes = will_bytes, .room = sizeof will_bytes};
    char topic[VW_DEVICE_ID_MOST + 24];
    mqtt_writer name = {.bytes = (uint8_t *)topic, .room = sizeof topic};
    write_will(&will, device);
    put_text(&name, device->root);
    put_text(&name, "/up/status");
    put_string(to, "MQTT");
    put_u8(to, 5);
    put_u8(to, CLEAN_START | WILL | WILL_QOS_1 | WILL_RETAIN | LOG_IN);
    put_u16(to, device->config.keep_alive_s);
    put_varint(to, 3); /* properties [3.1.2.11] */
    put_u8(to, 0x21);  /* Receive Maximum: what the broker may send unacknowledged */
    put_u16(to, VW_ACKS);
    put_string(to, device->config.device); /* client id */
    put_varint(to, 0);                     /* properties of the will */
    put_u16(to, (unsigned)name.size);
    put_bytes(to, topic, name.size);
    put_u16(to, (unsigned)will.size);
    put_bytes(to, will_bytes, will.size);
    put_string(to, device->config.device);
    put_string(to, device->config.secret);
    to->overrun = to->overrun || will.overrun || name.overrun;
    finish(to, begin, MQTT_CONNECT, 0);
}

static void put_property(mqtt_writer *to, const char *name, const char *value)
{
    put_u8(to, 0x26); /* User Property [3.3.2.3.7] */
    put_string(to, name);
    put_string(to, value);
}

void mqtt_put_publish_head(mqtt_writer *to, const mqtt_publish *publish)
{
    const size_t begin = to->size;
    put_string(to, publish->topic);
    put_u16(to, publish->packet);
    uint8_t property_bytes[96];
    mqtt_writer properties = {.bytes = property_bytes, .room = sizeof property_bytes};
    if (publish->boot != NULL) {
        put_property(&properties, "b", publish->boot);
        put_property(&properties, "n", publish->n);
        put_property(&properties, "t", publish->t);
    }
    put_varint(to, (uint32_t)properties.size);
    put_bytes(to, property_bytes, properties.size);
    to->overrun = to->overrun || properties.overrun;
    finish(to, begin, MQTT_PUBLISH | publish->flags, publish->payload_size);
}

void mqtt_put_subscribe(mqtt_writer *to, uint16_t packet, const char *root)
{
    const size_t begin = to->size;
    put_u16(to, packet);
    put_varint(to, 0);
    put_u16(to, (unsigned)(strlen(root) + strlen("/down/#")));
    put_text(to, root);
    put_text(to, "/down/#");
    put_u8(to, 1); /* at most QoS 1 */
    finish(to, begin, MQTT_SUBSCRIBE, 0);
}

void mqtt_put_puback(mqtt_writer *to, uint16_t packet)
{
    const size_t begin = to->size;
    put_u16(to, packet);
    finish(to, begin, MQTT_PUBACK, 0);
}

unsigned mqtt_receive_maximum(mqtt_reader *from)
{
    unsigned most = 0xffffu;
    const size_t length = get_varint(from);
    const size_t end = from->size - from->at < length ? from->size : from->at + length;
    while (!from->underrun && from->at < end) {
        switch (get_u8(from)) { /* [3.2.2.3] */
        case 0x21:
            most = get_u16(from);
            break;
        case 0x11: /* Session Expiry Interval */
        case 0x27: /* Maximum Packet Size */
            get_bytes(from, 4);
            break;
        case 0x13: /* Server Keep Alive: ours is shorter than any broker's */
        case 0x22: /* Topic Alias Maximum */
            get_bytes(from, 2);
            break;
        case 0x24: /* Maximum QoS */
        case 0x25: /* Retain Available */
        case 0x28: /* Wildcard Subscription Available */
        case 0x29: /* Subscription Identifiers Available */
        case 0x2A: /* Shared Subscription Available */
            get_u8(from);
            break;
        case 0x12: /* Assigned Client Identifier */
        case 0x1A: /* Response Information */
        case 0x1C: /* Server Reference */
        case 0x1F: /* Reason String */
        case 0x15: /* Authentication Method */
        case 0x16: /* Authentication Data */
            get_bytes(from, get_u16(from));
            break;
        case 0x26: /* User Property */
            get_bytes(from, get_u16(from));
            get_bytes(from, get_u16(from));
            break;
        default:
            from->underrun = true;
        }
    }
    return most == 0 ? 0xffffu : most;
}
