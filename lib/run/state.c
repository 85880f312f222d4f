/* SPDX-License-Identifier: MIT */
/* The state file: a JSON object on a line of its own, then what stages carry; replaced in one step.
 */
#include "run/state.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/outfile.h"
#include "base/size.h"
#include "base/text.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_VERSION    1
#define PRINT_NBYTES     4096 /* before the place reached: more than a line of most files */
#define MAX_HEAD_NBYTES  ((uint64_t)1 << 20)
#define MAX_FILES        10000              /* the oldest are forgotten beyond that */
#define MAX_STATE_NBYTES ((size_t)64 << 20) /* of the object */
#define PIECE_NBYTES     65536

struct file {
    const char *name; /* in the arena */
    uint64_t dev, ino;
    struct sfx_state_place place;
    uint64_t print; /* a hash of its head and of what is before offset */
};

struct sfx_state {
    const char *path;
    char *next; /* where the state that is not yet the state is; owned */
    struct sfx_arena arena;
    struct file *files;
    size_t count, cap;
    bool known; /* there was a state */
    struct sfx_carried_bytes carried;
    /* Of a state that was prepared: */
    const char *output;
    uint64_t output_dev, output_ino;
};

/* --- files ----------------------------------------------------------------------------------- */

static int hash_range(int fd, uint64_t from, uint64_t to, uint64_t *hash)
{
    char bytes[PRINT_NBYTES];

    while (from < to) {
        const size_t want = to - from < sizeof(bytes) ? (size_t)(to - from) : sizeof(bytes);
        const ssize_t n = pread(fd, bytes, want, (off_t)from);

        if (n <= 0)
            return -1;
        *hash = sfx_hash64(bytes, (size_t)n, *hash);
        from += (uint64_t)n;
    }
    return 0;
}

/* Hashes what stands at the head and before the place; -1: the file has no such bytes. */
static int take_print(int fd, const struct sfx_state_place *place, uint64_t *print)
{
    const uint64_t head = place->head < MAX_HEAD_NBYTES ? place->head : MAX_HEAD_NBYTES;
    const uint64_t from = place->offset > PRINT_NBYTES ? place->offset - PRINT_NBYTES : 0;

    *print = place->offset;
    return hash_range(fd, 0, head, print) < 0 ? -1 : hash_range(fd, from, place->offset, print);
}

bool sfx_state_find(const struct sfx_state *state, int fd, const struct stat *st, const char *name,
                    struct sfx_state_place *place)
{
    uint64_t print;
    size_t i;

    for (i = state->count; i-- > 0;) {
        const struct file *file = &state->files[i];

        /* Some file systems have another number after each mount. */
        if (file->ino != st->st_ino || (file->dev != st->st_dev && strcmp(file->name, name) != 0))
            continue;
        if (take_print(fd, &file->place, &print) == 0 && print == file->print) {
            *place = file->place;
            return true;
        }
    }
    return false;
}

static int add_file(struct sfx_state *state, const struct file *file, struct sfx_err *err)
{
    const size_t cap = state->cap > 0 ? state->cap * 2 : 16;
    struct file *grown = state->files;
    struct file copy = *file;

    copy.name = sfx_arena_strndup(&state->arena, file->name, strlen(file->name), err);
    if (copy.name == NULL)
        return SFX_E_NOMEM;
    if (state->count == MAX_FILES)
        memmove(state->files, state->files + 1, --state->count * sizeof(*state->files));
    if (state->count == state->cap) {
        grown = reallocarray(state->files, cap, sizeof(*grown));
        if (grown == NULL)
            return sfx_err_set(err, SFX_E_NOMEM, "no memory for the state of %zu files", cap);
        state->files = grown;
        state->cap = cap;
    }
    state->files[state->count++] = copy;
    return 0;
}

