#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Replays the seeds of each fuzz target: a finding that became a seed never comes back.

@test "every fuzz target takes its seeds" {
	for seeds in "$SFX_SRC"/tests/fuzz/seeds/*/; do
		name=$(basename "$seeds")
		run "$SFX_BUILD/tests/fuzz/${name}_fuzzer" "$seeds"/*
		echo "$name: $output"
		[ "$status" -eq 0 ]
	done
}

@test "every fuzz target has seeds" {
	for source in "$SFX_SRC"/tests/fuzz/*_fuzzer.c; do
		name=$(basename "$source" _fuzzer.c)
		echo "$name"
		[ -n "$(ls "$SFX_SRC/tests/fuzz/seeds/$name")" ]
	done
}
