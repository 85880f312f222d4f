/* SPDX-License-Identifier: MIT */
/* Prints the rows of a query, values joined by '|'. usage: query_sqlite DATABASE SQL */
#include <sqlite3.h>
#include <stdio.h>

static int print_row(void *unused, int n, char **values, char **names)
{
    int i;

    (void)unused;
    (void)names;
    for (i = 0; i < n; i++)
        (void)printf("%s%s", i > 0 ? "|" : "", values[i] != NULL ? values[i] : "");
    (void)putchar('\n');
    return 0;
}

int main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    int rc = 2;

    if (argc == 3)
        rc = sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READONLY, NULL);
    if (argc == 3 && rc == SQLITE_OK)
        rc = sqlite3_exec(db, argv[2], print_row, NULL, &message);
    if (rc != SQLITE_OK)
        (void)fprintf(stderr, "query_sqlite: %s\n", message != NULL ? message : "cannot be opened");
    sqlite3_free(message);
    (void)sqlite3_close(db);
    return rc != SQLITE_OK;
}
