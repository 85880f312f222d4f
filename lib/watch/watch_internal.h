/* SPDX-License-Identifier: MIT */
/*
 * What a watch is made of. Each part stands alone: the tree of folders, backends that say what
 * changed in them, the scan, the probe of completeness, files that wait for a second look, versions
 * that were told, and the filter. watch.c puts them together.
 */
#ifndef SFX_WATCH_WATCH_INTERNAL_H
#define SFX_WATCH_WATCH_INTERNAL_H

#include "base/clock.h"
#include "media/media.h"
#include "watch/watch.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* -- Folders: a tree that knows names, so that a rename changes one node (watch_dirs.c) */

/* Names of fewer bytes stand in the node. */
#define SFX_WATCH_SHORT_NAME ((size_t)16)

/* What few folders have. */
struct sfx_watch_extra {
    struct sfx_watch_names *names; /* owned; the files in it, when it is polled */
    struct sfx_watch_rules *rules; /* owned; of its ignore file; NULL: none */
};

/* One of 64 bytes for each folder, in blocks: so nodes are linked by number, 0 for none. */
struct sfx_watch_dir {
    uint32_t parent, child, prev, next;
    uint32_t scan_prev, scan_next; /* in the list of folders to scan */
    uint32_t generation;           /* of the scan that saw it last */
    uint32_t root : 20;            /* index: more than a command line has room for */
    uint32_t scan_kind : 8;        /* what its files are told as; 0: not in the list */
    uint32_t by : 2;               /* enum sfx_watch_backend: what tells of it; AUTO: nothing */
    uint32_t away : 1;             /* renamed to where we do not know (yet) */
    uint32_t has_long_name : 1;
    uint64_t id;                   /* the backend's name of it */
    struct sfx_watch_extra *extra; /* owned; NULL: none */
    union {
        char text[SFX_WATCH_SHORT_NAME];
        char *ptr; /* owned; of a long one */
    } name;        /* empty for a root */
};

/* All nodes. What is freed is used again, and given back at the end. */
struct sfx_watch_dirs {
    struct sfx_watch_dir **blocks; /* owned, as each of them */
    size_t nblocks;
    uint32_t count; /* numbers that were ever in use */
    uint32_t free;  /* the first of the freed nodes, linked by next; 0: none */
};

/* A node for name below parent (NULL: a root). Errors: NULL, NOMEM. */
struct sfx_watch_dir *sfx_watch_dir_new(struct sfx_watch_dirs *dirs, struct sfx_watch_dir *parent,
                                        uint32_t root, struct sfx_slice name, struct sfx_err *err);
void sfx_watch_dirs_done(struct sfx_watch_dirs *dirs);
struct sfx_watch_dir *sfx_watch_dirs_at(const struct sfx_watch_dirs *dirs, uint32_t number);
uint32_t sfx_watch_dir_number(const struct sfx_watch_dir *dir);
/* The node of that number among those that dir is of; NULL: number is 0. */
struct sfx_watch_dir *sfx_watch_dir_at(const struct sfx_watch_dir *dir, uint32_t number);
/* NULL: dir is a root. */
struct sfx_watch_dir *sfx_watch_dir_parent(const struct sfx_watch_dir *dir);
/* Borrowed until dir is renamed. */
const char *sfx_watch_dir_name(const struct sfx_watch_dir *dir);
/* What dir has beside, made when it is missing. Errors: NULL, NOMEM. */
struct sfx_watch_extra *sfx_watch_dir_extra(struct sfx_watch_dir *dir, struct sfx_err *err);
struct sfx_watch_names *sfx_watch_dir_names(const struct sfx_watch_dir *dir);
struct sfx_watch_rules *sfx_watch_dir_rules(const struct sfx_watch_dir *dir);
/* Makes dir the child `name` of parent. Errors: NOMEM. */
int sfx_watch_dir_move(struct sfx_watch_dir *dir, struct sfx_watch_dir *parent,
                       struct sfx_slice name, struct sfx_err *err);
/* The child of that name, or NULL. */
struct sfx_watch_dir *sfx_watch_dir_find(struct sfx_watch_dir *parent, struct sfx_slice name);
/* True when dir is of, or below it. */
bool sfx_watch_dir_within(const struct sfx_watch_dir *dir, const struct sfx_watch_dir *of);
/* The next node in the subtree of top, parents before children; with skip, not those below dir. */
struct sfx_watch_dir *sfx_watch_dir_walk(struct sfx_watch_dir *dir, struct sfx_watch_dir *top,
                                         bool skip);
