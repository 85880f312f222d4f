/* SPDX-License-Identifier: MIT */
/*
 * Which format bytes look like. A format is named only where it is certain; whatever might be CSV
 * is CSV.
 */
#include "record/format_internal.h"
#include "record/logfmt_internal.h"
#include "record/markdown_internal.h"
#include "record/weblog_internal.h"

#include <string.h>

#define LOGFMT_PAIRS 2 /* that the first line must have at least */

/* The first line of *head that is not blank, without its end; *head goes behind it. */
static struct sfx_slice take_line(struct sfx_slice *head)
{
    const char *end = head->ptr + head->len;
    const char *at = head->ptr;
    const char *line_end;

    while (at < end && (*at == '\r' || *at == '\n'))
        at++;
    line_end = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    if (line_end == NULL)
        line_end = end;
    *head = sfx_slice(line_end, (size_t)(end - line_end));
    if (line_end > at && line_end[-1] == '\r')
        line_end--;
    return sfx_slice(at, (size_t)(line_end - at));
}

static bool has_byte(struct sfx_slice text, char byte)
{
    return text.len > 0 && memchr(text.ptr, byte, text.len) != NULL;
}

static bool is_word(struct sfx_slice text)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        const char c = text.ptr[i];

        if ((c < '0' || c > '9') && ((c | 0x20) < 'a' || (c | 0x20) > 'z') &&
            (c == '\0' || strchr("_.-/@", c) == NULL))
            return false;
    }
    return true;
}

/* Nothing but pairs, at least two, whose keys are words and whose bare values have no separator of
 * CSV. */
static bool is_logfmt(struct sfx_slice line)
{
    struct sfx_slice rest = line, key;
    struct sfx_cell value;
    const char *reason;
    size_t pairs = 0;
    int more;

    while ((more = sfx_logfmt_next(&rest, &key, &value, &reason)) > 0) {
        const struct sfx_slice text = sfx_slice(value.ptr, value.len);

        if (value.kind != SFX_CELL_TEXT || !is_word(key))
            return false;
        if ((value.flags & SFX_CELL_QUOTED) == 0 && (has_byte(text, ',') || has_byte(text, ';') ||
                                                     has_byte(text, '|') || has_byte(text, '"')))
            return false;
        pairs++;
    }
    return more == 0 && pairs >= LOGFMT_PAIRS && !has_byte(line, '\t');
}

const char *sfx_detect_content(struct sfx_slice head)
{
    struct sfx_slice line, rest;
    size_t i = 0;
    bool combined;

    if (head.len >= 3 && memcmp(head.ptr, "\xef\xbb\xbf", 3) == 0)
        head = sfx_slice(head.ptr + 3, head.len - 3);
    rest = head;
    line = take_line(&rest);
    while (i < head.len && strchr(" \t\r\n", head.ptr[i]) != NULL && head.ptr[i] != '\0')
        i++;
    if (i == head.len)
        return "csv";
    if (head.ptr[i] == '{')
        return "jsonl";
    if (head.ptr[i] == '[')
        return "json";
    if (sfx_weblog_matches(line, &combined))
        return combined ? "combined" : "clf";
    if (sfx_syslog_matches(line))
        return "syslog";
    if (line.len > 0 && line.ptr[0] == '|' && sfx_markdown_begins_table(line, take_line(&rest)))
        return "markdown";
    if (is_logfmt(line))
        return "logfmt";
    return has_byte(line, '\t') && !has_byte(line, ',') ? "tsv" : "csv";
}
