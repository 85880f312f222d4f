#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-resize over many files: lists, archives, what stands already, the manifest, limits, workers.

setup() {
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$SFX_BUILD/tests/data:$PATH
}

@test "names come from a list, by line or by null byte, whatever they hold" {
	mkdir in
	mkphoto 40x30 in/plain.jpg
	mkphoto 40x30 "in/two words.jpg"
	mkphoto 40x30 $'in/new\nline.jpg'
	mkphoto 40x30 $'in/\xff.jpg'
	find in -type f -print0 | sfx-resize -0 -j2 -s 20 -o 'out/{path}'
	[ "$(find out -type f -print0 | tr -dc '\0' | wc -c)" -eq 4 ]
	[ -e $'out/in/new\nline.jpg' ]
	[ -e $'out/in/\xff.jpg' ]
	printf '%s\n' in/plain.jpg '' 'in/two words.jpg' >list
	sfx-resize --files-from list -s 10 -o 'lines/{base}'
	[ "$(ls lines | wc -l)" -eq 2 ]
	printf 'in/plain.jpg' | sfx-resize --files-from - -s 10 -o 'last/{base}' 'in/two words.jpg'
	[ "$(ls last | wc -l)" -eq 2 ]
	run sfx-resize --files-from gone -s 10
	[ "$status" -eq 74 ]
}

@test "names are worked on as they come" {
	mkphoto 40x30 a.jpg
	mkphoto 40x30 b.jpg
	mkfifo names
	sfx-resize --files-from - -s 20 -o 'out/{base}' <names &
	exec 9>names
	echo a.jpg >&9
	for ((i = 0; i < 200; i++)); do [ -e out/a.jpg ] && break; sleep 0.05; done
	[ -e out/a.jpg ]
	[ ! -e out/b.jpg ]
	echo b.jpg >&9
	exec 9>&-
	wait $!
	[ -e out/b.jpg ]
}

@test "a list that meets the run's own outputs passes them over" {
	mkphoto 40x30 a.jpg
	{
		echo a.jpg
		for ((i = 0; i < 200; i++)); do [ -e a-20x15.jpg ] && break; sleep 0.05; done
		echo a-20x15.jpg
	} | sfx-resize --files-from - -s 20 --stats=stats
	[ "$(ls *.jpg | paste -sd' ')" = "a-20x15.jpg a.jpg" ]
	[[ "$(cat stats)" == *'"files":1,'*'"passed":1,'* ]]
}

@test "in place: the input is replaced, its mode and links stay" {
	mkphoto -o 6 60x40 a.jpg
	chmod 640 a.jpg
	ln -s a.jpg link.jpg
	sfx-resize --in-place -s 30 link.jpg
	[ -L link.jpg ]
	[ "$(stat -c %a a.jpg)" = 640 ]
	[[ "$(sfx-resize --info a.jpg)" == *'"width":30,"height":20,'*'"orientation":1,'* ]]
	for wrong in '-s 10 -s 20' '-o x.jpg' '-f png' '--info' '--overwrite=never'; do
		run sfx-resize --in-place $wrong a.jpg
		[ "$status" -eq 2 ]
	done
	run sfx-resize --in-place -s 20 - <a.jpg
	[ "$status" -eq 2 ]
}

@test "what stands already is replaced, kept, or kept while it is newer" {
	mkphoto 40x30 a.jpg
	sfx-resize -s 20 -o out.jpg a.jpg
	cp out.jpg first.jpg
	echo old >out.jpg
	sfx-resize -s 20 -o out.jpg --overwrite=never --stats=stats a.jpg
	[ "$(cat out.jpg)" = old ]
	[[ "$(cat stats)" == *'"outputs":0,"kept":1,'* ]]
	sfx-resize -s 20 -o out.jpg --skip-if-newer a.jpg
	[ "$(cat out.jpg)" = old ]
	touch -d '1 hour ago' out.jpg
	sfx-resize -s 20 -o out.jpg --overwrite=older a.jpg
	cmp out.jpg first.jpg
	echo old >out.jpg
	sfx-resize -s 20 -o out.jpg a.jpg
	cmp out.jpg first.jpg
}

