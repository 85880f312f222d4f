/* SPDX-License-Identifier: MIT */
#ifndef SFX_RUN_TRANSFORM_INTERNAL_H
#define SFX_RUN_TRANSFORM_INTERNAL_H

#include "run/transform.h"

/*
 * True unless all paths are files whose first lines are the same bytes: then their records have the
 * same columns. Pipes and archives are not looked into.
 */
bool sfx_transform_headers_differ(const struct sfx_transform_job *job);

#endif
