/* SPDX-License-Identifier: MIT */
/*
 * Ignore files: patterns in the folders that they are about, as gitignore(5) has them. Of several
 * that match, the last one of the nearest file decides; what is in a folder that is left out is not
 * looked at.
 */
#include "base/hash.h"
#include "base/io.h"
#include "base/text.h"
#include "watch/watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* Thousands of times what people write by hand. */
#define SFX_IGNORE_MAX_NBYTES ((size_t)1 << 20)

struct rule {
    size_t glob; /* in text; terminated */
    bool whole;  /* about the path from the file's folder, not the last name alone */
    bool folder; /* about folders only */
    bool negated;
};

struct sfx_watch_rules {
    struct sfx_buf text;
    struct rule *rules; /* owned */
    size_t count, cap;
    uint64_t hash; /* of the file */
};

void sfx_watch_rules_free(struct sfx_watch_rules *r)
{
    if (r == NULL)
        return;
    sfx_buf_done(&r->text);
    free(r->rules);
    free(r);
}

/* True when the stars at i are a part of the path by themselves. */
static bool is_whole_part(struct sfx_slice pattern, size_t i, size_t nstars)
{
    return nstars == 2 && (i == 0 || pattern.ptr[i - 1] == '/') &&
           (i + 2 == pattern.len || pattern.ptr[i + 2] == '/');
}

/* Appends the glob (base/text.h) that means what the pattern does: there braces are none, and two
 * stars are one unless they stand alone. */
static int append_glob(struct sfx_buf *text, struct sfx_slice pattern, struct sfx_err *err)
{
    size_t i = 0, n;
    int rc = 0;

    while (rc == 0 && i < pattern.len) {
        const char c = pattern.ptr[i];

        n = 1;
        if (c == '\\' && i + 1 < pattern.len) {
            n = 2;
        } else if (c == '[') {
            size_t from = i + 1 + (i + 1 < pattern.len && strchr("!^", pattern.ptr[i + 1]) != NULL);
            const char *end = from < pattern.len
                                  ? memchr(pattern.ptr + from + 1, ']', pattern.len - from - 1)
                                  : NULL;

            n = end != NULL ? (size_t)(end + 1 - pattern.ptr) - i : 1;
        } else if (c == '{') {
            rc = sfx_buf_putc(text, '\\', err);
        } else if (c == '*') {
            while (i + n < pattern.len && pattern.ptr[i + n] == '*')
                n++;
            if (!is_whole_part(pattern, i, n)) {
                i += n - 1;
                n = 1;
            }
        }
        if (rc == 0)
            rc = sfx_buf_append(text, pattern.ptr + i, n, err);
        i += n;
    }
    return rc == 0 ? sfx_buf_putc(text, '\0', err) : rc;
}

static int add_line(struct sfx_watch_rules *r, struct sfx_slice line, struct sfx_err *err)
{
    struct rule rule = {.glob = r->text.len};
    struct rule *rules;

    while (line.len > 0 && line.ptr[line.len - 1] == ' ' &&
           (line.len < 2 || line.ptr[line.len - 2] != '\\'))
        line.len--;
    if (line.len == 0 || line.ptr[0] == '#')
        return 0;
    rule.negated = line.ptr[0] == '!';
    if (rule.negated)
        line = sfx_slice(line.ptr + 1, line.len - 1);
    rule.folder = line.len > 0 && line.ptr[line.len - 1] == '/';
    line.len -= rule.folder;
    rule.whole = line.len > 0 && memchr(line.ptr, '/', line.len) != NULL;
    if (line.len > 0 && line.ptr[0] == '/')
        line = sfx_slice(line.ptr + 1, line.len - 1);
    if (line.len == 0)
        return 0;
    if (r->count == r->cap) {
        rules = reallocarray(r->rules, r->cap * 2 + 8, sizeof(*rules));
        if (rules == NULL)
            return sfx_err_errno(err, ENOMEM, "ignore file");
        r->rules = rules;
        r->cap = r->cap * 2 + 8;
    }
    r->rules[r->count++] = rule;
    return append_glob(&r->text, line, err);
}

