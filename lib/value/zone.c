/* SPDX-License-Identifier: MIT */
/* Time zones: TZif files (RFC 8536), and the POSIX rule at their end for the years after them. */
#include "value/zone.h"

#include "value/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZONE_FOLDER     "/usr/share/zoneinfo"
#define MAX_FILE_NBYTES ((size_t)256 * 1024) /* the largest of the database has 4 KiB */
#define MAX_NAME        64
#define MAX_TYPES       256
#define MAX_ABBR        16

struct zone_type {
    int32_t offset_s;
    char abbreviation[MAX_ABBR];
};

/* When a POSIX rule begins or ends summer time. */
struct rule_date {
    enum { RULE_MONTH, RULE_JULIAN, RULE_DAY } kind; /* Mm.w.d, Jn, n */
    int month, week, day;
    int32_t time_s; /* local, after midnight; may be below zero */
};

struct sfx_zone {
    int64_t *times; /* ascending; type[i] holds from times[i] on */
    uint8_t *type;
    size_t count;
    struct zone_type *types;
    bool has_rule, has_summer; /* for times after the last transition */
    struct zone_type standard, summer;
    struct rule_date begins, ends;
};

/* --- the POSIX rule: "CET-1CEST,M3.5.0,M10.5.0/3" --------------------------------------------- */

static bool rule_number(const char **p, int min, int max, int *out)
{
    int value = 0, digits = 0;

    for (; **p >= '0' && **p <= '9' && digits < 4; digits++)
        value = value * 10 + (*(*p)++ - '0');
    *out = value;
    return digits > 0 && value >= min && value <= max;
}

/* "[+-]h[:mm[:ss]]" */
static bool rule_time(const char **p, int32_t *out)
{
    int sign = **p == '-' ? -1 : 1, part[3] = {0}, i;

    if (**p == '-' || **p == '+')
        ++*p;
    if (!rule_number(p, 0, 167, &part[0]))
        return false;
    for (i = 1; i < 3 && **p == ':'; i++) {
        ++*p;
        if (!rule_number(p, 0, 59, &part[i]))
            return false;
    }
    *out = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
    return true;
}

/* A name of letters, or of anything in < >. */
static bool rule_name(const char **p, char out[MAX_ABBR])
{
    bool quoted = **p == '<';
    size_t n = 0;

    *p += quoted;
    while (quoted ? **p != '>' && **p != '\0'
                  : (**p >= 'A' && **p <= 'Z') || (**p >= 'a' && **p <= 'z')) {
        if (n + 1 == MAX_ABBR)
            return false;
        out[n++] = *(*p)++;
    }
    out[n] = '\0';
    if (quoted && *(*p)++ != '>')
        return false;
    return n > 0;
}

static bool rule_date(const char **p, struct rule_date *out)
{
    bool ok;

    out->time_s = 2 * 3600;
    if (*(*p)++ != ',')
        return false;
    if (**p == 'M') {
        out->kind = RULE_MONTH;
        ++*p;
        ok = rule_number(p, 1, 12, &out->month) && *(*p)++ == '.' &&
             rule_number(p, 1, 5, &out->week) && *(*p)++ == '.' && rule_number(p, 0, 6, &out->day);
    } else if (**p == 'J') {
        out->kind = RULE_JULIAN;
        ++*p;
        ok = rule_number(p, 1, 365, &out->day);
    } else {
        out->kind = RULE_DAY;
        ok = rule_number(p, 0, 365, &out->day);
    }
    if (ok && **p == '/') {
        ++*p;
        ok = rule_time(p, &out->time_s);
    }
    return ok;
}

/* An empty rule is none. POSIX counts offsets west of Greenwich. */
static bool parse_rule(const char *p, struct sfx_zone *zone)
{
    int32_t west;

    if (*p == '\0')
        return true;
    if (!rule_name(&p, zone->standard.abbreviation) || !rule_time(&p, &west))
        return false;
    zone->standard.offset_s = -west;
    zone->has_rule = true;
    if (*p == '\0')
        return true;
    if (!rule_name(&p, zone->summer.abbreviation))
        return false;
    zone->summer.offset_s = zone->standard.offset_s + 3600;
    if (*p != ',' && *p != '\0') {
        if (!rule_time(&p, &west))
            return false;
        zone->summer.offset_s = -west;
    }
    zone->has_summer = true;
    return rule_date(&p, &zone->begins) && rule_date(&p, &zone->ends) && *p == '\0';
}

