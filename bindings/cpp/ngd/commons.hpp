// What the clients of a model share besides its parameters: named values, locks, barriers, partitions of the data.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ngd/handle.hpp"
#include "ngd/held.hpp"
#include "ngd/session.hpp"

namespace ngd {
inline namespace cpp {
namespace detail {

// The part of a Client that speaks of what is shared.
class Commons : public Handle<ngd_client, client_functions> {
 public:
  using Milliseconds = std::chrono::milliseconds;
  static constexpr uint64_t kAny = UINT64_MAX;  // any version of a value, any partition

  // Some values are settings of the servers' optimizer ("learning_rate", "optimizer.NAME"), with numbers as text.
  // `expected` is the version that the value must have, 0: it must not be there. Gives the new one.
  uint64_t set_value(const std::string &name, std::string_view data, uint64_t expected = kAny,
                     Milliseconds timeout = kTimeout) {
    uint64_t version = 0;
    check(ngd_client_set_value, raw(), text(name), data.data(), data.size(), expected, timeout.count(),
          &version);
    return version;
  }
  // All or none. Gives the first version of the model that is made with the settings among them; 0 without any.
  uint64_t set_values(const std::map<std::string, std::string> &values, Milliseconds timeout = kTimeout) {
    std::vector<const char *> names, texts;
    for (const auto &[name, value] : values) {
      names.push_back(text(name));
      texts.push_back(text(value));
    }
    uint64_t from = 0;
    check(ngd_client_set_values, raw(), names.data(), texts.data(), names.size(), timeout.count(), &from);
    return from;
  }
  struct Value {
    std::string data;
    uint64_t version;
  };
  // Waits until there is one above the version `known`; NGD_E_NOT_FOUND when there is none by the end of the time.
  Value get_value(const std::string &name, uint64_t known = 0, Milliseconds timeout = kTimeout) {
    uint64_t version = 0;
    std::string data = read_within(timeout, [&](int64_t left, char *buffer, size_t capacity, size_t *needed,
                                                ngd_error *error) {
      return ngd_client_get_value(raw(), text(name), known, left, buffer, capacity, needed, &version, error);
    });
    return {std::move(data), version};
  }

  // Waits for its turn.
  [[nodiscard]] Lock lock(const std::string &name, Milliseconds timeout = kTimeout) {
    return take(name, 1, timeout);
  }
  // Together with others who share it.
  [[nodiscard]] Lock lock_shared(const std::string &name, Milliseconds timeout = kTimeout) {
    return take(name, 0, timeout);
  }
  // From now on the token of a lock that another client holds goes with updates and values, as if this one held it.
  void adopt_lock(const std::string &name, uint64_t token) {
    check(ngd_client_adopt_lock, raw(), text(name), token);
  }
  // Until so many clients have come, 0: all workers. Gives how often the barrier has opened.
  uint64_t barrier(const std::string &name, uint64_t count = 0, Milliseconds timeout = kTimeout) {
    uint64_t generation = 0;
    check(ngd_client_barrier, raw(), text(name), count, timeout.count(), &generation);
    return generation;
  }

  // Makes a set of partitions, or begins a new pass when all of it is finished. Gives the number of the pass.
  uint64_t open_partitions(const std::string &set, uint64_t count, Milliseconds timeout = kTimeout) {
    uint64_t pass = 0;
    check(ngd_client_open_partitions, raw(), text(set), count, timeout.count(), &pass);
    return pass;
  }
  // One that nobody has; nothing when all are finished. NGD_E_UNAVAILABLE when others have all the unfinished ones by
  // the end of the time.
  [[nodiscard]] std::optional<Partition> claim_partition(const std::string &set,
                                                         Milliseconds timeout = kTimeout) {
    const auto begin = std::chrono::steady_clock::now();
    try {
      return claim_partition(set, kAny, timeout);
    } catch (const Error &error) {
      if (error.status() != NGD_E_NOT_FOUND) throw;
    }
    // A set that nobody has opened is not found either. Only of such a set is that said of a certain partition too.
    try {
      return claim_partition(set, 0, left(timeout, begin));
    } catch (const Error &error) {
      if (error.status() != NGD_E_CONFLICT) throw;
    }
    return std::nullopt;
  }
  // That one; NGD_E_CONFLICT when it has an owner or is finished.
  [[nodiscard]] Partition claim_partition(const std::string &set, uint64_t number,
                                          Milliseconds timeout = kTimeout) {
    const Session taken_in = session();
    // As many bytes as a partition can have: it is taken even when they do not fit, and then nobody tells them again.
    std::string data((size_t{1} << 20) + 1, '\0');
    uint64_t got = 0, token = 0, offset = 0;
    size_t needed = 0;
    check(ngd_client_claim_partition, raw(), text(set), number, timeout.count(), &got, &token, &offset,
          data.data(), data.size(), &needed);
    if (needed > data.size())
      throw Error(NGD_E_BUFFER, "partition " + std::to_string(got) + " of " + set + " has " +
                                    std::to_string(needed - 1) + " bytes, more than 1 MiB");
    data.resize(needed - 1);
    data.shrink_to_fit();
    return Partition(taken_in, set, got, token, offset, std::move(data));
  }

 protected:
  explicit Commons(const std::string &spec) : Handle(spec) {}
  Session session() const { return Session(raw(), ended_); }
  void end_session() { ++*ended_; }

  // Text whose size is known only once it is there: read(left, buffer, capacity, &needed, &error), within the timeout
  // however often it has to be asked for.
  template <class Read>
  static std::string read_within(Milliseconds timeout, Read read) {
    const auto begin = std::chrono::steady_clock::now();
    return read_changing([&](auto... to) { return read(left(timeout, begin).count(), to...); });
  }

 private:
  // Of a timeout. One below 0 stays so, for the library to refuse.
  static Milliseconds left(Milliseconds timeout, std::chrono::steady_clock::time_point begin) {
    const auto gone = std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begin);
    return std::max(timeout - gone, std::min(timeout, Milliseconds(0)));
  }

  Lock take(const std::string &name, int32_t exclusive, Milliseconds timeout) {
    const Session taken_in = session();
    uint64_t token = 0;
    check(ngd_client_lock, raw(), text(name), exclusive, timeout.count(), &token);
    return Lock(taken_in, name, token);
  }

  Session::Count ended_ = std::make_shared<std::atomic<uint64_t>>(0);
};

}  // namespace detail
}  // namespace cpp
}  // namespace ngd
