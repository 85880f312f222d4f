/* SPDX-License-Identifier: MIT */
/*
 * Files that programs name, as frames: opened as sfx_query_opts.files says, read like inputs.
 *
 * Contract: what the reader refuses goes where the query's refused records go, and is counted with
 * them. Between _take_text and _close the evaluator's computed text is the file's own, and is
 * forgotten with each _next; what was computed before is there again behind _close.
 */
#ifndef SFX_QUERY_FILE_FRAMES_INTERNAL_H
#define SFX_QUERY_FILE_FRAMES_INTERNAL_H

#include "query/records.h"
#include "query/stage_internal.h"

struct sfx_file_frames {
    struct sfx_operator *op;
    struct sfx_records *records;
    bool streaming; /* a stream is being read */
    struct sfx_batch batch;
    struct sfx_frame frame; /* what _next filled */
    struct sfx_arena arena; /* of frame's columns */
    struct sfx_vec *vecs;
    uint64_t batch_schema; /* that frame's columns are made for; 0: none */
    bool owns_text;
    struct sfx_arena text; /* of the evaluator, put aside */
    char *text_at, *text_end;
};

/*
 * Opens the file called name, which stands at byte `at` of the program. Errors: USAGE (the query
 * may open none), IO, NOMEM; file is closed then.
 */
int sfx_file_open(struct sfx_file_frames *file, struct sfx_operator *op, struct sfx_slice name,
                  uint32_t at, struct sfx_err *err);

/* For who reads all of the file while a frame is in hand. */
void sfx_file_take_text(struct sfx_file_frames *file);

/* Counts n records of the file as the input's. */
void sfx_file_count(struct sfx_file_frames *file, uint64_t n);

/*
 * Fills file->frame with the next records: 1; at the end of a stream it may have none; 0 behind the
 * last stream. Its schema_id changes with its columns. Errors: INPUT, LIMIT, IO, NOMEM.
 */
int sfx_file_next(struct sfx_file_frames *file, struct sfx_err *err);

/* {0} is taken, too. */
void sfx_file_close(struct sfx_file_frames *file);

/* Parses a file's name: a string, or bytes up to white space, a comma or |. Errors: USAGE. */
int sfx_parse_file(struct sfx_parser *p, struct sfx_slice *name, uint32_t *at);

#endif
