// The functions of ngd/client.h about values, locks, barriers, partitions and numbers.
#include <algorithm>
#include <cstring>

#include "base/struct.h"
#include "capi/client_calls.h"
#include "wire/limits.h"

namespace {

using ngd::guard;
using ngd::require;
using ngd::cluster::ClientSession;
using ngd::cluster::Outcome;
using ngd::cluster::Time;
using Holding = ngd::transport::Client::Holding;
using ngd::wire::Command;
using ngd::wire::CommandKind;

Command command_of(CommandKind kind, const char *name, int64_t timeout_ms) {
  Command command;
  command.kind = kind;
  command.name = name;
  if (command.name.empty() || command.name.size() > ngd::wire::kTextBytes)
    ngd::fail(NGD_E_ARGUMENT, "a name has 1 to ", ngd::wire::kTextBytes, " bytes, not ", command.name.size());
  // Servers give up a little before the caller does, so that the caller hears of it.
  if (timeout_ms > 0) {
    const uint64_t us = static_cast<uint64_t>(timeout_ms) * 1000;
    command.wait_us =
        std::min(us - std::min(us / 2, std::max<uint64_t>(us / 8, 150'000)), ngd::wire::kWaitUsMax);
  }
  return command;
}

ngd::wire::Bytes payload_of(const char *data, size_t size) {
  if (size != 0) require(data, "data");
  if (size > ngd::wire::kValueBytes)
    ngd::fail(NGD_E_LIMIT, "size is ", size, "; at most ", ngd::wire::kValueBytes, " bytes are possible");
  return ngd::wire::copied(std::string_view(data == nullptr ? "" : data, size));
}

Outcome run(ngd_client *client, const Command &command, int64_t timeout_ms,
            const ngd::wire::Bytes &payload = {}) {
  return client->object->call(timeout_ms, [&](ClientSession &session, Time now, Time deadline) {
    return session.command(command, payload, now, deadline);
  });
}

// As copy_text(); with `lenient` a buffer that is too small is no error.
void copy_bytes(const std::vector<ngd::wire::Bytes> &payload, char *buffer, size_t capacity, size_t *needed,
                bool lenient) {
  const std::string bytes = text_of(payload);
  if (lenient && capacity < bytes.size() + 1) capacity = 0;
  ngd::copy_text(bytes, buffer, capacity, needed);
}

}  // namespace

ngd_status ngd_client_set_value(ngd_client *client, const char *name, const char *data, size_t size,
                                uint64_t expected, int64_t timeout_ms, uint64_t *version,
                                ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(name, "name");
    Command command = command_of(CommandKind::set_value, name, timeout_ms);
    command.expected = expected;
    const Outcome outcome = run(client, command, timeout_ms, payload_of(data, size));
    if (version != nullptr) *version = outcome.done.number;
  });
}

ngd_status ngd_client_set_values(ngd_client *client, const char *const *names, const char *const *values,
                                 size_t count, int64_t timeout_ms, uint64_t *from, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(names, "names");
    require(values, "values");
    if (count < 1 || count > ngd::wire::kValuesTogether)
      ngd::fail(NGD_E_ARGUMENT, "count is ", count, "; 1 to ", ngd::wire::kValuesTogether,
                " values can be set together");
    Command command;
    std::string payload;
    for (size_t i = 0; i < count; i++) {
      require(names[i], "a name");
      require(values[i], "a value");
      const Command one = command_of(CommandKind::set_value, names[i], timeout_ms);
      command.wait_us = one.wait_us;
      if (std::ranges::find(command.values, one.name, &ngd::wire::NamedValue::name) != command.values.end())
        ngd::fail(NGD_E_ARGUMENT, "the value ", ngd::quoted(one.name), " is there twice");
      command.values.push_back({one.name, std::strlen(values[i]), ngd::wire::kAny});
      payload += values[i];
    }
    const Outcome outcome = run(client, command, timeout_ms, payload_of(payload.data(), payload.size()));
    if (from != nullptr) *from = outcome.done.offset;
  });
}

ngd_status ngd_client_adopt_lock(ngd_client *client, const char *name, uint64_t token,
                                 ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(name, "name");
    if (token == 0) ngd::fail(NGD_E_ARGUMENT, "token is 0, which no lock ever has");
    client->object->hold({command_of(CommandKind::lock, name, 0).name, token}, Holding::lent);
  });
}

ngd_status ngd_client_get_value(ngd_client *client, const char *name, uint64_t known, int64_t timeout_ms,
                                char *buffer, size_t capacity, size_t *needed, uint64_t *version,
                                ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(name, "name");
    ngd::wire::Query query;
    query.name = name;
    query.known = known;
    query.wait_us = command_of(CommandKind::set_value, name, timeout_ms).wait_us;
    const Outcome outcome = client->object->call(
        timeout_ms,
        [&](ClientSession &session, Time now, Time deadline) { return session.query(query, now, deadline); });
    copy_bytes(outcome.payload, buffer, capacity, needed, false);
    if (version != nullptr) *version = outcome.done.number;
  });
}

