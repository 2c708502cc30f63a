#!/bin/sh
# Runs ngd and Debian's fasttext on the same split of package descriptions, and prints accuracy and time.
#
#   compare_fasttext.sh NGD
#
# Both: words and bigrams, dimension 50, 10 epochs. fasttext runs with its default rate (0.1) and with the best of
# 0.1, 0.25, 0.5 and 1 on this split (0.5), on one thread as ngd does, and on two. Times are of the whole training process:
# reading included, and for ngd a test and a checkpoint after each epoch.
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

# Runs a command quietly, its output to the file out; prints wall and processor seconds.
timed() {
  python3 -c '
import resource, subprocess, sys, time
start = time.monotonic()
subprocess.run(sys.argv[1:], check=True, stdout=open("out", "w"), stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{time.monotonic() - start:.1f} {used.ru_utime + used.ru_stime:.1f}")' "$@"
}
row() { # name, accuracy, "wall processor"
  echo "$2 $3" | awk -v name="$1" '{ printf "%-34s %8.2f %% %8.1f s %8.1f s\n", name, 100 * $1, $2, $3 }'
}

printf '%-34s %10s %10s %10s\n' program accuracy wall processor
seconds=$(timed "$ngd" train --run run --data train --held-out test --format text \
  --model text:dimension=50,word_ngrams=2 --optimizer ngd:learning_rate=0.01 \
  --trainer trainer:epochs=10,batch_size=64,schedule=linear,checkpoint_epochs=0 --progress off -o plain)
row "ngd" "$(tail -n 1 out | cut -f 4)" "$seconds"
for rate in 0.1 0.5; do
  for threads in 1 2; do
    seconds=$(timed fasttext supervised -input train.fasttext -output model -dim 50 -wordNgrams 2 -epoch 10 \
      -lr $rate -thread $threads)
    # The right column of "P@1 0.75": one label a line, so precision is accuracy.
    accuracy=$(fasttext test model.bin test.fasttext | awk '/^P@1/ { print $2 }')
    row "fasttext, rate $rate, $threads thread(s)" "$accuracy" "$seconds"
  done
done
