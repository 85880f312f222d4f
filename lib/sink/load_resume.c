/* SPDX-License-Identifier: MIT */
/*
 * Loads of several transactions: each one writes into the ledger how far it has come, so that the
 * next run goes on there. Records are passed over by their number, since a reader gives the same
 * ones in the same order; a hash of what comes before proves that the content is the same.
 */
#include "sink/load_internal.h"
#include "sink/merge.h"

#include <string.h>

/* In a group, commit_every is about all of its inputs together. */
static bool makes_checkpoints(const struct sfx_load *load)
{
    return load->opts.commit_every > 0 && !load->opts.group;
}

int sfx_load_check_every(const struct sfx_load *load, struct sfx_err *err)
{
    const enum sfx_sink_mode mode = load->opts.how.mode;

    if (!makes_checkpoints(load))
        return 0;
    if (load->sink->ops->checkpoint == NULL)
        return sfx_err_set(err, SFX_E_USAGE, "--commit-every: %s commits at the end only",
                           load->sink->ops->form);
    if (sfx_merge_replaces(mode) || mode == SFX_SINK_SCD2)
        return sfx_err_set(err, SFX_E_USAGE,
                           "--commit-every: --mode=%s looks at all of an input at once",
                           sfx_sink_mode_names[mode]);
    return 0;
}

/* Commits what was put, and mark with it. */
static int commit(struct sfx_load *load, struct sfx_err *err)
{
    struct sfx_sink_entry *entry = &load->result.entry;
    const struct sfx_sink_counts counts = entry->counts;
    int rc = 0;

    if (load->durable.sync != NULL)
        rc = load->durable.sync(load->durable.ctx, &load->mark.rejects_nbytes, err);
    if (rc == 0)
        rc = load->sink->ops->checkpoint(load->sink, &counts, &load->mark, entry, err);
    if (rc < 0) {
        load->broken = true;
        return rc;
    }
    load->committed = entry->counts;
    load->nmarked = load->mark.nread;
    load->rejects_nbytes = load->mark.rejects_nbytes;
    *entry = (struct sfx_sink_entry){.load_id = entry->load_id, .open = true};
    return 0;
}

int sfx_load_resume(struct sfx_load *load, struct sfx_sink_entry *entry, struct sfx_err *err)
{
    const bool open = entry->open;

    load->mark = entry->mark;
    load->nmarked = entry->mark.nread;
    load->skip_read = entry->mark.nread;
    load->skip_refused = entry->mark.nrefused;
    load->committed = open ? entry->counts : (struct sfx_sink_counts){0};
    *entry = (struct sfx_sink_entry){.load_id = entry->load_id, .open = open};
    if (open)
        sfx_log(load->opts.log, SFX_LOG_NOTICE, "%s: load %lld goes on behind record %llu",
                load->result.name, (long long)entry->load_id,
                (unsigned long long)(load->mark.nread + load->mark.nrefused));
    if (load->opts.dry_run)
        return 0;
    if (open && load->durable.left &&
        load->durable.cut(load->durable.ctx, load->mark.rejects_nbytes, err) < 0)
        return err->code;
    load->durable.left = false;
    if (open && load->durable.sync != NULL)
        return load->durable.sync(load->durable.ctx, &load->rejects_nbytes, err);
    /* Rejects are never written before the ledger knows from where on they may be cut off. */
    return makes_checkpoints(load) && !open ? commit(load, err) : 0;
}

int sfx_load_check_tail(const struct sfx_load *load, const struct sfx_spool *spool,
                        struct sfx_err *err)
{
    char tail[65];
    int rc;

    if (load->mark.tail[0] == '\0')
        return 0;
    rc = sfx_spool_tail(spool, load->mark.offset, tail, err);
    if (rc < 0 || strcmp(tail, load->mark.tail) == 0)
        return rc;
    return sfx_err_set(err, SFX_E_INPUT,
                       "is not what load %lld has begun with: its content before byte %llu is "
                       "another one",
                       (long long)load->result.entry.load_id,
                       (unsigned long long)load->mark.offset);
}

void sfx_load_advance(struct sfx_load *load, struct sfx_batch *batch)
{
    const struct sfx_row_origin *last;
    uint32_t n = batch->nsel;

    if (n == 0)
        return;
    if (load->skip_read > 0) {
        n = load->skip_read < n ? (uint32_t)load->skip_read : n;
        load->skip_read -= n;
        batch->nsel -= n;
        memmove(batch->sel, batch->sel + n, batch->nsel * sizeof(*batch->sel));
    }
    if (batch->nsel == 0)
        return;
    load->mark.nread += batch->nsel;
    last = &batch->rows[batch->sel[batch->nsel - 1]];
    load->mark.offset = last->raw.len > 0 ? last->offset + last->raw.len : 0;
}

/* True when rejects have come since the last checkpoint. */
static int has_rejects(struct sfx_load *load, struct sfx_err *err)
{
    int rc;

    if (load->durable.sync == NULL)
        return 0;
    rc = load->durable.sync(load->durable.ctx, &load->mark.rejects_nbytes, err);
    return rc < 0 ? rc : load->mark.rejects_nbytes != load->rejects_nbytes;
}

int sfx_load_checkpoint(struct sfx_load *load, const struct sfx_spool *spool, bool end,
                        struct sfx_err *err)
{
    int rc;

    if (!makes_checkpoints(load) || load->opts.dry_run)
        return 0;
    rc = end ? has_rejects(load, err) : load->mark.nread - load->nmarked >= load->opts.commit_every;
    if (rc <= 0)
        return rc;
    load->mark.tail[0] = '\0';
    rc = load->mark.offset > 0 ? sfx_spool_tail(spool, load->mark.offset, load->mark.tail, err) : 0;
    return rc == 0 ? commit(load, err) : rc;
}

void sfx_load_fall_back(const struct sfx_load *load)
{
    const struct sfx_load_result *result = &load->result;

    if (load->durable.cut != NULL && result->entry.load_id != 0)
        (void)load->durable.cut(load->durable.ctx, load->rejects_nbytes, NULL);
    if (result->entry.open && load->nmarked > 0)
        sfx_log(load->opts.log, SFX_LOG_NOTICE,
                "%s: load %lld is not finished: %llu records of it are in %s, and loading it again "
                "goes on there",
                result->name, (long long)result->entry.load_id,
                (unsigned long long)load->committed.in, result->table);
}