/* Takes a node that has no children off its parent and frees it. */
void sfx_watch_dir_free(struct sfx_watch_dirs *dirs, struct sfx_watch_dir *dir);
/* Makes *path the path below the root of name in dir (name empty: of dir; "." for a root), with a
 * terminator behind its end. Errors: NOMEM. */
int sfx_watch_dir_path(const struct sfx_watch_dir *dir, struct sfx_slice name, struct sfx_buf *path,
                       struct sfx_err *err);

/* -- Folders by a backend's names of them (watch_table.c) */

/* A name is a number of the kernel's, or a hash with this bit: of a million folders two are the
 * same once in 10 million trees. */
#define SFX_WATCH_HASHED ((uint64_t)1 << 63)

struct sfx_watch_table {
    struct sfx_watch_dirs *dirs; /* borrowed */
    uint32_t *numbers;           /* owned */
    size_t cap, count;
};

struct sfx_watch_dir *sfx_watch_table_find(const struct sfx_watch_table *t, uint64_t id);
/* Adds dir, whose id is not there yet. Errors: NOMEM. */
int sfx_watch_table_add(struct sfx_watch_table *t, struct sfx_watch_dir *dir, struct sfx_err *err);
/* Takes dir out, if it is there. */
void sfx_watch_table_remove(struct sfx_watch_table *t, const struct sfx_watch_dir *dir);
void sfx_watch_table_done(struct sfx_watch_table *t);

/* -- What a kernel queue holds (watch_reader.c) */

enum { SFX_READER_NONE, SFX_READER_SOME, SFX_READER_LOST };

struct sfx_watch_reader;

/* Reads fd, which is taken, in any case. Errors: NULL, NOMEM. */
struct sfx_watch_reader *sfx_watch_reader_new(int fd, struct sfx_err *err);
int sfx_watch_reader_fd(const struct sfx_watch_reader *r);
/* *bytes: whole events, borrowed until the call after all were taken. NONE: none are at hand (asks
 * the kernel only with `ask`); LOST: some had to be dropped. Errors: IO, NOMEM. */
int sfx_watch_reader_next(struct sfx_watch_reader *r, bool ask, struct sfx_slice *bytes,
                          struct sfx_err *err);
/* Takes the first nbytes of them. */
void sfx_watch_reader_take(struct sfx_watch_reader *r, size_t nbytes);
/* Before waiting for the descriptor; false: something is at hand. _wake after it. */
bool sfx_watch_reader_rest(struct sfx_watch_reader *r);
void sfx_watch_reader_wake(struct sfx_watch_reader *r);
/* What follows may take long: from now on, until it rests, somebody else reads meanwhile. */
void sfx_watch_reader_guard(struct sfx_watch_reader *r);
/* Reads what is queued now, and nothing later. */
void sfx_watch_reader_finish(struct sfx_watch_reader *r);
void sfx_watch_reader_free(struct sfx_watch_reader *r);

/* -- What changes (watch_backend.c) */

enum sfx_watch_what {
    SFX_CHANGE_CLOSED,
    SFX_CHANGE_CREATED,
    SFX_CHANGE_MOVED_IN,
    SFX_CHANGE_MOVED_OUT,
    SFX_CHANGE_DELETED,
    SFX_CHANGE_DIR_GONE, /* dir itself: deleted, moved (a root) or unmounted */
    SFX_CHANGE_OVERFLOW, /* no dir */
};

struct sfx_watch_change {
    enum sfx_watch_what what;
    bool of_folder;            /* name is a folder */
    struct sfx_watch_dir *dir; /* NULL: `folder` says which */
    struct sfx_slice folder;   /* its handle, see watch_handle.c */
    struct sfx_slice name;     /* in it; terminated */
};

/* Where a folder is watched. */
struct sfx_watch_place {
    enum sfx_watch_backend by;
    uint64_t id;
    const char *limit; /* polled because that limit of the system is reached; NULL: not so */
};

struct sfx_backend;

/* dirs: where the folders are; borrowed. Errors: NULL, NOMEM. */
struct sfx_backend *sfx_backend_new(enum sfx_watch_backend wanted, struct sfx_watch_dirs *dirs,
                                    struct sfx_err *err);
