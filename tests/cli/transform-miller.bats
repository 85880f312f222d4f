#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# sfx-transform against Miller, where it is installed: the same records by both, for the verbs that
# both have, on data without what Miller is known to change (see the notes at each test).

setup() {
	PATH=$SFX_BUILD:$PATH
	cd "$BATS_TEST_TMPDIR"
	command -v mlr >/dev/null || skip "mlr (Miller) is not installed"
	awk 'BEGIN { srand(3); print "id,city,n,m,word"
		for (i = 1; i <= 5000; i++) printf "%d,c%d,%d,%d,%s%d\n", i, rand() * 40,
			rand() * 2000 - 1000, rand() * 90 + 1, substr("abcdefgh", rand() * 8 + 1, 1), rand() * 9
	}' >data.csv
}

# Runs both and compares; $1: our program, the rest: Miller's verb.
same() {
	local program=$1
	shift
	sfx-transform "$program" data.csv >ours
	mlr --csv "$@" data.csv >theirs
	diff theirs ours | head -20
	cmp theirs ours
}

@test "where and filter" {
	same 'where n > 0 and m <= 45' filter '$n > 0 && $m <= 45'
	same 'where city = "c7" or word ~ "^a"' filter '$city == "c7" || $word =~ "^a"'
	# Of positive numbers: Miller's -550 % 2 is 2.
	same 'where not (m % 7 = 0)' filter '!($m % 7 == 0)'
}

@test "derive and put" {
	same 'x = n * m, y = x - 7' put '$x = $n * $m; $y = $x - 7'
	same 'w = upper(word), l = length(city)' put '$w = toupper($word); $l = strlen($city)'
	same 'word = replace(word, "a", "xx")' put '$word = gsub($word, "a", "xx")'
	# Of positive numbers: Miller's ceil(-0.5) is -0.
	same 'f = floor(m / 8), c = ceil(m / 8), a = abs(n)' \
		put '$f = floor($m / 8); $c = ceil($m / 8); $a = abs($n)'
	same 'k = if(n > 0, "up", "down")' put '$k = $n > 0 ? "up" : "down"'
}

@test "columns" {
	same 'select word, id' cut -o -f word,id
	same 'drop n, m' cut -x -f n,m
	same 'rename town = city' rename city,town
}

@test "sort, numeric and by bytes, stable" {
	same 'sort num(n)' sort -nf n
	same 'sort -num(n), city' sort -nr n -f city
	same 'sort city, -num(m)' sort -f city -nr m
}

@test "head and distinct" {
	same 'head 17' head -n 17
	same 'distinct city' head -n 1 -g city
	same 'select city, word | distinct' cut -o -f city,word then head -n 1 -g city,word
}

@test "group and stats1" {
	same 'group city: n_count = count(), n_sum = sum(n), n_min = min(n), n_max = max(n)' \
		stats1 -a count,sum,min,max -f n -g city
	# To six digits: Miller's division is binary.
	same 'group city, word: m_count = count(m), m_mean = mean(m) | m_mean = round(m_mean, 6)' \
		stats1 -a count,mean -f m -g city,word then put '$m_mean = fmtnum($m_mean, "%.6f")'
}

@test "formats" {
	sfx-transform -t jsonl 'head 50 | select city, word' data.csv >ours
	mlr --icsv --ojsonl head -n 50 then cut -o -f city,word data.csv >theirs
	diff <(jq -c . theirs) <(jq -c . ours)
}
