/**
 * @file client.h
 * @brief A client of parameter servers: finds a model, pushes updates to it, each exactly once, and pulls its parameters.
 *
 * @code{.c}
 * ngd_client *client = NULL;
 * ngd_client_create("client:model=mnist,optimizer=\"adam:learning_rate=0.001\"", &client, &error);
 * ngd_client_add_f32(client, "w", shape, 2, &error);
 * ngd_client_connect(client, "tcp://10.0.0.1:7070,tcp://10.0.0.2:7070", 10000, &error);
 * ngd_client_init_f32(client, tensors, 1, 10000, NULL, &version, &error);
 * for (;;) {
 *   compute(tensors, gradients);
 *   ngd_client_push_pull_f32(client, NGD_PUSH_GRADIENT, gradients, tensors, 1, 10000, &version, &error);
 * }
 * @endcode
 *
 * @par Versions
 * Every update makes a new version of the model: version + 1. A push answers which version it made; a pull which version it
 * read. Versions that a client is shown never go back; when all servers were lost and the model went back to a checkpoint,
 * calls fail once with ::NGD_E_LINEAGE, and after connecting again go on from there.
 *
 * @par Exactly once
 * Every update has a number. Messages are repeated until they are answered, over broken connections and restarts; the server
 * knows the numbers that it has applied and answers a repetition with the version that the update made. A push that returns
 * ::NGD_E_TIMEOUT may still happen, once.
 *
 * @par Updates
 * ::NGD_PUSH_GRADIENT: the servers step their optimizer (the option `optimizer`, any rule of ngd_optimizer_create());
 * ::NGD_PUSH_VALUE: the values replace what is there; ::NGD_PUSH_DELTA: they are added.
 *
 * @par Consistency
 * The option `consistency` of each client: `asynchronous` applies updates one by one; `stale` also holds a worker back that is
 * more than `bound` updates ahead of the slowest; `bulk` waits for one gradient of every worker, makes one step of their
 * mean (`aggregate=sum`: sum), and answers all with the same version. Deltas of a round are added; with `average_rows=1`
 * those of a row of a table are averaged over the workers whose deltas have the row: who did not see a word has no say in what
 * it means. A worker that is silent for `lease` seconds no longer counts.
 *
 * @par Reads
 * Where shards have replicas, the one that leads answers reads of parameters while the others have given it leave (a lease of
 * 0.6 s), which is right as long as no server's clock runs 1.33 times as fast as another's. With the option `read=confirm` it asks
 * them all first, which trusts no clock and costs a round trip between servers. Values, and whatever is read under a lock, are
 * always read so.
 *
 * @par Fewer bytes
 * With the option `compress` gradients and deltas travel as `bf16` or `fp16` (2 bytes a number), `8bit` (1 byte, with a scale for
 * each 256 numbers), or `topk` (the largest `compress_share` of each tensor's numbers alone, 3 to 4 bytes each; of a table, of
 * the numbers of the rows that are pushed). The client keeps what that leaves out, for each tensor, and adds it to the next
 * push (error feedback), so nothing is lost but with the client: disconnecting, or a model that went back to a checkpoint, drops
 * it. A push that is refused leaves it as it was. Servers keep float32, and their logs and replicas what the client sent; servers
 * of a build that cannot read it are sent the same numbers as float32. It takes memory for one more copy of what is pushed. With
 * `compress_pulls=bf16` or `fp16` parameters are read rounded. Values of ::NGD_PUSH_VALUE and ngd_client_init_f32() always travel
 * as they are.
 *
 * @par Waiting
 * Whatever waits takes `timeout_ms`. Between calls a thread of the client's keeps its session alive.
 *
 * @par Threads
 * A client is *shared*: any number of threads may use it at once. In a forked child it answers ::NGD_E_FORKED.
 */
#ifndef NGD_CLIENT_H
#define NGD_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/option.h"
#include "ngd/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A connection to the servers of one model. */
typedef struct ngd_client ngd_client;

