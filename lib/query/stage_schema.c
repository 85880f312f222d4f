/* SPDX-License-Identifier: MIT */
/*
 * The stage in front of all others that checks records against a table schema and gives the columns
 * their types. Not a verb of the language.
 */
#include "query/stage_schema_internal.h"

#include <inttypes.h>
#include <string.h>

struct check {
    struct sfx_operator op;
    const struct sfx_table_schema *schema;
    struct sfx_table_schema_keys keys;
    struct sfx_matcher matcher;
    /* Bound to the frames that come in; by field. */
    struct sfx_vec **in; /* NULL: the frame has no such column */
    struct sfx_vec **out;
    bool *extra; /* by column: the schema does not know it */
    /* Counted; NULL: nobody wants to know. */
    struct sfx_rule *total;
    struct sfx_rule **rules; /* by field and rule, those that were broken */
    struct sfx_arena arena;
    const struct sfx_frame *frame; /* in hand */
};

static const char *const rule_words[SFX_NRULES] = {
    "required", "type",      "enum",      "pattern", "format",     "minimum",
    "maximum",  "minLength", "maxLength", "unique",  "foreignKey", "additionalProperties",
};

/* --- binding ---------------------------------------------------------------------------------- */

static bool is_called(const struct sfx_field *field, struct sfx_slice name)
{
    size_t i;

    if (sfx_slice_eq(field->name, name))
        return true;
    for (i = 0; i < field->ntitles; i++) {
        if (sfx_slice_eq(field->titles[i], name))
            return true;
    }
    return false;
}

/* The frame's column of a field, or -1. */
static int64_t find_column(const struct sfx_field *field, const struct sfx_frame *in)
{
    size_t c;

    for (c = 0; c < in->ncols; c++) {
        if (is_called(field, in->cols[c].name))
            return (int64_t)c;
    }
    return -1;
}

/* The vector that goes out for a field: over the cells that came in, with the values beside them.
 */
static struct sfx_vec *make_vec(const struct sfx_field *field, struct sfx_vec *in,
                                struct sfx_arena *arena, struct sfx_err *err)
{
    struct sfx_vec *vec = sfx_arena_calloc(arena, 1, sizeof(*vec), err);

    if (vec == NULL)
        return NULL;
    vec->type = in->type;
    if (field->nnulls > 0) {
        vec->cells = sfx_arena_calloc(arena, SFX_BATCH_ROWS, sizeof(*vec->cells), err);
        if (vec->cells == NULL)
            return NULL;
    }
    if (sfx_field_is_numeric(field) || sfx_field_is_time(field)) {
        vec->type = sfx_field_is_time(field) ? SFX_TYPE_TIME : SFX_TYPE_NUMBER;
        vec->has_cells = true;
        vec->nums = sfx_arena_calloc(arena, SFX_BATCH_ROWS, sizeof(*vec->nums), err);
        vec->flags = sfx_arena_calloc(arena, SFX_BATCH_ROWS, 1, err);
        return vec->nums == NULL || vec->flags == NULL ? NULL : vec;
    }
    if (sfx_field_is_text(field))
        vec->type = SFX_TYPE_TEXT;
    return vec;
}

/* Says which columns of a header are not those of the schema; what must not be is an error. */
static int compare_header(struct check *check, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct sfx_table_schema *schema = check->schema;
    const struct sfx_log *log = sfx_operator_opts(&check->op)->log;
    const char *input = in->input != NULL ? in->input : "input";
    int64_t last = -1, c;
    bool moved = false;
    size_t i;

    for (i = 0; i < schema->nfields; i++) {
        c = find_column(&schema->fields[i], in);
        moved = moved || (c >= 0 && c < last);
        last = c >= 0 ? c : last;
        if (c < 0 && schema->fields[i].required)
            return sfx_err_set(err, SFX_E_INPUT, "%s: column %.*s is missing, which %s requires",
                               input, SFX_SLICE_ARG(schema->fields[i].name), schema->name);
        if (c < 0)
            sfx_log(log, SFX_LOG_NOTICE, "%s: column %.*s of %s is missing", input,
                    SFX_SLICE_ARG(schema->fields[i].name), schema->name);
    }
    for (i = 0; i < in->ncols; i++) {
        if (check->extra[i] && schema->closed)
            return sfx_err_set(err, SFX_E_INPUT, "%s: column %.*s is not in %s", input,
                               SFX_SLICE_ARG(in->cols[i].name), schema->name);
        if (check->extra[i])
            sfx_log(log, SFX_LOG_NOTICE, "%s: column %.*s is not in %s", input,
                    SFX_SLICE_ARG(in->cols[i].name), schema->name);
    }
    if (moved)
        sfx_log(log, SFX_LOG_NOTICE, "%s: the columns stand in another order than in %s", input,
                schema->name);
    return 0;
}

