/* SPDX-License-Identifier: MIT */
/* How a query writes and reads what its stages carry from one run to the next. */
#ifndef SFX_QUERY_CARRY_INTERNAL_H
#define SFX_QUERY_CARRY_INTERNAL_H

#include "query/query_internal.h"

/* Begins what is carried on, before the stages end. Errors: NOMEM, what carry->write returned. */
int sfx_carry_begin(struct sfx_query *q, struct sfx_err *err);

/* After a stage has ended, and so has written its records. Errors: as _begin. */
int sfx_carry_end_stage(struct sfx_operator *op, struct sfx_err *err);

/* After all of them. Errors: as _begin. */
int sfx_carry_end(struct sfx_query *q, struct sfx_err *err);

#endif
