/* Word vectors: the formats, what is wrong with files, lookups, neighbours, analogies, writing. */
#include <math.h>
#include <unistd.h>
#include <zlib.h>

#include "test.h"

static ngd_error error;

static int enter_folder(void **state) {
  (void)state;
  char folder[] = "/tmp/ngd-vectors-XXXXXX";
  return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int leave_folder(void **state) {
  (void)state;
  char folder[200];
  if (getcwd(folder, sizeof folder) == NULL || strncmp(folder, "/tmp/ngd-vectors-", 17) != 0) return 1;
  char command[300];
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command);
}

static void write_bytes(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static void write_text(const char *path, const char *text) {
  write_bytes(path, text, strlen(text));
}

/* A file of format word2vec_binary; `after` stands behind each record. */
static void write_binary(const char *path, const char *first_line, const char *const *words,
                         const float *values, size_t count, size_t dimension, const char *after) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  fputs(first_line, file);
  for (size_t i = 0; i < count; i++) {
    fprintf(file, "%s ", words[i]);
    fwrite(values + i * dimension, sizeof(float), dimension, file);
    fputs(after, file);
  }
  assert_int_equal(fclose(file), 0);
}

static ngd_vectors *make(const char *spec) {
  ngd_vectors *vectors = NULL;
  check_ok(ngd_vectors_create(spec, &vectors, &error));
  return vectors;
}

static ngd_vectors *loaded(const char *spec, const char *path) {
  ngd_vectors *vectors = make(spec);
  check_ok(ngd_vectors_load(vectors, path, &error));
  return vectors;
}

static ngd_vectors_info info_of(const ngd_vectors *vectors) {
  ngd_vectors_info info = {.struct_size = sizeof info};
  check_ok(ngd_vectors_get_info(vectors, &info, &error));
  return info;
}

static const char *word_at(const ngd_vectors *vectors, uint64_t row) {
  static char word[100];
  check_ok(ngd_vectors_get_word(vectors, row, word, sizeof word, NULL, &error));
  return word;
}

static void check_row(const ngd_vectors *vectors, uint64_t row, const char *word, float first, float second) {
  float values[2];
  assert_string_equal(word_at(vectors, row), word);
  check_ok(ngd_vectors_get_rows_f32(vectors, row, 1, values, 2, &error));
  assert_memory_equal(&values[0], &first, sizeof first);
  assert_memory_equal(&values[1], &second, sizeof second);
}

static void check_refused(const char *spec, const char *path, ngd_status status, const char *message) {
  ngd_vectors *vectors = make(spec);
  check_error(ngd_vectors_load(vectors, path, &error), status, message);
  assert_int_equal(info_of(vectors).words, 0);
  assert_int_equal(info_of(vectors).dimension, 0);
  ngd_vectors_destroy(vectors);
}

static void check_text_refused(const char *text, const char *message) {
  write_text("bad.txt", text);
  check_refused(NULL, "bad.txt", NGD_E_DATA, message);
}

/* --- formats */

static void check_cat_and_dog(ngd_vectors *vectors) {
  assert_int_equal(info_of(vectors).words, 2);
  assert_int_equal(info_of(vectors).dimension, 2);
  check_row(vectors, 0, "cat", 0.5f, -1e-3f);
  check_row(vectors, 1, "dog", -0.0f, 7.0f);
  ngd_vectors_destroy(vectors);
}

static void glove_text_is_read(void **state) {
  (void)state;
  write_text("glove.txt", "cat 0.5 -1e-3\ndog -0 7\n");
  check_cat_and_dog(loaded(NULL, "glove.txt"));
}

static void lines_may_end_as_they_like(void **state) {
  (void)state;
  write_text("crlf.txt",
             "\xEF\xBB\xBF"
             "cat 0.5 -.001 \r\n\r\ndog -0.0\t+7");
  check_cat_and_dog(loaded(NULL, "crlf.txt"));
}

static void word2vec_text_is_read_and_so_is_fasttext(void **state) {
  (void)state;
  write_text("word2vec.txt", "2 2\ncat 0.5 -1e-3 \ndog -0 7 \n");
  ngd_vectors *vectors = loaded(NULL, "word2vec.txt");
  assert_int_equal(info_of(vectors).declared, 2);
  check_cat_and_dog(vectors);
}

