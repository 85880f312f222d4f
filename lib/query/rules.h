/* SPDX-License-Identifier: MIT */
/*
 * Named rules of data quality, counted: how many records each has seen, found wrong, put right.
 *
 * Contract: one table belongs to the caller and lives longer than the queries that count in it;
 * several queries one after the other add up. Not safe for two threads at once.
 */
#ifndef SFX_QUERY_RULES_H
#define SFX_QUERY_RULES_H

#include "base/arena.h"
#include "base/buf.h"
#include "cli/log.h"

#include <stdint.h>

struct sfx_rule {
    const char *name;
    const char *action;              /* on records that break it: "fail", "skip", "reject", "warn",
                                        "fix"; of late records "skip", "aside" */
    uint64_t checked, failed, fixed; /* records; fixed are among failed */
};

struct sfx_rules { /* {0} is an empty table */
    struct sfx_arena arena;
    struct sfx_rule **items;
    size_t count, cap;
};

/* The rule called name with that action (static): the one that is there, or a new one, of the
 * table until _done. Errors: NULL, NOMEM. */
struct sfx_rule *sfx_rules_add(struct sfx_rules *rules, struct sfx_slice name, const char *action,
                               struct sfx_err *err);

/* Appends the table as a JSON array of objects: name, action, checked, failed, fixed. Errors:
 * NOMEM.
 */
int sfx_rules_write(const struct sfx_rules *rules, struct sfx_buf *out, struct sfx_err *err);

/* Logs a line for each rule: as information, or louder when records broke it. log may be NULL. */
void sfx_rules_say(const struct sfx_rules *rules, const struct sfx_log *log);

void sfx_rules_done(struct sfx_rules *rules);

#endif
