/* SPDX-License-Identifier: MIT */
/* The table of named rules. */
#include "query/rules.h"

#include "json/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct sfx_rule *sfx_rules_add(struct sfx_rules *rules, struct sfx_slice name, const char *action,
                               struct sfx_err *err)
{
    struct sfx_rule *rule, **grown;
    size_t i, cap;

    for (i = 0; i < rules->count; i++) {
        if (sfx_slice_eq(sfx_slice_str(rules->items[i]->name), name) &&
            strcmp(rules->items[i]->action, action) == 0)
            return rules->items[i];
    }
    if (rules->count == rules->cap) {
        cap = rules->cap == 0 ? 8 : rules->cap * 2;
        grown = reallocarray(rules->items, cap, sizeof(*grown));
        if (grown == NULL) {
            (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu rules", cap);
            return NULL;
        }
        rules->items = grown;
        rules->cap = cap;
    }
    rule = sfx_arena_calloc(&rules->arena, 1, sizeof(*rule), err);
    if (rule == NULL)
        return NULL;
    rule->action = action;
    rule->name = sfx_arena_strndup(&rules->arena, name.ptr, name.len, err);
    if (rule->name == NULL)
        return NULL;
    rules->items[rules->count++] = rule;
    return rule;
}

int sfx_rules_write(const struct sfx_rules *rules, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_json_writer w;
    size_t i;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_array(&w);
    for (i = 0; i < rules->count; i++) {
        const struct sfx_rule *rule = rules->items[i];

        sfx_json_begin_object(&w);
        sfx_json_key(&w, "name");
        sfx_json_string(&w, sfx_slice_str(rule->name));
        sfx_json_key(&w, "action");
        sfx_json_string(&w, sfx_slice_str(rule->action));
        sfx_json_key(&w, "checked");
        sfx_json_uint(&w, rule->checked);
        sfx_json_key(&w, "failed");
        sfx_json_uint(&w, rule->failed);
        sfx_json_key(&w, "fixed");
        sfx_json_uint(&w, rule->fixed);
        sfx_json_end_object(&w);
    }
    sfx_json_end_array(&w);
    return sfx_json_finish(&w, err);
}

void sfx_rules_say(const struct sfx_rules *rules, const struct sfx_log *log)
{
    size_t i;

    for (i = 0; i < rules->count; i++) {
        const struct sfx_rule *rule = rules->items[i];
        enum sfx_log_level level = rule->failed == 0 ? SFX_LOG_INFO : SFX_LOG_NOTICE;

        if (rule->failed > 0 && strcmp(rule->action, "warn") == 0)
            level = SFX_LOG_WARNING;
        sfx_log(log, level,
                "rule %s (%s): %" PRIu64 " records checked, %" PRIu64 " failed, %" PRIu64 " fixed",
                rule->name, rule->action, rule->checked, rule->failed, rule->fixed);
    }
}

void sfx_rules_done(struct sfx_rules *rules)
{
    free(rules->items);
    sfx_arena_done(&rules->arena);
    *rules = (struct sfx_rules){0};
}
