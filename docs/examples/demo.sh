#!/bin/sh
# The main job: trains a text classifier on the package descriptions that every Debian machine has, on servers of which one
# is killed on the way.
#
#   demo.sh NGD [FILE]     NGD is the program; FILE is labelled text to take instead, a line "label TAB words" or
#                          "__label__x words" a sample.
#
# Files and the run go to the directory $NGD_DEMO_DIRECTORY, or build/demo beside the sources.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: demo.sh NGD [FILE]" >&2
  exit 2
fi
ngd=$1
here=$(cd "$(dirname "$0")" && pwd)
directory=${NGD_DEMO_DIRECTORY:-$here/../../build/demo}
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
run=$directory/run
rm -rf "$run"

if [ $# -eq 2 ]; then
  train=$2
  held_out=0.1
  echo "Training on $train, one tenth held out at random."
elif ! command -v apt-cache >/dev/null || ! apt-cache dumpavail | grep -q '^Section:'; then
  echo "demo.sh: apt-cache has no package descriptions here (on Debian: apt-get update brings them)." >&2
  echo "Give a file of labelled text instead, a line 'label TAB words' a sample: demo.sh NGD FILE" >&2
  exit 1
else
  train=$directory/sections.train
  held_out=$directory/sections.test
  echo "Which section does a Debian package belong to, by its short description?"
  apt-cache dumpavail | python3 "$here/debian_sections.py" "$train" "$held_out"
fi
echo "Four workers, two shards, each on two servers; at a third of the way a server is killed."
echo

# One checkpoint, at the end: it holds a table of 280,000 rows.
"$ngd" train --run "$run" --data "$train" --held-out "$held_out" --format text \
  --model text:dimension=50,word_ngrams=2 --icea mix \
  --optimizer ngd:learning_rate=0.01 --trainer trainer:epochs=10,batch_size=64,schedule=linear,checkpoint_epochs=0 \
  --workers 4 --shards 2 --replicas 2 --fire-drill 0.33
"$ngd" plot "$run" --svg "$directory/demo.svg" >/dev/null
echo "The curves, with the takeover: $directory/demo.svg"

if [ $# -eq 1 ]; then
  echo
  echo "What it says of three descriptions:"
  printf '%s\n' 'library for reading and writing images ( development files )' \
    'arcade game with penguins' 'python 3 bindings for a message queue' |
    "$ngd" predict --model "$run" --data - --top 2
fi
