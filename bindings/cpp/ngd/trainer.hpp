// The trainer: epochs over a dataset, with events, checkpoints and resume.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ngd/client.hpp"
#include "ngd/dataset.hpp"
#include "ngd/handle.hpp"
#include "ngd/icea.hpp"
#include "ngd/model.hpp"
#include "ngd/optimizer.hpp"

namespace ngd {
inline namespace cpp {

// Epochs over a dataset, with events, checkpoints and resume.
class Trainer : public detail::Handle<ngd_trainer, detail::trainer_functions> {
 public:
  // Gets each event during run, start or advance. An exception stops the run and comes out of that call.
  using Callback = std::function<void(const ngd_event &)>;

  explicit Trainer(const std::string &spec = "trainer") : Handle(spec) {}
  Trainer(Trainer &&) noexcept = default;
  Trainer &operator=(Trainer &&other) noexcept {
    Handle::operator=(std::move(other));  // first: while the old handle is destroyed its listener must be there
    listener_ = std::move(other.listener_);
    return *this;
  }
  static std::vector<Option> describe() { return detail::options(ngd_trainer_describe); }
  std::vector<Option> options() const { return describe(); }

  void on_event(Callback callback) {  // an empty one leaves events to be polled
    auto listener = callback ? std::make_unique<Listener>(Listener{std::move(callback), nullptr}) : nullptr;
    detail::check(ngd_trainer_on_event, raw(), listener ? &Listener::hear : nullptr,
                  static_cast<void *>(listener.get()), nullptr);
    listener_ = std::move(listener);
  }
  // The oldest event that no callback got. Its path is valid until the next call with this trainer.
  std::optional<ngd_event> poll() {
    auto event = detail::sized<ngd_event>();
    int32_t found = 0;
    detail::check(ngd_trainer_poll, raw(), &event, &found);
    return found != 0 ? std::optional(event) : std::nullopt;
  }

  // The coming runs are part of a training on servers: as a worker, or with the client's option `worker=0` as an
  // observer. The client must not be connected; `timeout` is how long a run bears that nothing goes forward.
  void connect(Client &client, const std::string &addresses, std::chrono::milliseconds timeout = kTimeout) {
    detail::check(ngd_trainer_connect, raw(), client.raw(), detail::text(addresses), timeout.count());
  }
  void disconnect() {  // the coming runs are on this machine again
    detail::check(ngd_trainer_connect, raw(), nullptr, nullptr, int64_t{0});
  }

  void run(Model &model, Optimizer &optimizer, const Dataset &training) {
    train(ngd_trainer_run, model.raw(), optimizer.raw(), training.raw(), nullptr);
  }
  void run(Model &model, Optimizer &optimizer, const Dataset &training, const Dataset &held_out) {
    train(ngd_trainer_run, model.raw(), optimizer.raw(), training.raw(), held_out.raw());
  }
  void start(Model &model, Optimizer &optimizer, const Dataset &training) {
    train(ngd_trainer_start, model.raw(), optimizer.raw(), training.raw(), nullptr);
  }
  void start(Model &model, Optimizer &optimizer, const Dataset &training, const Dataset &held_out) {
    train(ngd_trainer_start, model.raw(), optimizer.raw(), training.raw(), held_out.raw());
  }
  bool advance(uint64_t steps) {  // true while there is more to do
    int32_t running = 0;
    train(ngd_trainer_advance, steps, &running);
    return running != 0;
  }
  // Of a run with the option `icea`, the one in progress or else the last; shared with it.
  Icea icea() const {
    ngd_icea *handle = nullptr;
    detail::check(ngd_trainer_get_icea, raw(), &handle);
    return Icea(Icea::Adopt(), handle);
  }
  void cancel() const noexcept { ngd_trainer_cancel(raw()); }  // from any thread

 private:
  struct Listener {
    Callback callback;
    std::exception_ptr exception;

    static int32_t hear(const ngd_event *event, void *user_data) noexcept {
      auto *listener = static_cast<Listener *>(user_data);
      try {
        listener->callback(*event);
        return 0;
      } catch (...) {
        listener->exception = std::current_exception();
        return 1;
      }
    }
  };

  // Calls what may call back: an exception of the callback comes before the status that it caused.
  template <class Function, class... Arguments>
  void train(Function *function, Arguments... arguments) {
    ngd_error error;
    const ngd_status status = function(raw(), arguments..., &error);
    if (listener_ && listener_->exception) std::rethrow_exception(std::exchange(listener_->exception, nullptr));
    if (status != NGD_OK) throw Error(status, error.message);
  }

  std::unique_ptr<Listener> listener_;
};

}  // namespace cpp
}  // namespace ngd