static void word2vec_binary_is_read_with_and_without_line_breaks(void **state) {
  (void)state;
  const char *words[] = {"cat", "dog"};
  const float values[] = {0.5f, -1e-3f, -0.0f, 7.0f};
  const char *after[] = {"\n", ""};
  for (size_t i = 0; i < 2; i++) {
    write_binary("word2vec.bin", "2 2\n", words, values, 2, 2, after[i]);
    check_cat_and_dog(loaded(NULL, "word2vec.bin"));
  }
}

static void gzip_is_unpacked(void **state) {
  (void)state;
  const char text[] = "cat 0.5 -1e-3\ndog -0 7\n";
  gzFile file = gzopen("glove.txt.gz", "wb");
  gzwrite(file, text, sizeof text - 1);
  assert_int_equal(gzclose(file), Z_OK);
  check_cat_and_dog(loaded(NULL, "glove.txt.gz"));
}

static void words_may_hold_blanks_and_digits(void **state) {
  (void)state;
  write_text("blanks.txt", ". . . 1 2\n42 3 4\nat mail@example 5 6\n");
  ngd_vectors *vectors = loaded(NULL, "blanks.txt");
  check_row(vectors, 0, ". . .", 1, 2);
  check_row(vectors, 1, "42", 3, 4);
  check_row(vectors, 2, "at mail@example", 5, 6);
  ngd_vectors_destroy(vectors);
}

static void format_can_be_given(void **state) {
  (void)state;
  write_text(
      "two.txt",
      "2 2\n3 4\n");  // one word "3" with the number 4 would be a file of word2vec with the wrong dimension
  ngd_vectors *vectors = loaded("vectors:format=glove", "two.txt");
  assert_int_equal(info_of(vectors).words, 2);
  assert_int_equal(info_of(vectors).dimension, 1);
  ngd_vectors_destroy(vectors);
  write_text("glove.txt", "cat 0.5 -1e-3\n");
  check_refused("vectors:format=word2vec_text", "glove.txt", NGD_E_DATA,
                "glove.txt:1:1: found \"cat 0.5 -1e-3\", expected the number of words and the dimension (set "
                "format=glove for a file without this line)");
}

static void first_words_can_be_kept(void **state) {
  (void)state;
  write_text("three.txt", "a 1 2\nb 3 4\nbroken");
  ngd_vectors *vectors = loaded("vectors:words=2", "three.txt");
  assert_int_equal(info_of(vectors).words, 2);
  check_row(vectors, 1, "b", 3, 4);
  ngd_vectors_destroy(vectors);
}

static void first_vector_of_a_word_counts(void **state) {
  (void)state;
  write_text("twice.txt", "a 1 2\nb 3 4\na 5 6\n");
  ngd_vectors *vectors = loaded(NULL, "twice.txt");
  assert_int_equal(info_of(vectors).words, 2);
  assert_int_equal(info_of(vectors).duplicates, 1);
  check_row(vectors, 0, "a", 1, 2);
  ngd_vectors_destroy(vectors);
}

static void many_words_are_all_found(void **state) {
  (void)state;
  FILE *file = fopen("many.txt", "wb");
  for (int i = 0; i < 20000; i++) fprintf(file, "w%d %d %d\n", i * 7, i, -i);
  fclose(file);
  ngd_vectors *vectors = loaded(NULL, "many.txt");
  for (int i = 0; i < 20000; i++) {
    char word[20];
    snprintf(word, sizeof word, "w%d", i * 7);
    uint64_t row;
    check_ok(ngd_vectors_find(vectors, word, &row, &error));
    assert_int_equal(row, i);
    assert_string_equal(word_at(vectors, row), word);
  }
  ngd_vectors_destroy(vectors);
}

/* --- files that are wrong */

