// Servers and clients through C++: own gradients, tables, what clients share, trainers on servers, what goes wrong.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <future>
#include <optional>
#include <thread>

#include "test.h"

namespace {

using namespace std::chrono_literals;

// The path of a socket is short, and only we may enter its directory.
char directory[] = "/tmp/ngd-cpp-XXXXXX";

int make_directory(void **) {
  return mkdtemp(directory) == nullptr ? -1 : 0;
}

int remove_directory(void **) {
  std::filesystem::remove_all(directory);
  return 0;
}

ngd::Server started(const std::string &listen, const std::string &spec = "server") {
  ngd::Server server(spec);
  server.set("listen", listen);
  server.start();
  return server;
}

// Of a model of one tensor "w" of that size.
ngd::Client connected(const ngd::Server &server, int64_t elements, const std::string &spec = "client") {
  ngd::Client client(spec);
  client.add("w", {elements});
  client.connect(server.addresses());
  return client;
}

// Half of the samples of y = 2 a - 3 b + 1, and the gradient of their mean square error.
struct LeastSquares {
  int first;
  float gradient(const std::vector<float> &w, const std::vector<float> &c, std::vector<float> &w_gradient,
                 std::vector<float> &c_gradient) const {
    float loss = 0;
    w_gradient.assign(2, 0);
    c_gradient.assign(1, 0);
    for (int sample = first; sample < 20; sample += 2) {
      const float a = static_cast<float>(sample % 5) - 2, b = static_cast<float>(sample * 7 % 11) / 5 - 1;
      const float off = w[0] * a + w[1] * b + c[0] - (2 * a - 3 * b + 1);
      loss += off * off / 10;
      w_gradient[0] += off * a / 5;
      w_gradient[1] += off * b / 5;
      c_gradient[0] += off / 5;
    }
    return loss;
  }
};

struct Fitted {
  std::vector<float> w, c;
  float first_loss, last_loss;
  bool first;
  uint64_t version;
};

Fitted fit(const std::string &addresses, int worker, int rounds) {
  ngd::Client client("client:optimizer=\"sgd:learning_rate=0.2\",consistency=bulk,workers=2");
  client.set("rank", worker);
  client.add("w", {2});
  client.add("c", {});
  client.connect(addresses);
  Fitted result = {std::vector<float>(2, static_cast<float>(worker)), {0}, 0, 0, false, 0};
  std::vector<float> w_gradient, c_gradient;
  const LeastSquares samples = {worker - 1};
  result.first = client.init({result.w, result.c}).first;
  for (int round = 0; round < rounds; round++) {
    result.last_loss = samples.gradient(result.w, result.c, w_gradient, c_gradient);
    if (round == 0) result.first_loss = result.last_loss;
    const auto versions = client.push_pull(NGD_PUSH_GRADIENT, {w_gradient, c_gradient}, {result.w, result.c});
    result.version = versions.made;
  }
  return result;
}

void two_workers_with_gradients_of_their_own_find_the_solution(void **) {
  const ngd::Server server = started("inproc://cpp-least-squares");
  constexpr int kRounds = 200;
  auto other = std::async(std::launch::async, fit, server.addresses(), 2, kRounds);
  const Fitted mine = fit(server.addresses(), 1, kRounds), theirs = other.get();
  assert_true(mine.first != theirs.first);  // the first values are those of one of the two
  for (const Fitted *fitted : {&mine, &theirs}) {
    assert_near(fitted->w[0], 2, 1e-3);
    assert_near(fitted->w[1], -3, 1e-3);
    assert_near(fitted->c[0], 1, 1e-3);
    assert_true(fitted->first_loss > 1 && fitted->last_loss < 1e-5f);
    assert_int_equal(fitted->version, 1 + kRounds);  // a round makes one step of both
  }
  assert_true(mine.w == theirs.w && mine.c == theirs.c);
}

void updates_make_versions_and_reads_tell_them(void **) {
  const ngd::Server server = started("inproc://cpp-versions");
  ngd::Client client("client:optimizer=\"sgd:learning_rate=0.5\"");
  client.add_group("slow", "b", "learning_rate=0.25");
  client.add("w", std::vector<int64_t>{2, 2});
  client.add("b", {2});
  client.connect(server.addresses());
  std::vector<std::vector<float>> values = {{0, 0, 0, 0}, {5, 6}};
  assert_int_equal(client.version(), 0);
  error_of(NGD_E_STATE, [&] { client.push(NGD_PUSH_DELTA, values); });  // nobody has given it values yet
  const auto begun = client.init(values);
  assert_true(begun.first && begun.version == 1);
  const std::vector<float> ones(4, 1), two(2, 1);
  assert_int_equal(client.push(NGD_PUSH_GRADIENT, {ones, two}), 2);
  assert_int_equal(client.push(NGD_PUSH_DELTA, {ones, {}}), 3);  // b is left alone
  assert_int_equal(client.pull(values), 3);
  assert_true(values[0] == std::vector<float>(4, 0.5f));
  assert_true(values[1] == std::vector<float>({4.75, 5.75}));  // by the rate of its group
  std::vector<float> other(2, 9);
  ngd::Client late;  // declares nothing and learns the model
  late.connect(server.addresses());
  const std::vector<ngd::TensorInfo> tensors = late.tensors();
  assert_int_equal(tensors.size(), 2);
  assert_text(tensors[0].name, "w");
  assert_true(tensors[0].shape == std::vector<int64_t>({2, 2}));
  assert_text(tensors[1].dtype, "F32");
  assert_int_equal(late.pull({{}, other}), 3);  // w is left out
  assert_true(other == values[1]);
  std::vector<std::vector<float>> theirs = {std::vector<float>(4, 7), {7, 7}};
  assert_true(!late.init(theirs).first);  // comes second, and learns what is there
  assert_true(theirs == values);
  const std::vector<std::span<const float>> push = {ones, two};
  const auto versions = late.push_pull(NGD_PUSH_VALUE, push, theirs);
  assert_int_equal(versions.made, 4);
  assert_int_equal(versions.read, 4);
  assert_true(theirs[0] == ones && theirs[1] == two);
  assert_int_equal(client.version(), 4);
  error_of(NGD_E_TIMEOUT, [&] { client.pull(values, 1000, 200ms); });  // a version that nobody has made yet
  const ngd_client_info info = client.info();
  assert_int_equal(info.version, 4);
  assert_int_equal(info.elements, 6);
  assert_int_equal(info.sessions, 2);
  assert_int_equal(info.shards, 1);
}

void sizes_are_checked_before_the_library_reads(void **) {
  const ngd::Server server = started("inproc://cpp-sizes");
  ngd::Client client = connected(server, 3);
  std::vector<float> three(3), two(2);
  client.init({three});
  assert_text(error_of(NGD_E_SHAPE, [&] { client.push(NGD_PUSH_DELTA, {two}); }),
              "tensor number 0 has 3 elements, but the array 2");
  assert_text(error_of(NGD_E_SHAPE,
                       [&] {
                         client.pull({three, three});
                       }),
              "2 arrays, but the model has 1 tensors");
  error_of(NGD_E_SHAPE, [&] { client.init({two}); });
  error_of(NGD_E_SHAPE, [&] { client.push_pull(NGD_PUSH_DELTA, {three}, {two}); });
  error_of(NGD_E_SHAPE, [&] { client.start_push(NGD_PUSH_DELTA, {two}).wait(); });
  ngd::PendingPull pull = client.start_pull();
  error_of(NGD_E_SHAPE, [&] { pull.wait({two}); });
  assert_int_equal(pull.wait({three}), 1);  // the ticket is still good
  error_of(NGD_E_ARGUMENT, [&] { client.push(7, {three}); });
  assert_int_equal(client.version(), 1);
}

void rows_of_a_table_come_into_being_when_they_are_touched(void **) {
  const ngd::Server server = started("inproc://cpp-rows", "server:shards=2");
  ngd::Client client;
  client.add("w", {3});
  client.add_rows("table", 100000, 4, "uniform", 0.5, 7);
  client.connect(server.addresses());
  std::vector<float> w = {1, 2, 3};
  client.init({w, {}});
  const std::vector<uint32_t> rows = {99999, 3, 500, 3}, distinct = {99999, 3, 500}, past = {3, 4, 100000};
  std::vector<float> before(16), after(16), deltas(12);
  client.pull_rows(1, rows, before);
  assert_true(std::all_of(before.begin(), before.end(), [](float x) { return x >= -0.5f && x < 0.5f; }));
  assert_true(std::equal(&before[4], &before[8], &before[12]));
  assert_true(before[0] != before[4]);
  for (size_t i = 0; i < 12; i++) deltas[i] = static_cast<float>(i + 1);
  assert_int_equal(client.push_rows(NGD_PUSH_DELTA, 1, distinct, deltas), 2);
  assert_int_equal(client.pull_rows(1, rows, after), 2);
  for (size_t i = 0; i < 12; i++) assert_near(after[i], before[i] + deltas[i], 0);
  assert_text(error_of(NGD_E_SHAPE, [&] { client.push_rows(NGD_PUSH_DELTA, 1, distinct, before); }),
              "16 values do not make 3 rows of 4 columns");
  error_of(NGD_E_SHAPE, [&] { client.pull_rows(1, distinct, after); });
  assert_text(error_of(NGD_E_SHAPE, [&] { client.push_rows(NGD_PUSH_DELTA, 1, rows, before); }),
              "row 3 is named twice; add its values up first");
  error_of(NGD_E_SHAPE, [&] { client.pull_rows(0, std::vector<uint32_t>{0}, w); });
  error_of(NGD_E_NOT_FOUND, [&] { client.pull_rows(2, rows, after); });
  error_of(NGD_E_RANGE, [&] { client.pull_rows(1, past, deltas); });
}

void operations_are_begun_and_waited_for_later(void **) {
  const ngd::Server server = started("inproc://cpp-pending");
  ngd::Client client = connected(server, 3);
  std::vector<float> values(3, 0), ones(3, 1);
  client.init({values});
  std::vector<ngd::PendingPush> pushes;
  // More than may be under way: the others wait in the client.
  for (int i = 0; i < 200; i++) pushes.push_back(client.start_push(NGD_PUSH_DELTA, {ones}));
  std::fill(ones.begin(), ones.end(), 0.0f);  // they were copied
  uint64_t last = 1;
  for (ngd::PendingPush &push : pushes) {
    const uint64_t version = push.wait();
    assert_true(version > last);
    last = version;
  }
  error_of(NGD_E_NOT_FOUND, [&] { pushes[0].wait(); });  // each is waited for once
  pushes.clear();
  ngd::PendingPull pull = client.start_pull();
  for (int i = 0; i < 5000 && !pull.finished(); i++) std::this_thread::sleep_for(1ms);
  assert_true(pull.finished());
  assert_int_equal(pull.wait({values}), 201);
  assert_true(values == std::vector<float>(3, 200));
  std::vector<float> lent(3, 2);
  assert_int_equal(client.start_push_borrow(NGD_PUSH_DELTA, {lent}).wait(), 202);
  for (int i = 0; i < 200; i++) pushes.push_back(client.start_push_borrow(NGD_PUSH_DELTA, {lent}));
  pushes.clear();  // those that are given up read the array no more
  std::fill(lent.begin(), lent.end(), 1e6f);
  client.push(NGD_PUSH_DELTA, {ones});
  client.pull({values});
  assert_true(values[0] >= 202 && values[0] <= 602);
  pull = client.start_pull();
  pull.cancel();
  error_of(NGD_E_NOT_FOUND, [&] { pull.cancel(); });
}

void what_was_begun_may_outlive_its_session_and_its_client(void **) {
  const ngd::Server server = started("inproc://cpp-sessions");
  std::optional<ngd::Client> client(connected(server, 1));
  std::vector<float> value = {0}, one = {1};
  client->init({value});
  client->open_partitions("data", 1);
  std::optional<ngd::PendingPush> stale = client->start_push(NGD_PUSH_DELTA, {one});
  std::optional<ngd::Lock> lock = client->lock("mine");
  std::optional<ngd::Partition> partition = client->claim_partition("data");
  stale->wait();
  stale = client->start_push(NGD_PUSH_DELTA, {one});
  client->disconnect();
  error_of(NGD_E_CLOSED, [&] { stale->wait(); });
  error_of(NGD_E_CLOSED, [&] { stale->finished(); });
  error_of(NGD_E_CLOSED, [&] { lock->unlock(); });
  error_of(NGD_E_CLOSED, [&] { partition->progress(1); });
  client->connect(server.addresses());
  // Tickets of the new session have the same numbers: what is given up of the old one does not touch them.
  std::vector<ngd::PendingPull> pulls;
  for (int i = 0; i < 8; i++) pulls.push_back(client->start_pull());
  const ngd::Lock again = client->lock("mine");
  std::optional<ngd::Partition> taken = client->claim_partition("data");
  stale.reset();
  lock.reset();
  partition.reset();
  for (ngd::PendingPull &pull : pulls) pull.wait({value});
  ngd::Client other = connected(server, 1);
  error_of(NGD_E_TIMEOUT, [&] { static_cast<void>(other.lock("mine", 200ms)); });
  taken->progress(5);
  ngd::Client moved(std::move(*client));  // what is held goes with the client
  taken->progress(6);
  taken->finish();
  client = std::move(moved);
  taken = client->claim_partition("data");
  assert_true(!taken);
  pulls.push_back(client->start_pull());
  client.reset();
  error_of(NGD_E_CLOSED, [&] { pulls.back().wait({value}); });
}

void a_lock_is_given_back_with_its_guard(void **) {
  const ngd::Server server = started("inproc://cpp-locks");
  ngd::Client first = connected(server, 1), second = connected(server, 1);
  std::vector<float> value = {0}, one = {1};
  first.init({value});
  uint64_t token = 0;
  {
    const ngd::Lock lock = first.lock("global");
    token = lock.token();
    assert_text(lock.name(), "global");
    assert_true(token > 0);
    error_of(NGD_E_TIMEOUT, [&] { static_cast<void>(second.lock("global", 200ms)); });
    first.push(NGD_PUSH_DELTA, {one});
  }
  ngd::Lock lock = second.lock("global", 5s);
  assert_true(lock.token() > token);
  // Whoever adopted the lock may change the model as long as the holder has it.
  first.adopt_lock("global", lock.token());
  first.set_value("note", "under the lock");
  lock.unlock();
  error_of(NGD_E_FENCED, [&] { first.set_value("note", "too late"); });
  error_of(NGD_E_FENCED, [&] { first.push(NGD_PUSH_DELTA, {one}); });
  assert_text(second.get_value("note").data, "under the lock");
  // One that is assigned over gives its lock back.
  lock = second.lock("one");
  lock = second.lock("two");
  ngd::Client third = connected(server, 1);
  const ngd::Lock free = third.lock("one", 5s);
  error_of(NGD_E_TIMEOUT, [&] { static_cast<void>(third.lock("two", 200ms)); });
  const ngd::Lock shared = second.lock_shared("three"), shared_too = third.lock_shared("three", 5s);
  error_of(NGD_E_TIMEOUT, [&] { static_cast<void>(third.lock("three", 200ms)); });
  static_assert(!std::is_copy_constructible_v<ngd::Lock> && std::is_nothrow_move_constructible_v<ngd::Lock>);
}

void named_values_have_versions_and_can_be_waited_for(void **) {
  const ngd::Server server = started("inproc://cpp-values");
  ngd::Client first = connected(server, 1, "client:optimizer=\"sgd:learning_rate=1\""),
              second = connected(server, 1, "client:optimizer=\"sgd:learning_rate=1\"");
  std::vector<float> value = {0}, one = {1};
  first.init({value});
  assert_int_equal(first.set_value("note", std::string("one\0two", 7), 0), 1);
  const auto read = second.get_value("note");
  assert_true(read.data == std::string("one\0two", 7));
  assert_int_equal(read.version, 1);
  assert_text(error_of(NGD_E_CONFLICT, [&] { second.set_value("note", "x", 0); }),
              "value \"note\" has version 1, not 0; get it and try again");
  assert_int_equal(second.set_value("note", "", 1), 2);
  assert_text(first.get_value("note").data, "");
  error_of(NGD_E_NOT_FOUND, [&] { second.get_value("absent", 0, 1000ms); });
  auto next = std::async(std::launch::async, [&] { return second.get_value("note", 2); });
  assert_true(next.wait_for(100ms) == std::future_status::timeout);
  const std::string large(300000, 'x');  // more than is read at once
  first.set_value("note", large);
  const auto newer = next.get();
  assert_true(newer.data == large);
  assert_int_equal(newer.version, 3);
  assert_int_equal(first.set_values({{"colour", "red"}}), 0);
  assert_int_equal(first.set_values({{"colour", "blue"}, {"learning_rate", "0.25"}}), 2);
  assert_text(second.get_value("optimizer.changes").data, "2 learning_rate=0.25\n");
  first.push(NGD_PUSH_GRADIENT, {one});
  first.pull({value});
  assert_near(value[0], -0.25, 0);
  error_of(NGD_E_RANGE, [&] { first.set_values({{"learning_rate", "-1"}, {"colour", "green"}}); });
  assert_text(second.get_value("colour").data, "blue");
  error_of(NGD_E_ARGUMENT, [&] { first.set_values({}); });
}

void barriers_open_for_all(void **) {
  const ngd::Server server = started("inproc://cpp-barriers");
  ngd::Client first = connected(server, 1), second = connected(server, 1);
  auto other = std::async(std::launch::async, [&] { return second.barrier("ready", 2); });
  assert_true(other.wait_for(100ms) == std::future_status::timeout);
  assert_int_equal(first.barrier("ready", 2), 1);
  assert_int_equal(other.get(), 1);
  error_of(NGD_E_TIMEOUT, [&] { first.barrier("ready", 2, 300ms); });
}

void partitions_are_claimed_given_back_and_finished(void **) {
  const ngd::Server server = started("inproc://cpp-partitions");
  ngd::Client first = connected(server, 1), second = connected(server, 1);
  error_of(NGD_E_NOT_FOUND, [&] { static_cast<void>(first.claim_partition("data")); });
  assert_int_equal(first.open_partitions("data", 2), 1);
  error_of(NGD_E_CONFLICT, [&] { second.open_partitions("data", 3); });
  std::string scores(1 << 20, 's');  // as much as can be stored
  scores[5] = '\0';
  {
    std::optional<ngd::Partition> partition = first.claim_partition("data");
    assert_true(partition.has_value());
    assert_int_equal(partition->number(), 0);
    assert_int_equal(partition->offset(), 0);
    assert_text(partition->data(), "");
    partition->progress(77, scores);
    error_of(NGD_E_CONFLICT, [&] { static_cast<void>(second.claim_partition("data", 0)); });
    error_of(NGD_E_LIMIT, [&] { partition->progress(78, scores + "x"); });
  }
  ngd::Partition partition = second.claim_partition("data", 0);  // was given back with its guard
  assert_int_equal(partition.offset(), 77);
  assert_true(partition.data() == scores);
  partition.progress(80, "few");
  partition.release();
  error_of(NGD_E_FENCED, [&] { partition.finish(); });
  error_of(NGD_E_RANGE, [&] { static_cast<void>(first.claim_partition("data", 2)); });
  std::optional<ngd::Partition> one = first.claim_partition("data"), other = first.claim_partition("data");
  assert_true(one->offset() == 80 && one->data() == "few" && one->token() > partition.token());
  assert_int_equal(other->number(), 1);
  error_of(NGD_E_UNAVAILABLE, [&] { static_cast<void>(second.claim_partition("data", 400ms)); });
  one->finish();
  other->finish();
  assert_true(!second.claim_partition("data"));  // all are finished
  assert_int_equal(second.open_partitions("data", 2), 2);
  one = second.claim_partition("data");
  assert_true(one->offset() == 0 && one->data() == "few");
}

void trainers_work_together_through_servers(void **) {
  const ngd::Server server = started("inproc://cpp-trainers");
  const ngd::Dataset held_out = half_spaces(200, 2);
  const auto train = [&](int worker) {
    const ngd::Dataset training = half_spaces(240, 1);
    ngd::Client client("client:consistency=bulk,workers=2");
    client.set("worker", worker != 0);
    if (worker != 0) client.set("rank", worker);
    ngd::Model model("mlp:hidden=8");
    ngd::Optimizer optimizer("ngd:learning_rate=0.02");
    ngd::Trainer trainer("trainer:epochs=15,batch_size=16");
    trainer.connect(client, server.addresses(), 20s);
    if (worker != 0)
      trainer.run(model, optimizer, training);
    else
      trainer.run(model, optimizer, training, held_out);
    return model;
  };
  auto first = std::async(std::launch::async, train, 1), second = std::async(std::launch::async, train, 2);
  const ngd::Model observed = train(0);
  first.get();
  second.get();
  assert_true(observed.evaluate(held_out).accuracy > 0.93);
  ngd::Client client("client:worker=0");
  client.connect(server.addresses());
  assert_int_equal(client.info().version, 1 + 15 * 240 / 16);  // the first values, and each batch once
  std::vector<std::vector<float>> values;
  for (const ngd::TensorInfo &tensor : client.tensors()) values.emplace_back(tensor.elements);
  client.pull(values);
  assert_int_equal(values.size(), observed.tensors().size());
  for (size_t index = 0; index < values.size(); index++)
    assert_true(values[index] == observed.get_tensor<float>(index));
}

void a_trainer_can_be_taken_off_the_servers_again(void **) {
  const ngd::Dataset training = half_spaces(50, 1);
  ngd::Model model("linear");
  ngd::Optimizer optimizer("sgd");
  ngd::Trainer trainer("trainer:epochs=1");
  ngd::Client client;
  trainer.connect(client, "inproc://cpp-nobody", 300ms);
  error_of(NGD_E_TIMEOUT, [&] { trainer.run(model, optimizer, training); });
  trainer.disconnect();
  trainer.run(model, optimizer, training);
  error_of(NGD_E_ARGUMENT, [&] { trainer.connect(client, "udp://127.0.0.1:1"); });
  error_of(NGD_E_RANGE, [&] { trainer.connect(client, "inproc://cpp-nobody", -1ms); });
}

void servers_stop_and_go_on_from_their_disk(void **) {
  ngd::Server server;
  server.set("data_dir", std::string(directory) + "/data");
  server.set("listen", std::string("ipc://") + directory + "/socket,tcp://127.0.0.1:*");
  error_of(NGD_E_STATE, [&] { server.addresses(); });
  error_of(NGD_E_STATE, [&] { server.status(); });
  server.start();
  error_of(NGD_E_STATE, [&] { server.start(); });
  const std::string addresses = server.addresses(),
                    expected = std::string("ipc://") + directory + "/socket,tcp://127.0.0.1:";
  assert_true(addresses.starts_with(expected) && std::atoi(addresses.c_str() + expected.size()) > 0);
  assert_true(server.status().starts_with("{") && server.status().find("\"endpoints\"") != std::string::npos);
  std::vector<float> value = {0}, one = {1};
  {
    ngd::Client client = connected(server, 1);
    client.init({value});
    client.push(NGD_PUSH_DELTA, {one});
    server.checkpoint();
    client.push(NGD_PUSH_DELTA, {one});
    assert_true(client.places().find("\"default\"") != std::string::npos);
    error_of(NGD_E_NOT_FOUND, [&] { client.arrange("drain:node=7"); });
    error_of(NGD_E_OPTION, [&] { client.arrange("drian:node=1"); });
  }
  server.stop();
  server.start();
  ngd::Client client;
  client.connect(server.addresses());
  client.pull({value});
  assert_near(value[0], 2, 0);
  client.push(NGD_PUSH_DELTA, {one});
  server.checkpoint();
  client.push(NGD_PUSH_DELTA, {one});
  client.disconnect();
  error_of(NGD_E_STATE, [&] { client.version(); });
  const std::string spec = server.spec();
  server = ngd::Server("server:node=3");  // ends the one that runs, as if it had been killed
  ngd::Server next(spec);
  next.start();
  client.connect(next.addresses());
  client.pull({value});
  assert_near(value[0], 3, 0);                 // what its last checkpoint has
  assert_int_equal(client.info().lineage, 3);  // it went back to one twice
  assert_near(server.get("node"), 3, 0);
  assert_text(server.spec(), "server:node=3");
  error_of(NGD_E_STATE, [&] { server.stop(); });
  error_of(NGD_E_OPTION, [] { ngd::Server("server:data_dri=x"); });
  assert_true(!ngd::Server::describe().empty() && !client.options().empty());
  static_assert(std::is_nothrow_move_constructible_v<ngd::Server> &&
                std::is_nothrow_move_constructible_v<ngd::Client> &&
                !std::is_copy_constructible_v<ngd::Client>);
}

void who_is_not_there_or_goes_away_is_told_in_time(void **) {
  ngd::Client client;
  client.add("w", {1});
  const auto seconds_of = [](auto body) {
    const auto begin = std::chrono::steady_clock::now();
    error_of(NGD_E_TIMEOUT, body);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  for (const char *address :
       {"tcp://127.0.0.1:1", "inproc://cpp-nobody", "ipc:///tmp/ngd-no-such-directory/s"}) {
    const double seconds = seconds_of([&] { client.connect(address, 400ms); });
    assert_true(seconds >= 0.39 && seconds < 2);
  }
  error_of(NGD_E_ARGUMENT, [&] { client.connect("udp://127.0.0.1:1"); });
  error_of(NGD_E_ACCESS, [&] { client.connect("tcp://10.0.0.1:7070"); });
  error_of(NGD_E_RANGE, [&] { client.connect("inproc://cpp-nobody", -1ms); });
  error_of(NGD_E_STATE, [&] { client.version(); });
  error_of(NGD_E_STATE, [&] { client.push(NGD_PUSH_DELTA, {{}}); });
  std::optional<ngd::Server> server = started("inproc://cpp-going");
  ngd::Client absent("client:model=other");
  error_of(NGD_E_NOT_FOUND, [&] { absent.connect(server->addresses(), 3000ms); });
  client.connect(server->addresses());
  std::vector<float> value = {0};
  client.init({value});
  error_of(NGD_E_STATE, [&] { client.add("v", {1}); });
  ngd::Client unlike("client:optimizer=adam");
  unlike.add("w", {1});
  error_of(NGD_E_CONFLICT, [&] { unlike.connect(server->addresses()); });
  const ngd::Lock lock = client.lock("held when the server goes");
  server.reset();
  const double seconds = seconds_of([&] { client.pull({value}, 0, 400ms); });
  assert_true(seconds >= 0.39 && seconds < 2);
  const double places = seconds_of([&] { client.places(400ms); });
  assert_true(places >= 0.39 && places < 2);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(two_workers_with_gradients_of_their_own_find_the_solution),
      cmocka_unit_test(updates_make_versions_and_reads_tell_them),
      cmocka_unit_test(sizes_are_checked_before_the_library_reads),
      cmocka_unit_test(rows_of_a_table_come_into_being_when_they_are_touched),
      cmocka_unit_test(operations_are_begun_and_waited_for_later),
      cmocka_unit_test(what_was_begun_may_outlive_its_session_and_its_client),
      cmocka_unit_test(a_lock_is_given_back_with_its_guard),
      cmocka_unit_test(named_values_have_versions_and_can_be_waited_for),
      cmocka_unit_test(barriers_open_for_all),
      cmocka_unit_test(partitions_are_claimed_given_back_and_finished),
      cmocka_unit_test(trainers_work_together_through_servers),
      cmocka_unit_test(a_trainer_can_be_taken_off_the_servers_again),
      cmocka_unit_test(servers_stop_and_go_on_from_their_disk),
      cmocka_unit_test(who_is_not_there_or_goes_away_is_told_in_time),
  };
  return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
