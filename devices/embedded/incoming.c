/* What comes from the broker: packets in any pieces, and what the server says in them. */
#include "internal.h"

#include <string.h>

enum { AT_TYPE, AT_LENGTH, AT_BODY };

void settle(vw_device *device, size_t at)
{
    ring_entry entry = ring_read(&device->ring, at);
    if (entry.state == ENTRY_FLYING)
        device->in_flight--;
    entry.state = ENTRY_SETTLED;
    ring_write(&device->ring, at, &entry);
}

static void hear_stored(vw_device *device, const uint8_t *text, size_t size)
{
    uint64_t boot, from, to;
    size_t place = 0;
    if (!json_unsigned(json_field(text, size, "boot"), &boot) || boot != device->config.boot)
        return;
    const json_value ranges = json_field(text, size, "ranges");
    while (json_next_range(ranges, &place, &from, &to)) {
        for (size_t at = ring_first(&device->ring); at != RING_NONE;
             at = ring_next(&device->ring, at)) {
            const ring_entry entry = ring_read(&device->ring, at);
            if (entry.state == ENTRY_SETTLED || entry.n < from || entry.n > to)
                continue;
            settle(device, at);
            device->stored++;
            if (device->config.on_stored != NULL)
                device->config.on_stored(device->config.context, entry.n);
        }
    }
    ring_trim(&device->ring);
}

static void hear_error(vw_device *device, const uint8_t *text, size_t size)
{
    uint64_t boot, n;
    char reason[VW_REASON_MOST + 1];
    if (!json_unsigned(json_field(text, size, "boot"), &boot) || boot != device->config.boot ||
        !json_unsigned(json_field(text, size, "n"), &n))
        return;
    if (!json_string(json_field(text, size, "reason"), reason, sizeof reason))
        reason[0] = 0;
    for (size_t at = ring_first(&device->ring); at != RING_NONE; at = ring_next(&device->ring, at)) {
        const ring_entry entry = ring_read(&device->ring, at);
        if (entry.n != n || entry.state == ENTRY_SETTLED)
            continue;
        settle(device, at);
        device->refused++;
        if (device->config.on_refused != NULL)
            device->config.on_refused(device->config.context, entry.n, reason);
        break;
    }
    ring_trim(&device->ring);
}

static void hear_time(vw_device *device, const uint8_t *text, size_t size)
{
    uint64_t utc_us;
    if (!json_unsigned(json_field(text, size, "t_utc_us"), &utc_us) || utc_us > INT64_MAX)
        return;
    device->utc_minus_clock_us =
        (int64_t)(utc_us - (uint64_t)device->config.clock_us(device->config.context));
    device->knows_utc = true;
}

static bool is_plain(char c)
{
    return c >= ' ' && c != '"' && c != '\\' && c != 0x7f;
}

static void remember(vw_device *device, const char *id, vw_outcome outcome, const char *detail)
{
    vw_ended_command *ended = &device->ended[device->next_ended];
    size_t at = 0;
    device->next_ended = (uint8_t)((device->next_ended + 1u) % VW_COMMANDS);
    memset(ended, 0, sizeof *ended);
    memcpy(ended->id, id, strlen(id));
    for (; detail != NULL && detail[at] != 0 && at < VW_DETAIL_MOST; at++)
        ended->detail[at] = is_plain(detail[at]) ? detail[at] : ' ';
    ended->outcome = (uint8_t)outcome;
    ended->untold = true;
}

static void hear_command(vw_device *device, const uint8_t *text, size_t size)
{
    char id[VW_COMMAND_ID_MOST + 1], name[VW_COMMAND_NAME_MOST + 1];
    uint64_t expires_us;
    int64_t now_us;
    if (!json_string(json_field(text, size, "command"), id, sizeof id) || id[0] == 0)
        return;
    for (unsigned i = 0; i < VW_COMMANDS; i++) {
        if (strcmp(device->ended[i].id, id) == 0 && device->ended[i].outcome != VW_UNSEEN) {
            device->ended[i].untold = true; /* at most once: only the answer is given again */
            return;
        }
    }
    if (json_is_true(json_field(text, size, "ask"))) {
        remember(device, id, VW_UNSEEN, NULL);
        return;
    }
    if (!json_string(json_field(text, size, "name"), name, sizeof name) ||
        !json_unsigned(json_field(text, size, "expires"), &expires_us)) {
        remember(device, id, VW_REFUSED, "the command cannot be read");
    } else if (!vw_utc_us(device, &now_us)) {
        return; /* whether its time is over is not known: it is not run, and the server asks again */
    } else if ((uint64_t)now_us >= expires_us) {
        remember(device, id, VW_EXPIRED, NULL);
    } else if (device->config.on_command == NULL) {
        remember(device, id, VW_REFUSED, "this device takes no commands");
    } else {
        const json_value args = json_field(text, size, "args");
        vw_command command = {
            .id = id, .name = name, .args = args.text, .args_size = args.size, .detail = NULL};
        if (args.size == 0)
            command.args = "";
        const vw_outcome outcome = device->config.on_command(device->config.context, &command);
        remember(device, id, outcome, command.detail);
    }
}

