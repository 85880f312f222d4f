/* SPDX-License-Identifier: MIT */
/*
 * Messages, as text or as JSON lines. Nothing is allocated: a message about memory that ran out
 * must still be said.
 */
#include "cli/log.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A line being made: what does not fit is cut. */
struct line {
    char *at, *end; /* the last byte is kept for '\n' */
};

/* Text: program, message, note. */
#define TEXT_LINE_NBYTES (SFX_ERR_TEXT_NBYTES + SFX_ERR_NOTE_NBYTES + 128)
/* JSON: a byte takes six at most (\u001b), the names, the time and two numbers take the rest. */
#define JSON_LINE_NBYTES (6 * (SFX_ERR_TEXT_NBYTES + SFX_ERR_NOTE_NBYTES) + 512)

static void put(struct line *line, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct line *line, const char *fmt, ...)
{
    size_t room = (size_t)(line->end - line->at);
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line->at, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        line->at += (size_t)n < room ? (size_t)n : room - 1;
}

/* Appends text as a JSON string; what is not UTF-8 becomes U+FFFD. */
static void put_json_string(struct line *line, struct sfx_slice text)
{
    put(line, "\"");
    while (text.len > 0) {
        size_t i, valid = sfx_utf8_valid_prefix(text);

        for (i = 0; i < valid; i++) {
            unsigned char byte = (unsigned char)text.ptr[i];

            if (byte < 0x20 || byte == 0x7f)
                put(line, "\\u%04x", byte);
            else
                put(line, "%s%c", byte == '"' || byte == '\\' ? "\\" : "", byte);
        }
        if (valid < text.len) {
            put(line, "\xef\xbf\xbd");
            valid++;
        }
        text = sfx_slice(text.ptr + valid, text.len - valid);
    }
    put(line, "\"");
}

static const char *level_name(enum sfx_log_level level)
{
    switch (level) {
    case SFX_LOG_ERROR: return "error";
    case SFX_LOG_WARNING: return "warning";
    case SFX_LOG_NOTICE: return "notice";
    case SFX_LOG_INFO: return "info";
    case SFX_LOG_DEBUG: break;
    }
    return "debug";
}

/* Writes the line in one go. Failures are ignored: there is nobody left to tell. */
static void write_line(const struct sfx_log *log, const char *start, struct line *line)
{
    *line->at++ = '\n';
    (void)sfx_io_write(log->fd, start, (size_t)(line->at - start), NULL);
}

static void say_json(const struct sfx_log *log, enum sfx_log_level level, const char *message,
                     const struct sfx_err *err)
{
    char time[SFX_CLOCK_TEXT_NBYTES];
    char text[JSON_LINE_NBYTES];
    struct line line = {text, text + sizeof(text) - 1};

    (void)sfx_clock_format(sfx_clock_wall_ns(), time);
    put(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":", time, level_name(level));
    put_json_string(&line, sfx_slice_str(log->prog));
    put(&line, ",\"message\":");
    put_json_string(&line, sfx_slice_str(message));
    if (err != NULL) {
        put(&line, ",\"code\":\"%s\",\"errno\":%d", sfx_code_name(err->code), err->errnum);
        if (err->note[0] != '\0') {
            put(&line, ",\"note\":");
            put_json_string(&line, sfx_slice_str(err->note));
        }
    }
    put(&line, "}");
    write_line(log, text, &line);
}

static void say(const struct sfx_log *log, enum sfx_log_level level, const char *message,
                const struct sfx_err *err)
{
    char text[TEXT_LINE_NBYTES];
    struct line line = {text, text + sizeof(text) - 1};

    if (log->json) {
        say_json(log, level, message, err);
        return;
    }
    put(&line, "%s%s: %s", log->clears_line ? SFX_PROGRESS_CLEAR : "", log->prog, message);
    if (err != NULL && err->note[0] != '\0')
        put(&line, "\n%s", err->note);
    write_line(log, text, &line);
}

static bool is_said(const struct sfx_log *log, enum sfx_log_level level)
{
    return log != NULL && log->fd >= 0 && (int)level <= log->level;
}

void sfx_log(const struct sfx_log *log, enum sfx_log_level level, const char *fmt, ...)
{
    char message[SFX_ERR_TEXT_NBYTES];
    va_list ap;
    char *at;

    if (!is_said(log, level))
        return;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    for (at = message; *at != '\0' && !log->json; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?'; /* a name must not forge lines or move a terminal's cursor */
    }
    say(log, level, message, NULL);
}

void sfx_log_err(const struct sfx_log *log, enum sfx_log_level level, const struct sfx_err *err)
{
    if (is_said(log, level))
        say(log, level, err->text, err);
}
