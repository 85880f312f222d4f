/* SPDX-License-Identifier: MIT */
/* The text of a window stage. */
#include "query/functions_internal.h"
#include "query/window_internal.h"
#include "value/duration.h"

#include "base/size.h"

/* A duration that is above 0 (or 0 where it may be), in nanoseconds. */
static int parse_duration(struct sfx_parser *p, bool may_be_zero, int64_t *ns)
{
    static const struct sfx_decimal ns_per_s = {SFX_NS_PER_S, 0};
    struct sfx_decimal value;

    if (p->token.kind != SFX_TOKEN_NUMBER ||
        sfx_duration_parse(p->token.raw, &value) != SFX_DECIMAL_OK)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "a duration is expected here: 10s, 5m, 1h30m");
    if (sfx_decimal_mul(&value, &ns_per_s, &value) != SFX_DECIMAL_OK ||
        !sfx_decimal_to_int(&value, may_be_zero ? 0 : 1, INT64_MAX / 2, ns))
        return sfx_program_err(p->program, p->token.at, p->err,
                               "this duration is from %s to 146 years", may_be_zero ? "0s" : "1ns");
    return sfx_lex(p);
}

static int parse_late(struct sfx_parser *p, struct sfx_window_spec *spec)
{
    if (p->token.kind != SFX_TOKEN_STRING || p->token.value.len == 0)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "the file of late records is a string: late \"late.jsonl\"");
    spec->late = p->token.value;
    return sfx_lex(p);
}

/* every, lateness, late and flush, in any order: 1 when one was there. */
static int parse_option(struct sfx_parser *p, struct sfx_window_spec *spec)
{
    const struct {
        const char *word;
        int64_t *ns;
    } durations[] = {
        {"every", &spec->every_ns}, {"lateness", &spec->lateness_ns}, {"flush", &spec->flush_ns}};
    size_t i;
    int rc;

    for (i = 0; i < SFX_COUNT(durations); i++) {
        rc = sfx_parse_accept(p, durations[i].word);
        if (rc > 0)
            rc = parse_duration(p, durations[i].ns == &spec->lateness_ns, durations[i].ns);
        else if (rc == 0)
            continue;
        return rc < 0 ? rc : 1;
    }
    rc = sfx_parse_accept(p, "late");
    if (rc <= 0)
        return rc;
    rc = parse_late(p, spec);
    return rc < 0 ? rc : 1;
}

static int check(struct sfx_parser *p, const struct sfx_stage_ast *stage,
                 struct sfx_window_spec *spec)
{
    if (spec->session && spec->every_ns != 0)
        return sfx_program_err(p->program, stage->at, p->err, "a session has no every");
    if (spec->every_ns == 0)
        spec->every_ns = spec->size_ns;
    if (spec->every_ns > spec->size_ns || spec->size_ns % spec->every_ns != 0)
        return sfx_program_err(p->program, stage->at, p->err,
                               "every divides the window: window 1m on … every 10s");
    if (spec->size_ns / spec->every_ns > SFX_WINDOW_MAX_OVERLAP)
        return sfx_program_err(p->program, stage->at, p->err,
                               "a record may be in at most %d windows", SFX_WINDOW_MAX_OVERLAP);
    return 0;
}

int sfx_window_parse(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct sfx_window_spec *spec = sfx_arena_calloc(&p->program->arena, 1, sizeof(*spec), p->err);
    int rc;

    if (spec == NULL)
        return SFX_E_NOMEM;
    stage->detail = spec;
    rc = sfx_parse_accept(p, "session");
    spec->session = rc > 0;
    if (rc >= 0)
        rc = parse_duration(p, false, &spec->size_ns);
    if (rc == 0)
        rc = sfx_parse_expect(p, "on");
    if (rc == 0)
        rc = sfx_parse_expr(p, &spec->time);
    while (rc == 0 && (rc = parse_option(p, spec)) > 0)
        rc = 0;
    if (rc == 0)
        rc = check(p, stage, spec);
    if (rc < 0)
        return rc;
    rc = sfx_parse_accept(p, "group");
    if (rc > 0)
        rc = sfx_parse_accept(p, "by");
    return rc < 0 ? rc : sfx_parse_group(p, stage);
}
