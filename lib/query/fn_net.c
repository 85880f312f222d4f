/* SPDX-License-Identifier: MIT */
/* IP addresses: what they are, and which networks they are in. */
#include "query/functions_internal.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>

struct address {
    unsigned char bytes[16];
    unsigned nbits; /* 32 or 128 */
};

struct network {
    struct address base;
    unsigned prefix; /* bits of it that count */
};

static bool read_address(struct sfx_slice text, struct address *out)
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = (struct address){.nbits = memchr(text.ptr, ':', text.len) != NULL ? 128 : 32};
    return inet_pton(out->nbits == 128 ? AF_INET6 : AF_INET, copy, out->bytes) == 1;
}

/* "10.0.0.0/8", or an address alone. */
static bool read_network(struct sfx_slice text, struct network *out)
{
    const char *slash = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
    size_t len = slash != NULL ? (size_t)(slash - text.ptr) : text.len;
    uint64_t prefix;

    if (!read_address(sfx_slice(text.ptr, len), &out->base))
        return false;
    out->prefix = out->base.nbits;
    if (slash == NULL)
        return true;
    if (sfx_text_u64(sfx_slice(slash + 1, text.len - len - 1), &prefix, NULL) < 0 ||
        prefix > out->base.nbits)
        return false;
    out->prefix = (unsigned)prefix;
    return true;
}

static bool is_in(const struct address *a, const struct network *n)
{
    size_t whole = n->prefix / 8;
    unsigned rest = n->prefix % 8;

    if (a->nbits != n->base.nbits || memcmp(a->bytes, n->base.bytes, whole) != 0)
        return false;
    return rest == 0 || ((a->bytes[whole] ^ n->base.bytes[whole]) >> (8 - rest)) == 0;
}

#define NO_ADDRESS "is not an IP address"
#define NO_NETWORK "is not a network as 10.0.0.0/8"

/* The address in argument 0; false: row is bad, or null for an empty field. */
static bool address_arg(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row,
                        struct address *out)
{
    struct sfx_slice text = sfx_fn_text_arg(ev, node, 0, row);

    if (read_address(text, out))
        return true;
    if (text.len == 0)
        sfx_vec_set_null(node->vec, row);
    else
        sfx_eval_fail(ev, node, row, &text, NO_ADDRESS);
    return false;
}

static void fn_is_ip(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct address a;

    node->vec->flags[row] = read_address(sfx_fn_text_arg(ev, node, 0, row), &a);
}

static void fn_version(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    struct address a;

    if (address_arg(ev, node, row, &a))
        sfx_fn_set_int(node, row, a.nbits == 32 ? 4 : 6);
}

/* Networks that are strings are read once: detail is an array with a place for each argument. */
static int bind_in(struct sfx_binder *b, const struct sfx_expr *expr, struct sfx_node *node,
                   enum sfx_type *type)
{
    struct network *networks = sfx_arena_calloc(b->arena, expr->nargs, sizeof(*networks), b->err);
    size_t i;

    (void)type;
    if (networks == NULL)
        return SFX_E_NOMEM;
    for (i = 1; i < expr->nargs; i++) {
        const struct sfx_expr *arg = expr->args[i];

        if (sfx_expr_is_text(arg) && !read_network(arg->text, &networks[i]))
            return sfx_program_err(b->program, arg->at, b->err, "%.*s " NO_NETWORK,
                                   SFX_SLICE_ARG(arg->text));
    }
    node->detail = networks;
    return sfx_bind_args(b, expr, node);
}

static void fn_in(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    const struct network *networks = node->detail;
    struct address a;
    size_t i;

    if (!address_arg(ev, node, row, &a))
        return;
    node->vec->flags[row] = 0;
    for (i = 1; i < node->nargs && !node->vec->flags[row]; i++) {
        struct network n = networks[i];

        if (n.base.nbits == 0) { /* computed */
            struct sfx_slice text = sfx_fn_text_arg(ev, node, i, row);

            if (!read_network(text, &n)) {
                sfx_eval_fail(ev, node, row, &text, NO_NETWORK);
                return;
            }
        }
        node->vec->flags[row] = is_in(&a, &n);
    }
}

