/* SPDX-License-Identifier: MIT */
/*
 * Reads syslog lines: those of RFC 5424, and those that RFC 3164 describes, as they stand in files
 * (without a priority, with a time of either form).
 */
#include "record/line_internal.h"
#include "record/weblog_internal.h"

#include <string.h>

enum column {
    PRI,
    FACILITY,
    SEVERITY,
    SYSLOG_VERSION,
    TIMESTAMP,
    HOSTNAME,
    APP_NAME,
    PROC_ID,
    MSG_ID,
    DATA,
    MESSAGE,
    COUNT
};

static const char *const names[] = {"pri",       "facility",        "severity", "version",
                                    "timestamp", "hostname",        "app_name", "proc_id",
                                    "msg_id",    "structured_data", "message",  NULL};

/* RFC 5427, the keywords of RFC 5424's codes. */
static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",     "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "console", "cron2",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6",  "local7"};
static const char *const severities[] = {"emerg",   "alert",  "crit", "err",
                                         "warning", "notice", "info", "debug"};

#define MAX_PRI (24 * 8 - 1)

struct cursor {
    const char *at, *end;
    const char *reason; /* NULL: all is well */
    int64_t field;
};

static void fail(struct cursor *c, int64_t field, const char *reason)
{
    if (c->reason == NULL) {
        c->reason = reason;
        c->field = field;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct sfx_cell keyword(const char *word)
{
    return sfx_line_cell(word, word + strlen(word));
}

/* <0> to <191>; a line may have none. */
static void take_pri(struct cursor *c, struct sfx_cell cells[COUNT])
{
    const char *begin = c->at + 1;
    const char *p = begin;
    unsigned pri = 0;

    if (c->at == c->end || *c->at != '<')
        return;
    for (; p < c->end && p < begin + 3 && is_digit(*p); p++)
        pri = pri * 10 + (unsigned)(*p - '0');
    if (p == begin || p == c->end || *p != '>' || pri > MAX_PRI) {
        fail(c, PRI, "no priority from 0 to 191 in angle brackets");
        return;
    }
    cells[PRI] = sfx_line_cell(begin, p);
    cells[FACILITY] = keyword(facilities[pri / 8]);
    cells[SEVERITY] = keyword(severities[pri % 8]);
    c->at = p + 1;
}

/* Text up to the next space, with which the header goes on. */
static struct sfx_cell take_word(struct cursor *c, enum column field)
{
    const char *begin = c->at;

    while (c->at < c->end && *c->at != ' ')
        c->at++;
    if (c->at == begin)
        fail(c, field, "field is empty");
    return sfx_line_cell_or_dash(begin, c->at);
}

static void take_space(struct cursor *c, enum column field)
{
    if (c->at < c->end && *c->at == ' ')
        c->at++;
    else
        fail(c, field, "the line ends early");
}

/* "-", or elements in brackets, whose values are in quotes with backslashes before quotes. */
static struct sfx_cell take_data(struct cursor *c)
{
    const char *begin = c->at;
    bool quoted = false;

    if (c->at < c->end && *c->at == '-') {
        c->at++;
        return sfx_line_cell_or_dash(begin, c->at);
    }
    while (c->at < c->end && *c->at == '[') {
        for (; c->at < c->end && (quoted || *c->at != ']'); c->at++) {
            if (quoted && *c->at == '\\' && c->at + 1 < c->end)
                c->at++;
            else if (*c->at == '"')
                quoted = !quoted;
        }
        if (c->at == c->end)
            fail(c, DATA, "structured data is never closed");
        else
            c->at++;
    }
    if (c->at == begin)
        fail(c, DATA, "no structured data and no dash");
    return sfx_line_cell(begin, c->at);
}

/* Behind the priority, from the version on. RFC 5424 section 6. */
static void take_5424(struct cursor *c, struct sfx_cell cells[COUNT])
{
    static const char mark[3] = {'\xef', '\xbb', '\xbf'};
    int i;

    for (i = SYSLOG_VERSION; i <= MSG_ID; i++) {
        cells[i] = take_word(c, (enum column)i);
        take_space(c, (enum column)i);
    }
    if (c->reason != NULL)
        return;
    cells[DATA] = take_data(c);
    if (c->at == c->end)
        return;
    take_space(c, DATA);
    if (c->end - c->at >= 3 && memcmp(c->at, mark, sizeof(mark)) == 0)
        c->at += sizeof(mark);
    cells[MESSAGE] = sfx_line_cell(c->at, c->end);
}

/* Length of "Mmm dd hh:mm:ss" at ptr, 0: it is none. */
static size_t bsd_time(const char *ptr, const char *end)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const char shape[] = "    _d dd:dd:dd";
    size_t i;

    if ((size_t)(end - ptr) < sizeof(shape) - 1)
        return 0;
    for (i = 0; i < 12 && memcmp(months + 3 * i, ptr, 3) != 0; i++)
        ;
    if (i == 12 || ptr[3] != ' ')
        return 0;
    for (i = 4; i < sizeof(shape) - 1; i++) {
        const char want = shape[i];

        if (want == 'd'   ? !is_digit(ptr[i])
            : want == '_' ? ptr[i] != ' ' && !is_digit(ptr[i])
                          : ptr[i] != want)
            return 0;
    }
    return sizeof(shape) - 1;
}

/* Length of a time of RFC 3339 at ptr, 0: it is none. */
static size_t iso_time(const char *ptr, const char *end)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    size_t i;

    if ((size_t)(end - ptr) < sizeof(shape))
        return 0;
    for (i = 0; i < sizeof(shape) - 1; i++) {
        if (shape[i] == 'd' ? !is_digit(ptr[i]) : ptr[i] != shape[i])
            return 0;
    }
    while (ptr + i < end && ptr[i] != ' ')
        i++;
    return i;
}

