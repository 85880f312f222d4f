/* SPDX-License-Identifier: MIT */
/*
 * The forms of text. Sources: RFC 3339 (date, time, date-time), RFC 4122 (uuid), RFC 5321 and 5322
 * (email: a dot-atom before the @), RFC 1123 (hostname), RFC 3986 (uri), XML Schema 1.1.
 */
#include "query/text_formats.h"

#include "base/size.h"

#include <arpa/inet.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Takes n digits off the front of text: their value, or -1. */
static int take_digits(struct sfx_slice *text, size_t n)
{
    int value = 0;
    size_t i;

    if (text->len < n)
        return -1;
    for (i = 0; i < n; i++) {
        if (!is_digit(text->ptr[i]))
            return -1;
        value = value * 10 + (text->ptr[i] - '0');
    }
    text->ptr += n;
    text->len -= n;
    return value;
}

static bool take_char(struct sfx_slice *text, char c)
{
    if (text->len == 0 || *text->ptr != c)
        return false;
    text->ptr++;
    text->len--;
    return true;
}

static bool take_date(struct sfx_slice *text)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = take_digits(text, 4), month, day;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    if (year < 0 || !take_char(text, '-') || (month = take_digits(text, 2)) < 1 || month > 12 ||
        !take_char(text, '-') || (day = take_digits(text, 2)) < 1 || day > days[month - 1])
        return false;
    return month != 2 || day < 29 || leap;
}

static bool take_clock(struct sfx_slice *text)
{
    int hour = take_digits(text, 2), minute, second;

    if (hour < 0 || hour > 23 || !take_char(text, ':') || (minute = take_digits(text, 2)) < 0 ||
        minute > 59 || !take_char(text, ':') || (second = take_digits(text, 2)) < 0 || second > 60)
        return false;
    if (take_char(text, '.')) {
        if (take_digits(text, 1) < 0)
            return false;
        while (take_digits(text, 1) >= 0)
            ;
    }
    return true;
}

/* "Z" or "+02:00" */
static bool take_zone(struct sfx_slice *text)
{
    int hour, minute;

    if (take_char(text, 'Z') || take_char(text, 'z'))
        return true;
    if (!take_char(text, '+') && !take_char(text, '-'))
        return false;
    hour = take_digits(text, 2);
    return hour >= 0 && hour <= 23 && take_char(text, ':') &&
           (minute = take_digits(text, 2)) >= 0 && minute <= 59;
}

static bool is_date(struct sfx_slice text)
{
    return take_date(&text) && text.len == 0;
}

static bool is_time(struct sfx_slice text)
{
    return take_clock(&text) && take_zone(&text) && text.len == 0;
}

static bool is_date_time(struct sfx_slice text)
{
    return take_date(&text) && (take_char(&text, 'T') || take_char(&text, 't')) && is_time(text);
}

/* XML Schema's have a zone or not. */
static bool is_xsd_time(struct sfx_slice text)
{
    return take_clock(&text) && (text.len == 0 || (take_zone(&text) && text.len == 0));
}

static bool is_xsd_date_time(struct sfx_slice text)
{
    return take_date(&text) && take_char(&text, 'T') && is_xsd_time(text);
}

static bool is_uuid(struct sfx_slice text)
{
    size_t i;

    if (text.len != 36)
        return false;
    for (i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? c != '-' : !is_digit(c) && !((c | 32) >= 'a' && (c | 32) <= 'f'))
            return false;
    }
    return true;
}

static bool is_address(struct sfx_slice text, int family)
{
    char copy[INET6_ADDRSTRLEN], bytes[sizeof(struct in6_addr)];

    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, bytes) == 1;
}

static bool is_ipv4(struct sfx_slice text)
{
    return is_address(text, AF_INET);
}

static bool is_ipv6(struct sfx_slice text)
{
    return is_address(text, AF_INET6);
}

static bool is_hostname(struct sfx_slice text)
{
    size_t i, label = 0; /* characters of the label in hand */

    if (text.len == 0 || text.len > 253)
        return false;
    for (i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '.') {
            if (label == 0 || text.ptr[i - 1] == '-')
                return false;
            label = 0;
        } else if (!(is_letter(c) || is_digit(c) || (c == '-' && label > 0)) || ++label > 63) {
            return false;
        }
    }
    return label > 0 && text.ptr[text.len - 1] != '-';
}

static bool is_email(struct sfx_slice text)
{
    const char *at = text.len > 0 ? memrchr(text.ptr, '@', text.len) : NULL;
    size_t i, len = at != NULL ? (size_t)(at - text.ptr) : 0;

    if (len == 0 || len > 64)
        return false;
    for (i = 0; i < len; i++) {
        char c = text.ptr[i];

        if (c == '.' ? i == 0 || i == len - 1 || text.ptr[i - 1] == '.'
                     : !is_letter(c) && !is_digit(c) &&
                           (c == '\0' || strchr("!#$%&'*+-/=?^_`{|}~", c) == NULL))
            return false;
    }
    return is_hostname(sfx_slice(at + 1, text.len - len - 1));
}

/* A scheme, ':' and something without spaces, controls, and what a URI has to escape. */
static bool is_uri(struct sfx_slice text)
{
    size_t i = 0;

    while (i < text.len && (is_letter(text.ptr[i]) ||
                            (i > 0 && (is_digit(text.ptr[i]) || memchr("+-.", text.ptr[i], 3)))))
        i++;
    if (i == 0 || i == text.len || text.ptr[i] != ':')
        return false;
    for (i++; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c <= ' ' || c >= 0x7F || strchr("<>\"{}|\\^`", c) != NULL)
            return false;
    }
    return true;
}

/* Those that say most first. */
/* clang-format off */
static const struct sfx_text_format formats[] = {
    {"date", is_date, true},
    {"date-time", is_date_time, true},
    {"time", is_time, false},
    {"uuid", is_uuid, false},
    {"ipv4", is_ipv4, false},
    {"email", is_email, false},
    {"ipv6", is_ipv6, false},
    {"uri", is_uri, false},
    {"hostname", is_hostname, false},
    {"xsd:time", is_xsd_time, false},
    {"xsd:dateTime", is_xsd_date_time, true},
};
/* clang-format on */

const struct sfx_text_format *sfx_text_format_find(struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(formats); i++) {
        if (sfx_slice_eq(name, sfx_slice_str(formats[i].name)))
            return &formats[i];
    }
    return NULL;
}

const struct sfx_text_format *sfx_text_format_of(struct sfx_slice text)
{
    size_t i;

    for (i = 0; i < SFX_COUNT(formats); i++) {
        if (strcmp(formats[i].name, "hostname") == 0) /* any word is one */
            return NULL;
        if (formats[i].is(text))
            return &formats[i];
    }
    return NULL;
}
