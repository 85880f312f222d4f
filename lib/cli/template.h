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
 *
 * A template for records may also name columns: "out/{country}/{day}.csv". A column's value becomes
 * one part (or a piece of one) by a spelling that no two values share, see
 * sfx_template_put_column.
 */
#ifndef SFX_CLI_TEMPLATE_H
#define SFX_CLI_TEMPLATE_H

#include "base/buf.h"
#include "base/outfile.h"

#include <stdbool.h>
#include <stdint.h>

struct sfx_template;

/* What one rendering knows; empty slices and negative numbers are "unknown here". */
struct sfx_template_values {
    struct sfx_slice path;           /* of the input; gives {path} {dir} {base} {stem} {ext} */
    struct sfx_slice ext;            /* when set, overrides {ext}: the output's own extension */
    struct sfx_slice id;             /* {id} of the event */
    int64_t time_ns;                 /* {date} (YYYY-MM-DD) and {time} (HHMMSS), UTC */
    int64_t width, height;           /* {width} {height} in pixels */
    int64_t n;                       /* {n}: counter of outputs, from 1 */
    const struct sfx_slice *columns; /* the values of sfx_template_column 0, 1, …; may be NULL for
                                        templates without */
};

/* Which names of a template are columns of records. */
enum sfx_template_columns {
    SFX_TEMPLATE_NO_COLUMNS,    /* none: a name that the values above do not give is an error */
    SFX_TEMPLATE_OTHER_COLUMNS, /* those that the values above do not give, and `x` in backticks */
    SFX_TEMPLATE_ONLY_COLUMNS,  /* all */
};

/* Where a rendered name goes: root is opened as a folder, rel beneath it. */
struct sfx_template_name {
    struct sfx_buf path; /* root and rel together, what messages and events show */
    size_t root_len;     /* bytes of path that are the root, with its '/'; 0: the current folder */
};

/* Compiles text (borrowed during the call). Errors: NULL; USAGE with the place and the nearest
 * name; NOMEM. */
struct sfx_template *sfx_template_new(const char *text, struct sfx_err *err);

/* The same for records. */
struct sfx_template *sfx_template_new_columns(const char *text, enum sfx_template_columns which,
                                              struct sfx_err *err);

/* The name of the template's i-th column in the order of the text (one that stands twice counts
 * twice), borrowed; empty behind the last. */
struct sfx_slice sfx_template_column(const struct sfx_template *t, size_t i);

/*
 * Appends a column's value as a piece of a name. '/', '%', control bytes and a '.' at the start
 * become %XX; an empty value or null (ptr NULL) is "_", the value "_" is "%5F"; what is then longer
 * than 200 bytes is cut, with '~' and a hash of the value at its end. Errors: NOMEM.
 */
int sfx_template_put_column(struct sfx_buf *out, struct sfx_slice value, struct sfx_err *err);

/* True when the template has a placeholder of that name ("width"). */
bool sfx_template_uses(const struct sfx_template *t, const char *name);

/* Renders into name (cleared first; {0} is fine). Errors: INPUT for a value that is unknown here or
 * leads outside; NOMEM. */
int sfx_template_render(const struct sfx_template *t, const struct sfx_template_values *values,
                        struct sfx_template_name *name, struct sfx_err *err);

/*
 * Opens an output by a rendered name (borrowed during the call): sfx_outfile_new beneath the
 * template's root, folders made. durable: synced before it gets its name. Errors: as there.
 */
struct sfx_outfile *sfx_template_open(const struct sfx_template_name *name, bool durable,
                                      struct sfx_err *err);

/*
 * A template of one word of a command line. Placeholders are "{}" (the path), "{NAME}" of the names
 * above, and the columns "{event.NAME}" and "{data.NAME}"; all else stands for itself, braces
 * too (awk's '{print}', JSON). Errors: NULL; USAGE for a name that is nearly one, NOMEM.
 */
struct sfx_template *sfx_template_new_argument(const char *text, struct sfx_err *err);

/* True when nothing in it is replaced. */
bool sfx_template_is_literal(const struct sfx_template *t);

/* Appends the word with the exact bytes of its values: nothing is settled or replaced. A column
 * with ptr NULL is unknown. Errors: INPUT for a value that is unknown or holds a NUL byte; NOMEM.
 */
int sfx_template_render_argument(const struct sfx_template *t,
                                 const struct sfx_template_values *values, struct sfx_buf *out,
                                 struct sfx_err *err);

/* The names a template may use, NULL-terminated, borrowed. */
const char *const *sfx_template_names(void);

void sfx_template_free(struct sfx_template *t);

#endif
