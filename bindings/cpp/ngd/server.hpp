// Parameter servers: they hold the parameters of models for clients, inside this program.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "ngd/handle.hpp"

namespace ngd {
inline namespace cpp {

// One server of a cluster. Any number of threads may use it at once. Destroying one that runs ends it without a
// checkpoint, as if its process had been killed; stop() is the way in order.
class Server : public detail::Handle<ngd_server, detail::server_functions> {
 public:
  explicit Server(const std::string &spec = "server") : Handle(spec) {}
  static std::vector<Option> describe() { return detail::options(ngd_server_describe); }
  std::vector<Option> options() const { return describe(); }

  // Waits so long for the coordinator.
  void start(std::chrono::milliseconds timeout = kTimeout) {
    detail::check(ngd_server_start, raw(), timeout.count());
  }
  // Of every model whose root is here; pulls and updates go on. After the time the writing goes on.
  void checkpoint(std::chrono::milliseconds timeout = kWriting) {
    detail::check(ngd_server_checkpoint, raw(), timeout.count());
  }
  // Ends what is under way and writes a checkpoint where there is a data_dir. The server is stopped afterwards even
  // when this throws, and may be started again.
  void stop(std::chrono::milliseconds timeout = kWriting) {
    detail::check(ngd_server_stop, raw(), timeout.count());
  }
  // Where it listens, with the ports that it got, as Client::connect() takes them: separated by commas.
  std::string addresses() const {
    std::string result = get_text("endpoints");
    std::replace(result.begin(), result.end(), ' ', ',');
    return result;
  }
  // What it is doing, as JSON.
  std::string status() const {
    return detail::read_changing([this](char *buffer, size_t capacity, size_t *needed, ngd_error *error) {
      return ngd_server_get_status(raw(), buffer, capacity, needed, error);
    });
  }

 private:
  static constexpr std::chrono::milliseconds kWriting =
      std::chrono::seconds(30);  // what is large takes its time
};

}  // namespace cpp
}  // namespace ngd
