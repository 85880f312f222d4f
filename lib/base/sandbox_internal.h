/* SPDX-License-Identifier: MIT */
/* The halves of a sandbox. Private to lib/base. */
#ifndef SFX_BASE_SANDBOX_INTERNAL_H
#define SFX_BASE_SANDBOX_INTERNAL_H

#include "base/sandbox.h"

/* Whether AddressSanitizer is in the build: it needs calls of its own, to the end. */
#if defined(__SANITIZE_ADDRESS__)
#define SFX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SFX_SANITIZED 1
#endif
#endif
#ifndef SFX_SANITIZED
#define SFX_SANITIZED 0
#endif

/* True when this kernel, on this machine, can filter system calls. */
bool sfx_sandbox_can_filter(void);

/* Filters the system calls of this process from now on. False when the kernel cannot. */
bool sfx_sandbox_filter_calls(const struct sfx_sandbox *sandbox);

#endif
