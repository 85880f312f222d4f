/* SPDX-License-Identifier: MIT */
/*
 * The ledger of a folder: a line of JSON for each load, with the names that tables of a ledger have
 * elsewhere, and the files that the load made.
 */
#include "base/clock.h"
#include "base/io.h"
#include "sink/dir_internal.h"
#include "sink/merge.h"
#include "json/json_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const count_names[SFX_SINK_NCOUNTS] = {
    "rows_in",   "inserted", "updated", "unchanged", "deleted",
    "duplicate", "rejected", "skipped", "removed",
};

int sfx_dir_note(struct sfx_dir_names *names, const char *name, struct sfx_err *err)
{
    const size_t cap = names->cap > 0 ? names->cap * 2 : 16;
    const char **grown;

    if (names->n == names->cap) {
        grown = reallocarray(names->names, cap, sizeof(*grown));
        if (grown == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu names", cap);
        names->names = grown;
        names->cap = cap;
    }
    names->names[names->n++] = name;
    return 0;
}

static bool is_text(const struct sfx_json_node *line, const char *key, const char *text)
{
    const struct sfx_json_node *node = sfx_json_member(line, key);

    return node != NULL && node->type == SFX_JSON_STRING &&
           sfx_slice_eq(node->text, sfx_slice_str(text));
}

static int64_t number_of(const struct sfx_json_node *line, const char *key)
{
    const struct sfx_json_node *node = sfx_json_member(line, key);
    char text[24];

    if (node == NULL || node->type != SFX_JSON_NUMBER || node->text.len >= sizeof(text))
        return 0;
    (void)snprintf(text, sizeof(text), "%.*s", SFX_SLICE_ARG(node->text));
    return strtoll(text, NULL, 10);
}

/* Adds the names of an array of the line. */
static int add_names(struct sfx_dir *s, const struct sfx_json_node *list,
                     struct sfx_dir_names *names, struct sfx_err *err)
{
    const struct sfx_json_node *node;
    const char *copy;
    int rc = 0;

    for (node = list != NULL ? list->first : NULL; rc == 0 && node != NULL; node = node->next) {
        if (node->type != SFX_JSON_STRING)
            continue;
        copy = sfx_arena_strndup(&s->arena, node->text.ptr, node->text.len, err);
        rc = copy == NULL ? SFX_E_NOMEM : sfx_dir_note(names, copy, err);
    }
    return rc;
}

static void read_entry(const struct sfx_json_node *line, struct sfx_sink_entry *entry)
{
    const struct sfx_json_node *finished = sfx_json_member(line, "finished");
    uint64_t *counts[SFX_SINK_NCOUNTS];
    int i;

    *entry = (struct sfx_sink_entry){.load_id = number_of(line, "load_id")};
    sfx_sink_counts_list(&entry->counts, counts);
    for (i = 0; i < SFX_SINK_NCOUNTS; i++)
        *counts[i] = (uint64_t)number_of(line, count_names[i]);
    if (finished != NULL && finished->type == SFX_JSON_STRING)
        (void)snprintf(entry->finished, sizeof(entry->finished), "%.*s",
                       SFX_SLICE_ARG(finished->text));
}

/* A load counts only while nothing has replaced its records; one that is to replace what is there
 * counts only if it did so and was the last: as SFX_LEDGER_FIND has it. */
static int read_line(struct sfx_dir *s, const struct sfx_json_node *line, bool *known,
                     struct sfx_sink_entry *entry, struct sfx_err *err)
{
    const bool replaced = is_text(line, "mode", sfx_sink_mode_names[SFX_SINK_REPLACE]);
    const bool replaces = s->mode == SFX_SINK_REPLACE;

    if (!is_text(line, "target", s->target))
        return 0;
    if (replaced)
        s->before.n = 0;
    if (replaced || replaces)
        *known = false;
    if (is_text(line, "source_key", s->source->key) && (!replaces || replaced)) {
        *known = true;
        read_entry(line, entry);
    }
    return add_names(s, sfx_json_member(line, "files"), &s->before, err);
}

int sfx_dir_ledger_find(struct sfx_dir *s, struct sfx_sink_entry *entry, int64_t *last,
                        struct sfx_dir_names *removes, struct sfx_err *err)
{
    const struct sfx_json_node *line;
    char *text = NULL;
    size_t cap = 0;
    bool known = false;
    uint64_t nlines = 0;
    FILE *file = fopen(s->ledger, "re");
    ssize_t len;
    int rc = 0;

    *last = 0;
    if (file == NULL && errno != ENOENT)
        return sfx_err_errno(err, errno, "%s", s->ledger);
    while (rc == 0 && file != NULL && (len = getline(&text, &cap, file)) > 0) {
        nlines++;
        sfx_arena_reset(&s->line);
        line = sfx_json_tree(&s->line, text, (size_t)len, err);
        if (line == NULL || number_of(line, "load_id") <= *last) {
            rc = sfx_err_set(err, SFX_E_INPUT, "%s: line %" PRIu64 " is no entry of a ledger",
                             s->ledger, nlines);
            break;
        }
        *last = number_of(line, "load_id");
        removes->n = 0;
        rc = add_names(s, sfx_json_member(line, "removes"), removes, err);
        if (rc == 0)
            rc = read_line(s, line, &known, entry, err);
    }
    if (rc == 0 && file != NULL && ferror(file))
        rc = sfx_err_errno(err, EIO, "%s", s->ledger);
    if (file != NULL)
        (void)fclose(file);
    free(text);
    s->load_id = *last + 1;
    if (s->source->again)
        known = false;
    return rc < 0 ? rc : known;
}

static void put_text(struct sfx_json_writer *w, const char *key, const char *text)
{
    sfx_json_key(w, key);
    if (text != NULL)
        sfx_json_string(w, sfx_slice_str(text));
    else
        sfx_json_null(w);
}

static void put_names(struct sfx_json_writer *w, const char *key, const struct sfx_dir_names *names)
{
    size_t i;

    sfx_json_key(w, key);
    sfx_json_begin_array(w);
    for (i = 0; i < names->n; i++)
        sfx_json_string(w, sfx_slice_str(names->names[i]));
    sfx_json_end_array(w);
}

static int make_line(struct sfx_dir *s, const struct sfx_sink_entry *entry,
                     const struct sfx_dir_names *removes, struct sfx_err *err)
{
    const struct sfx_sink_source *source = s->source;
    struct sfx_sink_counts counts = entry->counts;
    uint64_t *numbers[SFX_SINK_NCOUNTS];
    char started[SFX_CLOCK_TEXT_NBYTES];
    struct sfx_json_writer w;
    int i, rc;

    sfx_buf_clear(&s->text);
    (void)sfx_clock_format(s->started_ns, started);
    sfx_json_writer_init(&w, &s->text);
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "load_id");
    sfx_json_int(&w, s->load_id);
    put_text(&w, "target", s->target);
    put_text(&w, "table", source->table);
    put_text(&w, "source_key", source->key);
    put_text(&w, "source", source->name);
    put_text(&w, "member", source->member);
    sfx_json_key(&w, "size");
    sfx_json_uint(&w, source->size_nbytes);
    put_text(&w, "sha256", source->sha256);
    put_text(&w, "event_id", source->event_id);
    put_text(&w, "mode", sfx_sink_mode_names[s->mode]);
    sfx_sink_counts_list(&counts, numbers);
    for (i = 0; i < SFX_SINK_NCOUNTS; i++) {
        sfx_json_key(&w, count_names[i]);
        sfx_json_uint(&w, *numbers[i]);
    }
    put_text(&w, "started", started);
    put_text(&w, "finished", entry->finished);
    put_text(&w, "version", PACKAGE_VERSION);
    put_names(&w, "files", &s->files);
    put_names(&w, "removes", removes);
    sfx_json_end_object(&w);
    rc = sfx_json_finish(&w, err);
    return rc == 0 ? sfx_buf_putc(&s->text, '\n', err) : rc;
}