int sfx_state_set(struct sfx_state *state, int fd, const struct stat *st, const char *name,
                  const struct sfx_state_place *place, struct sfx_err *err)
{
    struct file file = {name, st->st_dev, st->st_ino, *place, 0};
    size_t i;

    if (take_print(fd, place, &file.print) < 0)
        return sfx_err_set(err, SFX_E_IO, "%s: was cut while it was read", name);
    for (i = 0; i < state->count; i++) {
        struct file *known = &state->files[i];

        if (known->ino != file.ino || (known->dev != file.dev && strcmp(known->name, name) != 0))
            continue;
        file.name = known->name;
        if (strcmp(known->name, name) != 0)
            file.name = sfx_arena_strndup(&state->arena, name, strlen(name), err);
        if (file.name == NULL)
            return SFX_E_NOMEM;
        *known = file;
        return 0;
    }
    return add_file(state, &file, err);
}

/* --- what stages carry ----------------------------------------------------------------------- */

int sfx_state_check(const struct sfx_state *state, bool carries, struct sfx_err *err)
{
    if (!state->known || carries == (state->carried.fd >= 0))
        return 0;
    return sfx_err_set(err, SFX_E_INPUT,
                       carries ? "%s: is the state of a program that keeps nothing but places"
                               : "%s: is the state of another program",
                       state->path);
}

struct sfx_carried_bytes *sfx_state_carried(struct sfx_state *state)
{
    return &state->carried;
}

/* --- writing --------------------------------------------------------------------------------- */

static void put_uint(struct sfx_json_writer *w, const char *key, uint64_t value)
{
    sfx_json_key(w, key);
    sfx_json_uint(w, value);
}

static void put_file(struct sfx_json_writer *w, const struct file *file)
{
    sfx_json_begin_object(w);
    sfx_json_key(w, "name");
    sfx_json_string(w, sfx_slice_str(file->name));
    put_uint(w, "dev", file->dev);
    put_uint(w, "ino", file->ino);
    put_uint(w, "head", file->place.head);
    put_uint(w, "head_line", file->place.head_line);
    put_uint(w, "offset", file->place.offset);
    put_uint(w, "line", file->place.line);
    put_uint(w, "print", file->print);
    sfx_json_end_object(w);
}

static int render(const struct sfx_state *state, struct sfx_buf *out, struct sfx_err *err)
{
    struct sfx_json_writer w;
    size_t i;
    int rc;

    sfx_json_writer_init(&w, out);
    sfx_json_begin_object(&w);
    put_uint(&w, "sfx_state", STATE_VERSION);
    if (state->output != NULL) {
        sfx_json_key(&w, "output");
        sfx_json_string(&w, sfx_slice_str(state->output));
        put_uint(&w, "output_dev", state->output_dev);
        put_uint(&w, "output_ino", state->output_ino);
    }
    sfx_json_key(&w, "files");
    sfx_json_begin_array(&w);
    for (i = 0; i < state->count; i++)
        put_file(&w, &state->files[i]);
    sfx_json_end_array(&w);
    sfx_json_end_object(&w);
    rc = sfx_json_finish(&w, err);
    return rc == 0 ? sfx_buf_putc(out, '\n', err) : rc;
}

static int write_to(const struct sfx_state *state, const char *path, struct sfx_err *err)
{
    const struct sfx_outfile_opts opts = {.durable = true};
    struct sfx_outfile *file = sfx_outfile_new(path, &opts, err);
    struct sfx_buf text = {0};
    int rc;

    if (file == NULL)
        return err != NULL ? (int)err->code : SFX_E_IO;
    rc = render(state, &text, err);
    if (rc == 0)
        rc = sfx_outfile_write(file, text.data, text.len, err);
    if (rc == 0)
        rc = sfx_carried_copy(&state->carried, file, err);
    if (rc == 0)
        rc = sfx_outfile_commit(file, err);
    sfx_outfile_free(file);
    sfx_buf_done(&text);
    return rc;
}

int sfx_state_save(struct sfx_state *state, struct sfx_err *err)
{
    state->output = NULL;
    return write_to(state, state->path, err);
}

int sfx_state_prepare(struct sfx_state *state, const char *output, const struct stat *st,
                      struct sfx_err *err)
{
    state->output = output;
    state->output_dev = st->st_dev;
    state->output_ino = st->st_ino;
    return write_to(state, state->next, err);
}

