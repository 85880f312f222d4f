/* SPDX-License-Identifier: MIT */
/*
 * What this processor can do, for kernels that have variants.
 *
 * A module with variants keeps one const table of them, best first, each with the features it
 * needs, and picks the first whose needs are met by sfx_cpu_features(), once. Tests force a lesser
 * set.
 */
#ifndef SFX_BASE_CPU_H
#define SFX_BASE_CPU_H

#include <stdint.h>

enum sfx_cpu_feature {
    SFX_CPU_SSE42 = 1 << 0,
    SFX_CPU_PCLMUL = 1 << 1,
    SFX_CPU_AVX2 = 1 << 2, /* with BMI1, BMI2 and LZCNT */
    SFX_CPU_SHA = 1 << 3,
    SFX_CPU_AVX512 = 1 << 4, /* F, BW, VL, VBMI, VBMI2 */
    SFX_CPU_NEON = 1 << 5,
};

/* The set of features to use: what the machine has, or the forced set within it. */
uint32_t sfx_cpu_features(void);

/* For tests: restricts sfx_cpu_features() to mask; ~0u lifts the restriction. Call before threads
 * start. */
void sfx_cpu_force(uint32_t mask);

#endif