static void malformed_lines_are_told_exactly(void **state) {
  (void)state;
  check_text_refused("", "bad.txt: holds no word vectors; is it the right file?");
  check_text_refused(
      "a word\n",
      "bad.txt:1:1: found \"a word\", expected a word and 1 to 65536 numbers (is it a file of vectors?)");
  check_text_refused(
      "a 1 2\nb 3\n",
      "bad.txt:2:1: found 1 numbers after the word, expected 2 (set malformed=skip to leave such words out)");
  check_text_refused(
      "a 1 2\nb 3 4 5\n",
      "bad.txt:2:3: found more than 2 numbers after the word (set malformed=skip to leave such words out)");
  check_text_refused(
      "a 1 2\nb 3 x\n",
      "bad.txt:2:5: found 0 numbers after the word, expected 2 (set malformed=skip to leave such words out)");
  check_text_refused(
      "a 1 2\nb nan 2\n",
      "bad.txt:2:3: found \"nan\", expected a finite number (set malformed=skip to leave such words out)");
  check_text_refused(
      "a 1 2\nb 1e39 2\n",
      "bad.txt:2:3: found \"1e39\", expected a finite number (set malformed=skip to leave such words out)");
  check_text_refused("a 1 2\n 3 4\n",
                     "bad.txt:2:1: found no word, expected one before the numbers (set malformed=skip to leave "
                     "such words out)");
  check_text_refused(
      "a 1 2\nb\xFF 3 4\n",
      "bad.txt:2:1: found the word \"b\xFF\", which is not UTF-8 (convert the file, or set malformed=skip to "
      "leave such words out)");
}

static void first_lines_that_lie_are_told(void **state) {
  (void)state;
  check_text_refused(
      "3 2\na 1 2\nb 3 4\n",
      "bad.txt: ends after 2 words, but its first line promises 3 (copy or download the file again, or "
      "set malformed=skip to take what is there)");
  check_text_refused(
      "1 2\na 1 2\nb 3 4\n",
      "bad.txt:3:1: found \"b 3 4\", expected the end of the file: its first line promises 1 words (set "
      "malformed=skip to leave such words out)");
  check_text_refused(
      "1 3\na 1 2\n",
      "bad.txt:2:1: found 2 numbers after the word, expected 3 (set malformed=skip to leave such words out)");
  check_text_refused(
      "0 3\n",
      "bad.txt:1:1: found the promise of 0 words of dimension 3, expected 1 to 4294967294 words of "
      "dimension 1 to 65536 (the file is damaged, or no file of vectors)");
  check_text_refused(
      "900000000000000000 3\na 1 2 3\n",
      "bad.txt:1:1: found the promise of 900000000000000000 words of dimension 3, expected 1 to 4294967294 "
      "words of dimension 1 to 65536 (the file is damaged, or no file of vectors)");
  // A promise takes no memory by itself.
  check_text_refused("4000000000 60000\na 1 2\n",
                     "bad.txt:2:1: found 2 numbers after the word, expected 60000 (set malformed=skip to leave "
                     "such words out)");
}

static void binary_files_that_are_wrong_are_told(void **state) {
  (void)state;
  const char *words[] = {"cat", "dog"};
  const float values[] = {0.5f, NAN, 1, 2}, good[] = {0.5f, 1e-3f, 1, 2};
  write_binary("nan.bin", "2 2\n", words, values, 2, 2, "\n");
  check_refused(
      NULL, "nan.bin", NGD_E_DATA,
      "nan.bin: word 0: number 1 of \"cat\" is nan, expected a finite number (set malformed=skip to leave such "
      "words out)");
  write_binary("long.bin", "1 2\n", words, good, 2, 2, "\n");
  check_refused(
      NULL, "long.bin", NGD_E_DATA,
      "long.bin: found more bytes behind the 1 words of dimension 2 that its first line promises (set "
      "malformed=skip to leave such words out)");
  write_binary("short.bin", "3 2\n", words, good, 2, 2, "\n");
  check_refused(
      NULL, "short.bin", NGD_E_DATA,
      "short.bin: ends after 2 words, but its first line promises 3 (copy or download the file again, or set "
      "malformed=skip to take what is there)");
  write_binary("cut.bin", "2 2\n", words, good, 2, 2, "");
  assert_int_equal(truncate("cut.bin", 4 + 12 + 7), 0);
  check_refused(
      NULL, "cut.bin", NGD_E_DATA,
      "cut.bin: word 1: the file ends after 3 of the 8 bytes of its numbers (copy or download the file again, "
      "or set malformed=skip to take what is there)");
  ngd_vectors *vectors = loaded("vectors:malformed=skip", "cut.bin");
  assert_int_equal(info_of(vectors).words, 1);
  assert_int_equal(info_of(vectors).skipped, 1);
  ngd_vectors_destroy(vectors);
  write_binary("other.bin", "2 20\n", words, good, 2, 2, "\n");
  check_refused(
      "vectors:format=word2vec_binary", "other.bin", NGD_E_DATA,
      "other.bin: word 0: the file ends after 22 of the 80 bytes of its numbers (copy or download the file "
      "again, or set malformed=skip to take what is there)");
}

