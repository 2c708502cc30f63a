// The C contract of trainers: include/ngd/trainer.h.
#include "ngd/trainer.h"

#include <limits>

#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/options.h"
#include "distributed/connect.h"
#include "ngd/client.h"
#include "transport/address.h"

using ngd::guard;
using ngd::require;

namespace {

void start(ngd_trainer *trainer, ngd_model *model, ngd_optimizer *optimizer, const ngd_dataset *training,
           const ngd_dataset *held_out) {
  require(trainer, "trainer");
  require(model, "model");
  require(optimizer, "optimizer");
  require(training, "training");
  trainer->object->start(model->object, optimizer->object, training->object,
                         held_out != nullptr ? held_out->object : nullptr);
}

}  // namespace

ngd_status ngd_trainer_describe(size_t index, ngd_option_info *info, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(info, "info");
    ngd::describe_option(ngd::trainer_options(), "the trainer", index, info);
  });
}

ngd_status ngd_trainer_create(const char *spec, ngd_trainer **out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    *out = new ngd_trainer{std::make_shared<ngd::Trainer>(spec != nullptr ? spec : "trainer")};
  });
}

void ngd_trainer_destroy(ngd_trainer *trainer) noexcept {
  delete trainer;
}

ngd_status ngd_trainer_set(ngd_trainer *trainer, const char *name, double value, ngd_error *error) noexcept {
  return ngd::set_option(trainer, "trainer", name, value, error);
}

ngd_status ngd_trainer_set_text(ngd_trainer *trainer, const char *name, const char *value,
                                ngd_error *error) noexcept {
  return ngd::set_text_option(trainer, "trainer", name, value, error);
}

ngd_status ngd_trainer_get(const ngd_trainer *trainer, const char *name, double *value,
                           ngd_error *error) noexcept {
  return ngd::get_option(trainer, "trainer", name, value, error);
}

ngd_status ngd_trainer_get_text(const ngd_trainer *trainer, const char *name, char *buffer, size_t capacity,
                                size_t *needed, ngd_error *error) noexcept {
  return ngd::get_text_option(trainer, "trainer", name, buffer, capacity, needed, error);
}

ngd_status ngd_trainer_on_event(ngd_trainer *trainer, ngd_event_callback callback, void *user_data,
                                ngd_finalizer finalizer, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(trainer, "trainer");
    trainer->object->on_event(callback, user_data, finalizer);
  });
}

ngd_status ngd_trainer_poll(ngd_trainer *trainer, ngd_event *event, int32_t *found, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(trainer, "trainer");
    require(event, "event");
    require(found, "found");
    *found = trainer->object->poll(event);
  });
}

ngd_status ngd_trainer_start(ngd_trainer *trainer, ngd_model *model, ngd_optimizer *optimizer,
                             const ngd_dataset *training, const ngd_dataset *held_out,
                             ngd_error *error) noexcept {
  return guard(error, [&] { start(trainer, model, optimizer, training, held_out); });
}

ngd_status ngd_trainer_advance(ngd_trainer *trainer, uint64_t steps, int32_t *running,
                               ngd_error *error) noexcept {
  return guard(error, [&] {
    require(trainer, "trainer");
    require(running, "running");
    *running = trainer->object->advance(steps);
  });
}

ngd_status ngd_trainer_run(ngd_trainer *trainer, ngd_model *model, ngd_optimizer *optimizer,
                           const ngd_dataset *training, const ngd_dataset *held_out,
                           ngd_error *error) noexcept {
  return guard(error, [&] {
    start(trainer, model, optimizer, training, held_out);
    while (trainer->object->advance(std::numeric_limits<uint64_t>::max())) continue;
  });
}

ngd_status ngd_trainer_get_icea(const ngd_trainer *trainer, ngd_icea **out, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(out, "out");
    *out = nullptr;
    require(trainer, "trainer");
    *out = new ngd_icea{trainer->object->icea()};
  });
}

ngd_status ngd_trainer_connect(ngd_trainer *trainer, ngd_client *client, const char *addresses,
                               int64_t timeout_ms, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(trainer, "trainer");
    if (client == nullptr) return trainer->object->use_runs_of({});
    require(addresses, "addresses");
    if (timeout_ms < 0) ngd::fail(NGD_E_RANGE, "timeout_ms is ", timeout_ms, "; it is 0 or more");
    ngd::transport::parse_addresses(addresses);
    trainer->object->use_runs_of(ngd::distributed::runs_on({client->object, addresses, timeout_ms}));
  });
}

void ngd_trainer_cancel(ngd_trainer *trainer) noexcept {
  if (trainer != nullptr) trainer->object->cancel();
}