@test "members of an archive are inputs, whatever they are called" {
	command -v bsdtar >/dev/null || command -v tar >/dev/null || skip "tar is missing"
	mkdir -p pics/sub
	mkphoto 40x30 pics/a.jpg
	mkphoto 40x30 pics/sub/b.png
	echo 'no picture' >pics/README
	head -c 300 pics/a.jpg >pics/cut.jpg
	tar -czf pics.tar.gz pics
	for jobs in 1 2; do
		run sfx-resize -j$jobs -s 20 -o 'out/{path}' pics.tar.gz
		echo "$output"
		[ "$status" -eq 1 ]
		[[ "$output" == "sfx-resize: pics.tar.gz: pics/cut.jpg: "* ]]
		[ "$(cd out && find . -type f | sort | paste -sd' ')" = "./pics/a.jpg ./pics/sub/b.png" ]
		rm -r out
	done
	run sfx-resize -s 20 pics.tar.gz
	[ "$status" -eq 1 ]
	[[ "$output" == *"say with -o where outputs go"* ]]
	sfx-resize -s 20 -o out.jpg - < <(gzip -c pics/a.jpg)
	sfx-resize -s 20 -o plain.jpg pics/a.jpg
	cmp out.jpg plain.jpg
	(cd pics && tar -cPf ../evil.tar --transform 's,^,../,' a.jpg)
	run sfx-resize -s 20 -o 'out/{path}' evil.tar
	echo "$output"
	[ "$status" -eq 65 ]
	[ ! -e a.jpg ]
	head -c 200 pics.tar.gz >cut.tar.gz
	run sfx-resize -s 20 -o 'out/{path}' cut.tar.gz
	[ "$status" -eq 65 ]
}

@test "the manifest tells what became of each input" {
	command -v jq >/dev/null || skip "jq is missing"
	mkphoto 40x30 a.jpg
	echo 'no image' >b.jpg
	run sfx-resize -s 20 -s 10 -o 'out/{stem}-{width}.png' --manifest m.jsonl a.jpg b.jpg
	[ "$status" -eq 1 ]
	[ "$(jq -r .input m.jsonl | paste -sd' ')" = "a.jpg b.jpg" ]
	[ "$(jq -r 'select(.input == "a.jpg") | .outputs[] | "\(.path) \(.width)x\(.height) \(.type)"' m.jsonl |
		paste -sd,)" = "out/a-20.png 20x15 image/png,out/a-10.png 10x8 image/png" ]
	[ "$(jq -r .sha256 m.jsonl | head -1)" = "$(sha256sum <a.jpg | cut -d' ' -f1)" ]
	[ "$(jq -r '.outputs[0].sha256' m.jsonl | head -1)" = "$(sha256sum <out/a-20.png | cut -d' ' -f1)" ]
	[ "$(jq -r '.outputs[0].bytes' m.jsonl | head -1)" = "$(stat -c %s out/a-20.png)" ]
	[ "$(jq -r 'select(.error) | .code + ": " + .error' m.jsonl)" = "input: this is no JPEG, PNG, WebP, AVIF or HEIF image" ]
	[ "$(sfx-resize -s 5 -o c.jpg --manifest - a.jpg | jq -r .outputs[0].path)" = c.jpg ]
}

@test "limits are options, and a bomb is refused by its header" {
	mkphoto 300x200 a.jpg
	run sfx-resize -s 10 -o x.jpg --max-side 299 a.jpg
	[ "$status" -eq 65 ]
	# A photo with 300 KB of comments.
	{
		head -c 2 a.jpg
		for n in 1 2 3 4 5; do
			printf '\xff\xfe\xf0\x02'
			head -c 61440 /dev/zero
		done
		tail -c +3 a.jpg
	} >talk.jpg
	sfx-resize -s 10 -o talk-10.jpg talk.jpg
	run sfx-resize -s 10 -o x.jpg --max-metadata 100K talk.jpg
	[ "$status" -eq 65 ]
	sfx-resize --progressive -o p.jpg a.jpg
	run sfx-resize -s 10 -o x.jpg --max-scans 2 p.jpg
	[ "$status" -eq 65 ]
	run sfx-resize -s 10 -o x.jpg --max-decoded 1K p.jpg
	echo "$output"
	[ "$status" -eq 65 ]
	run sfx-resize -s 10 -o x.jpg --max-input 500 a.jpg
	[ "$status" -eq 65 ]
	[ "$output" = "sfx-resize: a.jpg: more than the limit of 500 bytes" ]
	gzip -k a.jpg
	run sfx-resize -s 10 -o x.jpg --max-input 500 a.jpg.gz
	[ "$status" -eq 65 ]
	mkphoto 3000x3000 large.png
	run sfx-resize -s 10 -o x.jpg --max-time 1ms large.png
	echo "$output"
	[ "$status" -eq 65 ]
	[ "$output" = "sfx-resize: large.png: takes more than the limit of 1 ms" ]
	[ ! -e x.jpg ]
}

