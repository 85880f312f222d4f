/* SPDX-License-Identifier: MIT */
/* Canonical keys and the hash table over them. */
#include "query/keyset_internal.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* What the bytes of a key's column are. */
enum key_class {
    CLASS_NULL,
    CLASS_TEXT,
    CLASS_NUMBER_TEXT,
    CLASS_BOOL,
    CLASS_NESTED,
    CLASS_DECIMAL
};

#define HEAD_NBYTES    5 /* class and length in front of a column's bytes */
#define ID_NBYTES      4
#define DECIMAL_NBYTES (sizeof(sfx_int128) + sizeof(uint32_t))

static enum key_class class_of(const struct sfx_cell *cell)
{
    switch (cell->kind) {
    case SFX_CELL_MISSING:
    case SFX_CELL_NULL: return CLASS_NULL;
    case SFX_CELL_JSON_NUMBER:
    case SFX_CELL_NUMBER: return CLASS_NUMBER_TEXT;
    case SFX_CELL_JSON_BOOL:
    case SFX_CELL_BOOL: return CLASS_BOOL;
    case SFX_CELL_JSON_NESTED: return CLASS_NESTED;
    default: return CLASS_TEXT;
    }
}

/* Appends one column of a key; there is room for the head and a decimal. */
static int put_column(struct sfx_buf *out, struct sfx_eval *ev, const struct sfx_vec *vec,
                      uint32_t row, struct sfx_err *err)
{
    char *at = out->data + out->len;
    struct sfx_slice bytes = {0};
    uint32_t len;
    int rc = 0;

    if (vec->type == SFX_TYPE_NUMBER && !vec->flags[row]) {
        struct sfx_decimal value = vec->nums[row]; /* equal numbers are spelled alike */

        sfx_decimal_trim(&value, 0);
        at[0] = CLASS_DECIMAL;
        memcpy(at + HEAD_NBYTES, &value.mant, sizeof(value.mant));
        memcpy(at + HEAD_NBYTES + sizeof(value.mant), &value.scale, sizeof(value.scale));
        len = DECIMAL_NBYTES;
    } else if (vec->type == SFX_TYPE_NUMBER) {
        at[0] = CLASS_NULL;
        len = 0;
    } else {
        const struct sfx_cell *cell = &vec->cells[row];

        at[0] = (char)class_of(cell);
        if (at[0] != CLASS_NULL)
            bytes = sfx_eval_cell_text(ev, cell);
        len = (uint32_t)bytes.len;
    }
    memcpy(at + 1, &len, sizeof(len));
    out->len += HEAD_NBYTES;
    if (bytes.len > 0)
        rc = sfx_buf_append(out, bytes.ptr, bytes.len, err);
    else
        out->len += len;
    return rc;
}

static int put_row(struct sfx_buf *out, struct sfx_eval *ev, struct sfx_vec *const *cols,
                   const uint32_t *ids, size_t ncols, uint32_t row, struct sfx_err *err)
{
    size_t c;
    int rc = 0;

    for (c = 0; c < ncols && rc == 0; c++) {
        rc = sfx_buf_reserve(out, ID_NBYTES + HEAD_NBYTES + DECIMAL_NBYTES, err);
        if (rc < 0)
            return rc;
        if (ids != NULL) {
            if (sfx_vec_is_null(cols[c], row))
                continue;
            memcpy(out->data + out->len, &ids[c], ID_NBYTES);
            out->len += ID_NBYTES;
        }
        rc = put_column(out, ev, cols[c], row, err);
    }
    return rc;
}

int sfx_keys_make(struct sfx_keys *keys, struct sfx_eval *ev, struct sfx_vec *const *cols,
                  const uint32_t *ids, size_t ncols, const uint16_t *sel, uint32_t nsel,
                  struct sfx_err *err)
{
    uint32_t i;
    size_t c;

