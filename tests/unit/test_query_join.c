/* SPDX-License-Identifier: MIT */
/* join: each kind against nested loops over random records, names that meet, keys, limits. */
#include "query_assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void gives(const char *program, const char *from, const char *input, const char *file,
                  const char *expected)
{
    query_gives(&(struct query_run){.program = program,
                                    .from = from,
                                    .to = from,
                                    .input = sfx_slice_str(input),
                                    .files = {{"f", sfx_slice_str(file)}}},
                expected);
}

static void refuses(const char *program, const char *input, const char *file, int code,
                    const char *message)
{
    query_fails(&(struct query_run){.program = program,
                                    .input = sfx_slice_str(input),
                                    .files = {{"f", sfx_slice_str(file)}}},
                code, message);
}

static void each_kind_keeps_what_it_says(void **state)
{
    static const char in[] = "id,n\n1,5\n2,6\n1,7\n,8\n";
    static const char file[] = "id,name,n\n1,Ann,x\n1,\"B,b\",y\n3,C,z\n,D,w\n";

    (void)state;
    gives("join f on id", "csv", in, file,
          "id,n,name,n_right\n1,5,Ann,x\n1,5,\"B,b\",y\n1,7,Ann,x\n1,7,\"B,b\",y\n");
    gives("join left f on id", "csv", in, file,
          "id,n,name,n_right\n1,5,Ann,x\n1,5,\"B,b\",y\n2,6,,\n1,7,Ann,x\n1,7,\"B,b\",y\n,8,,\n");
    gives("join right f on id", "csv", in, file,
          "id,n,name,n_right\n1,5,Ann,x\n1,5,\"B,b\",y\n1,7,Ann,x\n1,7,\"B,b\",y\n3,,C,z\n,,D,w\n");
    gives("join semi f on id", "csv", in, file, "id,n\n1,5\n1,7\n");
    gives("join anti f on id", "csv", in, file, "id,n\n2,6\n,8\n");
    gives("join full f on id | where n_right = \"z\" or n = 6", "csv", in, file,
          "id,n,name,n_right\n2,6,,\n3,,C,z\n");
}

static void names_follow_the_rule(void **state)
{
    static const char in[] = "k,a,a_right\n1,2,3\n";

    (void)state;
    gives("join f on k = id", "csv", in, "id,a\n1,x\n", "k,a,a_right,a_right_right\n1,2,3,x\n");
    gives("join f on k = id prefix \"f_\"", "csv", in, "id,a,b\n1,x,y\n",
          "k,a,a_right,f_a,f_b\n1,2,3,x,y\n");
    gives("join f on k = upper(id)", "csv", in, "id,k\n1,x\n",
          "k,a,a_right,id,k_right\n1,2,3,1,x\n");
    gives("join right f on k = id | drop a, a_right", "csv", in, "id,k\n5,x\n", "k,k_right\n5,x\n");
}

static void keys_are_text_unless_a_side_is_a_number(void **state)
{
    static const char in[] = "k\n1\n1.0\n01\n";
    static const char file[] = "k,v\n1.00,x\n";

    (void)state;
    gives("join f on k", "csv", in, file, "k,v\n");
    gives("join f on num(k) = k", "csv", in, file, "k,v\n1,x\n1.0,x\n01,x\n");
    gives("k = num(k) | join f on k", "csv", in, file, "k,v\n1,x\n1.0,x\n1,x\n");
    gives("join f on a, b = y", "csv", "a,b\nx,yz\nxy,z\n", "a,y,v\nxy,z,1\n", "a,b,v\nxy,z,1\n");
    gives("join f on k", "csv", "k\n\"a\"\"b\"\n", "k,v\n\"a\"\"b\",1\n", "k,v\n\"a\"\"b\",1\n");
    gives("join f on k", "jsonl", "{\"k\":5}\n{\"k\":\"\\u0035\"}\n{\"k\":null}\n", "k,v\n5,1\n",
          "{\"k\":5,\"v\":\"1\"}\n{\"k\":\"\\u0035\",\"v\":\"1\"}\n");
}

