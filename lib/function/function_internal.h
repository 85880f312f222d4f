/* SPDX-License-Identifier: MIT */
/*
 * The inside of running functions. Two tables make it: struct sfx_source (where events come from
 * and go back to) and struct sfx_carrier (how an invocation is carried out). Between them stands
 * the scheduler (scheduler.c), which knows neither.
 *
 *   source --admit--> ready items --begin--> invocation in an instance --end--> verdict --> source
 *
 * Failures that end everything go to runner->failure (sfx_runner_fail); the first one stays.
 */
#ifndef SFX_FUNCTION_FUNCTION_INTERNAL_H
#define SFX_FUNCTION_FUNCTION_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "cli/exit.h"
#include "cli/template.h"
#include "event/event.h"
#include "event/lines.h"
#include "function/command.h"
#include "function/function.h"
#include "function/jail.h"
#include "function/limits.h"
#include "function/loop.h"
#include "function/process.h"
#include "function/scale.h"

#define SFX_NS_PER_S  INT64_C(1000000000)
#define SFX_NS_PER_MS INT64_C(1000000)

/* An event in hand. */
struct sfx_item {
    struct sfx_item *next, *previous; /* in the list that it is in */
    struct sfx_function *fn;
    struct sfx_lane *lane;       /* NULL: it has no key */
    struct sfx_loop_timer again; /* when its time to be tried again comes */
    int64_t handle;              /* the source's own */
    int64_t ready_ns;            /* since when it could begin, monotonic */
    int64_t born_ns;             /* when it came to be, wall clock */
    uint64_t number;             /* among all of the function, from 1 */
    uint64_t attempts;           /* invocations that it was part of */
    size_t most;                 /* events that its invocation may have (bisecting); 0: no limit */
    char *line, *id;             /* both terminated and inside this allocation */
    size_t line_len, id_len;
    char bytes[];
};

struct sfx_list {
    struct sfx_item *first, *last;
    size_t count;
};

/* Events that give the same key: the one in front is ready, runs or waits to be tried again. */
struct sfx_lane {
    struct sfx_lane *next; /* in its chain of the table */
    uint64_t hash;
    struct sfx_list behind;
    size_t key_len;
    char key[];
};

struct sfx_outcome {
    int exit_code; /* as of enum sfx_exit */
    const char
        *error; /* "exit", "data", "timeout", "signal", "output", "start", "answer"; NULL: none */
    bool not_begun; /* the machine's fault: no attempt is counted */
    char reason[400];
};

/* What an instance works on. */
struct sfx_invocation {
    struct sfx_invocation *next; /* among those whose results are on their way out */
    struct sfx_function *fn;
    struct sfx_item **items; /* owned, as are the items */
    size_t nitems;
    struct sfx_buf input;  /* what the function is given */
    struct sfx_buf output; /* what it gave back */
    struct sfx_buf said;   /* the end of its standard error */
    struct sfx_outcome outcome;
    bool *failed; /* of items, after a partial answer; NULL: outcome is that of all */
    struct sfx_meter meter;
    int64_t started_ns;    /* monotonic */
    uint64_t settled_at;   /* byte of the output stream that has to be out before it is settled */
    int64_t cpu_before_ns; /* of a resident process */
    char request_id[37];
    char traceparent[56]; /* the invocation's own span */
    char parent_span[17]; /* empty: none */
};

enum sfx_instance_state {
    SFX_INSTANCE_STARTING,
    SFX_INSTANCE_IDLE,
    SFX_INSTANCE_BUSY,
    SFX_INSTANCE_ENDING
};

/* A process of a function. */
struct sfx_instance {
    struct sfx_instance *next, *previous;
    struct sfx_function *fn;
    enum sfx_instance_state state;
    char name[32]; /* SFX_INSTANCE of its environment: "PID-NUMBER" */
    struct sfx_process process;
    int in_fd, out_fd, err_fd; /* our ends; -1: closed */
    struct sfx_loop_watch exit_watch, in_watch, out_watch, err_watch;
    struct sfx_loop_timer timer; /* the end of its patience: timeout, then grace */
    int killing;                 /* 0, SIGTERM, SIGKILL: sent so far */
    const char *killed_for;      /* error of the outcome that the killing leads to */
    struct sfx_invocation *inv;  /* in hand; NULL: none */
    struct sfx_buf out;          /* read from it and not yet understood */
    struct sfx_buf said;         /* of its standard error: a line that has not ended yet */
    size_t in_sent;              /* bytes of inv->input that it was given */
    int64_t started_ns, idle_since_ns, init_ns;
    bool cold; /* no invocation has ended in it yet */
    int64_t peak_nbytes, peak_at_ns;
    int cgroup;   /* place in the function's cgroups; -1: none */
    char *folder; /* of its temporary files; NULL: none */
    void *data;   /* the carrier's own */
};

