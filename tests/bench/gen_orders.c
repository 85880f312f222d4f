/* SPDX-License-Identifier: MIT */
/*
 * Makes the orders that record programs are measured on, and what each task must make of them.
 *
 * usage: gen_orders ROWS csv|tsv|jsonl|quoted|customers|customers-tsv|TASK
 *
 * Every field is a function of the row's number, so that the same ROWS give the same bytes on every
 * machine, and the expected output of a TASK (as CSV) is computed from the rows themselves without
 * any parser. About 120 bytes a row; a note in 16 holds a comma, which CSV must quote.
 */
#include "base/hash.h"
#include "base/size.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NCOUNTRIES 8

static const char *const countries[NCOUNTRIES] = {"DE", "FR", "US", "JP", "BR", "IN", "PL", "SE"};
static const char *const first_names[] = {"Ann", "José", "Mia", "Łukasz",
                                          "Wei", "Omar", "Eva", "Bo"};
static const char *const last_names[] = {"Smith",    "Müller", "Garcia", "Tanaka",
                                         "Kowalska", "Rossi",  "Khan",   "Berg"};
static const char *const statuses[] = {"paid", "shipped", "open", "cancelled"};
static const char *const notes[] = {"leave at the door of the house", "call before the delivery",
                                    "gift wrapping for both parcels", "second floor on the left"};

struct order {
    unsigned long id, customer, zip, price_cents, qty, day_s;
    unsigned country, first, last, status, note;
    bool comma; /* the note holds one */
};

/* The k-th independent number of row id. */
static uint64_t draw(unsigned long id, unsigned k)
{
    return sfx_hash64_mix((uint64_t)id * 16 + k + 1) >> 8;
}

static struct order make_order(unsigned long id, unsigned long rows)
{
    return (struct order){
        .id = id,
        .customer = draw(id, 0) % (rows * 11 / 20 + 1), /* 1.1 M among 2 M orders */
        .zip = draw(id, 1) % 100000,
        .price_cents = draw(id, 2) % 100000 + 1,
        .qty = draw(id, 3) % 20 + 1,
        .day_s = draw(id, 4) % 86400,
        .country = draw(id, 5) % NCOUNTRIES,
        .first = draw(id, 6) % SFX_COUNT(first_names),
        .last = draw(id, 7) % SFX_COUNT(last_names),
        .status = draw(id, 8) % SFX_COUNT(statuses),
        .note = draw(id, 9) % SFX_COUNT(notes),
        .comma = draw(id, 10) % 16 == 0,
    };
}

#define COLUMNS "id,customer,country,zip,name,price,qty,status,ts,email,note"

/* What stands between fields, and around a text, in each format. */
struct form {
    char separator;
    const char *quote;      /* around a text that needs it */
    const char *names[11];  /* JSON: what stands before each value */
    const char *head, *end; /* of a line */
};

static const struct form csv = {',', "\"", {"", "", "", "", "", "", "", "", "", "", ""}, "", ""};
static const struct form tsv = {'\t', "", {"", "", "", "", "", "", "", "", "", "", ""}, "", ""};
static const struct form jsonl = {',',
                                  "",
                                  {"\"id\":", "\"customer\":\"", "\"country\":\"", "\"zip\":\"",
                                   "\"name\":\"", "\"price\":", "\"qty\":", "\"status\":\"",
                                   "\"ts\":\"", "\"email\":\"", "\"note\":\""},
                                  "{",
                                  "\"}"};