    for (c = 0; c < ncols; c++) {
        if (cols[c]->type == SFX_TYPE_BOOL)
            sfx_vec_make_cells(ev, cols[c], sel, nsel);
    }
    sfx_buf_clear(&keys->bytes);
    if (sfx_buf_reserve(&keys->bytes, 1, err) < 0) /* keys of no columns have a place, too */
        return SFX_E_NOMEM;
    for (i = 0; i < nsel; i++) {
        size_t begin = keys->bytes.len;
        int rc = put_row(&keys->bytes, ev, cols, ids, ncols, sel[i], err);

        if (rc < 0)
            return rc;
        if (keys->bytes.len > UINT32_MAX)
            return sfx_err_set(err, SFX_E_LIMIT, "keys of more than 4 GiB");
        keys->ends[i] = (uint32_t)keys->bytes.len;
        keys->hashes[i] = sfx_hash64(keys->bytes.data + begin, keys->bytes.len - begin, 0);
    }
    return 0;
}

void sfx_keys_done(struct sfx_keys *keys)
{
    sfx_buf_done(&keys->bytes);
}

/* A decimal with at least `scale` fraction digits, as the key's first appearance had. */
static struct sfx_decimal decode_decimal(const unsigned char *bytes, uint32_t scale)
{
    struct sfx_decimal value = {0}, spelled;

    memcpy(&value.mant, bytes, sizeof(value.mant));
    memcpy(&value.scale, bytes + sizeof(value.mant), sizeof(value.scale));
    if (scale > value.scale &&
        sfx_decimal_round(&value, (int)scale, SFX_ROUND_HALF_AWAY, &spelled) == SFX_DECIMAL_OK)
        return spelled;
    return value;
}

int sfx_key_decode(struct sfx_eval *ev, const unsigned char **at, uint32_t scale,
                   struct sfx_vec *out, uint32_t row)
{
    static const uint8_t kinds[] = {
        [CLASS_NULL] = SFX_CELL_NULL,
        [CLASS_TEXT] = SFX_CELL_STRING,
        [CLASS_NUMBER_TEXT] = SFX_CELL_JSON_NUMBER,
        [CLASS_BOOL] = SFX_CELL_BOOL,
        [CLASS_NESTED] = SFX_CELL_JSON_NESTED,
        [CLASS_DECIMAL] = SFX_CELL_NUMBER,
    };
    enum key_class class = (enum key_class)(*at)[0];
    struct sfx_decimal number;
    const char *bytes = (const char *)*at + HEAD_NBYTES;
    uint32_t len;

    memcpy(&len, *at + 1, sizeof(len));
    *at += HEAD_NBYTES + len;
    if (class == CLASS_DECIMAL) {
        number = decode_decimal((const unsigned char *)bytes, scale);
        if (out->type == SFX_TYPE_NUMBER) {
            out->nums[row] = number;
            out->flags[row] = 0;
            return 0;
        }
        char *text = sfx_eval_text(ev, SFX_DECIMAL_TEXT_NBYTES);

        if (text == NULL)
            return SFX_E_NOMEM;
        len = (uint32_t)sfx_decimal_format(&number, text);
        bytes = text;
    }
    if (out->type == SFX_TYPE_NUMBER) {
        sfx_vec_set_null(out, row);
        return 0;
    }
    out->cells[row] = (struct sfx_cell){bytes, len, kinds[class], 0, 0};
    return 0;
}

/* --- the table ---------------------------------------------------------------------------- */

struct sfx_key_slot {
    uint64_t hash;
    struct sfx_key *key; /* NULL: free */
};

#define FIRST_CAP      ((size_t)1024)
#define PREFETCH_AHEAD 16 /* rows: enough to cover a cache miss */

void sfx_keyset_init(struct sfx_keyset *set, struct sfx_operator *op, size_t payload_nbytes)
{
    *set = (struct sfx_keyset){.op = op, .payload_nbytes = payload_nbytes};
    set->last = &set->first;
}

