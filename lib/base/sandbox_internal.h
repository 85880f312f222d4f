/* SPDX-License-Identifier: MIT */
/* The halves of a sandbox. Private to lib/base. */
#ifndef SFX_BASE_SANDBOX_INTERNAL_H
#define SFX_BASE_SANDBOX_INTERNAL_H

#include "base/sandbox.h"

#if defined(__SANITIZE_ADDRESS__)
#define SFX_SANDBOX_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SFX_SANDBOX_SANITIZED true
#endif
#endif
#ifndef SFX_SANDBOX_SANITIZED
#define SFX_SANDBOX_SANITIZED false
#endif

/* True when this kernel, on this machine, can filter system calls. */
bool sfx_sandbox_can_filter(void);

/* Filters the system calls of this process from now on. False when the kernel cannot. */
bool sfx_sandbox_filter_calls(const struct sfx_sandbox *sandbox);

#endif
