// Processes of etcd.
#include "etcd_cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "coordinator/etcd/gateway.h"

using ngd::concat;

std::string module_path() {
  return NGD_ETCD_MODULE;
}

bool etcd_is_here() {
  bool found = false;
  for (const std::string_view folder : ngd::split(std::getenv("PATH"), ':'))
    found |= access(concat(folder, "/etcd").c_str(), X_OK) == 0;
  if (!found) print_message("skipped: there is no program etcd (Debian: etcd-server)\n");
  return found;
}

namespace {

// Sockets that stay bound until all ports are chosen, so that they differ.
struct FreePort {
  FreePort() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(socket_, reinterpret_cast<sockaddr *>(&address), size) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr *>(&address), &size) != 0)
      fail_msg("no free port");
    number = ntohs(address.sin_port);
  }
  ~FreePort() { close(socket_); }
  FreePort(const FreePort &) = delete;
  FreePort &operator=(const FreePort &) = delete;
  int number = 0;

 private:
  int socket_;
};

}  // namespace

EtcdCluster::EtcdCluster(size_t members) : members_(members) {
  {
    const std::vector<FreePort> ports(2 * members);
    for (size_t i = 0; i < members; i++) {
      members_[i].client_port = ports[2 * i].number;
      members_[i].peer_port = ports[2 * i + 1].number;
    }
  }
  for (size_t i = 0; i < members; i++) start(i);
  leader();
  fresh_ = false;
}

EtcdCluster::~EtcdCluster() {
  for (size_t i = 0; i < members_.size(); i++) kill(i);
}

std::string EtcdCluster::url(size_t member) const {
  return concat("http://127.0.0.1:", members_[member].client_port);
}

std::string EtcdCluster::address(const std::string &options) const {
  std::string text = "etcd://";
  for (const Member &member : members_)
    text += concat(&member == members_.data() ? "" : ",", "127.0.0.1:", member.client_port);
  return text + options;
}

void EtcdCluster::start(size_t member) {
  Member &one = members_[member];
  const std::string name = concat("m", member), peer = concat("http://127.0.0.1:", one.peer_port);
  std::string all;
  for (size_t i = 0; i < members_.size(); i++)
    all += concat(i == 0 ? "" : ",", "m", i, "=http://127.0.0.1:", members_[i].peer_port);
  const std::string data = scratch_ / name, log = data + ".log", client = url(member);
  const pid_t parent = getpid();
  one.process = fork();
  if (one.process != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(file, 1);
  dup2(file, 2);
  execlp("etcd", "etcd", "--name", name.c_str(), "--data-dir", data.c_str(), "--listen-client-urls",
         client.c_str(), "--advertise-client-urls", client.c_str(), "--listen-peer-urls", peer.c_str(),
         "--initial-advertise-peer-urls", peer.c_str(), "--initial-cluster", all.c_str(),
         "--initial-cluster-state", fresh_ ? "new" : "existing", nullptr);
  _exit(127);
}

void EtcdCluster::signal(size_t member, int number) {
  if (members_[member].process > 0) ::kill(members_[member].process, number);
}

void EtcdCluster::kill(size_t member) {
  if (members_[member].process <= 0) return;
  ::kill(members_[member].process, SIGKILL);
  waitpid(members_[member].process, nullptr, 0);
  members_[member].process = -1;
}

size_t EtcdCluster::leader() const {
  for (int tries = 0; tries < 300; tries++) {
    for (size_t i = 0; i < members_.size(); i++) {
      if (members_[i].process <= 0) continue;
      ngd::etcd::Settings settings;
      settings.members = {url(i)};
      ngd::etcd::Token token;
      const ngd::etcd::Result result =
          ngd::etcd::Gateway(settings, token).call("/v3/maintenance/status", ngd::etcd::Json::object());
      if (!result.answer) continue;
      const ngd::etcd::Json *answer = &*result.answer;
      const uint64_t leader = ngd::etcd::number(answer, "leader");
      if (leader != 0 && leader == ngd::etcd::number(ngd::etcd::field(answer, "header"), "member_id")) return i;
    }
    usleep(100'000);
  }
  fail_msg("etcd has no leader after 30 s; see %s", scratch_.path().c_str());
  return 0;
}
