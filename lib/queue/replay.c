/* SPDX-License-Identifier: MIT */
/* Plans of replays, from what was recorded with a run. */
#include "queue/replay.h"

#include "base/io.h"
#include "json/json_tree.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Appends the texts of node's elements, or of its members as NAME=VALUE, to the n that there are;
 * ended by NULL. */
static char **add_texts(const struct sfx_json_node *node, char *const *before, size_t n,
                        struct sfx_arena *arena, struct sfx_err *err)
{
    char **texts = sfx_arena_calloc(arena, n + node->count + 1, sizeof(*texts), err);
    struct sfx_buf text = {0};

    if (texts != NULL && n > 0)
        memcpy(texts, before, n * sizeof(*texts));
    for (node = node->first; texts != NULL && node != NULL; node = node->next) {
        int rc = 0;

        sfx_buf_clear(&text);
        if (node->key.len > 0)
            rc = sfx_buf_printf(&text, err, "%.*s=", SFX_SLICE_ARG(node->key));
        if (rc == 0)
            rc = sfx_buf_append(&text, node->text.ptr, node->text.len, err);
        texts[n] = rc == 0 ? sfx_arena_strndup(arena, text.data, text.len, err) : NULL;
        if (texts[n++] == NULL)
            texts = NULL;
    }
    sfx_buf_done(&text);
    return texts;
}

/* Whether a variable of ours stands in for one that the run inherited. */
static bool is_inherited(const char *entry, const struct sfx_json_node *env)
{
    const struct sfx_slice name = sfx_slice(entry, strcspn(entry, "="));

    if (strncmp(entry, "SFX_", 4) == 0 || strncmp(entry, "CE_", 3) == 0)
        return false;
    for (env = env->first; env != NULL; env = env->next) {
        if (sfx_slice_eq(env->key, name))
            return false;
    }
    return true;
}

static char **make_env(const struct sfx_json_node *env, bool inherits, char *const *ours,
                       struct sfx_arena *arena, struct sfx_err *err)
{
    size_t n = 0, i;
    char **kept;

    for (i = 0; ours[i] != NULL; i++)
        continue;
    kept = sfx_arena_calloc(arena, i + 1, sizeof(*kept), err);
    for (i = 0; inherits && kept != NULL && ours[i] != NULL; i++) {
        if (is_inherited(ours[i], env))
            kept[n++] = ours[i];
    }
    return kept != NULL ? add_texts(env, kept, n, arena, err) : NULL;
}

static int read_context(struct sfx_slice text, char *const *ours, struct sfx_arena *arena,
                        struct sfx_queue_replay *plan, struct sfx_err *err)
{
    const struct sfx_json_node *context = sfx_json_tree(arena, text.ptr, text.len, err);
    const struct sfx_json_node *argv = sfx_json_member(context, "argv");
    const struct sfx_json_node *env = sfx_json_member(context, "env");
    const struct sfx_json_node *cwd = sfx_json_member(context, "cwd");
    const struct sfx_json_node *inherits = sfx_json_member(context, "inherits");

    if (context == NULL)
        return err != NULL ? (int)err->code : SFX_E_INPUT;
    if (argv == NULL || argv->count == 0 || env == NULL || env->type != SFX_JSON_OBJECT)
        return sfx_err_set(err, SFX_E_INPUT, "the run's command was not recorded");
    plan->argv = add_texts(argv, NULL, 0, arena, err);
    plan->envp =
        make_env(env, inherits != NULL && inherits->type == SFX_JSON_TRUE, ours, arena, err);
    if (cwd != NULL && cwd->text.len > 0)
        plan->cwd = sfx_arena_strndup(arena, cwd->text.ptr, cwd->text.len, err);
    return plan->argv == NULL || plan->envp == NULL ? SFX_E_NOMEM : 0;
}

struct found {
    struct sfx_buf line, context;
};

static int keep_line(void *ctx, const struct sfx_queue_row *row, struct sfx_err *err)
{
    struct found *f = ctx;
    int rc = sfx_buf_append(&f->line, row->line.ptr, row->line.len, err);

    return rc == 0 ? sfx_buf_putc(&f->line, '\n', err) : rc;
}

static int keep_context(void *ctx, int64_t number, const struct sfx_queue_invocation *inv,
                        struct sfx_err *err)
{
    struct found *f = ctx;

    (void)number;
    if (f->context.len > 0)
        return 0; /* a later one had it */
    return sfx_buf_append(&f->context, inv->context.ptr, inv->context.len, err);
}

static int open_event(struct sfx_slice line, int *fd, struct sfx_err *err)
{
    *fd = memfd_create("event", MFD_CLOEXEC);
    if (*fd < 0)
        return sfx_err_errno(err, errno, "no memory for the event");
    if (sfx_io_write(*fd, line.ptr, line.len, err) == 0 && lseek(*fd, 0, SEEK_SET) == 0)
        return 0;
    (void)close(*fd);
    return SFX_E_IO;
}

int sfx_queue_replay_plan(struct sfx_queue *q, struct sfx_slice id, char *const *ours,
                          struct sfx_arena *arena, struct sfx_queue_replay *plan,
                          struct sfx_err *err)
{
    struct sfx_queue_filter event = {.id = id};
    struct sfx_queue_invocation_filter last = {.event_id = id, .newest_first = true};
    struct found found = {0};
    int rc = sfx_queue_list(q, &event, keep_line, &found, err);

    *plan = (struct sfx_queue_replay){.event_fd = -1};
    if (rc == 0)
        rc = sfx_queue_invocations(q, &last, keep_context, &found, err);
    if (rc == 0 && found.line.len == 0)
        rc = sfx_err_set(err, SFX_E_INPUT, "no such event");
    if (rc == 0 && found.context.len == 0)
        rc = sfx_err_set(err, SFX_E_INPUT, "no run of it is recorded");
    if (rc == 0)
        rc = read_context(sfx_buf_slice(&found.context), ours, arena, plan, err);
    if (rc == 0)
        rc = open_event(sfx_buf_slice(&found.line), &plan->event_fd, err);
    sfx_buf_done(&found.line);
    sfx_buf_done(&found.context);
    return rc;
}