static void records_of_json_share_names_one_by_one(void **state)
{
    static const char in[] = "{\"k\":1}\n{\"k\":2,\"v\":\"mine\"}\n{\"j\":3}\n";
    static const char file[] = "{\"k\":1,\"w\":0}\n{\"v\":\"file's\",\"k\":2}\n{\"k\":4,\"v\":9}\n";

    (void)state;
    gives("join left f on k", "jsonl", in, file,
          "{\"k\":1,\"w\":0}\n{\"k\":2,\"v\":\"mine\",\"v_right\":\"file's\"}\n{\"j\":3}\n");
    gives("join full f on k | where k > 2 or j = 3", "jsonl", in, file,
          "{\"j\":3}\n{\"k\":4,\"v\":9}\n");
}

static void mistakes_are_told(void **state)
{
    (void)state;
    refuses("join f", "a,b,c\n", "c,x,a\n", SFX_E_USAGE,
            "join needs its keys: on KEY[, …]; both sides have a, c");
    refuses("join f", "a\n", "x\n", SFX_E_USAGE,
            "join needs its keys: on KEY = KEY of the file; both sides have no column in common");
    refuses("join f on price", "price\n", "prize\n", SFX_E_USAGE,
            "f: there is no column price: did you mean prize?");
    refuses("join g on a", "a\n1\n", "a\n", SFX_E_IO, "g: no such file");
    refuses("join f on num(a) = b", "a\n1\n", "b\n1\nx\n", SFX_E_INPUT,
            "f: line 3, offset 4: column b: \"x\" is not a number");
    refuses("join", "a\n1\n", "a\n", SFX_E_USAGE, "the name of a file is expected here");
}

/* --- against nested loops -----------------------------------------------------------------------
 */

struct row {
    int key; /* 0: empty */
    int value;
};

static size_t make_rows(struct row *rows, size_t most, int nkeys, struct sfx_buf *text,
                        const char *header)
{
    size_t i, n = (size_t)rand() % (most + 1);

    (void)sfx_buf_puts(text, header, NULL);
    for (i = 0; i < n; i++) {
        rows[i] = (struct row){rand() % (nkeys + 1), rand() % 100000};
        if (rows[i].key > 0)
            (void)sfx_buf_printf(text, NULL, "key %d,%d\n", rows[i].key, rows[i].value);
        else
            (void)sfx_buf_printf(text, NULL, ",%d\n", rows[i].value);
    }
    return n;
}

static void put_row(struct sfx_buf *out, int key, const struct row *left, const struct row *right)
{
    if (key > 0)
        (void)sfx_buf_printf(out, NULL, "key %d", key);
    (void)sfx_buf_puts(out, ",", NULL);
    if (left != NULL)
        (void)sfx_buf_printf(out, NULL, "%d", left->value);
    (void)sfx_buf_puts(out, ",", NULL);
    if (right != NULL)
        (void)sfx_buf_printf(out, NULL, "%d", right->value);
    (void)sfx_buf_puts(out, "\n", NULL);
}

static void naive(const char *kind, const struct row *left, size_t nleft, const struct row *right,
                  size_t nright, struct sfx_buf *out)
{
    bool semi = strcmp(kind, "semi") == 0, anti = strcmp(kind, "anti") == 0;
    bool all_left = strcmp(kind, "left") == 0 || strcmp(kind, "full") == 0;
    bool all_right = strcmp(kind, "right") == 0 || strcmp(kind, "full") == 0;
    size_t l, r;

    (void)sfx_buf_puts(out, semi || anti ? "k,l\n" : "k,l,r\n", NULL);
    for (l = 0; l < nleft; l++) {
        size_t matches = 0;

        for (r = 0; r < nright; r++) {
            if (left[l].key == 0 || left[l].key != right[r].key)
                continue;
            if (matches++ == 0 || !semi) {
                if (!anti)
                    put_row(out, left[l].key, &left[l], semi ? NULL : &right[r]);
            }
        }
        if (matches == 0 && (all_left || anti))
            put_row(out, left[l].key, &left[l], NULL);
    }
    for (r = 0; r < nright && all_right; r++) {
        for (l = 0; l < nleft && (right[r].key == 0 || left[l].key != right[r].key); l++)
            ;
        if (l == nleft)
            put_row(out, right[r].key, NULL, &right[r]);
    }
}

