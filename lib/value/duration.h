/* SPDX-License-Identifier: MIT */
/*
 * Durations: exact numbers of seconds, spelled with units (1h30m) or as ISO 8601 has it (PT1H30M).
 */
#ifndef SFX_VALUE_DURATION_H
#define SFX_VALUE_DURATION_H

#include "value/decimal.h"

/*
 * Reads the whole text: numbers, each with a unit (w d h m s ms us ns), a '-' in front of all, no
 * spaces. Results: OK, NOT_A_NUMBER, OVERFLOW.
 */
enum sfx_decimal_result sfx_duration_parse(struct sfx_slice text, struct sfx_decimal *seconds);

/* The same of ISO 8601: P1W, P1DT2H3M4.5S; a day has 24 hours, years and months are refused. */
enum sfx_decimal_result sfx_duration_parse_iso(struct sfx_slice text, struct sfx_decimal *seconds);

#define SFX_DURATION_TEXT_NBYTES 96

/* Writes days, hours, minutes, seconds without those that are 0: 1d2h3m4.5s, or P1DT2H3M4.5S.
 * Returns the length. */
size_t sfx_duration_format(const struct sfx_decimal *seconds, bool iso,
                           char out[SFX_DURATION_TEXT_NBYTES]);

#endif