/* The local seconds since 1970 at which the date falls in year. */
static int64_t rule_moment(const struct rule_date *date, int year)
{
    int64_t days = sfx_civil_to_days(year, 1, 1);
    bool leap = sfx_days_in_month(year, 2) == 29;

    if (date->kind == RULE_DAY) {
        days += date->day;
    } else if (date->kind == RULE_JULIAN) { /* 29 February is never counted */
        days += date->day - 1 + (leap && date->day >= 60);
    } else {
        int64_t weekday, first = sfx_civil_to_days(year, date->month, 1);
        int day;

        weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        day = (int)((date->day - weekday + 7) % 7) + 7 * (date->week - 1);
        if (day >= sfx_days_in_month(year, date->month)) /* week 5: the last */
            day -= 7;
        days = first + day;
    }
    return days * SFX_S_PER_DAY + date->time_s;
}

static const struct zone_type *apply_rule(const struct sfx_zone *zone, int64_t utc_s)
{
    int64_t local = utc_s + zone->standard.offset_s, begins, ends;
    struct sfx_civil civil;
    bool summer;

    if (!zone->has_summer)
        return &zone->standard;
    sfx_civil_from_days((local >= 0 ? local : local - SFX_S_PER_DAY + 1) / SFX_S_PER_DAY, &civil);
    begins = rule_moment(&zone->begins, civil.year) - zone->standard.offset_s;
    ends = rule_moment(&zone->ends, civil.year) - zone->summer.offset_s;
    summer = begins < ends ? utc_s >= begins && utc_s < ends : utc_s >= begins || utc_s < ends;
    return summer ? &zone->summer : &zone->standard;
}

/* --- TZif --------------------------------------------------------------------------------------
 */

#define HEADER_NBYTES 44

struct tzif_counts {
    uint32_t isutc, isstd, leap, times, types, chars;
};

static int64_t big_endian(const unsigned char *p, size_t n)
{
    uint64_t value = (p[0] & 0x80) != 0 ? UINT64_MAX : 0;

    for (; n > 0; n--)
        value = value << 8 | *p++;
    return (int64_t)value;
}

static bool read_header(const unsigned char *data, size_t len, struct tzif_counts *c)
{
    if (len < HEADER_NBYTES || memcmp(data, "TZif", 4) != 0)
        return false;
    c->isutc = (uint32_t)big_endian(data + 20, 4);
    c->isstd = (uint32_t)big_endian(data + 24, 4);
    c->leap = (uint32_t)big_endian(data + 28, 4);
    c->times = (uint32_t)big_endian(data + 32, 4);
    c->types = (uint32_t)big_endian(data + 36, 4);
    c->chars = (uint32_t)big_endian(data + 40, 4);
    return c->isutc <= MAX_TYPES && c->isstd <= MAX_TYPES && c->leap <= MAX_FILE_NBYTES &&
           c->times <= MAX_FILE_NBYTES && c->types > 0 && c->types <= MAX_TYPES &&
           c->chars <= MAX_FILE_NBYTES;
}

static size_t body_nbytes(const struct tzif_counts *c, size_t time_nbytes)
{
    return c->times * (time_nbytes + 1) + (size_t)c->types * 6 + c->chars +
           c->leap * (time_nbytes + 4) + c->isstd + c->isutc;
}

/* Reads transitions and types at p; everything is there. */
static int read_body(const unsigned char *p, const struct tzif_counts *c, size_t time_nbytes,
                     struct sfx_zone *zone)
{
    const unsigned char *indexes = p + c->times * time_nbytes, *types = indexes + c->times;
    const char *chars = (const char *)types + (size_t)c->types * 6;
    size_t i;

    zone->times = calloc(c->times + 1, sizeof(*zone->times));
    zone->type = calloc(c->times + 1, 1);
    zone->types = calloc(c->types, sizeof(*zone->types));
    if (zone->times == NULL || zone->type == NULL || zone->types == NULL)
        return SFX_E_NOMEM;
    zone->count = c->times;
    for (i = 0; i < c->times; i++) {
        zone->times[i] = big_endian(p + i * time_nbytes, time_nbytes);
        zone->type[i] = indexes[i];
        if (indexes[i] >= c->types || (i > 0 && zone->times[i] <= zone->times[i - 1]))
            return SFX_E_INPUT;
    }
    for (i = 0; i < c->types; i++) {
        struct zone_type *type = &zone->types[i];
        size_t from = types[6 * i + 5];

        type->offset_s = (int32_t)big_endian(types + 6 * i, 4);
        if (type->offset_s <= -SFX_S_PER_DAY || type->offset_s >= SFX_S_PER_DAY || from > c->chars)
            return SFX_E_INPUT;
        (void)snprintf(type->abbreviation, sizeof(type->abbreviation), "%.*s",
                       (int)strnlen(chars + from, c->chars - from), chars + from);
    }
    return 0;
}

