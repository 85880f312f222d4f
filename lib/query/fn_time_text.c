/* SPDX-License-Identifier: MIT */
/* Times in formats of the user, as seconds since 1970, and durations. */
#include "query/fn_time_internal.h"
#include "value/duration.h"

static void fn_strftime(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_timestamp t = sfx_fn_time_arg(node, 0, row);
    struct sfx_time_style style = sfx_time_style_unpack(t.style);
    const char *abbreviation = NULL;
    const struct sfx_zone *zone;

    if (!sfx_fn_zone_arg(ev, node, 2, row, &zone))
        return;
    if (node->nargs > 2 && !sfx_time_to_zone(&t, zone, &t)) {
        sfx_eval_fail(ev, node, row, NULL, SFX_OUT_OF_YEARS);
        return;
    }
    if (node->nargs > 2 || style.form != SFX_TIME_INSTANT) {
        int64_t s = (int64_t)(t.ns / SFX_NS_PER_S) - (t.ns % SFX_NS_PER_S < 0);

        (void)sfx_zone_offset(zone, s, &abbreviation);
    }
    sfx_buf_clear(&ev->made);
    sfx_fn_set_made(ev, node, row,
                    sfx_time_format_write(&t, sfx_fn_text_arg(ev, node, 1, row), abbreviation,
                                          &ev->made, NULL));
}

static void fn_strptime(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    const struct sfx_zone *zone;
    struct sfx_timestamp t;
    const char *reason;

    if (text.len == 0) {
        sfx_vec_set_null(node->vec, row);
        return;
    }
    if (!sfx_fn_zone_arg(ev, node, 2, row, &zone))
        return;
    reason =
        sfx_time_format_read(text, sfx_fn_text_arg(ev, node, 1, row), zone, node->nargs > 2, &t);
    if (reason != NULL)
        sfx_eval_fail(ev, node, row, &text, reason);
    else
        sfx_fn_set_time(node, row, t);
}

static int bind_strftime(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                         enum sfx_type *type)
{
    (void)type;
    return sfx_bind_time_args(b, expr, node, -1, 2, 1, false);
}

static int bind_strptime(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                         enum sfx_type *type)
{
    (void)type;
    return sfx_bind_time_args(b, expr, node, -1, 2, 1, true);
}

/* --- since 1970 --------------------------------------------------------------------------------
 */

static void fn_epoch(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    (void)ev;
    sfx_fn_set_number(node, row, sfx_seconds_of_ns(sfx_fn_time_arg(node, 0, row).ns));
}

/* The whole units of ns since 1970, towards minus infinity. */
static void set_units(const struct sfx_node *node, uint32_t row, int64_t unit_ns)
{
    sfx_int128 ns = sfx_fn_time_arg(node, 0, row).ns;

    sfx_fn_set_number(node, row, (struct sfx_decimal){ns / unit_ns - (ns % unit_ns < 0), 0});
}

static void fn_epoch_ms(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    (void)ev;
    set_units(node, row, 1000000);
}

static void fn_epoch_us(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    (void)ev;
    set_units(node, row, 1000);
}

static void fn_epoch_ns(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    (void)ev;
    set_units(node, row, 1);
}

/* The time that is 10^-shift seconds times the argument after 1970. */
static void from_epoch(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                       uint32_t shift)
{
    struct sfx_time_style style = {.form = SFX_TIME_INSTANT, .zulu = true};
    struct sfx_decimal seconds = node->args[0]->vec->nums[row], unit = {1, shift};
    struct sfx_timestamp t;
    sfx_int128 ns;

    if (sfx_decimal_mul(&seconds, &unit, &seconds) == SFX_DECIMAL_OK &&
        sfx_seconds_to_ns(&seconds, &ns) && sfx_timestamp_set(ns, style, NULL, &t))
        sfx_fn_set_time(node, row, t);
    else
        sfx_eval_fail(ev, node, row, NULL, SFX_OUT_OF_YEARS);
}

static void fn_from_epoch(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    from_epoch(ev, node, row, 0);
}

static void fn_from_epoch_ms(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    from_epoch(ev, node, row, 3);
}

static void fn_from_epoch_us(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    from_epoch(ev, node, row, 6);
}

static void fn_from_epoch_ns(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    from_epoch(ev, node, row, 9);
}

/* --- durations ---------------------------------------------------------------------------------
 */

/* "1:30:00", "-0:05", with any number of hours. */
static bool parse_clock(struct sfx_slice text, struct sfx_decimal *seconds)
{
    static const struct sfx_decimal sixty = {60, 0};
    struct sfx_decimal total = {0}, part;
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t begin = negative, at, parts = 0;

    for (at = begin; at <= text.len; at++) {
        if (at < text.len && text.ptr[at] != ':')
            continue;
        if (at == begin || text.ptr[begin] == '-' || text.ptr[begin] == '+' || ++parts > 3 ||
            sfx_decimal_parse(sfx_slice(text.ptr + begin, at - begin), &part) != SFX_DECIMAL_OK ||
            (at < text.len && part.scale > 0) ||
            (parts > 1 && sfx_decimal_cmp(&part, &sixty) >= 0) ||
            sfx_decimal_mul(&total, &sixty, &total) != SFX_DECIMAL_OK ||
            sfx_decimal_add(&total, &part, &total) != SFX_DECIMAL_OK)
            return false;
        begin = at + 1;
    }
    if (parts == 2 && sfx_decimal_mul(&total, &sixty, &total) != SFX_DECIMAL_OK)
        return false; /* hours and minutes */
    *seconds = (struct sfx_decimal){negative ? -total.mant : total.mant, total.scale};
    return parts >= 2;
}

