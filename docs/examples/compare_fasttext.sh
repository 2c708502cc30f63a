#!/bin/sh
# Runs ngd and Debian's fasttext on the same split of package descriptions, and prints accuracy and time.
#
#   compare_fasttext.sh NGD
#
# Both: words and bigrams, dimension 50, 10 epochs. fasttext runs with its default rate (0.1) and with the best of
# 0.1, 0.25, 0.5 and 1 on this split (0.5), on one thread as ngd does, and on two. Times are of the whole process, reading
# and evaluation included.
set -eu

if [ $# -ne 1 ]; then
  echo "usage: compare_fasttext.sh NGD" >&2
  exit 2
fi
for program in fasttext apt-cache python3; do
  command -v "$program" >/dev/null || { echo "compare_fasttext.sh: $program is not installed" >&2; exit 1; }
done
ngd=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"

apt-cache dumpavail | python3 "$here/debian_sections.py" train test
for part in train test; do sed 's/^\([^\t]*\)\t/__label__\1 /' "$part" >"$part.fasttext"; done

now() { date +%s.%N; }
row() { # name, accuracy, start, end
  awk -v name="$1" -v accuracy="$2" -v start="$3" -v end="$4" \
    'BEGIN { printf "%-34s %8.2f %% %8.1f s\n", name, 100 * accuracy, end - start }'
}

printf '%-34s %10s %10s\n' program accuracy time
start=$(now)
"$ngd" train --run run --data train --held-out test --format text --model text:dimension=50,word_ngrams=2 \
  --optimizer ngd:learning_rate=0.01 --trainer trainer:epochs=10,batch_size=64,schedule=linear --progress off -o plain >log
end=$(now)
row "ngd" "$(tail -n 1 log | cut -f 4)" "$start" "$end"
for rate in 0.1 0.5; do
  for threads in 1 2; do
    start=$(now)
    fasttext supervised -input train.fasttext -output model -dim 50 -wordNgrams 2 -epoch 10 -lr $rate \
      -thread $threads >/dev/null 2>&1
    # The second column of "P@1 0.75": one label a line, so precision is accuracy.
    accuracy=$(fasttext test model.bin test.fasttext | awk '/^P@1/ { print $2 }')
    end=$(now)
    row "fasttext, rate $rate, $threads thread(s)" "$accuracy" "$start" "$end"
  done
done
