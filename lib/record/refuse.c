/* SPDX-License-Identifier: MIT */
/* What a writer does with a record that its format cannot hold. */
#include "record/format_internal.h"

#include <inttypes.h>

int sfx_writer_refuse(const struct sfx_reject_sink *rejects, const struct sfx_batch *batch,
                      uint32_t row, size_t column, const char *reason, struct sfx_err *err)
{
    const struct sfx_row_origin *origin = &batch->rows[row];
    const struct sfx_slice name = batch->columns[column].name;
    const struct sfx_reject reject = {
        .input = batch->input,
        .member = batch->member,
        .line = origin->line,
        .offset = origin->offset,
        .column = name,
        .code = sfx_code_name(SFX_E_INPUT),
        .reason = reason,
        .raw = origin->raw,
    };
    int rc;

    if (rejects != NULL)
        return rejects->put(rejects->ctx, &reject, err);
    rc = sfx_err_set(err, SFX_E_INPUT, "column %.*s: %s", SFX_SLICE_ARG(name), reason);
    if (origin->line > 0)
        rc = sfx_err_wrap(err, rc, "line %" PRIu64 ", offset %" PRIu64, origin->line,
                          origin->offset);
    if (batch->member != NULL)
        rc = sfx_err_wrap(err, rc, "%s", batch->member);
    return batch->input != NULL ? sfx_err_wrap(err, rc, "%s", batch->input) : rc;
}
