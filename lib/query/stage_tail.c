/* SPDX-License-Identifier: MIT */
/* Stages that keep some records until the input ends: tail, sample N; of all, or of each key. */
#include "query/picked_internal.h"
#include "query/random_internal.h"

struct tail {
    struct sfx_operator op;
    struct sfx_picks picks;
    uint64_t random; /* of sample */
    unsigned char key[sizeof(uint64_t)];
};

static int bind_tail(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct tail *tail = (struct tail *)op;
    const uint64_t *seed = op->ast->detail; /* of sample */

    if (tail->picks.kept.op == NULL && seed != NULL)
        tail->random = sfx_random_start(op, *seed);
    tail->picks.rank = seed != NULL ? SFX_PICKS_KEY : SFX_PICKS_LAST;
    tail->picks.most = op->ast->limit;
    return sfx_picks_bind(&tail->picks, op, &op->ast->items, in, err);
}

/* A sample is the records with the smallest random numbers, of which each has one of its own. */
static int random_key(struct sfx_operator *op, uint32_t row, uint64_t seq, struct sfx_slice *key,
                      struct sfx_err *err)
{
    struct tail *tail = (struct tail *)op;
    uint64_t number = __builtin_bswap64(sfx_random_at(tail->random, seq));

    (void)row;
    (void)err;
    __builtin_memcpy(tail->key, &number, sizeof(number));
    *key = sfx_slice((const char *)tail->key, sizeof(tail->key));
    return 0;
}

/* Of a batch of more records than are kept only the last ones matter. */
static uint32_t skip(struct tail *tail, const struct sfx_frame *in)
{
    struct sfx_picks *picks = &tail->picks;
    uint32_t n = 0;

    if (tail->op.ast->detail == NULL && tail->op.ast->items.count == 0 && in->nsel > picks->most)
        n = in->nsel - (uint32_t)picks->most;
    if (n > 0 && picks->all.count < picks->most) /* places are filled from the first on */
        n = 0;
    picks->all.seen += n;
    picks->seq += n;
    return n;
}

static int push_tail(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct tail *tail = (struct tail *)op;
    int rc;

    sfx_by_eval(&tail->picks.by, in);
    rc = sfx_operator_settle(op, in, err);
    if (rc == 0)
        rc = sfx_picks_begin(&tail->picks, in, err);
    if (rc == 0)
        rc = sfx_picks_push(&tail->picks, in, skip(tail, in),
                            op->ast->detail != NULL ? random_key : NULL, err);
    return rc;
}

static int finish_tail(struct sfx_operator *op, struct sfx_err *err)
{
    return sfx_picks_pass(&((struct tail *)op)->picks, err);
}

static void destroy_tail(struct sfx_operator *op)
{
    sfx_picks_done(&((struct tail *)op)->picks);
}

/* --- tail ------------------------------------------------------------------------------------- */

static const struct sfx_verb tail_by;

static int parse_tail(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    int rc = sfx_parse_count(p, stage);

    if (rc == 0)
        rc = sfx_parse_by(p, &stage->items);
    if (stage->items.count > 0)
        stage->verb = &tail_by;
    return rc;
}

#define TAIL_ROW                                                                                   \
    .name = "tail", .usage = "tail N [by KEY[, …]]",                                               \
    .help = "keeps the last N records, or the last N of each key, in their order",                 \
    .plan =                                                                                        \
        "blocking; memory for N records (by: of each key), what exceeds --memory waits on disk",   \
    .rules = "Null is a key like others.",                                                         \
    .example = {.program = "tail 2", .input = "id\n1\n2\n3\n", .output = "id\n2\n3\n"},            \
    .uses = sfx_uses_keep, .state_nbytes = sizeof(struct tail), .parse = parse_tail,               \
    .bind = bind_tail, .push = push_tail, .finish = finish_tail, .destroy = destroy_tail

const struct sfx_verb sfx_verb_tail = {TAIL_ROW};
static const struct sfx_verb tail_by = {TAIL_ROW, .can_fail = true};

/* --- sample ----------------------------------------------------------------------------------- */

struct fraction {
    uint64_t seed, below; /* records whose random number is below that are kept */
    bool all;
};

struct sample {
    struct sfx_operator op;
    uint64_t random;
    bool started;
};

static const struct sfx_verb sample_some, sample_some_by;

#define MAX_FRACTION_DIGITS 18 /* so that what is computed of them has 128 bits */