static void fn_parse_duration(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);
    struct sfx_decimal seconds;

    if (text.len == 0)
        sfx_vec_set_null(node->vec, row);
    else if (sfx_duration_parse(text, &seconds) != SFX_DECIMAL_OK &&
             sfx_duration_parse_iso(text, &seconds) != SFX_DECIMAL_OK &&
             !parse_clock(text, &seconds))
        sfx_eval_fail(ev, node, row, &text, "is not a duration");
    else
        sfx_fn_set_number(node, row, seconds);
}

static void fn_format_duration(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    bool iso = false;
    char *out;

    if (node->nargs > 1) {
        struct sfx_slice form = sfx_fn_text_arg(ev, node, 1, row);

        iso = sfx_slice_eq(form, SFX_SLICE_LIT("iso"));
        if (!iso) {
            sfx_eval_fail(ev, node, row, &form, "is no form of durations: iso");
            return;
        }
    }
    out = sfx_eval_text(ev, SFX_DURATION_TEXT_NBYTES);
    if (out != NULL)
        sfx_fn_set_text(node, row, out,
                        sfx_duration_format(&node->args[0]->vec->nums[row], iso, out));
}

#define OUT_OF_YEARS ", a result out of the years 0000 to 9999"

static const struct sfx_fn functions[] = {
    {"epoch", "epoch(ts)", 1, 1, "d", NUMBER, .row = fn_epoch, .errors = NO_TIME,
     .help = "the seconds since 1970-01-01T00:00:00Z, with their fraction",
     .example = "epoch(\"2026-01-01T00:00:00.5Z\")", .gives = "1767225600.5"},
    {"epoch_ms", "epoch_ms(ts)", 1, 1, "d", NUMBER, .row = fn_epoch_ms, .errors = NO_TIME,
     .help = "the whole milliseconds since 1970", .example = "epoch_ms(\"1970-01-01T00:00:01Z\")",
     .gives = "1000"},
    {"epoch_ns", "epoch_ns(ts)", 1, 1, "d", NUMBER, .row = fn_epoch_ns, .errors = NO_TIME,
     .help = "the nanoseconds since 1970", .example = "epoch_ns(\"1970-01-01T00:00:01Z\")",
     .gives = "1000000000"},
    {"epoch_us", "epoch_us(ts)", 1, 1, "d", NUMBER, .row = fn_epoch_us, .errors = NO_TIME,
     .help = "the whole microseconds since 1970", .example = "epoch_us(\"1970-01-01T00:00:01Z\")",
     .gives = "1000000"},
    {"format_duration", "format_duration(seconds[, \"iso\"])", 1, 2, "nt", TEXT,
     .row = fn_format_duration, .errors = NO_NUMBER,
     .help = "seconds as days of 24 hours, hours, minutes and seconds; or as ISO 8601 has it",
     .example = "format_duration(93784.5)", .gives = "1d2h3m4.5s"},
    {"from_epoch", "from_epoch(seconds)", 1, 1, "n", TIME, .row = fn_from_epoch,
     .errors = NO_NUMBER OUT_OF_YEARS, .help = "the time so many seconds after 1970, in UTC",
     .example = "from_epoch(1767225600.5)", .gives = "2026-01-01T00:00:00.5Z"},
    {"from_epoch_ms", "from_epoch_ms(n)", 1, 1, "n", TIME, .row = fn_from_epoch_ms,
     .errors = NO_NUMBER OUT_OF_YEARS, .help = "the same of milliseconds",
     .example = "from_epoch_ms(1767225600500)", .gives = "2026-01-01T00:00:00.5Z"},
    {"from_epoch_ns", "from_epoch_ns(n)", 1, 1, "n", TIME, .row = fn_from_epoch_ns,
     .errors = NO_NUMBER OUT_OF_YEARS, .help = "the same of nanoseconds",
     .example = "from_epoch_ns(1)", .gives = "1970-01-01T00:00:00.000000001Z"},
    {"from_epoch_us", "from_epoch_us(n)", 1, 1, "n", TIME, .row = fn_from_epoch_us,
     .errors = NO_NUMBER OUT_OF_YEARS, .help = "the same of microseconds",
     .example = "from_epoch_us(1)", .gives = "1970-01-01T00:00:00.000001Z"},
    {"parse_duration", "parse_duration(text)", 1, 1, "t", NUMBER, .row = fn_parse_duration,
     .errors = "a text that is no duration",
     .help = "the seconds of 1h30m, 250ms, 1d12h, of ISO 8601 (P1DT2H; no months and years), or of "
             "hours and minutes (1:30, 1:30:05.25)",
     .example = "parse_duration(\"PT1H30M\")", .gives = "5400"},
    {"strftime", "strftime(ts, format[, zone])", 2, 3, "dt", TEXT, .bind = bind_strftime,
     .row = fn_strftime, .errors = NO_TIME ", a zone that is none",
     .help = "ts by a format, as its own clock shows it or that of the zone; names are English",
     .example = "strftime(\"2026-03-05T09:07:02Z\", \"%a %-d %b %Y %I:%M %p\")",
     .gives = "Thu 5 Mar 2026 09:07 AM"},
    {"strptime", "strptime(text, format[, zone])", 2, 3, "t", TIME, .bind = bind_strptime,
     .row = fn_strptime, .errors = "a text that is not as the format says, a zone that is none",
     .help = "the time that a text spells by a format; without an offset in it, it is of the zone",
     .example = "strptime(\"05/Mar/2026:10:42:07 +0100\", \"%d/%b/%Y:%T %z\")",
     .gives = "2026-03-05T10:42:07+01:00"},
};

const struct sfx_fn_family sfx_fn_time_text_family = {"Formats of times", functions,
                                                      SFX_COUNT(functions)};
