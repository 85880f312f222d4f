/* SPDX-License-Identifier: MIT */
/* What reading attributes and reading members of data have in common. */
#include "event/event_internal.h"

int sfx_event_text(struct sfx_event_parser *p, const struct sfx_json_token *tok,
                   struct sfx_slice *text, struct sfx_err *err)
{
    char *copy;
    int rc;

    *text = tok->text;
    if (!tok->escaped)
        return 0;
    sfx_buf_clear(&p->scratch);
    rc = sfx_json_unescape(&p->scratch, tok->text, err);
    if (rc < 0)
        return rc;
    copy = sfx_arena_strndup(p->arena, p->scratch.data, p->scratch.len, err);
    if (copy == NULL)
        return SFX_E_NOMEM;
    *text = sfx_slice(copy, p->scratch.len);
    return 0;
}

int sfx_event_note(struct sfx_event_parser *p, size_t index, const char *name, struct sfx_err *err)
{
    uint32_t bit = UINT32_C(1) << index;

    if ((p->seen & bit) != 0)
        return sfx_err_set(err, SFX_E_INPUT, "%s stands there twice", name);
    p->seen |= bit;
    return 0;
}

int sfx_event_push(struct sfx_event_parser *p, struct sfx_event_attr **attrs, size_t *nattrs,
                   struct sfx_slice name, struct sfx_slice raw, struct sfx_err *err)
{
    size_t count = *nattrs;
    struct sfx_event_attr *grown;

    /* The array's room doubles whenever its count is a power of two. */
    if ((count & (count - 1)) == 0) {
        grown = sfx_arena_calloc(p->arena, count > 0 ? 2 * count : 1, sizeof(*grown), err);
        if (grown == NULL)
            return SFX_E_NOMEM;
        if (count > 0)
            memcpy(grown, *attrs, count * sizeof(*grown));
        *attrs = grown;
    }
    (*attrs)[count] = (struct sfx_event_attr){name, raw};
    *nattrs = count + 1;
    return 0;
}