/* "0.01" or "1" before "%"; from 0 to 1. */
static int parse_fraction(struct sfx_parser *p, struct fraction *fraction)
{
    const struct sfx_token number = p->token;
    struct sfx_decimal value;
    unsigned __int128 one = 1;
    int rc = sfx_lex(p), percent = rc < 0 ? rc : sfx_parse_accept(p, "%");
    uint32_t i;

    if (percent < 0)
        return percent;
    if (sfx_decimal_parse(number.raw, &value) != SFX_DECIMAL_OK)
        return sfx_program_err(p->program, number.at, p->err, "a number is expected here");
    value.scale += percent ? 2 : 0;
    if (value.scale > MAX_FRACTION_DIGITS)
        return sfx_program_err(p->program, number.at, p->err, "a fraction has at most %d digits",
                               MAX_FRACTION_DIGITS);
    for (i = 0; i < value.scale; i++)
        one *= 10;
    if (value.mant < 0 || (unsigned __int128)value.mant > one)
        return sfx_program_err(p->program, number.at, p->err,
                               "a sample is N records, a fraction below 1, or at most 100%%");
    fraction->all = (unsigned __int128)value.mant == one;
    if (!fraction->all)
        fraction->below = (uint64_t)(((unsigned __int128)value.mant << 64) / one);
    return 0;
}

/* Whether a fraction stands here, not a number of records. */
static int sees_fraction(const struct sfx_parser *p)
{
    struct sfx_parser ahead = *p;
    size_t i;
    int rc;

    if (p->token.kind != SFX_TOKEN_NUMBER)
        return 0;
    for (i = 0; i < p->token.raw.len; i++) {
        if (p->token.raw.ptr[i] == '.')
            return 1;
    }
    rc = sfx_lex(&ahead);
    return rc < 0 ? rc : sfx_token_is(&ahead.token, "%");
}

static int parse_sample(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct fraction *fraction = sfx_arena_calloc(&p->program->arena, 1, sizeof(*fraction), p->err);
    int rc = sees_fraction(p);

    if (fraction == NULL)
        return SFX_E_NOMEM;
    stage->detail = fraction; /* begins with the seed, which is all that the others read */
    if (rc > 0)
        rc = parse_fraction(p, fraction);
    else if (rc == 0) {
        stage->verb = &sample_some;
        rc = sfx_parse_count(p, stage);
        if (rc == 0)
            rc = sfx_parse_by(p, &stage->items);
        if (stage->items.count > 0)
            stage->verb = &sample_some_by;
    }
    return rc < 0 ? rc : sfx_parse_seed(p, &fraction->seed);
}

static int bind_sample(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sample *sample = (struct sample *)op;
    const struct fraction *fraction = op->ast->detail;

    (void)in;
    (void)err;
    if (!sample->started)
        sample->random = sfx_random_start(op, fraction->seed);
    sample->started = true;
    return 0;
}

static int push_sample(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sample *sample = (struct sample *)op;
    const struct fraction *fraction = op->ast->detail;
    uint32_t i, n = 0;

    for (i = 0; i < in->nsel && !fraction->all; i++) {
        in->sel[n] = in->sel[i];
        n += sfx_random_next(&sample->random) < fraction->below;
    }
    if (!fraction->all)
        in->nsel = n;
    return sfx_operator_pass(op, in, err);
}

#define SAMPLE_ROW(plan_text)                                                                      \
    .name = "sample", .usage = "sample N [by KEY[, …]] [seed S] | sample P% [seed S]",             \
    .help =                                                                                        \
        "keeps N records by chance (by: of each key), or each with a probability of P percent",    \
    .plan = plan_text, .parse = parse_sample,                                                      \
    .rules = "Records keep their order. The same input, program and seed (0 when it is not "       \
             "given) give the same records. A fraction may stand for the percentage: 0.01 is 1%.", \
    .example = {.program = "sample 2", .input = "id\n1\n2\n3\n4\n", .output = "id\n1\n3\n"}

#define SAMPLE_SOME                                                                                \
    SAMPLE_ROW("blocking; memory for N records (by: of each key), what exceeds --memory waits on " \
               "disk"),                                                                            \
        .uses = sfx_uses_keep, .state_nbytes = sizeof(struct tail), .bind = bind_tail,             \
        .push = push_tail, .finish = finish_tail, .destroy = destroy_tail

static const struct sfx_verb sample_some = {SAMPLE_SOME};
static const struct sfx_verb sample_some_by = {SAMPLE_SOME, .can_fail = true};

const struct sfx_verb sfx_verb_sample = {
    SAMPLE_ROW("streaming with a fraction; else blocking, memory for N records (by: "
               "of each key), what exceeds --memory waits on disk"),
    .state_nbytes = sizeof(struct sample),
    .uses = sfx_uses_filter,
    .bind = bind_sample,
    .push = push_sample,
};