int sfx_state_commit(struct sfx_state *state, struct sfx_err *err)
{
    /* Lost in a crash of the machine, it is found again by _new. */
    if (rename(state->next, state->path) != 0)
        return sfx_err_errno(err, errno, "%s", state->path);
    return 0;
}

/* --- reading --------------------------------------------------------------------------------- */

static int take_uint(struct sfx_slice key, struct sfx_slice number, struct file *file,
                     struct sfx_err *err)
{
    const struct {
        const char *key;
        uint64_t *out;
    } members[] = {
        {"dev", &file->dev},
        {"ino", &file->ino},
        {"head", &file->place.head},
        {"head_line", &file->place.head_line},
        {"offset", &file->place.offset},
        {"line", &file->place.line},
        {"print", &file->print},
    };
    size_t i;

    for (i = 0; i < SFX_COUNT(members); i++) {
        if (sfx_slice_eq(key, sfx_slice_str(members[i].key)))
            return sfx_text_u64(number, members[i].out, err);
    }
    return 0;
}

static int take_text(struct sfx_state *state, const struct sfx_json_token *tok, const char **out,
                     struct sfx_err *err)
{
    struct sfx_buf text = {0};
    int rc = sfx_json_unescape(&text, tok->text, err);

    if (rc == 0) {
        *out = sfx_arena_strndup(&state->arena, text.data, text.len, err);
        rc = *out != NULL ? 0 : SFX_E_NOMEM;
    }
    sfx_buf_done(&text);
    return rc;
}

