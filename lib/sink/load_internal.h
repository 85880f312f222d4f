/* SPDX-License-Identifier: MIT */
/*
 * The parts of a load: load.c (what inputs share), load_operand.c, load_stream.c (records, read
 * twice), load_file.c (files that events name), load_event.c (the event of a load),
 * load_resume.c (loads of several transactions), load_children.c and load_split.c
 * (child tables).
 */
#ifndef SFX_SINK_LOAD_INTERNAL_H
#define SFX_SINK_LOAD_INTERNAL_H

#include "archive/input.h"
#include "base/clock.h"
#include "cli/template.h"
#include "media/media.h"
#include "query/query.h"
#include "query/records_ahead.h"
#include "sink/infer.h"
#include "sink/load.h"
#include "sink/spool.h"

/* The event of a load and what it is made of. */
struct sfx_load_event {
    struct sfx_event event;
    struct sfx_event_attr members[6];
    struct sfx_buf text;
    char id[SFX_EVENT_ID_NBYTES];
};

/* Columns of the input in hand that the table lacks and may not get. */
struct sfx_load_foreign {
    bool active;
    const struct sfx_sink_schema *all;
    bool *lacks; /* by column of all */
    struct sfx_sink_schema kept;
};

struct sfx_load;

/* Puts the rows of a load into the sink and counts them. */
typedef int sfx_load_rows(struct sfx_load *load, void *ctx, struct sfx_err *err);

struct sfx_load {
    struct sfx_load_opts opts;
    char *target;
    const struct sfx_format *format; /* NULL: by name and content */
    struct sfx_sink *sink;
    struct sfx_template *table; /* NULL: the default */
    char *key_text;             /* what the names of the keys point into */
    const char **keys;
    size_t nkeys;
    struct sfx_sink_column *types; /* as the user says; names point into opts.types */
    size_t ntypes;
    struct sfx_program *program; /* what records pass first; NULL: nothing */
    struct sfx_table_schema *schema;
    struct sfx_query *query; /* of the pass over the input in hand */
    struct sfx_media *media; /* made when a type is not known */
    struct sfx_load_stats stats;
    struct sfx_load_stats flushed; /* what is durable of a group */
    bool broken;                   /* the failure is not one of the input: the run cannot go on */
    bool together;                 /* the sink makes all inputs of the run visible at its end */
    struct sfx_err first_failure;  /* of the operand's inputs */

    /* The input in hand. */
    const struct sfx_event *event; /* borrowed; or NULL */
    struct sfx_load_result result;
    struct sfx_template_name name;
    struct sfx_infer infer;
    struct sfx_batch batch;
    struct sfx_reader *readers[32]; /* by format, reused; NULL until needed */
    struct sfx_relay *relay;        /* NULL until a long stream is read … */
    struct sfx_ahead *ahead;        /* … with it */
    struct sfx_transcoder *decoder; /* NULL until needed */
    struct sfx_buf key, ddl, plan, event_id;
    struct sfx_buf said;         /* of inputs that are not durable yet, see sfx_load_say_from */
    int64_t started_ns;          /* wall clock */
    struct sfx_buf whence, when; /* lineage: the input, and started_ns */
    char load_id[24];
    struct sfx_load_event told;
    struct sfx_reject_sink bad;            /* refusals by reader and sink */
    const struct sfx_reject_sink *rejects; /* borrowed; where rejected records go, or NULL */
    bool reading; /* a refusal now comes from the reader, not from the sink */
    struct sfx_load_foreign foreign;
    sfx_load_rows *check;               /* what comes before the table is prepared; or NULL */
    struct sfx_load_children *children; /* NULL but with SFX_LOAD_TABLES */
    struct sfx_load_rejects durable;    /* of commit_every; without functions: none */
    struct sfx_sink_counts committed;   /* by checkpoints, of the input in hand */
    struct sfx_sink_mark mark;          /* how far the input in hand has come */
    uint64_t nmarked;                   /* mark.nread of the last checkpoint */
    uint64_t rejects_nbytes;            /* of the file, at the last checkpoint */
    uint64_t skip_read, skip_refused;   /* what earlier runs have committed is passed over */
};