static int bind_fields(struct check *check, const struct sfx_frame *in, struct sfx_err *err)
{
    const struct sfx_table_schema *schema = check->schema;
    struct sfx_frame *out = &check->op.out;
    size_t f;

    for (f = 0; f < in->ncols; f++)
        check->extra[f] = true;
    for (f = 0; f < schema->nfields; f++) {
        int64_t c = find_column(&schema->fields[f], in);

        if (c < 0)
            continue;
        check->extra[c] = false;
        check->in[f] = in->cols[c].vec;
        check->out[f] = make_vec(&schema->fields[f], check->in[f], &check->op.arena, err);
        if (check->out[f] == NULL)
            return SFX_E_NOMEM;
        out->cols[c].name = schema->fields[f].name;
        out->cols[c].vec = check->out[f];
        if (schema->fields[f].nnulls > 0)
            out->nraw = 0;
    }
    return 0;
}

static int start(struct check *check, struct sfx_err *err)
{
    const struct sfx_query_opts *opts = sfx_operator_opts(&check->op);

    check->schema = check->op.ast->detail;
    check->keys.schema = check->schema;
    if (opts->rules == NULL || check->total != NULL)
        return 0;
    check->rules = sfx_arena_calloc(&check->arena, check->schema->nfields * SFX_NRULES + 1,
                                    sizeof(*check->rules), err);
    if (check->rules == NULL)
        return SFX_E_NOMEM;
    check->total = sfx_rules_add(opts->rules, sfx_slice_str(check->schema->name),
                                 sfx_on_error_word(sfx_operator_refusal(&check->op)), err);
    return check->total == NULL ? SFX_E_NOMEM : 0;
}

static int bind_check(struct sfx_operator *op, const struct sfx_frame *in, struct sfx_err *err)
{
    struct check *check = (struct check *)op;
    size_t nfields;
    int rc = start(check, err);

    if (rc < 0)
        return rc;
    nfields = check->schema->nfields;
    check->in = sfx_arena_calloc(&op->arena, nfields + 1, sizeof(struct sfx_vec *), err);
    check->out = sfx_arena_calloc(&op->arena, nfields + 1, sizeof(struct sfx_vec *), err);
    check->extra = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(bool), err);
    op->out =
        (struct sfx_frame){.ncols = in->ncols, .open = in->open, .nraw = in->nraw, .eol = in->eol};
    op->out.cols = sfx_arena_calloc(&op->arena, in->ncols + 1, sizeof(*op->out.cols), err);
    if (check->in == NULL || check->out == NULL || check->extra == NULL || op->out.cols == NULL)
        return SFX_E_NOMEM;
    if (in->ncols > 0)
        memcpy(op->out.cols, in->cols, in->ncols * sizeof(*in->cols));
    rc = bind_fields(check, in, err);
    if (rc == 0 && !in->open)
        rc = compare_header(check, in, err);
    op->out.schema_id = sfx_operator_new_schema(op);
    if (rc == 0 && check->schema->nkeys > 0)
        rc = sfx_key_wait_bind(&check->keys.wait, op, &op->out, err);
    return rc == 0 ? sfx_table_schema_keys_load(&check->keys, op, err) : rc;
}

/* --- checking --------------------------------------------------------------------------------- */

/* Counts a broken rule of field (its index) and gives its name. */
static int count(struct check *check, size_t field, enum sfx_field_rule rule,
                 struct sfx_slice *name, struct sfx_err *err)
{
    struct sfx_rule **slot;
    struct sfx_buf text = {0};
    int rc;

    *name = sfx_slice_str(rule_words[rule]);
    if (check->rules == NULL)
        return 0;
    slot = &check->rules[field * SFX_NRULES + (size_t)rule];
    if (*slot == NULL) {
        rc = sfx_buf_printf(&text, err, "%.*s: %s",
                            SFX_SLICE_ARG(check->schema->fields[field].name), rule_words[rule]);
        if (rc == 0)
            *slot = sfx_rules_add(sfx_operator_opts(&check->op)->rules, sfx_buf_slice(&text),
                                  check->total->action, err);
        sfx_buf_done(&text);
        if (*slot == NULL)
            return SFX_E_NOMEM;
    }
    (*slot)->failed++;
    return 0;
}

/* Makes row bad because of field's value. */
static void note(struct check *check, uint16_t row, size_t field, enum sfx_field_rule rule,
                 const char *reason)
{
    struct sfx_eval *ev = sfx_operator_eval(&check->op);
    const struct sfx_vec *vec = check->out[field];
    struct sfx_row_error error = {
        .row = row,
        .column = check->schema->fields[field].name,
        .reason = reason,
    };

    if (ev->bad[row])
        return;
    if (vec != NULL && vec->cells[row].kind > SFX_CELL_NULL) {
        error.has_value = true;
        error.value = sfx_eval_cell_text(ev, &vec->cells[row]);
    }
    if (count(check, field, rule, &error.rule, NULL) < 0)
        ev->rc = SFX_E_NOMEM;
    sfx_eval_note(ev, &error);
}