void sfx_keyset_done(struct sfx_keyset *set)
{
    if (set->op != NULL)
        (void)sfx_operator_charge(set->op, -(int64_t)set->charged);
    free(set->slots);
    sfx_arena_done(&set->arena);
    *set = (struct sfx_keyset){0};
}

/* Accounts for what the set has grown to, and extra more. */
static int charge(struct sfx_keyset *set, size_t extra, struct sfx_err *err)
{
    uint64_t now = set->arena.total_nbytes + set->cap * sizeof(*set->slots) + extra;

    if (!sfx_operator_charge(set->op, (int64_t)(now - set->charged)))
        return sfx_operator_over_limit(set->op, err);
    set->charged = now;
    return 0;
}

static void place(struct sfx_key_slot *slots, size_t cap, struct sfx_key_slot slot)
{
    size_t at = slot.hash & (cap - 1);

    while (slots[at].key != NULL)
        at = (at + 1) & (cap - 1);
    slots[at] = slot;
}

static int grow(struct sfx_keyset *set, struct sfx_err *err)
{
    size_t cap = set->cap == 0 ? FIRST_CAP : set->cap * 2, i;
    struct sfx_key_slot *slots;
    int rc = charge(set, cap * sizeof(*slots), err);

    if (rc < 0)
        return rc;
    slots = calloc(cap, sizeof(*slots));
    if (slots == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu keys", cap);
    for (i = 0; i < set->cap; i++) {
        if (set->slots[i].key != NULL)
            place(slots, cap, set->slots[i]);
    }
    free(set->slots);
    set->slots = slots;
    set->cap = cap;
    return charge(set, 0, err);
}

static struct sfx_key *new_key(struct sfx_keyset *set, const char *bytes, uint32_t len,
                               struct sfx_err *err)
{
    struct sfx_key *key =
        sfx_arena_alloc(&set->arena, sizeof(*key) + set->payload_nbytes + len, err);

    if (key == NULL)
        return NULL;
    memset(key, 0, sizeof(*key) + set->payload_nbytes);
    key->len = len;
    key->data = key->payload + set->payload_nbytes;
    if (len > 0)
        memcpy(key->data, bytes, len);
    *set->last = key;
    set->last = &key->next;
    set->count++;
    return key;
}

/* The key's entry, found or made; there is a free slot. */
static struct sfx_key *find_or_add(struct sfx_keyset *set, uint64_t hash, const char *bytes,
                                   uint32_t len, bool *fresh, struct sfx_err *err)
{
    size_t at = hash & (set->cap - 1);

    for (; set->slots[at].key != NULL; at = (at + 1) & (set->cap - 1)) {
        struct sfx_key *key = set->slots[at].key;

        if (set->slots[at].hash == hash && key->len == len &&
            (len == 0 || memcmp(key->data, bytes, len) == 0)) {
            *fresh = false;
            return key;
        }
    }
    *fresh = true;
    set->slots[at] = (struct sfx_key_slot){hash, new_key(set, bytes, len, err)};
    return set->slots[at].key;
}

int sfx_keyset_add(struct sfx_keyset *set, const struct sfx_keys *keys, uint32_t n,
                   struct sfx_key **entries, bool *fresh, struct sfx_err *err)
{
    uint32_t i, begin = 0;
    int rc;

    while (set->count + n > set->cap / 4 * 3) { /* at most three quarters full */
        rc = grow(set, err);
        if (rc < 0)
            return rc;
    }
    for (i = 0; i < n; i++) {
        if (i + PREFETCH_AHEAD < n)
            __builtin_prefetch(&set->slots[keys->hashes[i + PREFETCH_AHEAD] & (set->cap - 1)]);
        entries[i] = find_or_add(set, keys->hashes[i], keys->bytes.data + begin,
                                 keys->ends[i] - begin, &fresh[i], err);
        if (entries[i] == NULL)
            return SFX_E_NOMEM;
        begin = keys->ends[i];
    }
    return charge(set, 0, err);
}
