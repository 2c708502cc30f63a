/**
 * @file server.h
 * @brief A parameter server: it holds the parameters of models, applies the updates of clients, each exactly once, and
 * answers reads. A program may run one inside, or use `ngd server`.
 *
 * @code{.c}
 * ngd_server *server = NULL;
 * ngd_server_create("server:data_dir=/var/lib/ngd", &server, &error);
 * ngd_server_set_text(server, "listen", "tcp://127.0.0.1:7070", &error);
 * ngd_server_start(server, 5000, &error);
 * // clients come: client.h
 * ngd_server_stop(server, 30000, &error);
 * ngd_server_destroy(server);
 * @endcode
 *
 * @par Models
 * A server begins empty, or with what its `data_dir` holds. Clients make models: tensors, their optimizer, and into how
 * many shards they are cut. Shards are placed on the servers of the cluster so that bytes balance.
 *
 * @par Several servers
 * Those of one host form a cluster through a directory: give each the same `coordinator=local:/path`, a `node` number of
 * its own, and its own addresses and `data_dir`. Those of several hosts do so through etcd, of three members or more:
 * `coordinator=etcd://host:port,host:port,host:port`, spoken by a module that lies beside the library.
 *
 * @par Addresses
 * `tcp://host:port` (port * for any free one; ask `endpoints`), `ipc:///path/of/socket` in a directory that only you may
 * enter (made with mode 0700), `inproc://name` for clients in this process.
 *
 * @par Security
 * With `key` and `authorized`, tcp is encrypted (CURVE) and only keys whose public halves lie in the directory are let in,
 * each as the role that its file names: reader, worker, admin or server. Plain tcp is served to this host alone unless
 * `trusted_network=1` is set. ipc and inproc are not encrypted: who may open the socket may do everything.
 *
 * @par Durability
 * Without `data_dir` everything ends with the process. With it, checkpoints are written without holding up pulls or
 * updates: when asked, every `checkpoint_every` seconds or `checkpoint_versions` versions, and when the server is stopped.
 * A restart continues from the newest one that is whole; clients then get ::NGD_E_LINEAGE once.
 *
 * With `ack=disk` every answer also waits until the record of its update is on the disk, in a log beside the checkpoints;
 * updates that come together share one fdatasync. A restart then continues where the log ends: versions, locks and what was
 * done for whom are as they were, and clients go on as if the server had only been slow. A checkpoint is then also written
 * when the log of a shard has `log_bytes`, and shortens it. While the disk is full or fails, updates wait; the field
 * "trouble" of ngd_server_get_status() says why, and also what a restart left out: a record that was torn by the crash, or, on
 * a disk that lost what it had promised, everything behind the damage; the model then has a new lineage.
 *
 * @par Replicas
 * `replicas=K` keeps each shard of models that this server makes on K servers, as far as there are so many. An answer then waits
 * until all that are in sync have its update; when one dies another goes on, and clients find it by themselves. Fewer than
 * `min_in_sync` in sync, and nothing is answered.
 *
 * With `ack=disk` an answer waits until the update is on the disks of all that are in sync, and each keeps there what it has: a
 * state, written anew when the log behind it has `log_bytes`, and that log. When all servers died, any one that was in sync and
 * comes back with its disk goes on where the log ends, as above; clients only wait. One whose disk is lost waits for another of
 * them, and "trouble" says so; where none comes, `ack=memory` goes back to the last checkpoint. All servers of a cluster are
 * started with the same `ack`. Before `replicas=1` becomes more, or more becomes 1, on data of `ack=disk`, have a checkpoint written
 * (ngd_server_checkpoint()): the logs of the two are not the same, and the model begins from it, in a new lineage.
 *
 * @par Threads
 * A server owns threads: for messages, `apply_threads` for updates, one for files. Calls may come from any thread. In a
 * forked child it answers ::NGD_E_FORKED.
 */
#ifndef NGD_SERVER_H
#define NGD_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/option.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One server of a cluster. */
typedef struct ngd_server ngd_server;