/* The newer part of the file has 64-bit times and the rule, between newlines. */
static int read_tzif(unsigned char *data, size_t len, struct sfx_zone *zone)
{
    size_t time_nbytes = 4, at = HEADER_NBYTES;
    struct tzif_counts c;
    char *rule, *end;
    int rc;

    if (!read_header(data, len, &c) || body_nbytes(&c, 4) > len - at)
        return SFX_E_INPUT;
    if (data[4] >= '2') {
        data += at + body_nbytes(&c, 4);
        len -= at + body_nbytes(&c, 4);
        time_nbytes = 8;
        if (!read_header(data, len, &c) || body_nbytes(&c, 8) > len - at)
            return SFX_E_INPUT;
    }
    rc = read_body(data + at, &c, time_nbytes, zone);
    if (rc < 0 || time_nbytes == 4)
        return rc;
    rule = (char *)data + at + body_nbytes(&c, 8);
    end = (char *)data + len;
    if (end - rule < 2 || *rule != '\n' ||
        (end = memchr(rule + 1, '\n', (size_t)(end - rule) - 1)) == NULL)
        return SFX_E_INPUT;
    *end = '\0';
    return parse_rule(rule + 1, zone) ? 0 : SFX_E_INPUT;
}

/* --- by name -----------------------------------------------------------------------------------
 */

/* Names of the database: no way out of its folder. */
static bool is_zone_name(struct sfx_slice name)
{
    size_t i;

    if (name.len == 0 || name.len > MAX_NAME || name.ptr[0] < 'A')
        return false;
    for (i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '/' && c != '_' && c != '-' && c != '+')
            return false;
    }
    return true;
}

static int no_such_zone(struct sfx_slice name, struct sfx_err *err)
{
    bool have = access(ZONE_FOLDER "/Etc/UTC", F_OK) == 0 || access(ZONE_FOLDER "/UTC", F_OK) == 0;

    return sfx_err_set(err, SFX_E_USAGE, "there is no time zone %.*s%s", SFX_SLICE_ARG(name),
                       have ? "" : " (the time zone database is not installed: tzdata)");
}

static int read_zone_file(struct sfx_slice name, struct sfx_zone *zone, struct sfx_err *err)
{
    unsigned char *data = malloc(MAX_FILE_NBYTES);
    char path[sizeof(ZONE_FOLDER) + MAX_NAME + 2];
    size_t len = 0;
    ssize_t n = 1;
    int fd = -1, rc;

    (void)snprintf(path, sizeof(path), "%s/%.*s", ZONE_FOLDER, SFX_SLICE_ARG(name));
    if (data == NULL) {
        rc = sfx_err_set(err, SFX_E_NOMEM, "no memory for a time zone");
        goto out;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && n > 0 && len < MAX_FILE_NBYTES) {
        n = read(fd, data + len, MAX_FILE_NBYTES - len);
        len += n > 0 ? (size_t)n : 0;
        if (n < 0 && errno == EINTR)
            n = 1;
    }
    if (fd < 0 || (n < 0 && errno == EISDIR)) {
        rc = no_such_zone(name, err);
        goto out;
    }
    rc = n < 0 ? SFX_E_IO : read_tzif(data, len, zone);
    if (rc < 0)
        rc = sfx_err_set(err, (enum sfx_code)rc, "%s: %s", path,
                         rc == SFX_E_INPUT ? "is no time zone file" : strerror(errno));
out:
    if (fd >= 0)
        (void)close(fd);
    free(data);
    return rc;
}

struct sfx_zone *sfx_zone_new(struct sfx_slice name, struct sfx_err *err)
{
    struct sfx_zone *zone = calloc(1, sizeof(*zone));
    size_t at = 0;
    int rc = 0;

