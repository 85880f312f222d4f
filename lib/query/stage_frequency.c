/* SPDX-License-Identifier: MIT */
/* frequency: a group that counts, with the most frequent first. */
#include "query/group_internal.h"

#include <string.h>

int sfx_frequency_start(struct sfx_group *group, struct sfx_err *err)
{
    group->ranked = true;
    return sfx_sorter_init_paid(&group->ranks, &group->op,
                                sfx_operator_opts(&group->op)->memory_nbytes / 8, err);
}

/* A record of ranks is the count, most first; then the key's length, the key, the state. */
static int rank_group(struct sfx_group *group, const unsigned char *key, const unsigned char *state,
                      struct sfx_err *err)
{
    const unsigned char *end = key;
    uint64_t count, rank;
    uint32_t key_nbytes;
    unsigned char *at;
    size_t i;
    int rc;

    for (i = 0; i < group->op.ast->items.count; i++)
        end = sfx_key_end(end);
    key_nbytes = (uint32_t)(end - key);
    memcpy(&count, state + group->calls[0].offset, sizeof(count));
    rank = __builtin_bswap64(~count);
    rc = sfx_sorter_reserve(&group->ranks,
                            sizeof(rank) + sizeof(key_nbytes) + key_nbytes + group->state_nbytes,
                            &at, err);
    if (rc < 0)
        return rc;
    memcpy(at, &rank, sizeof(rank));
    memcpy(at + sizeof(rank), &key_nbytes, sizeof(key_nbytes));
    at += sizeof(rank) + sizeof(key_nbytes);
    memcpy(at, key, key_nbytes);
    memcpy(at + key_nbytes, state, group->state_nbytes);
    sfx_sorter_commit(&group->ranks, sizeof(rank),
                      sizeof(key_nbytes) + key_nbytes + group->state_nbytes);
    return 0;
}

int sfx_frequency_rank(struct sfx_group *group, struct sfx_err *err)
{
    const unsigned char *key;
    unsigned char *state;
    int rc;

    while ((rc = sfx_groups_next(&group->groups, &key, &state, err)) > 0) {
        rc = rank_group(group, key, state, err);
        if (rc < 0)
            return rc;
        sfx_groups_release(&group->groups);
    }
    return rc < 0 ? rc : sfx_sorter_sort(&group->ranks, err);
}

int sfx_frequency_next(struct sfx_group *group, const unsigned char **key, unsigned char **state,
                       struct sfx_err *err)
{
    const unsigned char *record;
    uint32_t key_nbytes;
    int rc;

    rc = sfx_sorter_next(&group->ranks, &record, err);
    if (rc <= 0)
        return rc;
    record = sfx_record_row(record);
    memcpy(&key_nbytes, record, sizeof(key_nbytes));
    record += sizeof(key_nbytes);
    *state = sfx_arena_alloc(&group->groups.rows, group->state_nbytes + key_nbytes, err);
    if (*state == NULL)
        return SFX_E_NOMEM;
    memcpy(*state, record + key_nbytes, group->state_nbytes);
    *key = memcpy(*state + group->state_nbytes, record, key_nbytes);
    return 1;
}

void sfx_frequency_put_share(struct sfx_group *group, uint32_t row)
{
    const struct sfx_frame *out = &group->op.out;
    struct sfx_vec *share = out->cols[out->ncols - 1].vec;
    struct sfx_decimal total = {(int64_t)group->groups.nrows, 0};

    (void)sfx_decimal_div(&out->cols[out->ncols - 2].vec->nums[row], &total, &share->nums[row]);
    (void)sfx_decimal_round(&share->nums[row], 6, SFX_ROUND_HALF_AWAY, &share->nums[row]);
    share->flags[row] = 0;
}

/* Keys, and an aggregate that is not written: n = count(). */
static int parse_frequency(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct sfx_item *count;
    int rc = sfx_parse_optional_by(p);

    if (rc < 0)
        return rc;
    do {
        rc = sfx_parse_key(p, &stage->items);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
    } while (rc > 0);
    if (rc < 0)
        return rc;
    count = sfx_items_add(p, &stage->aggs);
    if (count == NULL)
        return SFX_E_NOMEM;
    count->name = SFX_SLICE_LIT("n");
    count->at = stage->at;
    count->agg = sfx_aggregate_find(SFX_SLICE_LIT("count"));
    return 0;
}

const struct sfx_verb sfx_verb_frequency = {
    .name = "frequency",
    .usage = "frequency [by] KEY[, …]",
    .help = "counts the records of each combination of keys, the most frequent first",
    .plan = "blocking; keys compare by bytes unless they are numbers or times; memory for each "
            "key; what exceeds --memory is put together on disk",
    .rules = "n is the number of records, share its part of all of them, to six digits. What is as "
             "frequent comes in the order of first appearance. Null is a key like others.",
    .example = {.program = "frequency a",
                .input = "a\nx\ny\nx\ny\nz\ny\n",
                .output = "a,n,share\ny,3,0.500000\nx,2,0.333333\nz,1,0.166667\n"},
    .can_fail = true,
    .fixes_columns = true,
    .gives_all = true,
    .state_nbytes = sizeof(struct sfx_group),
    .uses = sfx_group_uses,
    .parse = parse_frequency,
    .bind = sfx_group_bind,
    .push = sfx_group_push,
    .finish = sfx_group_finish,
    .restore = sfx_group_restore,
    .destroy = sfx_group_destroy,
};
