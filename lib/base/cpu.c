/* SPDX-License-Identifier: MIT */
/* What this processor can do: asked once, restricted by tests. */
#include "base/cpu.h"

#include <stdatomic.h>

/* Set in the cached word once the machine was asked: no machine has "no features known". */
#define DETECTED (UINT32_C(1) << 31)

static _Atomic uint32_t cached;
static _Atomic uint32_t allowed = UINT32_MAX;

#if defined(__x86_64__)
#include <cpuid.h>

/* XCR0 says which register files the kernel saves: without that, AVX state would be lost. */
static uint32_t read_xcr0(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static uint32_t detect(void)
{
    enum { XMM_YMM = 0x06, XMM_YMM_ZMM = 0xe6 }; /* bits of XCR0 */
    uint32_t eax;
    uint32_t ebx1;
    uint32_t ecx1;
    uint32_t edx;
    uint32_t ebx7 = 0;
    uint32_t ecx7 = 0;
    uint32_t ebx_ext;
    uint32_t ecx_ext = 0;
    uint32_t xcr0 = 0;
    uint32_t set = 0;

    if (__get_cpuid(1, &eax, &ebx1, &ecx1, &edx) == 0)
        return 0;
    (void)__get_cpuid_count(7, 0, &eax, &ebx7, &ecx7, &edx);
    (void)__get_cpuid(0x80000001, &eax, &ebx_ext, &ecx_ext, &edx);
    if (ecx1 & bit_OSXSAVE)
        xcr0 = read_xcr0();
    if (ecx1 & bit_SSE4_2)
        set |= SFX_CPU_SSE42;
    if (ecx1 & bit_PCLMUL)
        set |= SFX_CPU_PCLMUL;
    if (ebx7 & bit_SHA)
        set |= SFX_CPU_SHA;
    if ((xcr0 & XMM_YMM) == XMM_YMM && (ebx7 & bit_AVX2) && (ebx7 & bit_BMI) && (ebx7 & bit_BMI2) &&
        (ecx_ext & bit_LZCNT))
        set |= SFX_CPU_AVX2;
    if ((xcr0 & XMM_YMM_ZMM) == XMM_YMM_ZMM && (ebx7 & bit_AVX512F) && (ebx7 & bit_AVX512BW) &&
        (ebx7 & bit_AVX512VL) && (ecx7 & bit_AVX512VBMI) && (ecx7 & bit_AVX512VBMI2))
        set |= SFX_CPU_AVX512;
    return set;
}
#elif defined(__aarch64__)
static uint32_t detect(void)
{
    return SFX_CPU_NEON; /* part of the base architecture */
}
#else
static uint32_t detect(void)
{
    return 0;
}
#endif

uint32_t sfx_cpu_features(void)
{
    uint32_t set = atomic_load_explicit(&cached, memory_order_relaxed);

    if (set == 0) { /* two threads that both ask find the same */
        set = detect() | DETECTED;
        atomic_store_explicit(&cached, set, memory_order_relaxed);
    }
    return set & ~DETECTED & atomic_load_explicit(&allowed, memory_order_relaxed);
}

void sfx_cpu_force(uint32_t mask)
{
    atomic_store_explicit(&allowed, mask, memory_order_relaxed);
}
