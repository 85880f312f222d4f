/* SPDX-License-Identifier: MIT */
/* Unique and foreign keys of a table schema: the values seen, and those of the other files. */
#include "query/stage_schema_internal.h"

#include "query/records.h"

#include <stdlib.h>
#include <string.h>

/* Appends a value of a key, so that no two lists of values have the same bytes. */
static int put_part(struct sfx_buf *out, struct sfx_slice text, struct sfx_err *err)
{
    unsigned char head[SFX_LENGTH_NBYTES];
    size_t len = (size_t)(sfx_put_length(head, (uint32_t)text.len) - head);
    int rc = sfx_buf_append(out, head, len, err);

    return rc < 0 ? rc : sfx_buf_append(out, text.ptr, text.len, err);
}

/* The same for a number: 1, 1.0 and 01 are one value. */
static int put_number(struct sfx_buf *out, struct sfx_decimal number, struct sfx_err *err)
{
    char digits[SFX_DECIMAL_TEXT_NBYTES];

    sfx_decimal_trim(&number, 0);
    return put_part(out, sfx_slice(digits, sfx_decimal_format(&number, digits)), err);
}

/* The key of a record: 1; 0: there is a null in it. */
static int make_key(struct sfx_table_schema_keys *keys, const struct sfx_field_key *key,
                    struct sfx_eval *ev, struct sfx_vec *const *fields, uint16_t row,
                    struct sfx_err *err)
{
    size_t i;
    int rc = 0;

    sfx_buf_clear(&keys->text);
    for (i = 0; i < key->nfields && rc == 0; i++) {
        const struct sfx_vec *vec = fields[key->fields[i]];

        if (vec == NULL || sfx_vec_is_blank(vec, row))
            return 0;
        if (vec->type == SFX_TYPE_NUMBER)
            rc = put_number(&keys->text, vec->nums[row], err);
        else
            rc = put_part(&keys->text, sfx_eval_cell_text(ev, &vec->cells[row]), err);
    }
    return rc < 0 ? rc : 1;
}

/* Accounts for what the sets have grown to: a quarter of the memory is for them, so that stages
 * with keys of their own find some. */
static void charge(struct sfx_table_schema_keys *keys, struct sfx_operator *op)
{
    uint64_t now = 0;
    size_t i;

    for (i = 0; i < keys->schema->nkeys; i++)
        now += sfx_textset_nbytes(&keys->sets[i]);
    if (now > keys->charged && !sfx_operator_charge(op, (int64_t)(now - keys->charged))) {
        keys->full = true;
        return;
    }
    keys->charged = now;
    keys->full = keys->full || now > sfx_operator_opts(op)->memory_nbytes / 4;
}

bool sfx_table_schema_key_is_foreign(const void *keys, size_t k)
{
    return ((const struct sfx_table_schema_keys *)keys)->schema->keys[k].file != NULL;
}

/* Lets row wait, with the keys that the sets do not decide on. */
static int keep_waiting(struct sfx_table_schema_keys *keys, struct sfx_eval *ev,
                        const struct sfx_frame *frame, struct sfx_vec *const *fields, uint16_t row,
                        struct sfx_err *err)
{
    size_t k;
    int rc = sfx_key_wait_row(&keys->wait, frame, row, err);

    for (k = 0; k < keys->schema->nkeys && rc == 0; k++) {
        bool is_there, foreign = sfx_table_schema_key_is_foreign(keys, k);

        rc = make_key(keys, &keys->schema->keys[k], ev, fields, row, err);
        if (rc <= 0)
            continue;
        is_there = sfx_textset_has(&keys->sets[k], sfx_buf_slice(&keys->text));
        rc = 0;
        if (!is_there)
            rc = sfx_key_wait_key(&keys->wait, k, sfx_buf_slice(&keys->text), err);
        else if (!foreign)
            rc = sfx_key_wait_broken(&keys->wait, k, err);
    }
    return rc;
}

/* Looks up, and notes, key k of row: 1: it holds, or is null; 0: it is broken. */
static int check_key(struct sfx_table_schema_keys *keys, struct sfx_eval *ev,
                     struct sfx_vec *const *fields, uint16_t row, size_t k, struct sfx_err *err)
{
    int rc = make_key(keys, &keys->schema->keys[k], ev, fields, row, err);

