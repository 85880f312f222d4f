#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-watch: whatever tells of changes, the same files are told.

load watch.bash

# by BACKEND [OPTION…]: the tests of watch.bats, which take 35 s alone and were seen to take 200 s beside three of their
# kind: after 500 s one of them hangs.
by() {
	local status=0
	WATCH_BACKEND=$1 timeout 500 bats "${@:2}" "$BATS_TEST_DIRNAME/watch.bats" </dev/null >tap 2>&1 3>&- || status=$?
	[ "$status" -ne 124 ] || echo "ended after 500 s, behind: $(tail -n 3 tap)"
	[ "$status" -eq 0 ] || { grep -A9 '^not ok' tap || tail -n 20 tap; return 1; }
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

# elsewhere OPTION…: a tree that comes, goes and is renamed, beside one that is not watched.
elsewhere() {
	mkdir elsewhere
	WATCH_BACKEND=fanotify
	start "$@" in
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

@test "fanotify follows the tree by handles: what is elsewhere on the file system is not told" {
	fanotify_works || skip "$(cat probe)"
	elsewhere -e closed,moved
}

@test "fanotify with deletions follows it too" {
	fanotify_works || skip "$(cat probe)"
	elsewhere -e closed,moved,deleted
}

@test "fanotify: where folders are is asked anew when one was renamed, inside or into what is watched" {
	fanotify_works || skip "$(cat probe)"
	mkdir -p in/a/b/c outside/d/e
	WATCH_BACKEND=fanotify
	start in
	echo 1 >in/a/b/c/1
	echo no >outside/d/e/no
	until_true has_lines 1
	mv in/a/b in/z
	mv outside/d in/d
	until_true has_lines 3
	echo 2 >in/z/c/2
	echo 2 >in/d/e/2
	until_true has_lines 5
	mv in/d outside/d
	echo no >outside/d/e/later
	mkdir -p in/d/e
	echo 3 >in/d/e/3
	until_true has_lines 6
	stop
	[ "$(types)" = "closed in/a/b/c/1
closed in/d/e/2
closed in/d/e/3
closed in/z/c/2
moved in/d/e/no
moved in/z/c/1" ]
}

@test "fanotify: folders that are left out are, until they have another name" {
	fanotify_works || skip "$(cat probe)"
	mkdir -p in/tmp/deep in/sub
	WATCH_BACKEND=fanotify
	start --ignore tmp in
	echo no >in/tmp/deep/no
	mkdir in/tmp/new in/sub/tmp
	echo no >in/tmp/new/no
	echo no >in/sub/tmp/no
	echo 1 >in/sub/1
	until_true has_lines 1
	mv in/sub in/tmp/sub
	mv in/tmp/deep in/deep
	until_true has_lines 2
	stop
	[ "$(types)" = "closed in/sub/1
moved in/deep/no" ]
	echo 2 >in/2
	start --no-recursive in
	echo no >in/deep/no
	echo 3 >in/3
	mv in/tmp/new in/new
	until_true has_lines 2
	stop
	[ "$(paths)" = "in/2
in/3" ]
}

@test "fanotify: what is told of roots in roots, and by other ways, has the nearest name" {
	fanotify_works || skip "$(cat probe)"
	mkdir -p in/sub/deep/er in/sub/other
	ln -s in/sub/deep link
	WATCH_BACKEND=fanotify
	start in link in/sub/
	echo 1 >in/1
	echo 2 >in/sub/2
	echo 3 >in/sub/deep/3
	echo 4 >in/sub/other/4
	echo 5 >in/sub/deep/er/5
	until_true has_lines 5
	stop
	[ "$(paths)" = "in/1
in/sub/2
in/sub/other/4
link/3
link/er/5" ]
}

@test "fanotify: a name is told again though the end of the folder it was in could not be" {
	fanotify_works || skip "$(cat probe)"
	mkdir in/d
	echo 1 >in/d/x
	echo 2 >other
	WATCH_BACKEND=fanotify
	start in
	until_true has_lines 1
	kill -STOP "$pid"
	rm -r in/d
	mkdir in/d
	ln other in/d/x
	kill -CONT "$pid"
	until_true has_lines 2
	stop
	[ "$(types)" = "linked in/d/x
scanned in/d/x" ]
}

@test "fanotify: a file system that is mounted in what is watched is watched too" {
	fanotify_works || skip "$(cat probe)"
	unshare --mount true 2>/dev/null || skip "nothing may be mounted"
	mkdir -p in/before in/after other
	cat >mounted <<-TEXT
		mount -t tmpfs none in/before && mount --bind other in/bound || exit 99
		echo 0 >in/before/0
		"$watch" -v --backend fanotify in &
		for i in \$(seq 100); do grep -q 'are watched' err && break; sleep 0.1; done
		echo 1 >in/before/1
		echo 2 >other/2
		for i in \$(seq 100); do grep -q in/bound/2 out && grep -q in/before/1 out && break; sleep 0.1; done
		[ "\$i" -lt 50 ] || exit 98
		mount -t tmpfs none in/after
		echo 3 >in/after/3
		for i in \$(seq 100); do grep -q in/after/3 out && break; sleep 0.1; done
		mkdir in/after/sub
		echo 4 >in/after/sub/4
		for i in \$(seq 100); do grep -q sub/4 out && break; sleep 0.1; done
		kill %1
		wait
	TEXT
	mkdir in/bound
	unshare --mount --kill-child bash mounted >out 2>err 3>&- 4>&-
	[ "$(types)" = "closed in/after/3
closed in/after/sub/4
closed in/before/1
closed in/bound/2
scanned in/before/0" ]
}

@test "fanotify: many folders that are moved in at once, and deep ones, are told completely" {
	fanotify_works || skip "$(cat probe)"
	mkdir many
	deep=many/deep$(printf '/%d' {1..60})
	mkdir -p "$deep" many/{1..1200}
	for i in {1..1200}; do : >"many/$i/x"; done
	: >"$deep/x"
	WATCH_BACKEND=fanotify
	start in
	kill -STOP "$pid"
	mv many/* in
	kill -CONT "$pid"
	until_true has_lines 1201
	stop
	assert_each_once 1201
	rm out
	"$watch" --once in >out
	assert_each_once 1201
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

@test "a reader that stalls when few files come does not either" {
	local long i
	[ "$(cat /proc/sys/fs/inotify/max_queued_events)" -le 20000 ] || skip "the queue holds more"
	long=$(printf '%0230d' 0)
	mkfifo pipe
	"$watch" -v --backend inotify --format '{path}{path}{path}{path}{path}{path}{path}{path}' --stats=stats in \
		>pipe 2>err 3>&- 4>&- &
	pid=$!
	exec 5<pipe
	until_true grep -q 'are watched' err
	# One by one, until the pipe is full: nothing but that it is tells that somebody should read on.
	for i in $(seq 50); do
		: >"in/$long$i"
		sleep 0.02
	done
	(cd in && seq -f "f%g" 30000 | xargs touch)
	sleep 0.3
	head -n 30050 <&5 | wc -l >out 5<&5
	exec 5<&-
	kill -TERM "$pid" 2>/dev/null || true
	wait "$pid" || true
	pid=
	[ "$(cat out)" -eq 30050 ]
	[ "$(jq .overflows stats)" -eq 0 ]
}

@test "what is read ahead is bounded, beyond that everything is scanned again" {
	stalled 25000 "$(printf '%0230d' 0)"
	[ "$(jq .overflows stats)" -ge 1 ]
	[ "$(jq .reconciled stats)" -ge 1 ]
}
