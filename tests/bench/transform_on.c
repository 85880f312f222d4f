/* SPDX-License-Identifier: MIT */
/*
 * sfx-transform as it is on a lesser processor: linked with this file, it uses no more than what
 * BENCH_CPU names (portable, sse42 or avx2; without it, all that there is), so that the variants
 * can be measured on one machine.
 */
#include "base/cpu.h"
#include "base/size.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t features;
} processors[] = {
    {"portable", 0},
    {"sse42", SFX_CPU_SSE42 | SFX_CPU_PCLMUL},
    {"avx2", SFX_CPU_SSE42 | SFX_CPU_PCLMUL | SFX_CPU_AVX2},
};

/* Runs before main, which is the command's own. */
__attribute__((constructor)) static void use_less(void)
{
    const char *name = getenv("BENCH_CPU");
    size_t i;

    if (name == NULL)
        return;
    for (i = 0; i < SFX_COUNT(processors); i++) {
        if (strcmp(processors[i].name, name) == 0) {
            sfx_cpu_force(processors[i].features);
            return;
        }
    }
    (void)fprintf(stderr, "BENCH_CPU: no processor named '%s'\n", name);
    exit(2);
}
