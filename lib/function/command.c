/* SPDX-License-Identifier: MIT */
/* The command of a function: arguments and environment for an event. */
#include "function/command.h"

#include "base/clock.h"
#include "base/size.h"
#include "cli/template.h"
#include "function/process.h"
#include "json/json.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* execve takes 128 KiB in one text and a quarter of the stack limit in all. */
enum { MAX_VARIABLE = 32 * 1024, MAX_VARIABLES = 64 * 1024 * 8 };

struct sfx_command {
    struct sfx_command_opts opts;
    struct sfx_template **words; /* argc of them */
    struct sfx_template *cwd;    /* NULL: ours */
    const char **base;           /* environment that every invocation has; borrowed texts */
    size_t nbase, ninherited;    /* the inherited ones come first */
    char file[PATH_MAX];         /* found; empty: not yet, or each time */
};

static const char *const clean_names[] = {"PATH", "HOME",  "USER",   "LOGNAME", "LANG",
                                          "TZ",   "SHELL", "TMPDIR", "LANGUAGE"};

static bool names(const char *entry, const char *name)
{
    size_t len = strcspn(name, "=");

    return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

/* Whether a variable of ours is passed on. */
static bool is_kept(const struct sfx_command_opts *o, const char *entry)
{
    bool kept = !o->clean_env || strncmp(entry, "LC_", 3) == 0;
    size_t i;

    if (strncmp(entry, "SFX_", 4) == 0 || strncmp(entry, "CE_", 3) == 0 ||
        (o->own_tmp && strncmp(entry, "TMPDIR=", 7) == 0))
        return false;
    for (i = 0; i < SFX_COUNT(clean_names); i++)
        kept = kept || names(entry, clean_names[i]);
    for (i = 0; i < o->nenv; i++) {
        if (names(entry, o->env[i]))
            return strchr(o->env[i], '=') == NULL; /* else it is replaced */
    }
    return kept;
}

static int make_base(struct sfx_command *c, struct sfx_err *err)
{
    const struct sfx_command_opts *o = &c->opts;
    size_t n = 0, i;

    while (o->environ[n] != NULL)
        n++;
    c->base = calloc(n + o->nenv + 1, sizeof(*c->base));
    if (c->base == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    for (i = 0; i < n; i++) {
        if (is_kept(o, o->environ[i]))
            c->base[c->nbase++] = o->environ[i];
    }
    c->ninherited = c->nbase;
    for (i = 0; i < o->nenv; i++) {
        if (strchr(o->env[i], '=') != NULL)
            c->base[c->nbase++] = o->env[i];
    }
    return 0;
}

struct sfx_command *sfx_command_new(const struct sfx_command_opts *opts, struct sfx_err *err)
{
    struct sfx_command *c = calloc(1, sizeof(*c));
    bool ok = c != NULL;
    size_t i;

    if (ok) {
        c->opts = *opts;
        c->words = calloc(opts->argc, sizeof(struct sfx_template *));
        ok = c->words != NULL;
    }
    if (!ok)
        (void)sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    for (i = 0; ok && i < opts->argc; i++) {
        c->words[i] = sfx_template_new_argument(opts->argv[i], err);
        ok = c->words[i] != NULL;
    }
    if (ok && opts->cwd != NULL) {
        c->cwd = sfx_template_new_argument(opts->cwd, err);
        ok = c->cwd != NULL;
    }
    if (ok && make_base(c, err) == 0)
        return c;
    sfx_command_free(c);
    return NULL;
}

void sfx_command_free(struct sfx_command *c)
{
    size_t i;

    if (c == NULL)
        return;
    for (i = 0; c->words != NULL && i < c->opts.argc; i++)
        sfx_template_free(c->words[i]);
    free(c->words);
    sfx_template_free(c->cwd);
    free(c->base);
    free(c);
}

/* A JSON value as text: a string's characters, else the value as it is spelled. */
static int plain(struct sfx_slice raw, struct sfx_arena *arena, struct sfx_slice *text,
                 struct sfx_err *err)
{
    struct sfx_buf buf = {0};
    char *copy;
    int rc;

    *text = raw;
    if (raw.len < 2 || raw.ptr[0] != '"')
        return 0;
    *text = sfx_slice(raw.ptr + 1, raw.len - 2);
    if (memchr(text->ptr, '\\', text->len) == NULL)
        return 0;
    rc = sfx_json_unescape(&buf, *text, err);
    copy = rc == 0 ? sfx_arena_strndup(arena, buf.len > 0 ? buf.data : "", buf.len, err) : NULL;
    *text = sfx_slice(copy, buf.len);
    sfx_buf_done(&buf);
    return copy != NULL ? 0 : rc < 0 ? rc : SFX_E_NOMEM;
}

struct named {
    const char *name;
    struct sfx_slice value;
};

/* The attributes that an event has by their names. */
static size_t attributes(const struct sfx_event *ev, struct named out[9])
{
    size_t n = 0;

#define PUT(name, slice)                                                                           \
    do {                                                                                           \
        if ((slice).len > 0)                                                                       \
            out[n++] = (struct named){name, slice};                                                \
    } while (0)
    PUT("id", ev->id);
    PUT("source", ev->source);
    PUT("type", ev->type);
    PUT("subject", ev->subject);
    PUT("time", ev->time);
    PUT("datacontenttype", ev->datacontenttype);
    PUT("sfxcause", ev->cause);
    PUT("sfxroot", ev->root);
    PUT("traceparent", ev->traceparent);
#undef PUT
    return n;
}

/* The value of a placeholder "event.NAME" or "data.NAME"; ptr NULL: the event has none. */
static int look_up(const struct sfx_event *ev, struct sfx_slice name, struct sfx_arena *arena,
                   struct sfx_slice *value, struct sfx_err *err)
{
    bool of_data = name.ptr[0] == 'd';
    size_t skip = of_data ? strlen("data.") : strlen("event."), i, n;
    const struct sfx_event_attr *attrs = of_data ? ev->data_attrs : ev->attrs;
    struct named known[9];
    char number[24];

    name = sfx_slice(name.ptr + skip, name.len - skip);
    *value = sfx_slice(NULL, 0);
    n = of_data ? 0 : attributes(ev, known);
    for (i = 0; i < n; i++) {
        if (sfx_slice_eq(name, sfx_slice_str(known[i].name)))
            *value = known[i].value;
    }
    for (i = 0; i < (of_data ? ev->ndata_attrs : ev->nattrs); i++) {
        if (sfx_slice_eq(name, attrs[i].name))
            return plain(attrs[i].raw, arena, value, err);
    }
    if (!of_data)
        return 0;
    if (sfx_slice_eq(name, SFX_SLICE_LIT("path")) && ev->path.len > 0)
        *value = ev->path;
    else if (sfx_slice_eq(name, SFX_SLICE_LIT("type")) && ev->media_type.len > 0)
        *value = ev->media_type;
    else if (sfx_slice_eq(name, SFX_SLICE_LIT("etag")) && ev->etag.len > 0)
        *value = ev->etag;
    else if (sfx_slice_eq(name, SFX_SLICE_LIT("size")) && ev->size >= 0) {
        int len = snprintf(number, sizeof(number), "%" PRId64, ev->size);
        char *copy = sfx_arena_strndup(arena, number, (size_t)len, err);

        if (copy == NULL)
            return SFX_E_NOMEM;
        *value = sfx_slice(copy, (size_t)len);
    }
    return 0;
}

int sfx_command_text(const struct sfx_template *t, const struct sfx_command_facts *facts,
                     struct sfx_arena *arena, struct sfx_buf *out, struct sfx_err *err)
{
    static const struct sfx_event none = {.size = -1, .mtime_ns = -1, .width = -1, .height = -1};
    const struct sfx_event *ev = facts->event != NULL ? facts->event : &none;
    struct sfx_template_values values = {
        .path = ev->path.len > 0 ? ev->path : ev->subject,
        .id = ev->id,
        .time_ns = sfx_clock_wall_ns(),
        .width = ev->width,
        .height = ev->height,
        .n = facts->number,
    };
    struct sfx_slice *columns;
    size_t n = 0, i;

    while (sfx_template_column(t, n).len > 0)
        n++;
    columns = sfx_arena_calloc(arena, n + 1, sizeof(*columns), err);
    if (columns == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < n; i++) {
        int rc = look_up(ev, sfx_template_column(t, i), arena, &columns[i], err);

        if (rc < 0)
            return rc;
    }
    values.columns = columns;
    return sfx_template_render_argument(t, &values, out, err);
}

/* The environment that is being made. */
struct variables {
    struct sfx_arena *arena;
    char **at;
    size_t count, cap;
    struct sfx_buf buf;
    int rc;
    struct sfx_err *err;
};

static void put(struct variables *v, const char *prefix, struct sfx_slice name,
                struct sfx_slice value)
{
    size_t start, i;

    if (v->rc < 0 || v->count >= v->cap || name.len + value.len > MAX_VARIABLE ||
        (value.len > 0 && memchr(value.ptr, '\0', value.len) != NULL))
        return;
    sfx_buf_clear(&v->buf);
    v->rc = sfx_buf_puts(&v->buf, prefix, v->err);
    start = v->buf.len;
    if (v->rc == 0)
        v->rc = sfx_buf_append(&v->buf, name.ptr, name.len, v->err);
    for (i = start; v->rc == 0 && i < v->buf.len; i++) {
        unsigned char byte = (unsigned char)v->buf.data[i];

        v->buf.data[i] = isalnum(byte) && byte < 0x80 ? (char)toupper(byte) : '_';
    }
    if (v->rc == 0)
        v->rc = sfx_buf_putc(&v->buf, '=', v->err);
    if (v->rc == 0)
        v->rc = sfx_buf_append(&v->buf, value.ptr, value.len, v->err);
    if (v->rc < 0)
        return;
    v->at[v->count] = sfx_arena_strndup(v->arena, v->buf.data, v->buf.len, v->err);
    v->rc = v->at[v->count] != NULL ? 0 : SFX_E_NOMEM;
    v->count += v->rc == 0;
}

static void put_text(struct variables *v, const char *name, const char *value)
{
    put(v, "", sfx_slice_str(name), sfx_slice_str(value));
}

static void put_number(struct variables *v, const char *name, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    put_text(v, name, text);
}

static void put_event(struct variables *v, const struct sfx_event *ev)
{
    struct named known[9];
    struct sfx_slice text;
    size_t n = attributes(ev, known), i;
    char time[SFX_CLOCK_TEXT_NBYTES];

    put_text(v, "CE_SPECVERSION", "1.0");
    for (i = 0; i < n; i++)
        put(v, "CE_", sfx_slice_str(known[i].name), known[i].value);
    for (i = 0; i < ev->nattrs && v->rc == 0; i++) {
        v->rc = plain(ev->attrs[i].raw, v->arena, &text, v->err);
        put(v, "CE_", ev->attrs[i].name, text);
    }
    put(v, "SFX_", SFX_SLICE_LIT("id"), ev->id);
    put(v, "SFX_", SFX_SLICE_LIT("idempotency_key"), ev->id);
    if (ev->path.len > 0)
        put(v, "SFX_", SFX_SLICE_LIT("path"), ev->path);
    if (ev->media_type.len > 0)
        put(v, "SFX_", SFX_SLICE_LIT("type"), ev->media_type);
    if (ev->etag.len > 0)
        put(v, "SFX_", SFX_SLICE_LIT("etag"), ev->etag);
    if (ev->size >= 0)
        put_number(v, "SFX_SIZE", ev->size);
    if (ev->mtime_ns != -1) {
        (void)sfx_clock_format(ev->mtime_ns, time);
        put_text(v, "SFX_MTIME", time);
    }
    if (ev->width >= 0)
        put_number(v, "SFX_WIDTH", ev->width);
    if (ev->height >= 0)
        put_number(v, "SFX_HEIGHT", ev->height);
    if (ev->records >= 0)
        put_number(v, "SFX_RECORDS", ev->records);
    for (i = 0; i < ev->ndata_attrs && v->rc == 0; i++) {
        v->rc = plain(ev->data_attrs[i].raw, v->arena, &text, v->err);
        put(v, "SFX_DATA_", ev->data_attrs[i].name, text);
    }
    if (ev->data_raw.len > 0 && v->rc == 0) {
        v->rc = plain(ev->data_raw, v->arena, &text, v->err);
        put(v, "SFX_", SFX_SLICE_LIT("data"), text);
    }
}

static int make_env(struct sfx_command *c, const struct sfx_command_facts *facts,
                    const char *const *extra, struct sfx_arena *arena, char ***envp,
                    struct sfx_err *err)
{
    const struct sfx_event *ev = facts->event;
    struct variables v = {.arena = arena, .err = err};
    size_t i, nextra = 0;

    while (extra != NULL && extra[nextra] != NULL)
        nextra++;
    /* 32: more than what put_event and this function name themselves. */
    v.cap = c->nbase + nextra + 40 + (ev != NULL ? ev->nattrs + ev->ndata_attrs : 0);
    v.at = sfx_arena_calloc(arena, v.cap + 1, sizeof(*v.at), err);
    if (v.at == NULL)
        return SFX_E_NOMEM;
    for (i = 0; i < c->nbase; i++)
        v.at[v.count++] = (char *)c->base[i];
    for (i = 0; i < nextra; i++)
        v.at[v.count++] = (char *)extra[i];
    put_text(&v, "SFX_FUNCTION", facts->function);
    if (facts->instance != NULL)
        put_text(&v, "SFX_INSTANCE", facts->instance);
    if (facts->request_id != NULL) {
        put_text(&v, "SFX_REQUEST_ID", facts->request_id);
        put_text(&v, "TRACEPARENT", facts->traceparent);
        put_number(&v, "SFX_ATTEMPT", (int64_t)facts->attempt);
        if (facts->nevents != 1)
            put_number(&v, "SFX_EVENTS", (int64_t)facts->nevents);
        if (facts->deadline_ms > 0)
            put_number(&v, "SFX_DEADLINE_MS", facts->deadline_ms);
    }
    if (ev != NULL)
        put_event(&v, ev);
    sfx_buf_done(&v.buf);
    *envp = v.at;
    return v.rc;
}

static int find(const char *name, const char *const *variables, char *file, struct sfx_err *err)
{
    const char *path = "/usr/local/bin:/usr/bin:/bin";
    int errnum;

    for (; *variables != NULL; variables++) {
        if (strncmp(*variables, "PATH=", 5) == 0)
            path = *variables + 5;
    }
    errnum = sfx_process_find(name, path, file, PATH_MAX);
    return errnum != 0 ? sfx_err_errno(err, errnum, "cannot run %s", name) : 0;
}

int sfx_command_check(struct sfx_command *c, struct sfx_err *err)
{
    /* A relative name is looked up where the function will be. */
    if (!sfx_template_is_literal(c->words[0]) ||
        (c->cwd != NULL && c->opts.argv[0][0] != '/' && strchr(c->opts.argv[0], '/') != NULL))
        return 0;
    return find(c->opts.argv[0], c->opts.environ, c->file, err);
}

/* A word of the command, terminated, in the arena. */
static char *render_word(const struct sfx_template *t, const struct sfx_command_facts *facts,
                         struct sfx_arena *arena, struct sfx_buf *buf, struct sfx_err *err)
{
    sfx_buf_clear(buf);
    if (sfx_command_text(t, facts, arena, buf, err) < 0)
        return NULL;
    return sfx_arena_strndup(arena, buf->len > 0 ? buf->data : "", buf->len, err);
}

int sfx_command_render(struct sfx_command *c, const struct sfx_command_facts *facts,
                       const char *const *extra, struct sfx_arena *arena,
                       struct sfx_command_words *words, struct sfx_err *err)
{
    struct sfx_buf buf = {0};
    char *file;
    size_t i;
    int rc = SFX_E_NOMEM;

    *words = (struct sfx_command_words){.file = c->file};
    words->argv = sfx_arena_calloc(arena, c->opts.argc + 1, sizeof(*words->argv), err);
    if (words->argv == NULL)
        goto out;
    for (i = 0; i < c->opts.argc; i++) {
        words->argv[i] = render_word(c->words[i], facts, arena, &buf, err);
        if (words->argv[i] == NULL) {
            rc = err != NULL ? (int)err->code : SFX_E_INPUT;
            goto out;
        }
    }
    if (c->cwd != NULL) {
        words->cwd = render_word(c->cwd, facts, arena, &buf, err);
        if (words->cwd == NULL) {
            rc = err != NULL ? (int)err->code : SFX_E_INPUT;
            goto out;
        }
    }
    rc = make_env(c, facts, extra, arena, &words->envp, err);
    if (rc == 0 && c->file[0] == '\0') {
        file = sfx_arena_alloc(arena, PATH_MAX, err);
        rc = file == NULL ? SFX_E_NOMEM : 0;
        words->file = file;
        if (rc == 0 && c->cwd != NULL && strchr(words->argv[0], '/') != NULL)
            words->file = words->argv[0]; /* it is for exec to find */
        else if (rc == 0)
            rc = find(words->argv[0], c->opts.environ, file, err);
    }
out:
    sfx_buf_done(&buf);
    return rc;
}

static void put_variables(struct sfx_json_writer *w, char *const *envp)
{
    sfx_json_key(w, "env");
    sfx_json_begin_object(w);
    for (; *envp != NULL; envp++) {
        size_t len = strcspn(*envp, "=");

        if ((*envp)[len] == '\0')
            continue;
        sfx_json_key_slice(w, sfx_slice(*envp, len));
        sfx_json_string(w, sfx_slice_str(*envp + len + 1));
    }
    sfx_json_end_object(w);
}

int sfx_command_record(struct sfx_command *c, const struct sfx_command_facts *facts,
                       struct sfx_arena *arena, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_command_words words;
    char cwd[PATH_MAX];
    struct sfx_json_writer w;
    size_t i;
    int rc = sfx_command_render(c, facts, NULL, arena, &words, err);

    if (rc < 0)
        return rc;
    if (realpath(words.cwd != NULL ? words.cwd : ".", cwd) == NULL)
        return sfx_err_errno(err, errno, "the folder of the function");
    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    sfx_json_key(&w, "argv");
    sfx_json_begin_array(&w);
    for (i = 0; i < c->opts.argc; i++)
        sfx_json_string(&w, sfx_slice_str(words.argv[i]));
    sfx_json_end_array(&w);
    sfx_json_key(&w, "cwd");
    sfx_json_string(&w, sfx_slice_str(cwd));
    put_variables(&w, words.envp + (c->opts.clean_env ? 0 : c->ninherited));
    sfx_json_key(&w, "inherits");
    sfx_json_bool(&w, !c->opts.clean_env);
    sfx_json_end_object(&w);
    return sfx_json_finish(&w, err);
}
