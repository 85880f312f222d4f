/* SPDX-License-Identifier: MIT */
/* expect NAME: unique KEY: the keys seen in a table, and records that wait when it is full. */
#include "query/expect_internal.h"

#include <string.h>

static int bind_unique(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_expect *expect = (struct sfx_expect *)op;
    struct sfx_binder binder = sfx_operator_binder(op, in, err);
    bool first = expect->by.set.op == NULL;
    int rc = sfx_expect_begin_bind(expect, &binder, err);

    if (rc == 0)
        rc = sfx_by_bind(&expect->by, op, &op->ast->items, in, 0, err);
    if (rc == 0 && first)
        expect->by.set.budget_nbytes = sfx_operator_opts(op)->memory_nbytes / 2;
    if (rc == 0)
        rc = sfx_key_wait_bind(&expect->wait, op, in, err);
    if (rc == 0)
        expect->condition = expect->by.nodes[0];
    return rc;
}

/* Whether a part of row's key is null: SQL's rule, by which such keys are like no other. */
static bool has_null(const struct sfx_expect *expect, uint16_t row)
{
    size_t i;

    for (i = 0; i < expect->op.ast->items.count; i++) {
        if (sfx_vec_is_blank(expect->by.cols[i], row))
            return true;
    }
    return false;
}

/* Lets the i-th of the selected rows wait, whose key is not among those in memory. */
static int keep_waiting(struct sfx_expect *expect, const struct sfx_frame *in, uint32_t i,
                        struct sfx_err *err)
{
    const struct sfx_keys *keys = &expect->by.keys;
    uint32_t begin = i > 0 ? keys->ends[i - 1] : 0;
    uint16_t row = in->sel[i];
    int rc = sfx_key_wait_row(&expect->wait, in, row, err);

    if (rc < 0)
        return rc;
    if (sfx_operator_eval(&expect->op)->bad[row])
        return sfx_key_wait_broken(&expect->wait, 0, err); /* of warn: others are refused */
    if (has_null(expect, row))
        return 0;
    return expect->by.entries[i] != NULL
               ? sfx_key_wait_broken(&expect->wait, 0, err)
               : sfx_key_wait_key(&expect->wait, 0,
                                  sfx_slice(keys->bytes.data + begin, keys->ends[i] - begin), err);
}

/* Looks for the keys among those before, and notes them; how many rows break the rule. The frame is
 * cut in front of the rows that wait. Errors: IO, LIMIT, NOMEM. */
static int64_t check_unique(struct sfx_expect *expect, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_by *by = &expect->by;
    const struct sfx_eval *ev = sfx_operator_eval(&expect->op);
    const struct sfx_expect_detail *detail = expect->op.ast->detail;
    uint32_t i, n, failed = 0;
    int64_t end = 0;
    int rc = sfx_by_make_keys(by, in, err);

    if (rc == 0 && !expect->full)
        end = sfx_keyset_add_some(&by->set, &by->keys, 0, in->nsel, by->entries, by->fresh, err);
    if (rc < 0 || end < 0)
        return rc < 0 ? rc : end;
    for (i = 0; i < end; i++) {
        uint16_t row = in->sel[i];

        expect->kept[row] = (by->fresh[i] || has_null(expect, row)) && !ev->bad[row];
        failed += !expect->kept[row];
    }
    if (end == in->nsel)
        return failed;
    expect->full = true;
    rc = sfx_kept_begin(&expect->wait.rows, in, err);
    sfx_keyset_find(&by->set, &by->keys, (uint32_t)end, in->nsel, by->entries);
    for (i = n = (uint32_t)end; i < in->nsel && rc == 0; i++) {
        uint16_t row = in->sel[i];

        if (ev->bad[row] &&
            detail->action < SFX_EXPECT_WARN) { /* what is wrong with it is known now */
            in->sel[n++] = row;
            expect->kept[row] = 0;
            failed++;
        } else {
            rc = keep_waiting(expect, in, i, err);
        }
    }
    in->nsel = n;
    return rc < 0 ? (int64_t)rc : (int64_t)failed;
}

static int push_unique(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct sfx_expect *expect = (struct sfx_expect *)op;
    int64_t failed;

    sfx_by_eval(&expect->by, in);
    failed = check_unique(expect, in, err);
    return failed < 0 ? (int)failed : sfx_expect_act(expect, in, (uint32_t)failed, err);
}

static void key_is_broken(void *ctx, uint16_t row, size_t kind)
{
    struct sfx_expect *expect = ctx;

    (void)kind;
    expect->kept[row] = 0;
    expect->failed++;
}

static bool is_foreign(const void *ctx, size_t kind)
{
    (void)ctx;
    (void)kind;
    return false;
}

/* What waits comes back. */
static int finish_unique(struct sfx_operator *op, struct sfx_err *err)
{
    struct sfx_expect *expect = (struct sfx_expect *)op;
    int rc;

    if (!expect->full)
        return 0;
    sfx_keyset_done(&expect->by.set);
    rc = sfx_key_wait_resolve(&expect->wait, is_foreign, NULL, err);
    while (rc == 0 && !sfx_operator_is_done(op)) {
        memset(expect->kept, 1, sizeof(expect->kept));
        expect->failed = 0;
        rc = sfx_key_wait_next(&expect->wait, key_is_broken, expect, err);
        if (rc <= 0)
            break;
        rc = sfx_expect_act(expect, &op->out, expect->failed, err);
    }
    return rc;
}

static bool never(const struct sfx_operator *op)
{
    (void)op;
    return false;
}

static void destroy_unique(struct sfx_operator *op)
{
    struct sfx_expect *expect = (struct sfx_expect *)op;

    sfx_key_wait_done(&expect->wait);
    sfx_by_done(&expect->by);
}

/* What parse_rule makes of unique; its row of the manual is that of expect. */
const struct sfx_verb sfx_verb_expect_unique = {
    .name = "expect",
    .usage = "",
    .help = "a key that no two records have",
    .plan = "streaming; keys compare by bytes unless they are numbers or times; memory for each "
            "key; when half of --memory is full, records wait on disk until the input ends",
    .can_fail = true,
    .uses = sfx_uses_keep,
    .state_nbytes = sizeof(struct sfx_expect),
    .bind = bind_unique,
    .push = push_unique,
    .finish = finish_unique,
    .blocks = never,
    .destroy = destroy_unique,
};
