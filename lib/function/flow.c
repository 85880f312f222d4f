/* SPDX-License-Identifier: MIT */
/* Flow files: reading them. */
#include "function/flow.h"

#include "base/buf.h"
#include "base/io.h"
#include "base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NBYTES = 1 << 20 };

struct reader {
    struct sfx_arena *arena;
    struct sfx_flow *flow;
    const char *where;
    size_t line; /* from 1 */
    size_t cap;
    struct sfx_err *err;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static int wrong(const struct reader *r, const char *what)
{
    return sfx_err_set(r->err, SFX_E_USAGE, "%s:%zu: %s", r->where, r->line, what);
}

/* Appends a word to a list in the arena. */
static int add_word(struct reader *r, char ***words, size_t *count, struct sfx_slice word)
{
    char **grown = *words;

    /* Grown when the count is a power of two. */
    if ((*count & (*count - 1)) == 0) {
        grown = sfx_arena_calloc(r->arena, *count > 0 ? 2 * *count : 1, sizeof(*grown), r->err);
        if (grown != NULL && *count > 0)
            memcpy(grown, *words, *count * sizeof(*grown));
    }
    if (grown == NULL)
        return SFX_E_NOMEM;
    *words = grown;
    grown[*count] = sfx_arena_strndup(r->arena, word.len > 0 ? word.ptr : "", word.len, r->err);
    if (grown[*count] == NULL)
        return SFX_E_NOMEM;
    ++*count;
    return 0;
}

/* The characters of one word at *at, quotes and backslashes resolved, appended to out. */
static int read_word(struct reader *r, struct sfx_slice text, size_t *at, struct sfx_buf *out)
{
    char quote = 0;
    int rc = 0;

    while (rc == 0 && *at < text.len && (quote != 0 || !is_space(text.ptr[*at]))) {
        char c = text.ptr[(*at)++];

        if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else if (quote != 0 && c == quote) {
            quote = 0;
        } else if (c == '\\' && quote != '\'') {
            if (*at == text.len)
                return wrong(r, "a backslash ends the line");
            /* In double quotes it stands for itself before anything else, as in a shell. */
            if (quote == '"' && text.ptr[*at] != '"' && text.ptr[*at] != '\\')
                rc = sfx_buf_putc(out, '\\', r->err);
            else
                rc = sfx_buf_putc(out, text.ptr[(*at)++], r->err);
        } else {
            rc = sfx_buf_putc(out, c, r->err);
        }
    }
    return rc == 0 && quote != 0 ? wrong(r, "a quote has no end") : rc;
}

static int read_command(struct reader *r, struct sfx_flow_function *fn, struct sfx_slice text)
{
    struct sfx_buf word = {0};
    size_t at = 0;
    int rc = 0;

    if (fn->ncommand > 0)
        return wrong(r, "\"run\" stands there twice");
    if (text.len == 0)
        return wrong(r, "\"run\" has no command");
    while (rc == 0 && at < text.len) {
        sfx_buf_clear(&word);
        rc = read_word(r, text, &at, &word);
        if (rc == 0)
            rc = add_word(r, &fn->command, &fn->ncommand, sfx_buf_slice(&word));
        while (at < text.len && is_space(text.ptr[at]))
            at++;
    }
    sfx_buf_done(&word);
    return rc;
}

static int add_option(struct reader *r, struct sfx_flow_function *fn, struct sfx_slice key,
                      const struct sfx_slice *value)
{
    struct sfx_buf word = {0};
    int rc = sfx_buf_printf(&word, r->err, "--%.*s", SFX_SLICE_ARG(key));

    if (rc == 0 && value != NULL)
        rc = sfx_buf_putc(&word, '=', r->err);
    if (rc == 0 && value != NULL)
        rc = sfx_buf_append(&word, value->ptr, value->len, r->err);
    if (rc == 0)
        rc = add_word(r, &fn->options, &fn->noptions, sfx_buf_slice(&word));
    sfx_buf_done(&word);
    return rc;
}

static bool is_name(struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < name.len; i++) {
        if (memchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", name.ptr[i],
                   65) == NULL)
            return false;
    }
    return name.len > 0;
}

