/**
 * @file trainer.h
 * @brief The trainer: epochs over a dataset with evaluation, events, a run directory, checkpoints and resume.
 *
 * @code{.c}
 * ngd_trainer *trainer = NULL;
 * ngd_trainer_create("trainer:epochs=10,batch_size=32", &trainer, &error);
 * ngd_trainer_run(trainer, model, optimizer, training_data, held_out_data, &error);
 * @endcode
 * A training on servers: `docs/examples/train_on_servers.c`.
 * @par Two ways to run
 * ngd_trainer_run() trains to the end; ngd_trainer_start() and ngd_trainer_advance() do it in pieces, for
 * programs with their own event loop. Either way all work happens on the calling thread. Events come to a
 * callback on that thread, or wait to be polled.
 *
 * @par Run directory
 * With the option `run_directory`, the trainer writes `config.json` (what is being run), `log.jsonl` (one JSON
 * object a line: begin, step, epoch, checkpoint, end) and `checkpoint-<steps>.safetensors` (model, optimizer,
 * position), keeping the newest `keep_checkpoints`. With `resume=1` a run goes on from the newest good
 * checkpoint, bit for bit as if it had never stopped.
 *
 * @par ICEA
 * With the option `icea`, a spec as ngd_icea_create() takes it, the rows of each batch come from such a buffer, and
 * each row's loss goes into it; `shuffle` has no effect, and the buffer's seed is the trainer's unless the spec gives
 * one. An epoch is still as many rows as there are. Where losses are weighted (`beta` above 0), so are those that
 * events tell. Checkpoints hold the buffer: ngd_icea_load() reads it from them. If after three epochs or later more
 * than 5 % of the rows are in quarantine, the trainer says so once, by an event and in the log.
 *
 * @par Learning rate
 * Before each step the trainer sets the optimizer's `learning_rate` to the value it had at the start, times the
 * schedule's factor; when the run ends it has its first value again. A rate set in between, from a callback or
 * between two calls of ngd_trainer_advance(), is the new value to start from.
 *
 * @par Divergence
 * When the loss or a parameter is no longer finite, training stops with ::NGD_E_DIVERGED; the message gives the
 * step, the rate and the last good checkpoint. A checkpoint is never written from a diverged model.
 *
 * @par Threads
 * A trainer is *exclusive*, except ngd_trainer_cancel(), which may be called from any thread or signal handler.
 */
#ifndef NGD_TRAINER_H
#define NGD_TRAINER_H

#include <stddef.h>
#include <stdint.h>

#include "ngd/client.h"
#include "ngd/dataset.h"
#include "ngd/error.h"
#include "ngd/export.h"
#include "ngd/icea.h"
#include "ngd/model.h"
#include "ngd/optimizer.h"
#include "ngd/option.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A training run. */
typedef struct ngd_trainer ngd_trainer;

/** Kinds of event, as ngd_event.kind. */
enum {
  NGD_EVENT_BEGIN = 1,      /**< Training starts or resumes. */
  NGD_EVENT_PROGRESS = 2,   /**< Now and then within an epoch, see the option `progress_seconds`. */
  NGD_EVENT_EPOCH = 3,      /**< An epoch ended and was evaluated. */
  NGD_EVENT_CHECKPOINT = 4, /**< A checkpoint was written; ngd_event.path names it. */
  NGD_EVENT_END = 5,        /**< Training ended: all epochs, no improvement, or cancelled. */
  NGD_EVENT_WARNING = 6,    /**< Something to look at; ngd_event.message says what. */
  NGD_EVENT_SETTINGS = 7    /**< On servers: settings of the optimizer were changed (ngd_client_set_values());
                                 ngd_event.message says from which version of the model on they count. */
};

