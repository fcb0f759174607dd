/* An example device: one second of a made-up ECG a message, over POSIX sockets.
 *
 *     sender HOST PORT DEVICE SECRET_FILE MESSAGES [INTERVAL_MS]
 *
 * Ends with 0 when all its messages are stored, with 3 when they are not a minute after the last.
 * On a microcontroller the three functions of "the board" are other ones; the rest stays.
 */
#define _POSIX_C_SOURCE 200809L

#include "../vitalwire.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RATE_HZ = 250, DRAIN_MS = 60000, BACK_OFF_FIRST_MS = 250, BACK_OFF_MOST_MS = 30000 };

/* ---- the board: clock, transport, chance */

static uint32_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u);
}

static int64_t clock_us(void *context)
{
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int moved(ssize_t count)
{
    if (count >= 0)
        return (int)count;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

static int send_bytes(void *context, const uint8_t *bytes, size_t count)
{
    return moved(send(*(int *)context, bytes, count, MSG_NOSIGNAL));
}

static int receive_bytes(void *context, uint8_t *bytes, size_t room)
{
    const ssize_t count = recv(*(int *)context, bytes, room, 0);
    return count == 0 ? -1 : moved(count); /* 0: the other side has closed */
}

static int open_socket(const char *host, const char *port)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int made = -1;
    if (getaddrinfo(host, port, &wanted, &found) != 0)
        return -1;
    for (const struct addrinfo *at = found; at != NULL && made < 0; at = at->ai_next) {
        made = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
        if (made >= 0 && connect(made, at->ai_addr, at->ai_addrlen) != 0) {
            close(made);
            made = -1;
        }
    }
    freeaddrinfo(found);
    if (made >= 0) {
        const int yes = 1;
        setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        fcntl(made, F_SETFL, fcntl(made, F_GETFL) | O_NONBLOCK);
    }
    return made;
}

static uint32_t draw(void)
{
    uint32_t number = 0;
    FILE *chance = fopen("/dev/urandom", "rb");
    if (chance == NULL || fread(&number, sizeof number, 1, chance) != 1) {
        fprintf(stderr, "no chance to draw a boot from\n");
        exit(1);
    }
    fclose(chance);
    return number;
}

/* ---- the maker's part */

static bool is_measuring = true;
static uint32_t n_refused;

static void on_refused(void *context, uint32_t n, const char *reason)
{
    (void)context;
    n_refused++;
    printf("refused %" PRIu32 " %s\n", n, reason);
}

static vw_outcome on_command(void *context, vw_command *command)
{
    (void)context;
    printf("command %s %.*s\n", command->name, (int)command->args_size, command->args);
    if (strcmp(command->name, "start") == 0 || strcmp(command->name, "stop") == 0) {
        is_measuring = strcmp(command->name, "start") == 0;
        return VW_DONE;
    }
    if (strcmp(command->name, "identify") == 0)
        return VW_DONE;
    command->detail = "this device cannot do that";
    return VW_REFUSED;
}

/* Counts of 5 uV: 60 beats a minute, R of 1 mV, T of 0.25 mV. The first sample is the message's
 * number, so that a reader can tell messages apart. */
static void measure(uint32_t n, int16_t counts[RATE_HZ])
{
    for (int k = 0; k < RATE_HZ; k++) {
        const int from_r = abs(k - 100), from_t = abs(k - 175);
        int value = 0;
        if (from_r < 5)
            value = 200 - 40 * from_r;
        else if (from_t < 20)
            value = 50 - 50 * from_t * from_t / 400;
        counts[k] = (int16_t)value;
    }
    counts[0] = (int16_t)(n % 10000u);
}

static bool publish_second(vw_device *device)
{
    int16_t counts[RATE_HZ];
    measure(device->next_n, counts);
    const vw_frame frame = {.stream = VW_ECG,
                            .place = VW_CHEST,
                            .channels = 1,
                            .samples = RATE_HZ,
                            .interval_ns = 1000000000u / RATE_HZ,
                            .dt_us = -996000, /* the last sample is taken now */
                            .scale = 0.005f,
                            .data = counts};
    return vw_publish(device, clock_us(NULL), 0, &frame, 1, NULL) == VW_OK;
}

static bool read_secret(const char *path, char *secret, size_t room)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    const size_t size = fread(secret, 1, room - 1, file);
    fclose(file);
    secret[size] = 0;
    secret[strcspn(secret, "\r\n")] = 0;
    return size > 0;
}