static void malformed_words_can_be_left_out(void **state) {
  (void)state;
  write_text("some.txt", "a 1 2\nb 3\nc nan 3\nd 5 6\na 7 8\n");
  ngd_vectors *vectors = loaded("vectors:malformed=skip", "some.txt");
  assert_int_equal(info_of(vectors).words, 2);
  assert_int_equal(info_of(vectors).skipped, 2);
  assert_int_equal(info_of(vectors).duplicates, 1);
  check_row(vectors, 1, "d", 5, 6);
  ngd_vectors_destroy(vectors);
  write_text("none.txt", "2 2\na nan 3\nb nan 5\n");
  check_refused(
      "vectors:malformed=skip", "none.txt", NGD_E_DATA,
      "none.txt: all 2 words were left out by malformed=skip, the first because: none.txt:2:3: found \"nan\", "
      "expected a finite number (set malformed=skip to leave such words out)");
}

static void damaged_gzip_is_told(void **state) {
  (void)state;
  gzFile file = gzopen("cut.gz", "wb");
  for (int i = 0; i < 50000; i++) gzprintf(file, "w%d %d.5 1\n", i, i % 977);
  assert_int_equal(gzclose(file), Z_OK);
  assert_int_equal(truncate("cut.gz", 50000), 0);
  ngd_vectors *vectors = make(NULL);
  assert_int_equal(ngd_vectors_load(vectors, "cut.gz", &error), NGD_E_DATA);
  assert_non_null(strstr(error.message, "damaged gzip data"));
  assert_int_equal(info_of(vectors).words, 0);
  ngd_vectors_destroy(vectors);
}

static void missing_files_are_told(void **state) {
  (void)state;
  check_refused(NULL, "absent", NGD_E_IO, "absent: cannot open the file: No such file or directory");
  check_refused(NULL, ".", NGD_E_IO, ".: cannot read the file: Is a directory");
}

/* --- memory */

static void memory_limit_refuses_before_it_is_passed(void **state) {
  (void)state;
  write_text("promise.txt", "1000000 250\na 1 2\n");
  check_refused(
      "vectors:memory_limit=100000000", "promise.txt", NGD_E_MEMORY,
      "promise.txt: 1000000 words of dimension 250 need 1000000000 bytes, but memory_limit is 100000000; set "
      "words=97656 to keep the first ones, or raise memory_limit");
  FILE *file = fopen("long.txt", "wb");
  for (int i = 0; i < 5000; i++) fprintf(file, "w%d 1 2\n", i);
  fclose(file);
  ngd_vectors *vectors = make("vectors:memory_limit=40000");
  assert_int_equal(ngd_vectors_load(vectors, "long.txt", &error), NGD_E_MEMORY);
  unsigned fits = 0;
  assert_int_equal(sscanf(strstr(error.message, "set words="), "set words=%u", &fits), 1);
  assert_in_range(fits, 1000, 4999);
  char number[20];
  snprintf(number, sizeof number, "%u", fits);
  check_ok(ngd_vectors_set_text(vectors, "words", number, &error));
  check_ok(ngd_vectors_load(vectors, "long.txt", &error));  // what the message advises works
  assert_int_equal(info_of(vectors).words, fits);
  assert_true(info_of(vectors).bytes <= 40000);
  ngd_vectors_destroy(vectors);
}

/* --- handles */

static void options_are_listed_and_fixed_once_there_are_words(void **state) {
  (void)state;
  ngd_option_info info = {.struct_size = sizeof info};
  check_ok(ngd_vectors_describe(0, &info, &error));
  assert_string_equal(info.name, "format");
  check_error(ngd_vectors_describe(1000, &info, &error), NGD_E_NOT_FOUND,
              "the vectors has 16 options; there is no option number 1000");
  ngd_vectors *vectors = NULL;
  check_error(ngd_vectors_create("vectors:wrds=5", &vectors, &error), NGD_E_OPTION,
              "unknown option \"wrds\" for the vectors; did you mean \"words\"? (column 9)");
  assert_null(vectors);
  check_error(ngd_vectors_create("vector", &vectors, &error), NGD_E_OPTION,
              "unknown kind of vectors \"vector\"; did you mean \"vectors\"? Known: vectors");
  write_text("glove.txt", "cat 0.5 -1e-3\ndog -0 7\n");
  vectors = loaded(NULL, "glove.txt");
  assert_int_equal(ngd_vectors_set(vectors, "words", 5, &error), NGD_E_STATE);
  check_ok(ngd_vectors_set_text(vectors, "blanks", "underscore", &error));
  check_error(ngd_vectors_load(vectors, "glove.txt", &error), NGD_E_STATE,
              "there are 2 words already; create another handle to load a file");
  ngd_vectors_destroy(vectors);
  ngd_vectors_destroy(NULL);
}