/* Prints a row without its line end; a text's closing quote in JSON is next to the separator. */
static void print_order(const struct order *o, const struct form *f)
{
    const char *q = f == &jsonl ? "\"" : "";
    const char *note_quote = o->comma ? f->quote : "";
    char c = f->separator;

    (void)printf("%s%s%lu%c%sc%07lu%s%c%s%s%s%c", f->head, f->names[0], o->id, c, f->names[1],
                 o->customer, q, c, f->names[2], countries[o->country], q, c);
    (void)printf("%s%05lu%s%c%s%s %s%s%c", f->names[3], o->zip, q, c, f->names[4],
                 first_names[o->first], last_names[o->last], q, c);
    (void)printf("%s%lu.%02lu%c%s%lu%c%s%s%s%c", f->names[5], o->price_cents / 100,
                 o->price_cents % 100, c, f->names[6], o->qty, c, f->names[7], statuses[o->status],
                 q, c);
    (void)printf("%s2026-%02lu-%02luT%02lu:%02lu:%02luZ%s%c", f->names[8], o->id % 12 + 1,
                 o->id / 12 % 28 + 1, o->day_s / 3600, o->day_s / 60 % 60, o->day_s % 60, q, c);
    (void)printf("%suser%lu@example.net%s%c%s%s%s%s%s%s", f->names[9], o->customer, q, c,
                 f->names[10], note_quote, notes[o->note], o->comma ? ", please" : "", note_quote,
                 f->end);
}

/* Every field in quotes. */
static void print_quoted(unsigned long rows)
{
    static const char columns[] = COLUMNS;
    unsigned long id;
    const char *at;

    (void)putchar('"');
    for (at = columns; *at != '\0'; at++)
        (void)fputs(*at == ',' ? "\",\"" : (char[]){*at, '\0'}, stdout);
    (void)puts("\"");
    for (id = 1; id <= rows; id++) {
        struct order o = make_order(id, rows);

        (void)printf("\"%lu\",\"c%07lu\",\"%s\",\"%05lu\",\"%s %s\",\"%lu.%02lu\",\"%lu\",\"%s\",",
                     o.id, o.customer, countries[o.country], o.zip, first_names[o.first],
                     last_names[o.last], o.price_cents / 100, o.price_cents % 100, o.qty,
                     statuses[o.status]);
        (void)printf("\"2026-%02lu-%02luT%02lu:%02lu:%02luZ\",\"user%lu@example.net\",\"%s%s\"\n",
                     o.id % 12 + 1, o.id / 12 % 28 + 1, o.day_s / 3600, o.day_s / 60 % 60,
                     o.day_s % 60, o.customer, notes[o.note], o.comma ? ", please" : "");
    }
}

/* What is known of every eleventh customer: 100,000 of those of 2 M orders. */
static void print_customers_by(unsigned long rows, char separator)
{
    unsigned long customer;

    (void)printf("customer%csegment%cdiscount\n", separator, separator);
    for (customer = 0; customer < rows * 11 / 20 + 1; customer += 11)
        (void)printf("c%07lu%cs%lu%c%lu\n", customer, separator, customer % 7, separator,
                     customer % 30);
}

static void print_data(unsigned long rows, const struct form *f)
{
    static const char columns[] = COLUMNS;
    unsigned long id;
    size_t i;

    for (i = 0; f != &jsonl && i < sizeof(columns) - 1; i++)
        (void)putchar(columns[i] == ',' ? f->separator : columns[i]);
    if (f != &jsonl)
        (void)putchar('\n');
    for (id = 1; id <= rows; id++) {
        struct order o = make_order(id, rows);

        print_order(&o, f);
        (void)putchar('\n');
    }
}

static void expect_all(unsigned long rows)
{
    print_data(rows, &csv);
}

static void expect_count(unsigned long rows)
{
    (void)printf("n\n%lu\n", rows);
}

static void expect_select(unsigned long rows)
{
    unsigned long id;

    (void)puts("id,customer,price");
    for (id = 1; id <= rows; id++) {
        struct order o = make_order(id, rows);

        (void)printf("%lu,c%07lu,%lu.%02lu\n", o.id, o.customer, o.price_cents / 100,
                     o.price_cents % 100);
    }
}

static void expect_filter(unsigned long rows)
{
    unsigned long id;

    (void)puts(COLUMNS);
    for (id = 1; id <= rows; id++) {
        struct order o = make_order(id, rows);

        if (o.price_cents <= 90000)
            continue;
        print_order(&o, &csv);
        (void)putchar('\n');
    }
}

