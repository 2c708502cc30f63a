#!/bin/sh
# Trains word vectors on the package descriptions of a Debian machine with ngd and with Debian's fasttext, and prints time, the
# neighbours of ten words, and how many of the pairs of debian_pairs.txt are among each other's ten nearest words.
#
#   compare_vectors.sh NGD [options of ngd bench vectors]
#
# Both: skip-gram, dimension 100, window 5, 5 negatives, 5 epochs, words seen 5 times. fasttext runs without subwords (ngd has none)
# at its default rate 0.05 and at 0.2, and with them as its default is.
set -eu

if [ $# -lt 1 ]; then
  echo "usage: compare_vectors.sh NGD [options of ngd bench vectors]" >&2
  exit 2
fi
for program in fasttext apt-cache python3; do
  command -v "$program" >/dev/null || { echo "compare_vectors.sh: $program is not installed" >&2; exit 1; }
done
ngd=$(realpath "$1")
shift
here=$(cd "$(dirname "$0")" && pwd)
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"

apt-cache dumpavail | python3 "$here/debian_sections.py" train test
cut -f 2 train >texts
echo
"$ngd" bench vectors --texts texts "$@"

"$ngd" vectors train --data texts --out ngd.vec -o plain --progress off >/dev/null
"$ngd" vectors train --data texts --spec vectors:method=cbow --out ngd-cbow.vec -o plain --progress off >/dev/null
for rate in 0.05 0.2; do
  fasttext skipgram -input texts -output "fasttext-$rate" -dim 100 -minn 0 -maxn 0 -lr "$rate" -thread 2 >/dev/null 2>&1
done
fasttext skipgram -input texts -output fasttext-subwords -dim 100 -thread 2 >/dev/null 2>&1
fasttext cbow -input texts -output fasttext-cbow -dim 100 -minn 0 -maxn 0 -thread 2 >/dev/null 2>&1

# Pairs of which both words have a vector, asked both ways.
pairs() { # FILE
  cut -d ' ' -f 1 "$1" | sort >known
  awk 'NR == FNR { known[$1]; next } ($1 in known) && ($2 in known) { print; print $2, $1 }' known "$here/debian_pairs.txt" >asked
  "$ngd" vectors neighbours "$1" $(cut -d ' ' -f 1 asked | sort -u) --count 10 -o plain | cut -f 1,2 | tr '\t' ' ' | sort -u >near
  sort -u asked | comm -12 - near | wc -l
}
echo
printf '%-34s %s\n' vectors 'pairs among the ten nearest'
for file in ngd fasttext-0.05 fasttext-0.2 fasttext-subwords ngd-cbow fasttext-cbow; do
  found=$(pairs "$file.vec")
  printf '%-34s %d of %d\n' "$file" "$found" "$(sort -u asked | wc -l)"
done
echo
for word in python library game image music server french kernel parser dna; do
  printf '%-10s' "$word"
  "$ngd" vectors neighbours ngd.vec "$word" --count 8 -o plain | cut -f 2 | tr '\n' ' '
  echo
done
