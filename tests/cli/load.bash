# SPDX-License-Identifier: MIT
# What tests of sfx-load share. For `load load.bash` in a .bats file.

# A full disk that a test has mounted goes with it.
teardown() {
	if [ -e "$BATS_TEST_TMPDIR/mounted" ]; then
		cd / && umount "$BATS_TEST_TMPDIR/small"
	fi
}

# exits CODE COMMAND…: standard output to "out", messages to "said".
exits() {
	local code=$1 status=0
	shift
	"$@" >out 2>said || status=$?
	[ "$status" -eq "$code" ] || { echo "$* ended with $status: $(cat said)" && return 1; }
}