/* Texts that stand for null become null. */
static void make_nulls(struct check *check, size_t field, const struct sfx_frame *in)
{
    struct sfx_eval *ev = sfx_operator_eval(&check->op);
    const struct sfx_field *f = &check->schema->fields[field];
    struct sfx_cell *cells = check->out[field]->cells;
    uint32_t i;
    size_t n;

    for (i = 0; i < in->nsel; i++) {
        uint16_t row = in->sel[i];
        struct sfx_slice text;

        cells[row] = check->in[field]->cells[row];
        text = sfx_eval_cell_text(ev, &cells[row]);
        for (n = 0; n < f->nnulls && cells[row].kind > SFX_CELL_NULL; n++) {
            if (sfx_slice_eq(text, f->nulls[n]))
                cells[row] = (struct sfx_cell){.kind = SFX_CELL_NULL};
        }
    }
}

static bool lacks(const struct sfx_field *field, const struct sfx_cell *cell)
{
    bool null_will_do = (field->types & SFX_FIELD_NULL) != 0 && cell->kind != SFX_CELL_MISSING;

    return field->required && !null_will_do;
}

/* The value beside a cell that was found good. False: it has none (a time beyond the calendar). */
static bool set_value(const struct sfx_eval *ev, struct sfx_vec *vec, uint16_t row,
                      const struct sfx_table_schema_value *value)
{
    struct sfx_timestamp time;

    if (vec->type == SFX_TYPE_NUMBER) {
        vec->nums[row] = value->number;
        return true;
    }
    if (sfx_timestamp_parse(value->text, ev->zone, &time) != NULL)
        return false;
    vec->nums[row] = sfx_time_slot(time);
    return true;
}

static void check_field(struct check *check, size_t field, const struct sfx_frame *in)
{
    struct sfx_eval *ev = sfx_operator_eval(&check->op);
    const struct sfx_field *f = &check->schema->fields[field];
    struct sfx_vec *vec = check->out[field];
    struct sfx_table_schema_value value = {0};
    uint32_t i;
    int rule;

    if (f->nnulls > 0)
        make_nulls(check, field, in);
    else
        vec->cells = check->in[field]->cells;
    for (i = 0; i < in->nsel; i++) {
        uint16_t row = in->sel[i];
        const struct sfx_cell *cell = &vec->cells[row];

        if (vec->flags != NULL)
            vec->flags[row] = 1;
        if (sfx_cell_is_blank(cell)) {
            if (lacks(f, cell))
                note(check, row, field, SFX_RULE_REQUIRED, f->reasons[SFX_RULE_REQUIRED]);
            continue;
        }
        value.text = sfx_eval_cell_text(ev, cell);
        rule = sfx_table_schema_check_value(f, cell, &check->matcher, &value);
        if (rule >= 0) {
            note(check, row, field, (enum sfx_field_rule)rule, f->reasons[rule]);
        } else if (vec->flags != NULL) {
            vec->flags[row] = !set_value(ev, vec, row, &value);
        }
    }
}

/* Records (of JSON) that lack a column that no record had so far, or have one too many. */
static void check_members(struct check *check, const struct sfx_frame *in)
{
    const struct sfx_table_schema *schema = check->schema;
    struct sfx_eval *ev = sfx_operator_eval(&check->op);
    uint32_t i;
    size_t c;

    for (c = 0; c < schema->nfields; c++) {
        for (i = 0; check->in[c] == NULL && schema->fields[c].required && i < in->nsel; i++)
            note(check, in->sel[i], c, SFX_RULE_REQUIRED,
                 schema->fields[c].reasons[SFX_RULE_REQUIRED]);
    }
    for (c = 0; schema->closed && c < in->ncols; c++) {
        for (i = 0; check->extra[c] && i < in->nsel; i++) {
            struct sfx_row_error error = {
                .row = in->sel[i],
                .column = in->cols[c].name,
                .reason = "is not in the schema",
                .rule = sfx_slice_str(rule_words[SFX_RULE_ADDITIONAL]),
            };

            if (in->cols[c].vec->cells[in->sel[i]].kind != SFX_CELL_MISSING)
                sfx_eval_note(ev, &error);
        }
    }
}

