#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The benchmarks on little data: they run, and every program's output is right.

setup() {
	cd "$SFX_SRC"
	export TMPDIR=$BATS_TEST_TMPDIR
}

@test "every task runs and its outputs are right" {
	run scripts/bench --quick
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"| count | "* ]]
	[[ "$output" == *"| watch-steady | "* || "$output" == *"sfx-watch"* ]]
}

@test "a wrong output is told and fails the run" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho 1999\n' >"$BATS_TEST_TMPDIR/bin/mawk"
	chmod +x "$BATS_TEST_TMPDIR/bin/mawk"
	PATH="$BATS_TEST_TMPDIR/bin:$PATH" run scripts/bench --quick count
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"count: mawk: output is WRONG"* ]]
}

@test "a task that is not there is refused" {
	run scripts/bench nosuch
	[ "$status" -eq 2 ]
	[[ "$output" == *"no task named 'nosuch'"* ]]
}

@test "BENCHMARKS.md holds what a full run wrote" {
	grep -q '^<!-- bench:begin -->$' BENCHMARKS.md
	grep -q '^<!-- bench:end -->$' BENCHMARKS.md
}