/*
 * Watches the folder that fd has open, in parent (NULL: a root). *place is filled; *known is the
 * node that stands there, or NULL: then the caller sets one. Errors: IO, NOMEM, UNSUPPORTED.
 */
int sfx_backend_add(struct sfx_backend *b, int fd, const struct sfx_watch_dir *parent,
                    struct sfx_watch_place *place, struct sfx_watch_dir **known,
                    struct sfx_err *err);
/* Notes that dir has the name dir->id. Errors: NOMEM. */
int sfx_backend_set(struct sfx_backend *b, struct sfx_watch_dir *dir, struct sfx_err *err);
/* Forgets dir and stops watching it. */
void sfx_backend_remove(struct sfx_backend *b, struct sfx_watch_dir *dir);
/* The folder of that id, or NULL. */
struct sfx_watch_dir *sfx_backend_find(const struct sfx_backend *b, uint64_t id);
/* The id of a folder that is polled. */
uint64_t sfx_backend_poll_id(dev_t dev, ino_t ino);
/* True when folders of a file system with this number (statfs(2)) are to be polled. */
bool sfx_backend_is_remote(uint64_t magic);
/* The next change: 1; 0: none is at hand (asks the kernel only with `ask`). Errors: IO, NOMEM. */
int sfx_backend_next(struct sfx_backend *b, bool ask, struct sfx_watch_change *change,
                     struct sfx_err *err);
/* Before waiting for fds (-1: none) to be readable; false: something is at hand. _wake after it. */
bool sfx_backend_rest(struct sfx_backend *b, int fds[2]);
void sfx_backend_wake(struct sfx_backend *b);
/* As sfx_watch_reader_guard. */
void sfx_backend_guard(struct sfx_backend *b);
/* Changes in folders that have no node are wanted, too: those below roots that are `whole`. */
void sfx_backend_want_handles(struct sfx_backend *b);
/* From now on _next gives only what the kernel has queued by now. */
void sfx_backend_finish(struct sfx_backend *b);
void sfx_backend_free(struct sfx_backend *b);

/* inotify (watch_inotify.c). Returns the descriptor. Errors: IO, LIMIT. */
int sfx_inotify_open(struct sfx_err *err);
/* Watches the folder fd. Errors: IO, LIMIT. */
int sfx_inotify_add(int in, int fd, uint64_t *id, struct sfx_err *err);
void sfx_inotify_remove(int in, uint64_t id);
/* The first of whole events; *taken: its size. False: it does not concern us. */
bool sfx_inotify_read(const struct sfx_watch_table *table, struct sfx_slice bytes, size_t *taken,
                      struct sfx_watch_change *change);

/* fanotify (watch_fanotify.c) */

struct sfx_fanotify_list {
    uint64_t fsids[16]; /* more file systems than one tree spans */
    size_t count;
};

struct sfx_fanotify {
    int fd;
    struct sfx_fanotify_list marked, refused;
    uint64_t told;     /* bits of the event that is being read */
    bool with_handles; /* of folders that have no node */
};

/* Returns the descriptor. Errors: IO, UNSUPPORTED. */
int sfx_fanotify_open(struct sfx_err *err);
/* Watches the folder fd on fs. Errors: IO, UNSUPPORTED. */
int sfx_fanotify_add(struct sfx_fanotify *fan, int fd, const struct statfs *fs, uint64_t *id,
                     struct sfx_err *err);
/* As sfx_inotify_read; *taken may be 0: the event says more than one thing. */
bool sfx_fanotify_read(struct sfx_fanotify *fan, const struct sfx_watch_table *table,
                       struct sfx_slice bytes, size_t *taken, struct sfx_watch_change *change);

/* -- Completeness (watch_probe.c) */

enum sfx_probe {
    SFX_PROBE_FREE,    /* nobody has it open for writing */
    SFX_PROBE_BUSY,    /* somebody has */
    SFX_PROBE_UNKNOWN, /* leases do not work here */
};

/* Asks by a read lease on fd, open for reading only. */
enum sfx_probe sfx_watch_probe(int fd);

/* Between a name's making and its opening for writing lies a moment: a file found by scanning must
 * be older than this. Two orders of magnitude more than any such moment that was seen. */
#define SFX_WATCH_YOUNG_NS ((int64_t)20 * 1000000)

/* -- Files to be looked at again (watch_pending.c): a heap by time */

