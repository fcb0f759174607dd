/* The little of JSON that the server's messages need, read in place; a text may be cut off. */
#include "internal.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(const char *text, size_t size, size_t at)
{
    while (at < size && is_space(text[at]))
        at++;
    return at;
}

/* The place behind the value that begins at `at`. */
static size_t skip_value(const char *text, size_t size, size_t at)
{
    unsigned depth = 0;
    bool in_string = false;
    for (; at < size; at++) {
        const char c = text[at];
        if (in_string) {
            if (c == '\\')
                at++;
            else if (c == '"')
                in_string = false;
            if (!in_string && depth == 0)
                return at + 1;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            if (--depth == 0)
                return at + 1;
        } else if (depth == 0 && (c == ',' || c == ':' || is_space(c))) {
            return at;
        }
    }
    return size;
}

json_value json_field(const uint8_t *bytes, size_t size, const char *key)
{
    const json_value none = {NULL, 0};
    const char *text = (const char *)bytes;
    const size_t key_size = strlen(key);
    size_t at = skip_space(text, size, 0);
    if (at >= size || text[at] != '{')
        return none;
    at++;
    for (;;) {
        at = skip_space(text, size, at);
        if (at >= size || text[at] != '"')
            return none;
        const size_t name = at + 1;
        const size_t after = skip_value(text, size, at);
        at = skip_space(text, size, after);
        if (at >= size || text[at] != ':')
            return none;
        const size_t value = skip_space(text, size, at + 1);
        at = skip_value(text, size, value);
        if (after - 1 - name == key_size && memcmp(text + name, key, key_size) == 0) {
            const json_value found = {text + value, at - value};
            return found;
        }
        if (at == value)
            return none;
        at = skip_space(text, size, at);
        if (at >= size || text[at] != ',')
            return none;
        at++;
    }
}

static bool read_digits(const char *text, size_t size, size_t *at, uint64_t *number)
{
    const size_t begin = *at;
    uint64_t value = 0;
    while (*at < size && text[*at] >= '0' && text[*at] <= '9') {
        const unsigned digit = (unsigned)(text[*at] - '0');
        if (value > (UINT64_MAX - digit) / 10u)
            return false;
        value = value * 10u + digit;
        ++*at;
    }
    *number = value;
    return *at > begin;
}

bool json_unsigned(json_value value, uint64_t *number)
{
    size_t at = 0;
    return value.size > 0 && read_digits(value.text, value.size, &at, number) && at == value.size;
}

bool json_is_true(json_value value)
{
    return value.size == 4 && memcmp(value.text, "true", 4) == 0;
}

bool json_string(json_value value, char *text, size_t room)
{
    if (value.size < 2 || value.text[0] != '"' || value.text[value.size - 1] != '"')
        return false;
    const size_t size = value.size - 2;
    if (size >= room || memchr(value.text + 1, '\\', size) != NULL)
        return false;
    memcpy(text, value.text + 1, size);
    text[size] = 0;
    return true;
}

static size_t skip_to_digit(json_value value, size_t at)
{
    while (at < value.size && (value.text[at] < '0' || value.text[at] > '9'))
        at++;
    return at;
}

bool json_next_range(json_value ranges, size_t *at, uint64_t *from, uint64_t *to)
{
    if (*at == 0 && (ranges.size == 0 || ranges.text[0] != '['))
        return false;
    size_t next = skip_to_digit(ranges, *at);
    if (!read_digits(ranges.text, ranges.size, &next, from))
        return false;
    next = skip_to_digit(ranges, next);
    if (!read_digits(ranges.text, ranges.size, &next, to))
        return false;
    /* Digits at the very end of a text that was cut off may be a part of a larger number. */
    if (next >= ranges.size)
        return false;
    *at = next;
    return true;
}

static char *write_digits(char *text, size_t room, uint64_t value, unsigned base, unsigned least)
{
    char digits[24];
    size_t n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while ((value != 0 || n < least) && n < sizeof digits);
    size_t at = 0;
    while (n > 0 && at + 1 < room)
        text[at++] = digits[--n];
    text[at] = 0;
    return text;
}

char *write_unsigned(char *text, size_t room, uint64_t value)
{
    return write_digits(text, room, value, 10, 1);
}

char *write_signed(char *text, size_t room, int64_t value)
{
    if (value >= 0)
        return write_unsigned(text, room, (uint64_t)value);
    text[0] = '-';
    write_unsigned(text + 1, room - 1, 0u - (uint64_t)value);
    return text;
}

char *write_hex(char *text, size_t room, uint32_t value)
{
    return write_digits(text, room, value, 16, 8);
}