struct sfx_watch_rules *sfx_watch_rules_parse(struct sfx_slice text, struct sfx_err *err)
{
    struct sfx_watch_rules *r = calloc(1, sizeof(*r));
    int rc = 0;

    if (r == NULL) {
        (void)sfx_err_errno(err, ENOMEM, "ignore file");
        return NULL;
    }
    r->hash = sfx_hash64(text.ptr, text.len, 0);
    while (rc == 0 && text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;

        rc = add_line(r, sfx_slice(text.ptr, len), err);
        len += end != NULL;
        text = sfx_slice(text.ptr + len, text.len - len);
    }
    if (rc == 0)
        return r;
    sfx_watch_rules_free(r);
    return NULL;
}

/* Fills text with the file `name` of the folder fd. 0: there is none. Errors: IO, LIMIT, NOMEM. */
static int read_file(int dir_fd, const char *name, struct sfx_buf *text, struct sfx_err *err)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    ssize_t n = 1;
    int rc;

    if (fd < 0)
        return errno == ENOENT || errno == ELOOP ? 0 : sfx_err_errno(err, errno, "%s", name);
    rc = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    while (rc > 0 && n > 0) {
        rc = sfx_buf_reserve(text, 4096, err);
        n = rc == 0 ? sfx_io_read(fd, text->data + text->len, 4096, err) : 0;
        text->len += n > 0 ? (size_t)n : 0;
        rc = rc < 0 ? rc : n < 0 ? (int)n : 1;
        if (text->len > SFX_IGNORE_MAX_NBYTES)
            rc = sfx_err_set(err, SFX_E_LIMIT, "%s: longer than 1 MiB", name);
    }
    (void)sfx_io_close(&fd, NULL);
    return rc;
}

int sfx_watch_rules_read(int dir_fd, const char *name, struct sfx_watch_rules **rules,
                         struct sfx_err *err)
{
    uint64_t before = *rules != NULL ? (*rules)->hash : 0;
    struct sfx_watch_rules *read = NULL;
    struct sfx_buf text = {0};
    int rc = read_file(dir_fd, name, &text, err);

    if (rc > 0) {
        read = sfx_watch_rules_parse(sfx_buf_slice(&text), err);
        rc = read != NULL ? 0 : SFX_E_NOMEM;
    }
    sfx_buf_done(&text);
    if (rc < 0)
        return rc;
    sfx_watch_rules_free(*rules);
    *rules = read;
    return before != (read != NULL ? read->hash : 0);
}

/* 1: left out; -1: explicitly not; 0: no rule says. path: from the file's folder. */
static int verdict(const struct sfx_watch_rules *r, struct sfx_slice path, struct sfx_slice name,
                   bool of_folder)
{
    size_t i = r->count;

    while (i-- > 0) {
        const struct rule *rule = &r->rules[i];

        if ((of_folder || !rule->folder) &&
            sfx_text_glob(sfx_slice_str(r->text.data + rule->glob), rule->whole ? path : name))
            return rule->negated ? -1 : 1;
    }
    return 0;
}

bool sfx_watch_rules_ignore(const struct sfx_watch_dir *dir, struct sfx_slice path,
                            struct sfx_slice name, bool of_folder)
{
    size_t from = path.len - name.len;
    int rc = 0;

    for (; dir != NULL && rc == 0; dir = sfx_watch_dir_parent(dir)) {
        const struct sfx_watch_rules *rules = sfx_watch_dir_rules(dir);

        if (rules != NULL)
            rc = verdict(rules, sfx_slice(path.ptr + from, path.len - from), name, of_folder);
        if (dir->parent != 0)
            from -= strlen(sfx_watch_dir_name(dir)) + 1;
    }
    return rc > 0;
}
