/* Unsent messages, each a head and its bytes in one piece, one behind the other in fixed memory. */
#include "internal.h"

#include <string.h>

static size_t room_of(size_t n_bytes)
{
    const size_t whole = sizeof(ring_entry) + n_bytes;
    return (whole + 7u) & ~(size_t)7u;
}

void ring_init(vw_ring *ring, void *memory, size_t size)
{
    memset(ring, 0, sizeof *ring);
    ring->memory = memory;
    ring->size = size & ~(size_t)7u;
    ring->held = RING_NONE;
}

bool ring_could_hold(const vw_ring *ring, size_t size)
{
    return size <= VW_LARGEST_BYTES && room_of(size) <= ring->size;
}

uint8_t *ring_reserve(vw_ring *ring, size_t size)
{
    const size_t room = room_of(size);
    if (ring->count == 0) {
        ring->first = ring->end = 0;
        ring->wrapped = false;
    }
    if (!ring->wrapped && ring->size - ring->end < room) {
        if (ring->first < room)
            return NULL;
        ring->wrapped_at = ring->end;
        ring->end = 0;
        ring->wrapped = true;
    }
    if (ring->wrapped && ring->first - ring->end < room)
        return NULL;
    return ring->memory + ring->end + sizeof(ring_entry);
}

void ring_add(vw_ring *ring, const ring_entry *entry)
{
    ring_write(ring, ring->end, entry);
    ring->end += room_of(entry->size);
    ring->count++;
}

size_t ring_first(const vw_ring *ring)
{
    return ring->count == 0 ? RING_NONE : ring->first;
}

size_t ring_next(const vw_ring *ring, size_t at)
{
    const ring_entry entry = ring_read(ring, at);
    size_t next = at + room_of(entry.size);
    if (ring->wrapped && next == ring->wrapped_at && at >= ring->first)
        next = 0;
    return next == ring->end ? RING_NONE : next;
}

ring_entry ring_read(const vw_ring *ring, size_t at)
{
    ring_entry entry;
    memcpy(&entry, ring->memory + at, sizeof entry);
    return entry;
}

void ring_write(vw_ring *ring, size_t at, const ring_entry *entry)
{
    memcpy(ring->memory + at, entry, sizeof *entry);
}

const uint8_t *ring_bytes(const vw_ring *ring, size_t at)
{
    return ring->memory + at + sizeof(ring_entry);
}

void ring_trim(vw_ring *ring)
{
    while (ring->count > 0 && ring->first != ring->held) {
        const ring_entry entry = ring_read(ring, ring->first);
        if (entry.state != ENTRY_SETTLED)
            return;
        ring->first += room_of(entry.size);
        ring->count--;
        if (ring->wrapped && ring->first == ring->wrapped_at) {
            ring->first = 0;
            ring->wrapped = false;
        }
    }
}
