/* SPDX-License-Identifier: MIT */
/*
 * One JSON object to a row of cells. Members are expected where the record before had them, so
 * that a key is one comparison; values are checked against the grammar and kept as they stand.
 */
#include "record/jsonl_internal.h"

#include "json/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The state of one record's parse. */
struct parse {
    struct sfx_jsonl_object *o;
    struct sfx_slice record;
    struct sfx_jsonl_cursor c;
    uint32_t row;
    uint32_t nmembers;
    uint32_t ncols; /* columns that this record has */
    bool may_add;
    bool checked; /* the whole record is known to be valid */
    struct sfx_err *err;
};

static inline void skip_space(struct sfx_jsonl_cursor *c)
{
    while (c->at < c->end &&
           (*c->at == ' ' || *c->at == '\t' || *c->at == '\r' || (*c->at == '\n' && !c->lines)))
        c->at++;
}

/* Takes the byte `want`, white space around it. */
static inline bool take(struct sfx_jsonl_cursor *c, char want)
{
    skip_space(c);
    if (c->at == c->end || *c->at != want)
        return false;
    c->at++;
    skip_space(c);
    return true;
}

/* Room for what is learnt about as many columns and members. */
static int reserve_plans(struct sfx_jsonl_object *o, size_t count, struct sfx_err *err)
{
    const size_t cap = count < 16 ? 32 : count * 2;
    int32_t *order;
    uint32_t *stamps;
    uint8_t *plain;
    struct sfx_jsonl_key *keys;

    if (count <= o->nplans)
        return 0;
    order = realloc(o->order, cap * sizeof(*order));
    o->order = order != NULL ? order : o->order;
    stamps = realloc(o->stamps, cap * sizeof(*stamps));
    o->stamps = stamps != NULL ? stamps : o->stamps;
    plain = realloc(o->plain, cap * sizeof(*plain));
    o->plain = plain != NULL ? plain : o->plain;
    keys = realloc(o->keys, cap * sizeof(*keys));
    o->keys = keys != NULL ? keys : o->keys;
    if (order == NULL || stamps == NULL || plain == NULL || keys == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu columns", cap);
    memset(order + o->nplans, 0xff, (cap - o->nplans) * sizeof(*order));
    memset(stamps + o->nplans, 0, (cap - o->nplans) * sizeof(*stamps));
    o->nplans = cap;
    return 0;
}

/* Whether a key of these bytes stands for itself. */
static bool is_plain(struct sfx_slice name)
{
    size_t i;

    for (i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == '"' || name.ptr[i] == '\\')
            return false;
    }
    return true;
}

static struct sfx_jsonl_key make_key(struct sfx_slice name)
{
    struct sfx_jsonl_key key = {.len = (uint32_t)name.len + 3};
    char text[sizeof(key.word)] = "";
    char mask[sizeof(key.word)] = "";

    if (name.len + 3 > sizeof(text) || !is_plain(name))
        return (struct sfx_jsonl_key){0};
    text[0] = '"';
    memcpy(text + 1, name.ptr, name.len);
    memcpy(text + 1 + name.len, "\":", 2);
    memset(mask, 0xff, key.len);
    memcpy(key.word, text, sizeof(text));
    memcpy(key.mask, mask, sizeof(mask));
    return key;
}

/* Whether the bytes at `at` are key; 64 bytes can be read. */
static inline bool is_key(const char *at, const struct sfx_jsonl_key *key)
{
    uint64_t word[2];

    memcpy(word, at, sizeof(word));
    return (((word[0] ^ key->word[0]) & key->mask[0]) |
            ((word[1] ^ key->word[1]) & key->mask[1])) == 0;
}

/* Makes a column for members named name: its index. Errors: LIMIT, NOMEM. */
static int make_column(struct sfx_jsonl_object *o, struct sfx_slice name, struct sfx_err *err)
{
    int column = reserve_plans(o, o->schema.ncols + 1, err);

    if (column == 0)
        column = sfx_schema_add(&o->schema, name, err);
    if (column < 0)
        return column;
    o->plain[column] = is_plain(name);
    o->keys[column] = make_key(name);
    o->stamps[column] = 0;
    return column;
}

