/* SPDX-License-Identifier: MIT */
/* Operands: their streams, and which of them hold records. */
#include "base/path.h"
#include "query/records.h"
#include "sink/load_internal.h"

#include <string.h>
#include <strings.h>

int sfx_load_detect(struct sfx_load *load, struct sfx_input *in, struct sfx_slice *type,
                    struct sfx_err *err)
{
    struct sfx_slice head;
    int rc = sfx_input_peek(in, &head, err);

    if (rc < 0)
        return rc;
    if (load->media == NULL)
        load->media = sfx_media_new(err);
    if (load->media == NULL)
        return SFX_E_NOMEM;
    return sfx_media_detect(load->media, head, sfx_slice_str(sfx_input_data_name(in)), type, err);
}

const struct sfx_format *sfx_load_format(struct sfx_slice type, const char *name)
{
    const struct sfx_format *named = sfx_format_by_media_type(type);
    const char *const *ext;
    struct sfx_path_parts parts;

    if (named != NULL)
        return named;
    /* What has the extension of a format is taken for it, whatever it looks like. */
    named = sfx_format_detect(name, sfx_slice(NULL, 0));
    sfx_path_split(sfx_slice_str(name), &parts);
    for (ext = named->extensions; *ext != NULL; ext++) {
        if (parts.ext.len == strlen(*ext) && strncasecmp(parts.ext.ptr, *ext, parts.ext.len) == 0)
            return named;
    }
    return NULL;
}

/* Finds the format of the current stream; NULL for a member that holds no records. */
static int choose_format(struct sfx_load *load, struct sfx_input *in,
                         const struct sfx_format **format, struct sfx_err *err)
{
    const char *name = sfx_input_data_name(in);
    struct sfx_slice type;
    int rc;

    *format = load->format != NULL ? load->format : sfx_load_format(sfx_slice(NULL, 0), name);
    if (*format != NULL)
        return 0;
    if (sfx_input_member(in) == NULL)
        return sfx_records_guess(in, NULL, format, err);
    rc = sfx_load_detect(load, in, &type, err);
    if (rc == 0)
        *format = sfx_load_format(type, name);
    return rc;
}

/* Loads or ignores the current stream. */
static int take_stream(struct sfx_load *load, struct sfx_input *in, struct sfx_err *err)
{
    const struct sfx_format *format;
    int rc;

    load->result =
        (struct sfx_load_result){.name = sfx_input_name(in), .member = sfx_input_member(in)};
    rc = choose_format(load, in, &format, err);
    if (rc < 0)
        return rc;
    if (format == NULL) {
        load->result.outcome = SFX_LOAD_IGNORED;
        return 0;
    }
    rc = sfx_load_name_table(load, sfx_input_data_name(in), NULL, err);
    return rc < 0 ? rc : sfx_load_stream(load, in, format, err);
}

/* Every stream of the operand. <0: the operand is damaged, or the run cannot go on. */
static int take_streams(struct sfx_load *load, struct sfx_input *in, struct sfx_err *err)
{
    struct sfx_err failure = {0};
    int rc;

    while ((rc = sfx_input_next(in, err)) > 0) {
        rc = take_stream(load, in, err);
        failure = rc < 0 ? *err : (struct sfx_err){0};
        rc = sfx_load_told(load, rc, err);
        if (rc < 0)
            return rc;
    }
    /* The damage within a member is met again behind it, and was told with the member. */
    return rc < 0 && rc == (int)failure.code && strcmp(err->text, failure.text) == 0 ? 0 : rc;
}

int sfx_load_operand(struct sfx_load *load, const char *path, const struct sfx_event *event,
                     struct sfx_err *err)
{
    const struct sfx_input_limits limits = {.stop = load->opts.stop};
    struct sfx_input *in;
    struct sfx_err own;
    int rc;

    err = err != NULL ? err : &own;
    in = sfx_input_new(path, &limits, err);
    rc = in != NULL ? 0 : (int)err->code;
    load->event = event;
    sfx_err_clear(&load->first_failure);
    if (rc == 0)
        rc = take_streams(load, in, err);
    if (rc < 0 && sfx_load_check_stop(load, err) < 0)
        rc = SFX_E_TEMPORARY;
    if (rc < 0 && !load->broken) {
        load->result = (struct sfx_load_result){.name = path};
        rc = sfx_load_told(load, rc, err);
    }
    if (in != NULL)
        sfx_input_say_skipped(in, load->opts.log);
    sfx_input_free(in);
    return rc < 0 ? rc : sfx_load_first_failure(load, err);
}

int sfx_load_operands(struct sfx_load *load, const char *const *paths, struct sfx_err *err)
{
    static const char *const standard_input[] = {"-", NULL};
    struct sfx_err own;
    size_t n = 0;
    int rc;

    err = err != NULL ? err : &own;
    if (paths[0] == NULL)
        paths = standard_input;
    else if (load->opts.load_id != NULL && paths[1] != NULL)
        return sfx_err_set(err, SFX_E_USAGE, "a load's id is the name of one input");
    load->together = load->sink->ops->whole;
    while (paths[n] != NULL)
        n++;
    for (; *paths != NULL; paths++, n--) {
        /* The first one makes the table. */
        if (load->stats.loaded + load->stats.known > 0 && sfx_load_in_parallel(load, n)) {
            rc = sfx_load_all_paths(load, paths, n, err);
            if (rc < 0)
                return rc;
            break;
        }
        rc = sfx_load_operand(load, *paths, NULL, err);
        if (load->broken)
            return rc;
        if (rc < 0)
            sfx_log_err(load->opts.log, SFX_LOG_ERROR, err);
    }
    rc = load->together ? sfx_load_flush(load, err) : 0;
    if (rc < 0)
        return rc;
    return load->stats.failed > 0 || load->stats.records.rejected > 0;
}
