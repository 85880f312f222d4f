/* SPDX-License-Identifier: MIT */
/* What the functions of times share: units, zones, and checks of constants when a program is bound.
 */
#ifndef SFX_QUERY_FN_TIME_INTERNAL_H
#define SFX_QUERY_FN_TIME_INTERNAL_H

#include "query/functions_internal.h"
#include "value/time_format.h"

enum sfx_time_unit {
    SFX_UNIT_NONE,
    SFX_UNIT_YEAR,
    SFX_UNIT_QUARTER,
    SFX_UNIT_MONTH,
    SFX_UNIT_WEEK,
    SFX_UNIT_DAY,
    SFX_UNIT_HOUR,
    SFX_UNIT_MINUTE,
    SFX_UNIT_SECOND,
    SFX_UNIT_MILLISECOND,
    SFX_UNIT_MICROSECOND,
    SFX_UNIT_NANOSECOND,
};

/* The unit called name ("day", "days"), or NONE. */
enum sfx_time_unit sfx_time_unit_find(struct sfx_slice name);

/* The nanoseconds of a unit from the week down; 0 for the others. */
sfx_int128 sfx_time_unit_ns(enum sfx_time_unit unit);

#define SFX_NO_UNIT   "is no unit of time: year quarter month week day hour minute second ms us ns"
#define SFX_NO_ZONE   "is no time zone"
#define SFX_NO_FORMAT "holds a directive that is not known: "

/* Binds the arguments as the function's row says, and checks a constant unit, zone or format. Each
 * argument: -1 when there is none. Errors: USAGE, NOMEM. */
int sfx_bind_time_args(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                       int unit_arg, int zone_arg, int format_arg, bool parsing);

/* The unit in an argument; NONE: the row is bad. */
enum sfx_time_unit sfx_fn_unit_arg(struct sfx_eval *ev, const struct sfx_node *node, size_t arg,
                                   uint32_t row);

/* The zone in an argument, or the program's when it is not there. False: the row is bad. */
bool sfx_fn_zone_arg(struct sfx_eval *ev, const struct sfx_node *node, size_t arg, uint32_t row,
                     const struct sfx_zone **zone);

/* Writes t as clocks in zone show it. */
bool sfx_time_to_zone(const struct sfx_timestamp *t, const struct sfx_zone *zone,
                      struct sfx_timestamp *out);

#endif