/** What happened. Numbers that are not known are NaN or 0. */
typedef struct ngd_event {
  size_t struct_size;       /**< Set by the caller to sizeof(ngd_event) before polling. */
  uint64_t epoch;           /**< Epochs finished. */
  uint64_t epochs;          /**< Epochs wanted. */
  uint64_t step;            /**< Steps taken since the run began. */
  uint64_t steps;           /**< Steps wanted. */
  uint64_t rows;            /**< Training samples seen since the run began. */
  uint64_t skipped;         /**< Steps that the optimizer skipped because a gradient was not finite. */
  double loss;              /**< Mean training loss since the epoch began (of the whole epoch at its end). */
  double held_out_loss;     /**< Of the last evaluation; NaN without held-out data. */
  double held_out_accuracy; /**< Of the last evaluation, 0 to 1; NaN without classes. */
  double majority;          /**< Share of the largest class of the held-out data; NaN without classes. */
  double learning_rate;     /**< Rate of the last step; before the first, the optimizer's own. */
  double rows_per_second;   /**< Training speed since the last event of this kind. */
  double seconds;           /**< Wall time since the run began, earlier parts of a resumed run included. */
  double seconds_left;      /**< Estimated wall time to the end. */
  const char *path;         /**< Checkpoint written, or ""; valid until the next call with this trainer. */
  int32_t kind;             /**< One of the NGD_EVENT_ numbers. */
  int32_t resumed;          /**< 1 when the run was resumed. */
  uint64_t hard_set;        /**< With `icea`: samples in the hard set. */
  uint64_t quarantined;     /**< With `icea`: samples in quarantine. */
  double hard_share;        /**< With `icea`: share of the epoch's rows drawn from the hard set; NaN without. */
  const char *message;      /**< Text of a warning or of settings, or ""; valid as long as path. */
} ngd_event;

/**
 * @brief Called for each event, on the thread that is inside ngd_trainer_run(), _start() or _advance().
 *
 * It may call ngd_trainer_cancel() and read the model; it must not destroy or advance the trainer, and must not
 * throw.
 * @param event valid during the call.
 * @param user_data as given to ngd_trainer_on_event().
 * @return 0 to go on; anything else stops the run with ::NGD_E_CALLBACK.
 */
typedef int32_t (*ngd_event_callback)(const ngd_event *event, void *user_data);

/** Called once when a callback is replaced or its trainer destroyed, to free @p user_data. */
typedef void (*ngd_finalizer)(void *user_data);

