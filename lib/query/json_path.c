/* SPDX-License-Identifier: MIT */
/* Values inside JSON texts, by paths. */
#include "query/json_path_internal.h"

#include "base/text.h"

#include <string.h>

/* --- paths ----------------------------------------------------------------------------------- */

static bool read_index(struct sfx_slice digits, int64_t *index)
{
    bool minus = digits.len > 0 && *digits.ptr == '-';
    uint64_t n;

    if (sfx_text_u64(sfx_slice(digits.ptr + minus, digits.len - minus), &n, NULL) < 0 ||
        n > INT32_MAX)
        return false;
    *index = minus ? -(int64_t)n : (int64_t)n;
    return !minus || n > 0;
}

static struct sfx_json_step *add_step(struct sfx_json_path *path, struct sfx_slice key)
{
    struct sfx_json_step *step;

    if (path->nsteps == SFX_JSON_PATH_STEPS)
        return NULL;
    step = &path->steps[path->nsteps++];
    *step = (struct sfx_json_step){.key = key};
    step->is_index = key.len > 0 && *key.ptr != '-' && read_index(key, &step->index);
    return step;
}

/* "/a/b/0": each step ends at the next slash. */
static bool parse_pointer(struct sfx_slice text, struct sfx_json_path *path)
{
    while (text.len > 0) {
        const char *end = memchr(text.ptr + 1, '/', text.len - 1);
        size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;

        struct sfx_json_step *step = add_step(path, sfx_slice(text.ptr + 1, len - 1));

        if (step == NULL)
            return false;
        step->tildes = memchr(text.ptr, '~', len) != NULL;
        text.ptr += len;
        text.len -= len;
    }
    return true;
}

/* "[0]" at the front of *text. */
static bool parse_index(struct sfx_slice *text, struct sfx_json_path *path)
{
    const char *end = memchr(text->ptr, ']', text->len);
    struct sfx_json_step *step;
    size_t len;

    if (end == NULL)
        return false;
    len = (size_t)(end - text->ptr);
    step = add_step(path, sfx_slice(NULL, 0));
    if (step == NULL || !read_index(sfx_slice(text->ptr + 1, len - 1), &step->index))
        return false;
    step->is_index = step->only_index = true;
    text->ptr += len + 1;
    text->len -= len + 1;
    return true;
}

/* A name at the front of *text, perhaps in double quotes or backticks. */
static bool parse_key(struct sfx_slice *text, struct sfx_json_path *path)
{
    char quote = text->len > 0 && (*text->ptr == '"' || *text->ptr == '`') ? *text->ptr : '\0';
    size_t len = 0;

    if (quote != '\0') {
        const char *end = memchr(text->ptr + 1, quote, text->len - 1);

        if (end == NULL)
            return false;
        len = (size_t)(end - text->ptr) + 1;
        if (add_step(path, sfx_slice(text->ptr + 1, len - 2)) == NULL)
            return false;
    } else {
        while (len < text->len && text->ptr[len] != '.' && text->ptr[len] != '[')
            len++;
        if (len == 0 || add_step(path, sfx_slice(text->ptr, len)) == NULL)
            return false;
    }
    text->ptr += len;
    text->len -= len;
    return true;
}

