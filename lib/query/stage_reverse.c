/* SPDX-License-Identifier: MIT */
/* Stages that bring all records in another order without looking at them: reverse, shuffle. */
#include "query/kept_internal.h"
#include "query/random_internal.h"

#include <string.h>

struct order {
    struct sfx_operator op;
    struct sfx_kept kept;
    uint64_t next; /* reverse: the key of the next record; shuffle: the random numbers' state */
};

static int bind_order(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct order *order = (struct order *)op;
    const uint64_t *seed = op->ast->detail; /* of shuffle */

    if (order->kept.op == NULL)
        order->next = seed != NULL ? sfx_random_start(op, *seed) : UINT64_MAX;
    return sfx_kept_bind(&order->kept, op, in, 0, err);
}

/* Equal random numbers, one in 2^64, keep their order. */
static int push_order(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct order *order = (struct order *)op;
    unsigned char *key;
    uint32_t i;
    int rc = sfx_kept_begin(&order->kept, in, err);

    for (i = 0; i < in->nsel && rc == 0; i++) {
        uint64_t number = op->ast->detail != NULL ? sfx_random_next(&order->next) : order->next--;

        rc = sfx_kept_reserve(&order->kept, in, in->sel[i], sizeof(number), &key, err);
        if (rc < 0)
            return rc;
        number = __builtin_bswap64(number);
        memcpy(key, &number, sizeof(number));
        sfx_kept_commit(&order->kept, in, in->sel[i], key, sizeof(number));
    }
    return rc;
}

static int finish_order(struct sfx_operator *op, struct sfx_err *err)
{
    return sfx_kept_pass_all(&((struct order *)op)->kept, err);
}

static void destroy_order(struct sfx_operator *op)
{
    sfx_kept_done(&((struct order *)op)->kept);
}

static int parse_nothing(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    (void)p;
    (void)stage;
    return 0;
}

static int parse_shuffle(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    uint64_t *seed = sfx_arena_calloc(&p->program->arena, 1, sizeof(*seed), p->err);

    stage->detail = seed;
    return seed == NULL ? SFX_E_NOMEM : sfx_parse_seed(p, seed);
}

const struct sfx_verb sfx_verb_reverse = {
    .name = "reverse",
    .usage = "reverse",
    .help = "hands the records on from the last to the first",
    .plan = "blocking; what exceeds --memory waits on disk",
    .example = {.program = "reverse", .input = "id\n1\n2\n3\n", .output = "id\n3\n2\n1\n"},
    .state_nbytes = sizeof(struct order),
    .parse = parse_nothing,
    .bind = bind_order,
    .push = push_order,
    .finish = finish_order,
    .destroy = destroy_order,
};

const struct sfx_verb sfx_verb_shuffle = {
    .name = "shuffle",
    .usage = "shuffle [seed S]",
    .help = "hands the records on in an order by chance",
    .plan = "blocking; what exceeds --memory waits on disk",
    .rules = "The same input, program and seed (0 when it is not given) give the same order.",
    .example = {.program = "shuffle seed 1",
                .input = "id\n1\n2\n3\n4\n",
                .output = "id\n3\n1\n4\n2\n"},
    .state_nbytes = sizeof(struct order),
    .parse = parse_shuffle,
    .bind = bind_order,
    .push = push_order,
    .finish = finish_order,
    .destroy = destroy_order,
};
