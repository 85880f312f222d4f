#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What every program does alike: help, misuse, missing and wrong inputs, descriptors, messages.

setup() {
	cd "$BATS_TEST_TMPDIR"
	programs=$(cd "$SFX_SRC/cmd" && for source in sfx-*.c; do echo "${source%.c}"; done)
	readers=$(echo "$programs" | grep -vx -e sfx-run -e sfx-queue) # those whose operands are inputs
	mkdir folder
	"$SFX_BUILD/tests/data/mkphoto" 64x48 photo.jpg
	printf 'id,name\n1,a\n2,b\n' >orders.csv
	cp photo.jpg folder
}

# works_on PROGRAM INPUT: sets `command` to a use of the program that reads INPUT (a name; "-" is
# standard input) and prints something.
works_on() {
	command=("$SFX_BUILD/$1")
	case $1 in
	sfx-load) command+=(--dry-run sqlite:x.db -t t "$2") ;;
	sfx-resize) command+=(-s 10 -o - "$2") ;;
	sfx-transform) command+=('head 1' "$2") ;;
	sfx-watch) command+=("$2" --once) ;;
	*)
		echo "$1 needs its row in works_on"
		return 1
		;;
	esac
}

# good_input PROGRAM: the name of an input that it takes.
good_input() {
	case $1 in
	sfx-watch) echo folder ;;
	sfx-resize) echo photo.jpg ;;
	*) echo orders.csv ;;
	esac
}

# fails_with CODE COMMAND…: runs it (output goes to "out"), checks its code and that it says one line.
fails_with() {
	local code=$1
	shift
	status=0
	"$@" >out 2>said || status=$?
	echo "$* ended with $status: $(cat said)"
	[ "$status" -eq "$code" ]
	[ "$(wc -l <said)" -eq 1 ]
}

@test "--help prints the usage in 80 columns and succeeds" {
	for program in $programs; do
		"$SFX_BUILD/$program" --help >help 2>said
		echo "$program"
		[ ! -s said ]
		grep -q "^Usage: $program \[OPTION" help
		# The commands of the examples are as long as they are.
		sed -i '/^Examples:/,$ { /^  [^ ]/d }' help
		run env LC_ALL=C.UTF-8 grep -E '.{81}' help
		echo "$output"
		[ "$status" -eq 1 ]
	done
}

@test "--version prints name and version" {
	version=$(sed -n 's/^AC_INIT(\[sfx\], \[\(.*\)\])/\1/p' "$SFX_SRC/configure.ac")
	for program in $programs; do
		run "$SFX_BUILD/$program" --version
		echo "$output"
		[ "$status" -eq 0 ]
		[ "$output" = "$program (sfx) $version" ]
	done
}