bool sfx_json_path_parse(struct sfx_slice text, struct sfx_json_path *path)
{
    bool begins = true;

    path->nsteps = 0;
    if (text.len > 0 && *text.ptr == '/')
        return parse_pointer(text, path);
    if (text.len > 0 && *text.ptr == '$' &&
        (text.len == 1 || text.ptr[1] == '.' || text.ptr[1] == '[')) {
        text.ptr++;
        text.len--;
        begins = false;
    }
    while (text.len > 0) {
        if (*text.ptr == '[') {
            if (!parse_index(&text, path))
                return false;
        } else {
            if (!begins) {
                if (*text.ptr != '.')
                    return false;
                text.ptr++;
                text.len--;
            }
            if (!parse_key(&text, path))
                return false;
        }
        begins = false;
    }
    return true;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Whether a pointer's key stands for name. */
static bool tildes_are(struct sfx_slice key, struct sfx_slice name)
{
    size_t i, at = 0;

    for (i = 0; i < key.len && at < name.len; i++, at++) {
        char c = key.ptr[i];

        if (c == '~' && i + 1 < key.len && (key.ptr[i + 1] == '0' || key.ptr[i + 1] == '1'))
            c = key.ptr[++i] == '0' ? '~' : '/';
        if (c != name.ptr[at])
            return false;
    }
    return i == key.len && at == name.len;
}

int sfx_json_key_is(const struct sfx_json_token *token, const struct sfx_json_step *step,
                    struct sfx_buf *scratch)
{
    struct sfx_slice name = token->text;

    if (step->only_index)
        return 0;
    if (token->escaped) {
        sfx_buf_clear(scratch);
        if (sfx_json_unescape(scratch, token->text, NULL) < 0)
            return SFX_E_NOMEM;
        name = sfx_buf_slice(scratch);
    }
    return step->tildes ? tildes_are(step->key, name) : sfx_slice_eq(step->key, name);
}

/* Goes to the member of an object that step names: 1 with its first token, 0 behind the object. */
static int find_member(struct sfx_json_reader *r, const struct sfx_json_step *step,
                       struct sfx_buf *scratch, struct sfx_json_token *token)
{
    struct sfx_slice skipped;
    int rc;

    while ((rc = sfx_json_next(r, token, NULL)) > 0 && token->type == SFX_JSON_KEY) {
        int found = sfx_json_key_is(token, step, scratch);

        if (found < 0)
            return found;
        rc = sfx_json_next(r, token, NULL);
        if (rc < 0 || found)
            return rc;
        rc = sfx_json_skip(r, token, &skipped, NULL);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : 0;
}

/* Goes to element number index of an array: 1 with its first token, 0 behind the array; *count:
 * the elements seen. */
static int find_element(struct sfx_json_reader *r, int64_t index, struct sfx_json_token *token,
                        int64_t *count)
{
    struct sfx_slice skipped;
    int rc;

    for (*count = 0; (rc = sfx_json_next(r, token, NULL)) > 0; ++*count) {
        if (token->type == SFX_JSON_ARRAY_END)
            return 0;
        if (*count == index)
            return 1;
        rc = sfx_json_skip(r, token, &skipped, NULL);
        if (rc < 0)
            return rc;
    }
    return rc;
}

/* The same, with places from the end: the array is then read twice. */
static int step_into_array(struct sfx_json_reader *r, const struct sfx_json_step *step,
                           struct sfx_json_token *token)
{
    struct sfx_json_reader begin = *r;
    int64_t count;
    int rc;

    if (!step->is_index)
        return 0;
    rc = find_element(r, step->index, token, &count);
    if (rc != 0 || step->index >= 0 || count + step->index < 0)
        return rc;
    *r = begin;
    return find_element(r, count + step->index, token, &count);
}

int sfx_json_path_find(const struct sfx_json_path *path, size_t first, struct sfx_slice json,
                       struct sfx_buf *scratch, struct sfx_cell *value)
{
    struct sfx_json_reader r;
    struct sfx_json_token token;
    size_t i;
    int rc;

    sfx_json_reader_init(&r, json.ptr, json.len);
    rc = sfx_json_next(&r, &token, NULL);
    for (i = first; i < path->nsteps && rc > 0; i++) {
        if (token.type == SFX_JSON_OBJECT)
            rc = find_member(&r, &path->steps[i], scratch, &token);
        else if (token.type == SFX_JSON_ARRAY)
            rc = step_into_array(&r, &path->steps[i], &token);
        else
            rc = 0;
    }
    if (rc <= 0)
        return rc;
    rc = sfx_cell_read_json(&r, &token, value, NULL);
    return rc < 0 ? rc : 1;
}

/* --- cells as JSON --------------------------------------------------------------------------- */

int sfx_json_append_cell(struct sfx_buf *out, const struct sfx_cell *cell, struct sfx_buf *scratch)
{
    struct sfx_slice spelling = sfx_slice(cell->ptr, cell->len);
    int rc;

    switch (cell->kind) {
    case SFX_CELL_MISSING:
    case SFX_CELL_NULL: return sfx_buf_append(out, "null", 4, NULL);
    case SFX_CELL_JSON_STRING:
        rc = sfx_buf_putc(out, '"', NULL);
        if (rc == 0)
            rc = sfx_buf_append(out, spelling.ptr, spelling.len, NULL);
        return rc < 0 ? rc : sfx_buf_putc(out, '"', NULL);
    case SFX_CELL_TEXT:
    case SFX_CELL_STRING:
        rc = sfx_cell_text(cell, scratch, &spelling, NULL);
        if (rc == SFX_E_NOMEM)
            return rc;
        return sfx_json_quote(out, spelling, NULL);
    default: return sfx_buf_append(out, spelling.ptr, spelling.len, NULL);
    }
}
