/* SPDX-License-Identifier: MIT */
/*
 * Time zones: the system's time zone database (TZif files, RFC 8536), read by name.
 *
 * Contract: a zone is read once and read-only after that, safe for any number of threads. Neither
 * the environment nor the C library's own zone is looked at. A zone of NULL is UTC.
 */
#ifndef SFX_VALUE_ZONE_H
#define SFX_VALUE_ZONE_H

#include "base/err.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

struct sfx_zone;

/*
 * Makes the zone called name: "Europe/Berlin", "UTC", or an offset ("+02:00"). Errors: NULL; USAGE
 * (there is no such zone), INPUT (its file is broken), IO, NOMEM.
 */
struct sfx_zone *sfx_zone_new(struct sfx_slice name, struct sfx_err *err);
void sfx_zone_free(struct sfx_zone *zone);

/* Seconds to add to UTC at utc_s seconds since 1970. abbreviation: NULL, or filled: borrowed. */
int32_t sfx_zone_offset(const struct sfx_zone *zone, int64_t utc_s, const char **abbreviation);

/*
 * The seconds since 1970 at which clocks in zone show local_s (seconds since 1970 as they would be
 * in UTC). Times that clocks show twice are the first of both; times that they skip are later by
 * what was skipped, as RFC 5545 has it: 02:30 is 03:30.
 */
int64_t sfx_zone_to_utc(const struct sfx_zone *zone, int64_t local_s);

/* Zones by name, each read once; all-zero: none yet. */
struct sfx_zones {
    struct sfx_zone_entry *entries;
    size_t count, cap;
};

/* The zone called name, borrowed while zones live. Errors: NULL, as sfx_zone_new; LIMIT (1000). */
const struct sfx_zone *sfx_zones_find(struct sfx_zones *zones, struct sfx_slice name,
                                      struct sfx_err *err);
void sfx_zones_done(struct sfx_zones *zones);

#endif
