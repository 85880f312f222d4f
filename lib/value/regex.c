/* SPDX-License-Identifier: MIT */
/* Regular expressions by PCRE2, opened when one is more than a piece of text. */
#include "value/regex.h"

#include "base/clock.h"
#include "base/dl.h"
#include "base/size.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/*
 * Bounds of a search. Steps: what a sane pattern needs for a field of a megabyte; (a+)+$ on a text
 * that does not match reaches it in some milliseconds. The stack is that of compiled patterns, the
 * heap that of interpreted ones. A pattern: what PCRE2 compiles in well under a second.
 */
#define MAX_STEPS          1000000
#define MAX_HEAP_KIB       (32 * 1024)
#define STACK_START_NBYTES ((size_t)32 * 1024)
#define STACK_MAX_NBYTES   ((size_t)1024 * 1024)
#define MAX_PATTERN_NBYTES ((size_t)64 * 1024)

/* Steps are counted for each place where a match may begin. In a text with many of them the clock
 * is looked at between runs of places. */
#define PLACES          ((size_t)64 * 1024)
#define MAX_DURATION_NS ((int64_t)10 * 1000 * 1000 * 1000)

struct pcre2 {
    __typeof__(&pcre2_compile_8) compile;
    __typeof__(&pcre2_jit_compile_8) jit_compile;
    __typeof__(&pcre2_code_free_8) code_free;
    __typeof__(&pcre2_pattern_info_8) info;
    __typeof__(&pcre2_get_error_message_8) error_message;
    __typeof__(&pcre2_match_8) match;
    __typeof__(&pcre2_match_data_create_8) data_create;
    __typeof__(&pcre2_match_data_free_8) data_free;
    __typeof__(&pcre2_get_ovector_pointer_8) spans;
    __typeof__(&pcre2_match_context_create_8) context_create;
    __typeof__(&pcre2_match_context_free_8) context_free;
    __typeof__(&pcre2_set_match_limit_8) set_match_limit;
    __typeof__(&pcre2_set_heap_limit_8) set_heap_limit;
    __typeof__(&pcre2_set_offset_limit_8) set_offset_limit;
    __typeof__(&pcre2_jit_stack_create_8) stack_create;
    __typeof__(&pcre2_jit_stack_assign_8) stack_assign;
    __typeof__(&pcre2_jit_stack_free_8) stack_free;
};

static const struct sfx_dl_symbol symbols[] = {
    {"pcre2_compile_8", offsetof(struct pcre2, compile)},
    {"pcre2_jit_compile_8", offsetof(struct pcre2, jit_compile)},
    {"pcre2_code_free_8", offsetof(struct pcre2, code_free)},
    {"pcre2_pattern_info_8", offsetof(struct pcre2, info)},
    {"pcre2_get_error_message_8", offsetof(struct pcre2, error_message)},
    {"pcre2_match_8", offsetof(struct pcre2, match)},
    {"pcre2_match_data_create_8", offsetof(struct pcre2, data_create)},
    {"pcre2_match_data_free_8", offsetof(struct pcre2, data_free)},
    {"pcre2_get_ovector_pointer_8", offsetof(struct pcre2, spans)},
    {"pcre2_match_context_create_8", offsetof(struct pcre2, context_create)},
    {"pcre2_match_context_free_8", offsetof(struct pcre2, context_free)},
    {"pcre2_set_match_limit_8", offsetof(struct pcre2, set_match_limit)},
    {"pcre2_set_heap_limit_8", offsetof(struct pcre2, set_heap_limit)},
    {"pcre2_set_offset_limit_8", offsetof(struct pcre2, set_offset_limit)},
    {"pcre2_jit_stack_create_8", offsetof(struct pcre2, stack_create)},
    {"pcre2_jit_stack_assign_8", offsetof(struct pcre2, stack_assign)},
    {"pcre2_jit_stack_free_8", offsetof(struct pcre2, stack_free)},
};

struct sfx_regex {
    struct pcre2 lib;
    pcre2_code_8 *code; /* NULL: the literal is all of it */
    char *literal;
    size_t literal_len;
    bool at_start, at_end; /* the literal stands behind '^', before '$' */
    uint32_t ngroups, name_count, name_size;
    const unsigned char *names; /* PCRE2's table: two bytes of number, then the name */
};

/* --- compiling ------------------------------------------------------------------------------ */

static bool is_meta(char c)
{
    return memchr("\\^$.[|()?*+{", c, 12) != NULL;
}

