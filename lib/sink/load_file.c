/* SPDX-License-Identifier: MIT */
/* Files that events name: their records, or one row of what is known of them. */
#include "base/clock.h"
#include "base/io.h"
#include "base/sha256.h"
#include "base/size.h"
#include "sink/load_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define HASH_NBYTES 65536

/* The one row's columns, in order. */
enum {
    COL_PATH,
    COL_TYPE,
    COL_SIZE,
    COL_WIDTH,
    COL_HEIGHT,
    COL_SHA256,
    COL_MTIME,
    COL_EVENT,
    COLS
};

static struct sfx_sink_column columns[COLS] = {
    [COL_PATH] = {.name = {"path", 4}, .type = SFX_TYPE_TEXT},
    [COL_TYPE] = {.name = {"type", 4}, .type = SFX_TYPE_TEXT},
    [COL_SIZE] = {.name = {"size", 4}, .type = SFX_TYPE_INTEGER},
    [COL_WIDTH] = {.name = {"width", 5}, .type = SFX_TYPE_INTEGER},
    [COL_HEIGHT] = {.name = {"height", 6}, .type = SFX_TYPE_INTEGER},
    [COL_SHA256] = {.name = {"sha256", 6}, .type = SFX_TYPE_TEXT},
    [COL_MTIME] = {.name = {"mtime", 5}, .type = SFX_TYPE_TEXT},
    [COL_EVENT] = {.name = {"event_id", 8}, .type = SFX_TYPE_TEXT},
};

/* What a row says, as text; empty slices are NULL. */
struct facts {
    struct sfx_slice values[COLS];
    uint64_t size_nbytes;
    char sha256[65], mtime[SFX_CLOCK_TEXT_NBYTES];
    char size[24], width[24], height[24];
};

/* Size, time and hash of the file as it is now. */
static int measure(const char *path, struct facts *facts, struct sfx_err *err)
{
    unsigned char digest[SFX_SHA256_NBYTES];
    struct sfx_sha256 sha;
    struct stat st;
    char block[HASH_NBYTES];
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 || fstat(fd, &st) != 0) {
        (void)sfx_err_errno(err, errno, "%s", path);
        goto out;
    }
    sfx_sha256_init(&sha);
    while ((n = sfx_io_read(fd, block, sizeof(block), err)) > 0) {
        sfx_sha256_update(&sha, block, (size_t)n);
        facts->size_nbytes += (uint64_t)n;
    }
    if (n < 0)
        goto out;
    sfx_sha256_final(&sha, digest);
    sfx_sha256_hex(digest, facts->sha256);
    (void)sfx_clock_format((int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
                           facts->mtime);
out:
    if (fd >= 0)
        (void)sfx_io_close(&fd, NULL);
    return n < 0 ? err->code : 0;
}

static struct sfx_slice number(char text[24], int64_t value)
{
    if (value < 0)
        return sfx_slice(NULL, 0);
    (void)snprintf(text, 24, "%" PRId64, value);
    return sfx_slice_str(text);
}

static void fill_facts(struct facts *facts, const struct sfx_event *event, const char *path,
                       struct sfx_slice type)
{
    facts->values[COL_PATH] = sfx_slice_str(path);
    facts->values[COL_TYPE] = type;
    facts->values[COL_SIZE] = number(facts->size, (int64_t)facts->size_nbytes);
    facts->values[COL_WIDTH] = number(facts->width, event->width);
    facts->values[COL_HEIGHT] = number(facts->height, event->height);
    facts->values[COL_SHA256] = sfx_slice_str(facts->sha256);
    facts->values[COL_MTIME] = sfx_slice_str(facts->mtime);
    facts->values[COL_EVENT] = event->id;
}