static void key_is_broken(void *ctx, uint16_t row, size_t key)
{
    struct check *check = ctx;
    const struct sfx_field_key *k = &check->schema->keys[key];

    if (k->file != NULL)
        note(check, row, k->fields[0], SFX_RULE_FOREIGN_KEY, "is not in the other file");
    else
        note(check, row, k->fields[0], SFX_RULE_UNIQUE, "has come before");
}

/* What was broken is counted over all records seen. */
static void count_records(struct check *check, uint32_t seen, uint32_t failed)
{
    size_t i;

    if (check->total == NULL)
        return;
    check->total->checked += seen;
    check->total->failed += failed;
    for (i = 0; i < check->schema->nfields * SFX_NRULES; i++) {
        if (check->rules[i] != NULL)
            check->rules[i]->checked = check->total->checked;
    }
}

/* Refuses the records of op's out whose keys are broken, counts (seen records, of which others
 * failed), and hands the rest on. */
static int settle_keys(struct check *check, uint32_t seen, uint32_t failed, int rc,
                       struct sfx_err *err)
{
    struct sfx_operator *op = &check->op;

    if (rc == 0) {
        failed += sfx_operator_eval(op)->nerrors;
        rc = sfx_operator_settle(op, &op->out, err);
    }
    count_records(check, seen, failed);
    return rc < 0 ? rc : sfx_operator_pass(op, &op->out, err);
}

static int push_check(struct sfx_operator *op, struct sfx_frame *in, struct sfx_err *err)
{
    struct check *check = (struct check *)op;
    uint32_t seen = in->nsel, failed = 0;
    size_t f;
    int rc;

    for (f = 0; f < check->schema->nfields; f++) {
        if (check->in[f] != NULL)
            check_field(check, f, in);
    }
    if (in->open)
        check_members(check, in);
    failed = sfx_operator_eval(op)->nerrors;
    rc = sfx_operator_settle(op, in, err);
    sfx_frame_take_rows(&op->out, in);
    if (rc == 0)
        rc = sfx_table_schema_keys_check(&check->keys, op, &op->out, check->out, key_is_broken,
                                         check, err);
    return settle_keys(check, seen, failed, rc, err);
}

/* Records that waited come back, and are found to break keys or not. */
static int finish_check(struct sfx_operator *op, struct sfx_err *err)
{
    struct check *check = (struct check *)op;
    size_t f, c;
    int rc;

    if (!check->keys.full)
        return 0;
    rc = sfx_table_schema_keys_resolve(&check->keys, op, err);
    for (f = 0; f < check->schema->nfields && rc == 0; f++) {
        check->out[f] = NULL;
        for (c = 0; c < op->out.ncols && check->out[f] == NULL; c++) {
            if (sfx_slice_eq(op->out.cols[c].name, check->schema->fields[f].name))
                check->out[f] = op->out.cols[c].vec;
        }
    }
    while (rc == 0 && !sfx_operator_is_done(op)) {
        rc = sfx_key_wait_next(&check->keys.wait, key_is_broken, check, err);
        if (rc <= 0)
            return rc;
        rc = settle_keys(check, 0, 0, 0, err);
    }
    return rc;
}

static bool never(const struct sfx_operator *op)
{
    (void)op;
    return false;
}

static enum sfx_rest uses_of_check(const struct sfx_stage_ast *ast, struct sfx_uses *uses,
                                   enum sfx_rest rest)
{
    const struct sfx_table_schema *schema = ast->detail;
    size_t f, t;

    for (f = 0; f < schema->nfields; f++) {
        sfx_uses_name(uses, schema->fields[f].name);
        for (t = 0; t < schema->fields[f].ntitles; t++)
            sfx_uses_name(uses, schema->fields[f].titles[t]);
        if (schema->fields[f].nnulls > 0 || schema->fields[f].ntitles > 0)
            rest = SFX_REST_CELLS;
    }
    if (schema->nkeys > 0 && rest == SFX_REST_RECORD) /* they may have to be kept */
        rest = SFX_REST_CELLS;
    return schema->closed ? SFX_REST_CELLS : rest;
}

static void destroy_check(struct sfx_operator *op)
{
    struct check *check = (struct check *)op;

    if (check->schema != NULL)
        sfx_table_schema_keys_done(&check->keys, op);
    sfx_matcher_done(&check->matcher);
    sfx_arena_done(&check->arena);
}

const struct sfx_verb sfx_verb_schema = {
    .name = "schema",
    .usage = "--schema FILE",
    .help = "checks each record against a table schema, whose types its columns have from then on",
    .plan = "streaming; unique and foreign keys take memory; when a quarter of --memory is full, "
            "records wait on disk until the input ends",
    .can_fail = true,
    .uses = uses_of_check,
    .state_nbytes = sizeof(struct check),
    .bind = bind_check,
    .push = push_check,
    .finish = finish_check,
    .blocks = never,
    .destroy = destroy_check,
};