@test "images are decoded in processes that are locked down" {
	sfx-resize --sandbox=on --info - </dev/null 2>said || true
	grep -q 'no sandbox' said && skip "this kernel, or this build, has no sandbox"
	mkphoto 40x30 a.jpg
	mkfifo pipe
	sfx-resize -s 20 -o out.jpg - <pipe &
	exec 9>pipe
	head -c 100 a.jpg >&9
	for ((i = 0; i < 200; i++)); do
		worker=$(pgrep -P $! || true)
		[ -n "$worker" ] && grep -q '^Seccomp:.*2' /proc/$worker/status && break
		sleep 0.05
	done
	grep -q '^NoNewPrivs:.*1' /proc/$worker/status
	tail -c +101 a.jpg >&9
	exec 9>&-
	wait $!
	[ -e out.jpg ]
}

@test "a worker that dies takes one file with it, not the run" {
	mkphoto 40x30 a.jpg
	mkfifo pipe
	sfx-resize -s 20 -o 'out/{base}' pipe a.jpg 2>said &
	exec 9>pipe
	head -c 100 a.jpg >&9
	for ((i = 0; i < 200; i++)); do
		worker=$(pgrep -P $! || true)
		[ -n "$worker" ] && break
		sleep 0.05
	done
	kill -KILL $worker
	status=0
	wait $! || status=$?
	exec 9>&-
	cat said
	[ "$status" -eq 1 ]
	[ "$(head -1 said)" = "sfx-resize: pipe: its decoder was killed (out of memory?)" ]
	[ "$(ls out)" = a.jpg ]
}

@test "when the program is killed its workers go with it" {
	mkphoto 40x30 a.jpg
	mkfifo pipe
	sfx-resize -s 20 -o out.jpg - <pipe &
	program=$!
	exec 9>pipe
	head -c 100 a.jpg >&9
	for ((i = 0; i < 200; i++)); do
		worker=$(pgrep -P $program || true)
		[ -n "$worker" ] && break
		sleep 0.05
	done
	kill -KILL $program
	for ((i = 0; i < 200; i++)); do
		[ -d /proc/$worker ] || break
		sleep 0.05
	done
	exec 9>&-
	[ ! -d /proc/$worker ]
	[ -z "$(find . -name 'out*' -o -name '.sfx*')" ]
}

@test "an archive takes all outputs, and gives them back" {
	mkdir -p in/sub
	mkphoto 40x30 in/a.jpg
	mkphoto 40x30 in/sub/ä.png
	mkphoto 40x30 $'in/\xff.jpg'
	for kind in tar tar.gz tar.xz tar.zst zip; do
		sfx-resize -j2 -s 20 -o web.$kind in/a.jpg ../"$(basename "$PWD")"/in/sub/ä.png $'in/\xff.jpg'
		[ -s web.$kind ]
		case $kind in
		tar.gz) gzip -t web.$kind ;;
		tar.xz) xz -t web.$kind ;;
		tar.zst) zstd -tq web.$kind ;;
		esac
		rm -rf out
		sfx-resize -o 'out/{path}' web.$kind
		[ "$(cd out && find . -type f | LC_ALL=C sort)" = \
			"$(printf '%s\n' ./in/a.jpg $'./in/\xff.jpg' "./$(basename "$PWD")/in/sub/ä.png" | LC_ALL=C sort)" ]
		[[ "$(sfx-resize --info out/in/a.jpg)" == *'"width":20,"height":15,'* ]]
	done
	# The same input gives the same archive, in the order of the inputs.
	sfx-resize -s 20 -o one.tar in/a.jpg in/sub/ä.png
	sfx-resize -j2 -s 20 -o two.tar in/a.jpg in/sub/ä.png
	cmp one.tar two.tar
	sfx-resize -s 20 -s 10 -o sizes.tar in/a.jpg
	[ "$(tar -tf sizes.tar | paste -sd' ')" = "in/a-20x15.jpg in/a-10x8.jpg" ]
	sfx-resize -s 20 -o named.tar --members 'icons/{stem}.png' in/a.jpg
	[ "$(tar -tf named.tar)" = icons/a.png ]
	sfx-resize -s 10 -o from.tar one.tar
	[ "$(tar -tf from.tar | head -1)" = in/a.jpg ]
	# Outputs that wait for their turn do not use up descriptors.
	for n in {1..40}; do ln in/a.jpg in/n$n.jpg; done
	(ulimit -n 320 && sfx-resize -j16 -s 9 -s 8 -s 7 -o many.tar in/n*.jpg)
	[ "$(tar -tf many.tar | wc -l)" -eq 120 ]
}