struct sfx_watch_pending {
    int64_t due_ns;   /* monotonic */
    int64_t delay_ns; /* after which it was due */
    unsigned kind;
    uint32_t root;
    bool found;                             /* as in sfx_watch_look */
    bool young;                             /* waits for its age alone */
    int64_t settled_size, settled_mtime_ns; /* state that must last; size -1: none */
    char path[];                            /* below the root */
};

struct sfx_watch_queue {
    struct sfx_watch_pending **items; /* owned, as each of them */
    size_t count, cap;
    size_t nyoung;
};

/* Adds a copy of the item with path. Errors: NOMEM. */
int sfx_watch_queue_add(struct sfx_watch_queue *q, const struct sfx_watch_pending *item,
                        struct sfx_slice path, struct sfx_err *err);
/* When the first item is due; INT64_MAX: there is none. */
int64_t sfx_watch_queue_due_ns(const struct sfx_watch_queue *q);
/* Takes the first item, which the caller frees with free(). */
struct sfx_watch_pending *sfx_watch_queue_take(struct sfx_watch_queue *q);
void sfx_watch_queue_done(struct sfx_watch_queue *q);

/* -- What was told (watch_told.c): the last version of each path, by hashes */

struct sfx_told_entry {
    uint64_t key[2];
    uint64_t version[2]; /* both 0: forgotten; two bits of [1] are ours */
};

struct sfx_told {
    struct sfx_told_entry *entries; /* owned */
    size_t cap, used;               /* used: with forgotten ones */
};

/* True when this version of the path, st, was noted last. root: number of the root, see below. */
bool sfx_told_has(const struct sfx_told *t, uint64_t root, struct sfx_slice path,
                  const struct stat *st);
/* The same for a version of any making (of which two bits of [1] do not count). */
bool sfx_told_has_version(const struct sfx_told *t, uint64_t root, struct sfx_slice path,
                          const uint64_t version[2]);
/* True when any version of the path was noted and not forgotten. */
bool sfx_told_knows(const struct sfx_told *t, uint64_t root, struct sfx_slice path);
/* Notes it, and whether the filter took it. Errors: NOMEM. */
int sfx_told_note(struct sfx_told *t, uint64_t root, struct sfx_slice path, const struct stat *st,
                  bool matched, struct sfx_err *err);
int sfx_told_note_version(struct sfx_told *t, uint64_t root, struct sfx_slice path,
                          const uint64_t version[2], bool matched, struct sfx_err *err);
enum sfx_told_fate {
    SFX_TOLD_UNKNOWN, /* nothing was known of the path */
    SFX_TOLD_LEFT_OUT,
    SFX_TOLD_MATCHED, /* its last version had passed the filter */
};

/* Forgets the path. version is filled, but for UNKNOWN, with text that is the same for the same
 * version. */
enum sfx_told_fate sfx_told_forget(struct sfx_told *t, uint64_t root, struct sfx_slice path,
                                   char version[SFX_EVENT_ID_NBYTES]);
void sfx_told_done(struct sfx_told *t);

/* For what is remembered across runs. An entry of an earlier run, unseen yet. Errors: NOMEM. */
int sfx_told_load(struct sfx_told *t, const uint64_t key[2], const uint64_t version[2],
                  struct sfx_err *err);
/* The path was come upon. */
void sfx_told_see(struct sfx_told *t, uint64_t root, struct sfx_slice path);
/* From now on it counts as not come upon, if anything is known of it. */
void sfx_told_unsee(struct sfx_told *t, uint64_t root, struct sfx_slice path);
bool sfx_told_is_unseen(const struct sfx_told *t, const uint64_t key[2]);
bool sfx_told_is_unseen_path(const struct sfx_told *t, uint64_t root, struct sfx_slice path);
/* True when this is what is known of the key by now. */
bool sfx_told_is_last(const struct sfx_told *t, const uint64_t key[2], const uint64_t version[2]);
/* True when key is that of the path. */
bool sfx_told_is_of(uint64_t root, struct sfx_slice path, const uint64_t key[2]);
/* What is known of the path, after a note or a forget. Borrowed until the next one. */
const struct sfx_told_entry *sfx_told_entry(const struct sfx_told *t, uint64_t root,
                                            struct sfx_slice path);

/* -- The memory across runs (watch_state.c) */

struct sfx_watch_state;

/* Opens the file, makes it if need be, and fills told. Errors: NULL; TEMPORARY (another watch uses
 * it), USAGE (something else), IO, NOMEM. */