    if (rc <= 0)
        return rc < 0 ? rc : 1;
    if (sfx_table_schema_key_is_foreign(keys, k))
        return sfx_textset_has(&keys->sets[k], sfx_buf_slice(&keys->text));
    return sfx_textset_add(&keys->sets[k], sfx_buf_slice(&keys->text), err);
}

int sfx_table_schema_keys_check(struct sfx_table_schema_keys *keys, struct sfx_operator *op,
                                struct sfx_frame *frame, struct sfx_vec *const *fields,
                                sfx_key_broken *broken, void *ctx, struct sfx_err *err)
{
    struct sfx_eval *ev = sfx_operator_eval(op);
    uint32_t i;
    size_t k;
    int rc;

    if (keys->schema->nkeys == 0)
        return 0;
    if (keys->full) {
        rc = sfx_kept_begin(&keys->wait.rows, frame, err);
        for (i = 0; i < frame->nsel && rc == 0; i++)
            rc = keep_waiting(keys, ev, frame, fields, frame->sel[i], err);
        frame->nsel = 0;
        return rc;
    }
    for (k = 0; k < keys->schema->nkeys; k++) {
        for (i = 0; i < frame->nsel; i++) {
            rc = check_key(keys, ev, fields, frame->sel[i], k, err);
            if (rc < 0)
                return rc;
            if (rc == 0)
                broken(ctx, frame->sel[i], k);
        }
    }
    charge(keys, op);
    return 0;
}

/* --- the files of foreign keys ---------------------------------------------------------------- */

/* The file's name as seen from the schema's folder. Errors: NULL, NOMEM. */
static char *find_file(const struct sfx_table_schema *schema, const char *file, struct sfx_err *err)
{
    const char *slash = strrchr(schema->name, '/');
    size_t folder = slash != NULL && file[0] != '/' ? (size_t)(slash - schema->name) + 1 : 0;
    char *name = malloc(folder + strlen(file) + 1);

    if (name == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a name");
        return NULL;
    }
    memcpy(name, schema->name, folder);
    memcpy(name + folder, file, strlen(file) + 1);
    return name;
}

/* The key of a record of the file: 1; 0: there is a null in it. */
static int make_file_key(struct sfx_table_schema_keys *keys, const struct sfx_field_key *key,
                         const struct sfx_batch *batch, const int *cols, uint16_t row,
                         struct sfx_err *err)
{
    struct sfx_buf scratch = {0};
    struct sfx_decimal number;
    struct sfx_slice text;
    size_t i;
    int rc = 0;

    sfx_buf_clear(&keys->text);
    for (i = 0; i < key->nfields && rc == 0; i++) {
        const struct sfx_field *field = &keys->schema->fields[key->fields[i]];
        const struct sfx_cell *cell = &batch->columns[cols[i]].cells[row];

        if (sfx_cell_is_blank(cell))
            break;
        rc = sfx_cell_text(cell, &scratch, &text, err);
        if (rc < 0)
            break;
        if (sfx_field_is_numeric(field) && sfx_decimal_parse(text, &number) == SFX_DECIMAL_OK)
            rc = put_number(&keys->text, number, err);
        else
            rc = put_part(&keys->text, text, err);
    }
    sfx_buf_done(&scratch);
    return rc < 0 ? rc : i == key->nfields;
}

static int take_batch(struct sfx_table_schema_keys *keys, size_t k, const struct sfx_batch *batch,
                      struct sfx_operator *op, struct sfx_err *err)
{
    const struct sfx_field_key *key = &keys->schema->keys[k];
    int *cols = calloc(key->nfields, sizeof(*cols));
    uint32_t i;
    size_t c;
    int rc = cols != NULL ? 0 : sfx_err_set(err, SFX_E_NOMEM, "no memory for a key");