static int parse_file(struct sfx_state *state, struct sfx_json_reader *json, struct sfx_err *err)
{
    struct file file = {.name = ""};
    struct sfx_json_token tok;
    struct sfx_slice key;
    int rc;

    while ((rc = sfx_json_next(json, &tok, err)) > 0 && tok.type == SFX_JSON_KEY) {
        key = tok.text;
        rc = sfx_json_next(json, &tok, err);
        if (rc > 0 && tok.type == SFX_JSON_NUMBER)
            rc = take_uint(key, tok.text, &file, err);
        else if (rc > 0 && tok.type == SFX_JSON_STRING)
            rc = take_text(state, &tok, &file.name, err);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : add_file(state, &file, err);
}

static int parse_files(struct sfx_state *state, struct sfx_json_reader *json, struct sfx_err *err)
{
    struct sfx_json_token tok;
    int rc;

    while ((rc = sfx_json_next(json, &tok, err)) > 0 && tok.type == SFX_JSON_OBJECT) {
        rc = parse_file(state, json, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int parse_member(struct sfx_state *state, struct sfx_slice key, struct sfx_json_reader *json,
                        uint64_t *version, struct sfx_err *err)
{
    struct sfx_json_token tok;
    int rc = sfx_json_next(json, &tok, err);

    if (rc <= 0)
        return rc;
    if (tok.type == SFX_JSON_ARRAY && sfx_slice_eq(key, SFX_SLICE_LIT("files")))
        return parse_files(state, json, err);
    if (tok.type == SFX_JSON_STRING && sfx_slice_eq(key, SFX_SLICE_LIT("output")))
        return take_text(state, &tok, &state->output, err);
    if (tok.type != SFX_JSON_NUMBER)
        return sfx_err_set(err, SFX_E_INPUT, "%.*s is not what it should be", SFX_SLICE_ARG(key));
    if (sfx_slice_eq(key, SFX_SLICE_LIT("sfx_state")))
        return sfx_text_u64(tok.text, version, err);
    if (sfx_slice_eq(key, SFX_SLICE_LIT("output_dev")))
        return sfx_text_u64(tok.text, &state->output_dev, err);
    return sfx_text_u64(tok.text, &state->output_ino, err);
}

static int parse(struct sfx_state *state, struct sfx_slice text, struct sfx_err *err)
{
    struct sfx_json_reader json;
    struct sfx_json_token tok;
    uint64_t version = 0;
    int rc;

    sfx_json_reader_init(&json, text.ptr, text.len);
    rc = sfx_json_next(&json, &tok, err);
    if (rc > 0 && tok.type != SFX_JSON_OBJECT)
        return sfx_err_set(err, SFX_E_INPUT, "is no state of sfx-transform");
    while (rc >= 0 && (rc = sfx_json_next(&json, &tok, err)) > 0 && tok.type == SFX_JSON_KEY)
        rc = parse_member(state, tok.text, &json, &version, err);
    if (rc >= 0 && version != STATE_VERSION)
        rc = sfx_err_set(err, SFX_E_INPUT, "is no state of this version of sfx-transform");
    return rc < 0 ? rc : 0;
}

/* Reads the object, which ends with its line: 1 when there is more in the file. */
static int read_object(struct sfx_state *state, int fd, struct sfx_err *err)
{
    struct sfx_buf text = {0};
    const char *end = NULL;
    ssize_t n = 1;
    int rc = 0;

    while (rc == 0 && n > 0 && end == NULL && text.len < MAX_STATE_NBYTES) {
        rc = sfx_buf_reserve(&text, PIECE_NBYTES, err);
        n = rc == 0 ? sfx_io_read(fd, text.data + text.len, PIECE_NBYTES, err) : 0;
        rc = n < 0 ? (int)n : rc;
        if (n > 0) {
            end = memchr(text.data + text.len, '\n', (size_t)n);
            text.len += (size_t)n;
        }
    }
    if (rc == 0 && end != NULL && end + 1 < text.data + text.len) {
        const off_t more = text.data + text.len - (end + 1);

        rc = lseek(fd, -more, SEEK_CUR) < 0 ? sfx_err_errno(err, errno, "state") : 1;
        text.len -= (size_t)more;
    }
    if (rc >= 0) {
        const int parsed = parse(state, sfx_buf_slice(&text), err);

        rc = parsed < 0 ? parsed : rc;
    }
    sfx_buf_done(&text);
    return rc;
}

/* Reads the file: 1; 0 when there is none. */
static int read_from(struct sfx_state *state, const char *path, struct sfx_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0)
        return errno == ENOENT ? 0 : sfx_err_errno(err, errno, "%s", path);
    rc = read_object(state, fd, err);
    if (rc > 0)
        state->carried.fd = fd;
    else
        (void)sfx_io_close(&fd, NULL);
    state->known = rc >= 0;
    return rc < 0 ? sfx_err_wrap(err, rc, "%s", path) : 1;
}

static void forget(struct sfx_state *state)
{
    state->count = 0;
    state->known = false;
    (void)sfx_io_close(&state->carried.fd, NULL);
    state->output = NULL;
    state->output_dev = state->output_ino = 0;
}

/* A state that was prepared counts when its output got its name; else that run never was. */
static int resolve(struct sfx_state *state, struct sfx_err *err)
{
    struct stat st;
    int rc = read_from(state, state->next, err);

    if (rc <= 0)
        return rc;
    if (state->output != NULL && stat(state->output, &st) == 0 && st.st_dev == state->output_dev &&
        st.st_ino == state->output_ino)
        return sfx_state_commit(state, err);
    forget(state);
    if (unlink(state->next) != 0)
        return sfx_err_errno(err, errno, "%s", state->next);
    return 0;
}

struct sfx_state *sfx_state_new(const char *path, struct sfx_err *err)
{
    struct sfx_state *state = calloc(1, sizeof(*state));
    int rc = SFX_E_NOMEM;

    if (state != NULL)
        state->carried = (struct sfx_carried_bytes){.path = path, .fd = -1};
    if (state != NULL && asprintf(&state->next, "%s.next", path) < 0)
        state->next = NULL;
    if (state == NULL || state->next == NULL) {
        (void)sfx_err_set(err, SFX_E_NOMEM, "%s: no memory for the state", path);
        sfx_state_free(state);
        return NULL;
    }
    state->path = path;
    rc = resolve(state, err);
    forget(state);
    if (rc >= 0)
        rc = read_from(state, path, err);
    if (rc < 0) {
        sfx_state_free(state);
        return NULL;
    }
    return state;
}

void sfx_state_free(struct sfx_state *state)
{
    if (state == NULL)
        return;
    sfx_carried_done(&state->carried);
    free(state->next);
    free(state->files);
    sfx_arena_done(&state->arena);
    free(state);
}