static bool is_punctuation(char c)
{
    return c >= '!' && c <= '~' &&
           !((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'));
}

/* Whether pattern is a piece of text, perhaps with '^' before it and '$' behind it; then it is
 * kept. */
static bool take_literal(struct sfx_regex *regex, struct sfx_slice pattern)
{
    const char *at = pattern.ptr, *end = at + pattern.len;

    if (at < end && *at == '^') {
        regex->at_start = true;
        at++;
    }
    if (at < end && end[-1] == '$' && (end - at < 2 || end[-2] != '\\')) {
        regex->at_end = true;
        end--;
    }
    for (; at < end; at++) {
        if (*at == '\\' && end - at > 1 && is_punctuation(at[1]))
            at++;
        else if (is_meta(*at))
            return false;
        regex->literal[regex->literal_len++] = *at;
    }
    return true;
}

static int read_groups(struct sfx_regex *regex)
{
    const struct pcre2 *lib = &regex->lib;

    return lib->info(regex->code, PCRE2_INFO_CAPTURECOUNT, &regex->ngroups) == 0 &&
                   lib->info(regex->code, PCRE2_INFO_NAMECOUNT, &regex->name_count) == 0 &&
                   lib->info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &regex->name_size) == 0 &&
                   lib->info(regex->code, PCRE2_INFO_NAMETABLE, (void *)&regex->names) == 0
               ? 0
               : SFX_E_NOMEM;
}

static int compile(struct sfx_regex *regex, struct sfx_slice pattern, size_t *at,
                   struct sfx_err *err)
{
    const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY |
                             PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
    const struct pcre2 *lib = &regex->lib;
    unsigned char why[128];
    int rc, code;

    rc = sfx_dl_open(SFX_LIBPCRE2_SONAME, symbols, SFX_COUNT(symbols), &regex->lib, err);
    if (rc < 0)
        return sfx_err_wrap(err, rc, "regular expressions");
    regex->code =
        lib->compile((const unsigned char *)pattern.ptr, pattern.len, options, &code, at, NULL);
    if (regex->code == NULL && code == PCRE2_ERROR_HEAP_FAILED)
        return sfx_err_set(err, SFX_E_NOMEM, "no memory for a regular expression");
    if (regex->code == NULL) {
        (void)lib->error_message(code, why, sizeof(why));
        return sfx_err_set(err, SFX_E_USAGE, "regular expression: %s", (const char *)why);
    }
    /* Without it (a kernel that forbids it, another machine) patterns are interpreted. */
    (void)lib->jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    return read_groups(regex);
}

struct sfx_regex *sfx_regex_new(struct sfx_slice pattern, size_t *at, struct sfx_err *err)
{
    struct sfx_regex *regex;

    *at = 0;
    if (pattern.len > MAX_PATTERN_NBYTES) {
        (void)sfx_err_set(err, SFX_E_LIMIT, "a regular expression has at most %zu bytes",
                          MAX_PATTERN_NBYTES);
        return NULL;
    }
    if (!sfx_utf8_valid(pattern)) {
        *at = sfx_utf8_valid_prefix(pattern);
        (void)sfx_err_set(err, SFX_E_USAGE, "regular expression: it is not UTF-8");
        return NULL;
    }
    regex = calloc(1, sizeof(*regex));
    if (regex != NULL)
        regex->literal = malloc(pattern.len + 1);
    if (regex == NULL || regex->literal == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "no memory for a regular expression");
        sfx_regex_free(regex);
        return NULL;
    }
    if (!take_literal(regex, pattern) && compile(regex, pattern, at, err) < 0) {
        sfx_regex_free(regex);
        return NULL;
    }
    return regex;
}

void sfx_regex_free(struct sfx_regex *regex)
{
    if (regex == NULL)
        return;
    if (regex->code != NULL)
        regex->lib.code_free(regex->code);
    free(regex->literal);
    free(regex);
}

size_t sfx_regex_ngroups(const struct sfx_regex *regex)
{
    return regex->ngroups;
}

struct sfx_slice sfx_regex_group_name(const struct sfx_regex *regex, size_t number)
{
    const unsigned char *entry = regex->names;
    uint32_t i;

    for (i = 0; i < regex->name_count; i++, entry += regex->name_size) {
        if (((size_t)entry[0] << 8 | entry[1]) == number)
            return sfx_slice_str((const char *)entry + 2);
    }
    return sfx_slice(NULL, 0);
}

int sfx_regex_group(const struct sfx_regex *regex, struct sfx_slice name)
{
    const unsigned char *entry = regex->names;
    uint64_t number;
    uint32_t i;

    if (sfx_text_u64(name, &number, NULL) == 0)
        return number <= regex->ngroups ? (int)number : -1;
    for (i = 0; i < regex->name_count; i++, entry += regex->name_size) {
        if (sfx_slice_eq(sfx_slice_str((const char *)entry + 2), name))
            return entry[0] << 8 | entry[1];
    }
    return -1;
}

/* --- searching ------------------------------------------------------------------------------- */

void sfx_matcher_done(struct sfx_matcher *m)
{
    if (m->lender != NULL) {
        const struct pcre2 *lib = &m->lender->lib;

        lib->data_free(m->data);
        lib->context_free(m->context);
        if (m->stack != NULL)
            lib->stack_free(m->stack);
    }
    *m = (struct sfx_matcher){0};
}