struct sfx_watch_state *sfx_watch_state_open(const char *path, struct sfx_told *told,
                                             struct sfx_err *err);
/* Notes what is known of the path below its root; durable with _commit. Errors: NOMEM. */
int sfx_watch_state_note(struct sfx_watch_state *state, const struct sfx_told_entry *entry,
                         struct sfx_slice path, struct sfx_err *err);
int sfx_watch_state_commit(struct sfx_watch_state *state, struct sfx_err *err);
/* The next path of an earlier run that was not come upon, borrowed until the next call. False:
 * there is none, now and later. */
bool sfx_watch_state_next_unseen(struct sfx_watch_state *state, const struct sfx_told *told,
                                 uint64_t key[2], struct sfx_slice *path);
void sfx_watch_state_free(struct sfx_watch_state *state);

/* -- The filter (watch_filter.c) */

/* True when a file of this path below the root is of interest. */
bool sfx_watch_wants_path(const struct sfx_watch_opts *opts, struct sfx_slice path);
/* True when a folder or file of this path is to be left out. */
bool sfx_watch_ignores(const struct sfx_watch_opts *opts, struct sfx_slice path);
/* True when the name is of those that files have before they are renamed. */
bool sfx_watch_is_passing(struct sfx_slice path);
/* True when a file of that many bytes is of interest. */
bool sfx_watch_wants_size(const struct sfx_watch_opts *opts, int64_t nbytes);
/* True when a media type is of interest. */
bool sfx_watch_wants_type(const struct sfx_watch_opts *opts, struct sfx_slice type);

/* True when a file of that age is, by what it was last modified at. */
bool sfx_watch_wants_age(const struct sfx_watch_opts *opts, int64_t mtime_ns);

/* -- Ignore files (watch_ignore.c) */

struct sfx_watch_rules;

/* The rules of an ignore file's text. Errors: NULL, NOMEM. */
struct sfx_watch_rules *sfx_watch_rules_parse(struct sfx_slice text, struct sfx_err *err);
/* Makes *rules (NULL: none) those of the file `name` in the folder dir_fd. Returns 1 when they have
 * changed. Errors: IO, LIMIT, NOMEM; then they are as they were. */
int sfx_watch_rules_read(int dir_fd, const char *name, struct sfx_watch_rules **rules,
                         struct sfx_err *err);
/* True when rules of dir, or of a folder above it, leave out path (below the root), which is name
 * in dir. */
bool sfx_watch_rules_ignore(const struct sfx_watch_dir *dir, struct sfx_slice path,
                            struct sfx_slice name, bool of_folder);
void sfx_watch_rules_free(struct sfx_watch_rules *r);

/* -- Contents (watch_content.c) */

enum {
    SFX_CONTENT_KNOWN,
    SFX_CONTENT_NEW,
    SFX_CONTENT_UNSTEADY, /* somebody wrote while it was read */
};

/* Notes the content of w->path, which fd has open and which is as st says. Returns one of the
 * above. Errors: IO, NOMEM. */
int sfx_watch_content_is_new(struct sfx_watch *w, uint32_t root, int fd, const struct stat *st,
                             struct sfx_err *err);
/* Forgets that of w->path. Errors: NOMEM. */
int sfx_watch_content_forget(struct sfx_watch *w, uint32_t root, struct sfx_err *err);

/* -- Folders by their handles, for roots whose folders have no nodes (watch_handle.c) */

#define SFX_WATCH_HANDLES ((size_t)1024)

struct sfx_watch_handle;

/* Where the folders of changes are: what is asked for again and again. */
struct sfx_watch_handles {
    struct sfx_watch_handle *known[SFX_WATCH_HANDLES]; /* owned; NULL: none */
    int mounts_fd; /* /proc/self/mountinfo, which says when it changes; 0: not open */
};

/* True when changes in the folders below root, which fd has open and is watched at place (NULL: by
 * nothing), need no nodes. Fills what is about it in the root. */
bool sfx_watch_is_whole(struct sfx_watch *w, uint32_t root, int fd,
                        const struct sfx_watch_place *place);
/* The folder of that handle: 1: *root, and *path below it ("." for it), borrowed until the next
 * call; 0: it is below none, left out, or gone. Errors: IO, NOMEM. */
int sfx_watch_find_folder(struct sfx_watch *w, struct sfx_slice handle, uint32_t *root,
                          struct sfx_slice *path, struct sfx_err *err);
