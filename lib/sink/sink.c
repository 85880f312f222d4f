/* SPDX-License-Identifier: MIT */
/* The table of sinks, and what all of them share. */
#include "sink/sink.h"

#include "sink/sink_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct sfx_sink_ops *const all[] = {
    &sfx_sink_sqlite,   &sfx_sink_dir, &sfx_sink_parquet, &sfx_sink_tar, &sfx_sink_zip,
#ifdef SFX_LIBPQ_SONAME
    &sfx_sink_postgres,
#endif
    &sfx_sink_script,   NULL,
};

const struct sfx_sink_ops *const *sfx_sink_all(void)
{
    return all;
}

static int unknown_scheme(const char *uri, struct sfx_err *err)
{
    char forms[256] = "";
    size_t used = 0, i;

    for (i = 0; all[i] != NULL && used < sizeof(forms); i++)
        used += (size_t)snprintf(forms + used, sizeof(forms) - used, "%s%s", i > 0 ? ", " : "",
                                 all[i]->form);
    return sfx_err_set(err, SFX_E_USAGE, "target \"%s\": not a known kind; this build has %s", uri,
                       forms);
}

struct sfx_sink *sfx_sink_open(const char *uri, const struct sfx_sink_opts *opts,
                               struct sfx_err *err)
{
    const size_t len = strcspn(uri, ":");
    size_t i;

    /* "-" alone has no colon. */
    for (i = 0; (uri[len] == ':' || strcmp(uri, "-") == 0) && all[i] != NULL; i++) {
        if (sfx_slice_eq(sfx_slice_str(all[i]->scheme), sfx_slice(uri, len)))
            return all[i]->open(uri + len + (uri[len] == ':'), opts, err);
    }
    (void)unknown_scheme(uri, err);
    return NULL;
}

void sfx_sink_map(const struct sfx_sink_schema *schema, const struct sfx_batch *batch, int32_t *map)
{
    size_t i;

    for (i = 0; i < schema->ncols; i++) {
        struct sfx_slice name = schema->columns[i].name;

        /* A reader that starts again on the same bytes gives the same columns in the same order. */
        if (i < batch->ncols && sfx_slice_eq(name, batch->columns[i].name))
            map[i] = (int32_t)i;
        else
            map[i] = sfx_batch_find(batch, name);
    }
}

int sfx_sink_refuse(const struct sfx_batch *batch, uint32_t row, const char *column,
                    struct sfx_slice value, const char *reason, const struct sfx_reject_sink *bad,
                    struct sfx_err *err)
{
    const struct sfx_row_origin *origin = &batch->rows[row];
    struct sfx_reject r = {
        .input = batch->input,
        .member = batch->member,
        .line = origin->line,
        .offset = origin->offset,
        .column = column != NULL ? sfx_slice_str(column) : sfx_slice(NULL, 0),
        .value = value,
        .code = sfx_code_name(SFX_E_INPUT),
        .reason = reason,
        .raw = origin->raw,
    };

    if (bad != NULL)
        return bad->put(bad->ctx, &r, err);
    return sfx_err_set(err, SFX_E_INPUT, "line %llu: %s", (unsigned long long)origin->line, reason);
}

int sfx_sink_refuse_value(const struct sfx_batch *batch, uint32_t row, const char *column,
                          const char *declared, struct sfx_slice value, const char *why,
                          const struct sfx_reject_sink *bad, struct sfx_err *err)
{
    const int shown = value.len > 80 ? 80 : (int)value.len;
    char reason[384];

    if (why == NULL)
        (void)snprintf(reason, sizeof(reason), "column \"%s\" (%s) cannot hold \"%.*s\"%s", column,
                       declared, shown, value.ptr, value.len > 80 ? " …" : "");
    else
        (void)snprintf(reason, sizeof(reason), "column \"%s\" (%s): \"%.*s\"%s %s", column,
                       declared, shown, value.ptr, value.len > 80 ? " …" : "", why);
    return sfx_sink_refuse(batch, row, column, value, reason, bad, err);
}

const char *const sfx_sink_mode_names[] = {
    [SFX_SINK_APPEND] = "append", [SFX_SINK_REPLACE] = "replace", [SFX_SINK_TRUNCATE] = "truncate",
    [SFX_SINK_UPSERT] = "upsert", [SFX_SINK_IGNORE] = "ignore",   [SFX_SINK_NEWER] = "newer",
    [SFX_SINK_DELETE] = "delete", [SFX_SINK_SYNC] = "sync",       [SFX_SINK_SCD2] = "scd2",
};

void sfx_sink_counts_list(struct sfx_sink_counts *counts, uint64_t *list[SFX_SINK_NCOUNTS])
{
    uint64_t *const counted[SFX_SINK_NCOUNTS] = {
        &counts->in,        &counts->inserted, &counts->updated,
        &counts->unchanged, &counts->deleted,  &counts->duplicate,
        &counts->rejected,  &counts->skipped,  &counts->removed,
    };

    memcpy(list, counted, sizeof(counted));
}

void sfx_sink_counts_add(struct sfx_sink_counts *counts, const struct sfx_sink_counts *more)
{
    struct sfx_sink_counts copy = *more;
    uint64_t *sums[SFX_SINK_NCOUNTS], *addends[SFX_SINK_NCOUNTS];
    size_t i;

    sfx_sink_counts_list(counts, sums);
    sfx_sink_counts_list(&copy, addends);
    for (i = 0; i < SFX_SINK_NCOUNTS; i++)
        *sums[i] += *addends[i];
}

bool sfx_sink_seen_has(const struct sfx_sink_seen *seen, const char *name)
{
    size_t i;

    for (i = 0; i < seen->n; i++) {
        if (strcasecmp(seen->names[i], name) == 0)
            return true;
    }
    return false;
}

int sfx_sink_seen_add(struct sfx_sink_seen *seen, const char *name, struct sfx_err *err)
{
    char **grown, *copy;

    if (sfx_sink_seen_has(seen, name))
        return 0;
    copy = strdup(name);
    grown = copy != NULL ? reallocarray(seen->names, seen->n + 1, sizeof(*grown)) : NULL;
    if (grown == NULL) {
        free(copy);
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for the name of a table");
    }
    seen->names = grown;
    seen->names[seen->n++] = copy;
    return 0;
}

void sfx_sink_seen_done(struct sfx_sink_seen *seen)
{
    while (seen->n > 0)
        free(seen->names[--seen->n]);
    free(seen->names);
    seen->names = NULL;
}

void sfx_sink_close(struct sfx_sink *sink)
{
    if (sink != NULL)
        sink->ops->close(sink);
}
