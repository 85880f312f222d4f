/* SPDX-License-Identifier: MIT */
/*
 * What a queue does in a second, without a program around it: events as sfx-watch makes them, of
 * some 300 bytes, put in groups and given out in batches.
 *
 * usage: queue_rate QUEUE put COUNT GROUP      new events
 *        queue_rate QUEUE drain COUNT BATCH    leased and acknowledged
 *        queue_rate QUEUE through COUNT BATCH  both: put in groups of 1000, then drained
 *        queue_rate QUEUE fill COUNT           as put, until so many wait; says nothing
 *        queue_rate FILE floor COUNT GROUP     plain inserts into one table of SQLite
 *        queue_rate FILE unique COUNT GROUP    the same, with a UNIQUE id
 *
 * Words more: "durable" asks for a sync of the disk with each group, "anew" removes the file first,
 * "lanes" makes the path of each event its key, as sfx-watch does. Prints events a second, wall and
 * CPU ms, and the peak of memory in KiB.
 */
#include "base/hash.h"
#include "queue/queue.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAX_GROUP 4096

struct made {
    char id[40], path[64], line[400];
};

static struct made made[MAX_GROUP];
static bool lanes;
static struct sfx_queue_put group_of[MAX_GROUP];

static void fail(const char *text)
{
    (void)fprintf(stderr, "queue_rate: %s\n", text);
    exit(1);
}

/* The event that is the n-th of its kind: ids are as random as those of files. */
static void make_event(uint64_t n, struct made *m)
{
    (void)snprintf(m->id, sizeof(m->id), "%016" PRIx64 "%016" PRIx64, sfx_hash64_mix(n + 1),
                   sfx_hash64_mix(~n));
    (void)snprintf(m->path, sizeof(m->path), "/srv/inbox/folder/%" PRIu64 ".jpg", n);
    (void)snprintf(m->line, sizeof(m->line),
                   "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/srv/inbox\",\"type\":"
                   "\"dev.sfx.file.closed\",\"subject\":\"folder/%" PRIu64 ".jpg\",\"time\":"
                   "\"2026-01-01T00:00:00.000000000Z\",\"datacontenttype\":\"application/json\","
                   "\"data\":{\"path\":\"%s\",\"size\":12345}}",
                   m->id, n, m->path);
}

static void put_all(struct sfx_queue *q, uint64_t first, uint64_t count, size_t group)
{
    struct sfx_err err;
    uint64_t done = 0;
    size_t i;

    while (done < count) {
        size_t n = count - done < group ? (size_t)(count - done) : group;

        for (i = 0; i < n; i++) {
            make_event(first + done + i, &made[i]);
            group_of[i] = (struct sfx_queue_put){.id = sfx_slice_str(made[i].id),
                                                 .line = sfx_slice_str(made[i].line)};
            if (lanes)
                group_of[i].lane = sfx_slice_str(made[i].path);
        }
        if (sfx_queue_put(q, group_of, n, &err) != (int64_t)n)
            fail(err.text);
        done += n;
    }
}

static void drain(struct sfx_queue *q, uint64_t count, size_t batch_max)
{
    static struct sfx_queue_result results[MAX_GROUP];
    struct sfx_queue_lease how = {.max = batch_max, .visible_ms = 60000};
    struct sfx_queue_batch batch = {0};
    struct sfx_err err;
    uint64_t done = 0;

    while (done < count) {
        int64_t n = sfx_queue_lease(q, &how, &batch, &err), i;

        for (i = 0; i < n; i++)
            results[i] = (struct sfx_queue_result){.seq = batch.events[i].seq};
        if (n <= 0 || sfx_queue_settle(q, results, (size_t)n, &err) != n)
            fail(n == 0 ? "nothing waits" : err.text);
        done += (uint64_t)n;
    }
    sfx_queue_batch_done(&batch);
}

