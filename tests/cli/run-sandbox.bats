#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-run --sandbox: what a function may touch, and what not.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$PATH
	status=0
	echo x | sfx-run -q --sandbox -- true 2>/dev/null || status=$?
	[ "$status" -ne 69 ] || skip "this kernel, or this build, has no sandbox"
	mkdir allowed temporary
	echo secret >file
}

# confined OPTION… SCRIPT: its output; what it cannot do goes to errors.
confined() {
	local script=${!#}
	echo x | TMPDIR=$PWD/temporary sfx-run -r0 --sandbox "${@:1:$#-1}" -- bash -c "$script" 2>errors
}

@test "a function writes into its own folder only, which goes with it" {
	confined 'echo a >"$TMPDIR/a" && mkdir -p "$TMPDIR/b/c" && cat "$TMPDIR/a"; echo "$TMPDIR"' >out
	[ "$(sed -n 1p out)" = a ]
	[[ "$(sed -n 2p out)" == "$PWD/temporary/sfx-run."?????? ]]
	[ -z "$(ls -A temporary)" ]
	# Also what resists, and never what links lead to.
	mkdir kept && echo k >kept/k
	confined 'cd "$TMPDIR"; mkdir -p a/b/c; ln -s '"$PWD"'/kept d; ln -s '"$PWD"'/kept/k e; : >a/b/f; chmod 0 a/b; chmod 500 a'
	[ -z "$(ls -A temporary)" ]
	[ "$(cat kept/k)" = k ]
	[ "$(confined 'cat file; echo b >>file; echo c >allowed/c; rm file; mkdir d; echo e >/tmp/sfx-test-$$; true')" = secret ]
	[ "$(grep -c 'Permission denied' errors)" -eq 5 ]
	[ "$(cat file)" = secret ]
	[ ! -e d ] && [ -z "$(ls allowed)" ]
}

@test "what is allowed can be written" {
	confined --allow-write allowed --allow-write file 'echo b >>file; echo c >allowed/c; mkdir allowed/d; echo e >/dev/null; echo f >/dev/stderr'
	[ "$(paste -sd ' ' file)" = 'secret b' ]
	[ -d allowed/d ]
	[ "$(cat allowed/c errors | paste -sd ' ')" = 'c f' ]
}

@test "reading is everything, or what is allowed and the system's own" {
	mkdir shown hidden
	echo 1 >shown/file
	echo 2 >hidden/file
	[ "$(confined 'cat shown/file hidden/file' | paste -sd ' ')" = '1 2' ]
	[ "$(confined --allow-read shown 'cat shown/file; cat hidden/file; true')" = 1 ]
	grep -q 'Permission denied' errors
}

@test "there is no network, unless it is allowed" {
	run confined 'exec 3<>/dev/tcp/127.0.0.1/1'
	grep -q 'Operation not permitted\|Permission denied' errors
	run confined --allow-network 'exec 3<>/dev/tcp/127.0.0.1/1'
	grep -q 'Connection refused' errors
}

@test "other processes are out of reach, and no rights are won" {
	confined 'cat /proc/$PPID/environ; kill -0 $PPID; true' >out
	[ ! -s out ]
	[ "$(grep -c 'denied\|not permitted' errors)" -eq 2 ]
	[ "$(confined 'grep -c "^NoNewPrivs:.1\|^Seccomp:.2" /proc/self/status')" -eq 2 ]
}

@test "a resident process keeps its folder while it lives" {
	seq 3 | TMPDIR=$PWD/temporary sfx-run -q -w -j1 --sandbox -- bash -c \
		'while read -r _; do echo x >>"$TMPDIR/lines"; wc -l <"$TMPDIR/lines"; done' >out
	[ "$(paste -sd ' ' out)" = '1 2 3' ]
	[ -z "$(ls -A temporary)" ]
}

@test "what is not there, or makes no sense, is told before the first event" {
	run -74 sfx-run --sandbox --allow-write nowhere -- true <<<x
	[[ "$output" == *nowhere* ]]
	run -2 sfx-run --allow-write allowed -- true <<<x
	run -2 sfx-run --allow-network -- true <<<x
	TMPDIR=$PWD/none run -1 sfx-run -r0 --sandbox -- true <<<x
	[[ "$output" == *"none/sfx-run."* ]]
}