static void fn_private(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    /* RFC 1918, 4193; loopback, link-local, and the carriers' own (RFC 6598). */
    static const struct network networks[] = {
        {{{10}, 32}, 8},    {{{172, 16}, 32}, 12},     {{{192, 168}, 32}, 16},
        {{{127}, 32}, 8},   {{{169, 254}, 32}, 16},    {{{100, 64}, 32}, 10},
        {{{0xFC}, 128}, 7}, {{{0xFE, 0x80}, 128}, 10}, {{{[15] = 1}, 128}, 128},
    };
    struct address a;
    size_t i;

    if (!address_arg(ev, node, row, &a))
        return;
    for (i = 0; i < SFX_COUNT(networks) && !is_in(&a, &networks[i]); i++)
        ;
    node->vec->flags[row] = i < SFX_COUNT(networks);
}

static void fn_network(struct sfx_eval *ev, const struct sfx_node *node, uint32_t row)
{
    char text[INET6_ADDRSTRLEN];
    struct address a;
    int64_t prefix;
    size_t i;
    int rc;

    if (!address_arg(ev, node, row, &a))
        return;
    if (!sfx_fn_int_arg(node, 1, row, 0, a.nbits, &prefix)) {
        sfx_eval_fail(ev, node, row, NULL,
                      "ip_network() takes a number of bits: at most 32, or 128 for IPv6");
        return;
    }
    for (i = 0; i < a.nbits / 8; i++) {
        int64_t kept = prefix - (int64_t)i * 8;

        if (kept < 8)
            a.bytes[i] &= (unsigned char)(kept <= 0 ? 0 : 0xFF << (8 - kept));
    }
    (void)inet_ntop(a.nbits == 128 ? AF_INET6 : AF_INET, a.bytes, text, sizeof(text));
    sfx_buf_clear(&ev->made);
    rc = sfx_buf_printf(&ev->made, NULL, "%s/%d", text, (int)prefix);
    sfx_fn_set_made(ev, node, row, rc);
}

#define BAD_ADDRESS "a text that is not an IP address"

static const struct sfx_fn functions[] = {
    {"ip_in", "ip_in(x, network, …)", 2, SFX_FN_ANY_ARGS, "t", BOOL, .bind = bind_in, .row = fn_in,
     .errors = BAD_ADDRESS "; a network that is none",
     .help = "true when the address is in one of the networks, as 10.0.0.0/8 or 2001:db8::/32",
     .example = "ip_in(\"10.1.2.3\", \"192.168.0.0/16\", \"10.0.0.0/8\")", .gives = "true"},
    {"ip_network", "ip_network(x, bits)", 2, 2, "tn", TEXT, .row = fn_network,
     .errors = BAD_ADDRESS "; a number of bits that it has not",
     .help = "the network that the address is in, with that many bits",
     .example = "ip_network(\"10.1.2.3\", 16)", .gives = "10.1.0.0/16"},
    {"ip_private", "ip_private(x)", 1, 1, "t", BOOL, .row = fn_private, .errors = BAD_ADDRESS,
     .help = "true for addresses that the Internet does not route: private, loopback, link-local, "
             "100.64.0.0/10",
     .example = "ip_private(\"172.20.0.1\")", .gives = "true"},
    {"ip_version", "ip_version(x)", 1, 1, "t", NUMBER, .row = fn_version, .errors = BAD_ADDRESS,
     .help = "4 or 6", .example = "ip_version(\"::1\")", .gives = "6"},
    {"is_ip", "is_ip(x)", 1, 1, "t", BOOL, .row = fn_is_ip,
     .help = "true when x is an IPv4 or IPv6 address", .example = "is_ip(\"10.0.0.256\")",
     .gives = "false"},
};

const struct sfx_fn_family sfx_fn_net_family = {"IP addresses", functions, SFX_COUNT(functions)};
