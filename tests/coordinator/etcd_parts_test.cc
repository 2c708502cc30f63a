// The parts of the module for etcd: its address, its JSON, and what libngd says of modules that it cannot use.
#include <sys/stat.h>

#include "coordinator/etcd/json.h"
#include "coordinator/etcd/settings.h"
#include "coordinator/plugged.h"
#include "etcd_cluster.h"

using namespace ngd::etcd;

namespace {

void addresses_become_urls(void **) {
  const Settings settings = settings_of("etcd://10.0.0.1:1,host-2.example,[::1],[fe80::1]:99", "c");
  const std::vector<std::string> expected = {"http://10.0.0.1:1", "http://host-2.example:2379",
                                             "http://[::1]:2379", "http://[fe80::1]:99"};
  assert_true(settings.members == expected);
  assert_string_equal(settings.root.c_str(), "/ngd/c");
  const Settings secure = settings_of("etcd://a?authorities=/x.pem&single_member=1", "c");
  assert_string_equal(secure.members[0].c_str(), "https://a:2379");
  assert_string_equal(secure.authorities.c_str(), "/x.pem");
}

void check_refused(const char *address, const char *message, const char *cluster = "c") {
  assert_string_equal(message_of(NGD_E_ARGUMENT, [&] { settings_of(address, cluster); }).c_str(), message);
}

void wrong_addresses_are_told(void **) {
  const char *kHow = "; write etcd://host:port,host:port,host:port";
  const auto wrong = [&](const std::string &address, const std::string &what) {
    check_refused(address.c_str(),
                  ngd::concat("option coordinator is \"", address, "\": ", what, kHow).c_str());
  };
  wrong("etcd://", "\"\" has no host");
  wrong("etcd://a,,b", "\"\" has no host");
  wrong("etcd://a,:1,b", "\":1\" has no host");
  wrong("etcd://a:0,b,c", "\"a:0\" has no port from 1 to 65535");
  wrong("etcd://a:65536,b,c", "\"a:65536\" has no port from 1 to 65535");
  wrong("etcd://a:1:2,b,c", "\"a:1:2\" has no port from 1 to 65535");
  wrong("etcd://a/b,b,c", "\"a/b\" is no name or number of a host");
  wrong("etcd://user@a,b,c", "\"user@a\" is no name or number of a host");
  wrong("etcd://[::1,b,c", "\"[::1\" has no ]");
  check_refused("etcd://a,b,c?user=x",
                "option coordinator is \"etcd://a,b,c?user=x\": \"user=x\" is none of login=/file, "
                "authorities=/file.pem, authorities=system and single_member=1");
  check_refused(
      "etcd://a,b",
      "option coordinator names 2 members of etcd: with fewer than three, one crash stops or loses what the "
      "servers agreed on; name three, or add ?single_member=1 where that may be");
  check_refused(
      "etcd://a,b,c",
      "option cluster is \"x/y\": it is part of the keys in etcd, and may not be empty or hold a slash", "x/y");
}

void a_login_is_read_from_a_file_of_ones_own(void **) {
  const Scratch scratch;
  const std::string path = scratch / "login", address = "etcd://a,b,c?login=" + path;
  const auto fails = [&](ngd_status status) { return message_of(status, [&] { settings_of(address, "c"); }); };
  assert_true(fails(NGD_E_IO).find("No such file") != std::string::npos);
  write_text(path, "ngd:pass:word\nmore\n");
  chmod(path.c_str(), 0640);
  assert_true(fails(NGD_E_ACCESS).find("chmod 600") != std::string::npos);
  chmod(path.c_str(), 0600);
  const Settings settings = settings_of(address, "c");
  assert_string_equal(settings.user.c_str(), "ngd");
  assert_string_equal(settings.password.c_str(), "pass:word");
  write_text(path, "nothing");
  assert_true(fails(NGD_E_DATA).find("user:password") != std::string::npos);
}

void numbers_of_64_bits_come_as_text(void **) {
  const auto json = parsed(R"({"a":"18446744073709551615","b":7,"c":"-1","d":"x","e":{"f":true},"g":1.5})");
  assert_true(json.has_value());
  assert_true(number(&*json, "a") == UINT64_MAX);
  assert_int_equal(number(&*json, "b"), 7);
  for (const char *none : {"c", "d", "e", "g", "absent"}) assert_int_equal(number(&*json, none), 0);
  assert_true(flag(field(&*json, "e"), "f"));
  assert_false(flag(field(&*json, "b"), "f"));
  assert_int_equal(number(field(&*json, "absent"), "a"), 0);
}

void what_is_no_object_or_too_deep_is_refused(void **) {
  for (const char *bad : {"", "[]", "1", "{", "{\"a\":}", "{\"a\":1}}", "nul", "\xff"})
    assert_false(parsed(bad).has_value());
  const auto nested = [](int depth) {
    std::string all;
    for (int i = 0; i < depth; i++) all += "{\"a\":";
    return all + "1" + std::string(static_cast<size_t>(depth), '}');
  };
  assert_true(parsed(nested(16)).has_value());
  assert_false(parsed(nested(18)).has_value());
  assert_false(parsed(nested(100'000)).has_value());
}

void base64_is_the_standards(void **) {
  const char *pairs[][2] = {{"", ""},
                            {"f", "Zg=="},
                            {"fo", "Zm8="},
                            {"foo", "Zm9v"},
                            {"foob", "Zm9vYg=="},
                            {"fooba", "Zm9vYmE="},
                            {"foobar", "Zm9vYmFy"}};
  for (const auto &[plain, text] : pairs) {
    assert_string_equal(to_base64(plain).c_str(), text);
    assert_string_equal(from_base64(text)->c_str(), plain);
  }
  std::string bytes;
  for (int i = 0; i < 1000; i++) {
    bytes += static_cast<char>(i * 7);
    assert_true(*from_base64(to_base64(bytes)) == bytes);
  }
  for (const char *bad : {"A", "AB", "ABC", "AB!=", "====A", "A===", "=ABC"})
    assert_false(from_base64(bad).has_value());
}

void the_end_of_a_prefix(void **) {
  assert_string_equal(end_of("/ngd/c/").c_str(), "/ngd/c0");
  assert_string_equal(end_of("a\xff").c_str(), "b");
  assert_int_equal(end_of("\xff").size(), 1);
}

void modules_that_cannot_be_used_are_told(void **) {
  const std::string missing = message_of(NGD_E_UNSUPPORTED, [] {
    ngd::coordinator::load_module({"/nowhere/a.so", "/nowhere/b.so"});
  });
  assert_string_equal(missing.c_str(),
                      "the module of this coordinator cannot be opened: there is none of /nowhere/a.so, "
                      "/nowhere/b.so; install the component coordinator_etcd of libngd, which is built where "
                      "libcurl4-openssl-dev is present");
  const Scratch scratch;
  write_text(scratch / "a.so", "no library");
  const std::string broken =
      message_of(NGD_E_UNSUPPORTED, [&] { ngd::coordinator::load_module({scratch / "a.so"}); });
  assert_true(broken.find("file too short") != std::string::npos ||
              broken.find("invalid ELF") != std::string::npos);
  assert_true(message_of(NGD_E_UNSUPPORTED, [] { ngd::coordinator::load_module({"libm.so.6"}); }) ==
              "libm.so.6 is no module of libngd: it has no function ngd_coordinator_module");
  assert_true(
      message_of(NGD_E_UNSUPPORTED, [] { ngd::coordinator::load_module({NGD_OTHER_MODULE}); }) ==
      ngd::concat("the module ", NGD_OTHER_MODULE,
                  " has version 999 and this libngd needs version 1: install both from the same release"));
  assert_int_equal(ngd::coordinator::load_module({"/nowhere/a.so", module_path()}).version, 1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(addresses_become_urls),
      cmocka_unit_test(wrong_addresses_are_told),
      cmocka_unit_test(a_login_is_read_from_a_file_of_ones_own),
      cmocka_unit_test(numbers_of_64_bits_come_as_text),
      cmocka_unit_test(what_is_no_object_or_too_deep_is_refused),
      cmocka_unit_test(base64_is_the_standards),
      cmocka_unit_test(the_end_of_a_prefix),
      cmocka_unit_test(modules_that_cannot_be_used_are_told),
  };
  return cmocka_run_group_tests_name("coordinator etcd, parts", tests, nullptr, nullptr);
}