/* TEMPORARY when the run is to stop. */
int sfx_load_check_stop(struct sfx_load *load, struct sfx_err *err);

/* True when the order of npaths operands makes no difference to what they bring, so that several
 * can be loaded at once. */
bool sfx_load_in_parallel(const struct sfx_load *load, size_t npaths);

/* Loads npaths operands, opts.jobs at once, as sfx_load_operands does. Errors: what ends the run.
 */
int sfx_load_all_paths(struct sfx_load *load, const char *const *paths, size_t npaths,
                       struct sfx_err *err);

/* Renders the table's name for an input called path into load->name; default_table is used when
 * the user named none. Errors: INPUT, NOMEM. */
int sfx_load_name_table(struct sfx_load *load, const char *path, const char *default_table,
                        struct sfx_err *err);

/* The media type of the current stream. Errors: as sfx_media_detect, sfx_input_peek. */
int sfx_load_detect(struct sfx_load *load, struct sfx_input *in, struct sfx_slice *type,
                    struct sfx_err *err);

/* The format of that media type, or of that name's extension; NULL: none. */
const struct sfx_format *sfx_load_format(struct sfx_slice type, const char *name);

/* Loads in's current stream, which is of that format; load->result is filled. Errors: as
 * sfx_load_operand, and those of the input with load->broken false. */
int sfx_load_stream(struct sfx_load *load, struct sfx_input *in, const struct sfx_format *format,
                    struct sfx_err *err);

/* Reads opts.types. Errors: USAGE, NOMEM. */
int sfx_load_take_types(struct sfx_load *load, struct sfx_err *err);

/* Reads opts.schema and opts.program. Errors: USAGE, IO, NOMEM. */
int sfx_load_take_stages(struct sfx_load *load, struct sfx_err *err);
void sfx_load_free_stages(struct sfx_load *load);

/* Makes load->query, if records pass anything, for one pass: what comes out is given to take, what
 * is refused to bad (NULL: ends the pass); log: for what else they say, may be NULL. Errors:
 * NOMEM. */
int sfx_load_begin_stages(struct sfx_load *load, const struct sfx_reject_sink *bad,
                          const struct sfx_log *log, sfx_query_emit *take, void *ctx,
                          struct sfx_err *err);

/* Gives the learnt schema the columns and types of opts.schema. Errors: NOMEM. */
int sfx_load_declare(struct sfx_load *load, struct sfx_err *err);

/* The learnt column of that name; NULL: none. */
struct sfx_sink_column *sfx_load_find_column(struct sfx_load *load, struct sfx_slice name);

/* Gives the learnt schema the types that the user says. Errors: INPUT for a column that it lacks.
 */
int sfx_load_set_types(struct sfx_load *load, struct sfx_err *err);

/* Lineage: its columns in the schema; what an input's rows share, once its load has begun; the
 * cells of the batch in hand. Errors: INPUT for an input that has such columns; NOMEM. */
int sfx_load_lineage_schema(struct sfx_infer *infer, struct sfx_err *err);
int sfx_load_lineage_begin(struct sfx_load *load, struct sfx_err *err);
int sfx_load_lineage_fill(struct sfx_load *load, struct sfx_batch *batch, struct sfx_err *err);

/* Prepends the names of the input in hand to err, unless it begins with them. Returns rc. */
int sfx_load_name_input(const struct sfx_load *load, int rc, struct sfx_err *err);

/* Checks that the mode allows commit_every. Errors: USAGE. */
int sfx_load_check_every(const struct sfx_load *load, struct sfx_err *err);

/* With commit_every: begins a load, or goes on with entry's, which is open. Errors: of the sink and
 * of the rejects. */
int sfx_load_resume(struct sfx_load *load, struct sfx_sink_entry *entry, struct sfx_err *err);

/* INPUT when the content is not what an open load has begun. */
int sfx_load_check_tail(const struct sfx_load *load, const struct sfx_spool *spool,
                        struct sfx_err *err);

/* With SFX_SINK_QUARANTINE: takes the columns out of *schema that the table lacks; then refuses the
 * records that have values there. Errors: of the sink, of bad; NOMEM. */