/* Rows of two columns end with a comma in what put_row writes. */
static void drop_last_commas(struct sfx_buf *text)
{
    size_t i, n = 0;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] != ',' || i + 1 == text->len || text->data[i + 1] != '\n')
            text->data[n++] = text->data[i];
    }
    text->len = n;
}

static void joins_once(const char *kind, size_t most_left, size_t most_right, int nkeys,
                       uint64_t memory_nbytes)
{
    struct row *left = calloc(most_left, sizeof(*left)),
               *right = calloc(most_right, sizeof(*right));
    struct sfx_buf left_text = {0}, right_text = {0}, expected = {0};
    size_t nleft = make_rows(left, most_left, nkeys, &left_text, "k,l\n");
    size_t nright = make_rows(right, most_right, nkeys, &right_text, "k,r\n");
    char program[64];
    struct query_run run = {
        .program = program,
        .input = sfx_buf_slice(&left_text),
        .piece = rand() % 3 == 0 ? 1 + (size_t)rand() % 100 : 0,
        .files = {{"f", sfx_buf_slice(&right_text)}},
        .opts = {.memory_nbytes = memory_nbytes},
    };

    (void)snprintf(program, sizeof(program), "join %s f on k", kind);
    naive(kind, left, nleft, right, nright, &expected);
    if (strcmp(kind, "semi") == 0 || strcmp(kind, "anti") == 0)
        drop_last_commas(&expected);
    if (query_run(&run) < 0)
        fail_msg("%s: %s", program, run.err.text);
    if (!sfx_slice_eq(sfx_buf_slice(&run.output), sfx_buf_slice(&expected)))
        fail_msg("%s of %zu and %zu rows, %d keys, %d bytes: other records", kind, nleft, nright,
                 nkeys, (int)memory_nbytes);
    free(left);
    free(right);
    sfx_buf_done(&left_text);
    sfx_buf_done(&right_text);
    sfx_buf_done(&expected);
    sfx_buf_done(&run.output);
}

static const char *const kinds[] = {"inner", "left", "right", "full", "semi", "anti"};

static void random_joins_equal_nested_loops(void **state)
{
    size_t i, round;

    (void)state;
    srand(7);
    for (round = 0; round < 20; round++) {
        for (i = 0; i < SFX_COUNT(kinds); i++) {
            joins_once(kinds[i], 40, 20, 1 + rand() % 30, 0);
            joins_once(kinds[i], 3000, 200, 1 + rand() % 2000, 0);
        }
    }
}

static void joins_beyond_their_memory_give_the_same_records(void **state)
{
    size_t i, round;

    (void)state;
    srand(11);
    for (round = 0; round < 3; round++) {
        for (i = 0; i < SFX_COUNT(kinds); i++) {
            joins_once(kinds[i], 1000, 60000, 30000, 1 << 20);
            joins_once(kinds[i], 5000, 20000, 1 + rand() % 20000, 1 << 20);
        }
    }
}

/* --- as-of --------------------------------------------------------------------------------------
 */

static void as_of_follows_its_rules(void **state)
{
    static const char in[] = "k,t\na,5\nb,5\na,1\n,5\na,\n";
    static const char file[] = "k,t,v\na,7,1\na,2,2\na,2,3\na,,4\n";

    (void)state;
    gives("join asof f on k by num(t)", "csv", in, file,
          "k,t,t_right,v\na,5,2,3\nb,5,,\na,1,,\n,5,,\na,,,\n");
    gives("join asof f on k by num(t) forward", "csv", in, file,
          "k,t,t_right,v\na,5,7,1\nb,5,,\na,1,2,2\n,5,,\na,,,\n");
    gives("join asof f on k by num(t) within 2 nearest prefix \"f_\"", "csv", in, file,
          "k,t,f_t,f_v\na,5,7,1\nb,5,,\na,1,2,2\n,5,,\na,,,\n");
    gives("join asof f by t | where t = 5 | head 1", "csv", in, file,
          "k,t,k_right,t_right,v\na,5,a,2,3\n");
    gives("join asof f by time(t) within 1h | select v", "csv",
          "t\n2026-01-05T10:00:00Z\n2026-01-05T12:00:01+01:00\n",
          "t,v\n2026-01-05T11:00:00+01:00,1\n", "v\n1\n\"\"\n");
    gives("join asof f on k by float(t) within 2.5", "csv", in, file,
          "k,t,t_right,v\na,5,,\nb,5,,\na,1,,\n,5,,\na,,,\n");
    refuses("join asof f on k by t nearest", in, file, SFX_E_USAGE,
            "within and nearest need numbers or times: by num(x) or by time(x)");
    refuses("join asof f on k by num(t) within \"x\"", in, file, SFX_E_USAGE,
            "within takes a distance: a number, or a duration as 5m");
}