/**
 * @brief Tells the option number @p index of the trainer.
 *
 * @param index from 0.
 * @param info written within its own struct_size, which the caller has set; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_NOT_FOUND past the last option; ::NGD_E_ARGUMENT.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_describe(size_t index, ngd_option_info *info, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Creates a trainer from a spec such as "trainer" or "trainer:epochs=10,batch_size=64".
 *
 * @param spec the word "trainer" and options, see option.h; NULL for all defaults.
 * @param out receives the handle, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: free
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_create(const char *spec, ngd_trainer **out, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Frees a trainer. A run that has not ended is dropped; its checkpoints stay.
 *
 * @param trainer may be NULL: then nothing happens.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API void ngd_trainer_destroy(ngd_trainer *trainer) NGD_NOEXCEPT;

/**
 * @brief Sets a number, integer or flag.
 *
 * @param trainer not NULL.
 * @param name an option; not NULL.
 * @param value within the option's range.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name (the message holds the nearest one) or an option that
 *         takes text; ::NGD_E_RANGE; ::NGD_E_STATE for an option that is fixed once the trainer is in use;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_set(ngd_trainer *trainer, const char *name, double value,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets any option from text: a choice, a text, or a number in the "C" locale's form.
 *
 * @param trainer not NULL.
 * @param name an option; not NULL.
 * @param value text; not NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_trainer_set().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_set_text(ngd_trainer *trainer, const char *name, const char *value,
                                        ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads a number, integer or flag.
 *
 * @param trainer not NULL.
 * @param name an option; not NULL.
 * @param value receives the value; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_OPTION for an unknown name or an option that holds text; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_get(const ngd_trainer *trainer, const char *name, double *value,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Reads any option as text, in the form that ngd_trainer_set_text() takes.
 *
 * The name "spec" gives the whole trainer in the form that ngd_trainer_create() takes, with every option that
 * differs from its default.
 * @param trainer not NULL.
 * @param name an option, or "spec"; not NULL.
 * @param buffer receives NUL-terminated text; may be NULL when @p capacity is 0.
 * @param capacity bytes in @p buffer.
 * @param needed receives the bytes needed, the NUL included; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_BUFFER when @p capacity is too small (@p needed is written, the buffer is not; with
 *         @p capacity 0 the call is a question for the size and returns ::NGD_OK); ::NGD_E_OPTION;
 *         ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_get_text(const ngd_trainer *trainer, const char *name, char *buffer,
                                        size_t capacity, size_t *needed, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Sets the function that gets every event. Replaces an earlier one; NULL leaves events to be polled.
 *
 * @param trainer not NULL.
 * @param callback may be NULL.
 * @param user_data handed to the callback; may be NULL.
 * @param finalizer called with @p user_data when it is no longer needed; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE from within a callback; ::NGD_E_ARGUMENT. On failure the finalizer is not
 *         called.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_on_event(ngd_trainer *trainer, ngd_event_callback callback, void *user_data,
                                        ngd_finalizer finalizer, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Takes the oldest event that no callback got.
 *
 * At most 1024 events wait; beyond that the oldest progress events are dropped first.
 * @param trainer not NULL.
 * @param event written within its own struct_size, which the caller has set; not NULL.
 * @param found receives 1 when there was an event, 0 when not; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_ARGUMENT.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_poll(ngd_trainer *trainer, ngd_event *event, int32_t *found,
                                    ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Makes the coming runs of a trainer part of a training on servers, in which any number of trainers take part.
 *
 * When a run starts, it declares the model to the servers (the first one makes it), agrees with the others on data and
 * options, and then is one of two things, by the client's option `worker`:
 * - 1: a *worker*. It claims partitions of the training data, computes gradients of their batches on the newest parameters
 *   and sends them to the servers' optimizer, which is the run's @p optimizer; with the option `local_steps` it steps itself
 *   and sends what that changed. The run ends when every partition has had all epochs, whoever trained them. Held-out data
 *   are not used, and a worker has no run directory.
 * - 0: an *observer*. It trains nothing; it evaluates the servers' model after each epoch and writes log and checkpoints (of
 *   the model; how to go on is in the checkpoints of the servers). It ends with the workers, and with `patience` it ends
 *   them. Its events tell of all workers together.
 *
 * The progress of a partition is part of the update that made it, so each sample is trained on as often as there are epochs,
 * whatever dies on the way; a dead worker's partitions, with their ICEA scores, go to others after the client's `lease`.
 * Options that count for workers: the client's `consistency`, `bound`, `workers`, `rank`, `lease`; of the trainer all that
 * decide what is trained, which must be the same for all (::NGD_E_CONFLICT). With `consistency=bulk` and as many partitions
 * as workers a round is the very batch of a run on one machine. With `compress` what a worker sends takes fewer bytes, with
 * `compress_pulls` what it reads (client.h tells how; what was said to the client itself counts where the trainer says nothing):
 * the model is another one then, of the same quality, and with `consistency=bulk` the same bits in every run in which no worker
 * dies. `accumulate`, `average` and the like are the servers'
 * optimizer's. Models are of float32 (::NGD_E_UNSUPPORTED).
 *
 * A run says to the servers what its model is, whatever was declared to the client, and leaves the client's options and
 * declarations as they are: another run may follow, whatever became of the one before. The servers have one training under a
 * model's name, in which a further run takes part (and ends at once where all epochs are done); a run of something else needs
 * another name, the client's option `model` (::NGD_E_CONFLICT).
 *
 * When servers die, runs wait and go on where the servers stand. Beside the codes below runs then end with
 * ::NGD_E_UNAVAILABLE, ::NGD_E_TIMEOUT and those of ngd_client_connect().
 * @param trainer without a run in progress; not NULL.
 * @param client not connected: the run connects it, and nobody else may while the run lasts; NULL: runs are on this machine
 *        again.
 * @param addresses as for ngd_client_connect(); not NULL unless @p client is.
 * @param timeout_ms how long a run bears that nothing goes forward, in milliseconds; 0 or more. It bears as long that there
 *        are no servers yet: ngd_trainer_start() waits for them.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when a run is in progress; ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_connect(ngd_trainer *trainer, ngd_client *client, const char *addresses,
                                       int64_t timeout_ms, ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Begins a run, or with the option `resume` goes on with one.
 *
 * A model that is not prepared is prepared from @p training. The trainer keeps what it needs of all four: their
 * handles may be destroyed. Until the run has ended nothing else may train the model.
 * @param trainer without a run in progress; not NULL.
 * @param model not NULL.
 * @param optimizer fresh, or the one that trained this model; not NULL.
 * @param training with labels and at least one row; not NULL.
 * @param held_out evaluated after each epoch; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE when a run is in progress or the run directory already holds one and `resume`
 *         is off; ::NGD_E_SHAPE; ::NGD_E_IO; ::NGD_E_CHECKPOINT when no checkpoint to resume from is good;
 *         ::NGD_E_CALLBACK; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY; ::NGD_E_CANCELLED while it waits for servers, some seconds late.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_start(ngd_trainer *trainer, ngd_model *model, ngd_optimizer *optimizer,
                                     const ngd_dataset *training, const ngd_dataset *held_out,
                                     ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Trains for at most @p steps steps, evaluations and checkpoints that fall due included.
 *
 * @param trainer started; not NULL.
 * @param steps at least 1.
 * @param running receives 1 while there is more to do, 0 when the run has ended; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE without a run; ::NGD_E_CANCELLED; ::NGD_E_CALLBACK; ::NGD_E_DIVERGED;
 *         ::NGD_E_IO;
 *         ::NGD_E_RANGE; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY. After a failure the run has ended.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_advance(ngd_trainer *trainer, uint64_t steps, int32_t *running,
                                       ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Starts and advances to the end.
 *
 * @param trainer without a run in progress; not NULL.
 * @param model not NULL.
 * @param optimizer fresh, or the one that trained this model; not NULL.
 * @param training with labels and at least one row; not NULL.
 * @param held_out evaluated after each epoch; may be NULL.
 * @param error filled on failure; may be NULL.
 * @return as ngd_trainer_start() and ngd_trainer_advance().
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_run(ngd_trainer *trainer, ngd_model *model, ngd_optimizer *optimizer,
                                   const ngd_dataset *training, const ngd_dataset *held_out,
                                   ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Gives the buffer of a run with the option `icea`: the one in progress, or else the last.
 *
 * The handle shares the buffer with the run, so it tells of it, and sets its options, while training goes on. On servers a
 * worker has that of the partition that it claimed last, and an observer one of all rows, as at its last checkpoint and at the end.
 * @param trainer not NULL.
 * @param out receives a handle of its own, to be destroyed as any other, or NULL on failure; not NULL.
 * @param error filled on failure; may be NULL.
 * @return ::NGD_OK; ::NGD_E_STATE before the first run and when the run has no `icea`; ::NGD_E_ARGUMENT; ::NGD_E_MEMORY.
 * @par Thread: exclusive
 * @since 0.1
 */
NGD_API ngd_status ngd_trainer_get_icea(const ngd_trainer *trainer, ngd_icea **out,
                                        ngd_error *error) NGD_NOEXCEPT;

/**
 * @brief Asks a run to stop after the step in hand; it writes a checkpoint and ends with ::NGD_E_CANCELLED.
 *
 * When no run is in progress the next one stops before its first step, so that a call that comes a moment too
 * early is not lost. The end of any run clears the request.
 * @param trainer may be NULL: then nothing happens.
 * @par Thread: shared
 * @since 0.1
 */
NGD_API void ngd_trainer_cancel(ngd_trainer *trainer) NGD_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
