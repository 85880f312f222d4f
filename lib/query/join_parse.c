/* SPDX-License-Identifier: MIT */
/* "join [KIND] FILE on KEY[= KEY], …": from text to a plan. */
#include "query/file_frames_internal.h"
#include "query/join_internal.h"

#include "base/size.h"

#include <string.h>

static int parse_kind(struct sfx_parser *p, struct sfx_join_plan *plan)
{
    static const char *const words[] = {"inner", "left", "right", "full", "semi", "anti", "asof"};
    size_t i;
    int rc;

    for (i = 0; i < SFX_COUNT(words); i++) {
        rc = sfx_parse_accept(p, words[i]);
        if (rc != 0) {
            plan->kind = (enum sfx_join_kind)i;
            return rc < 0 ? rc : 0;
        }
    }
    return 0;
}

/* "KEY" or "KEY = KEY". */
static int parse_pair(struct sfx_parser *p, struct sfx_join_pair *pair)
{
    struct sfx_expr *expr;
    int rc = sfx_parse_expr(p, &expr);

    if (rc < 0)
        return rc;
    pair->left = pair->right = expr;
    if (expr->kind == SFX_EXPR_CALL &&
        (strcmp(expr->fn->name, "=") == 0 || strcmp(expr->fn->name, "==") == 0)) {
        pair->left = expr->args[0];
        pair->right = expr->args[1];
    }
    return 0;
}

static int parse_pairs(struct sfx_parser *p, struct sfx_join_plan *plan)
{
    size_t cap = 0;
    int rc;

    do {
        if (plan->npairs == cap) {
            struct sfx_join_pair *grown;

            cap = cap == 0 ? 4 : cap * 2;
            grown = sfx_arena_calloc(&p->program->arena, cap, sizeof(*grown), p->err);
            if (grown == NULL)
                return SFX_E_NOMEM;
            if (plan->npairs > 0)
                memcpy(grown, plan->pairs, plan->npairs * sizeof(*grown));
            plan->pairs = grown;
        }
        rc = parse_pair(p, &plan->pairs[plan->npairs++]);
        if (rc == 0)
            rc = sfx_parse_accept(p, ",");
    } while (rc > 0);
    return rc;
}

/* "by KEY [within DISTANCE] [backward|forward|nearest]" */
static int parse_by(struct sfx_parser *p, struct sfx_join_plan *plan)
{
    static const char *const ways[] = {"backward", "forward", "nearest"};
    struct sfx_expr *within = NULL;
    size_t i;
    int rc = sfx_parse_expect(p, "by");

    if (rc == 0)
        rc = parse_pair(p, &plan->by);
    if (rc == 0)
        rc = sfx_parse_accept(p, "within");
    if (rc > 0)
        rc = sfx_parse_expr(p, &within);
    plan->within = within;
    for (i = 0; i < SFX_COUNT(ways) && rc == 0; i++) {
        rc = sfx_parse_accept(p, ways[i]);
        if (rc > 0) {
            plan->way = (enum sfx_asof_way)i;
            return 0;
        }
    }
    return rc;
}

static int parse_prefix(struct sfx_parser *p, struct sfx_join_plan *plan)
{
    int rc = sfx_parse_accept(p, "prefix");

    if (rc <= 0)
        return rc;
    if (p->token.kind != SFX_TOKEN_STRING)
        return sfx_program_err(p->program, p->token.at, p->err,
                               "prefix takes a text: prefix \"x_\"");
    plan->prefix = p->token.value;
    return sfx_lex(p);
}

int sfx_join_parse(struct sfx_parser *p, struct sfx_stage_ast *stage)
{
    struct sfx_join_plan *plan = sfx_arena_calloc(&p->program->arena, 1, sizeof(*plan), p->err);
    int rc;

    if (plan == NULL)
        return SFX_E_NOMEM;
    stage->detail = plan;
    rc = parse_kind(p, plan);
    if (rc == 0)
        rc = sfx_parse_file(p, &plan->file, &plan->file_at);
    if (rc == 0)
        rc = sfx_parse_accept(p, "on");
    if (rc > 0)
        rc = parse_pairs(p, plan);
    if (rc == 0 && plan->kind == SFX_JOIN_ASOF)
        rc = parse_by(p, plan);
    return rc < 0 ? rc : parse_prefix(p, plan);
}
