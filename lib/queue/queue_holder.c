/* SPDX-License-Identifier: MIT */
/*
 * Who holds leases, whether they live, and how a producer wakes who waits.
 *
 * A holder has a lock on its own byte of the lock file. The kernel takes it away when the process
 * ends, however it ends and in whatever PID namespace it ran. A producer rings by writing one byte
 * to the same file, of which those who wait have an inotify watch: a write of a microsecond a
 * commit, and the only wake-up when something became ready. A ring that a killed producer did not
 * get to is made up for by a look now and then (see queue_lease.c).
 */
#include "queue/queue_sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#define CHECK_MS 1000 /* between two looks for holders that are gone */

static struct flock lock_of(int64_t holder)
{
    return (struct flock){
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1 + holder, .l_len = 1};
}

int sfx_queue_holder_take(struct sfx_queue_db *q, struct sfx_err *err)
{
    struct sfx_slice name = SFX_SLICE_LIT("next_holder");
    int64_t number = 0;
    struct flock lock;
    int rc;

    if (q->holder != 0)
        return 0;
    rc = SFX_QUEUE_RUN(q, SFX_SQL_TALLY_ADD, err, "si", name, (int64_t)1);
    if (rc >= 0)
        rc = sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_TALLY_GET, err, "s", name), &number,
                               err);
    if (rc < 0)
        return rc;
    lock = lock_of(number);
    if (fcntl(q->lock_fd, F_OFD_SETLK, &lock) != 0)
        return sfx_err_errno(err, errno, "cannot lock");
    rc = SFX_QUEUE_RUN(q, SFX_SQL_HOLDER_PUT, err, "iisi", number, (int64_t)getpid(),
                       sfx_slice_str(q->opts.name != NULL ? q->opts.name : "sfx"),
                       sfx_queue_now_ms());
    if (rc < 0)
        return rc;
    q->holder = number;
    return 0;
}

static bool is_gone(const struct sfx_queue_db *q, int64_t holder)
{
    struct flock lock = lock_of(holder);

    return holder != q->holder && fcntl(q->lock_fd, F_OFD_GETLK, &lock) == 0 &&
           lock.l_type == F_UNLCK;
}

static int give_back(struct sfx_queue_db *q, int64_t seq, bool counted, struct sfx_err *err)
{
    struct sfx_queue_task task;
    int rc = sfx_queue_task_get(q, seq, &task, err);

    if (rc <= 0)
        return rc;
    q->tally[SFX_TALLY_RETURNED] += counted;
    return sfx_queue_task_move(q, &task, SFX_QUEUE_READY, 0,
                               counted ? task.attempts : task.attempts - 1, sfx_slice(NULL, 0),
                               err);
}

int sfx_queue_holder_drop(struct sfx_queue_db *q, int64_t holder, bool counted, struct sfx_err *err)
{
    int rc;

    for (;;) {
        int64_t seq = 0;

        /* One by one, because a statement must not read what is being changed under it. */
        rc = sfx_queue_sql_one(q, sfx_queue_sql_bind(q, SFX_SQL_HELD, err, "i", holder), &seq, err);
        if (rc <= 0)
            break;
        rc = give_back(q, seq, counted, err);
        if (rc < 0)
            break;
    }
    if (rc == 0)
        rc = SFX_QUEUE_RUN(q, SFX_SQL_HOLDER_DROP, err, "i", holder);
    return rc < 0 ? rc : 0;
}

static int drop_gone(struct sfx_queue_db *q, struct sfx_err *err)
{
    int64_t gone[64]; /* more go at the next look */
    size_t ngone = 0, i;
    sqlite3_stmt *stmt = sfx_queue_sql_bind(q, SFX_SQL_HOLDERS, err, "");
    int rc = stmt != NULL ? 1 : SFX_E_IO;

    while (rc > 0 && (rc = sfx_queue_sql_step(q, stmt, err)) > 0) {
        int64_t holder = sfx_queue_sql_int(q, stmt, 0);

        if (ngone < sizeof(gone) / sizeof(*gone) && is_gone(q, holder))
            gone[ngone++] = holder;
    }
    for (i = 0; rc == 0 && i < ngone; i++)
        rc = sfx_queue_holder_drop(q, gone[i], true, err);
    return rc;
}

/* Events whose time has come, and leases whose time is over. */
static int take_due(struct sfx_queue_db *q, int64_t now_ms, struct sfx_err *err)
{
    struct {
        int64_t seq;
        bool leased;
    } due[256];
    size_t ndue, i;
    int rc;

    do {
        sqlite3_stmt *stmt = sfx_queue_sql_bind(q, SFX_SQL_DUE, err, "i", now_ms);

        rc = stmt != NULL ? 1 : SFX_E_IO;
        ndue = 0;
        while (rc > 0 && ndue < sizeof(due) / sizeof(*due) &&
               (rc = sfx_queue_sql_step(q, stmt, err)) > 0) {
            due[ndue].seq = sfx_queue_sql_int(q, stmt, 0);
            due[ndue++].leased = sfx_queue_sql_int(q, stmt, 1) == SFX_QUEUE_LEASED;
        }
        if (rc > 0)
            sfx_queue_sql_reset(q, stmt);
        for (i = 0; rc >= 0 && i < ndue; i++) {
            struct sfx_queue_task task;

            if (due[i].leased)
                rc = give_back(q, due[i].seq, true, err);
            else if ((rc = sfx_queue_task_get(q, due[i].seq, &task, err)) > 0)
                rc = sfx_queue_task_move(q, &task, SFX_QUEUE_READY, 0, task.attempts,
                                         sfx_slice(NULL, 0), err);
        }
    } while (rc >= 0 && ndue == sizeof(due) / sizeof(*due));
    return rc < 0 ? rc : 0;
}

int sfx_queue_reclaim(struct sfx_queue_db *q, int64_t now_ms, struct sfx_err *err)
{
    int rc = 0;

    if (now_ms - q->checked_ms >= CHECK_MS || now_ms < q->checked_ms) {
        rc = drop_gone(q, err);
        q->checked_ms = now_ms;
    }
    return rc == 0 ? take_due(q, now_ms, err) : rc;
}

void sfx_queue_ring(struct sfx_queue_db *q)
{
    if (pwrite(q->lock_fd, "", 1, 0) < 0)
        return; /* who waits looks by itself before long */
}

int sfx_queue_bell(struct sfx_queue_db *q)
{
    char name[32];

    if (q->bell_fd >= 0)
        return q->bell_fd;
    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", q->lock_fd);
    q->bell_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (q->bell_fd >= 0 && inotify_add_watch(q->bell_fd, name, IN_MODIFY) < 0) {
        (void)close(q->bell_fd);
        q->bell_fd = -1;
    }
    return q->bell_fd;
}

void sfx_queue_bell_drain(struct sfx_queue_db *q)
{
    char events[1024];

    while (q->bell_fd >= 0 && read(q->bell_fd, events, sizeof(events)) > 0)
        continue;
}
