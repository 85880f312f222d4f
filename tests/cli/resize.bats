#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-resize: names, pipes, several sizes and files, metadata, damaged images, conformance with the
# sets that lie beside the checkout.

setup() {
	cd "$BATS_TEST_TMPDIR"
	PATH=$SFX_BUILD:$SFX_BUILD/tests/data:$PATH
	corpus=${SFX_CORPUS-$SFX_SRC/../shared/corpus}
}

# size_of FILE: "WxH".
size_of() {
	sfx-resize --info "$1" | sed 's/.*"width":\([0-9]*\),"height":\([0-9]*\).*/\1x\2/'
}

# field NAME FILE: a member of what --info says.
field() {
	sfx-resize --info "$2" | sed 's/.*"'"$1"'":"\{0,1\}\([^,"}]*\).*/\1/'
}

@test "the output stands beside the input, the input stays" {
	mkdir in
	mkphoto 640x480 in/photo.jpg
	cp in/photo.jpg before.jpg
	sfx-resize -s 320x320 in/photo.jpg
	cmp in/photo.jpg before.jpg
	[ "$(size_of in/photo-320x240.jpg)" = 320x240 ]
	[ "$(ls in | wc -l)" -eq 2 ]
}

@test "a pipe gives an image of the asked format" {
	mkphoto 64x48 a.jpg
	sfx-resize -s 32 <a.jpg >b
	[ "$(field format b)" = jpeg ]
	sfx-resize -s 50% -f png - <a.jpg >c
	[ "$(field format c)" = png ]
	[ "$(size_of c)" = 32x24 ]
	sfx-resize -s 32 -o - a.jpg | cmp - b
	[ "$(size_of - <a.jpg)" = 64x48 ]
}

@test "the format follows -f, else the name, else the input" {
	mkphoto 40x30 a.jpeg
	mkphoto 40x30 b.png
	sfx-resize -s 20 -o 'x-{stem}.png' a.jpeg
	[ "$(field type x-a.png)" = image/png ]
	sfx-resize -s 20 -o 'y-{stem}.{ext}' a.jpeg b.png
	[ "$(field format y-a.jpeg)" = jpeg ]
	[ "$(field format y-b.png)" = png ]
	sfx-resize -s 20 -f jpg -o 'z-{stem}.{ext}' b.png
	[ "$(field format z-b.jpg)" = jpeg ]
	run sfx-resize -s 20 -o 'x.gif' a.jpeg
	[ "$status" -eq 2 ]
	[ ! -e x.gif ]
}

@test "several sizes are the same as each made alone, if none is half of another" {
	mkphoto 800x600 a.png
	sfx-resize -s 400 -s 300x180 -s 10%  -o 'out/{stem}-{width}-{n}.{ext}' a.png
	[ "$(ls out | paste -sd' ')" = "a-240-2.png a-400-1.png a-80-3.png" ]
	sfx-resize -s 300x180 -o alone.png a.png
	cmp alone.png out/a-240-2.png
}

@test "sizes that come out alike are written once, different ones never under one name" {
	mkphoto 100x80 a.jpg
	sfx-resize -s 1600 -s 800 -s 50 -o '{stem}-{width}w.{ext}' a.jpg
	[ "$(ls | paste -sd' ')" = "a-100w.jpg a-50w.jpg a.jpg" ]
	run sfx-resize -s 50 -s 20 -o 'b.jpg' a.jpg
	[ "$status" -eq 2 ]
	[[ "$output" == *"{width}"* ]]
	run sfx-resize -s 50x9! -s 50x30! -o 'b-{width}.jpg' a.jpg
	[ "$status" -eq 2 ]
	[ ! -e b-50.jpg ]
}

@test "no input is overwritten, no output is made of two inputs" {
	mkphoto 60x40 a.jpg
	mkphoto 60x40 a.png
	cp a.jpg before.jpg
	run sfx-resize -s 30 -o '{stem}.jpg' a.jpg
	echo "$output"
	[ "$status" -eq 2 ]
	[ "$output" = "sfx-resize: a.jpg: output a.jpg is the input" ]
	run sfx-resize -s 30 -o '{stem}.jpg' a.png a.jpg
	[ "$status" -eq 1 ]
	cmp a.jpg before.jpg
	run sfx-resize -s 30 -o 'out/{stem}.jpg' a.png a.jpg
	echo "$output"
	[ "$status" -eq 1 ]
	[[ "$output" == *"a.jpg: output out/a.jpg was made of another input"* ]]
}

