// transport/keys and transport/address: files of keys there and back, what is refused, and which addresses are.
#include "transport/keys.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "check.h"
#include "raises.h"
#include "transport/address.h"
#include "transport/channel.h"

namespace {

using namespace ngd::transport;
using ngd::cluster::Role;

mode_t mode_of(const std::string &path) {
  struct stat status;
  assert_int_equal(stat(path.c_str(), &status), 0);
  return status.st_mode & 0777;
}

void generated_keys_are_read_back_and_belong_together(void **) {
  const Scratch scratch;
  generate_keys(scratch / "alice", Role::worker);
  assert_int_equal(mode_of(scratch / "alice.key_secret"), 0600);
  const KeyPair keys = read_key_pair(scratch / "alice");
  check_text(read_public_key(scratch / "alice.key"), keys.public_key);
  check_text(read_public_key(keys.public_key), keys.public_key);
  char derived[41];
  assert_int_equal(zmq_curve_public(derived, keys.secret_key.text()), 0);
  check_text(derived, keys.public_key);
  assert_true(file_text(scratch / "alice.key").find(keys.secret_key.text()) == std::string::npos);
}

void keys_are_never_overwritten(void **) {
  const Scratch scratch;
  generate_keys(scratch / "a", Role::worker);
  const std::string before = file_text(scratch / "a.key_secret");
  assert_true(message_of(NGD_E_CONFLICT, [&] {
                generate_keys(scratch / "a", Role::worker);
              }).find("exists already") != std::string::npos);
  check_text(file_text(scratch / "a.key_secret"), before);
  unlink((scratch / "a.key_secret").c_str());
  message_of(NGD_E_CONFLICT, [&] { generate_keys(scratch / "a", Role::worker); });
  assert_int_equal(scratch.file_count(), 1);  // no secret without its public half
}

void a_secret_key_that_others_may_read_is_refused(void **) {
  const Scratch scratch;
  generate_keys(scratch / "a", Role::worker);
  const std::string file = scratch / "a.key_secret";
  for (const mode_t mode : {0604, 0660, 0644}) {
    chmod(file.c_str(), mode);
    message_of(NGD_E_ACCESS, [&] { read_key_pair(scratch / "a"); });
  }
  chmod(file.c_str(), 0400);
  read_key_pair(scratch / "a");
  // A group may read it only where the file is root's, as those are that services are given.
  const auto check_group = [&](bool good) {
    chmod(file.c_str(), 0440);
    if (good)
      read_key_pair(scratch / "a");
    else
      message_of(NGD_E_ACCESS, [&] { read_key_pair(scratch / "a"); });
  };
  check_group(geteuid() == 0);
  if (geteuid() != 0) return;
  assert_int_equal(chown(file.c_str(), 65534, 65534), 0);
  check_group(false);
}

void damaged_key_files_are_refused(void **) {
  const Scratch scratch;
  generate_keys(scratch / "a", Role::worker);
  const std::string good = file_text(scratch / "a.key_secret");
  for (size_t size = 0; size + 3 < good.size(); size += 7) {
    write_text(scratch / "a.key_secret", good.substr(0, size));
    message_of(NGD_E_DATA, [&] { read_key_pair(scratch / "a"); });
  }
  write_text(scratch / "b.key", "curve\n  public-key = \"short\"\n");
  message_of(NGD_E_DATA, [&] { read_public_key(scratch / "b"); });
  message_of(NGD_E_IO, [&] { read_public_key(scratch / "none"); });
  write_text(scratch / "c.key", std::string(10000, 'x'));
  message_of(NGD_E_DATA, [&] { read_public_key(scratch / "c"); });
}

void the_directory_is_read_again_when_it_changes(void **) {
  const Scratch scratch;
  mkdir((scratch / "who").c_str(), 0700);
  Authorized authorized(scratch / "who");
  assert_int_equal(authorized.size(), 0);
  generate_keys(scratch / "who/alice", Role::reader);
  const std::string alice = read_public_key(scratch / "who/alice");
  assert_null(authorized.find(alice));
  authorized.refresh();
  assert_non_null(authorized.find(alice));
  assert_true(authorized.find(alice)->role == Role::reader);
  check_text(authorized.find(alice)->name, "alice");
  unlink((scratch / "who/alice.key").c_str());
  authorized.refresh();
  assert_null(authorized.find(alice));
  message_of(NGD_E_IO, [&] { Authorized(scratch / "absent"); });
}

void a_damaged_file_in_the_directory_changes_nothing(void **) {
  const Scratch scratch;
  generate_keys(scratch / "alice", Role::worker);
  Authorized authorized(scratch.path());
  write_text(scratch / "bob.key", "nothing");
  message_of(NGD_E_DATA, [&] { authorized.refresh(); });
  assert_non_null(authorized.find(read_public_key(scratch / "alice")));
}

void addresses_of_three_kinds_are_taken_and_all_others_refused(void **) {
  assert_true(parse_address("tcp://127.0.0.1:7070").loopback);
  assert_true(parse_address("tcp://localhost:0").loopback);
  assert_true(parse_address("tcp://[::1]:*").loopback);
  assert_false(parse_address("tcp://10.0.0.1:7070").loopback);
  assert_false(parse_address("tcp://*:7070").loopback);
  assert_true(parse_address("ipc:///tmp/a/b").scheme == Scheme::ipc);
  assert_true(parse_address("inproc://a").scheme == Scheme::inproc);
  for (const char *text : {"",
                           "tcp",
                           "tcp://",
                           "tcp://:1",
                           "tcp://a",
                           "tcp://a:65536",
                           "tcp://a:-1",
                           "tcp://a:b",
                           "tcp://a;b:1",
                           "tcp://a:1/b",
                           "pgm://eth0;239.0.0.1:5555",
                           "epgm://eth0;239.0.0.1:5555",
                           "norm://a:1",
                           "udp://a:1",
                           "ws://a:1",
                           "wss://a:1",
                           "vmci://a:1",
                           "tipc://{1,2,3}",
                           "TCP://a:1",
                           "ipc://relative",
                           "ipc://@abstract",
                           "ipc://",
                           "inproc://",
                           "inproc://zeromq.zap.01",
                           "tcp://a b:1",
                           "tcp://a:1\n"})
    message_of(NGD_E_ARGUMENT, [&] { parse_address(text); });
  check_raises(NGD_E_ARGUMENT, "address \"udp://a:1\": it begins with none of tcp://, ipc:// and inproc://",
               [] { parse_address("udp://a:1"); });
  assert_int_equal(parse_addresses("tcp://a:1, inproc://b ipc:///c/d").size(), 3);
  message_of(NGD_E_ARGUMENT, [] { parse_addresses(" , "); });
}

void plain_tcp_beyond_the_host_needs_the_users_word(void **) {
  const Address far = parse_address("tcp://10.0.0.1:7070");
  assert_true(message_of(NGD_E_ACCESS, [&] { check_plain(far, false, false); }).find("trusted_network=1") !=
              std::string::npos);
  check_plain(far, true, false);
  check_plain(far, false, true);
  check_plain(parse_address("tcp://127.0.0.1:7070"), false, false);
}

void directories_of_ipc_sockets_are_private(void **) {
  const Scratch scratch;
  const Address address = parse_address("ipc://" + (scratch / "socks/a"));
  prepare_ipc_directory(address);
  assert_int_equal(mode_of(scratch / "socks"), 0700);
  chmod((scratch / "socks").c_str(), 0755);
  message_of(NGD_E_ACCESS, [&] { prepare_ipc_directory(address); });
  message_of(NGD_E_IO, [&] { prepare_ipc_directory(parse_address("ipc://" + (scratch / "a/b/c"))); });
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(generated_keys_are_read_back_and_belong_together),
      cmocka_unit_test(keys_are_never_overwritten),
      cmocka_unit_test(a_secret_key_that_others_may_read_is_refused),
      cmocka_unit_test(damaged_key_files_are_refused),
      cmocka_unit_test(the_directory_is_read_again_when_it_changes),
      cmocka_unit_test(a_damaged_file_in_the_directory_changes_nothing),
      cmocka_unit_test(addresses_of_three_kinds_are_taken_and_all_others_refused),
      cmocka_unit_test(plain_tcp_beyond_the_host_needs_the_users_word),
      cmocka_unit_test(directories_of_ipc_sockets_are_private),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