/* Makes m ready for a regex of so many groups. */
static int make_room(const struct sfx_regex *regex, struct sfx_matcher *m)
{
    const struct pcre2 *lib = &regex->lib;
    size_t pairs = (size_t)regex->ngroups + 1;

    if (m->data_pairs >= pairs)
        return 0;
    sfx_matcher_done(m);
    m->data = lib->data_create((uint32_t)pairs, NULL);
    m->context = lib->context_create(NULL);
    m->lender = regex;
    if (m->data == NULL || m->context == NULL)
        return SFX_E_NOMEM;
    m->data_pairs = pairs;
    (void)lib->set_match_limit(m->context, MAX_STEPS);
    (void)lib->set_heap_limit(m->context, MAX_HEAP_KIB);
    m->stack = lib->stack_create(STACK_START_NBYTES, STACK_MAX_NBYTES, NULL);
    if (m->stack != NULL) /* else the library takes 32 KiB of ours */
        lib->stack_assign(m->context, NULL, m->stack);
    return 0;
}

static int set_whole(struct sfx_matcher *m, size_t begin, size_t end)
{
    m->whole[0] = begin;
    m->whole[1] = end;
    m->spans = m->whole;
    m->nspans = 1;
    return 1;
}

static int find_literal(const struct sfx_regex *regex, struct sfx_matcher *m, struct sfx_slice text,
                        size_t from)
{
    size_t len = regex->literal_len, at = 0;
    const char *hit;

    if (len > text.len)
        return 0;
    if (regex->at_end)
        at = text.len - len;
    if (at < from && (regex->at_end || regex->at_start))
        return 0;
    if (regex->at_start && regex->at_end && len != text.len)
        return 0;
    if (regex->at_start || regex->at_end)
        return len == 0 || memcmp(text.ptr + at, regex->literal, len) == 0
                   ? set_whole(m, at, at + len)
                   : 0;
    if (len == 0)
        return set_whole(m, from, from);
    hit =
        sfx_text_find(sfx_slice(text.ptr + from, text.len - from), sfx_slice(regex->literal, len));
    if (hit == NULL)
        return 0;
    at = (size_t)(hit - text.ptr);
    return set_whole(m, at, at + len);
}

/* Looks for a match that begins at from or later; in long texts the clock bounds it. */
static int run(const struct sfx_regex *regex, struct sfx_matcher *m, struct sfx_slice text,
               size_t from)
{
    const unsigned char *subject = (const unsigned char *)(text.len > 0 ? text.ptr : "");
    const struct pcre2 *lib = &regex->lib;
    int64_t begun_ns;
    int rc;

    if (text.len - from <= PLACES)
        return lib->match(regex->code, subject, text.len, from, 0, m->data, m->context);
    begun_ns = sfx_clock_mono_ns();
    do {
        size_t last = from + PLACES;

        while (last < text.len && ((unsigned char)text.ptr[last] & 0xC0) == 0x80)
            last++; /* a search begins with a character */
        (void)lib->set_offset_limit(m->context, last < text.len ? last : text.len);
        rc = lib->match(regex->code, subject, text.len, from, 0, m->data, m->context);
        from = last;
        if (rc == PCRE2_ERROR_NOMATCH && sfx_clock_mono_ns() - begun_ns > MAX_DURATION_NS)
            rc = PCRE2_ERROR_MATCHLIMIT;
    } while (rc == PCRE2_ERROR_NOMATCH && from < text.len);
    (void)lib->set_offset_limit(m->context, PCRE2_UNSET);
    return rc;
}

int sfx_regex_find(const struct sfx_regex *regex, struct sfx_matcher *m, struct sfx_slice text,
                   size_t from)
{
    int rc;

    if (regex->code == NULL)
        return find_literal(regex, m, text, from);
    rc = make_room(regex, m);
    if (rc < 0)
        return rc;
    rc = run(regex, m, text, from);
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    if (rc < 0)
        return rc == PCRE2_ERROR_NOMEMORY ? SFX_E_NOMEM : SFX_E_LIMIT;
    m->spans = regex->lib.spans(m->data);
    m->nspans = (size_t)rc;
    return 1;
}

int sfx_regex_walk(const struct sfx_regex *regex, struct sfx_matcher *m, struct sfx_slice text,
                   struct sfx_regex_walk *walk)
{
    while (walk->from <= text.len) {
        int rc = sfx_regex_find(regex, m, text, walk->from);
        size_t begin, end;

        walk->gave_up = rc < 0;
        if (rc <= 0)
            return rc;
        begin = m->spans[0];
        end = m->spans[1];
        if (end > walk->from) {
            walk->from = end;
        } else { /* nothing was gone past: on with the next character */
            walk->from++;
            while (walk->from < text.len && ((unsigned char)text.ptr[walk->from] & 0xC0) == 0x80)
                walk->from++;
        }
        if (begin == end && walk->nmatches > 0 && begin == walk->end)
            continue;
        walk->end = end;
        walk->nmatches++;
        return 1;
    }
    return 0;
}