/* The tag before a message: "name:", "name[id]:". What is none is the message's. */
static void take_tag(struct cursor *c, struct sfx_cell cells[COUNT])
{
    const char *begin = c->at;
    const char *p = begin;
    const char *name_end;

    while (p < c->end && *p != ' ' && *p != '[' && *p != ':')
        p++;
    name_end = p;
    if (p == begin || p == c->end)
        return;
    if (*p == '[') {
        const char *id = p + 1;
        const char *close = memchr(id, ']', (size_t)(c->end - id));

        if (close == NULL || close + 1 == c->end || close[1] != ':')
            return;
        cells[PROC_ID] = sfx_line_cell(id, close);
        p = close + 1;
    }
    if (*p != ':')
        return;
    cells[APP_NAME] = sfx_line_cell(begin, name_end);
    c->at = p + 1;
    if (c->at < c->end && *c->at == ' ')
        c->at++;
}

/* Time, host, tag and message. RFC 3164 section 4.1. */
static void take_3164(struct cursor *c, struct sfx_cell cells[COUNT])
{
    size_t len = bsd_time(c->at, c->end);

    if (len == 0)
        len = iso_time(c->at, c->end);
    if (len == 0) {
        fail(c, -1, "no syslog line: neither a version nor a time where one should be");
        return;
    }
    cells[TIMESTAMP] = sfx_line_cell(c->at, c->at + len);
    c->at += len;
    take_space(c, TIMESTAMP);
    cells[HOSTNAME] = take_word(c, HOSTNAME);
    take_space(c, HOSTNAME);
    if (c->reason != NULL)
        return;
    take_tag(c, cells);
    cells[MESSAGE] = sfx_line_cell(c->at, c->end);
}

static void take_all(struct cursor *c, struct sfx_cell cells[COUNT])
{
    const char *p;

    memset(cells, 0, COUNT * sizeof(*cells)); /* all MISSING */
    take_pri(c, cells);
    for (p = c->at; p < c->end && p < c->at + 3 && is_digit(*p); p++)
        ;
    if (c->reason != NULL)
        return;
    if (cells[PRI].len > 0 && p > c->at && p < c->end && *p == ' ' && *c->at != '0')
        take_5424(c, cells);
    else
        take_3164(c, cells);
}

bool sfx_syslog_matches(struct sfx_slice line)
{
    struct sfx_cell cells[COUNT];
    struct cursor c = {.at = line.ptr, .end = line.ptr + line.len};

    take_all(&c, cells);
    return c.reason == NULL && (cells[PRI].len > 0 || cells[APP_NAME].len > 0);
}

static int start(struct sfx_reader *r, struct sfx_err *err)
{
    return sfx_line_add_columns(r, names, err);
}

static enum sfx_line_verdict take(struct sfx_reader *r, struct sfx_slice line, uint32_t at,
                                  bool may_add, struct sfx_err *err)
{
    struct sfx_cell cells[COUNT];
    struct cursor c = {.at = line.ptr, .end = line.ptr + line.len};
    size_t i;

    (void)may_add;
    (void)err;
    take_all(&c, cells);
    if (c.reason != NULL)
        return sfx_line_bad(r, c.field, c.reason);
    for (i = 0; i < COUNT; i++)
        r->schema.columns[i].cells[at] = cells[i];
    r->nfields = COUNT;
    return SFX_LINE_TAKEN;
}

static const struct sfx_line_format format = {.start = start, .take = take};

static struct sfx_reader *syslog_create(const struct sfx_reader_opts *opts, struct sfx_err *err)
{
    return sfx_line_create(&format, opts, err);
}

const struct sfx_reader_ops sfx_syslog_reader = {
    .create = syslog_create,
    .open = sfx_line_open,
    .read = sfx_line_read,
    .destroy = sfx_line_destroy,
};