int main(int n_arguments, char **arguments)
{
    static uint64_t memory[1u << 15]; /* 256 KiB: seven minutes */
    static vw_device device;
    static char secret[260];
    int connection = -1;
    if (n_arguments < 6 || !read_secret(arguments[4], secret, sizeof secret)) {
        fprintf(stderr, "sender HOST PORT DEVICE SECRET_FILE MESSAGES [INTERVAL_MS]\n");
        return 2;
    }
    const uint32_t n_messages = (uint32_t)strtoul(arguments[5], NULL, 10);
    const uint32_t interval_ms =
        n_arguments > 6 ? (uint32_t)strtoul(arguments[6], NULL, 10) : 1000u;
    const vw_config config = {.device = arguments[3],
                              .secret = secret,
                              .firmware = "example 1",
                              .boot = draw(),
                              .keep_alive_s = 10,
                              .flags = VW_SIMULATED,
                              .transport = {send_bytes, receive_bytes},
                              .context = &connection,
                              .clock_us = clock_us,
                              .on_refused = on_refused,
                              .on_command = on_command};
    if (vw_init(&device, &config, memory, sizeof memory) != VW_OK) {
        fprintf(stderr, "the device id or the secret is none\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("boot %" PRIu32 "\n", config.boot);
    uint32_t due_ms = monotonic_ms(), retry_ms = due_ms, back_off_ms = BACK_OFF_FIRST_MS;
    uint32_t ended_ms = 0;
    bool was_connected = false;
    for (;;) {
        const uint32_t now_ms = monotonic_ms();
        if (device.next_n < n_messages) {
            if ((int32_t)(now_ms - due_ms) >= 0) {
                /* A full ring is no loss here: the second is measured later. */
                if (is_measuring)
                    publish_second(&device);
                due_ms += interval_ms;
                ended_ms = now_ms;
            }
        } else if (vw_unstored(&device) == 0) {
            break;
        } else if (now_ms - ended_ms > DRAIN_MS) {
            printf("unstored %" PRIu32 "\n", vw_unstored(&device));
            return 3;
        }
        if (connection < 0 && (int32_t)(now_ms - retry_ms) >= 0) {
            connection = open_socket(arguments[1], arguments[2]);
            if (connection >= 0)
                vw_connect(&device, now_ms);
            retry_ms = now_ms + back_off_ms;
            back_off_ms = back_off_ms > BACK_OFF_MOST_MS / 2 ? BACK_OFF_MOST_MS : 2 * back_off_ms;
        }
        if (connection >= 0 && vw_poll(&device, now_ms) != VW_OK) {
            if (device.denied_by != 0)
                printf("denied %u\n", device.denied_by);
            close(connection);
            connection = -1;
            was_connected = false;
        }
        if (vw_is_connected(&device) && !was_connected) {
            printf("connected\n");
            was_connected = true;
            back_off_ms = BACK_OFF_FIRST_MS;
        }
        struct pollfd waiting = {.fd = connection, .events = POLLIN};
        poll(&waiting, 1, 5);
    }
    vw_disconnect(&device);
    while (connection >= 0 && vw_poll(&device, monotonic_ms()) == VW_OK)
        poll(NULL, 0, 1);
    printf("stored %" PRIu32 " refused %" PRIu32 " resent %" PRIu32 "\n", device.stored, n_refused,
           device.resent);
    return 0;
}
