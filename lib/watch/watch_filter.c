/* SPDX-License-Identifier: MIT */
/* Which files are of interest, by path and by type. */
#include "base/size.h"
#include "base/text.h"
#include "watch/watch_internal.h"

/* A pattern without '/' is about the name alone, wherever it stands: what people mean by "*.csv".
 */
static bool matches_any(const char *const *patterns, size_t npatterns, struct sfx_slice path)
{
    const char *slash = memrchr(path.ptr, '/', path.len);
    struct sfx_slice name = path;
    size_t i;

    if (slash != NULL)
        name = sfx_slice(slash + 1, path.len - (size_t)(slash + 1 - path.ptr));
    for (i = 0; i < npatterns; i++) {
        struct sfx_slice pattern = sfx_slice_str(patterns[i]);

        if (sfx_text_glob(pattern, memchr(pattern.ptr, '/', pattern.len) != NULL ? path : name))
            return true;
    }
    return false;
}

bool sfx_watch_ignores(const struct sfx_watch_opts *opts, struct sfx_slice path)
{
    return matches_any(opts->ignores, opts->nignores, path);
}

bool sfx_watch_wants_path(const struct sfx_watch_opts *opts, struct sfx_slice path)
{
    /* Outputs of our own programs that have no name yet (base/outfile.h). */
    static const char *const ours[] = {".sfx-*.tmp"};

    if (matches_any(ours, SFX_COUNT(ours), path) || sfx_watch_ignores(opts, path))
        return false;
    return opts->nglobs == 0 || matches_any(opts->globs, opts->nglobs, path);
}

bool sfx_watch_is_passing(struct sfx_slice path)
{
    /* Of downloads and uploads (curl, browsers, WinSCP, FileZilla), of rsync, of editors (vim,
     * Emacs), and what scripts and libraries write before they rename. */
    static const char *const names[] = {
        "*.part", "*.partial", "*.filepart", "*.crdownload", "*.download", "*.tmp",
        "*.temp", "*.tmp.*",   ".tmp*",      ".*.??????",    "*~",         "*.sw[opx]",
        ".#*",    "#*#",       "4913",       "*.lock",
    };

    return matches_any(names, SFX_COUNT(names), path);
}

bool sfx_watch_wants_size(const struct sfx_watch_opts *opts, int64_t nbytes)
{
    return (uint64_t)nbytes >= opts->min_nbytes &&
           (opts->max_nbytes == 0 || (uint64_t)nbytes <= opts->max_nbytes);
}

bool sfx_watch_wants_age(const struct sfx_watch_opts *opts, int64_t mtime_ns)
{
    return opts->max_age_ns == 0 || sfx_clock_wall_ns() - mtime_ns <= opts->max_age_ns;
}

bool sfx_watch_wants_type(const struct sfx_watch_opts *opts, struct sfx_slice type)
{
    size_t i;

    for (i = 0; i < opts->ntypes; i++) {
        if (sfx_text_glob(sfx_slice_str(opts->types[i]), type))
            return true;
    }
    return opts->ntypes == 0;
}