static void arrays_can_be_appended(void **state) {
  (void)state;
  ngd_vectors *vectors = make(NULL);
  const char *words[] = {"a", "b"}, *twice[] = {"c", "c"}, *bad[] = {"c", "d\n"};
  const float values[] = {1, 2, 3, 4}, nan_values[] = {1, 2, NAN, 4};
  check_ok(ngd_vectors_append_f32(vectors, words, values, 2, 2, &error));
  check_error(ngd_vectors_append_f32(vectors, twice, values, 2, 2, &error), NGD_E_RANGE,
              "word 1 is \"c\", which is there already");
  check_error(ngd_vectors_append_f32(vectors, twice, values, 1, 4, &error), NGD_E_SHAPE,
              "argument \"dimension\" is 4, but the words before have 2 numbers");
  check_error(ngd_vectors_append_f32(vectors, twice, nan_values, 2, 2, &error), NGD_E_NOT_FINITE,
              "number 0 of word 1 is nan, but must be finite");
  check_error(ngd_vectors_append_f32(vectors, bad, values, 2, 2, &error), NGD_E_ARGUMENT,
              "word 1 is \"d\\x0a\", but must not be empty, be UTF-8 and hold no line break");
  assert_int_equal(info_of(vectors).words, 2);
  check_row(vectors, 1, "b", 3, 4);
  assert_true(fabs(info_of(vectors).deviation - sqrt(1.25)) < 1e-12);
  assert_true(fabs(info_of(vectors).mean_length - (sqrt(5) + 5) / 2) < 1e-12);
  ngd_vectors_destroy(vectors);
}

static void case_is_folded_where_asked(void **state) {
  (void)state;
  write_text("case.txt", "Paris 1 2\npolish 3 4\nPOLISH 5 6\nUS 7 8\nus 9 10\n");
  uint64_t row = 0;
  ngd_vectors *exact = loaded(NULL, "case.txt");
  check_error(ngd_vectors_find(exact, "paris", &row, &error), NGD_E_NOT_FOUND,
              "the word \"paris\" has no vector");
  check_error(ngd_vectors_find(exact, "Polish", &row, &error), NGD_E_NOT_FOUND,
              "the word \"Polish\" has no vector; \"polish\" has: set case=fold before the file is loaded");
  ngd_vectors *fold = loaded("vectors:case=fold", "case.txt");
  const char *words[] = {"paris", "PARIS", "Polish", "POLISH", "Us", "US"};
  const uint64_t rows[] = {0, 0, 1, 2, 4, 3};
  for (size_t i = 0; i < 6; i++) {
    check_ok(ngd_vectors_find(fold, words[i], &row, &error));
    assert_int_equal(row, rows[i]);
  }
  check_error(ngd_vectors_find(fold, "rome", &row, &error), NGD_E_NOT_FOUND, "the word \"rome\" has no vector");
  ngd_vectors_destroy(exact);
  ngd_vectors_destroy(fold);
}

