/**
 * @file option.h
 * @brief Options by name: how every handle is configured, and how a program learns which options exist.
 *
 * Each handle kind has `_set`, `_set_text`, `_get`, `_get_text` and `_describe`. A misspelt name is an error
 * that names the nearest one. `_set` takes a number; `_set_text` takes any option as text, so that a command
 * line or a configuration file needs no table of types.
 *
 * @par Spec text
 * `_create` functions take a spec: a kind, and optionally a colon and options, such as
 * `"ngd:learning_rate=0.01,accel=nesterov"`. Options are separated by commas; a value that holds a comma, a
 * colon, an equals sign or spaces stands in double quotes (`separator=","`), inside which a backslash quotes
 * the next character. Spaces around names and values are ignored.
 */
#ifndef NGD_OPTION_H
#define NGD_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/error.h"
#include "ngd/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The types of option, as ngd_option_info.type. */
enum {
  NGD_OPTION_NUMBER = 1,  /**< A floating-point number. */
  NGD_OPTION_INTEGER = 2, /**< A whole number. */
  NGD_OPTION_FLAG = 3,    /**< 0 or 1; as text also no / yes, false / true, off / on. */
  NGD_OPTION_CHOICE = 4,  /**< One of ngd_option_info.choices. */
  NGD_OPTION_TEXT = 5     /**< Any UTF-8 text. */
};

/** One option, as `_describe` tells it. All pointers are static strings that are never freed. */
typedef struct ngd_option_info {
  size_t struct_size;       /**< Set by the caller to sizeof(ngd_option_info) before the call. */
  const char *name;         /**< The option's name. */
  const char *help;         /**< One line of help. */
  const char *choices;      /**< For a choice: the values, separated by '|'; "" otherwise. */
  const char *default_text; /**< The default as `_set_text` would take it. */
  double default_number;    /**< The default of a number, integer or flag; 0 otherwise. */
  double minimum;           /**< Smallest value of a number or integer (-infinity when there is none). */
  double maximum;           /**< Largest value of a number or integer (infinity when there is none). */
  int32_t type;             /**< One of the NGD_OPTION_ numbers. */
  int32_t minimum_excluded; /**< 1 when the minimum itself is not allowed. */
  int32_t maximum_excluded; /**< 1 when the maximum itself is not allowed. */
  int32_t fixed;            /**< 1 when the option can only be set before the handle is first used. */
} ngd_option_info;

#ifdef __cplusplus
}
#endif

#endif
