/* SPDX-License-Identifier: MIT */
/*
 * The Lambda Runtime API of one instance: a listener on this machine, its connections, the runtime
 * and its extensions. carrier_lambda.c has processes and sockets, lambda_api.c what a runtime
 * asks for, lambda_extension.c what extensions do, lambda_telemetry.c what is told to subscribers.
 *
 *   starting --next of the runtime and of all extensions--> idle --give--> busy --response,
 * error--> starting again (the invocation is over, the process not ready yet) --next--> idle
 */
#ifndef SFX_FUNCTION_LAMBDA_INTERNAL_H
#define SFX_FUNCTION_LAMBDA_INTERNAL_H

#include "function/function_internal.h"
#include "function/http.h"
#include "json/json.h"

#define SFX_LAMBDA_RESPONSE_NBYTES (6 * 1024 * 1024 + 100) /* most of an answer, as Lambda's */
#define SFX_LAMBDA_MAX_EXTENSIONS  10                      /* as Lambda's */

struct sfx_lambda_conn {
    struct sfx_lambda_conn *next;
    struct sfx_lambda *lambda;
    int fd;
    struct sfx_loop_watch watch;
    struct sfx_buf in, out;
    size_t sent;     /* bytes of out */
    bool continued;  /* it was told to send the body */
    bool keep_alive; /* after the response that is being made */
    size_t drained;  /* bytes that were thrown away since the request was refused */
    bool drains;     /* refused: a client that is still sending would lose the answer by a reset */
    bool waits;      /* its "next" has no answer yet: nothing more is read from it */
    bool gone;       /* to be freed */
};

struct sfx_lambda_extension {
    char name[128], id[37];
    bool of_invoke, of_shutdown;  /* events that it wants */
    struct sfx_lambda_conn *conn; /* waits in its "next"; NULL: does not */
    struct sfx_lambda_sink *sink; /* where it wants telemetry; NULL: nowhere */
};

struct sfx_lambda {
    struct sfx_instance *in;
    int listen_fd, port;
    struct sfx_loop_watch watch;
    struct sfx_lambda_conn *conns;
    struct sfx_lambda_conn *next;     /* the runtime waits in its "next"; NULL: does not */
    struct sfx_lambda_conn *given_to; /* got in->inv and has not been heard of since; or NULL */
    bool undelivered; /* in->inv did not reach the runtime: it is for the next "next" */
    struct sfx_lambda_extension extensions[SFX_LAMBDA_MAX_EXTENSIONS];
    size_t nextensions;
    bool shut_down; /* extensions were told; they have the grace time, or until they ask again */
    bool runtime_asked; /* for an invocation, once at least: no extension comes any more */
    char failure[400]; /* what the runtime or an extension said was wrong with it; empty: nothing */
    struct sfx_arena arena;
};

/* --- carrier_lambda.c */
/* Answers a connection's request. Failures end the connection. */
void sfx_lambda_answer(struct sfx_lambda_conn *conn, int status, const char *fields,
                       const char *type, struct sfx_slice body);
/* Whether the client is still there: else the connection is marked as gone. */
bool sfx_lambda_is_there(struct sfx_lambda_conn *conn);
/* Makes the instance idle when the runtime and all extensions wait. */
void sfx_lambda_look(struct sfx_lambda *lambda);

/* --- lambda_api.c */
/* Does what a whole request asks for. */
void sfx_lambda_serve(struct sfx_lambda_conn *conn, const struct sfx_http_request *req);
/* A request that could not be read, or whose client went away in it. */
void sfx_lambda_refuse(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                       const struct sfx_err *why);
/* Gives in->inv to the runtime and the extensions that wait. */
void sfx_lambda_give(struct sfx_lambda *lambda);
/* Answers 202, as all that is taken is answered. */
void sfx_lambda_accept(struct sfx_lambda_conn *conn);
/* Answers with an error. */
void sfx_lambda_deny(struct sfx_lambda_conn *conn, int status, const char *type,
                     const char *message);
/* Keeps what was wrong as lambda->failure: from the request's body, or else the field. */
void sfx_lambda_note_failure(struct sfx_lambda *lambda, const char *what,
                             const struct sfx_http_request *req, const char *field);
/* Texts of an invocation, appended; failures of memory leave them short. */
void sfx_lambda_put_trace(const struct sfx_invocation *inv, struct sfx_buf *out);
void sfx_lambda_put_arn(const struct sfx_lambda *lambda, struct sfx_buf *out);
int64_t sfx_lambda_deadline_ms(const struct sfx_invocation *inv);
void sfx_lambda_put_text(struct sfx_json_writer *w, const char *key, struct sfx_slice text);

/* --- lambda_extension.c */
void sfx_lambda_register(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                         struct sfx_slice id);
void sfx_lambda_extension_next(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                               struct sfx_slice id);
void sfx_lambda_extension_error(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                                struct sfx_slice id);
void sfx_lambda_take_subscription(struct sfx_lambda_conn *conn, const struct sfx_http_request *req,
                                  struct sfx_slice id);
/* Tells an extension, which waits, of lambda->in->inv. */
void sfx_lambda_tell_extension(struct sfx_lambda *lambda, struct sfx_lambda_extension *extension);
/* Tells the extensions that want to know that the end has come. Returns whether there are any. */
bool sfx_lambda_shut_down(struct sfx_lambda *lambda);

/* --- lambda_telemetry.c */
/* Reads a subscription; sink is made or replaced. Errors: INPUT, NOMEM. */
int sfx_lambda_subscribe(struct sfx_lambda *lambda, struct sfx_lambda_extension *extension,
                         struct sfx_slice body, struct sfx_err *err);
/* Tells of what the platform does: record is a JSON object. */
void sfx_lambda_tell(struct sfx_lambda *lambda, const char *type, struct sfx_slice record);
/* Tells of lines that the function wrote to its log. */
void sfx_lambda_tell_lines(struct sfx_lambda *lambda, struct sfx_slice lines);
/* What waits to be sent is lost: the one who would get it has gone. NULL does nothing. */
void sfx_lambda_sink_free(struct sfx_lambda_sink *sink);

#endif
