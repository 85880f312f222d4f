/* SPDX-License-Identifier: MIT */
/* Watching: what only a program can do to a file, and how it is told. */
#include "base/io.h"
#include "base/path.h"
#include "event/event.h"
#include "watch/watch_internal.h"

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A test that waits for an event in vain ends by SIGALRM. */
#define PATIENCE_S 30

static char root[] = "/tmp/test_watch.XXXXXX";
static const char *const roots[] = {root};
static volatile sig_atomic_t stop;

static int make_root(void **state)
{
    (void)state;
    memcpy(root + sizeof(root) - 7, "XXXXXX", 6);
    (void)alarm(PATIENCE_S);
    stop = 0;
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_root(void **state)
{
    char command[100];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

static struct sfx_watch *watch_root(void)
{
    const struct sfx_watch_opts opts = {
        .roots = roots, .nroots = 1, .reader_fd = -1, .stop = &stop};
    struct sfx_err err;
    struct sfx_watch *w = sfx_watch_new(&opts, &err);

    if (w == NULL)
        fail_msg("%s", err.text);
    return w;
}

static int open_in_root(const char *name, int flags)
{
    int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = openat(dir, name, flags | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(sfx_io_close(&dir, NULL), 0);
    return fd;
}

static void write_file(const char *name, const char *text)
{
    int fd = open_in_root(name, O_CREAT | O_WRONLY | O_TRUNC);

    assert_int_equal(sfx_io_write(fd, text, strlen(text), NULL), 0);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
}

/* The next event is of this type and name. */
static void expect(struct sfx_watch *w, const char *type, const char *name)
{
    struct sfx_event ev;
    struct sfx_path_parts parts;
    struct sfx_err err;

    if (sfx_watch_next(w, &ev, &err) != 1)
        fail_msg("no event: %s", err.text);
    sfx_path_split(ev.path, &parts);
    if (!sfx_slice_eq(parts.base, sfx_slice_str(name)) ||
        !sfx_slice_eq(ev.type, sfx_slice_str(type)))
        fail_msg("%.*s %.*s", SFX_SLICE_ARG(ev.type), SFX_SLICE_ARG(ev.path));
}

/* There is no further event among what is queued. */
static void expect_end(struct sfx_watch *w)
{
    struct sfx_event ev;

    stop = 1;
    assert_int_equal(sfx_watch_next(w, &ev, NULL), 0);
    sfx_watch_free(w);
}

/* How sfx programs publish: the file is complete when it gets its name, and is
 * closed under none.
 */
static void a_nameless_file_that_is_linked_is_told(void **state)
{
    struct sfx_watch *w = watch_root();
    char path[64], self[40];
    int fd = open(root, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);

    (void)state;
    if (fd < 0)
        skip(); /* the file system has no O_TMPFILE */
    assert_int_equal(sfx_io_write(fd, "complete", 8, NULL), 0);
    (void)snprintf(path, sizeof(path), "%s/out", root);
    (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    write_file("before", "x");
    expect(w, SFX_EVENT_CLOSED, "before");
    assert_int_equal(linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW), 0);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
    expect(w, SFX_EVENT_LINKED, "out");
    expect_end(w);
}

/* Closing does not end writing through a mapping; unmapping does. */
static void a_mapped_file_is_told_when_it_is_unmapped(void **state)
{
    struct sfx_watch *w = watch_root();
    int fd = open_in_root("mapped", O_CREAT | O_RDWR);
    char *map;

    (void)state;
    assert_int_equal(ftruncate(fd, 4096), 0);
    map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
    write_file("other", "x");
    expect(w, SFX_EVENT_CLOSED, "other");
    map[0] = 'm';
    assert_int_equal(munmap(map, 4096), 0);
    expect(w, SFX_EVENT_CLOSED, "mapped");
    expect_end(w);
}

static void of_two_writers_the_last_one_counts(void **state)
{
    struct sfx_watch *w = watch_root();
    int first = open_in_root("shared", O_CREAT | O_WRONLY);
    int second = open_in_root("shared", O_WRONLY);

    (void)state;
    assert_int_equal(sfx_io_close(&first, NULL), 0);
    write_file("other", "x");
    expect(w, SFX_EVENT_CLOSED, "other");
    assert_int_equal(sfx_io_write(second, "y", 1, NULL), 0);
    assert_int_equal(sfx_io_close(&second, NULL), 0);
    expect(w, SFX_EVENT_CLOSED, "shared");
    expect_end(w);
}

/* The link is in the folder, its writer has it open elsewhere: no change of the
 * folder says when it is done. */
static void a_link_to_a_file_that_is_being_written_waits_for_the_writer(void **state)
{
    char inside[64], outside[64];
    struct sfx_watch *w = watch_root();
    int fd;

    (void)state;
    (void)snprintf(outside, sizeof(outside), "%s.outside", root);
    (void)snprintf(inside, sizeof(inside), "%s/linked", root);
    fd = open(outside, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    write_file("before", "x");
    expect(w, SFX_EVENT_CLOSED, "before");
    assert_int_equal(link(outside, inside), 0);
    write_file("other", "x");
    expect(w, SFX_EVENT_CLOSED, "other");
    assert_int_equal(sfx_io_write(fd, "y", 1, NULL), 0);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
    expect(w, SFX_EVENT_LINKED, "linked");
    assert_int_equal(unlink(outside), 0);
    expect_end(w);
}

static void what_did_not_change_is_not_told_again(void **state)
{
    struct sfx_watch *w = watch_root();
    int fd;

    (void)state;
    write_file("same", "x");
    expect(w, SFX_EVENT_CLOSED, "same");
    fd = open_in_root("same", O_WRONLY);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
    write_file("gone", "x");
    fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(unlinkat(fd, "gone", 0), 0);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
    expect_end(w);
}

/* What a file is like after it was read to its end must be what was told of it:
 * content that changes meanwhile is of no version, and must not be taken for
 * one that is known. */
static void content_that_changes_while_it_is_read_is_not_noted(void **state)
{
    const struct sfx_watch_opts opts = {
        .roots = roots, .nroots = 1, .reader_fd = -1, .by_content = true, .stop = &stop};
    const struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    struct sfx_err err;
    struct sfx_watch *w = sfx_watch_new(&opts, &err);
    struct stat st;
    int fd;

    (void)state;
    assert_non_null(w);
    sfx_buf_clear(&w->path);
    assert_int_equal(sfx_buf_append(&w->path, "growing", 8, NULL), 0);
    w->path.len--;
    write_file("growing", "one");
    fd = open_in_root("growing", O_RDWR);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pwrite(fd, "four", 4, 0), 4); /* longer */
    assert_int_equal(sfx_watch_content_is_new(w, 0, fd, &st, &err), SFX_CONTENT_UNSTEADY);
    assert_int_equal(futimens(fd, past), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pwrite(fd, "five", 4, 0), 4); /* as long, later */
    assert_int_equal(sfx_watch_content_is_new(w, 0, fd, &st, &err), SFX_CONTENT_UNSTEADY);
    assert_int_equal(usleep(20000), 0);      /* a tick of the clock of changes */
    assert_int_equal(futimens(fd, past), 0); /* as it was, but for the time of that */
    assert_int_equal(sfx_watch_content_is_new(w, 0, fd, &st, &err), SFX_CONTENT_UNSTEADY);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(sfx_watch_content_is_new(w, 0, fd, &st, &err), SFX_CONTENT_NEW);
    assert_int_equal(sfx_watch_content_is_new(w, 0, fd, &st, &err), SFX_CONTENT_KNOWN);
    assert_int_equal(sfx_io_close(&fd, NULL), 0);
    sfx_watch_free(w);
}

/* However many folders there are: one mark tells of all, and the scan forgets
 * where it was. */
static void by_fanotify_no_folder_is_kept(void **state)
{
    const struct sfx_watch_opts opts = {
        .roots = roots, .nroots = 1, .reader_fd = -1, .backend = SFX_WATCH_FANOTIFY, .stop = &stop};
    struct sfx_watch_stats stats;
    struct sfx_watch *w;
    struct sfx_err err;
    char name[64];
    int i;

    (void)state;
    for (i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof(name), "%s/%d/deeper", root, i);
        assert_int_equal(sfx_path_mkdirs(name, NULL), 0);
    }
    w = sfx_watch_new(&opts, &err);
    if (w == NULL && err.code == SFX_E_UNSUPPORTED)
        skip();
    assert_non_null(w);
    write_file("49/deeper/new", "x");
    expect(w, SFX_EVENT_CLOSED, "new");
    write_file("last", "x");
    expect(w, SFX_EVENT_CLOSED, "last");
    while (sfx_watch_is_scanning(w)) {
        uint32_t of;
        unsigned kind;

        assert_int_not_equal(sfx_watch_scan_step(w, &of, &kind, &err), SFX_E_IO);
        assert_true(w->nwalk_dirs <= 3);
    }
    sfx_watch_stats(w, &stats);
    assert_int_equal(stats.folders, 101);
    assert_true(w->dirs.count <= 2); /* the head of the block, and the root */
    expect_end(w);
}

static void lists_of_kinds_are_read(void **state)
{
    struct sfx_err err;
    unsigned kinds;

    (void)state;
    assert_int_equal(sfx_watch_parse_kinds(SFX_SLICE_LIT("closed,deleted"), &kinds, &err), 0);
    assert_int_equal(kinds, SFX_WATCH_CLOSED | SFX_WATCH_DELETED);
    assert_int_equal(sfx_watch_parse_kinds(SFX_SLICE_LIT("closed,"), &kinds, &err), SFX_E_USAGE);
    assert_int_equal(sfx_watch_parse_kinds(SFX_SLICE_LIT(""), &kinds, &err), SFX_E_USAGE);
}

/* As statfs(2) numbers them: NFS, SMB2, FUSE; ext4, tmpfs, btrfs. */
static void file_systems_that_others_change_are_polled(void **state)
{
    (void)state;
    assert_true(sfx_backend_is_remote(0x6969));
    assert_true(sfx_backend_is_remote(0xFE534D42));
    assert_true(sfx_backend_is_remote(0x65735546));
    assert_true(sfx_backend_is_remote((uint64_t)(int64_t)(int32_t)0xFF534D42));
    assert_false(sfx_backend_is_remote(0xEF53));
    assert_false(sfx_backend_is_remote(0x01021994));
    assert_false(sfx_backend_is_remote(0x9123683E));
}

#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOT(a_nameless_file_that_is_linked_is_told),
        IN_ROOT(a_mapped_file_is_told_when_it_is_unmapped),
        IN_ROOT(of_two_writers_the_last_one_counts),
        IN_ROOT(a_link_to_a_file_that_is_being_written_waits_for_the_writer),
        IN_ROOT(what_did_not_change_is_not_told_again),
        IN_ROOT(content_that_changes_while_it_is_read_is_not_noted),
        IN_ROOT(by_fanotify_no_folder_is_kept),
        cmocka_unit_test(lists_of_kinds_are_read),
        cmocka_unit_test(file_systems_that_others_change_are_polled),
    };

    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