    for (c = 0; c < key->nfields && rc == 0; c++) {
        cols[c] = sfx_batch_find(batch, key->columns[c]);
        if (cols[c] < 0 && !batch->open_schema)
            rc = sfx_err_set(err, SFX_E_USAGE, "there is no column %.*s",
                             SFX_SLICE_ARG(key->columns[c]));
        else if (cols[c] < 0)
            batch = NULL;
        if (batch == NULL) { /* none of these records has the key */
            free(cols);
            return 0;
        }
    }
    for (i = 0; i < batch->nsel && rc == 0; i++) {
        rc = make_file_key(keys, key, batch, cols, batch->sel[i], err);
        if (rc > 0 && keys->full)
            rc = sfx_key_wait_known(&keys->wait, k, sfx_buf_slice(&keys->text), err);
        else if (rc > 0)
            rc = sfx_textset_add(&keys->sets[k], sfx_buf_slice(&keys->text), err);
        rc = rc < 0 ? rc : 0;
    }
    free(cols);
    if (rc == 0 && !keys->full)
        charge(keys, op);
    return rc;
}

/* Reads the streams of the file into the key's set. */
static int read_streams(struct sfx_table_schema_keys *keys, size_t k, struct sfx_records *records,
                        struct sfx_batch *batch, struct sfx_operator *op, struct sfx_err *err)
{
    int more, rc = 0;

    while (rc == 0 && (more = sfx_records_next_stream(records, err)) != 0) {
        if (more < 0)
            return more;
        rc = sfx_records_open(records, batch, err);
        while (rc == 0 && (more = sfx_records_read(records, batch, NULL, err)) > 0)
            rc = take_batch(keys, k, batch, op, err);
        if (rc == 0 && more < 0)
            rc = more;
    }
    return rc;
}

static int load_file(struct sfx_table_schema_keys *keys, size_t k, struct sfx_operator *op,
                     struct sfx_err *err)
{
    char *name = find_file(keys->schema, keys->schema->keys[k].file, err);
    struct sfx_input *in = name != NULL ? sfx_input_new(name, NULL, err) : NULL;
    struct sfx_records *records = NULL;
    struct sfx_batch batch;
    int rc = sfx_batch_init(&batch, err);

    if (rc == 0 && in == NULL)
        rc = err != NULL ? (int)err->code : SFX_E_IO;
    if (rc == 0 && (records = sfx_records_new(&(struct sfx_records_opts){0}, err)) == NULL)
        rc = SFX_E_NOMEM;
    if (rc == 0) {
        sfx_records_take(records, in);
        in = NULL;
        rc = read_streams(keys, k, records, &batch, op, err);
    }
    if (records != NULL)
        sfx_records_free(records, &batch);
    sfx_input_free(in);
    sfx_batch_done(&batch);
    free(name);
    return rc < 0 ? sfx_err_wrap(err, rc, "%s: foreign key: %s", keys->schema->name,
                                 keys->schema->keys[k].file)
                  : 0;
}

int sfx_table_schema_keys_load(struct sfx_table_schema_keys *keys, struct sfx_operator *op,
                               struct sfx_err *err)
{
    size_t k;
    int rc = 0;

    if (keys->loaded || keys->schema->nkeys == 0)
        return 0;
    keys->sets = calloc(keys->schema->nkeys, sizeof(*keys->sets));
    if (keys->sets == NULL)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for keys");
    for (k = 0; k < keys->schema->nkeys && rc == 0; k++) {
        if (keys->schema->keys[k].file != NULL)
            rc = load_file(keys, k, op, err);
    }
    keys->loaded = rc == 0;
    return rc;
}

/* Gives the memory of the sets back. */
static void free_sets(struct sfx_table_schema_keys *keys, struct sfx_operator *op)
{
    size_t k;

    for (k = 0; keys->sets != NULL && k < keys->schema->nkeys; k++)
        sfx_textset_done(&keys->sets[k]);
    (void)sfx_operator_charge(op, -(int64_t)keys->charged);
    keys->charged = 0;
}

int sfx_table_schema_keys_resolve(struct sfx_table_schema_keys *keys, struct sfx_operator *op,
                                  struct sfx_err *err)
{
    free_sets(keys, op);
    return sfx_key_wait_resolve(&keys->wait, sfx_table_schema_key_is_foreign, keys, err);
}

void sfx_table_schema_keys_done(struct sfx_table_schema_keys *keys, struct sfx_operator *op)
{
    free_sets(keys, op);
    free(keys->sets);
    sfx_buf_done(&keys->text);
    sfx_key_wait_done(&keys->wait);
    *keys = (struct sfx_table_schema_keys){0};
}