/* What the least thing costs that keeps events. */
static void floor_puts(const char *path, bool unique, bool durable, uint64_t count, size_t group)
{
    char sql[256];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    uint64_t i;
    bool ok = sqlite3_open(path, &db) == SQLITE_OK;

    (void)snprintf(sql, sizeof(sql),
                   "PRAGMA journal_mode=WAL;PRAGMA wal_autocheckpoint=4000;PRAGMA "
                   "synchronous=%s;PRAGMA cache_size=-8192;CREATE TABLE IF NOT EXISTS "
                   "event(seq INTEGER PRIMARY KEY, id TEXT%s, line BLOB);BEGIN",
                   durable ? "FULL" : "NORMAL", unique ? " UNIQUE" : "");
    ok = ok && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK &&
         sqlite3_prepare_v2(db, "INSERT INTO event(id, line) VALUES(?, ?)", -1, &stmt, NULL) ==
             SQLITE_OK;
    for (i = 0; ok && i < count; i++) {
        make_event(i, &made[0]);
        (void)sqlite3_bind_text(stmt, 1, made[0].id, -1, SQLITE_STATIC);
        (void)sqlite3_bind_blob(stmt, 2, made[0].line, (int)strlen(made[0].line), SQLITE_STATIC);
        ok = sqlite3_step(stmt) == SQLITE_DONE && sqlite3_reset(stmt) == SQLITE_OK;
        if (ok && (i + 1) % group == 0)
            ok = sqlite3_exec(db, "COMMIT;BEGIN", NULL, NULL, NULL) == SQLITE_OK;
    }
    ok = ok && sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
    if (!ok)
        fail(sqlite3_errmsg(db));
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
}

static void remove_files(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    const char *file = strncmp(path, "sqlite:", 7) == 0 ? path + 7 : path;
    char name[4096];
    size_t i;

    for (i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", file, ends[i]);
        (void)unlink(name);
    }
}

static double now_s(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double cpu_s(struct rusage *use)
{
    (void)getrusage(RUSAGE_SELF, use);
    return (double)(use->ru_utime.tv_sec + use->ru_stime.tv_sec) +
           (double)(use->ru_utime.tv_usec + use->ru_stime.tv_usec) / 1e6;
}

static void work(const char *path, const char *how, uint64_t count, size_t group, bool durable)
{
    const struct sfx_queue_opts opts = {.create = true, .durable = durable, .name = "queue_rate"};
    struct sfx_queue_stats stats;
    struct sfx_queue *q;
    struct sfx_err err;

    if (strcmp(how, "floor") == 0 || strcmp(how, "unique") == 0) {
        floor_puts(path, how[0] == 'u', durable, count, group);
        return;
    }
    q = sfx_queue_open(path, &opts, &err);
    if (q == NULL || sfx_queue_stats(q, &stats, &err) < 0)
        fail(err.text);
    if (strcmp(how, "put") == 0)
        put_all(q, stats.put, count, group);
    else if (strcmp(how, "drain") == 0)
        drain(q, count, group);
    else if (strcmp(how, "through") == 0) {
        put_all(q, stats.put, count, 1000);
        drain(q, count, group);
    } else if (strcmp(how, "fill") == 0 && stats.depth[SFX_QUEUE_READY] < count)
        put_all(q, stats.put, count - stats.depth[SFX_QUEUE_READY], group);
    sfx_queue_close(q);
}

int main(int argc, char **argv)
{
    const char *how = argc > 2 ? argv[2] : "";
    uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    size_t group = argc > 4 ? strtoul(argv[4], NULL, 10) : 1000;
    struct rusage use;
    bool durable = false;
    double began = now_s(), cpu, wall;
    int i;

    if (count == 0 || group == 0 || group > MAX_GROUP) {
        (void)fprintf(stderr, "usage: queue_rate QUEUE put|drain|through|fill|floor|unique "
                              "COUNT GROUP [durable] [lanes] [anew]\n");
        return 2;
    }
    for (i = 5; i < argc; i++) {
        durable = durable || strcmp(argv[i], "durable") == 0;
        lanes = lanes || strcmp(argv[i], "lanes") == 0;
        if (strcmp(argv[i], "anew") == 0)
            remove_files(argv[1]);
    }
    work(argv[1], how, count, group, durable);
    wall = now_s() - began;
    cpu = cpu_s(&use);
    if (strcmp(how, "fill") != 0)
        (void)printf("%-7s %8.0f/s wall %7.0f ms cpu %7.0f ms (%.2f us each) peak %ld KiB\n", how,
                     (double)count / wall, wall * 1e3, cpu * 1e3, cpu * 1e6 / (double)count,
                     use.ru_maxrss);
    return 0;
}
