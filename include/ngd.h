/**
 * @file ngd.h
 * @brief libngd: optimizers, models, training and a parameter server as one small C library. This header includes all the others.
 *
 * @mainpage libngd
 *
 * The whole contract in a page:
 * - **Handles** are opaque; `_create` makes one, `_destroy` frees it and accepts NULL. They may be destroyed in
 *   any order.
 * - **Errors**: a function that can fail returns an ::ngd_status and fills an ::ngd_error that you own. See
 *   error.h.
 * - **Options** have names; `_describe` lists them; specs such as "adam:learning_rate=0.01" set them. See
 *   option.h.
 * - **Memory**: your arrays stay yours and no pointer to them is kept after a call. Results go to your buffers;
 *   where the size varies, ask with capacity 0 first.
 * - **Threads**: each function says *free* (no handle), *exclusive* (one thread at a time) or *shared*
 *   (several threads at once).
 * - **Text** is UTF-8. Numbers in text have the "C" locale's form, whatever locale the program has set.
 * - **Structs** begin with their own size, which the caller sets; fields are only ever added at the end.
 *
 * Link with `pkg-config --cflags --libs ngd`, or with CMake `find_package(ngd)` and `ngd::ngd`.
 */
#ifndef NGD_H
#define NGD_H

#include "ngd/checkpoint.h"
#include "ngd/client.h"
#include "ngd/dataset.h"
#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/icea.h"
#include "ngd/initializer.h"
#include "ngd/key.h"
#include "ngd/model.h"
#include "ngd/optimizer.h"
#include "ngd/option.h"
#include "ngd/search.h"
#include "ngd/server.h"
#include "ngd/tensor.h"
#include "ngd/trainer.h"
#include "ngd/vectors.h"
#include "ngd/version.h"

#endif