static void as_of_once(const char *way, int within, size_t most_left, size_t most_right, int nkeys,
                       uint64_t memory_nbytes)
{
    struct row *left = calloc(most_left, sizeof(*left)),
               *right = calloc(most_right, sizeof(*right));
    struct sfx_buf left_text = {0}, right_text = {0}, expected = {0};
    size_t nleft = make_rows(left, most_left, nkeys, &left_text, "k,t\n"), l, r;
    size_t nright = make_rows(right, most_right, nkeys, &right_text, "k,f\n");
    bool back = strcmp(way, "forward") != 0, ahead = strcmp(way, "backward") != 0;
    char program[96];
    struct query_run run = {
        .program = program,
        .input = sfx_buf_slice(&left_text),
        .piece = rand() % 3 == 0 ? 1 + (size_t)rand() % 100 : 0,
        .files = {{"f", sfx_buf_slice(&right_text)}},
        .opts = {.memory_nbytes = memory_nbytes},
    };

    (void)snprintf(program, sizeof(program), "join asof f on k by num(t) = num(f) within %d %s",
                   within, way);
    (void)sfx_buf_puts(&expected, "k,t,f\n", NULL);
    for (l = 0; l < nleft; l++) {
        const struct row *best = NULL;
        int nearest = within;

        for (r = 0; r < nright; r++) {
            int d = right[r].value - left[l].value;

            if (left[l].key == 0 || left[l].key != right[r].key)
                continue;
            /* Of equal ones the last backward, the first forward; backward before forward. */
            if (back && d <= 0 && -d <= nearest) {
                best = &right[r];
                nearest = -d;
            } else if (ahead && d > 0 && (d < nearest || (best == NULL && d == nearest))) {
                best = &right[r];
                nearest = d;
            } else if (ahead && !back && d == 0 && (best == NULL || nearest > 0)) {
                best = &right[r];
                nearest = 0;
            }
        }
        put_row(&expected, left[l].key, &left[l], best);
    }
    if (query_run(&run) < 0)
        fail_msg("%s: %s", program, run.err.text);
    if (!sfx_slice_eq(sfx_buf_slice(&run.output), sfx_buf_slice(&expected)))
        fail_msg("%s of %zu and %zu rows, %d keys: other records", program, nleft, nright, nkeys);
    free(left);
    free(right);
    sfx_buf_done(&left_text);
    sfx_buf_done(&right_text);
    sfx_buf_done(&expected);
    sfx_buf_done(&run.output);
}

static void random_as_of_joins_equal_nested_loops(void **state)
{
    static const char *const ways[] = {"backward", "forward", "nearest"};
    size_t i, round;

    (void)state;
    srand(13);
    for (round = 0; round < 10; round++) {
        for (i = 0; i < SFX_COUNT(ways); i++) {
            as_of_once(ways[i], 100000, 40, 60, 1 + rand() % 5, 0);
            as_of_once(ways[i], 5000, 2000, 300, 1 + rand() % 20, 0);
        }
    }
    for (i = 0; i < SFX_COUNT(ways); i++)
        as_of_once(ways[i], 50000, 1000, 40000, 5000, 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_keeps_what_it_says),
        cmocka_unit_test(names_follow_the_rule),
        cmocka_unit_test(keys_are_text_unless_a_side_is_a_number),
        cmocka_unit_test(records_of_json_share_names_one_by_one),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(random_joins_equal_nested_loops),
        cmocka_unit_test(joins_beyond_their_memory_give_the_same_records),
        cmocka_unit_test(as_of_follows_its_rules),
        cmocka_unit_test(random_as_of_joins_equal_nested_loops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