    if (zone == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a time zone");
        return NULL;
    }
    zone->has_rule = true;
    if (sfx_slice_eq(name, SFX_SLICE_LIT("UTC"))) {
        memcpy(zone->standard.abbreviation, "UTC", 4);
    } else if (sfx_time_offset(name, &at, &zone->standard.offset_s) && at == name.len) {
        if (zone->standard.offset_s == 0)
            memcpy(zone->standard.abbreviation, "UTC", 4);
        else
            (void)sfx_time_put_offset(zone->standard.offset_s, true, zone->standard.abbreviation);
    } else {
        zone->has_rule = false;
        rc = is_zone_name(name) ? read_zone_file(name, zone, err) : no_such_zone(name, err);
    }
    if (rc == 0)
        return zone;
    sfx_zone_free(zone);
    return NULL;
}

void sfx_zone_free(struct sfx_zone *zone)
{
    if (zone == NULL)
        return;
    free(zone->types);
    free(zone->times);
    free(zone->type);
    free(zone);
}

/* --- many --------------------------------------------------------------------------------------
 */

#define MAX_ZONES 1000

struct sfx_zone_entry {
    char name[MAX_NAME + 1];
    struct sfx_zone *zone;
};

const struct sfx_zone *sfx_zones_find(struct sfx_zones *zones, struct sfx_slice name,
                                      struct sfx_err *err)
{
    struct sfx_zone_entry *entry;
    size_t i;

    for (i = 0; i < zones->count; i++) {
        entry = &zones->entries[i];
        if (strlen(entry->name) == name.len && memcmp(entry->name, name.ptr, name.len) == 0)
            return entry->zone;
    }
    if (name.len > MAX_NAME || zones->count == MAX_ZONES) {
        if (name.len > MAX_NAME)
            (void)no_such_zone(name, err);
        else
            (void)sfx_err_set(err, SFX_E_LIMIT, "more than %d time zones", MAX_ZONES);
        return NULL;
    }
    if (zones->count == zones->cap) {
        size_t cap = zones->cap == 0 ? 8 : zones->cap * 2;

        entry = realloc(zones->entries, cap * sizeof(*entry));
        if (entry == NULL) {
            (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for time zones");
            return NULL;
        }
        zones->entries = entry;
        zones->cap = cap;
    }
    entry = &zones->entries[zones->count];
    entry->zone = sfx_zone_new(name, err);
    if (entry->zone == NULL)
        return NULL;
    memcpy(entry->name, name.ptr, name.len);
    entry->name[name.len] = '\0';
    zones->count++;
    return entry->zone;
}

void sfx_zones_done(struct sfx_zones *zones)
{
    size_t i;

    for (i = 0; i < zones->count; i++)
        sfx_zone_free(zones->entries[i].zone);
    free(zones->entries);
    *zones = (struct sfx_zones){0};
}

/* --- asking ------------------------------------------------------------------------------------
 */

static const struct zone_type *type_at(const struct sfx_zone *zone, int64_t utc_s)
{
    size_t low = 0, high = zone->count;

    if (zone->has_rule && (high == 0 || utc_s >= zone->times[high - 1]))
        return apply_rule(zone, utc_s);
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (zone->times[mid] <= utc_s)
            low = mid + 1;
        else
            high = mid;
    }
    return &zone->types[low > 0 ? zone->type[low - 1] : 0];
}

int32_t sfx_zone_offset(const struct sfx_zone *zone, int64_t utc_s, const char **abbreviation)
{
    const struct zone_type *type;

    if (zone == NULL) {
        if (abbreviation != NULL)
            *abbreviation = "UTC";
        return 0;
    }
    type = type_at(zone, utc_s);
    if (abbreviation != NULL)
        *abbreviation = type->abbreviation;
    return type->offset_s;
}

int64_t sfx_zone_to_utc(const struct sfx_zone *zone, int64_t local_s)
{
    int32_t before, after;

    if (zone == NULL)
        return local_s;
    /* A zone changes its offset once in two days, at most: what held before, and what after. */
    before = sfx_zone_offset(zone, local_s - SFX_S_PER_DAY, NULL);
    if (sfx_zone_offset(zone, local_s - before, NULL) == before)
        return local_s - before;
    after = sfx_zone_offset(zone, local_s + SFX_S_PER_DAY, NULL);
    if (sfx_zone_offset(zone, local_s - after, NULL) == after)
        return local_s - after;
    return local_s - before;
}
