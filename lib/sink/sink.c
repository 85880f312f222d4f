/* SPDX-License-Identifier: MIT */
/* The table of sinks, and what all of them share. */
#include "sink/sink.h"

#include "sink/sink_internal.h"

#include <stdio.h>
#include <string.h>

static const struct sfx_sink_ops *const all[] = {
    &sfx_sink_sqlite,
#ifdef SFX_LIBPQ_SONAME
    &sfx_sink_postgres,
#endif
    NULL,
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
    const char *colon = strchr(uri, ':');
    size_t i;

    for (i = 0; colon != NULL && all[i] != NULL; i++) {
        if (sfx_slice_eq(sfx_slice_str(all[i]->scheme), sfx_slice(uri, (size_t)(colon - uri))))
            return all[i]->open(colon + 1, opts, err);
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

void sfx_sink_close(struct sfx_sink *sink)
{
    if (sink != NULL)
        sink->ops->close(sink);
}
