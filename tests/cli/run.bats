#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-run: what a function is given, what its exit means, and what is left afterwards.

bats_require_minimum_version 1.5.0

setup() {
	command -v jq >/dev/null || skip "jq is missing"
	cd "$BATS_TEST_TMPDIR"
	run=$SFX_BUILD/sfx-run
	PATH=$SFX_BUILD:$PATH
	pid=
}

teardown() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
}

until_true() {
	for _ in $(seq 400); do
		"$@" && return 0
		sleep 0.05
	done
	echo "in vain: $*"
	return 1
}

event='{"specversion":"1.0","id":"e-1","source":"/s","type":"t.x","subject":"s","time":"2026-01-02T03:04:05Z","partitionkey":"k 1","traceparent":"00-11111111111111111111111111111111-2222222222222222-01","data":{"path":"in/a b.tar.gz","size":5,"user":"me \"x\"","deep":{"a":1}}}'

@test "the event is on standard input, in variables and in placeholders" {
	echo "$event" | "$run" -- sh -c 'cat >got.json; env >env; printf "%s\n" "$@" >args' - \
		{} {dir} {base} {stem} {ext} {id} {n} {event.partitionkey} {data.user} {data.deep} 'x{print $1}{}'
	[ "$(cat got.json)" = "$event" ]
	[ "$(cat args)" = 'in/a b.tar.gz
in
a b.tar.gz
a b.tar
gz
e-1
1
k 1
me "x"
{"a":1}
x{print $1}in/a b.tar.gz' ]
	for line in CE_ID=e-1 CE_SOURCE=/s CE_TYPE=t.x 'CE_PARTITIONKEY=k 1' 'SFX_PATH=in/a b.tar.gz' SFX_SIZE=5 \
		'SFX_DATA_USER=me "x"' SFX_ATTEMPT=1 SFX_IDEMPOTENCY_KEY=e-1 SFX_FUNCTION=sh CE_SPECVERSION=1.0; do
		echo "$line"
		grep -qxF "$line" env
	done
	grep -q '^TRACEPARENT=00-11111111111111111111111111111111-' env
	run ! grep -q '^TRACEPARENT=.*-2222222222222222-' env
	grep -qx 'SFX_REQUEST_ID=[0-9a-f]\{8\}-[0-9a-f]\{4\}-4[0-9a-f-]*' env
}

@test "any line becomes an event" {
	echo text >file
	printf 'file\nhello\n{"a":1}\n' | "$run" -j1 -- cat >out
	[ "$(sed -n 1p out | jq -c '[.type, .data.path, .data.size]')" = '["dev.sfx.file.scanned","file",5]' ]
	[ "$(sed -n 2p out | jq -c '[.type, .subject, .data]')" = '["dev.sfx.line","hello","hello"]' ]
	[ "$(sed -n 3p out | jq -c .data)" = '{"a":1}' ]
	[ "$("$SFX_BUILD/sfx-watch" --once . | jq -r 'select(.data.path == "./file").id' | wc -l)" -eq 1 ]
	echo "$event" | "$run" --lines -- cat | jq -e ".data | fromjson | .id == \"e-1\""
}

@test "a line that is no event is given up with its reason, the rest is done" {
	run -1 "$run" --max-line 100 --dead dead -- echo {} < <(printf 'a\n{"specversion":"1.0"}\n{broken\n%0200d\nb\n' 0)
	[ "$(echo "$output" | grep -cx '[ab]')" -eq 2 ]
	[ "$(jq -r .requestContext.condition dead | sort | uniq -c | xargs)" = "3 NotAnEvent" ]
	[ "$(jq -r 'select(.requestPayload == "{broken").responseContext.reason' dead | wc -l)" -eq 1 ]
	grep -q 'line of more than 100 bytes' dead
}

@test "exit 65 is given up at once, others are tried again, 0 is done" {
	seq 0 2 | run -1 "$run" -j1 --retries 2 --backoff 1ms --dead dead -- \
		sh -c 'echo "$1 $SFX_ATTEMPT" >>tries; case $1 in 0) exit 65 ;; 1) exit 75 ;; 2) [ "$SFX_ATTEMPT" = 3 ] ;; esac' - {}
	[ "$(sort tries)" = "0 1
1 1
1 2
1 3
2 1
2 2
2 3" ]
	[ "$(jq -r '[.requestPayload.data, .requestContext.condition, .requestContext.approximateInvokeCount, .responseContext.exitCode] | join(" ")' dead | sort)" = "0 DataError 1 65
1 RetriesExhausted 3 75" ]
}

@test "an event that would be too old by then is not tried again" {
	old='{"specversion":"1.0","id":"1","source":"s","type":"t"}'
	echo "$old" | run -1 "$run" --max-age 1ms --backoff 1h --dead dead -- sh -c 'sleep 0.01; exit 1'
	[ "$(jq -r .requestContext.condition dead)" = EventAgeExceeded ]
}

@test "the output of what failed is dropped, that of what is done is whole" {
	seq 40 | "$run" -j4 --retries 1 --backoff 1ms -- \
		sh -c 'echo "begin $1"; echo "end $1"; [ "$SFX_ATTEMPT" = 2 ] || [ "$(($1 % 3))" = 0 ]' - {} >out
	[ "$(wc -l <out)" -eq 80 ]
	[ "$(paste - - <out | awk '$1 == "begin" && $3 == "end" && $2 == $4' | wc -l)" -eq 40 ]
}

@test "a timeout ends all that was started, and says so as Lambda does" {
	echo x | run -1 "$run" -r0 -t 200ms --grace 100ms --dead dead -- \
		sh -c 'trap "" TERM; echo $$ >pids; sleep 100 & echo $! >>pids; setsid sleep 100 & echo $! >>pids; wait'
	[ "$(jq -r '[.responseContext.exitCode, .responseContext.reason] | join(" ")' dead)" = "124 Task timed out after 0.20 seconds" ]
	[ "$(wc -l <pids)" -eq 3 ]
	while read -r p; do [ ! -e "/proc/$p" ]; done <pids
}

@test "SIGTERM comes first, and who heeds it may tidy up" {
	echo x | run -1 "$run" -r0 -t 200ms --grace 10s -- sh -c 'trap "echo tidy >tidied; exit 0" TERM; sleep 100 & wait'
	[ "$(cat tidied)" = tidy ]
}

@test "nothing of an invocation outlives it" {
	seq 2 | "$run" -- sh -c 'sleep 100 & echo $! >>pids; setsid sleep 100 & echo $! >>pids; exit 0'
	[ "$(wc -l <pids)" -eq 4 ]
	while read -r p; do [ ! -e "/proc/$p" ]; done <pids
}

@test "a function has three descriptors, and none of ours is left open" {
	exec 7<"$SFX_SRC/LICENSE"
	seq 30 | "$run" -j3 -- sh -c 'ls /proc/self/fd | wc -l' | sort -u >out
	exec 7<&-
	[ "$(cat out)" = 4 ] # ls has one on the folder
	seq 300 | "$run" -j3 --files 64 -- sh -c "ls /proc/$BASHPID/fd >/dev/null; ls /proc/\$PPID/fd | wc -l" | sort -n | tail -n 1 >most
	[ "$(cat most)" -lt 30 ]
}

@test "too much output ends an invocation" {
	echo x | run -1 "$run" -r0 --max-output 1000 --dead dead -- yes
	[ "$(jq -r .responseContext.reason dead)" = "output of more than 1000 bytes" ]
}

@test "standard error passes through and its end is kept" {
	run -1 "$run" -r0 --max-stderr 10 --dead dead -- sh -c 'seq 100 >&2; exit 1' < <(echo x)
	[ "$(echo "$output" | grep -cx '[0-9]*')" -eq 100 ]
	[ "$(jq -r .stderr dead | xargs)" = "98 99 100" ]
}

@test "--emit makes events of lines, and keeps cause, root and trace" {
	echo 1 >made.txt
	echo "$event" | "$run" --emit -- sh -c 'echo made.txt; echo word; echo "{\"k\":2}"
		echo "{\"specversion\":\"1.0\",\"id\":\"own\",\"source\":\"f\",\"type\":\"own.type\"}"' >out
	[ "$(jq -r .type out | xargs)" = "dev.sfx.output.created dev.sfx.function.result dev.sfx.function.result own.type" ]
	[ "$(jq -r '.sfxcause + .sfxroot + .partitionkey' out | sort -u)" = "e-1e-1k 1" ]
	[ "$(jq -r .traceparent out | cut -c1-36 | sort -u)" = "00-11111111111111111111111111111111-" ]
	jq -r .id out >first
	echo "$event" | "$run" --emit -- sh -c 'echo made.txt; echo word; echo "{\"k\":2}"' | jq -r .id >second
	head -n 3 first | cmp - second
	"$run" --emit -- sh -c 'echo "$CE_SFXROOT"' <out | jq -r .sfxroot | sort -u >roots
	[ "$(cat roots)" = e-1 ]
}

@test "a span a step: the chain is one trace" {
	echo "$event" | "$run" --emit --trace spans.json --name a -- echo x | "$run" --trace spans.json --name b -- true
	jq -c '.resourceSpans[0].scopeSpans[0].spans[0] | [.name, .traceId, .parentSpanId, .spanId]' spans.json >spans
	[ "$(jq -r '.[1]' spans | sort -u)" = 11111111111111111111111111111111 ]
	[ "$(jq -r 'select(.[0] == "a")[2]' spans)" = 2222222222222222 ]
	[ "$(jq -r 'select(.[0] == "b")[2]' spans)" = "$(jq -r 'select(.[0] == "a")[3]' spans)" ]
}

@test "never more at once than --jobs, and so many when there is work" {
	mkdir at
	seq 24 | "$run" -j3 -- sh -c 'touch at/$1; ls at | wc -l; sleep 0.05; rm at/$1' - {} >counts
	[ "$(sort -n counts | tail -n 1)" -eq 3 ]
}

@test "a command that is not there or cannot be run ends it before the first event" {
	run -127 "$run" -- no-such-command < <(echo x)
	[ "$output" = "sfx-run: cannot run no-such-command: No such file or directory" ]
	echo data >file
	run -126 "$run" -- ./file < <(echo x)
	run -2 "$run"
	[ "${lines[0]}" = "sfx-run: which command?" ]
	run -2 "$run" -- echo {pth} < <(echo x)
	[ "${lines[0]}" = 'sfx-run: "{pth}": unknown {pth}; did you mean {path}?' ]
}

@test "options end with the command" {
	[ "$(echo x | "$run" -j 2 echo -n --version {})" = "--version x" ]
}

@test "a script without a first line is the shell's" {
	printf 'echo "from $1"\n' >script
	chmod +x script
	[ "$(echo x | "$run" ./script {})" = "from x" ]
}

@test "an event of more than a pipe holds arrives whole" {
	head -c 300000 /dev/zero | tr '\0' x >big
	{ printf '{"big":"'; cat big; printf '"}\n'; } | "$run" --max-line 1M -- wc -c >out
	[ "$(cat out)" -gt 300000 ]
}

@test "it runs where --cwd says, with the environment that was asked for" {
	mkdir -p in
	[ "$(echo "$event" | "$run" -C {dir} -- pwd)" = "$PWD/in" ]
	echo x | FOO=1 BAR=2 SFX_OLD=3 "$run" --clean-env --env FOO --env NEW=4 -- env >out
	grep -qx FOO=1 out
	grep -qx NEW=4 out
	grep -q ^PATH= out
	run ! grep -qE '^(BAR|SFX_OLD)=' out
}

@test "--user takes rights away" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	chmod 755 .
	[ "$(echo x | "$run" -u nobody -- id -un)" = nobody ]
	[ "$(echo x | "$run" -u 12345:12346 -- sh -c 'id -u; id -g' | xargs)" = "12345 12346" ]
	echo x | run -2 "$run" -u no-such-user -- true
}

@test "limits of files and CPU time hold" {
	[ "$(echo x | "$run" --files 20 -- sh -c 'ulimit -n')" = 20 ]
	echo x | run -1 "$run" -r0 --cpu-time 1s --dead dead -- sh -c 'while :; do :; done'
	[ "$(jq .responseContext.exitCode dead)" -ge 137 ]
}

@test "--memory limits all processes together, or each by itself" {
	echo x | run -1 "$run" -r0 -m 40M --dead dead -- sh -c 'head -c 200000000 /dev/zero | tail -n 1 >/dev/null'
	[ "$(jq .responseContext.exitCode dead)" -ne 0 ]
	echo x | "$run" -r0 -m 40M -- sh -c 'head -c 2000000 /dev/zero | tail -n 1 >/dev/null'
	"$run" -m 40M -- true < <(echo x) &
	pid=$!
	wait $pid
	[ -z "$(find /sys/fs/cgroup -name "sfx-$pid-*" 2>/dev/null)" ]
	pid=
}

@test "figures are measured, summed, reported and priced" {
	seq 3 | "$run" -j1 --report --stats=stats --price lambda-x86 -m 128M -- sh -c 'cat; i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done' >out 2>said
	jq -e '.events == 3 and .invocations == 3 and .acked == 3 and .dead == 0 and .billed_ms >= 3
		and .user_us > 1000 and .in_bytes == .out_bytes and .peak_bytes > 100000 and .gb_ms > 0' stats
	[ "$(grep -c '^START RequestId: .* Version: \$LATEST$' said)" -eq 3 ]
	[ "$(grep -c '^END RequestId: ' said)" -eq 3 ]
	[ "$(grep -cE '^REPORT RequestId: [0-9a-f-]{36}	Duration: [0-9.]+ ms	Billed Duration: [0-9]+ ms	Memory Size: 128 MB	Max Memory Used: [0-9]+ MB	$' said)" -eq 3 ]
	grep -q '^sfx-run: 3 invocations, .* GB-s: .* USD at the price of lambda-x86$' said
	echo '{"gb_second":1,"request":2,"currency":"EUR"}' >price
	echo x | "$run" --price price -- true 2>said
	grep -q 'GB-s: 2\.[0-9]* EUR at the price of price' said
}

@test "logs are lines of JSON with the event's id" {
	echo "$event" | "$run" --log=json -- sh -c 'echo oops >&2' 2>log
	jq -e '.events == ["e-1"] and .exit == 0 and .stderr == "oops\n" and .duration_ms > 0 and (.request | length) == 36' log
}

@test "metrics are OpenMetrics text, in a file and on a socket" {
	seq 5 | "$run" --metrics m.txt --name 'f"x' -- true
	grep -qx 'sfx_invocations_total{function="f\\"x"} 5' m.txt
	grep -qx 'sfx_duration_seconds_count{function="f\\"x"} 5' m.txt
	[ "$(tail -n 1 m.txt)" = "# EOF" ]
	command -v curl >/dev/null || return 0
	mkfifo pipe
	"$run" --metrics unix:sock -- true <pipe >out 3>&- &
	pid=$!
	exec 4>pipe
	until_true curl -sf --unix-socket sock http://x/metrics -o got
	grep -q '^sfx_instances{function="true"} ' got
	exec 4>&-
	wait $pid
	pid=
	[ ! -e sock ]
}

@test "told to stop, it finishes what runs and tells what it leaves" {
	mkfifo pipe
	"$run" -j1 --dead dead -- sh -c 'touch began-$1; until [ -e go ]; do sleep 0.02; done; echo done $1' - {} <pipe >out 2>said 3>&- &
	pid=$!
	exec 4>pipe
	printf '1\n2\n3\n' >&4
	until_true test -e began-1
	kill -TERM $pid
	sleep 0.1
	touch go
	status=0
	wait $pid || status=$?
	exec 4>&-
	pid=
	[ "$status" -eq 143 ]
	[ "$(cat out)" = "done 1" ]
	[ ! -e began-2 ]
	[ "$(jq -r .requestPayload.data dead | xargs)" = "2 3" ]
}

@test "what does not end in time is ended when it is told to stop" {
	mkfifo pipe
	"$run" -j1 --drain 100ms --grace 100ms -- sh -c 'trap "" TERM; echo $$ >p; sleep 100' <pipe >out 2>said 3>&- &
	pid=$!
	exec 4>pipe
	echo 1 >&4
	until_true test -s p
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	exec 4>&-
	pid=
	[ "$status" -eq 143 ]
	[ ! -e "/proc/$(cat p)" ]
}

@test "kill -9 takes its functions along" {
	mkfifo pipe
	"$run" -- sh -c 'echo $$ >p; exec sleep 100' <pipe 3>&- &
	pid=$!
	exec 4>pipe
	echo 1 >&4
	until_true test -s p
	kill -KILL $pid
	gone() { [ ! -e "/proc/$(cat p)" ] || grep -q '^State:.Z' "/proc/$(cat p)/status"; }
	until_true gone
	exec 4>&-
}

@test "a full disk, a reader that goes away, closed descriptors" {
	status=0
	echo x | "$run" -- echo {} >/dev/full 2>said || status=$?
	[ "$status" -eq 74 ]
	grep -q 'No space left on device' said
	mkfifo pipe2
	exec {both}<>pipe2 {writer}>pipe2 {both}>&-
	status=0
	mkfifo never
	exec 4<>never
	"$run" -- echo {} <never >&"$writer" 2>said || status=$?
	exec {writer}>&- 4>&-
	[ "$status" -eq 141 ]
	[ ! -s said ]
	status=0
	"$run" -- true <&- 2>said || status=$?
	[ "$status" -eq 74 ]
	grep -q 'Bad file descriptor' said
}

@test "a slow reader holds back work, and loses nothing" {
	seq 200 | "$run" -j2 -- sh -c 'head -c 20000 /dev/zero | tr "\0" x; echo' | { sleep 0.5; wc -lc; } >out
	[ "$(xargs <out)" = "200 4000200" ]
}

@test "kept workers end with the input, and those that end at once are not started on and on" {
	timeout 10 "$run" --worker -j 1..4 -- cat </dev/null
	mkfifo pipe
	"$run" --worker -j 2..4 -- sh -c 'echo started >>starts' <pipe &
	pid=$!
	exec 9>pipe
	until_true test -s starts
	sleep 0.5
	exec 9>&-
	wait "$pid"
	pid=
	[ "$(wc -l <starts)" -le 4 ]
}
