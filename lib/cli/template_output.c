/* SPDX-License-Identifier: MIT */
/* An output under a rendered name, beneath the template's root. */
#include "cli/template.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

struct sfx_outfile *sfx_template_open(const struct sfx_template_name *name, bool durable,
                                      struct sfx_err *err)
{
    char path[PATH_MAX];
    char root[PATH_MAX];
    struct sfx_outfile_opts opts = {.durable = durable, .make_dirs = true, .root = "."};

    if (name->path.len >= sizeof(path)) {
        (void)sfx_err_errno(err, ENAMETOOLONG, "%.*s", SFX_SLICE_ARG(sfx_buf_slice(&name->path)));
        return NULL;
    }
    if (name->root_len > 0) {
        memcpy(root, name->path.data, name->root_len);
        root[name->root_len] = '\0';
        opts.root = root;
    }
    memcpy(path, name->path.data + name->root_len, name->path.len - name->root_len);
    path[name->path.len - name->root_len] = '\0';
    return sfx_outfile_new(path, &opts, err);
}