/* What the ledger has so far, into the new one. */
static int copy_ledger(struct sfx_dir *s, struct sfx_outfile *out, struct sfx_err *err)
{
    int fd = open(s->ledger, O_RDONLY | O_CLOEXEC), rc = 0;
    char block[16384];
    ssize_t n = 1;

    if (fd < 0)
        return errno == ENOENT ? 0 : sfx_err_errno(err, errno, "%s", s->ledger);
    while (rc == 0 && (n = sfx_io_read(fd, block, sizeof(block), err)) > 0)
        rc = sfx_outfile_write(out, block, (size_t)n, err);
    (void)sfx_io_close(&fd, NULL);
    return n < 0 ? (int)n : rc;
}

int sfx_dir_ledger_write(struct sfx_dir *s, const struct sfx_sink_entry *entry,
                         const struct sfx_dir_names *removes, struct sfx_err *err)
{
    const struct sfx_outfile_opts opts = {.durable = s->durable};
    int rc = make_line(s, entry, removes, err);
    struct sfx_outfile *out;

    if (rc < 0)
        return rc;
    out = sfx_outfile_new(s->ledger, &opts, err);
    if (out == NULL)
        return SFX_E_IO;
    rc = copy_ledger(s, out, err);
    if (rc == 0)
        rc = sfx_outfile_write(out, s->text.data, s->text.len, err);
    if (rc == 0)
        rc = sfx_outfile_commit(out, err);
    sfx_outfile_free(out);
    return rc;
}