static void lookups_are_checked(void **state) {
  (void)state;
  write_text("glove.txt", "cat 0.5 -1e-3\ndog -0 7\n");
  ngd_vectors *vectors = loaded(NULL, "glove.txt");
  char word[3];
  float values[4];
  size_t needed = 0, found = 0;
  uint64_t rows[2], none[] = {2};
  check_error(ngd_vectors_get_word(vectors, 2, word, 3, NULL, &error), NGD_E_NOT_FOUND,
              "there is no row 2; there are 2 words");
  assert_int_equal(ngd_vectors_get_word(vectors, 0, word, 3, &needed, &error), NGD_E_BUFFER);
  assert_int_equal(needed, 4);
  check_error(ngd_vectors_get_rows_f32(vectors, 1, 2, values, 4, &error), NGD_E_RANGE,
              "rows 1 to 1 + 2 do not all exist; there are 2 words");
  check_error(ngd_vectors_get_rows_f32(vectors, 0, 2, values, 3, &error), NGD_E_BUFFER,
              "values has room for 3 numbers, but 2 rows of 2 need 4");
  check_error(ngd_vectors_nearest_f32(vectors, values, 3, NULL, 0, 2, rows, NULL, &found, &error), NGD_E_SHAPE,
              "the query has 3 numbers, but the vectors have 2");
  values[0] = values[1] = INFINITY;
  check_error(ngd_vectors_nearest_f32(vectors, values, 2, NULL, 0, 2, rows, NULL, &found, &error),
              NGD_E_NOT_FINITE, "number 0 of the query is inf, but must be finite");
  values[0] = values[1] = 1;
  check_error(ngd_vectors_nearest_f32(vectors, values, 2, none, 1, 2, rows, NULL, &found, &error), NGD_E_RANGE,
              "row 2 to leave out does not exist; there are 2 words");
  check_error(ngd_vectors_find(NULL, "cat", rows, &error), NGD_E_ARGUMENT,
              "argument \"vectors\" is NULL, but may not be");
  ngd_vectors_destroy(vectors);
}

/* --- neighbours */

static void neighbours_are_ordered_by_cosine(void **state) {
  (void)state;
  write_text("plane.txt",
             "east 10 0\nnorth 0 .1\nwest -1 0\nnortheast 1 1\nnowhere 0 0\neast2 5 0\nlarge 3e38 1e38\n");
  ngd_vectors *vectors = loaded(NULL, "plane.txt");
  uint64_t rows[10];
  float similarities[10];
  size_t found = 0;
  check_ok(ngd_vectors_neighbours_f32(vectors, "east", 10, rows, similarities, &found, &error));
  const uint64_t expected[] = {5, 6, 3, 1, 4, 2};
  const double cosines[] = {1, 3 / sqrt(10), sqrt(.5), 0, 0, -1};
  assert_int_equal(found, 6);
  for (size_t i = 0; i < 6; i++) {
    assert_int_equal(rows[i], expected[i]);
    assert_true(fabs((double)similarities[i] - cosines[i]) < 1e-6);
  }
  check_ok(ngd_vectors_neighbours_f32(vectors, "east", 2, rows, NULL, &found, &error));
  assert_int_equal(found, 2);
  assert_int_equal(rows[1], 6);
  const float query[] = {-1, 0};
  const uint64_t excluded[] = {2};
  check_ok(ngd_vectors_nearest_f32(vectors, query, 2, excluded, 1, 1, rows, similarities, &found, &error));
  assert_int_equal(rows[0], 1);  // of equal ones the lower row: north and nowhere
  check_error(ngd_vectors_neighbours_f32(vectors, "up", 2, rows, NULL, &found, &error), NGD_E_NOT_FOUND,
              "the word \"up\" has no vector");
  ngd_vectors_destroy(vectors);
}

static void analogies_add_and_leave_out_their_words(void **state) {
  (void)state;
  write_text("royal.txt", "man 1 0 0\nwoman 1 1 0\nking 1 0 1\nqueen 1 1 1\nprince 1 .1 1\n");
  ngd_vectors *vectors = loaded(NULL, "royal.txt");
  uint64_t rows[2];
  size_t found = 0;
  check_ok(ngd_vectors_analogy_f32(vectors, "man", "king", "woman", 2, rows, NULL, &found, &error));
  assert_int_equal(found, 2);
  assert_string_equal(word_at(vectors, rows[0]), "queen");
  assert_string_equal(word_at(vectors, rows[1]), "prince");
  ngd_vectors_destroy(vectors);
}

/* --- writing */

