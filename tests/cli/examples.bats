#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Examples are promises too: those of README.md and of the man pages are run as they stand there.

examples="$SFX_SRC/tests/cli/run-examples"

@test "the examples of README.md run" {
	run "$examples" "$SFX_SRC/README.md"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "the examples of every program's man page run" {
	for page in "$SFX_SRC"/man/sfx-*.1 "$SFX_SRC"/man/sfx.7; do
		run "$examples" "$page"
		echo "$(basename "$page"): $output"
		[ "$status" -eq 0 ]
	done
}

@test "an example that fails or prints something else would be noticed" {
	cat >"$BATS_TEST_TMPDIR/x.1" <<-'END'
		.Sh EXAMPLES
		.Dl test -s orders.csv
		.\" exits 1
		.Dl false
		.Bd -literal -offset indent
		$ printf \(aqa%s\en\(aq \e
		> b
		ab
		.Ed
	END
	printf '.Sh EXAMPLES\n.Dl false\n' >"$BATS_TEST_TMPDIR/fails.1"
	printf '.Sh EXAMPLES\n.Bd -literal\n$ echo a\nb\n.Ed\n' >"$BATS_TEST_TMPDIR/prints.1"
	printf '.Sh EXAMPLES\nNone.\n.Sh BUGS\n.Dl true\n' >"$BATS_TEST_TMPDIR/none.1"
	run "$examples" "$BATS_TEST_TMPDIR/x.1"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = "3 examples" ]
	for page in fails prints none; do
		run "$examples" "$BATS_TEST_TMPDIR/$page.1"
		echo "$page: $output"
		[ "$status" -eq 1 ]
	done
}