struct sfx_carrier {
    const char *name;
    bool resident; /* an instance has many invocations, one after another */
    /* Starts the process of an instance; what is not resident has its invocation already. */
    int (*start)(struct sfx_instance *in, struct sfx_err *err);
    /* Hands in->inv to an idle instance. */
    int (*give)(struct sfx_instance *in, struct sfx_err *err);
    /* Whole lines that it wrote to its log. NULL: they are only passed on. */
    void (*said)(struct sfx_instance *in, struct sfx_slice lines);
    /* in->out has grown. */
    void (*output)(struct sfx_instance *in);
    /* The process has ended (status of wait(2)); in->out holds the last of its output. */
    void (*gone)(struct sfx_instance *in, int status);
    /* Asks an idle instance to end. */
    void (*end)(struct sfx_instance *in);
    /* Frees in->data. NULL: there is none. */
    void (*done)(struct sfx_instance *in);
};

extern const struct sfx_carrier sfx_carrier_spawn, sfx_carrier_worker, sfx_carrier_lambda;

struct sfx_source {
    const char *name;
    int (*open)(struct sfx_function *fn, struct sfx_err *err);
    /* Hands over up to n more events by sfx_function_admit, without waiting. */
    int (*take)(struct sfx_function *fn, size_t n, struct sfx_err *err);
    /* Says what became of an item; afterwards the item is the scheduler's to free. delay_ns: RETRY.
     * Returns 1 when the source keeps an item that is to be tried again, 0 when the scheduler must.
     */
    int (*settle)(struct sfx_function *fn, struct sfx_item *item, enum sfx_verdict verdict,
                  int64_t delay_ns, const struct sfx_invocation *inv, struct sfx_err *err);
    /* Takes an item back as if it had not been given out. */
    int (*give_back)(struct sfx_function *fn, struct sfx_item *item, struct sfx_err *err);
    /* What was said to _settle becomes durable. Called before waiting. Returns 1 when the source
     * may have more to give, or to have ended, for it. May be NULL. */
    int (*flush)(struct sfx_function *fn, struct sfx_err *err);
    /* Whether nothing more will come. */
    bool (*ended)(const struct sfx_function *fn);
    void (*close)(struct sfx_function *fn);
};

extern const struct sfx_source sfx_source_lines, sfx_source_queue;

struct sfx_function {
    struct sfx_runner *runner;
    const struct sfx_function_opts *opts;
    struct sfx_function_totals *totals;
    const char *name;
    const struct sfx_carrier *carrier;
    const struct sfx_source *source;
    void *source_data;
    struct sfx_dead *dead; /* NULL: the source's own way */
    struct sfx_command *command;
    struct sfx_template *key;  /* NULL: none */
    struct sfx_limits *limits; /* NULL: none */
    struct sfx_jail *jail;     /* NULL: none */
    /* items */
    struct sfx_list ready;
    struct sfx_list delayed; /* to be tried again, in no order: their timers know when */
    size_t ready_nbytes;
    size_t nbehind;  /* in lanes */
    size_t nwaiting; /* delayed ones */
    size_t nrunning; /* in invocations */
    struct sfx_lane **lanes;
    size_t nlanes, lanes_cap;
    /* instances */
    struct sfx_instance *instances;
    uint64_t nstarting, nidle, nbusy, nending, ninstances;
    int64_t service_ns, init_ns; /* smoothed */
    struct sfx_tokens tokens;
    struct sfx_breaker breaker;
    struct sfx_loop_timer wake; /* a window, a token, an instance's idleness comes due */
    int64_t start_after_ns;     /* an instance failed to start: none is started before */
    uint64_t start_failures;    /* in a row */
    double served;              /* invocations begun: for fair shares */
};