/** What a push holds. */
enum {
  NGD_PUSH_GRADIENT = 1, /**< Gradients, for the servers' optimizer. */
  NGD_PUSH_VALUE = 2,    /**< Values that replace those that are there. */
  NGD_PUSH_DELTA = 3     /**< What is to be added. */
};

/** What ngd_client_update_partition() does. */
enum {
  NGD_PARTITION_PROGRESS = 1, /**< Stores how far it has come. */
  NGD_PARTITION_RELEASE = 2,  /**< The same, and gives it back. */
  NGD_PARTITION_FINISH = 3    /**< It is done for this pass. */
};

/** What ngd_client_get_info() tells. */
typedef struct ngd_client_info {
  size_t struct_size; /**< Set by the caller to sizeof(ngd_client_info) before the call. */
  uint64_t version;   /**< Newest version of the model. */
  uint64_t lineage;   /**< How often the model went back to a checkpoint, and 1. */
  uint64_t sessions;  /**< Clients that are connected to it. */
  uint64_t workers;   /**< Those of them that are workers. */
  uint64_t shards;    /**< Parts into which it is cut. */
  uint64_t elements;  /**< Parameters, tables counted whole. */
} ngd_client_info;

/**
 * @brief Tells the option number @p index of a client.
 *
 * @param index from 0.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND past the last option; ::NGD_E_ARGUMENT.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_client_describe(size_t index, ngd_option_info *info, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Creates a client from a spec such as "client" or "client:model=mnist,consistency=bulk". It connects later.
 *
 * @param spec the word "client" and options, see option.h; NULL for all defaults.
 * @param out receives the handle, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_client_create(const char *spec, ngd_client **out, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Frees a client; disconnects it first, waiting for at most the option `linger_ms`.
 *
 * @param client may be NULL: then nothing happens.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API void ngd_client_destroy(ngd_client *client) NGD_NOEXCEPT;

/**
 * @brief Sets a number, integer or flag.
 *
 * @param client not NULL.
 * @param name an option; not NULL.
 * @param value within the option's range.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name (the message holds the nearest one) or an option that takes
 *         text; ::NGD_E_RANGE; ::NGD_E_STATE for an option that is fixed while the client is connected; ::NGD_E_FORKED;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_set(ngd_client *client, const char *name, double value,
                                  ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets any option from text: a choice, a text, or a number in the "C" locale's form.
 *
 * @param client not NULL.
 * @param name an option; not NULL.
 * @param value text; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_client_set().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_set_text(ngd_client *client, const char *name, const char *value,
                                       ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a number, integer or flag.
 *
 * @param client not NULL.
 * @param name an option; not NULL.
 * @param value receives the value; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name or an option that holds text; ::NGD_E_FORKED;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_get(const ngd_client *client, const char *name, double *value,
                                  ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads any option as text, in the form that ngd_client_set_text() takes.
 *
 * The name "spec" gives the whole client in the form that ngd_client_create() takes.
 * @param client not NULL.
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
NGD_API ngd_status ngd_client_get_text(const ngd_client *client, const char *name, char *buffer,
                                       size_t capacity, size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Declares the next tensor of the model, of float32; before connecting.
 *
 * With tensors declared, connecting makes the model when there is none, and fails with ::NGD_E_CONFLICT when there is
 * another one of that name. Without, the model must exist, and its tensors are learnt.
 * @param client not connected; not NULL.
 * @param name unique within the model, 1 to 255 bytes of UTF-8; not NULL.
 * @param shape @p rank sizes, each at least 1; may be NULL when @p rank is 0.
 * @param rank 0 (a scalar) to 8.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_SHAPE; ::NGD_E_STATE when connected; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_add_f32(ngd_client *client, const char *name, const int64_t *shape, size_t rank,
                                      ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Declares the next tensor of the model as a table of float32 rows that come into being when they are first touched.
 *
 * A row that nobody has pushed is read as its initial values, which are a function of @p seed and its place alone.
 * @param client not connected; not NULL.
 * @param name unique within the model, 1 to 255 bytes of UTF-8; not NULL.
 * @param rows 1 to 2^32.
 * @param width elements of a row; at least 1.
 * @param initial "zero", "constant" (all @p scale), "uniform" (in [-scale, scale)) or "normal" (of standard deviation
 *        scale); NULL: zero.
 * @param scale finite; 0 or more unless constant.
 * @param seed of the random values.
 * @param error filled on failure; may be NULL.
 * @return as ngd_client_add_f32(); ::NGD_E_OPTION for another word; ::NGD_E_RANGE.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_add_rows_f32(ngd_client *client, const char *name, uint64_t rows, uint64_t width,
                                           const char *initial, double scale, uint64_t seed,
                                           ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Declares a group of tensors with options of their own for the servers' optimizer, as ngd_optimizer_add_group().
 *
 * @param client not connected; not NULL.
 * @param group its name, unique; not NULL.
 * @param pattern tensor names with * and ?, alternatives separated by |; not NULL.
 * @param options as in a spec, without the rule; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_client_add_f32(); what is wrong with the options comes out when connecting.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_add_group(ngd_client *client, const char *group, const char *pattern,
                                        const char *options, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Finds the model by asking any of the servers, makes it where tensors were declared and there is none, and joins it.
 *
 * @param client not connected; not NULL.
 * @param addresses of any servers of the cluster, separated by commas, such as "tcp://127.0.0.1:7070"; not NULL.
 * @param timeout_ms milliseconds; 0 or more.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_TIMEOUT; ::NGD_E_NOT_FOUND for a model that is not there and whose tensors were not declared;
 *         ::NGD_E_CONFLICT for a model with other tensors, shards or optimizer; ::NGD_E_ACCESS for plain tcp beyond this
 *         host, a key file that others may read, or a key that may not; ::NGD_E_UNAVAILABLE; ::NGD_E_LIMIT; ::NGD_E_OPTION
 *         and ::NGD_E_UNSUPPORTED for an optimizer that the servers refuse; ::NGD_E_IO; ::NGD_E_DATA; ::NGD_E_STATE when
 *         connected; ::NGD_E_SHAPE; ::NGD_E_RANGE; ::NGD_E_PROTOCOL; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_connect(ngd_client *client, const char *addresses, int64_t timeout_ms,
                                      ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Leaves the model: the session ends, its locks and partitions become free. Calls of other threads end with
 * ::NGD_E_CLOSED. Does nothing when not connected.
 *
 * @param client not NULL.
 * @param timeout_ms how long to wait for the servers to know it, in milliseconds; 0 or more.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK, also when the servers could not be told; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_disconnect(ngd_client *client, int64_t timeout_ms, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Number of tensors of the model.
 *
 * @param client connected; not NULL.
 * @param count receives the number; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when not connected; ::NGD_E_FORKED; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_get_tensor_count(const ngd_client *client, size_t *count,
                                               ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells of one tensor of the model: name, shape, number of elements.
 *
 * @param client connected; not NULL.
 * @param index from 0.
 * @param info written within its own struct_size, which the caller has set; its name is valid until the client is
 *        disconnected; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND past the last tensor; ::NGD_E_STATE when not connected; ::NGD_E_FORKED;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_get_tensor(const ngd_client *client, size_t index, ngd_tensor_info *info,
                                         ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Gives a new model its first values. The first client wins; all others learn the model's values.
 *
 * @param client connected; not NULL.
 * @param tensors one array per tensor, in order; read, and for a client that came second overwritten with the model's
 *        values; NULL for tables, whose rows have initial values of their own; not NULL.
 * @param count number of tensors of the model.
 * @param timeout_ms milliseconds; 0 or more.
 * @param first receives 1 when these values became the model's, else 0; may be NULL.
 * @param version receives the version; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_SHAPE for another count; ::NGD_E_NOT_FINITE; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_init_f32(ngd_client *client, float *const *tensors, size_t count,
                                       int64_t timeout_ms, int32_t *first, uint64_t *version,
                                       ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief The newest version of the model; 0 before it has values.
 *
 * @param client connected; not NULL.
 * @param timeout_ms milliseconds; 0 or more.
 * @param version receives the version; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_get_version(ngd_client *client, int64_t timeout_ms, uint64_t *version,
                                          ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Pushes one update of the whole model, on all its shards or on none, and waits until it has happened.
 *
 * @param client connected; not NULL.
 * @param kind ::NGD_PUSH_GRADIENT, ::NGD_PUSH_VALUE or ::NGD_PUSH_DELTA.
 * @param tensors one array per tensor, in order; an entry of NULL leaves that tensor alone (tables always are NULL); not NULL.
 * @param count number of tensors of the model.
 * @param timeout_ms milliseconds; 0 or more.
 * @param version receives the version that the update made; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_SHAPE for another count; ::NGD_E_NOT_FINITE; ::NGD_E_STATE also before the model has values;
 *         ::NGD_E_CONFLICT with `consistency=bulk` for gradients of an older version than the round; ::NGD_E_FENCED when a
 *         lock that this client held has gone to another; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_push_f32(ngd_client *client, int32_t kind, const float *const *tensors,
                                       size_t count, int64_t timeout_ms, uint64_t *version,
                                       ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads the model at one version.
 *
 * @param client connected; not NULL.
 * @param version the version wanted; 0: the newest, at least as new as all that this client has seen.
 * @param tensors one array per tensor, in order, to be written; an entry of NULL leaves that tensor out; a table is read
 *        whole; not NULL.
 * @param count number of tensors of the model.
 * @param timeout_ms milliseconds; 0 or more.
 * @param got receives the version that was read; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND for a version that is not held any more; ::NGD_E_SHAPE; ::NGD_E_STATE also before the
 *         model has values; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_pull_f32(ngd_client *client, uint64_t version, float *const *tensors,
                                       size_t count, int64_t timeout_ms, uint64_t *got,
                                       ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Pushes an update and reads the model after it; for a model of one shard in one round trip.
 *
 * @param client connected; not NULL.
 * @param kind as ngd_client_push_f32().
 * @param in as @p tensors of ngd_client_push_f32(); not NULL.
 * @param out as @p tensors of ngd_client_pull_f32(); may be the same arrays; not NULL.
 * @param count number of tensors of the model.
 * @param timeout_ms milliseconds; 0 or more.
 * @param version receives the version that the update made; may be NULL.
 * @param got receives the version that was read, which is the same or newer; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_client_push_f32().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_push_pull_f32(ngd_client *client, int32_t kind, const float *const *in,
                                            float *const *out, size_t count, int64_t timeout_ms,
                                            uint64_t *version, uint64_t *got, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Pushes an update of some rows of a table.
 *
 * @param client connected; not NULL.
 * @param kind as ngd_client_push_f32().
 * @param tensor number of the table.
 * @param rows @p count numbers of rows, each once, in any order; not NULL unless @p count is 0.
 * @param count number of rows.
 * @param values @p count times width elements, row by row; not NULL unless @p count is 0.
 * @param timeout_ms milliseconds; 0 or more.
 * @param version receives the version that the update made; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_client_push_f32(); ::NGD_E_SHAPE for a tensor that is no table, or a row that is named twice.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_push_rows_f32(ngd_client *client, int32_t kind, size_t tensor,
                                            const uint32_t *rows, size_t count, const float *values,
                                            int64_t timeout_ms, uint64_t *version,
                                            ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads some rows of a table.
 *
 * @param client connected; not NULL.
 * @param version as ngd_client_pull_f32().
 * @param tensor number of the table.
 * @param rows @p count numbers of rows, in any order, also several times; not NULL unless @p count is 0.
 * @param count number of rows.
 * @param values receives @p count times width elements, row by row; not NULL unless @p count is 0.
 * @param timeout_ms milliseconds; 0 or more.
 * @param got receives the version that was read; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_client_pull_f32().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_pull_rows_f32(ngd_client *client, uint64_t version, size_t tensor,
                                            const uint32_t *rows, size_t count, float *values,
                                            int64_t timeout_ms, uint64_t *got, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Begins a push and returns at once. The arrays are copied; the ticket is to be finished by ngd_client_wait(), or
 * given up by ngd_client_cancel().
 *
 * @param client connected; not NULL.
 * @param kind as ngd_client_push_f32().
 * @param tensors as ngd_client_push_f32(); not NULL.
 * @param count number of tensors of the model.
 * @param timeout_ms after which the operation fails, in milliseconds; 0 or more.
 * @param ticket receives the number of the operation; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_SHAPE; ::NGD_E_STATE when not connected; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT;
 *         ::NGD_E_MEMORY. What the servers say comes with ngd_client_wait().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_start_push_f32(ngd_client *client, int32_t kind, const float *const *tensors,
                                             size_t count, int64_t timeout_ms, uint64_t *ticket,
                                             ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Begins a push without copying the arrays. As ngd_client_start_push_f32() otherwise.
 *
 * @param client connected; not NULL.
 * @param kind as ngd_client_push_f32().
 * @param tensors as ngd_client_push_f32(); the arrays must stay as they are until ngd_client_wait() has given the outcome, or
 *        ngd_client_cancel() or ngd_client_disconnect() has returned; not NULL.
 * @param count number of tensors of the model.
 * @param timeout_ms after which the operation fails, in milliseconds; 0 or more.
 * @param ticket receives the number of the operation; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_client_start_push_f32().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_start_push_borrow_f32(ngd_client *client, int32_t kind,
                                                    const float *const *tensors, size_t count,
                                                    int64_t timeout_ms, uint64_t *ticket,
                                                    ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Begins to read the whole model and returns at once; ngd_client_wait_pull_f32() gives the values.
 *
 * @param client connected; not NULL.
 * @param version as ngd_client_pull_f32().
 * @param timeout_ms after which the operation fails, in milliseconds; 0 or more.
 * @param ticket receives the number of the operation; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_client_start_push_f32().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_start_pull_f32(ngd_client *client, uint64_t version, int64_t timeout_ms,
                                             uint64_t *ticket, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Whether an operation has come to an end, good or bad. Never waits.
 *
 * @param client connected; not NULL.
 * @param ticket of an operation that was begun and not yet waited for to its end.
 * @param finished receives 1 or 0; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when not connected; ::NGD_E_FORKED; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_poll(ngd_client *client, uint64_t ticket, int32_t *finished,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Waits for the end of a push that was begun, and forgets its ticket.
 *
 * @param client connected; not NULL.
 * @param ticket of an operation; each is waited for to its end once.
 * @param timeout_ms milliseconds; 0 or more. When they are over the operation goes on, and may be waited for again.
 * @param version receives the version that the update made; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_client_push_f32(); ::NGD_E_TIMEOUT when it is not finished yet; ::NGD_E_NOT_FOUND for a number that is no
 *         ticket.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_wait(ngd_client *client, uint64_t ticket, int64_t timeout_ms, uint64_t *version,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Waits for the end of a read that was begun, copies what it read, and forgets its ticket.
 *
 * @param client connected; not NULL.
 * @param ticket of an operation; each is waited for to its end once.
 * @param timeout_ms as ngd_client_wait().
 * @param tensors as ngd_client_pull_f32(); not NULL.
 * @param count number of tensors of the model.
 * @param got receives the version that was read; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_client_pull_f32() and ngd_client_wait().
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_wait_pull_f32(ngd_client *client, uint64_t ticket, int64_t timeout_ms,
                                            float *const *tensors, size_t count, uint64_t *got,
                                            ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Gives up an operation that was begun; an update may still happen. Its ticket is forgotten.
 *
 * @param client connected; not NULL.
 * @param ticket of an operation, not yet waited for to its end.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND for a number that is no ticket; ::NGD_E_STATE when not connected; ::NGD_E_FORKED;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_cancel(ngd_client *client, uint64_t ticket, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets a named value that all clients of the model share.
 *
 * Some values are settings of the servers' optimizer, which count from the next update on, on all shards: "learning_rate", and
 * "optimizer.NAME" for each option NAME of the rule that is a number and may change between steps, such as
 * "optimizer.weight_decay". Their bytes are numbers as text. One that the optimizer would refuse is refused here, in its words.
 * The value "optimizer.changes" tells which settings counted from which version of the model on, the newest last, in lines such
 * as "1234 learning_rate=0.01,weight_decay=0.1"; the servers write it.
 *
 * @param client connected; not NULL.
 * @param name 1 to 255 bytes; not NULL.
 * @param data @p size bytes; not NULL unless @p size is 0.
 * @param size at most 1 MiB.
 * @param expected the version that the value must have, 0 when it must not exist; UINT64_MAX: whatever.
 * @param timeout_ms milliseconds; 0 or more.
 * @param version receives the new version of the value; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_CONFLICT when it has another version; ::NGD_E_OPTION, ::NGD_E_RANGE, ::NGD_E_STATE and
 *         ::NGD_E_UNSUPPORTED for a setting that the optimizer has not, or cannot have so; ::NGD_E_FENCED; ::NGD_E_TIMEOUT;
 *         ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected; ::NGD_E_CLOSED when disconnected meanwhile;
 *         ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT; ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED;
 *         ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_set_value(ngd_client *client, const char *name, const char *data, size_t size,
                                        uint64_t expected, int64_t timeout_ms, uint64_t *version,
                                        ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets several named values at once: all or none, and settings of the optimizer all from one version of the model on.
 *
 * @param client connected; not NULL.
 * @param names @p count names, each as ngd_client_set_value(), no two the same; not NULL.
 * @param values @p count texts, NUL-terminated, of 1 MiB together; not NULL.
 * @param count 1 to 256.
 * @param timeout_ms milliseconds; 0 or more.
 * @param from receives the version of the model that is the first to be made with the settings; 0 when none of the values is a
 *        setting; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_client_set_value(), without ::NGD_E_CONFLICT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_set_values(ngd_client *client, const char *const *names,
                                         const char *const *values, size_t count, int64_t timeout_ms,
                                         uint64_t *from, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a named value; waits for it where @p known is its newest version, or where it does not exist yet.
 *
 * @param client connected; not NULL.
 * @param name 1 to 255 bytes; not NULL.
 * @param known answers only a version above this one; 0: any.
 * @param timeout_ms milliseconds; 0 or more.
 * @param buffer receives the bytes, and a NUL after them that is no part of the value; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param version receives the version of the value; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND when there is none by the end of the time; ::NGD_E_BUFFER when @p capacity is too small
 *         and not 0; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_get_value(ngd_client *client, const char *name, uint64_t known,
                                        int64_t timeout_ms, char *buffer, size_t capacity, size_t *needed,
                                        uint64_t *version, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes a lock of the model, waiting for its turn. While it is held, updates and values of this client carry its token:
 * servers refuse them (::NGD_E_FENCED) once another has the lock, however late they come.
 *
 * A client may share a lock with itself, once for each call; updates and values then carry all those tokens, and each is given
 * back by itself. A lock that was lost is given back too, or taken anew alone: until then updates and values are refused.
 * @param client connected; not NULL.
 * @param name 1 to 255 bytes; not NULL.
 * @param exclusive 1: nobody else may hold it; 0: shared with others who share it.
 * @param timeout_ms milliseconds; 0 or more.
 * @param token receives the lock's token, which grows from holder to holder; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_TIMEOUT when the turn did not come; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_lock(ngd_client *client, const char *name, int32_t exclusive, int64_t timeout_ms,
                                   uint64_t *token, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes over the token of a lock that another client of the same key holds, in another process for instance: from now on it
 * goes with updates and values, as if this client held the lock.
 *
 * Whoever holds the lock must go on holding it; when it is lost or given back, updates and values are refused with
 * ::NGD_E_FENCED. Of tokens of one lock that were taken over the last counts. ngd_client_unlock() is for the holder; here it
 * answers ::NGD_E_FENCED, and the token goes with updates and values no longer. `ngd client lock` tells its command the token as NGD_LOCK_TOKEN.
 * @param client connected; not NULL.
 * @param name of the lock, 1 to 255 bytes; not NULL.
 * @param token that the holder got from ngd_client_lock(); 1 or more.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when not connected; ::NGD_E_FORKED; ::NGD_E_ARGUMENT.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_adopt_lock(ngd_client *client, const char *name, uint64_t token,
                                         ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Gives a lock back: that one, whatever else the client holds. Its token goes with updates and values until the servers
 * have answered ::NGD_OK, or that it is not held any more.
 *
 * After ::NGD_E_TIMEOUT it is given back as soon as the servers hear of it; the call may be repeated.
 * @param client connected; not NULL.
 * @param name as it was taken; not NULL.
 * @param token from ngd_client_lock().
 * @param timeout_ms milliseconds; 0 or more.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_FENCED or ::NGD_E_NOT_FOUND when this client does not hold it any more; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_unlock(ngd_client *client, const char *name, uint64_t token, int64_t timeout_ms,
                                     ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Waits until enough clients have come here.
 *
 * @param client connected; not NULL.
 * @param name of the barrier, 1 to 255 bytes; not NULL.
 * @param count how many it waits for, the same for all; 0: all workers of the model that are alive.
 * @param timeout_ms milliseconds; 0 or more.
 * @param generation receives how often the barrier has opened, from 1; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_TIMEOUT: this client no longer counts as having come; ::NGD_E_CONFLICT for another count; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_barrier(ngd_client *client, const char *name, uint64_t count, int64_t timeout_ms,
                                      uint64_t *generation, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Opens a set of partitions of the training data: makes it, or begins a new pass when all of it is finished.
 *
 * @param client connected; not NULL.
 * @param set name, 1 to 255 bytes; not NULL.
 * @param count number of partitions, the same for all clients; 1 to 65536.
 * @param timeout_ms milliseconds; 0 or more.
 * @param pass receives the number of the pass, from 1; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_CONFLICT when the set has another number; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_open_partitions(ngd_client *client, const char *set, uint64_t count,
                                              int64_t timeout_ms, uint64_t *pass,
                                              ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes a partition that nobody has and that is not finished, with the progress of whoever had it last.
 *
 * @param client connected; not NULL.
 * @param set name; not NULL.
 * @param number which one; UINT64_MAX: any.
 * @param timeout_ms milliseconds; 0 or more.
 * @param partition receives its number; not NULL.
 * @param token receives the token that progress is reported with; not NULL.
 * @param offset receives how far it has come, 0 at first; may be NULL.
 * @param buffer receives the bytes that were stored with the progress, and a NUL; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer; where it is too small only @p needed is written, and the partition is taken all the same.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND when all are finished; ::NGD_E_UNAVAILABLE when all unfinished ones have an owner by the
 *         end of the time; ::NGD_E_CONFLICT for one that has an owner; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_claim_partition(ngd_client *client, const char *set, uint64_t number,
                                              int64_t timeout_ms, uint64_t *partition, uint64_t *token,
                                              uint64_t *offset, char *buffer, size_t capacity, size_t *needed,
                                              ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reports progress on a partition, and stores bytes for whoever has it next (such as scores of ICEA); or gives it back,
 * or finishes it.
 *
 * @param client connected; not NULL.
 * @param set name; not NULL.
 * @param partition its number.
 * @param token from ngd_client_claim_partition().
 * @param action ::NGD_PARTITION_PROGRESS, ::NGD_PARTITION_RELEASE or ::NGD_PARTITION_FINISH.
 * @param offset how far it has come.
 * @param data @p size bytes; not NULL unless @p size is 0.
 * @param size at most 1 MiB.
 * @param timeout_ms milliseconds; 0 or more.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_FENCED when it has gone to another; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_update_partition(ngd_client *client, const char *set, uint64_t partition,
                                               uint64_t token, int32_t action, uint64_t offset,
                                               const char *data, size_t size, int64_t timeout_ms,
                                               ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Changes which servers have which shards, while everybody goes on working.
 *
 * The call writes down what is to be and returns; servers then do it: whoever is to have a shard gets its state and its
 * log, is taken into the set of those in sync, and whoever is not to have it leaves after that. A shard whose leader leaves
 * is not answered for by anybody for a few milliseconds. ngd_client_get_places() tells how far it is. Errors change nothing.
 *
 * | what | |
 * |---|---|
 * | `drain:node=3` | server 3 is to have no shards, of any model: before it is switched off, or when it is dead |
 * | `undrain:node=3` | it may have some again |
 * | `replicas:count=2` | each shard of this client's model is to be on so many servers |
 * | `move:shard=0,nodes=3+1` | this shard of this client's model is to be on these servers; the first leads |
 * | `balance` | copies go from the fullest servers to the emptiest, and each server leads its part of the shards |
 *
 * New copies go to servers that live, that are not drained, that are in other zones (option zone of servers) than the
 * copies there are, as far as there are such, and that have the fewest parameters.
 *
 * @param client connected; not NULL. With keys, one of an admin.
 * @param what as above; not NULL.
 * @param timeout_ms milliseconds; 0 or more.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_UNAVAILABLE when there are not so many servers; ::NGD_E_NOT_FOUND for a server or model that nobody
 *         knows; ::NGD_E_OPTION; ::NGD_E_RANGE; ::NGD_E_ACCESS without the role admin; ::NGD_E_UNSUPPORTED for servers with
 *         ack=disk; ::NGD_E_LIMIT; ::NGD_E_TIMEOUT; ::NGD_E_STATE when not connected; ::NGD_E_CLOSED when disconnected meanwhile;
 *         ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_arrange(ngd_client *client, const char *what, int64_t timeout_ms,
                                      ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Tells which servers there are and which shards each has, as JSON.
 *
 * `{"revision", "servers": [{"node", "address", "zone", "alive", "drained"}], "models": [{"name", "shards": [{"shard", "epoch",
 * "leader", "in_sync": [nodes], "wanted": [nodes], "elements"}]}]}`. `in_sync` are the servers that have all that was answered,
 * `wanted` those that are to. An epoch is one leader's time; it grows with each takeover. `alive` is what the coordinator
 * knows, which may be ten seconds old.
 *
 * @param client connected; not NULL.
 * @param timeout_ms milliseconds; 0 or more.
 * @param buffer receives the text with a final NUL; NULL with @p capacity 0 to ask for the size.
 * @param capacity size of @p buffer in bytes.
 * @param needed receives the size that the text needs, the NUL counted; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER when @p capacity is not 0 and too small; ::NGD_E_TIMEOUT; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_get_places(ngd_client *client, int64_t timeout_ms, char *buffer, size_t capacity,
                                         size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Numbers of a model: its version, clients and workers.
 *
 * @param client connected; not NULL.
 * @param timeout_ms milliseconds; 0 or more.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_TIMEOUT; ::NGD_E_UNAVAILABLE; ::NGD_E_STATE when not connected;
 *         ::NGD_E_CLOSED when disconnected meanwhile; ::NGD_E_LINEAGE; ::NGD_E_EXPIRED; ::NGD_E_ACCESS; ::NGD_E_LIMIT;
 *         ::NGD_E_PROTOCOL; ::NGD_E_RANGE; ::NGD_E_FORKED; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API ngd_status ngd_client_get_info(ngd_client *client, int64_t timeout_ms, ngd_client_info *info,
                                       ngd_error *error) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
