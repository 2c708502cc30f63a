#!/bin/sh
# Fuzzes one target with libFuzzer and sanitizers: run.sh NAME SECONDS [libFuzzer's options]; needs clang.
set -eu
name=$1 seconds=$2
shift 2
cd "$(dirname "$0")/../.."
case $name in
  frames) sources="src/wire/*.cc src/base/error.cc src/base/text.cc src/base/state.cc src/math/crc32c.cc" ;;
  vectors) sources="src/vectors/*.cc src/data/*.cc src/store/*.cc src/base/*.cc src/math/*.cc src/optimizer/*.cc src/optimizer/rules/*.cc -lz -lopenblas" ;;
  *) echo "run.sh: no list of sources for $name" >&2; exit 2 ;;
esac
mkdir -p build/fuzz/corpus-"$name"
clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Isrc -Iinclude \
  tests/fuzz/"$name"_fuzz.cc $sources -o build/fuzz/"$name"
build/fuzz/"$name" -max_total_time="$seconds" -print_final_stats=1 "$@" build/fuzz/corpus-"$name"
