#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Man pages and completions say what the programs' option tables say.

setup() {
	cd "$SFX_SRC"
	programs=$(cd cmd && for source in sfx-*.c; do echo "${source%.c}"; done)
}

@test "the generated parts of the man pages are those of the option tables" {
	run scripts/docs-sync --check "$SFX_BUILD"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a man page that drifted would be noticed" {
	mkdir "$BATS_TEST_TMPDIR/man" "$BATS_TEST_TMPDIR/scripts"
	cp scripts/docs-sync "$BATS_TEST_TMPDIR/scripts"
	cp man/sfx-watch.1 "$BATS_TEST_TMPDIR/man"
	chmod u+w "$BATS_TEST_TMPDIR/man/sfx-watch.1"
	sed -i 's/Print the version/Print something/' "$BATS_TEST_TMPDIR/man/sfx-watch.1"
	run "$BATS_TEST_TMPDIR/scripts/docs-sync" --check "$SFX_BUILD"
	[ "$status" -eq 1 ]
	[[ "$output" == *"sfx-watch.1: differs"* ]]
	run "$BATS_TEST_TMPDIR/scripts/docs-sync" "$SFX_BUILD"
	[ "$status" -eq 0 ]
	cmp man/sfx-watch.1 "$BATS_TEST_TMPDIR/man/sfx-watch.1"
	sed -i '/BEGIN generated: OPTIONS/d' "$BATS_TEST_TMPDIR/man/sfx-watch.1"
	run "$BATS_TEST_TMPDIR/scripts/docs-sync" --check "$SFX_BUILD"
	[ "$status" -eq 1 ]
	[[ "$output" == *"one pair of markers"* ]]
}

@test "every program has a man page with the sections people look for" {
	for program in $programs; do
		for section in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
			echo "$program: $section"
			grep -qx "\.Sh $section" "man/$program.1"
		done
		grep -q "%reldir%/$program\.1" man/Makemodule.am
	done
}

@test "the man pages are clean mdoc" {
	command -v mandoc || skip "mandoc is missing"
	run mandoc -T lint -W warning man/*.[1-9]
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "sfx(7) names every exit code and every placeholder" {
	for code in $(sed -n 's/^ *SFX_EXIT_[A-Z_]* = \([0-9]*\),.*/\1/p' lib/cli/exit.h); do
		echo "exit code $code"
		grep -Eq "^\.It (Li )?$code( |\$)" man/sfx.7
	done
	names=$(sed -n '/^static const char \*const names\[\]/,/;/p' lib/cli/template.c | grep -o '"[a-z]*"' | tr -d '"')
	[ "$(echo "$names" | wc -w)" -ge 11 ]
	for name in $names; do
		echo "placeholder $name"
		grep -q "{$name}" man/sfx.7
	done
}

@test "the completions are valid in each shell" {
	for shell in bash zsh fish; do
		command -v $shell >/dev/null || { echo "# $shell is missing" >&3; continue; }
		for program in $programs; do
			"$SFX_BUILD/$program" --help=$shell >"$BATS_TEST_TMPDIR/$program.$shell"
			run $shell -n "$BATS_TEST_TMPDIR/$program.$shell"
			echo "$program, $shell: $output"
			[ "$status" -eq 0 ]
		done
	done
}

# What bash offers after the words given, one a line.
offers() {
	bash -c 'compopt() { :; }
		. <("$0" --help=bash)
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_sfx_resize
		printf "%s\n" "${COMPREPLY[@]}"' "$SFX_BUILD/sfx-resize" "$@"
}

@test "bash completes options and choices" {
	[ "$(offers sfx-resize --vers)" = --version ]
	[ "$(offers sfx-resize --rej)" = --rejects= ]
	[ "$(offers sfx-resize --log = js)" = json ]
	[ "$(offers sfx-resize --log = | sort | paste -sd' ')" = "json text" ]
	[ "$(offers sfx-resize --log te)" = text ]
	[ "$(offers sfx-resize --help = fi)" = fish ]
	[ -z "$(offers sfx-resize --size 3)" ]
}

@test "fish completes options and choices" {
	command -v fish >/dev/null || skip "fish is missing"
	offered() { PATH=$SFX_BUILD:$PATH fish --no-config -c "sfx-resize --help=fish | source; complete -C '$1'" | cut -f1 | paste -sd' '; }
	[ "$(offered 'sfx-resize --vers')" = --version ]
	[ "$(offered 'sfx-resize --log=')" = "--log=json --log=text" ]
	[ "$(offered 'sfx-resize --help=f')" = --help=fish ]
}
