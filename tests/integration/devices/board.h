/* The board of the C example in the device guide, as far as POSIX has one. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int connection = -1;

static const char *board_device(void) { return getenv("DEVICE"); }
static const char *board_secret(void) { return getenv("SECRET"); }
static uint32_t board_random(void) { return (uint32_t)getpid(); }

static int64_t board_clock_us(void *context)
{
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static uint32_t board_ms(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
    return (uint32_t)((uint64_t)board_clock_us(NULL) / 1000u);
}

static int send_bytes(void *context, const uint8_t *bytes, size_t count)
{
    (void)context;
    const ssize_t moved = send(connection, bytes, count, MSG_NOSIGNAL);
    return moved >= 0 ? (int)moved : errno == EAGAIN ? 0 : -1;
}

static int receive_bytes(void *context, uint8_t *bytes, size_t room)
{
    (void)context;
    const ssize_t moved = recv(connection, bytes, room, 0);
    return moved > 0 ? (int)moved : moved < 0 && errno == EAGAIN ? 0 : -1;
}

static int open_connection(void)
{
    struct sockaddr_in there = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(getenv("PORT")))};
    inet_pton(AF_INET, getenv("HOST"), &there.sin_addr);
    if (connection >= 0)
        close(connection);
    connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (const struct sockaddr *)&there, sizeof there) != 0)
        return 0;
    fcntl(connection, F_SETFL, O_NONBLOCK);
    return 1;
}