static void hear(vw_device *device, const char *kind, size_t kind_size, const uint8_t *text,
                 size_t size, bool is_whole)
{
    static const struct {
        const char *kind;
        void (*hear)(vw_device *, const uint8_t *, size_t);
        bool takes_parts; /* the ranges that came are true, whatever was behind them */
    } kinds[] = {{"stored", hear_stored, true},
                 {"error", hear_error, false},
                 {"time", hear_time, false},
                 {"command", hear_command, false}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strlen(kinds[i].kind) == kind_size && memcmp(kinds[i].kind, kind, kind_size) == 0 &&
            (is_whole || kinds[i].takes_parts))
            kinds[i].hear(device, text, size);
}

static vw_result take_publish(vw_device *device, mqtt_reader *from, bool is_whole)
{
    static const char down[] = "/down/";
    const size_t root = strlen(device->root), before = root + sizeof down - 1;
    const size_t topic_size = get_u16(from);
    const uint8_t *topic = get_bytes(from, topic_size);
    const unsigned qos = device->input_type >> 1 & 3u;
    const unsigned packet = qos > 0 ? get_u16(from) : 0;
    get_bytes(from, get_varint(from));
    if (from->underrun || qos > 1)
        return VW_LINK_LOST;
    if (qos == 1) {
        if (device->n_acks == VW_ACKS)
            return VW_LINK_LOST; /* it was told how many it may send */
        device->acks[device->n_acks++] = (uint16_t)packet;
    }
    if (topic_size > before && memcmp(topic, device->root, root) == 0 &&
        memcmp(topic + root, down, sizeof down - 1) == 0)
        hear(device, (const char *)topic + before, topic_size - before, from->bytes + from->at,
             from->size - from->at, is_whole);
    return VW_OK;
}

static vw_result take_connack(vw_device *device, mqtt_reader *from)
{
    get_u8(from); /* session present: never, we begin clean */
    const unsigned reason = get_u8(from);
    const unsigned most = mqtt_receive_maximum(from);
    if (device->link != LINK_CONNECTING)
        return VW_LINK_LOST;
    if (reason != 0) {
        device->denied_by = (uint8_t)reason;
        return VW_DENIED;
    }
    if (from->underrun)
        return VW_LINK_LOST;
    device->link = LINK_UP;
    device->subscribe_due = device->status_due = true;
    /* Two are left for status and result. */
    device->in_flight_most = (uint16_t)(most > VW_IN_FLIGHT + 2u ? VW_IN_FLIGHT
                                        : most > 3u              ? most - 2u
                                                                 : 1u);
    return VW_OK;
}

static void take_puback(vw_device *device, mqtt_reader *from)
{
    const unsigned packet = get_u16(from);
    const unsigned reason = from->at < from->size ? get_u8(from) : 0;
    if (from->underrun)
        return;
    if (packet == PACKET_STATUS) {
        device->status_flying = false;
        device->is_proven = true; /* the broker works: what it drops from now on is to blame itself */
        return;
    }
    if (packet == PACKET_RESULT) {
        device->result_flying = false;
        return;
    }
    for (size_t at = ring_first(&device->ring); at != RING_NONE; at = ring_next(&device->ring, at)) {
        ring_entry entry = ring_read(&device->ring, at);
        if (entry.state != ENTRY_FLYING || entry.packet != packet)
            continue;
        entry.state = reason >= 0x80u ? ENTRY_ASIDE : ENTRY_RESTING;
        entry.losses = 0;
        entry.since_ms = device->waiting_ms = device->now_ms;
        device->in_flight--;
        ring_write(&device->ring, at, &entry);
        return;
    }
}

static vw_result take_packet(vw_device *device)
{
    const uint32_t length = device->input_length;
    const bool is_whole = length <= VW_INPUT_BYTES;
    mqtt_reader from = {.bytes = device->input, .size = is_whole ? length : VW_INPUT_BYTES};
    switch (device->input_type & 0xf0u) {
    case MQTT_CONNACK:
        return take_connack(device, &from);
    case MQTT_PUBLISH:
        return take_publish(device, &from, is_whole);
    case MQTT_PUBACK:
        take_puback(device, &from);
        return VW_OK;
    case MQTT_SUBACK:
        get_u16(&from);
        get_bytes(&from, get_varint(&from));
        return get_u8(&from) >= 0x80u || from.underrun ? VW_LINK_LOST : VW_OK;
    case MQTT_PINGRESP:
        return VW_OK;
    default:
        return VW_LINK_LOST; /* DISCONNECT, or what no broker sends */
    }
}

vw_result take_input(vw_device *device, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t byte = bytes[i];
        switch (device->input_state) {
        case AT_TYPE:
            device->input_type = byte;
            device->input_length = device->input_taken = device->input_shift = 0;
            device->input_state = AT_LENGTH;
            continue;
        case AT_LENGTH:
            if (device->input_shift > 21)
                return VW_LINK_LOST;
            device->input_length |= (uint32_t)(byte & 0x7fu) << device->input_shift;
            device->input_shift += 7;
            if ((byte & 0x80u) != 0)
                continue;
            device->input_state = AT_BODY;
            break;
        default:
            if (device->input_taken < VW_INPUT_BYTES)
                device->input[device->input_taken] = byte;
            device->input_taken++;
        }
        if (device->input_taken < device->input_length)
            continue;
        device->input_state = AT_TYPE;
        const vw_result result = take_packet(device);
        if (result != VW_OK)
            return result;
    }
    return VW_OK;
}