/**
 * @brief Tells the option number @p index of a server.
 *
 * @param index from 0.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND past the last option; ::NGD_E_ARGUMENT.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_server_describe(size_t index, ngd_option_info *info, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Creates a server from a spec such as "server" or "server:data_dir=/var/lib/ngd,apply_threads=4". Nothing listens yet.
 *
 * @param spec the word "server" and options, see option.h; NULL for all defaults.
 * @param out receives the handle, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_server_create(const char *spec, ngd_server **out, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Frees a server. One that runs is ended without a checkpoint, as if its process had been killed.
 *
 * @param server may be NULL: then nothing happens.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API void ngd_server_destroy(ngd_server *server) NGD_NOEXCEPT;

/**
 * @brief Sets a number, integer or flag.
 *
 * @param server not NULL.
 * @param name an option; not NULL.
 * @param value within the option's range.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name (the message holds the nearest one) or an option that takes
 *         text; ::NGD_E_RANGE; ::NGD_E_STATE for an option that is fixed while the server is running; ::NGD_E_FORKED;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_server_set(ngd_server *server, const char *name, double value,
                                  ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets any option from text: a choice, a text, or a number in the "C" locale's form.
 *
 * @param server not NULL.
 * @param name an option; not NULL.
 * @param value text; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_server_set().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_server_set_text(ngd_server *server, const char *name, const char *value,
                                       ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a number, integer or flag.
 *
 * @param server not NULL.
 * @param name an option; not NULL.
 * @param value receives the value; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name or an option that holds text; ::NGD_E_FORKED;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_server_get(const ngd_server *server, const char *name, double *value,
                                  ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads any option as text, in the form that ngd_server_set_text() takes.
 *
 * The name "spec" gives the whole server in the form that ngd_server_create() takes; "endpoints" the addresses that a
 * running server listens on, separated by spaces, with the ports that it got.
 * @param server not NULL.
 * @param name an option, or one of these; not NULL.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER when @p capacity is too small (@p needed is written, the buffer is not; with
 *         @p capacity 0 the call is a question for the size and returns ::NGD_OK); ::NGD_E_OPTION; ::NGD_E_STATE;
 *         ::NGD_E_FORKED; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_server_get_text(const ngd_server *server, const char *name, char *buffer,
                                       size_t capacity, size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Begins to listen, joins the cluster, and takes up the shards that were placed here.
 *
 * @param server not NULL.
 * @param timeout_ms how long to wait for the coordinator, in milliseconds; 0 or more.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_IO when an address is taken or a directory cannot be used; ::NGD_E_ACCESS for plain tcp beyond
 *         this host, a key or directory that others may read; ::NGD_E_DATA for a key file that is none; ::NGD_E_TIMEOUT;
 *         ::NGD_E_CONFLICT for an inproc name that is taken; ::NGD_E_STATE when it runs already; ::NGD_E_UNSUPPORTED where
 *         ZeroMQ lacks what is asked for, or the coordinator's module is missing or of another version; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY. After a failure
 *         nothing listens.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_server_start(ngd_server *server, int64_t timeout_ms, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Writes a checkpoint of every model whose root is on this server, and waits for it. Pulls and updates go on.
 *
 * @param server running; not NULL.
 * @param timeout_ms how long to wait, in milliseconds; 0 or more. After it the writing goes on.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when it does not run, or has no data_dir; ::NGD_E_IO; ::NGD_E_TIMEOUT; ::NGD_E_RANGE;
 *         ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_server_checkpoint(ngd_server *server, int64_t timeout_ms, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Ends a server in order: new updates are refused, those under way end, a checkpoint is written where there is a
 * data_dir. Whatever fails, the server is stopped when this returns, and may be started again.
 *
 * @param server running; not NULL.
 * @param timeout_ms how long to wait for updates and checkpoint, in milliseconds; 0 or more.
 * @param error filled on failure; may be NULL.
 * @return as ngd_server_checkpoint(); ::NGD_OK when everything is on the disk, or there is no data_dir.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_server_stop(ngd_server *server, int64_t timeout_ms, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief What the server is doing, as a JSON object: node, endpoints, connections, messages received and refused, bytes
 * under way, and for each shard its version, the role of this server in it (primary, member, learner) and how many of its
 * replicas are in sync, and how many digests of the one that leads this server has compared with its own state, and how many of them
 * differed. Keys are added in later releases.
 *
 * @param server running; not NULL.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL. They may have changed by the next call.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER when @p capacity is too small and not 0; ::NGD_E_STATE when it does not run;
 *         ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_server_get_status(ngd_server *server, char *buffer, size_t capacity, size_t *needed,
                                         ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
