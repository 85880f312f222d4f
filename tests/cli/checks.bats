#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The tree's own rules: layers, purity, sizes, format, spelling of scripts.

setup() {
	cd "$SFX_SRC"
}

@test "includes point down only and file names are unique" {
	run scripts/check-layers
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a forbidden include would be noticed" {
	cp -r "$SFX_SRC/scripts" "$SFX_SRC/lib" "$SFX_SRC/cmd" "$BATS_TEST_TMPDIR"
	chmod -R u+w "$BATS_TEST_TMPDIR"
	echo '#include "query/query.h"' >>"$BATS_TEST_TMPDIR/lib/base/err.c"
	run "$BATS_TEST_TMPDIR/scripts/check-layers"
	[ "$status" -eq 1 ]
	[[ "$output" == *"base may not include"* ]]
}

@test "the library never prints, exits, reads the environment or touches signals" {
	run scripts/check-pure "$SFX_BUILD/.libs/libsfx.a"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "functions and files keep their sizes" {
	run scripts/check-sizes
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "the format is that of .clang-format" {
	format=$(command -v clang-format-14 || command -v clang-format) || skip "clang-format is missing"
	"$format" --version | grep -q 'version 14' || skip "another clang-format than 14 decides differently"
	run "$format" --dry-run -Werror lib/*/*.[ch] cmd/*.[ch] tests/*/*.[ch]
	echo "$output" | head -n 20
	[ "$status" -eq 0 ]
}

@test "every source file says its license" {
	run grep -L 'SPDX-License-Identifier: MIT' lib/*/*.[ch] cmd/*.[ch] tests/*/*.[ch] scripts/[a-z]*[!m]
	echo "$output"
	[ -z "$output" ]
}

@test "ARCHITECTURE.md lists the files there are" {
	run scripts/file-map --check
	echo "$output"
	[ "$status" -eq 0 ]
}