@test "an archive of outputs appears whole, or not at all" {
	mkphoto 40x30 a.jpg
	mkphoto 40x30 b.jpg
	echo 'no image' >c.jpg
	run sfx-resize -s 20 -o web.tar a.jpg c.jpg
	[ "$status" -eq 1 ]
	[ "$(tar -tf web.tar)" = a.jpg ]
	rm web.tar
	run sfx-resize -s 20 -o web.tar c.jpg
	[ "$status" -eq 65 ]
	[ ! -e web.tar ]
	tar -cf in.tar a.jpg
	run sfx-resize -s 20 -o in.tar in.tar
	[ "$status" -eq 2 ]
	run sfx-resize -s 20 -o web.tar --members '{stem}.jpg' a.jpg ./a.jpg
	[ "$status" -eq 1 ]
	[ "$(tar -tf web.tar)" = a.jpg ]
	run sfx-resize -s 20 -o web.tar --members '../{stem}.jpg' a.jpg
	[ "$status" -ne 0 ]
	run sfx-resize -s 20 -o x.jpg --members '{stem}.jpg' a.jpg
	[ "$status" -eq 2 ]
	[ -z "$(find . -name '.sfx*')" ]
}

@test "placeholders are told in the manifest, with --info, or alone" {
	command -v jq >/dev/null || skip "jq is missing"
	mkphoto 40x30 a.jpg
	mkphoto 30x40 b.png
	hash=$(sfx-resize --blurhash a.jpg)
	[ "${#hash}" -eq 28 ]
	[ "$(ls | paste -sd' ')" = "a.jpg b.png" ]
	[ "$(sfx-resize --blurhash <a.jpg)" = "$hash" ]
	[ "$(sfx-resize -q --blurhash a.jpg b.png | head -1)" = "$hash	a.jpg" ]
	[[ "$(sfx-resize --lqip a.jpg)" == data:image/jpeg\;base64,* ]]
	[ "$(sfx-resize --blurhash --info a.jpg | jq -r '"\(.width) \(.blurhash)"')" = "40 $hash" ]
	sfx-resize -s 20 -o out.jpg --blurhash --lqip --manifest m.jsonl a.jpg
	[ "$(jq -r '"\(.blurhash) \(.outputs | length)"' m.jsonl)" = "$hash 1" ]
	[[ "$(jq -r .lqip m.jsonl)" == data:image/jpeg* ]]
	sfx-resize -s 20 -o alone.jpg a.jpg
	cmp out.jpg alone.jpg
	# It is framed as the first size is.
	sfx-resize -s 9x30 --fit cover -o tall.jpg --blurhash --manifest m.jsonl a.jpg
	[ "$(jq -r .blurhash m.jsonl | cut -c1)" = T ]
	sfx-resize -s '9x30^' -o large.jpg --blurhash --manifest m.jsonl a.jpg
	run sfx-resize -s 20 --pad 5 -o x.jpg --blurhash --manifest m.jsonl a.jpg
	[ "$status" -eq 2 ]
	run sfx-resize -s 20 -o - --blurhash a.jpg
	[ "$status" -eq 2 ]
	for wrong in --lqip '--manifest -'; do
		run sfx-resize -E -o '{stem}.jpg' $wrong </dev/null
		[ "$status" -eq 2 ]
	done
}

@test "a folder takes default names, standard output one image" {
	mkphoto 40x30 a.jpg
	mkphoto 40x30 b.jpg
	sfx-resize -s 20 -s 10 -o new/sub/ a.jpg b.jpg
	[ "$(ls new/sub | paste -sd' ')" = "a-10x8.jpg a-20x15.jpg b-10x8.jpg b-20x15.jpg" ]
	tar -cf two.tar a.jpg b.jpg
	run sfx-resize -q -s 20 -o - two.tar
	[ "$status" -eq 1 ]
	sfx-resize -q -s 20 -o - two.tar >out.jpg 2>said || true
	cmp out.jpg new/sub/a-20x15.jpg
	[ "$(cat said)" = "sfx-resize: two.tar: b.jpg: standard output takes one image" ]
	# Whoever stops reading ends the run quietly.
	mkphoto 600x400 large.png
	run bash -o pipefail -c 'sfx-resize -o - large.png | head -c 10 >/dev/null'
	[ "$status" -eq 141 ]
	[ -z "$output" ]
}
