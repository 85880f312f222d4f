/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a text inside a record: what takes texts apart must say that it is none, or give
 * what can be written, the same in whatever pieces the records come; what has an inverse gives the
 * text back. The first line is a path, a pattern's text and a second argument, the rest the text.
 */
#include "../unit/query_run.h"

#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* t is the text, p the first line. */
static const char *const programs[] = {
    "parse? t json: a, b = `a.b`, c = \"[0]\", d = \"/a/~0\", e = \"a[-1].x\" | x = json_get(t, "
    "p)?, "
    "y = json_keys(t)?, z = json_length(t)?, w = json_type(t, p)?",
    "t = json(t)? | flatten t | nest",
    "parse? t url | q = url_query(t, p)?, v = ip_in(t, \"10.0.0.0/9\", \"fe80::/10\")?, n = "
    "ip_network(t, 13)?, i = ip_private(t)?",
    "parse? t logfmt: a, msg | parse? t query: b, p | parse? t combined",
    "parse? t as \"{a}={b};{c}\" | parse? t with \"(?i)(?<x>a+)(?<y>[^b]*?)b|(?<z>\\p{L}+$)\"",
    "a = lower(t), b = upper(t), c = title(t), d = casefold(t), e = normalize(t, \"NFKD\")",
    "a = strip_accents(t), b = normalize(t), c = squeeze(t), d = reverse(t), e = trim(t, p)",
    "a = levenshtein(t, p)?, b = damerau_levenshtein(p, t)?, c = jaro_winkler(t, p)?, d = "
    "soundex(t)",
    "a = format(t, p, 1)?, b = split_part(t, p, -2)?, c = index_of(t, p), d = count_of(t, p)",
    "a = html_unescape(t), b = base64_decode(t)?, c = base64url_decode(t)?, d = hex_decode(t)?",
    "a = regex_replace(t, \"(\\w)(\\W*)\", p)?, b = regex_count(t, \"\\b\"), c = "
    "version_compare(t, p)",
    "redact t keep last 3 | hash p md5",
};

/* True for every text. */
static const char laws[] =
    "where base64_decode(base64_encode(t)) != t or base64url_decode(base64url_encode(t)) != t or "
    "hex_decode(hex_encode(t)) != t or url_decode(url_encode(t)) != t or "
    "html_unescape(html_escape(t)) != t or not is_utf8(clean_utf8(t)) or reverse(reverse(t)) != t "
    "and is_utf8(t) or json_get(json_object(\"k\", clean_utf8(t)), \"k\") != clean_utf8(t) or "
    "levenshtein(left(t, 9), left(t, 9)) != 0 or version_compare(t, t) != 0 or "
    "concat(left(t, 3), substr(t, 4)) != t and is_utf8(t) or "
    "normalize(normalize(t)) != normalize(t) | group: n = count()";

static int append_field(struct sfx_buf *out, const uint8_t *data, size_t size)
{
    size_t i;
    int rc = sfx_buf_putc(out, '"', NULL);

    for (i = 0; i < size && rc == 0; i++) {
        if (data[i] == '"')
            rc = sfx_buf_putc(out, '"', NULL);
        if (rc == 0)
            rc = sfx_buf_putc(out, (char)data[i], NULL);
    }
    return rc == 0 ? sfx_buf_putc(out, '"', NULL) : rc;
}

static void check(const char *program, struct sfx_slice input)
{
    struct query_run whole = {.program = program, .to = "jsonl", .input = input};
    struct query_run pieces = whole;
    int rc = query_run(&whole);

    pieces.piece = 7;
    assert(rc == 0 || rc == SFX_E_LIMIT || rc == SFX_E_USAGE || rc == SFX_E_INPUT);
    assert(query_run(&pieces) == rc);
    assert(rc < 0 || sfx_slice_eq(sfx_buf_slice(&whole.output), sfx_buf_slice(&pieces.output)));
    sfx_buf_done(&whole.output);
    sfx_buf_done(&pieces.output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t first = end != NULL ? (size_t)(end - data) : 0, rest = first + (end != NULL), i;
    struct query_run run = {.program = laws};
    struct sfx_buf input = {0};

    if (size > 4096)
        return 0;
    assert(sfx_buf_puts(&input, "t,p\n", NULL) == 0);
    for (i = 0; i < 2; i++) { /* and once more with what the rows before left */
        assert(append_field(&input, data + rest, size - rest) == 0);
        assert(sfx_buf_putc(&input, ',', NULL) == 0);
        assert(append_field(&input, data, first) == 0);
        assert(sfx_buf_puts(&input, "\nx,y\n", NULL) == 0);
    }
    for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        check(programs[i], sfx_buf_slice(&input));
    run.input = sfx_buf_slice(&input);
    if (query_run(&run) == 0)
        assert(sfx_slice_eq(sfx_buf_slice(&run.output), SFX_SLICE_LIT("n\n0\n")));
    sfx_buf_done(&run.output);
    sfx_buf_done(&input);
    return 0;
}