@test "misuse is said in two lines and ends with 2" {
	for program in $programs; do
		run "$SFX_BUILD/$program" --versoin
		echo "$output"
		[ "$status" -eq 2 ]
		[ "$output" = "$program: unknown option --versoin; did you mean --version?
Try '$program --help'." ]
		run "$SFX_BUILD/$program" --log=jsn
		echo "$output"
		[ "$status" -eq 2 ]
		[ "${lines[0]}" = "$program: option --log: \"jsn\" is not accepted: text or json; did you mean json?" ]
		[ "${#lines[@]}" -eq 2 ]
	done
}

@test "a missing input is named with its reason" {
	for program in $readers; do
		works_on "$program" no-such-input
		fails_with 74 "${command[@]}"
		[ "$(cat said)" = "$program: no-such-input: No such file or directory" ]
		[ ! -s out ]
	done
}

@test "an input of the wrong kind is named" {
	for program in $readers; do
		input=folder reason=directory
		[ "$program" != sfx-watch ] || input=orders.csv
		works_on "$program" "$input"
		fails_with 74 "${command[@]}"
		grep -q "^$program: $input: .*$reason" said
		[ ! -s out ]
	done
}

@test "a full disk on standard output is an error" {
	for program in $readers; do
		works_on "$program" "$(good_input "$program")"
		status=0
		"${command[@]}" >/dev/full 2>said || status=$?
		echo "$program: $status, $(cat said)"
		[ "$status" -eq 74 ]
		[ "$(wc -l <said)" -eq 1 ]
		grep -q 'No space left on device' said
		status=0
		"$SFX_BUILD/$program" --help >/dev/full 2>said || status=$?
		[ "$status" -eq 74 ]
	done
}

@test "closed descriptors are errors, never somebody else's file" {
	for program in $readers; do
		works_on "$program" "$(good_input "$program")"
		status=0
		"${command[@]}" >&- 2>said || status=$?
		echo "$program, no output: $status, $(cat said)"
		[ "$status" -eq 74 ]
		grep -q 'Bad file descriptor' said
		status=0
		"${command[@]}" >out 2>&- <&- || status=$?
		echo "$program, neither input nor messages: $status"
		[ "$status" -eq 0 ]
		[ -s out ]
		[ "$program" = sfx-watch ] && continue
		works_on "$program" -
		fails_with 74 "${command[@]}" <&-
		grep -q 'Bad file descriptor' said
	done
}

@test "a reader that goes away ends a program quietly" {
	mkfifo pipe
	for program in $readers; do
		works_on "$program" "$(good_input "$program")"
		exec {both}<>pipe {writer}>pipe {both}>&- # a pipe without a reader
		status=0
		"${command[@]}" >&"$writer" 2>said || status=$?
		exec {writer}>&-
		echo "$program: $status, $(cat said)"
		[ "$status" -eq 141 ]
		[ ! -s said ]
	done
}

@test "messages are JSON lines when asked for" {
	command -v jq >/dev/null || skip "jq is missing"
	for program in $readers; do
		works_on "$program" "no such
input"
		fails_with 74 "${command[@]}" --log=json
		[ "$(jq -r .program said)" = "$program" ]
		[ "$(jq -r .level said)" = error ]
		[ "$(jq -r .code said)" = io ]
		[ "$(jq -r .errno said)" = 2 ]
		jq -e '.time | fromdateiso8601? // (sub("\\.[0-9]+"; "") | fromdateiso8601)' said
	done
}

@test "--stats writes what was done as a line of JSON" {
	command -v jq >/dev/null || skip "jq is missing"
	for program in $readers; do
		works_on "$program" "$(good_input "$program")"
		"${command[@]}" --stats=stats.json >out
		"${command[@]}" --stats >out 2>said
		for line in stats.json said; do
			cat "$line"
			[ "$(wc -l <"$line")" -eq 1 ]
			jq -e --arg program "$program" '.program == $program and .wall_ms > 0 and .cpu_ms > 0
				and .max_rss_bytes > 0' "$line"
		done
		works_on "$program" "$(good_input "$program")"
		fails_with 74 "${command[@]}" --stats=no-such-folder/x.json
	done
}

@test "operands after two dashes are no options" {
	for program in $readers; do
		input=$(good_input "$program")
		cp -r "$input" ./--help
		case $program in
		sfx-load) command=(--dry-run -t t -- sqlite:x.db --help) ;;
		sfx-resize) command=(-s 10 -o - -- --help) ;;
		sfx-transform) command=(-- 'head 1' --help) ;;
		sfx-watch) command=(--once -- --help) ;;
		esac
		"$SFX_BUILD/$program" "${command[@]}" >out
		[ -s out ]
		run grep -q Usage: out
		[ "$status" -eq 1 ]
		rm -r ./--help
	done
}

# Starts sfx-resize on events that do not end, by way of the words given; waits until it has made
# the first thumbnail.
start_resize() {
	"$SFX_BUILD/sfx-watch" folder --once >input
	[ -p pipe ] || mkfifo pipe
	"$@" "$SFX_BUILD/sfx-resize" -E -s 10 -o 'thumbs/{stem}.jpg' <pipe >events 2>said &
	pid=$!
	exec {writer}>pipe
	cat input >&"$writer"
	wait_for_events 1
}

wait_for_events() {
	while [ "$(wc -l <events)" -lt "$1" ]; do
		kill -0 $pid
		sleep 0.02
	done
}

# Waits for its end; the exit code is in status.
end_resize() {
	status=0
	wait $pid || status=$?
	exec {writer}>&-
	echo "ended with $status: $(cat said)"
}

@test "a program that is told to stop ends by that signal" {
	for signal in TERM INT HUP; do
		start_resize env --default-signal=INT
		kill -$signal $pid
		end_resize
		[ "$status" -eq $((128 + $(kill -l $signal))) ]
		[ ! -s said ]
	done
}

@test "signals that the caller had ignored stay ignored" {
	start_resize env --ignore-signal=HUP
	kill -HUP $pid
	cat input >&"$writer"
	wait_for_events 2
	kill -TERM $pid
	end_resize
	[ "$status" -eq 143 ]
}
