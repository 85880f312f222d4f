/* SPDX-License-Identifier: MIT */
/* One value against what is declared of its column. */
#include "query/stage_schema_internal.h"

static bool is_integral(const struct sfx_decimal *number)
{
    struct sfx_decimal whole = *number;

    sfx_decimal_trim(&whole, 0);
    return whole.scale == 0;
}

/* The types a value has, as bits: of JSON what it is, of a field whatever its text can be. */
static unsigned types_of(const struct sfx_field *field, const struct sfx_cell *cell,
                         const struct sfx_table_schema_value *value)
{
    unsigned types = SFX_FIELD_STRING;

    switch (cell->kind) {
    case SFX_CELL_JSON_STRING: return SFX_FIELD_STRING;
    case SFX_CELL_JSON_BOOL: return SFX_FIELD_BOOLEAN;
    case SFX_CELL_JSON_NESTED:
        return value->text.len > 0 && value->text.ptr[0] == '{' ? SFX_FIELD_OBJECT
                                                                : SFX_FIELD_ARRAY;
    case SFX_CELL_JSON_NUMBER: types = SFX_FIELD_NUMBER; break;
    default: break;
    }
    if (value->is_number)
        types |= SFX_FIELD_NUMBER | (is_integral(&value->number) ? SFX_FIELD_INTEGER : 0U);
    if (sfx_slice_eq(value->text, field->yes) || sfx_slice_eq(value->text, field->no))
        types |= SFX_FIELD_BOOLEAN;
    return types;
}

static bool is_choice(const struct sfx_field *field, const struct sfx_cell *cell,
                      const struct sfx_table_schema_value *value)
{
    bool json = cell->kind >= SFX_CELL_JSON_STRING && cell->kind <= SFX_CELL_JSON_NESTED;
    size_t i;

    for (i = 0; i < field->nchoices; i++) {
        const struct sfx_choice *choice = &field->choices[i];

        /* In JSON "1" and 1 differ. */
        if (json && (cell->kind == SFX_CELL_JSON_STRING) != (choice->type == SFX_JSON_STRING))
            continue;
        if (sfx_slice_eq(choice->text, value->text))
            return true;
        if (choice->is_number && value->is_number &&
            sfx_decimal_cmp(&choice->number, &value->number) == 0)
            return true;
    }
    return false;
}

/* <0, 0, >0: the value against a bound; 0 for what has no order with it. */
static int order(const struct sfx_table_schema_value *value, const struct sfx_bound *bound)
{
    if (bound->text.len > 0)
        return sfx_slice_cmp(value->text, bound->text);
    return value->is_number ? sfx_decimal_cmp(&value->number, &bound->number) : 0;
}

static bool is_out(const struct sfx_table_schema_value *value, const struct sfx_bound *bound,
                   int sign)
{
    int way;

    if (!bound->set || (bound->text.len == 0 && !value->is_number))
        return false;
    way = order(value, bound) * sign;
    return bound->exclusive ? way <= 0 : way < 0;
}

int sfx_table_schema_check_value(const struct sfx_field *field, const struct sfx_cell *cell,
                                 struct sfx_matcher *m, struct sfx_table_schema_value *value)
{
    bool is_text = cell->kind == SFX_CELL_TEXT || cell->kind == SFX_CELL_JSON_STRING ||
                   cell->kind == SFX_CELL_STRING;

    value->is_number = cell->kind != SFX_CELL_JSON_STRING && cell->kind != SFX_CELL_JSON_BOOL &&
                       cell->kind != SFX_CELL_JSON_NESTED &&
                       sfx_decimal_parse(value->text, &value->number) == SFX_DECIMAL_OK;
    if (field->types != 0 && (types_of(field, cell, value) & field->types) == 0)
        return SFX_RULE_TYPE;
    if (field->choices != NULL && !is_choice(field, cell, value))
        return SFX_RULE_ENUM;
    if (is_text && field->format != NULL && !field->format->is(value->text))
        return SFX_RULE_FORMAT;
    if (is_out(value, &field->min, 1))
        return SFX_RULE_MINIMUM;
    if (is_out(value, &field->max, -1))
        return SFX_RULE_MAXIMUM;
    if (is_text && (field->min_length > 0 || field->max_length < value->text.len)) {
        uint64_t length = sfx_table_schema_length(value->text);

        if (length < field->min_length)
            return SFX_RULE_MIN_LENGTH;
        if (length > field->max_length)
            return SFX_RULE_MAX_LENGTH;
    }
    if (is_text && field->pattern != NULL && sfx_regex_find(field->pattern, m, value->text, 0) <= 0)
        return SFX_RULE_PATTERN;
    return -1;
}