/* A folder was renamed somewhere: what is known of where they are is forgotten. */
void sfx_watch_forget_handles(struct sfx_watch *w);
/* True when what is mounted below a root has changed since it was opened, or this was asked. */
bool sfx_watch_mounts_changed(struct sfx_watch *w);
void sfx_watch_handles_done(struct sfx_watch *w);

/* -- The watch itself */

struct sfx_watch_root {
    struct sfx_slice name; /* as given, without slashes at the end; borrowed, terminated there */
    const char *path;      /* as given; borrowed */
    struct sfx_watch_dir *dir; /* NULL: gone, and waited for */
    uint64_t number;           /* made of where it really is: the same in every run */
    dev_t dev;
    ino_t ino;
    int fd;        /* open while there is work, and a moment more: an open folder's end is not told;
                      -1: closed */
    bool lost;     /* path leads elsewhere by now */
    bool whole;    /* its folders have no nodes: none is needed to be told of them */
    uint64_t fsid; /* of a whole one, as handles have it */
    int mount_id;  /* of a whole one */
    uint64_t mounts;   /* says what is mounted below it; 0: nothing */
    uint64_t nfolders; /* in a whole one: that scans came upon */
};

struct sfx_watch {
    struct sfx_watch_opts opts;
    struct sfx_watch_root *roots; /* owned, opts.nroots */
    size_t roots_left;
    struct sfx_watch_dirs dirs;
    struct sfx_watch_handles handles;
    struct sfx_backend *backend; /* NULL: once */
    struct sfx_media *media;
    struct sfx_told told;
    struct sfx_watch_state *state; /* NULL: nothing is remembered */
    int64_t *due_ns;               /* owned, of opts.timers: wall clock; -1: never */
    bool gone_told;                /* what went while no watch was there has been told */
    struct sfx_watch_queue pending;
    struct sfx_watch_stats stats;
    uint64_t sequence;
    bool any_away; /* some folder was renamed to where we do not know */

    /* what is looked at by the clock (watch_poll.c) */
    int64_t poll_due_ns, poll_began_ns; /* began 0: none is going on */
    int64_t roots_due_ns;
    bool limit_said;
    bool kept_roots; /* they were left open in the last wait */

    /* the scan */
    struct sfx_watch_dir *scan_first; /* folders to scan, the next one first */
    struct sfx_watch_dir *scan_dir;   /* the one being scanned */
    unsigned scan_kind;               /* of it */
    dev_t scan_dev;                   /* of it, when it is polled */
    DIR *scan;                        /* of it; NULL: none */
    bool scan_gone;                   /* it was read: its files that are gone are told */
    size_t gone_at;                   /* the next one in its names */
    uint32_t generation;              /* counts the scans of everything */
    bool initial;                     /* the first of them is going on */
    bool sweep;                       /* what this one has not seen is to be dropped after it */
    unsigned scan_steps;              /* since the kernel was asked last */
    struct sfx_watch_walk *walk;      /* of whole roots: the one that goes on first; owned */
    size_t nwalks, nwalk_dirs;        /* of them; of folders that they have open */

    /* the end */
    bool stopping, reader_gone;

    /* what is being looked at, and the event that is borrowed from here */
    struct sfx_buf path, full_path; /* below the root; with the root's name */
    char id[SFX_EVENT_ID_NBYTES], etag[SFX_EVENT_ID_NBYTES];
    char time[SFX_CLOCK_TEXT_NBYTES];
    char sequence_json[24];
    struct sfx_event_attr attr;
    struct sfx_event_attr timer_attrs[2]; /* data of a timer's event */
    struct sfx_buf timer_json[2];
};

/* -- Roots (watch_root.c) */

/* Opens root, whose files are told as kind. Errors: as add_folder; IO (no folder). */
int sfx_watch_open_root(struct sfx_watch *w, uint32_t root, unsigned kind, struct sfx_err *err);
/* The open folder of a root, or -1 when it is not what it was (then it is `lost`) or gone. */
int sfx_watch_root_fd(struct sfx_watch *w, uint32_t root);
/* Closes the folders of all roots: before waiting. */
void sfx_watch_close_roots(struct sfx_watch *w);
/* The root's folder is not there, or another one is. Errors: IO (once: it was the last). */
int sfx_watch_lose_root(struct sfx_watch *w, uint32_t root, struct sfx_err *err);
/* Looks after roots that are lost, and by the clock after all. Errors: as add_folder. */
int sfx_watch_step_roots(struct sfx_watch *w, struct sfx_err *err);

