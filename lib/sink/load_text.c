/* SPDX-License-Identifier: MIT */
/* What became of an input, in a sentence, as a plan, and as figures. */
#include "base/size.h"
#include "sink/load_internal.h"

#include <inttypes.h>
#include <string.h>

/* Digits in groups of three: "1,204". */
static int add_count(struct sfx_buf *out, uint64_t n, const char *what, struct sfx_err *err)
{
    char text[32];
    size_t at = sizeof(text);
    unsigned digits = 0;

    do {
        if (digits > 0 && digits % 3 == 0)
            text[--at] = ',';
        text[--at] = (char)('0' + n % 10);
        n /= 10;
        digits++;
    } while (n > 0);
    if (sfx_buf_append(out, text + at, sizeof(text) - at, err) < 0)
        return SFX_E_NOMEM;
    return sfx_buf_puts(out, what, err);
}

static int add_counts(struct sfx_buf *out, const struct sfx_load_result *result,
                      struct sfx_err *err)
{
    const struct sfx_sink_counts *counts = &result->entry.counts;
    const bool planned = result->outcome == SFX_LOAD_PLANNED;
    const struct {
        uint64_t n;
        const char *done, *planned;
    } others[] = {
        {counts->updated, " updated", " to update"},
        {counts->unchanged, " unchanged", " unchanged"},
        {counts->deleted, " deleted", " to delete"},
        {counts->duplicate, " duplicate", " duplicate"},
        {counts->rejected, " rejected", " to reject"},
        {counts->skipped, " skipped", " to skip"},
        {counts->removed, counts->removed == 1 ? " row removed" : " rows removed",
         " rows to remove"},
    };
    size_t i;
    int rc = add_count(out, counts->in, counts->in == 1 ? " record in, " : " records in, ", err);

    if (rc == 0)
        rc = add_count(out, counts->inserted, planned ? " to load into " : " loaded into ", err);
    if (rc == 0)
        rc = sfx_buf_puts(out, result->table, err);
    for (i = 0; rc == 0 && i < SFX_COUNT(others); i++) {
        if (others[i].n == 0)
            continue;
        rc = sfx_buf_puts(out, ", ", err);
        if (rc == 0)
            rc = add_count(out, others[i].n, planned ? others[i].planned : others[i].done, err);
    }
    if (rc == 0 && result->nchild_tables > 0)
        rc = sfx_buf_printf(out, err, ", %" PRIu64 " %s in %zu child %s", result->nchild_rows,
                            result->nchild_rows == 1 ? "row" : "rows", result->nchild_tables,
                            result->nchild_tables == 1 ? "table" : "tables");
    return rc;
}

static int add_known(struct sfx_buf *out, const struct sfx_load_result *result, struct sfx_err *err)
{
    const struct sfx_sink_entry *entry = &result->entry;
    uint64_t n = entry->counts.inserted;
    int rc =
        sfx_buf_printf(out, err, "already loaded into %s on %s (load %" PRId64 "): ", result->table,
                       entry->finished, entry->load_id);

    return rc == 0 ? add_count(out, n, n == 1 ? " record" : " records", err) : rc;
}

static int describe(const struct sfx_load_result *result, struct sfx_buf *out, struct sfx_err *err)
{
    int rc = sfx_buf_printf(out, err, "%s: ", result->name);

    if (rc == 0 && result->member != NULL)
        rc = sfx_buf_printf(out, err, "%s: ", result->member);
    if (rc < 0)
        return rc;
    switch (result->outcome) {
    case SFX_LOAD_DONE:
    case SFX_LOAD_PLANNED: return add_counts(out, result, err);
    case SFX_LOAD_KNOWN: return add_known(out, result, err);
    case SFX_LOAD_EMPTY: return sfx_buf_puts(out, "is empty: nothing to load", err);
    case SFX_LOAD_IGNORED: return sfx_buf_puts(out, "holds no records: passed over", err);
    case SFX_LOAD_FAILED: return sfx_buf_puts(out, result->failure->text, err);
    }
    return 0;
}

int sfx_load_plan(const struct sfx_load_result *result, struct sfx_slice ddl, struct sfx_buf *out,
                  struct sfx_err *err)
{
    size_t start = out->len, i;
    int rc = sfx_buf_puts(out, "-- ", err);

    if (rc == 0)
        rc = describe(result, out, err);
    /* A name with a line end in it must not end the comment. */
    for (i = start; rc == 0 && i < out->len; i++) {
        if ((unsigned char)out->data[i] < 0x20 || out->data[i] == 0x7f)
            out->data[i] = '?';
    }
    if (rc == 0)
        rc = sfx_buf_putc(out, '\n', err);
    if (rc == 0 && result->outcome == SFX_LOAD_PLANNED)
        rc = sfx_buf_append(out, ddl.ptr, ddl.len, err);
    return rc;
}

static enum sfx_log_level level_of(const struct sfx_load_result *result)
{
    const struct sfx_sink_counts *counts = &result->entry.counts;

    if (result->outcome == SFX_LOAD_EMPTY)
        return SFX_LOG_WARNING;
    if (result->outcome == SFX_LOAD_IGNORED ||
        (result->outcome == SFX_LOAD_DONE && counts->rejected + counts->skipped > 0))
        return SFX_LOG_NOTICE;
    return SFX_LOG_INFO;
}

/* What waits in load->said: a byte of the level, the text, a NUL byte. */
void sfx_load_say(struct sfx_load *load, const struct sfx_load_result *result)
{
    const bool waits = result->outcome == SFX_LOAD_DONE && (load->opts.group || load->together);
    const size_t start = load->said.len;

    if (result->outcome == SFX_LOAD_FAILED) {
        sfx_log_err(load->opts.log, SFX_LOG_ERROR, result->failure);
        return;
    }
    if (sfx_buf_putc(&load->said, (char)level_of(result), NULL) < 0 ||
        describe(result, &load->said, NULL) < 0 || sfx_buf_putc(&load->said, '\0', NULL) < 0)
        load->said.len = start;
    if (!waits)
        sfx_load_say_from(load, start);
}

void sfx_load_say_from(struct sfx_load *load, size_t start)
{
    size_t at = start;

    while (at < load->said.len) {
        const char *text = load->said.data + at + 1;

        sfx_log(load->opts.log, (enum sfx_log_level)load->said.data[at], "%s", text);
        at += 1 + strlen(text) + 1;
    }
    load->said.len = start;
}

void sfx_load_figures(const struct sfx_load_stats *stats,
                      struct sfx_figure figures[SFX_LOAD_NFIGURES])
{
    const struct sfx_figure all[SFX_LOAD_NFIGURES] = {
        {"loaded", stats->loaded},
        {"already_loaded", stats->known},
        {"ignored", stats->ignored},
        {"failed", stats->failed},
        {"bytes", stats->nbytes},
        {"records_in", stats->records.in},
        {"records_inserted", stats->records.inserted},
        {"records_updated", stats->records.updated},
        {"records_unchanged", stats->records.unchanged},
        {"records_deleted", stats->records.deleted},
        {"records_duplicate", stats->records.duplicate},
        {"records_rejected", stats->records.rejected},
        {"records_skipped", stats->records.skipped},
        {"rows_removed", stats->records.removed},
    };

    memcpy(figures, all, sizeof(all));
}