/* The same for a record, which has to be valid as a whole for that. */
static enum sfx_jsonl_verdict add_column(struct parse *p, struct sfx_slice name, int *column)
{
    if (!p->may_add)
        return SFX_JSONL_NEW_COLUMN;
    if (!p->checked && sfx_json_validate(p->record.ptr, p->record.len, NULL) < 0)
        return SFX_JSONL_BAD;
    p->checked = true;
    *column = make_column(p->o, name, p->err);
    if (*column < 0)
        return *column == SFX_E_LIMIT ? SFX_JSONL_BAD : SFX_JSONL_FAILED;
    return SFX_JSONL_OK;
}

/* The key at p->c.at that is not where it was expected. */
static enum sfx_jsonl_verdict find_column(struct parse *p, int *column)
{
    struct sfx_jsonl_object *o = p->o;
    struct sfx_slice name;
    bool escaped;

    if (p->c.at == p->c.end || *p->c.at != '"' || !sfx_jsonl_take_string(&p->c, &name, &escaped))
        return SFX_JSONL_BAD;
    if (escaped) {
        sfx_buf_clear(&o->scratch);
        if (sfx_json_unescape(&o->scratch, name, p->err) < 0)
            return SFX_JSONL_FAILED;
        name = sfx_buf_slice(&o->scratch);
    }
    *column = sfx_schema_find(&o->schema, name);
    return *column >= 0 ? SFX_JSONL_OK : add_column(p, name, column);
}

/* The column of the key at p->c.at; the colon behind it is taken too. */
static inline enum sfx_jsonl_verdict take_key(struct parse *p, int *column)
{
    struct sfx_jsonl_object *o = p->o;
    const int expected = p->nmembers < o->nplans ? o->order[p->nmembers] : -1;
    enum sfx_jsonl_verdict verdict = SFX_JSONL_OK;
    const struct sfx_slice none = {0};
    const struct sfx_slice name =
        expected >= 0 && o->plain[expected] ? o->schema.columns[expected].name : none;

    *column = expected;
    if (expected >= 0 && o->keys[expected].len > 0 && p->c.end - p->c.at > o->keys[expected].len &&
        is_key(p->c.at, &o->keys[expected])) {
        p->c.at += o->keys[expected].len;
        skip_space(&p->c);
        return SFX_JSONL_OK;
    }
    if (name.ptr != NULL && (size_t)(p->c.end - p->c.at) > name.len + 2 && p->c.at[0] == '"' &&
        p->c.at[name.len + 1] == '"' && memcmp(p->c.at + 1, name.ptr, name.len) == 0) {
        p->c.at += name.len + 2;
    } else {
        verdict = find_column(p, column);
        if (verdict == SFX_JSONL_OK && p->nmembers < o->nplans)
            o->order[p->nmembers] = *column;
    }
    return verdict == SFX_JSONL_OK && !take(&p->c, ':') ? SFX_JSONL_BAD : verdict;
}

/* Refuses a value that is longer or deeper than allowed. */
static enum sfx_jsonl_verdict check_limits(struct parse *p, const struct sfx_cell *cell)
{
    const struct sfx_jsonl_object *o = p->o;

    if (cell->len > o->max_field_nbytes) {
        (void)sfx_err_set(p->err, SFX_E_LIMIT, "value is longer than %" PRIu64 " bytes",
                          o->max_field_nbytes);
        return SFX_JSONL_BAD;
    }
    /* Each level costs two bytes at least: most values need not be looked through. */
    if (cell->kind == SFX_CELL_JSON_NESTED && cell->len >= 2 * (o->max_depth - 1) &&
        sfx_jsonl_nesting(sfx_slice(cell->ptr, cell->len)) + 1 > o->max_depth) {
        (void)sfx_err_set(p->err, SFX_E_LIMIT, "nested deeper than %" PRIu32 " levels",
                          o->max_depth);
        return SFX_JSONL_BAD;
    }
    return SFX_JSONL_OK;
}