/* -- Polling (watch_poll.c) */

/* Begins to look at all polled folders when it is time to. */
void sfx_watch_step_poll(struct sfx_watch *w);
/* All that was to be scanned has been. */
void sfx_watch_poll_ended(struct sfx_watch *w);
/* When something is to be done by the clock (monotonic); INT64_MAX: never. */
int64_t sfx_watch_clock_due_ns(const struct sfx_watch *w);
/* Makes dir a polled one. Errors: NOMEM. */
int sfx_watch_names_new(struct sfx_watch *w, struct sfx_watch_dir *dir, struct sfx_err *err);
void sfx_watch_names_free(struct sfx_watch_dir *dir);
/* Before the names of a polled folder are read anew. Errors: NOMEM. */
int sfx_watch_names_begin(struct sfx_watch *w, struct sfx_watch_dir *dir, struct sfx_err *err);
/* The file w->path, of that name, is in dir. Errors: NOMEM. */
int sfx_watch_names_see(struct sfx_watch *w, struct sfx_watch_dir *dir, struct sfx_slice name,
                        struct sfx_err *err);
/* The next file that was known in dir and is gone: 1, its path in w->path; 0: the end. *at: 0 at
 * first. Errors: NOMEM. */
int sfx_watch_names_next_gone(struct sfx_watch *w, struct sfx_watch_dir *dir, size_t *at,
                              struct sfx_err *err);

/* -- Folders (watch_folder.c) */

/* Opens the folder w->path. *fd -1: it is gone, or may not be read, which is said. *gone: that it
 * is gone. Errors: IO, NOMEM. */
int sfx_watch_open_folder(struct sfx_watch *w, uint32_t root, int *fd, bool *gone,
                          struct sfx_err *err);
/* True when the open folder is one of the roots, but not `below`. */
bool sfx_watch_is_a_root(const struct sfx_watch *w, int fd, uint32_t below);
/* Reads the ignore file of dir, which fd has open. 1: it has changed. Errors: NOMEM. */
int sfx_watch_read_rules(struct sfx_watch *w, struct sfx_watch_dir *dir, int fd,
                         struct sfx_err *err);
/* True when w->path, name in dir, is an ignore file, or left out by one. */
bool sfx_watch_is_left_out(const struct sfx_watch *w, const struct sfx_watch_dir *dir,
                           struct sfx_slice name, bool of_folder);
/*
 * Watches the folder `name` in parent (NULL: the root itself) and queues its scan, whose files are
 * told as kind. A folder that is gone or may not be read is no error. Errors: IO, NOMEM, USAGE (a
 * root that lies in another), UNSUPPORTED.
 */
int sfx_watch_add_folder(struct sfx_watch *w, struct sfx_watch_dir *parent, uint32_t root,
                         struct sfx_slice name, unsigned kind, struct sfx_err *err);

/* -- The scan (watch_scan.c) */

/* In the kind of a file: only the scan after an overflow found it. */
#define SFX_WATCH_RECONCILED (1U << 7)

/* True while folders wait to be scanned. */
bool sfx_watch_is_scanning(const struct sfx_watch *w);
/* Puts dir first among the folders to be scanned, unless it is there. */
void sfx_watch_queue_scan(struct sfx_watch *w, struct sfx_watch_dir *dir, unsigned kind);
/* The kind of an entry of a folder that is read: DT_DIR, DT_REG or DT_UNKNOWN. */
unsigned char sfx_watch_type_of(DIR *dir, const struct dirent *entry);
/* Stops watching dir and what is below it, and frees the nodes. */
void sfx_watch_drop(struct sfx_watch *w, struct sfx_watch_dir *dir);
/* Drops the folders that were renamed away and did not come up again. */
void sfx_watch_drop_away(struct sfx_watch *w);
/* Scans all roots again, and drops in the end what is not there any more. why: 0, or
 * SFX_WATCH_RECONCILED. Errors: as add_folder. */
int sfx_watch_rescan(struct sfx_watch *w, unsigned why, struct sfx_err *err);
/* Ends scans of what was there when watching began. */
void sfx_watch_cancel_initial(struct sfx_watch *w);
/* One step of the scan: 1: a file, whose path is in w->path, in *root, to be told as *kind, DELETED
 * when it is not there any more; 0: none this time. Errors: as add_folder. */
