/* SPDX-License-Identifier: MIT */
/* Picked records: places in memory that grow with the records, and are used again. */
#include "query/picked_internal.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PICKS       8
#define MALLOC_NBYTES     32 /* what an allocation costs, with what is lost between them */
#define PICK_ALIGN_NBYTES 64 /* records of like size do not make a place grow again and again */
#define DISK_PART         8  /* of the memory there is, for writing to disk */

int sfx_picks_bind(struct sfx_picks *picks, struct sfx_operator *op, const struct sfx_items *by,
                   const struct sfx_frame *in, struct sfx_err *err)
{
    int rc = sfx_by_bind(&picks->by, op, by, in, sizeof(struct sfx_picked), err);

    return rc < 0 ? rc : sfx_kept_bind(&picks->kept, op, in, 0, err);
}

/* --- places ----------------------------------------------------------------------------------- */

/*
 * Accounts for memory: 1; 0 when it is at the limit. The memory that writing to disk takes is set
 * aside in time, not from the start: most lots are small.
 */
static int charge(struct sfx_picks *picks, uint64_t nbytes, struct sfx_err *err)
{
    struct sfx_operator *op = picks->kept.op;
    uint64_t left = sfx_operator_available(op);

    if (!picks->disk.ready && op->charged_nbytes + nbytes > left / DISK_PART) {
        int rc = sfx_sorter_init_paid(&picks->disk, op, left / DISK_PART, err);

        if (rc < 0)
            return rc;
    }
    return sfx_operator_charge(op, (int64_t)nbytes);
}

