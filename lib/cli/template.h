/* SPDX-License-Identifier: MIT */
/*
 * Output name templates: "thumbs/{stem}-{width}w.{ext}".
 *
 * Contract: a template is compiled once and rendered many times; a compiled template is read-only
 * and safe to share. "{{" and "}}" stand for braces. The literal text up to the last '/' before the
 * first placeholder is the root: trusted, it may be absolute or hold "..". What placeholders bring
 * in is not trusted: the part below the root must stay beneath it. A rendered value may hold '/'
 * only for {path} and {dir} (leading '/' are dropped); in all others '/' and NUL are replaced by
 * '_'. A part that comes out as "." or ".." is an INPUT error.
 */
#ifndef SFX_CLI_TEMPLATE_H
#define SFX_CLI_TEMPLATE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct sfx_template;

/* What one rendering knows; empty slices and negative numbers are "unknown here". */
struct sfx_template_values {
    struct sfx_slice path; /* of the input; gives {path} {dir} {base} {stem} {ext} */
    struct sfx_slice ext;  /* when set, overrides {ext}: the output's own extension */
    struct sfx_slice id;   /* {id} of the event */
    int64_t time_ns;       /* {date} (YYYY-MM-DD) and {time} (HHMMSS), UTC */
    int64_t width, height; /* {width} {height} in pixels */
    int64_t n;             /* {n}: counter of outputs, from 1 */
};

/* Where a rendered name goes: root is opened as a folder, rel beneath it. */
struct sfx_template_name {
    struct sfx_buf path; /* root and rel together, what messages and events show */
    size_t root_len;     /* bytes of path that are the root, with its '/'; 0: the current folder */
};

/* Compiles text (borrowed during the call). Errors: NULL; USAGE with the place and the nearest
 * name; NOMEM. */
struct sfx_template *sfx_template_new(const char *text, struct sfx_err *err);

/* True when the template has a placeholder of that name ("width"). */
bool sfx_template_uses(const struct sfx_template *t, const char *name);

/* Renders into name (cleared first; {0} is fine). Errors: INPUT for a value that is unknown here or
 * leads outside; NOMEM. */
int sfx_template_render(const struct sfx_template *t, const struct sfx_template_values *values,
                        struct sfx_template_name *name, struct sfx_err *err);

/* The names a template may use, NULL-terminated, borrowed. */
const char *const *sfx_template_names(void);

void sfx_template_free(struct sfx_template *t);

#endif