int sfx_watch_scan_step(struct sfx_watch *w, uint32_t *root, unsigned *kind, struct sfx_err *err);

/* -- The scan of whole roots (watch_walk.c): depth first, with nothing kept */

/* Makes *path that of name (empty: the folder itself) in a folder below the root (empty: the root;
 * both empty: "."), with a terminator behind its end. Errors: NOMEM. */
int sfx_watch_join(struct sfx_slice folder, struct sfx_slice name, struct sfx_buf *path,
                   struct sfx_err *err);

/* Puts the folder path (below root; empty: all of it) first among those to be walked through.
 * Errors: NOMEM. */
int sfx_watch_queue_walk(struct sfx_watch *w, uint32_t root, struct sfx_slice path, unsigned kind,
                         struct sfx_err *err);
/* As sfx_watch_scan_step; there is a walk. */
int sfx_watch_walk_step(struct sfx_watch *w, uint32_t *root, unsigned *kind, struct sfx_err *err);
/* Ends the walks through root (UINT32_MAX: all) whose kind has these bits (0: any). */
void sfx_watch_end_walks(struct sfx_watch *w, uint32_t root, unsigned kind);

/* -- Changes (watch_change.c) */

/* What a change leads to. 1: an event; 0: none. Errors: as sfx_watch_next. */
int sfx_watch_on_change(struct sfx_watch *w, const struct sfx_watch_change *change,
                        struct sfx_event *ev, struct sfx_err *err);
/* The file w->path is not there any more. As above. */
int sfx_watch_on_deleted(struct sfx_watch *w, uint32_t root, struct sfx_event *ev,
                         struct sfx_err *err);
struct sfx_watch_look;
/* The name w->path is new. A file that was only just made is told when it is closed; a link is
 * complete, and what link(2) gives its first name (O_TMPFILE) is closed under no name of ours: both
 * are looked at. As above. */
int sfx_watch_on_new_name(struct sfx_watch *w, const struct sfx_watch_look *look,
                          struct sfx_event *ev, struct sfx_err *err);
/* Looks at w->path and makes the event if there is one. As above. */
int sfx_watch_tell(struct sfx_watch *w, const struct sfx_watch_look *look, struct sfx_event *ev,
                   struct sfx_err *err);

/* -- Files (watch_file.c) */

struct sfx_watch_look {
    uint32_t root;
    unsigned kind;
    bool found;       /* by a scan or a timer, not by a change that says it is complete */
    int64_t delay_ns; /* waited since the look before; 0: this is the first */
    int64_t settled_size, settled_mtime_ns; /* at the look before; size -1: none */
};

/*
 * Looks at the file w->path. 1: it is complete and new, *st and *type (empty: unknown) are
 * filled; 0: not, or not yet (then it is pending). Errors: NOMEM, IO, UNSUPPORTED.
 */
int sfx_watch_look_at(struct sfx_watch *w, const struct sfx_watch_look *look, struct stat *st,
                      struct sfx_slice *type, struct sfx_err *err);
/* Puts w->path off. Errors: NOMEM. */
int sfx_watch_put_off(struct sfx_watch *w, const struct sfx_watch_look *look, int64_t delay_ns,
                      bool young, const struct stat *st, struct sfx_err *err);

/* -- Events (watch_event.c) */

/* The name of w->path for events and messages, root included; terminated, kept in w->full_path.
 * Errors: NULL, NOMEM. */
const char *sfx_watch_full_path(struct sfx_watch *w, uint32_t root, struct sfx_err *err);
/* Warns that w->path cannot be read, and counts it. */
void sfx_watch_unreadable(struct sfx_watch *w, uint32_t root, int errnum);

/* Makes the event of a timer that was due at due_ns. Errors: NOMEM. */
int sfx_watch_make_timer_event(struct sfx_watch *w, const struct sfx_timer *timer, int64_t due_ns,
                               struct sfx_event *ev, struct sfx_err *err);
/* Makes the event of w->path; st: NULL for a deleted one, whose version stands in w->id. Errors:
 * NOMEM. */
int sfx_watch_make_event(struct sfx_watch *w, uint32_t root, unsigned kind, const struct stat *st,
                         struct sfx_slice type, struct sfx_event *ev, struct sfx_err *err);

#endif
