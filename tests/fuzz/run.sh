#!/bin/sh
# Fuzzes one target with libFuzzer and sanitizers: run.sh NAME SECONDS [libFuzzer's options]; needs clang.
set -eu
name=$1 seconds=$2
shift 2
cd "$(dirname "$0")/../.."
case $name in
  frames) sources="src/wire/*.cc src/base/error.cc src/base/text.cc src/base/state.cc src/math/crc32c.cc" ;;
  vectors)  # what reads is instrumented, the rest comes as it is from the default build (target ngd_testable)
    sources="src/vectors/reading.cc src/vectors/text_reader.cc src/vectors/binary_reader.cc src/vectors/saved_vectors.cc
      src/vectors/vectors.cc src/vectors/word_list.cc src/vectors/neighbours.cc src/data/file_reader.cc src/data/line_reader.cc
      src/store/safetensors.cc src/store/safetensors_header.cc build/default/tests/libngd_testable.a -lz -lopenblas" ;;
  coding)  # as above
    sources="src/cluster/coding.cc src/cluster/parameters.cc src/cluster/parameters_values.cc src/base/error.cc
      build/default/tests/libngd_testable.a -lz -lopenblas" ;;
  *) echo "run.sh: no list of sources for $name" >&2; exit 2 ;;
esac
mkdir -p build/fuzz/corpus-"$name"
clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Isrc -Iinclude \
  tests/fuzz/"$name"_fuzz.cc $sources -o build/fuzz/"$name"
build/fuzz/"$name" -max_total_time="$seconds" -print_final_stats=1 "$@" build/fuzz/corpus-"$name"