ngd_status ngd_client_lock(ngd_client *client, const char *name, int32_t exclusive, int64_t timeout_ms,
                           uint64_t *token, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(name, "name");
    require(token, "token");
    Command command = command_of(CommandKind::lock, name, timeout_ms);
    command.exclusive = exclusive != 0;
    const Outcome outcome = run(client, command, timeout_ms);
    *token = outcome.done.token;
    client->object->hold({name, outcome.done.token}, command.exclusive ? Holding::alone : Holding::shared);
  });
}

ngd_status ngd_client_unlock(ngd_client *client, const char *name, uint64_t token, int64_t timeout_ms,
                             ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(name, "name");
    if (token == 0) ngd::fail(NGD_E_ARGUMENT, "token is 0, which no lock ever has");
    Command command = command_of(CommandKind::unlock, name, timeout_ms);
    command.token = token;
    // As long as the servers have not answered, it may be held still.
    try {
      run(client, command, timeout_ms);
    } catch (const ngd::Error &refused) {
      if (refused.status() == NGD_E_FENCED || refused.status() == NGD_E_NOT_FOUND)
        client->object->release({name, token});
      throw;
    }
    client->object->release({name, token});
  });
}

ngd_status ngd_client_barrier(ngd_client *client, const char *name, uint64_t count, int64_t timeout_ms,
                              uint64_t *generation, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(name, "name");
    Command command = command_of(CommandKind::barrier, name, timeout_ms);
    command.count = count;
    const Outcome outcome = run(client, command, timeout_ms);
    if (generation != nullptr) *generation = outcome.done.number;
  });
}

ngd_status ngd_client_open_partitions(ngd_client *client, const char *set, uint64_t count, int64_t timeout_ms,
                                      uint64_t *pass, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(set, "set");
    Command command = command_of(CommandKind::partitions, set, timeout_ms);
    command.count = count;
    const Outcome outcome = run(client, command, timeout_ms);
    if (pass != nullptr) *pass = outcome.done.number;
  });
}

ngd_status ngd_client_claim_partition(ngd_client *client, const char *set, uint64_t number, int64_t timeout_ms,
                                      uint64_t *partition, uint64_t *token, uint64_t *offset, char *buffer,
                                      size_t capacity, size_t *needed, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(set, "set");
    require(partition, "partition");
    require(token, "token");
    if (capacity != 0) require(buffer, "buffer");
    Command command = command_of(CommandKind::claim, set, timeout_ms);
    command.number = number;
    const Outcome outcome = run(client, command, timeout_ms);
    *partition = outcome.done.number;
    *token = outcome.done.token;
    if (offset != nullptr) *offset = outcome.done.offset;
    copy_bytes(outcome.payload, buffer, capacity, needed, true);
  });
}

ngd_status ngd_client_update_partition(ngd_client *client, const char *set, uint64_t partition, uint64_t token,
                                       int32_t action, uint64_t offset, const char *data, size_t size,
                                       int64_t timeout_ms, ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(set, "set");
    if (action < NGD_PARTITION_PROGRESS || action > NGD_PARTITION_FINISH)
      ngd::fail(NGD_E_ARGUMENT, "action is ", action,
                "; it is NGD_PARTITION_PROGRESS, NGD_PARTITION_RELEASE or NGD_PARTITION_FINISH");
    constexpr CommandKind kKinds[] = {CommandKind::progress, CommandKind::yield, CommandKind::finish};
    Command command = command_of(kKinds[action - NGD_PARTITION_PROGRESS], set, timeout_ms);
    command.number = partition;
    command.token = token;
    command.offset = offset;
    run(client, command, timeout_ms, payload_of(data, size));
  });
}

ngd_status ngd_client_get_info(ngd_client *client, int64_t timeout_ms, ngd_client_info *info,
                               ngd_error *error) noexcept {
  return guard(error, [&] {
    require(client, "client");
    require(info, "info");
    const ngd::ModelOfClient model = client->object->model();
    ngd::wire::Query query;
    query.kind = ngd::wire::QueryKind::status;
    const Outcome outcome = client->object->call(
        timeout_ms,
        [&](ClientSession &session, Time now, Time deadline) { return session.query(query, now, deadline); });
    ngd_client_info full{};
    full.version = outcome.done.version;
    full.lineage = outcome.lineage;
    full.sessions = outcome.done.number;
    full.workers = outcome.done.token;
    full.shards = model->shards;
    for (const ngd::wire::TensorSpec &tensor : model->tensors)
      full.elements += ngd::element_count(tensor.shape);
    ngd::fill_struct(info, full, "ngd_client_info");
  });
}