struct sfx_runner {
    const struct sfx_functions_opts *opts;
    const struct sfx_log *log;
    struct sfx_loop *loop;
    struct sfx_function *functions;
    size_t count;
    struct sfx_arena arena; /* of the event that is being looked at */
    struct sfx_results *results;
    struct sfx_observer *observer;
    struct sfx_loop_timer tick, until;
    uint64_t ninstances;
    uint64_t nstarted;   /* instances, ever: their numbers */
    int64_t stopping_ns; /* since when; 0: it is not asked for */
    bool over;           /* opts->until said so */
    bool cut;            /* the drain time is over */
    uint64_t random;     /* state of its numbers */
    int rc;              /* <0: it must end, for failure */
    struct sfx_err failure;
};

/* --- runner.c */
void sfx_runner_fail(struct sfx_runner *runner, int rc, const struct sfx_err *err);
uint64_t sfx_runner_random(struct sfx_runner *runner);
/* A random UUID (RFC 9562 version 4), terminated. */
void sfx_runner_uuid(struct sfx_runner *runner, char out[37]);
/* Looks for what is left behind once a second, as long as there are instances. */
void sfx_runner_tick(struct sfx_runner *runner);

/* --- item.c */
void sfx_list_push(struct sfx_list *list, struct sfx_item *item);
void sfx_list_unshift(struct sfx_list *list, struct sfx_item *item);
struct sfx_item *sfx_list_shift(struct sfx_list *list);
void sfx_list_remove(struct sfx_list *list, struct sfx_item *item);

/* A line that a source gave. */
struct sfx_admission {
    struct sfx_slice line;
    int64_t handle;
    int64_t born_ns;       /* wall clock; 0: now */
    uint64_t attempts;     /* before */
    struct sfx_slice lane; /* the source's own key; empty: none */
};

/*
 * Takes an event: an event line, or any other line, which becomes one. A line that is no event, and
 * cannot become one, is settled as dead at once. Errors: what settling gives; NOMEM.
 */
int sfx_function_admit(struct sfx_function *fn, const struct sfx_admission *a, struct sfx_err *err);

/* What cannot be an event is settled as dead, with the reason and as it came. Errors: as above. */
int sfx_function_refuse(struct sfx_function *fn, const struct sfx_admission *a,
                        const struct sfx_err *failure, struct sfx_err *err);

/* Puts an item (back) among the ready ones, in front of them when urgent. */
void sfx_function_make_ready(struct sfx_function *fn, struct sfx_item *item, bool urgent);

/* Frees an item; the next of its lane becomes ready when move_on is set. */
void sfx_item_free(struct sfx_item *item, bool move_on);
void sfx_function_free_lanes(struct sfx_function *fn);

/* --- scheduler.c */
/* Begins what can begin; sets fn->wake for what comes due later. */
void sfx_function_pump(struct sfx_function *fn);
/* An instance could not start, or ended before it was of use: the next one starts later, after 1 s,
 * 2 s … 60 s. */
void sfx_function_hold_starts(struct sfx_function *fn);
/* True when nothing is left to do. */
bool sfx_function_finished(const struct sfx_function *fn);
/* Gives all that has not begun back to the source. */
void sfx_function_give_back(struct sfx_function *fn);
/* Fails the first ready events, if there are any, without giving them to anybody. */
void sfx_function_fail_ready(struct sfx_function *fn, const struct sfx_outcome *outcome);
/* An item's verdict; frees the item or keeps it to be tried again. */
void sfx_function_settle(struct sfx_function *fn, struct sfx_item *item,
                         struct sfx_outcome *outcome, const struct sfx_invocation *inv);

/* --- instance.c */
struct sfx_instance *sfx_instance_new(struct sfx_function *fn, struct sfx_err *err);
/* Starts the process with what its invocation, or no event, gives for the command; the ends of the
 * pipes that it needs (in_fd -1: none). env: added to the environment, ended by NULL; or NULL. */
int sfx_instance_exec(struct sfx_instance *in, int stdin_fd, const char *const *env,
                      struct sfx_err *err);
/* Counts it under another state. */
void sfx_instance_set(struct sfx_instance *in, enum sfx_instance_state state);
/* The invocation ended in a resident instance, which is idle then; or in one that goes. */
void sfx_instance_finish(struct sfx_instance *in);
/* Begins to end it: TERM, after the grace time KILL. why: error of its outcome. */
void sfx_instance_kill(struct sfx_instance *in, const char *why, int signum);
/* Its time to answer begins. */
void sfx_instance_arm(struct sfx_instance *in);
/* More of its log than what comes on standard error. */
void sfx_instance_said(struct sfx_instance *in, struct sfx_slice text);
/* Resident: ready for its next invocation. */
void sfx_instance_ready(struct sfx_instance *in);
/* It was asked to end: TERM after the grace time, then KILL. */
void sfx_instance_expire(struct sfx_instance *in);
void sfx_instance_free(struct sfx_instance *in);
/* Fills the outcome from a status of wait(2). */
void sfx_instance_outcome(struct sfx_instance *in, int status, struct sfx_outcome *outcome);

