/* SPDX-License-Identifier: MIT */
/* tee: writes the records that pass to an output of their own, too. */
#include "query/stage_internal.h"

struct tee {
    struct sfx_slice name;
};

static int parse_tee(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct tee *tee = sfx_arena_calloc(&p->program->arena, 1, sizeof(*tee), p->err);

    if (tee == NULL)
        return SFX_E_NOMEM;
    stage->detail = tee;
    if ((p->token.kind != SFX_TOKEN_STRING && p->token.kind != SFX_TOKEN_NAME) ||
        p->token.value.len == 0)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "tee is followed by the name of a file, in quotes");
    tee->name = p->token.value;
    return sfx_lex(p);
}

static int bind_tee(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    (void)op;
    (void)in;
    (void)err;
    return 0;
}

static int push_tee(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    const struct tee *tee = op->ast->detail;
    int rc = sfx_operator_put_aside(op, tee->name, in, in->sel, in->nsel, err);

    return rc < 0 ? rc : sfx_operator_pass(op, in, err);
}

const struct sfx_verb sfx_verb_tee = {
    .name = "tee",
    .usage = "tee \"FILE\"",
    .help = "writes the records to FILE as they are here, and hands them on",
    .plan = "streaming",
    .rules = "FILE is a name as -o takes it: the format follows the name, {column} is the record's "
             "text in that column. It appears when the run went well. A record that is bad in a "
             "stage behind is in FILE all the same.",
    .example = {.program = "tee \"all.csv\" | where n > 1",
                .input = "n\n1\n2\n",
                .output = "n\n2\n"},
    .takes_all = true,
    .stateless = true,
    .state_nbytes = sizeof(struct sfx_operator),
    .parse = parse_tee,
    .bind = bind_tee,
    .push = push_tee,
};
