/* SPDX-License-Identifier: MIT */
/* Programs: parsed text, and the plan in words. */
#include "query/query.h"

#include "query/aggregate_internal.h"
#include "query/stage_internal.h"

#include <stdlib.h>

/* The caret's place is a uint32_t. */
#define MAX_PROGRAM_NBYTES ((size_t)16 << 20)

struct sfx_program *sfx_program_new(const char *text, size_t len,
                                    const struct sfx_program_opts *opts, struct sfx_err *err)
{
    static const struct sfx_program_opts none;
    struct sfx_program *program = calloc(1, sizeof(*program));
    struct sfx_parser parser = {
        .program = program, .opts = opts != NULL ? opts : &none, .err = err};
    char *copy;

    if (program == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for the program");
        return NULL;
    }
    if (len > MAX_PROGRAM_NBYTES) {
        (void)sfx_err_set(err, SFX_E_LIMIT, "a program has at most %zu bytes", MAX_PROGRAM_NBYTES);
        goto fail;
    }
    copy = sfx_arena_strndup(&program->arena, text, len, err);
    if (copy == NULL)
        goto fail;
    program->text = sfx_slice(copy, len);
    if (parser.opts->zone != NULL) {
        program->zone = sfx_zone_new(sfx_slice_str(parser.opts->zone), err);
        if (program->zone == NULL)
            goto fail;
    }
    if (sfx_parse_program(&parser) < 0)
        goto fail;
    return program;
fail:
    sfx_program_free(program);
    return NULL;
}

void sfx_program_free(struct sfx_program *program)
{
    const struct sfx_program_regex *own;

    if (program == NULL)
        return;
    for (own = program->regexes; own != NULL; own = own->next)
        sfx_regex_free(own->regex);
    sfx_zone_free(program->zone);
    sfx_arena_done(&program->arena);
    free(program);
}

bool sfx_program_goes_by_time(const struct sfx_program *program)
{
    size_t i;

    for (i = 0; i < program->nstages; i++) {
        if (program->stages[i].verb->waits != NULL)
            return true;
    }
    return false;
}

bool sfx_program_fixes_columns(const struct sfx_program *program)
{
    size_t i;

    for (i = 0; i < program->nstages; i++) {
        if (program->stages[i].verb->fixes_columns)
            return true;
    }
    return false;
}

int sfx_program_explain(const struct sfx_program *program, struct sfx_buf *out, struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    if (program->nstages == 0)
        return sfx_buf_puts(out, "records pass through untouched\n", err);
    for (i = 0; i < program->nstages && rc == 0; i++) {
        const struct sfx_stage_ast *stage = &program->stages[i];

        rc = sfx_buf_printf(out, err, "%zu. %.*s\n   %s\n", i + 1, SFX_SLICE_ARG(stage->text),
                            stage->verb->plan);
    }
    return rc;
}