static void what_is_written_reads_back_as_the_same_bits(void **state) {
  (void)state;
  const char *words[] = {"a", "b", "\xC3\xA9"};
  const float values[] = {1.0f / 3, -0.0f, 1e-45f, 3.4e38f, 0.1f, -123456.789f};
  const char *formats[] = {"word2vec_text", "word2vec_binary", "safetensors"};
  ngd_vectors *vectors = make(NULL);
  check_ok(ngd_vectors_append_f32(vectors, words, values, 3, 2, &error));
  for (size_t i = 0; i < 3; i++) {
    check_ok(ngd_vectors_save(vectors, "saved", formats[i], &error));
    ngd_vectors *again = loaded(NULL, "saved");
    assert_int_equal(info_of(again).words, 3);
    for (size_t k = 0; k < 3; k++) check_row(again, k, words[k], values[2 * k], values[2 * k + 1]);
    ngd_vectors_destroy(again);
  }
  check_error(
      ngd_vectors_save(vectors, "saved", "glove", &error), NGD_E_OPTION,
      "unknown format to write vectors in \"glove\"; Known: word2vec_text, word2vec_binary, safetensors");
  ngd_vectors_destroy(vectors);
  vectors = make(NULL);
  check_error(ngd_vectors_save(vectors, "saved", "safetensors", &error), NGD_E_STATE,
              "there are no words yet; load a file, append words or train them first");
  ngd_vectors_destroy(vectors);
}

static void damaged_safetensors_are_told(void **state) {
  (void)state;
  const char *words[] = {"a", "b"};
  const float values[] = {1, 2, 3, 4};
  ngd_vectors *vectors = make(NULL);
  check_ok(ngd_vectors_append_f32(vectors, words, values, 2, 2, &error));
  check_ok(ngd_vectors_save(vectors, "good.safetensors", "safetensors", &error));
  ngd_vectors_destroy(vectors);
  FILE *file = fopen("good.safetensors", "r+b");
  fseek(file, -6, SEEK_END);  // in the last number
  fputc(7, file);
  fclose(file);
  check_refused(NULL, "good.safetensors", NGD_E_CHECKPOINT,
                "good.safetensors: its contents do not match its checksum; it is damaged");
}

static void blanks_are_refused_or_replaced(void **state) {
  (void)state;
  write_text("blanks.txt", ". . . 1 2\nb 3 4\n");
  ngd_vectors *vectors = loaded(NULL, "blanks.txt");
  check_error(
      ngd_vectors_save(vectors, "out", "word2vec_binary", &error), NGD_E_DATA,
      "cannot write \"out\": the word \". . .\" holds a blank, and in this format blanks end a word; set "
      "blanks=underscore, or take safetensors");
  assert_int_equal(access("out", F_OK), -1);
  check_ok(ngd_vectors_save(vectors, "out", "safetensors", &error));
  check_ok(ngd_vectors_set_text(vectors, "blanks", "underscore", &error));
  check_ok(ngd_vectors_save(vectors, "out", "word2vec_binary", &error));
  ngd_vectors_destroy(vectors);
  vectors = loaded(NULL, "out");
  check_row(vectors, 0, "._._.", 1, 2);
  ngd_vectors_destroy(vectors);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(glove_text_is_read),
      cmocka_unit_test(lines_may_end_as_they_like),
      cmocka_unit_test(word2vec_text_is_read_and_so_is_fasttext),
      cmocka_unit_test(word2vec_binary_is_read_with_and_without_line_breaks),
      cmocka_unit_test(gzip_is_unpacked),
      cmocka_unit_test(words_may_hold_blanks_and_digits),
      cmocka_unit_test(format_can_be_given),
      cmocka_unit_test(first_words_can_be_kept),
      cmocka_unit_test(first_vector_of_a_word_counts),
      cmocka_unit_test(many_words_are_all_found),
      cmocka_unit_test(malformed_lines_are_told_exactly),
      cmocka_unit_test(first_lines_that_lie_are_told),
      cmocka_unit_test(binary_files_that_are_wrong_are_told),
      cmocka_unit_test(malformed_words_can_be_left_out),
      cmocka_unit_test(damaged_gzip_is_told),
      cmocka_unit_test(missing_files_are_told),
      cmocka_unit_test(memory_limit_refuses_before_it_is_passed),
      cmocka_unit_test(options_are_listed_and_fixed_once_there_are_words),
      cmocka_unit_test(arrays_can_be_appended),
      cmocka_unit_test(case_is_folded_where_asked),
      cmocka_unit_test(lookups_are_checked),
      cmocka_unit_test(neighbours_are_ordered_by_cosine),
      cmocka_unit_test(analogies_add_and_leave_out_their_words),
      cmocka_unit_test(what_is_written_reads_back_as_the_same_bits),
      cmocka_unit_test(damaged_safetensors_are_told),
      cmocka_unit_test(blanks_are_refused_or_replaced),
  };
  return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