static int put_facts(struct sfx_load *load, void *ctx, struct sfx_err *err)
{
    const struct facts *facts = ctx;
    struct sfx_batch *batch = &load->batch;
    struct sfx_sink_counts *counts = &load->result.entry.counts;
    int i, at;

    sfx_batch_reset_schema(batch);
    for (i = 0; i < COLS; i++) {
        at = sfx_batch_add_column(batch, columns[i].name, err);
        if (at < 0)
            return at;
        batch->columns[at].cells[0] = (struct sfx_cell){
            .ptr = facts->values[i].ptr,
            .len = (uint32_t)facts->values[i].len,
            .kind = facts->values[i].len > 0 ? SFX_CELL_STRING : SFX_CELL_NULL,
        };
    }
    batch->rows[0] = (struct sfx_row_origin){0};
    batch->input = load->result.name;
    batch->member = NULL;
    sfx_batch_select_all(batch, 1);
    counts->in = 1;
    return load->sink->ops->put(load->sink, batch, NULL, &counts->inserted, err);
}

/* The same content under another name is another file: the key has both. */
static int load_facts(struct sfx_load *load, const char *path, struct sfx_slice type,
                      struct sfx_err *err)
{
    const struct sfx_sink_schema schema = {columns, COLS};
    struct facts facts = {0};
    struct sfx_sink_source source;
    int rc;

    load->result = (struct sfx_load_result){.name = path};
    rc = sfx_load_name_table(load, path, "files", err);
    if (rc == 0)
        rc = measure(path, &facts, err);
    if (rc < 0)
        return rc;
    fill_facts(&facts, load->event, path, type);
    sfx_buf_clear(&load->key);
    sfx_buf_clear(&load->event_id);
    if (sfx_buf_printf(&load->key, err, "file:%s:%s", facts.sha256, path) < 0 ||
        sfx_buf_append(&load->event_id, load->event->id.ptr, load->event->id.len, err) < 0)
        return SFX_E_NOMEM;
    source = (struct sfx_sink_source){
        .table = load->result.table,
        .key = sfx_buf_cstr(&load->key, err),
        .name = path,
        .sha256 = facts.sha256,
        .size_nbytes = facts.size_nbytes,
        .event_id = sfx_buf_cstr(&load->event_id, err),
        .again = load->opts.force,
    };
    if (source.key == NULL || source.event_id == NULL)
        return SFX_E_NOMEM;
    load->stats.nbytes += facts.size_nbytes;
    return sfx_load_transact(load, &source, &schema, put_facts, &facts, err);
}

/*
 * Says whether path holds records: 1; 0: it does not, and *type says what it is instead; an
 * archive's *members is set, for only its members can tell.
 */
static int holds_records(struct sfx_load *load, const char *path, struct sfx_slice *type,
                         bool *members, struct sfx_err *err)
{
    struct sfx_input *in = sfx_input_new(path, NULL, err);
    const struct sfx_format *format = NULL;
    int rc = in != NULL ? sfx_input_next(in, err) : (int)err->code;

    *members = rc > 0 && sfx_input_member(in) != NULL;
    if (rc > 0 && !*members) {
        /* The event speaks of the file as it is, which may be compressed. */
        if (type->len == 0) /* a name that says enough spares looking */
            format = sfx_load_format(*type, sfx_input_data_name(in));
        if (format == NULL)
            rc = sfx_input_fd(in) >= 0 && type->len > 0 ? 0 : sfx_load_detect(load, in, type, err);
        else
            rc = 0;
        if (rc == 0 && format == NULL)
            format = sfx_load_format(*type, sfx_input_data_name(in));
        if (rc == 0)
            rc = format != NULL;
    }
    sfx_input_free(in);
    return rc;
}

int sfx_load_file(struct sfx_load *load, const char *path, const struct sfx_event *event,
                  struct sfx_err *err)
{
    struct sfx_slice type = event->media_type;
    const struct sfx_load_stats before = load->stats;
    struct sfx_err own;
    bool members = false;
    int rc;

    err = err != NULL ? err : &own;
    load->event = event;
    rc = load->format != NULL ? 1 : holds_records(load, path, &type, &members, err);
    if (rc != 0) {
        /* What cannot be opened or decoded fails here as well, and is told. */
        rc = sfx_load_operand(load, path, event, err);
        if (rc != 0 || !members || load->stats.loaded > before.loaded ||
            load->stats.known > before.known)
            return rc;
    }
    sfx_err_clear(&load->first_failure);
    rc = sfx_load_told(load, load_facts(load, path, type, err), err);
    return rc < 0 ? rc : sfx_load_first_failure(load, err);
}