static int begin_section(struct reader *r, struct sfx_slice name)
{
    struct sfx_flow *flow = r->flow;
    struct sfx_flow_function *grown = flow->functions, *fn;
    size_t i;

    if (!is_name(name))
        return wrong(r, "a function's name is of letters, digits, '_', '-' and '.'");
    for (i = 0; i < flow->count; i++) {
        if (sfx_slice_eq(name, sfx_slice_str(flow->functions[i].name)))
            return wrong(r, "this function stands there already");
    }
    if (flow->count == r->cap) {
        r->cap = r->cap > 0 ? 2 * r->cap : 8;
        grown = sfx_arena_calloc(r->arena, r->cap, sizeof(*grown), r->err);
        if (grown == NULL)
            return SFX_E_NOMEM;
        if (flow->count > 0)
            memcpy(grown, flow->functions, flow->count * sizeof(*grown));
        flow->functions = grown;
    }
    fn = &flow->functions[flow->count];
    fn->name = sfx_arena_strndup(r->arena, name.ptr, name.len, r->err);
    if (fn->name == NULL)
        return SFX_E_NOMEM;
    flow->count++;
    return add_option(r, fn, SFX_SLICE_LIT("name"), &name);
}

static int end_section(struct reader *r)
{
    const struct sfx_flow *flow = r->flow;

    if (flow->count > 0 && flow->functions[flow->count - 1].ncommand == 0)
        return sfx_err_set(r->err, SFX_E_USAGE, "%s: [%s] has no \"run\"", r->where,
                           flow->functions[flow->count - 1].name);
    return 0;
}

static int read_line(struct reader *r, struct sfx_slice line)
{
    const char *equals;
    struct sfx_slice key = line, value;
    struct sfx_flow_function *fn;
    int rc;

    if (memchr(line.ptr, '\0', line.len) != NULL)
        return wrong(r, "there is a NUL byte");
    line = sfx_slice_trim(line, " \t\r");
    if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
        return 0;
    if (line.ptr[0] == '[') {
        if (line.ptr[line.len - 1] != ']')
            return wrong(r, "a section is [NAME]");
        rc = end_section(r);
        return rc == 0 ? begin_section(
                             r, sfx_slice_trim(sfx_slice(line.ptr + 1, line.len - 2), " \t\r"))
                       : rc;
    }
    if (r->flow->count == 0)
        return wrong(r, "this stands in no [section]");
    fn = &r->flow->functions[r->flow->count - 1];
    equals = memchr(line.ptr, '=', line.len);
    key = sfx_slice_trim(
        sfx_slice(line.ptr, equals != NULL ? (size_t)(equals - line.ptr) : line.len), " \t\r");
    if (!is_name(key))
        return wrong(r, "a line is NAME = VALUE, or the NAME of an option that takes none");
    if (equals == NULL)
        return add_option(r, fn, key, NULL);
    value =
        sfx_slice_trim(sfx_slice(equals + 1, line.len - (size_t)(equals + 1 - line.ptr)), " \t\r");
    if (sfx_slice_eq(key, SFX_SLICE_LIT("run")))
        return read_command(r, fn, value);
    return add_option(r, fn, key, &value);
}

int sfx_flow_parse(const char *text, size_t len, const char *where, struct sfx_arena *arena,
                   struct sfx_flow *flow, struct sfx_err *err)
{
    struct reader r = {.arena = arena, .flow = flow, .where = where, .err = err};
    struct sfx_slice rest = sfx_slice(text, len);
    int rc = 0;

    *flow = (struct sfx_flow){0};
    while (rc == 0 && rest.len > 0) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        size_t n = nl != NULL ? (size_t)(nl - rest.ptr) : rest.len;

        r.line++;
        rc = read_line(&r, sfx_slice(rest.ptr, n));
        rest = sfx_slice(rest.ptr + n + (nl != NULL), rest.len - n - (nl != NULL));
    }
    if (rc == 0)
        rc = end_section(&r);
    if (rc == 0 && flow->count == 0)
        rc = sfx_err_set(err, SFX_E_USAGE, "%s: there is no function in it", where);
    return rc;
}

int sfx_flow_read(const char *path, struct sfx_arena *arena, struct sfx_flow *flow,
                  struct sfx_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    char *text = malloc(MAX_NBYTES + 1);
    size_t len = 0;
    ssize_t n = 1;

    if (fd < 0)
        rc = sfx_err_errno(err, errno, "%s", path);
    else if (text == NULL)
        rc = sfx_err_set(err, SFX_E_NOMEM, "out of memory");
    while (rc == 0 && n > 0 && len <= MAX_NBYTES) {
        n = sfx_io_read(fd, text + len, MAX_NBYTES + 1 - len, err);
        len += n > 0 ? (size_t)n : 0;
        rc = n < 0 ? sfx_err_wrap(err, (int)n, "%s", path) : 0;
    }
    if (rc == 0 && len > MAX_NBYTES)
        rc = sfx_err_set(err, SFX_E_LIMIT, "%s: more than 1 MiB", path);
    if (rc == 0)
        rc = sfx_flow_parse(text, len, path, arena, flow, err);
    (void)sfx_io_close(&fd, NULL);
    free(text);
    return rc;
}
