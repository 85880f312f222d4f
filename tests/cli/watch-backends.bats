#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-watch: whatever tells of changes, the same files are told.

load watch.bash

# by BACKEND [OPTION…]: the tests of watch.bats.
by() {
	local tests=$BATS_TEST_DIRNAME/watch.bats
	WATCH_BACKEND=$1 timeout 250 bats "${@:2}" "$tests" </dev/null >tap 2>&1 3>&- || { grep -A9 '^not ok' tap; return 1; }
	grep -q '^ok' tap
}

fanotify_works() {
	"$watch" --backend fanotify -n 1 --every 1s "$@" in >probe 2>&1
}

@test "by fanotify" {
	fanotify_works || skip "$(cat probe)"
	by fanotify --filter 'told|folder|root|beyond|stopped|deletions|runs over|killed'
}

@test "by polling" {
	by poll --filter 'whatever is done|being written|not before|last of many|made and filled|moved out|replaced|root|stopped|comes back|settling'
}

@test "auto takes fanotify where it may, else inotify" {
	expected=inotify
	! fanotify_works || expected=fanotify
	"$watch" -v -n 1 --every 1s in >out 2>err
	grep -q "told by $expected" err
	[ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null || skip "setpriv is missing"
	chmod 755 .
	as_other=
	[ "$(id -u)" -ne 0 ] || as_other="setpriv --reuid=65534 --regid=65534 --clear-groups"
	$as_other "$watch" --help >/dev/null || skip "another user may not run the program"
	$as_other test -r in || skip "another user may not reach the folder"
	$as_other "$watch" -v -n 1 --every 1s in >out 2>err
	grep -q "told by inotify" err
	run $as_other "$watch" --backend fanotify in
	[ "$status" -eq 69 ]
	[[ "$output" == *"in: fanotify: needs CAP_SYS_ADMIN" ]]
}

@test "fanotify follows the tree by handles: what is elsewhere on the file system is not told" {
	fanotify_works || skip "$(cat probe)"
	mkdir elsewhere
	WATCH_BACKEND=fanotify
	start -e closed,moved,deleted in
	for i in {1..20}; do
		mkdir -p in/a/b elsewhere/a/b
		echo "$i" >elsewhere/a/b/no
		echo "$i" >in/a/b/yes
		mv in/a/b elsewhere/b
		echo no >elsewhere/b/no
		mv elsewhere/b in/b"$i"
		mv in/b"$i"/yes in/yes"$i"
		rm -r in/a
	done
	until_true eval '[ "$(jq -r .data.path out | grep -c ^in/yes)" -eq 20 ]'
	stop
	! jq -r .data.path out | grep -q elsewhere
	[ "$(jq -r 'select(.type | endswith("closed")).id' out | sort | uniq -d)" = "" ]
}

@test "polling tells what is new, changed, gone and replaced, and that a folder cannot be read once" {
	WATCH_BACKEND=poll
	mkdir -p in/a/b in/c
	echo 1 >in/a/b/1
	echo 2 >in/c/2
	start --events closed,scanned,deleted in
	until_true has_lines 2
	rm -r in/a
	until_true has_lines 3
	mv in/c gone
	mkdir in/c
	echo 3 >in/c/3
	until_true has_lines 5
	echo more >>in/c/3
	until_true has_lines 6
	mv in/c in/d
	until_true has_lines 8
	sleep 0.3
	stop
	[ "$(types)" = "closed in/c/3
closed in/c/3
closed in/d/3
deleted in/a/b/1
deleted in/c/2
deleted in/c/3
scanned in/a/b/1
scanned in/c/2" ]
}

@test "polling says once that a folder cannot be read" {
	[ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null || skip "root may read everything"
	mkdir in/secret
	chmod 000 in/secret
	chmod 755 . in
	as_other=
	[ "$(id -u)" -ne 0 ] || as_other="setpriv --reuid=65534 --regid=65534 --clear-groups"
	$as_other "$watch" --help >/dev/null || skip "another user may not run the program"
	$as_other test -r in || skip "another user may not reach the folder"
	$as_other timeout 2 "$watch" --backend poll --poll-interval 50ms in 2>err || true
	chmod 755 in/secret
	[ "$(grep -c 'in/secret: Permission denied' err)" -eq 1 ]
}

@test "a file system that others may write to, as FUSE may be, is polled without being asked for it" {
	command -v bindfs >/dev/null || skip "bindfs is missing"
	mkdir back
	cat >mounted <<-TEXT
		bindfs --no-allow-other -f back in 2>why &
		for i in \$(seq 50); do grep -q "\$PWD/in fuse" /proc/self/mounts && break; sleep 0.1; done
		grep -q "\$PWD/in fuse" /proc/self/mounts || exit 99
		exec timeout 20 "$watch" -v --poll-interval 100ms --stats=stats -n 2 in
	TEXT
	unshare --user --map-root-user --mount --pid --kill-child --mount-proc sh mounted >out 2>err 3>&- 4>&- &
	pid=$!
	until_true grep -q 'are watched' err || skip "FUSE may not be mounted: $(cat why err)"
	grep -q 'in: changes are told by polling' err
	# What is written below it, no kernel tells of above it.
	echo x >back/one
	mkdir back/sub
	echo y >back/sub/two
	wait "$pid"
	pid=
	[ "$(paths)" = "in/one
in/sub/two" ]
	[ "$(jq -c '[.polled, .seen_kernel]' stats)" = '[2,0]' ]
}

# stalled COUNT NAME: COUNT files are made while nobody reads; then all are told, each once.
stalled() {
	local queue
	queue=$(cat /proc/sys/fs/inotify/max_queued_events)
	[ "$queue" -le 20000 ] || skip "the queue holds $queue events"
	mkfifo pipe
	"$watch" -v --backend inotify --paths --stats=stats in >pipe 2>err 3>&- 4>&- &
	pid=$!
	exec 5<pipe
	until_true grep -q 'are watched' err
	(cd in && seq -f "$2%g" "$1" | xargs touch)
	sleep 0.3
	head -n "$1" <&5 >out 5<&5
	exec 5<&-
	kill -TERM "$pid" 2>/dev/null || true # it may have seen by itself that nobody reads
	wait "$pid" || true
	pid=
	[ "$(sort out | uniq -d | wc -l)" -eq 0 ]
	[ "$(wc -l <out)" -eq "$1" ]
}

@test "a reader that stalls does not let the kernel's queue run over" {
	stalled 30000 f
	[ "$(jq .overflows stats)" -eq 0 ]
}

@test "what is read ahead is bounded, beyond that everything is scanned again" {
	stalled 25000 "$(printf '%0230d' 0)"
	[ "$(jq .overflows stats)" -ge 1 ]
	[ "$(jq .reconciled stats)" -ge 1 ]
}
