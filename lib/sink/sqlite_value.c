/* SPDX-License-Identifier: MIT */
/*
 * What fits a column of SQLite. SQLite itself takes anything anywhere and converts as it likes
 * ("00501" becomes 501 in a column of numeric affinity); here a value either comes back, or it does
 * not fit. Affinity is decided as in https://sqlite.org/datatype3.html section 3.1.
 */
#include "sink/exact.h"
#include "sink/sqlite_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool has(const char *declared, const char *word)
{
    return strcasestr(declared, word) != NULL;
}

/* DECIMAL(p,s) and NUMERIC(p,s); without s it is 0. */
static bool has_scale(const char *declared, uint32_t *precision, uint32_t *scale)
{
    const char *paren = strchr(declared, '(');
    unsigned p, s = 0;

    if (paren == NULL || sscanf(paren, "( %4u , %4u", &p, &s) < 1)
        return false;
    *precision = p;
    *scale = s;
    return s <= p;
}

void sfx_sqlite_classify(struct sfx_ddl_column *col)
{
    const char *declared = col->declared;

    if (has(declared, "INT"))
        col->class = SFX_SQLITE_INTEGER;
    else if (has(declared, "CHAR") || has(declared, "CLOB") || has(declared, "TEXT") ||
             declared[0] == '\0')
        col->class = SFX_SQLITE_TEXT;
    else if (has(declared, "BLOB"))
        col->class = SFX_SQLITE_BLOB;
    else if (has(declared, "REAL") || has(declared, "FLOA") || has(declared, "DOUB"))
        col->class = SFX_SQLITE_REAL;
    else if (has(declared, "BOOL"))
        col->class = SFX_SQLITE_BOOLEAN;
    else if (has(declared, "DEC") || has(declared, "NUM"))
        col->class = has_scale(declared, &col->precision, &col->scale) ? SFX_SQLITE_DECIMAL
                                                                       : SFX_SQLITE_NUMERIC;
    else
        col->class = SFX_SQLITE_OTHER;
}

static bool take_int(struct sfx_sqlite_value *v, int64_t value)
{
    v->kind = SFX_SQLITE_V_INT;
    v->integer = value;
    return true;
}

static bool take_real(struct sfx_sqlite_value *v, double value)
{
    v->kind = SFX_SQLITE_V_REAL;
    v->real = value;
    return true;
}

static bool take_text(struct sfx_sqlite_value *v)
{
    v->kind = SFX_SQLITE_V_TEXT;
    return true;
}

static bool fit_integer(struct sfx_sqlite_value *v)
{
    struct sfx_exact num;

    sfx_exact_scan(v->text, &num);
    return (num.forms & SFX_EXACT_INTEGER) != 0 && take_int(v, sfx_exact_int64(&num));
}

/* Fewer digits after the '.' than the column's are the same number at its scale. */
static bool fit_decimal(const struct sfx_ddl_column *col, struct sfx_sqlite_value *v)
{
    struct sfx_exact num;

    sfx_exact_scan(v->text, &num);
    if (num.forms == 0 || num.scale > col->scale || num.int_len > col->precision - col->scale)
        return false;
    if (num.forms & SFX_EXACT_INTEGER)
        return take_int(v, sfx_exact_int64(&num));
    return (num.forms & SFX_EXACT_DECIMAL) != 0 && take_real(v, sfx_exact_double(&num, v->text));
}

static bool fit_real(struct sfx_sqlite_value *v)
{
    double value;

    return sfx_exact_fits_double(v->text, &value) && take_real(v, value);
}

static bool fit_boolean(struct sfx_sqlite_value *v)
{
    if (sfx_slice_eq(v->text, SFX_SLICE_LIT("true")) || sfx_slice_eq(v->text, SFX_SLICE_LIT("1")))
        return take_int(v, 1);
    if (sfx_slice_eq(v->text, SFX_SLICE_LIT("false")) || sfx_slice_eq(v->text, SFX_SLICE_LIT("0")))
        return take_int(v, 0);
    return false;
}

static bool fit_other(struct sfx_sqlite_value *v)
{
    struct sfx_exact num;

    if (!sfx_exact_looks_numeric(v->text))
        return take_text(v);
    sfx_exact_scan(v->text, &num);
    if (num.forms & SFX_EXACT_INTEGER)
        return take_int(v, sfx_exact_int64(&num));
    return (num.forms & SFX_EXACT_NUMERIC) != 0 && take_real(v, sfx_exact_double(&num, v->text));
}

static bool fit(const struct sfx_ddl_column *col, struct sfx_sqlite_value *v)
{
    switch ((enum sfx_sqlite_class)col->class) {
    case SFX_SQLITE_TEXT:
    case SFX_SQLITE_BLOB: return take_text(v);
    case SFX_SQLITE_INTEGER: return fit_integer(v);
    case SFX_SQLITE_DECIMAL: return fit_decimal(col, v);
    case SFX_SQLITE_NUMERIC: return fit_integer(v) || fit_real(v);
    case SFX_SQLITE_REAL: return fit_real(v);
    case SFX_SQLITE_BOOLEAN: return fit_boolean(v);
    case SFX_SQLITE_OTHER: return fit_other(v);
    }
    return false;
}

static bool holds_text(const struct sfx_ddl_column *col)
{
    return col->class == SFX_SQLITE_TEXT || col->class == SFX_SQLITE_BLOB ||
           col->class == SFX_SQLITE_OTHER;
}

/* The decoded text must live until the statement is stepped: one more copy, in the arena. */
static int unescape(struct sfx_sqlite *s, const struct sfx_cell *cell, struct sfx_slice *text,
                    struct sfx_err *err)
{
    int rc = sfx_cell_text(cell, &s->scratch, text, err);

    if (rc < 0)
        return rc;
    text->ptr = sfx_arena_strndup(&s->unescaped, text->ptr, text->len, err);
    return text->ptr == NULL ? SFX_E_NOMEM : 0;
}

int sfx_sqlite_convert(struct sfx_sqlite *s, const struct sfx_ddl_column *col,
                       const struct sfx_cell *cell, struct sfx_sqlite_value *out,
                       struct sfx_err *err)
{
    int rc;

    out->kind = SFX_SQLITE_V_NULL;
    if (cell->kind == SFX_CELL_MISSING || cell->kind == SFX_CELL_NULL)
        return 0;
    /* An empty field is no value, except a quoted one where text is wanted. */
    if (cell->kind == SFX_CELL_TEXT && cell->len == 0 &&
        !((cell->flags & SFX_CELL_QUOTED) && holds_text(col)))
        return 0;
    out->text = sfx_slice(cell->ptr, cell->len);
    if (cell->flags & SFX_CELL_ESCAPED) {
        rc = unescape(s, cell, &out->text, err);
        if (rc < 0)
            return rc;
    }
    return fit(col, out) ? 0 : 1;
}
