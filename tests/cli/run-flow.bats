#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-run --flow: several functions in a file, which share processes and follow its changes.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
}

# put QUEUE ID…: an event each.
put() {
	local q=$1
	shift
	printf '{"specversion":"1.0","id":"%s","source":"t","type":"t"}\n' "$@" | sfx-queue put "sqlite:$q.queue"
}

# until_true COMMAND…: waits for it, a minute at most.
until_true() {
	for _ in $(seq 1200); do
		"$@" && return 0
		sleep 0.05
	done
	return 1
}

@test "functions of a file, each with its own queue, options and command" {
	cat >flow.conf <<-'END'
		# Two functions.
		[first]
		from = sqlite:a.queue
		retries = 0
		env = GREETING=hello
		env = OTHER= x
		run = sh -c 'printf "%s\n" "$SFX_FUNCTION $GREETING $OTHER $CE_ID <$1> $2" >>out' - "a \"b\" \n" c\ d

		; resident
		[second]
		from = sqlite:b.queue
		worker
		jobs = 1
		run = sed -u "s/.*/done/"
	END
	put a 1 2
	put b 3
	sfx-run -q --flow flow.conf --once >results
	[ "$(sort out)" = 'first hello  x 1 <a "b" \n> c d
first hello  x 2 <a "b" \n> c d' ]
	[ "$(cat results)" = done ]
	put a 4
	put b 5 6
	[ "$(sfx-run -q --flow flow.conf --once --stats 2>&1 >/dev/null | jq .acked)" -eq 3 ]
}

@test "functions share the processes of --jobs evenly" {
	printf '[%s]\nfrom = sqlite:%s.queue\nrun = sh -c "echo %s >>out"\n' a a a b b b >flow.conf
	# shellcheck disable=SC2046 # words
	put a $(seq 100)
	# shellcheck disable=SC2046
	put b $(seq 10)
	sfx-run -q -j1 --flow flow.conf --once
	[ "$(wc -l <out)" -eq 110 ]
	# Those few are not behind the many.
	[ "$(head -n 30 out | grep -c b)" -ge 8 ]
}

@test "a changed file is followed, one with a mistake is not" {
	printf '[f]\nfrom = sqlite:a.queue\nrun = sh -c "echo old $CE_ID >>out"\n' >flow.conf
	sed -i "s/\"/'/g" flow.conf
	put a 1
	sfx-run --flow flow.conf 2>log 3>&- &
	pid=$!
	until_true grep -q 'old 1' out
	sed 's/^from/form/' flow.conf >new && mv new flow.conf
	until_true grep -q 'flow.conf: \[f\]: .*form' log
	put a 2
	until_true grep -q 'old 2' out
	sed 's/^form/from/; s/old/new/; s/a.queue/b.queue/' flow.conf >new && mv new flow.conf
	put b 3
	until_true grep -q 'new 3' out
	kill "$pid"
	wait "$pid" || true
	[ "$(sort out | paste -sd ' ')" = 'new 3 old 1 old 2' ]
}

@test "mistakes are told with their place" {
	# refused TEXT WHAT: the file's text is refused, and that is said.
	refused() {
		printf "$1" >flow.conf
		run -2 timeout 60 sfx-run --flow flow.conf
		[[ "$output" == *"$2"* ]] || { echo "$output"; return 1; }
	}
	refused '' 'no function in it'
	refused 'from = x\n' 'flow.conf:1: this stands in no [section]'
	refused '[a\n' 'flow.conf:1: a section is [NAME]'
	refused '[a b]\n' 'flow.conf:1: a function'
	refused '[a]\nrun = x\n\n[a]\nrun = y\n' 'flow.conf:4: this function stands there already'
	refused '[a]\nfrom = sqlite:a.queue\n' '[a] has no "run"'
	refused '[a]\nrun = x\nrun = y\n' 'flow.conf:3: "run" stands there twice'
	refused '[a]\nrun =\n' 'flow.conf:2: "run" has no command'
	refused '[a]\nrun = x "y\n' 'flow.conf:2: a quote has no end'
	refused '[a]\nrun = x \\\n' 'flow.conf:2: a backslash ends the line'
	refused '[a]\n= x\n' 'flow.conf:2: a line is NAME = VALUE'
	refused '[a]\nx\000y\nrun = x\n' 'flow.conf:2: there is a NUL byte'
	refused '[a]\nrun = x\n' '[a]: "from" is missing'
	refused '[a]\nfrom = sqlite:a.queue\nretires = 3\nrun = x\n' 'retries'
	refused '[a]\nfrom = sqlite:a.queue\nmetrics = m\nrun = x\n' 'whole run'
	refused '[a]\nfrom = sqlite:a.queue\nquiet\nrun = x\n' 'whole run'
	refused '[a]\nfrom = sqlite:a.queue\nflow = b\nrun = x\n' 'whole run'
	run -74 sfx-run --flow nowhere
	run -2 sfx-run --flow flow.conf true
	run -2 sfx-run
}
