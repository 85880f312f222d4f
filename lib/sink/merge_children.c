/* SPDX-License-Identifier: MIT */
/* What child tables need of modes by keys: which records count, and which child rows go. */
#include "sink/merge.h"

#include <string.h>

const char *sfx_merge_parent_prefix(const char *key)
{
    return key[0] == '_' ? "_parent" : "_parent_";
}

/* The keys of m as a list; same: and as "t"."a"="s"."a" AND …. */
static int put_keys(const struct sfx_merge *m, struct sfx_buf *list, struct sfx_buf *same,
                    struct sfx_err *err)
{
    struct sfx_buf name = {0};
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < m->ncols; i++) {
        const char *quoted;

        if (!m->columns[i].key)
            continue;
        sfx_buf_clear(&name);
        rc = sfx_merge_quote(&name, m->columns[i].name, err);
        quoted = rc == 0 ? sfx_buf_cstr(&name, err) : NULL;
        if (quoted == NULL)
            rc = SFX_E_NOMEM;
        if (rc == 0)
            rc = sfx_buf_printf(list, err, "%s%s", list->len > 0 ? "," : "", quoted);
        if (rc == 0)
            rc = sfx_buf_printf(same, err, "%st.%s=s.%s", same->len > 0 ? " AND " : "", quoted,
                                quoted);
    }
    sfx_buf_done(&name);
    return rc;
}

/* Of the records of a key the one that counts, as plan_duplicates of merge.c has it. */
static int put_winners(const struct sfx_merge *m, const char *keys, const char *version,
                       struct sfx_buf *sql, struct sfx_err *err)
{
    const char *row = m->dialect->row;

    return sfx_buf_printf(sql, err,
                          "%sSELECT _sfx_n,%s FROM (SELECT row_number() OVER (ORDER BY %s)-1 AS "
                          "_sfx_n,row_number() OVER (PARTITION BY %s ORDER BY %s%s%s%s) AS _sfx_d,"
                          "s.* FROM %s AS s) AS s WHERE _sfx_d=1",
                          m->dialect->parents, keys, row, keys, version,
                          version[0] != '\0' ? " DESC NULLS LAST," : "", row,
                          m->how->mode == SFX_SINK_IGNORE ? "" : " DESC", m->stage);
}

int sfx_merge_parents(const struct sfx_merge *m, struct sfx_buf *sql, struct sfx_err *err)
{
    const bool newer = m->how->mode == SFX_SINK_NEWER;
    struct sfx_buf list = {0}, same = {0}, version = {0};
    const char *keys, *on, *by = "";
    int rc = put_keys(m, &list, &same, err);

    if (rc == 0 && newer)
        rc = sfx_merge_quote(&version, m->how->version, err);
    keys = sfx_buf_cstr(&list, err);
    on = sfx_buf_cstr(&same, err);
    if (newer)
        by = sfx_buf_cstr(&version, err);
    if (rc == 0 && (keys == NULL || on == NULL || by == NULL))
        rc = SFX_E_NOMEM;
    sfx_buf_clear(sql);
    if (rc == 0)
        rc = put_winners(m, keys, by, sql, err);
    if (rc == 0 && (newer || m->how->mode == SFX_SINK_IGNORE))
        rc = sfx_buf_printf(sql, err, " AND NOT EXISTS(SELECT 1 FROM %s AS t WHERE %s", m->table,
                            on);
    if (rc == 0 && newer)
        rc = sfx_buf_printf(sql, err, " AND (t.%s IS NULL OR s.%s>t.%s) IS NOT TRUE", by, by, by);
    if (rc == 0 && (newer || m->how->mode == SFX_SINK_IGNORE))
        rc = sfx_buf_putc(sql, ')', err);
    sfx_buf_done(&list);
    sfx_buf_done(&same);
    sfx_buf_done(&version);
    return rc;
}

/* The keys, as the table of parents has them, or a child table; '(' before them, ')' behind. */
static int put_side(const struct sfx_sink_how *how, bool child, struct sfx_buf *sql,
                    struct sfx_err *err)
{
    struct sfx_buf name = {0};
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < how->nkeys; i++) {
        const char *key = how->keys[i];

        sfx_buf_clear(&name);
        rc = sfx_buf_printf(&name, err, "%s%s", child ? sfx_merge_parent_prefix(key) : "", key);
        if (rc == 0 && i > 0)
            rc = sfx_buf_putc(sql, ',', err);
        if (rc == 0 && sfx_buf_cstr(&name, err) == NULL)
            rc = SFX_E_NOMEM;
        if (rc == 0)
            rc = sfx_merge_quote(sql, name.data, err);
    }
    sfx_buf_done(&name);
    return rc;
}

int sfx_merge_of_parents(const struct sfx_sink_how *how, struct sfx_buf *sql, struct sfx_err *err)
{
    int rc = sfx_buf_puts(sql, " WHERE (", err);

    if (rc == 0)
        rc = put_side(how, true, sql, err);
    if (rc == 0)
        rc = sfx_buf_puts(sql, ") IN (SELECT ", err);
    if (rc == 0)
        rc = put_side(how, false, sql, err);
    return rc == 0 ? sfx_buf_puts(sql, " FROM _sfx_parents)", err) : rc;
}
