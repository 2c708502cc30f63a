/**
 * @file key.h
 * @brief Keys of servers and clients, for encrypted tcp.
 *
 * A key is two files, in the form that CZMQ and pyzmq use: `name.key` is public and goes into the directory `authorized` of
 * the servers that are to let its owner in; `name.key_secret` is refused unless its mode is 0600 or, root's, at most 0640.
 */
#ifndef NGD_KEY_H
#define NGD_KEY_H

#include <stdint.h>

#include "ngd/error.h"
#include "ngd/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Makes a new key: writes @p path with the endings .key and .key_secret (mode 0600). Never overwrites.
 *
 * @param path where, without an ending; not NULL.
 * @param role what its owner may do: "reader" pulls; "worker" also pushes, locks and makes models; "admin" the same;
 *        "server" is a server of the cluster; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown role; ::NGD_E_CONFLICT when there is such a file; ::NGD_E_IO;
 *         ::NGD_E_UNSUPPORTED where ZeroMQ was built without CURVE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_key_generate(const char *path, const char *role, ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