/* --- invocation.c */
/* Makes an invocation of the first ready items, at most `most` of them. NULL: NOMEM. */
struct sfx_invocation *sfx_invocation_new(struct sfx_function *fn, struct sfx_err *err);
/* Fills the facts of the command that are the invocation's; its event, if it has one, is kept in ev
 * and in the runner's arena. Errors: INPUT, NOMEM. */
int sfx_invocation_facts(const struct sfx_invocation *inv, struct sfx_command_facts *facts,
                         struct sfx_event *ev, struct sfx_err *err);
/* It has ended with inv->outcome: meters, logs, hands out results and settles its items; frees. */
void sfx_invocation_end(struct sfx_invocation *inv);
/* What is left once its results are out: its items are settled. Frees. */
void sfx_invocation_settle(struct sfx_invocation *inv);
void sfx_invocation_free(struct sfx_invocation *inv);

/* --- carrier_worker.c: what resident instances share */
/* An invocation begins in it: clocks and the deadline. */
void sfx_resident_begin(struct sfx_instance *in);
/* It has ended: duration, CPU and memory. */
void sfx_resident_meter(struct sfx_instance *in);

/* --- answer.c */
/* What a worker's or Lambda's answer says: fills outcome. */
void sfx_answer_read(struct sfx_slice answer, struct sfx_outcome *outcome);
/* Reads {"batchItemFailures":[…]} into inv->failed; a bad answer fails the whole batch. */
void sfx_answer_partial(struct sfx_invocation *inv);

/* --- orphans.c */
/* Kills what instances that are gone have left behind, and reaps it. */
void sfx_orphans_end(struct sfx_runner *runner);
/* Whether any is there still. */
bool sfx_orphans_are_left(struct sfx_runner *runner);

/* --- results.c: standard output */
struct sfx_results *sfx_results_new(struct sfx_runner *runner, int fd, struct sfx_err *err);
void sfx_results_free(struct sfx_results *results);
/* Adds the output of an invocation, which is settled when it is out. */
void sfx_results_put(struct sfx_results *results, struct sfx_invocation *inv);
/* True when so much waits that nothing new should begin. */
bool sfx_results_full(const struct sfx_results *results);
bool sfx_results_empty(const struct sfx_results *results);

/* --- emit.c */
/* Makes result events of an invocation's output lines. Errors: NOMEM, USAGE. */
int sfx_emit(struct sfx_invocation *inv, struct sfx_buf *out, struct sfx_err *err);

/* --- dead.c: dead letters beside the source's own */
/* Opens opts->dead. Errors: NULL; as opening a file or a queue gives them. */
struct sfx_dead *sfx_dead_open(const struct sfx_function_opts *opts, struct sfx_err *err);
int sfx_dead_put(struct sfx_dead *dead, struct sfx_item *item, const struct sfx_outcome *outcome,
                 const struct sfx_invocation *inv, struct sfx_err *err);
/* What was put becomes durable: before the source learns of it. */
int sfx_dead_flush(struct sfx_dead *dead, struct sfx_err *err);
int sfx_dead_close(struct sfx_dead *dead, struct sfx_err *err);

/* --- observe.c: logs, metrics, traces */
struct sfx_observer *sfx_observer_new(struct sfx_runner *runner, struct sfx_err *err);
void sfx_observer_invocation(struct sfx_observer *o, const struct sfx_invocation *inv);
void sfx_observer_item(struct sfx_observer *o, const struct sfx_item *item,
                       enum sfx_verdict verdict, int64_t delay_ns,
                       const struct sfx_outcome *outcome);
/* A line that a function wrote to its standard error. */
void sfx_observer_said(struct sfx_function *fn, struct sfx_slice text);
void sfx_observer_begin(struct sfx_observer *o, const struct sfx_invocation *inv);
int sfx_observer_free(struct sfx_observer *o, struct sfx_err *err);

#endif