static inline enum sfx_jsonl_verdict take_member(struct parse *p)
{
    struct sfx_jsonl_object *o = p->o;
    struct sfx_cell cell;
    int column = -1;
    enum sfx_jsonl_verdict verdict = take_key(p, &column);

    if (verdict != SFX_JSONL_OK)
        return verdict;
    if (!sfx_jsonl_take_value(&p->c, &cell))
        return SFX_JSONL_BAD;
    verdict = check_limits(p, &cell);
    p->ncols += o->stamps[column] != o->stamp;
    o->stamps[column] = o->stamp;
    o->schema.columns[column].cells[p->row] = cell; /* of twins the last one counts */
    p->nmembers++;
    return verdict;
}

static enum sfx_jsonl_verdict take_object(struct parse *p)
{
    enum sfx_jsonl_verdict verdict = SFX_JSONL_OK;

    if (!take(&p->c, '{'))
        return SFX_JSONL_BAD;
    if (p->c.at < p->c.end && *p->c.at == '}') {
        p->c.at++;
    } else {
        do {
            verdict = take_member(p);
        } while (verdict == SFX_JSONL_OK && take(&p->c, ','));
        if (verdict == SFX_JSONL_OK && !take(&p->c, '}'))
            return SFX_JSONL_BAD;
    }
    skip_space(&p->c);
    return verdict == SFX_JSONL_OK && p->c.at != p->c.end ? SFX_JSONL_BAD : verdict;
}

/* Says what is wrong with a record that did not parse. */
static void diagnose(const struct parse *p)
{
    if (p->err->code != SFX_OK)
        return;
    if (sfx_json_validate(p->record.ptr, p->record.len, p->err) == 0)
        (void)sfx_err_set(p->err, SFX_E_INPUT, "the record is not a JSON object");
    else
        (void)sfx_err_wrap(p->err, SFX_E_INPUT, "the record is not JSON");
}

enum sfx_jsonl_verdict sfx_jsonl_object_parse(struct sfx_jsonl_object *o, struct sfx_slice record,
                                              uint32_t at, bool may_add, uint32_t *nfields,
                                              struct sfx_err *err)
{
    struct parse p = {.o = o,
                      .record = record,
                      .c = {record.ptr, record.ptr + record.len, o->lines},
                      .row = at,
                      .may_add = may_add,
                      .err = err};
    enum sfx_jsonl_verdict verdict;
    size_t i;

    err->code = SFX_OK;
    if (++o->stamp == 0) { /* after 2^32 records: old stamps would be taken for new ones */
        memset(o->stamps, 0, o->nplans * sizeof(*o->stamps));
        o->stamp = 1;
    }
    verdict = take_object(&p);
    if (verdict == SFX_JSONL_BAD)
        diagnose(&p);
    if (verdict != SFX_JSONL_OK)
        return verdict;
    *nfields = p.nmembers;
    for (i = 0; p.ncols < o->schema.ncols && i < o->schema.ncols; i++) {
        if (o->stamps[i] != o->stamp)
            o->schema.columns[i].cells[at] = (struct sfx_cell){0};
    }
    return SFX_JSONL_OK;
}

int sfx_jsonl_object_copy(struct sfx_jsonl_object *o, const struct sfx_jsonl_object *like,
                          struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    sfx_jsonl_object_reset(o);
    for (i = 0; i < like->schema.ncols && rc >= 0; i++)
        rc = make_column(o, like->schema.columns[i].name, err);
    o->schema.id = like->schema.id;
    return rc < 0 ? rc : 0;
}

void sfx_jsonl_object_reset(struct sfx_jsonl_object *o)
{
    sfx_schema_reset(&o->schema);
    if (o->nplans > 0)
        memset(o->order, 0xff, o->nplans * sizeof(*o->order));
}

void sfx_jsonl_object_done(struct sfx_jsonl_object *o)
{
    sfx_schema_done(&o->schema);
    sfx_buf_done(&o->scratch);
    free(o->order);
    free(o->stamps);
    free(o->plain);
    free(o->keys);
    *o = (struct sfx_jsonl_object){0};
}
