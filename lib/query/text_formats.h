/* SPDX-License-Identifier: MIT */
/* Forms that text has: dates, addresses, identifiers, by the names that JSON Schema gives them. */
#ifndef SFX_QUERY_TEXT_FORMATS_H
#define SFX_QUERY_TEXT_FORMATS_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct sfx_text_format {
    const char *name; /* "date-time"; of XML Schema: "xsd:dateTime" */
    bool (*is)(struct sfx_slice text);
    bool is_time; /* a point in time */
};

/* The format called name, or NULL. */
const struct sfx_text_format *sfx_text_format_find(struct sfx_slice name);

/* The first format in the table's order that text has and JSON Schema knows, or NULL. */
const struct sfx_text_format *sfx_text_format_of(struct sfx_slice text);

#endif