static int add_pick(struct sfx_picks *picks, struct sfx_picked *lot, struct sfx_err *err)
{
    uint64_t cap = lot->cap == 0 ? FIRST_PICKS : lot->cap * 2;
    struct sfx_pick *grown;
    int rc;

    if (cap > picks->most)
        cap = picks->most;
    rc =
        charge(picks, (cap - lot->cap) * sizeof(*grown) + (lot->cap == 0 ? MALLOC_NBYTES : 0), err);
    if (rc <= 0)
        return rc;
    grown = realloc(lot->picks, cap * sizeof(*grown));
    if (grown == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %llu records", (unsigned long long)cap);
    memset(grown + lot->cap, 0, (cap - lot->cap) * sizeof(*grown));
    lot->picks = grown;
    lot->cap = cap;
    return 1;
}

/* Room for a key of nkey bytes and row in place `at` of lot (at most its count: then one is added):
 * 1; 0 when memory is at the limit. */
static int reserve(struct sfx_picks *picks, struct sfx_picked *lot, uint64_t at,
                   const struct sfx_frame *in, uint32_t row, size_t nkey, struct sfx_err *err)
{
    size_t nbytes = nkey + sfx_row_max_nbytes(&picks->kept.store, in, row), cap;
    struct sfx_pick *pick;
    unsigned char *data;
    int rc = at == lot->cap ? add_pick(picks, lot, err) : 1;

    if (rc <= 0)
        return rc;
    if (nbytes > UINT32_MAX - PICK_ALIGN_NBYTES)
        return sfx_err_set(err, SFX_E_LIMIT, "%s: a row of more than 4 GiB",
                           picks->kept.op->verb->name);
    pick = &lot->picks[at];
    if (pick->cap >= nbytes)
        return 1;
    cap = (nbytes + PICK_ALIGN_NBYTES - 1) / PICK_ALIGN_NBYTES * PICK_ALIGN_NBYTES;
    rc = charge(picks, cap - pick->cap + (pick->cap == 0 ? MALLOC_NBYTES : 0), err);
    if (rc <= 0)
        return rc;
    data = realloc(pick->data, cap);
    if (data == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a row of %zu bytes", nbytes);
    pick->data = data;
    pick->cap = (uint32_t)cap;
    return 1;
}

/* Frees the lot's records. */
static void free_lot(struct sfx_picks *picks, struct sfx_picked *lot)
{
    uint64_t i, nbytes = lot->cap * sizeof(*lot->picks) + (lot->cap > 0 ? MALLOC_NBYTES : 0);

    for (i = 0; i < lot->cap; i++) {
        nbytes += lot->picks[i].cap > 0 ? lot->picks[i].cap + MALLOC_NBYTES : 0;
        free(lot->picks[i].data);
    }
    free(lot->picks);
    *lot = (struct sfx_picked){0};
    (void)sfx_operator_charge(picks->kept.op, -(int64_t)nbytes);
}

/* --- to disk ---------------------------------------------------------------------------------- */

/*
 * A record's key on disk: the hash and the length of the by-key, the by-key, what ranks it, its
 * number. A rank by number alone puts the last one first.
 */
#define NUMBER_NBYTES sizeof(uint64_t)
#define GROUP_NBYTES  (NUMBER_NBYTES + sizeof(uint32_t))

static unsigned char *put(unsigned char *at, const void *bytes, size_t nbytes)
{
    if (nbytes > 0)
        memcpy(at, bytes, nbytes);
    return at + nbytes;
}

static unsigned char *put_number(unsigned char *at, uint64_t number)
{
    number = __builtin_bswap64(number);
    return put(at, &number, sizeof(number));
}

static uint64_t get_number(const unsigned char *at)
{
    uint64_t number;

    memcpy(&number, at, sizeof(number));
    return __builtin_bswap64(number);
}

static int write_lot(struct sfx_picks *picks, struct sfx_picked *lot, uint64_t hash,
                     struct sfx_slice key, struct sfx_err *err)
{
    uint32_t len = __builtin_bswap32((uint32_t)key.len);
    unsigned char *begin = NULL, *at;
    uint64_t i;
    int rc;

    for (i = 0; i < lot->count; i++) {
        const struct sfx_pick *pick = &lot->picks[i];
        size_t nkey = GROUP_NBYTES + key.len + pick->nkey + NUMBER_NBYTES;

        rc = sfx_sorter_reserve(&picks->disk, nkey + pick->nrow, &begin, err);
        if (rc < 0)
            return rc;
        at = put(put_number(begin, hash), &len, sizeof(len));
        at = put(put(at, key.ptr, key.len), pick->data, pick->nkey);
        at = put_number(at, picks->rank == SFX_PICKS_LAST ? ~pick->seq : pick->seq);
        (void)put(at, pick->data + pick->nkey, pick->nrow);
        sfx_sorter_commit(&picks->disk, nkey, pick->nrow);
    }
    free_lot(picks, lot);
    return 0;
}

/* Writes all lots, and forgets them with their keys. */
static int spill(struct sfx_picks *picks, struct sfx_err *err)
{
    struct sfx_keyset *set = &picks->by.set;
    size_t i;
    int rc = write_lot(picks, &picks->all, 0, sfx_slice(NULL, 0), err);

    for (i = 0; i < set->cap && rc == 0 && set->count > 0; i++) {
        struct sfx_key *key = set->slots[i].key;

        if (key != NULL)
            rc = write_lot(picks, (struct sfx_picked *)key->payload, set->slots[i].hash,
                           sfx_slice((const char *)sfx_key_data(set, key), key->len), err);
    }
    sfx_keyset_done(set);
    sfx_keyset_init(set, picks->kept.op, sizeof(struct sfx_picked));
    picks->spilled = true;
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", picks->kept.op->verb->name) : 0;
}

/* --- records in ------------------------------------------------------------------------------- */

static int by_seq(const struct sfx_pick *a, const struct sfx_pick *b)
{
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static int by_key(const struct sfx_pick *a, const struct sfx_pick *b)
{
    int order = memcmp(a->data, b->data, a->nkey < b->nkey ? a->nkey : b->nkey);

    if (order == 0)
        order = (a->nkey > b->nkey) - (a->nkey < b->nkey);
    return order != 0 ? order : by_seq(a, b);
}

/* A lot whose records are ranked by key is a heap, the one that goes first on top. */

static void swap(struct sfx_picked *lot, uint64_t a, uint64_t b)
{
    struct sfx_pick moved = lot->picks[a];

    lot->picks[a] = lot->picks[b];
    lot->picks[b] = moved;
}

static void sift_up(struct sfx_picked *lot, uint64_t at)
{
    while (at > 0 && by_key(&lot->picks[(at - 1) / 2], &lot->picks[at]) < 0) {
        swap(lot, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct sfx_picked *lot)
{
    uint64_t at = 0, child;

    while ((child = 2 * at + 1) < lot->count) {
        if (child + 1 < lot->count && by_key(&lot->picks[child], &lot->picks[child + 1]) < 0)
            child++;
        if (by_key(&lot->picks[at], &lot->picks[child]) >= 0)
            return;
        swap(lot, at, child);
        at = child;
    }
}

/* Keeps the record when fewer than most are, or when it counts more than one of them: 1; 0 when
 * memory is at the limit. */
static int offer(struct sfx_picks *picks, struct sfx_picked *lot, const struct sfx_frame *in,
                 uint32_t row, struct sfx_slice key, uint64_t seq, struct sfx_err *err)
{
    struct sfx_pick candidate = {.data = (unsigned char *)key.ptr, .nkey = (uint32_t)key.len};
    uint64_t at = lot->count < picks->most ? lot->count : 0;
    struct sfx_pick *pick;
    int rc;

    candidate.seq = seq;
    if (lot->count == picks->most && picks->rank == SFX_PICKS_LAST)
        at = lot->seen % picks->most;
    else if (lot->count == picks->most && by_key(&candidate, &lot->picks[0]) > 0)
        return 1;
    rc = reserve(picks, lot, at, in, row, key.len, err);
    if (rc <= 0)
        return rc;
    pick = &lot->picks[at];
    pick->nkey = (uint32_t)key.len;
    pick->nrow =
        (uint32_t)sfx_row_encode(&picks->kept.store, in, row, put(pick->data, key.ptr, key.len));
    pick->seq = seq;
    lot->seen++;
    lot->count += at == lot->count;
    if (picks->rank == SFX_PICKS_LAST)
        return 1;
    if (at > 0 || lot->count == 1)
        sift_up(lot, at);
    else
        sift_down(lot);
    return 1;
}

int sfx_picks_begin(struct sfx_picks *picks, const struct sfx_frame *in, struct sfx_err *err)
{
    int rc = sfx_kept_begin(&picks->kept, in, err);

    if (rc == 0 && picks->by.items->count > 0)
        rc = sfx_by_make_keys(&picks->by, in, err);
    return rc;
}

/* Finds or makes the lots of the rows from begin on, as far as memory reaches; their end. */
static int64_t find_lots(struct sfx_picks *picks, const struct sfx_frame *in, uint32_t begin,
                         struct sfx_err *err)
{
    struct sfx_by *by = &picks->by;
    int rc;

    if (by->items->count == 0)
        return in->nsel;
    rc = charge(picks, 0, err); /* keys take memory, too */
    return rc < 0 ? rc
                  : sfx_keyset_add_some(&by->set, &by->keys, begin, in->nsel, by->entries,
                                        by->fresh, err);
}

/* Offers the rows begin … end - 1 to their lots: the end of those that there was memory for. */
static int64_t offer_rows(struct sfx_picks *picks, const struct sfx_frame *in, uint32_t begin,
                          uint32_t end, sfx_picks_key *write_key, struct sfx_err *err)
{
    bool by = picks->by.items->count > 0;
    uint32_t i;
    int rc = 0;

    for (i = begin; i < end; i++) {
        struct sfx_slice key = {0};

        if (write_key != NULL)
            rc = write_key(picks->kept.op, in->sel[i], picks->seq + 1, &key, err);
        if (rc == 0)
            rc = offer(picks, by ? (struct sfx_picked *)picks->by.entries[i]->payload : &picks->all,
                       in, in->sel[i], key, picks->seq + 1, err);
        if (rc <= 0)
            return rc < 0 ? rc : (int64_t)i;
        rc = 0;
        picks->seq++;
    }
    return end;
}

int sfx_picks_push(struct sfx_picks *picks, const struct sfx_frame *in, uint32_t begin,
                   sfx_picks_key *key, struct sfx_err *err)
{
    bool emptied = false;

    while (begin < in->nsel && picks->most > 0) {
        int64_t end = find_lots(picks, in, begin, err);

        if (end > begin)
            end = offer_rows(picks, in, begin, (uint32_t)end, key, err);
        if (end < 0)
            return (int)end;
        if (end == begin && emptied)
            return sfx_operator_over_limit(picks->kept.op, err);
        emptied = end < in->nsel;
        begin = (uint32_t)end;
        if (emptied) {
            int rc = spill(picks, err);

            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

/* --- handing on ------------------------------------------------------------------------------- */

static int cmp_picks(const void *a, const void *b, void *in_order)
{
    const struct sfx_pick *const *left = a, *const *right = b;

    return *(bool *)in_order ? by_key(*left, *right) : by_seq(*left, *right);
}

/* The lots of all keys, and the one that is of no key. */
static size_t count_picks(const struct sfx_picks *picks)
{
    const struct sfx_key *key;
    size_t n = (size_t)picks->all.count;

    for (key = picks->by.set.first; key != NULL; key = key->next)
        n += (size_t)((const struct sfx_picked *)key->payload)->count;
    return n;
}

static size_t add_picks(const struct sfx_picked *lot, const struct sfx_pick **to)
{
    uint64_t i;

    for (i = 0; i < lot->count; i++)
        to[i] = &lot->picks[i];
    return (size_t)lot->count;
}

static int pass_lots(struct sfx_picks *picks, struct sfx_err *err)
{
    bool in_order = picks->rank == SFX_PICKS_IN_ORDER;
    const struct sfx_pick **sorted;
    const struct sfx_key *key;
    size_t i, n = count_picks(picks);
    int rc = sfx_kept_start(&picks->kept, err);

    if (rc < 0)
        return rc;
    sorted = malloc((n + 1) * sizeof(struct sfx_pick *));
    if (sorted == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for %zu records", n);
    n = add_picks(&picks->all, sorted);
    for (key = picks->by.set.first; key != NULL; key = key->next)
        n += add_picks((const struct sfx_picked *)key->payload, sorted + n);
    qsort_r(sorted, n, sizeof(struct sfx_pick *), cmp_picks, &in_order);
    for (i = 0, rc = 1; i < n && rc > 0; i++)
        rc = sfx_kept_put(&picks->kept, sorted[i]->data + sorted[i]->nkey, sorted[i]->nrow, true,
                          err);
    free(sorted);
    return rc <= 0 ? rc : sfx_kept_end(&picks->kept, err);
}

/* Keeps a record from disk under what it is handed on by. */
static int keep_record(struct sfx_picks *picks, const unsigned char *record, size_t group_nbytes,
                       struct sfx_err *err)
{
    const unsigned char *key = record + SFX_RECORD_HEAD_NBYTES, *row = sfx_record_row(record);
    size_t nrow = sfx_record_nbytes(record) - (size_t)(row - record);
    size_t nkey = picks->rank == SFX_PICKS_IN_ORDER
                      ? (size_t)(row - key) - group_nbytes
                      : NUMBER_NBYTES; /* with its number at the end */
    unsigned char *at = NULL;
    uint64_t number = get_number(row - NUMBER_NBYTES);
    int rc = sfx_sorter_reserve(&picks->kept.sorter, nkey + nrow, &at, err);

    if (rc < 0)
        return rc;
    at = put(at, row - nkey, nkey - NUMBER_NBYTES);
    at = put_number(at, picks->rank == SFX_PICKS_LAST ? ~number : number);
    (void)put(at, row, nrow);
    sfx_sorter_commit(&picks->kept.sorter, nkey, nrow);
    return 0;
}

static struct sfx_slice record_group(const unsigned char *record)
{
    uint32_t len;

    memcpy(&len, record + SFX_RECORD_HEAD_NBYTES + NUMBER_NBYTES, sizeof(len));
    return sfx_slice((const char *)record + SFX_RECORD_HEAD_NBYTES,
                     GROUP_NBYTES + (size_t)__builtin_bswap32(len));
}

/* Reads what is on disk: of each key the first records count. */
static int choose(struct sfx_picks *picks, struct sfx_err *err)
{
    const bool by = picks->by.items->count > 0;
    const unsigned char *record;
    struct sfx_buf last = {0};
    uint64_t n = 0;
    int rc;

    while ((rc = sfx_sorter_next(&picks->disk, &record, err)) > 0) {
        struct sfx_slice group = record_group(record);

        if (last.len == 0 || !sfx_slice_eq(group, sfx_buf_slice(&last))) {
            sfx_buf_clear(&last);
            rc = sfx_buf_append(&last, group.ptr, group.len, err);
            n = 0;
        }
        if (rc >= 0 && n++ < picks->most)
            rc = keep_record(picks, record, group.len, err);
        if (rc < 0 || (n >= picks->most && !by))
            break;
    }
    sfx_buf_done(&last);
    return rc < 0 ? rc : 0;
}

int sfx_picks_pass(struct sfx_picks *picks, struct sfx_err *err)
{
    int rc;

    if (!picks->spilled)
        return pass_lots(picks, err);
    rc = spill(picks, err);
    sfx_keyset_done(&picks->by.set);
#ifdef __GLIBC__
    (void)malloc_trim(0); /* what lots were in is in small pieces, of no use for what follows */
#endif
    if (rc == 0)
        rc = sfx_sorter_sort(&picks->disk, err);
    if (rc == 0)
        rc = choose(picks, err);
    sfx_sorter_done(&picks->disk);
    return rc < 0 ? rc : sfx_kept_pass_all(&picks->kept, err);
}

void sfx_picks_done(struct sfx_picks *picks)
{
    struct sfx_key *key;

    if (picks->kept.op != NULL) {
        free_lot(picks, &picks->all);
        for (key = picks->by.set.first; key != NULL; key = key->next)
            free_lot(picks, (struct sfx_picked *)key->payload);
    }
    sfx_by_done(&picks->by);
    sfx_sorter_done(&picks->disk);
    sfx_kept_done(&picks->kept);
}