static void expect_derive(unsigned long rows)
{
    unsigned long id;

    (void)puts(COLUMNS ",total");
    for (id = 1; id <= rows; id++) {
        struct order o = make_order(id, rows);
        unsigned long cents = o.price_cents * o.qty;

        print_order(&o, &csv);
        (void)printf(",%lu.%02lu\n", cents / 100, cents % 100);
    }
}

static void expect_group(unsigned long rows)
{
    unsigned long counts[NCOUNTRIES] = {0};
    unsigned long cents[NCOUNTRIES] = {0};
    unsigned long id;
    size_t i;

    for (id = 1; id <= rows; id++) {
        struct order o = make_order(id, rows);

        counts[o.country]++;
        cents[o.country] += o.price_cents;
    }
    (void)puts("country,n,revenue");
    for (i = 0; i < NCOUNTRIES; i++) {
        if (counts[i] > 0)
            (void)printf("%s,%lu,%lu.%02lu\n", countries[i], counts[i], cents[i] / 100,
                         cents[i] % 100);
    }
}

static void expect_join(unsigned long rows)
{
    unsigned long id;

    (void)puts(COLUMNS ",segment,discount");
    for (id = 1; id <= rows; id++) {
        struct order o = make_order(id, rows);

        if (o.customer % 11 != 0)
            continue;
        print_order(&o, &csv);
        (void)printf(",s%lu,%lu\n", o.customer % 7, o.customer % 30);
    }
}

/* The first order of each customer. */
static void expect_distinct(unsigned long rows)
{
    bool *seen = calloc(rows * 11 / 20 + 1, sizeof(*seen));
    unsigned long id;

    if (seen == NULL)
        exit(70);
    (void)puts(COLUMNS);
    for (id = 1; id <= rows; id++) {
        struct order o = make_order(id, rows);

        if (seen[o.customer])
            continue;
        seen[o.customer] = true;
        print_order(&o, &csv);
        (void)putchar('\n');
    }
    free(seen);
}

/* What a database says after a load: rows, pieces, revenue in cents, bytes of notes. */
static void expect_load(unsigned long rows)
{
    unsigned long qty = 0;
    unsigned long cents = 0;
    unsigned long note_nbytes = 0;
    unsigned long id;

    for (id = 1; id <= rows; id++) {
        struct order o = make_order(id, rows);

        qty += o.qty;
        cents += o.price_cents;
        note_nbytes += strlen(notes[o.note]) + (o.comma ? strlen(", please") : 0);
    }
    (void)printf("%lu|%lu|%lu|%lu\n", rows, qty, cents, note_nbytes);
}

static void print_csv(unsigned long rows)
{
    print_data(rows, &csv);
}

static void print_tsv(unsigned long rows)
{
    print_data(rows, &tsv);
}

static void print_jsonl(unsigned long rows)
{
    print_data(rows, &jsonl);
}

static void print_customers(unsigned long rows)
{
    print_customers_by(rows, ',');
}

static void print_customers_tsv(unsigned long rows)
{
    print_customers_by(rows, '\t');
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(unsigned long rows);
    } outputs[] = {
        {"csv", print_csv},
        {"tsv", print_tsv},
        {"jsonl", print_jsonl},
        {"quoted", print_quoted},
        {"customers", print_customers},
        {"customers-tsv", print_customers_tsv},
        {"count", expect_count},
        {"select", expect_select},
        {"filter", expect_filter},
        {"derive", expect_derive},
        {"group", expect_group},
        {"sort", expect_all},
        {"sort-capped", expect_all},
        {"from-jsonl", expect_all},
        {"jsonl-filter", expect_filter},
        {"quoted-select", expect_select},
        {"join", expect_join},
        {"convert", expect_all},
        {"distinct", expect_distinct},
        {"load", expect_load},
    };
    unsigned long rows = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    size_t i;

    for (i = 0; rows > 0 && i < SFX_COUNT(outputs); i++) {
        if (strcmp(argv[2], outputs[i].name) != 0)
            continue;
        outputs[i].print(rows);
        return fflush(stdout) == 0 ? 0 : 74;
    }
    (void)fprintf(stderr,
                  "usage: gen_orders ROWS csv|tsv|jsonl|quoted|customers|customers-tsv|TASK\n");
    return 2;
}