int sfx_load_quarantine(struct sfx_load *load, const struct sfx_sink_schema **schema,
                        struct sfx_err *err);
int sfx_load_refuse_foreign(struct sfx_load *load, struct sfx_batch *batch,
                            const struct sfx_reject_sink *bad, struct sfx_err *err);
void sfx_load_free_foreign(struct sfx_load *load);

/* Checks that child tables, when asked for, go with the sink and the other options, and makes
 * load->children then. Errors: USAGE, NOMEM. */
int sfx_load_check_children(struct sfx_load *load, struct sfx_err *err);
void sfx_load_free_children(struct sfx_load *load);

/* Child tables, in the order of the calls: before the first pass; each batch of each pass, whose
 * arrays are taken out; once types are known; before the second pass, load_key is the ledger's;
 * in passes before that one, with rehearse on and then off, child rows are only checked; _refuse
 * takes records out that have bad ones, for bad;
 * for each record that the parent's table refuses; once all are put; before each pass for a child
 * table, 1, or 0 when there is none left (*at begins as 0). Errors: INPUT, LIMIT, NOMEM, of the
 * sink. */
int sfx_load_children_begin(struct sfx_load *load, struct sfx_err *err);
int sfx_load_children_take(struct sfx_load *load, struct sfx_batch *batch, struct sfx_err *err);
int sfx_load_children_learnt(struct sfx_load *load, struct sfx_err *err);
void sfx_load_children_start(struct sfx_load *load, const char *load_key);
int sfx_load_children_refused(struct sfx_load *load, uint64_t offset, struct sfx_err *err);
int sfx_load_children_rehearse(struct sfx_load *load, bool on, struct sfx_err *err);
int sfx_load_children_refuse(struct sfx_load *load, struct sfx_batch *batch,
                             const struct sfx_reject_sink *bad, struct sfx_err *err);
int sfx_load_children_settle(struct sfx_load *load, struct sfx_err *err);
int sfx_load_children_next(struct sfx_load *load, size_t *at, struct sfx_err *err);

/* Takes out of batch what is committed, and counts the rest. */
void sfx_load_advance(struct sfx_load *load, struct sfx_batch *batch);

/* Commits when commit_every records have come since it did so, and at the end the rejects that
 * have. Errors: of the sink, the rejects and the spool. */
int sfx_load_checkpoint(struct sfx_load *load, const struct sfx_spool *spool, bool end,
                        struct sfx_err *err);

/* After a failure: takes rejects back, and says where the load goes on. */
void sfx_load_fall_back(const struct sfx_load *load);

/*
 * One transaction: begin, prepare for schema, rows, commit; rolls back what fails. Sets
 * load->result's outcome and entry. When the connection is lost, it begins again, a few times:
 * then rows is called once more. Errors: of the sink and of rows.
 */
int sfx_load_transact(struct sfx_load *load, const struct sfx_sink_source *source,
                      const struct sfx_sink_schema *schema, sfx_load_rows *rows, void *ctx,
                      struct sfx_err *err);

/*
 * Ends the input in hand: counts load->result and tells the report, or, with rc < 0, keeps err as
 * the operand's first failure or reports a later one. Errors: what ends the run: err itself when
 * the load is broken, what report returned.
 */
int sfx_load_told(struct sfx_load *load, int rc, struct sfx_err *err);

/* Makes the event of a DONE or KNOWN result (borrowed while the event is used); cause is the id of
 * the event that named the file. Errors: NOMEM. */
int sfx_load_event_make(struct sfx_load_event *ev, const struct sfx_load_result *result,
                        struct sfx_slice cause, struct sfx_err *err);

/* Says what waits in load->said from start on, and forgets it. */
void sfx_load_say_from(struct sfx_load *load, size_t start);

/* Appends what a dry run has to say of result, with the statements ddl. Errors: NOMEM. */
int sfx_load_plan(const struct sfx_load_result *result, struct sfx_slice ddl, struct sfx_buf *out,
                  struct sfx_err *err);

/* The first failure of the operand's inputs, described in err; 0: none. */
int sfx_load_first_failure(const struct sfx_load *load, struct sfx_err *err);

#endif