@test "small images keep their size unless asked" {
	mkphoto 60x40 a.png
	sfx-resize -s 320 -o kept.png a.png
	[ "$(size_of kept.png)" = 60x40 ]
	sfx-resize -s 120 --enlarge -o larger.png a.png
	[ "$(size_of larger.png)" = 120x80 ]
	sfx-resize -s '120<' -o larger.png a.png
	[ "$(size_of larger.png)" = 120x80 ]
	sfx-resize -s '30<' -o kept.png a.png
	[ "$(size_of kept.png)" = 60x40 ]
	sfx-resize -s '30x30!' -o square.png a.png
	[ "$(size_of square.png)" = 30x30 ]
}

@test "what a JPEG has beyond its border is blurred as well, and does not shine into it" {
	command -v convert >/dev/null || skip "ImageMagick is missing"
	convert -size 33x32 'xc:rgb(90,60,60)' -fill 'rgb(200,255,255)' -draw 'rectangle 32,0 32,31' -quality 95 -sampling-factor 2x2 in.jpg
	sfx-resize --quality 50 --blur 4 -o blurred.jpg in.jpg
	sfx-resize --blur 4 -o blurred.png in.jpg
	for file in blurred.jpg blurred.png; do convert $file -crop 1x32+32+0 +repage border-${file#*.}.png; done
	compare -metric PSNR border-jpg.png border-png.png null: 2>psnr || true
	awk '{ exit !($1 > 33) }' psnr
}

# How near $1 is to $2 resampled by Lanczos in double precision: at least $3 dB.
near_reference() {
	local psnr
	psnr=$("$SFX_BUILD/tests/bench/check_photo" --psnr "$2" "$1")
	echo "$1: $psnr dB"
	awk -v got="$psnr" -v least="$3" 'BEGIN { exit !(got >= least) }'
}

# Resizes $1 to a PNG and to a JPEG, which go different ways: both are what the reference makes of it,
# with 45 dB at least.
near_reference_of() {
	sfx-resize -s 100 -o rows.png "$1"
	near_reference rows.png "$1" 45
	sfx-resize -s 100 --quality 100 --subsample 444 -o planes.jpg "$1"
	sfx-resize -o planes.png planes.jpg
	near_reference planes.png "$1" 45
}

@test "outputs are those of a reference in double precision, of every format as far as it goes" {
	local photo format status
	"$SFX_BUILD/tests/data/mkphoto" 2725x2225 made.jpg
	for photo in made.jpg "$corpus/jpeg/bench-2725x2225.jpg"; do
		[ -f "$photo" ] || continue
		sfx-resize -s 720x720 -o large.png "$photo"
		near_reference large.png "$photo" 70
		sfx-resize -s 200x200 -o small.png "$photo" # read in a smaller size by libjpeg
		near_reference small.png "$photo" 53
		for format in jpg webp avif; do
			status=0
			sfx-resize -s 720x720 --quality 95 --subsample 444 -o "large.$format" "$photo" || status=$?
			[ $status -ne 69 ] || continue # built without it
			[ $status -eq 0 ]
			sfx-resize -o back.png "large.$format"
			near_reference back.png "$photo" 38
		done
	done
}

@test "nearest and box pick the same samples of a crop and of a turned image" {
	mkphoto 97x61 a.png
	for kernel in nearest box; do
		for x in 3 7 21; do
			sfx-resize --crop 50x30+$x+5 -o crop.png a.png
			sfx-resize -s 25x15! --kernel $kernel -o two.png crop.png
			sfx-resize --crop 50x30+$x+5 -s 25x15! --kernel $kernel -o one.png a.png
			cmp one.png two.png
		done
		# An output of two thirds: every other middle lies on a sample's edge.
		mkphoto 300x210 b.png
		sfx-resize --rotate 180 -o turned.png b.png
		sfx-resize --rotate 180 -s 200x140! --kernel $kernel -o one.png b.png
		sfx-resize -s 200x140! --kernel $kernel -o two.png turned.png
		cmp one.png two.png
	done
}

@test "one bad file does not stop the others, and is told of in order" {
	for n in 1 2 3 4 5 6; do mkphoto -s $n 64x48 $n.jpg; done
	head -c 900 3.jpg >3b.jpg
	printf 'no image\n' >4b.jpg
	for jobs in 1 2; do
		rm -rf out
		run sfx-resize -j $jobs -s 20 -o 'out/{base}' --rejects rejects-$jobs.jsonl 1.jpg 2.jpg 3b.jpg \
			3.jpg 4b.jpg gone.jpg 5.jpg 6.jpg
		echo "$output"
		[ "$status" -eq 1 ]
		[ "$(ls out | wc -l)" -eq 5 ]
		[[ "${lines[0]}" == "sfx-resize: 3b.jpg: "* ]]
		[ "${lines[1]}" = "sfx-resize: 4b.jpg: this is no JPEG, PNG, WebP, AVIF or HEIF image" ]
		[ "${lines[2]}" = "sfx-resize: gone.jpg: No such file or directory" ]
		[[ "${lines[3]}" == "sfx-resize: 8 files: 5 outputs, 3 failed; "*" files/s" ]]
		[ "${#lines[@]}" -eq 4 ]
	done
	cmp rejects-1.jsonl rejects-2.jsonl
	grep -qx '{"program":"sfx-resize","input":"4b.jpg","code":"input","reason":"this is no JPEG, PNG, WebP, AVIF or HEIF image"}' \
		rejects-1.jsonl
}

@test "an image that ends early names its row and leaves nothing" {
	mkphoto 200x400 a.jpg
	mkphoto 200x400 a.png
	for ext in jpg png; do
		size=$(stat -c %s a.$ext)
		for part in 30 50 90; do
			head -c $((size * part / 100)) a.$ext >cut.$ext
			run sfx-resize -s 50 -o out.$ext cut.$ext
			echo "$output"
			[ "$status" -eq 65 ]
			[[ "$output" =~ ^"sfx-resize: cut.$ext: row "[0-9]+" of 400: data ends early"$ ]]
			[ ! -e out.$ext ]
		done
	done
	[ -z "$(find . -name '.sfx*')" ]
}

@test "limits are checked before an image is decoded" {
	mkphoto 300x200 a.jpg
	run sfx-resize -s 10 -o x.jpg --max-pixels 59999 a.jpg
	[ "$status" -eq 65 ]
	[ "$output" = "sfx-resize: a.jpg: 300x200 is more than the limit of 59999 pixels" ]
	sfx-resize -s 10 -o x.jpg --max-pixels 60000 a.jpg
	run sfx-resize -s 10001x10001! -o y.jpg a.jpg
	[ "$status" -eq 65 ]
	[ ! -e y.jpg ]
}

@test "photos come out upright, however they were held" {
	for o in 1 2 3 4 5 6 7 8; do
		mkphoto -o $o 120x80 held-$o.jpg
		sfx-resize -s 60 -o upright-$o.png held-$o.jpg
		[ "$(size_of upright-$o.png)" = 60x40 ]
		[ "$(field orientation held-$o.jpg)" = $o ]
		sfx-resize -o turned-$o.jpg held-$o.jpg
		[ "$(field orientation turned-$o.jpg)" = 1 ]
		[ "$(size_of turned-$o.jpg)" = 120x80 ]
	done
}

@test "transparent images are laid on the background for JPEG" {
	[ -d "$corpus/png" ] || skip "the PNG set is not beside the checkout"
	command -v convert >/dev/null || skip "convert (ImageMagick) is missing, which reads the colour"
	sfx-resize -s 100 -o a.jpg "$corpus/png/alpha-1024x768.png"
	sfx-resize -s 100 -o b.jpg --background '#ff0000' "$corpus/png/alpha-1024x768.png"
	white=$(convert a.jpg -depth 8 -crop 1x1+2+2 rgb:- | od -An -tu1)
	red=$(convert b.jpg -depth 8 -crop 1x1+2+2 rgb:- | od -An -tu1)
	echo "$white, $red"
	[[ "$white" =~ ^(\ +2[45][0-9])+$ ]]
	[[ "$red" =~ ^\ +25[0-9]\ +[0-9]\ +[0-9]$ ]]
}

@test "the eight orientations of the set are all upright" {
	[ -d "$corpus/jpeg" ] || skip "the EXIF set is not beside the checkout"
	command -v compare >/dev/null || skip "compare (ImageMagick) is missing, which measures"
	for kind in Landscape Portrait; do
		for o in 1 2 3 4 5 6 7 8; do
			sfx-resize -s 240x240 -o $kind-$o.jpg "$corpus/jpeg/${kind}_$o.jpg"
			[ "$(size_of $kind-$o.jpg)" = "$(size_of $kind-1.jpg)" ]
			[ $o = 1 ] && continue
			# The pictures have a number in them: only the rest can be the same.
			psnr=$(compare -metric PSNR $kind-1.jpg $kind-$o.jpg null: 2>&1 || true)
			echo "$kind $o: $psnr"
			[ "${psnr%.*}" -ge 26 ]
		done
	done
}

@test "a turn by any angle, and a trim, are of the upright image" {
	[ -d "$corpus/jpeg" ] || skip "the EXIF set is not beside the checkout"
	command -v compare >/dev/null || skip "compare (ImageMagick) is missing, which measures"
	for o in 1 2 3 4 5 6 7 8; do
		sfx-resize -s 240x240 --rotate 20 -o t-$o.jpg "$corpus/jpeg/Landscape_$o.jpg"
		[ "$(size_of t-$o.jpg)" = "$(size_of t-1.jpg)" ]
		psnr=$(compare -metric PSNR t-1.jpg t-$o.jpg null: 2>&1 || true)
		echo "$o: $psnr"
		[ $o = 1 ] || [ "${psnr%.*}" -ge 25 ]
	done
	# The first corner is that of the upright image: left and below it stays dark.
	convert -size 60x40 xc:black -fill white -draw 'rectangle 10,5 59,29' -fill gray -draw 'rectangle 20,10 40,20' \
		-fill white -draw 'rectangle 59,0 59,39' scan.png
	sfx-resize --trim -f png -o - scan.png >trimmed.png
	[ "$(size_of trimmed.png)" = 50x40 ]
	[ "$(sfx-resize --dry-run --trim -s 25 -o '{width}x{height}.png' scan.png | grep -c 25x20)" = 1 ]
}

@test "what trimming left is told as a crop of the upright image, all background with a warning" {
	command -v convert >/dev/null || skip "convert (ImageMagick) is missing, which draws"
	local o part
	convert -size 60x40 xc:white -fill navy -draw 'rectangle 7,4 51,29' -quality 100 -sampling-factor 4:4:4 still.jpg
	for o in 1 2 3 4 5 6 7 8; do
		{
			printf '\xff\xd8\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0'"\\x0$o"'\0\0\0\0\0\0'
			tail -c +3 still.jpg
		} >$o.jpg
		[ "$(field orientation $o.jpg)" = $o ]
		sfx-resize --strip --trim=60 -f png -o trimmed.png --manifest - $o.jpg >told 2>why
		part=$(jq -r .trimmed told)
		[ ! -s why ]
		[ "$part" != null ]
		sfx-resize --strip --crop "$part" -f png -o cropped.png $o.jpg
		cmp trimmed.png cropped.png
	done
	[ "$(for o in 1 3 6; do sfx-resize --trim=60 -f png -o x.png --manifest - $o.jpg; done | jq -r .trimmed | xargs)" = \
		"45x26+7+4 45x26+8+10 26x45+10+7" ]
	convert -size 60x40 xc:gray blank.png
	sfx-resize --trim -o whole.png --manifest - blank.png >told 2>why
	[ "$(cat why)" = "sfx-resize: blank.png: it is all background: nothing was trimmed" ]
	[ "$(jq '.trimmed, .outputs[0].width' told | xargs)" = "null 60" ]
}

# A PNG chunk of a type and bytes (as printf takes them), with its length and its check sum, which
# is that of gzip in the other order.
png_chunk() {
	local n
	n=$(printf "$2" | wc -c)
	printf '\0\0\0'"\\x$(printf %02x "$n")"
	printf "$1$2"
	printf "$1$2" | gzip -c | tail -c 8 | head -c 4 | od -An -tx1 | awk '{ printf "\\x%s\\x%s\\x%s\\x%s", $4, $3, $2, $1 }' |
		{ read -r sum || true; printf "$sum"; }
}

@test "of an animation the first frame is taken, with a warning" {
	mkphoto 40x30 still.png
	{
		head -c 33 still.png # the signature and IHDR
		png_chunk acTL '\0\0\0\3\0\0\0\0'
		tail -c +34 still.png
	} >moving.png
	[ "$(field frames moving.png)" = 3 ]
	sfx-resize -s 20 -o a.png --manifest - moving.png >told 2>why
	[ "$(cat why)" = "sfx-resize: moving.png: the first of 3 frames was taken" ]
	[ "$(jq .frames told)" = 3 ]
	sfx-resize -s 20 -o b.png still.png
	cmp a.png b.png
	sfx-resize -s 20 -o b.png --manifest - still.png >told 2>why
	[ ! -s why ]
	[ "$(jq .frames told)" = null ]
}

@test "--fast is near the reference, and decodes less" {
	local photo
	"$SFX_BUILD/tests/data/mkphoto" 2725x2225 made.jpg
	for photo in made.jpg "$corpus/jpeg/bench-2725x2225.jpg"; do
		[ -f "$photo" ] || continue
		sfx-resize -s 720x720 -o whole.png "$photo"
		sfx-resize --fast -s 720x720 -o fast.png "$photo" # 1363 samples for 720
		! cmp -s whole.png fast.png || false
		near_reference fast.png "$photo" 52
		sfx-resize --fast -s 341x341 -o least.png "$photo" # 341 samples for 341
		near_reference least.png "$photo" 40
	done
}

@test "every kind of JPEG is read; one of 12 bits is refused by name" {
	command -v cjpeg jpegtran >/dev/null || skip "cjpeg and jpegtran (libjpeg-turbo) are missing, which write them"
	local kind
	mkphoto 403x301 a.png
	sfx-resize -f png -o - a.png | convert - a.ppm
	cjpeg -quality 90 a.ppm >plain.jpg
	sfx-resize -s 100 -o plain-out.jpg plain.jpg
	near_reference_of plain.jpg
	# The same coefficients, stored in other ways.
	for kind in -arithmetic -progressive '-arithmetic -progressive' '-restart 1' '-restart 3B' -optimize; do
		# shellcheck disable=SC2086
		jpegtran $kind plain.jpg >kind.jpg
		! cmp -s plain.jpg kind.jpg || false
		sfx-resize -s 100 -o out.jpg kind.jpg
		cmp out.jpg plain-out.jpg
	done
	for kind in -grayscale -rgb '-sample 1x1' '-sample 2x1' '-sample 1x2' '-sample 2x2,2x1,1x2' '-sample 4x1' \
		'-sample 1x4' '-sample 4x2,1x1,1x1' '-sample 3x1,1x1,1x1'; do
		# shellcheck disable=SC2086
		cjpeg -quality 90 $kind a.ppm >kind.jpg
		echo "$kind"
		near_reference_of kind.jpg
	done
	# A frame header of 12 bits: the sample precision stands behind marker and length.
	[ "$(od -An -tx1 -j 158 -N 5 plain.jpg)" = " ff c0 00 11 08" ]
	{
		head -c 158 plain.jpg
		printf '\xff\xc1\0\x11\x0c'
		tail -c +164 plain.jpg
	} >12.jpg
	run sfx-resize -s 100 -o out.jpg 12.jpg
	[ "$status" -eq 69 ]
	[[ $output == *"12.jpg: a JPEG image of other than 8 bits a sample is not supported"* ]]
	# The end marker is missed by nobody.
	head -c -2 plain.jpg >open.jpg
	sfx-resize -s 100 -o out.jpg open.jpg
	cmp out.jpg plain-out.jpg
}

@test "CMYK becomes RGB, its profile does not come along" {
	[ -d "$corpus/jpeg" ] || skip "the CMYK image is not beside the checkout"
	[ "$(field colour "$corpus/jpeg/cmyk.jpg")" = ycck ]
	[ "$(field profile "$corpus/jpeg/cmyk.jpg")" -gt 0 ]
	sfx-resize -s 100 -o a.jpg "$corpus/jpeg/cmyk.jpg"
	[ "$(field colour a.jpg)" = ycbcr ]
	[ "$(field profile a.jpg)" = 0 ]
}

@test "--info reads any header of the sets, as JSON" {
	[ -d "$corpus/png" ] || skip "the PNG set is not beside the checkout"
	command -v jq >/dev/null || skip "jq is missing"
	sfx-resize --info "$corpus"/png/*.png "$corpus"/jpeg/*.jpg >info
	[ "$(wc -l <info)" -eq "$(ls "$corpus"/png/*.png "$corpus"/jpeg/*.jpg | wc -l)" ]
	jq -es 'all(.width > 0 and .height > 0 and .bytes > 0 and (.type | startswith("image/")))' info
}

@test "events lead to outputs and their events" {
	command -v jq >/dev/null || skip "jq is missing"
	mkdir in
	mkphoto -o 6 60x90 in/tower.jpg
	mkphoto 90x60 in/beach.png
	printf 'no image\n' >in/broken.jpg
	status=0
	sfx-watch in --once | sfx-resize -E -s 30 -s 9 -o 'thumbs/{stem}-{width}.jpg' --rejects rejects.jsonl \
		>events 2>said || status=$?
	cat events said
	[ "$status" -eq 1 ]
	[ "$(jq -r '"\(.data.path) \(.data.width)x\(.data.height) \(.data.type)"' events | sort | paste -sd,)" = \
		"thumbs/beach-30.jpg 30x20 image/jpeg,thumbs/beach-9.jpg 9x6 image/jpeg,thumbs/tower-30.jpg 30x45 image/jpeg,thumbs/tower-9.jpg 9x14 image/jpeg" ]
	[ "$(jq -r .input rejects.jsonl)" = in/broken.jpg ]
	[ "$(jq -r .reason rejects.jsonl)" = "this is no JPEG, PNG, WebP, AVIF or HEIF image" ]
	[ "$(size_of thumbs/tower-30.jpg)" = 30x45 ]
}

@test "a dry run names the outputs and writes none" {
	mkphoto 60x40 a.jpg
	[ "$(sfx-resize -n -s 30 -s 300 a.jpg)" = "$(printf 'a-30x20.jpg\t30\t20\na-60x40.jpg\t60\t40')" ]
	[ "$(ls)" = a.jpg ]
}

@test "quality, compression and progressive do what they say" {
	mkphoto 400x300 a.jpg
	sfx-resize --quality 30 -o low.jpg a.jpg
	sfx-resize --quality 95 -o high.jpg a.jpg
	[ $(($(stat -c %s low.jpg) * 2)) -lt "$(stat -c %s high.jpg)" ]
	sfx-resize --progressive -o p.jpg a.jpg
	[ "$(field interlaced p.jpg)" = true ]
	[ "$(field interlaced low.jpg)" = false ]
	sfx-resize --compression 0 -o c0.png a.jpg
	sfx-resize --compression 9 -o c9.png a.jpg
	[ "$(stat -c %s c9.png)" -lt "$(stat -c %s c0.png)" ]
	# What a progressive JPEG holds is the same picture.
	sfx-resize -s 100 -o from-p.png p.jpg
	sfx-resize -o base.jpg a.jpg
	sfx-resize -s 100 -o from-b.png base.jpg
	cmp from-p.png from-b.png
	size=$(stat -c %s p.jpg)
	head -c $((size / 2)) p.jpg >cut.jpg
	run sfx-resize -s 100 -o x.jpg cut.jpg
	echo "$output"
	[ "$status" -eq 65 ]
	[[ "$output" == "sfx-resize: cut.jpg: scan "*": data ends early" ]]
}

@test "JPEG's colour is stored as asked, its tables are made as asked" {
	command -v identify >/dev/null || skip "identify (ImageMagick) is missing, which reads the factors"
	mkphoto 400x300 a.png
	sfx-resize -o auto.jpg a.png
	sfx-resize --quality 95 -o auto95.jpg a.png
	sfx-resize --subsample 444 -o 444.jpg a.png
	sfx-resize --quality 95 --subsample 420 -o 420.jpg a.png
	factors=$(identify -format '%[jpeg:sampling-factor] ' auto.jpg auto95.jpg 444.jpg 420.jpg)
	echo "$factors"
	[[ "$factors" == 2x2,1x1,1x1*\ 1x1,1x1,1x1*\ 1x1,1x1,1x1*\ 2x2,1x1,1x1* ]]
	sfx-resize --optimize -o small.jpg a.png
	[ "$(stat -c %s small.jpg)" -lt "$(stat -c %s auto.jpg)" ]
	sfx-resize -o 1.png auto.jpg
	sfx-resize -o 2.png small.jpg
	cmp 1.png 2.png
}

@test "WebP comes and goes, locked down or not, mixed with others" {
	mkphoto 200x150 a.png
	mkphoto -o 6 -s 2 200x150 b.jpg
	run sfx-resize -f webp --keep exif -o '{stem}.{ext}' a.png b.jpg
	[[ "$output" == *"built without"* ]] && skip "this build has no libwebp"
	[ "$status" -eq 0 ]
	[ "$(field format a.webp)" = webp ]
	[ "$(size_of b.webp)" = 200x150 ]
	[ "$(field orientation b.webp)" = 1 ]
	sfx-resize --lossless -f webp -o exact.webp a.png
	sfx-resize -o back.png exact.webp
	sfx-resize -o same.png a.png
	cmp back.png same.png
	# One worker meets libraries that it has not opened.
	mkdir out
	sfx-resize -j1 -s 50 -o 'out/{base}.png' a.png a.webp b.jpg b.webp
	[ "$(ls out | wc -l)" -eq 4 ]
	sfx-resize --sandbox=off -s 50 -o alone.png a.webp
	cmp alone.png out/a.webp.png
	sfx-resize -s 50 -f png <a.webp | cmp - alone.png
}

@test "of a damaged image what is there can be made" {
	command -v jq >/dev/null || skip "jq is missing"
	mkphoto 200x400 a.jpg
	mkphoto 200x400 a.png
	sfx-resize --progressive -o p.jpg a.png
	sfx-resize -f webp -o w.webp a.png || true
	for file in a.jpg a.png p.jpg w.webp; do
		[ -e $file ] || continue
		head -c $(($(stat -c %s $file) * 60 / 100)) $file >cut-$file
		run sfx-resize -o out.png cut-$file
		[ "$status" -eq 65 ]
		[ ! -e out.png ]
		run sfx-resize --on-error=partial --manifest m.jsonl -o out-$file.png cut-$file
		echo "$output"
		[ "$status" -eq 0 ]
		[[ "$output" =~ ^"sfx-resize: cut-$file: ".*"row "[0-9]+" of 400: data ends early; what there is was made"$ ]]
		[ "$(size_of out-$file.png)" = 200x400 ]
		jq -e '.damage | test("of 400: data ends early")' m.jsonl
	done
	# What came before the cut is what it is in the whole image.
	sfx-resize -o whole.png a.png
	if command -v compare >/dev/null; then
		compare -metric AE -extract 200x160+0+0 whole.png out-a.png.png null:
	fi
	# Nothing to decode stays an error.
	head -c 20 a.jpg >head.jpg
	run sfx-resize --on-error=partial -o x.png head.jpg
	[ "$status" -eq 65 ]
}

@test "an output keeps within --max-bytes at the best quality that fits" {
	mkphoto 400x300 a.png
	for format in jpg webp; do
		sfx-resize --quality 95 -o free.$format a.png || continue
		sfx-resize --quality 95 --max-bytes 9000 -o tight.$format a.png
		sfx-resize --quality 95 --max-bytes 1M -o same.$format a.png
		[ "$(stat -c %s free.$format)" -gt 9000 ]
		[ "$(stat -c %s tight.$format)" -le 9000 ]
		[ "$(stat -c %s tight.$format)" -gt 7500 ]
		cmp free.$format same.$format
	done
	run sfx-resize --max-bytes 300 -o x.jpg a.png
	echo "$output"
	[ "$status" -eq 65 ]
	[[ "$output" == "sfx-resize: a.png: output: "*" bytes at quality 1 are more than --max-bytes" ]]
	run sfx-resize --max-bytes 9000 -o x.png a.png
	[ "$status" -eq 65 ]
	[ ! -e x.png ]
}

@test "palettes: as many colours as asked, and those of an image that has one" {
	command -v identify >/dev/null || skip "identify (ImageMagick) is missing, which counts colours"
	mkphoto 300x200 a.png
	for n in 2 16 200; do
		sfx-resize --colors $n -o c$n.png a.png
		[ "$(field colour c$n.png)" = palette ]
		[ "$(identify -format %k c$n.png)" -le $n ]
		[ "$(identify -format %k c$n.png)" -gt $((n * 3 / 4)) ]
	done
	[ "$(field depth c2.png)" = 1 ]
	[ "$(field depth c16.png)" = 4 ]
	sfx-resize -s 150 -o half.png c200.png
	[ "$(field colour half.png)" = palette ]
	sfx-resize -s 150 -o rgb.png a.png
	[ "$(field colour rgb.png)" = rgb ]
}

@test "what had nothing to change gets no larger" {
	mkphoto 200x150 a.png
	sfx-resize --quality 20 -o a.jpg a.png
	sfx-resize --compression best -o best.png a.png
	sfx-resize --quality 90 -o b.jpg a.jpg
	cmp a.jpg b.jpg
	{ cat a.jpg; head -c 100000 /dev/zero; } >video.jpg
	sfx-resize --quality 90 -o b.jpg video.jpg
	cmp a.jpg b.jpg
	sfx-resize -s 1600 -o b.png best.png
	cmp best.png b.png
	# The metadata goes all the same; what is asked for is made.
	mkphoto -o 1 200x150 exif.jpg
	sfx-resize --quality 100 -o bare.jpg exif.jpg
	! grep -qa Exif bare.jpg
	[ "$(stat -c %s bare.jpg)" -lt "$(stat -c %s exif.jpg)" ]
	sfx-resize --quality 90 --progressive -o p.jpg a.jpg
	[ "$(field interlaced p.jpg)" = true ]
	# Damage is found, though the data would only be copied.
	head -c $(($(stat -c %s a.jpg) / 2)) a.jpg >cut.jpg
	run sfx-resize --quality 90 -o x.jpg cut.jpg
	[ "$status" -eq 65 ]
}

@test "colours are converted to sRGB when asked, locked down or not" {
	[ -d "$corpus/png" ] || skip "the PNG set is not beside the checkout"
	run sfx-resize --srgb -o g.png "$corpus/png/basn2c08.png"
	[[ "$output" == *"built without lcms2"* ]] && skip "this build has no lcms2"
	[ "$status" -eq 0 ]
	grep -qa gAMA "$corpus/png/basn2c08.png"
	! grep -qa gAMA g.png
	grep -qa sRGB g.png
	sfx-resize --srgb --sandbox=off -o h.png "$corpus/png/basn2c08.png"
	cmp g.png h.png
	sfx-resize -o kept.png "$corpus/png/basn2c08.png"
	grep -qa gAMA kept.png
	! cmp -s g.png kept.png
}

@test "AVIF comes and goes, locked down or not; HEIF comes" {
	mkphoto -o 6 160x120 a.jpg
	run sfx-resize --keep exif -o a.avif a.jpg
	[[ "$output" == *"built without"* ]] && skip "this build has no libheif"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(field type a.avif)" = image/avif ]
	[ "$(size_of a.avif)" = 160x120 ]
	grep -qa Exif a.avif
	sfx-resize -o ref.png a.jpg
	sfx-resize -o back.png a.avif
	sfx-resize --sandbox=off -o open.png a.avif
	cmp back.png open.png
	sfx-resize -f png <a.avif | cmp - back.png
	sfx-resize --quality 20 -o small.avif a.jpg
	[ "$(stat -c %s small.avif)" -lt "$(stat -c %s a.avif)" ]
	if command -v compare >/dev/null; then
		psnr=$(compare -metric PSNR ref.png back.png null: 2>&1 || true)
		echo "$psnr"
		[ "${psnr%.*}" -ge 28 ]
	fi
	# The general brand of the family.
	{ head -c 8 a.avif; printf mif1; tail -c +13 a.avif; } >b.heif
	[ "$(field format b.heif)" = heif ]
	sfx-resize -s 80 -o b.png b.heif
	[ "$(size_of b.png)" = 80x60 ]
	run sfx-resize -s 80 -o '{stem}-small.{ext}' b.heif
	[ "$status" -eq 69 ]
	for part in 5 40 90; do
		head -c $(($(stat -c %s a.avif) * part / 100)) a.avif >cut.avif
		run sfx-resize -o x.png cut.avif
		echo "$output"
		[ "$status" -eq 65 ]
	done
	[ ! -e x.png ]
}

@test "metadata is kept as asked" {
	mkphoto -o 6 80x60 a.jpg
	sfx-resize -o none.jpg a.jpg
	sfx-resize --keep exif -o kept.jpg a.jpg
	sfx-resize --keep all -o all.png a.jpg
	sfx-resize --keep exif,icc --keep none -o last.jpg a.jpg
	! grep -qa Exif none.jpg
	! grep -qa Exif last.jpg
	grep -qa Exif kept.jpg
	grep -qa eXIf all.png
	[ "$(field orientation kept.jpg)" = 1 ]
	[ "$(field orientation all.png)" = 1 ]
	run sfx-resize --keep gps -o x.jpg a.jpg
	[ "$status" -eq 2 ]
	run sfx-resize --keep all --strip -o x.jpg a.jpg
	[ "$status" -eq 2 ]
}

@test "options that do not go together are misuse" {
	mkphoto 60x40 a.jpg
	for wrong in '-E' '-E -o x.jpg a.jpg' '-E -o x.jpg --info' '-o - a.jpg a.jpg' '-o - -s 10 -s 20 a.jpg' \
		'-s 10x a.jpg -f gif' '-s nonsense a.jpg' '--background bleu a.jpg' '--quality 0 a.jpg'; do
		run sfx-resize $wrong
		echo "$wrong: $output"
		[ "$status" -eq 2 ]
		[ "$(ls)" = a.jpg ]
	done
}

@test "fits, gravities and canvases come out as the manual says" {
	mkphoto 64x48 a.jpg
	while read -r want words; do
		# shellcheck disable=SC2086 # words
		sfx-resize -f png -o - $words a.jpg >out.png
		[ "$(size_of out.png)" = "$want" ] || { echo "$words: $(size_of out.png)" && return 1; }
	done <<-'END'
		40x40 -s 40x40 --fit cover
		40x40 -s 40x40 --fit contain
		53x40 -s 40x40 --fit outside
		53x40 -s 40x40^
		40x40 -s 40x40 --fit fill
		40x40 -s 40x40 --fit none
		40x40 -s 40x40 --fit cover --gravity attention
		26x21 -s 20 --pad 3
		40x30 -s 20 --dpr 2
		20x27 -s 20 --rotate 90
		10x7 -s 10 --crop 30x20+1+2
		1x1 -s 1 --dpr 0.1
	END
	! sfx-resize --crop 80x20 -o - a.jpg >out 2>said
	grep -q 'crop: 80x20 is not within the image (64x48)' said
}
