// The inside of a shard: parts that are staged, what has been decided, and how it comes back after a restart.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cluster/checkpoint.h"
#include "cluster/fetch.h"
#include "cluster/log.h"
#include "cluster/log_entries.h"
#include "cluster/pace.h"
#include "cluster/parameters.h"
#include "cluster/replica.h"
#include "cluster/root.h"
#include "cluster/shard.h"

namespace ngd::cluster {

// What digests may cost, in bytes that are read for them: one for so many bytes of updates, which are read and written
// several times on their way, and so much for NodeOptions::digest_every versions.
inline constexpr uint64_t kBytesForDigest = 16, kDigestCredit = uint64_t{256} << 10;

// Writes a shard's file, as it came from another server or not, or a manifest.
class SaveJob : public Job {
 public:
  SaveJob(Disk &disk, std::string path, std::vector<std::byte> bytes)
      : disk_(disk), path_(std::move(path)), bytes_(std::move(bytes)), fetched(true) {}
  SaveJob(Disk &disk, std::string path, std::unique_ptr<SavedShard> the_shard)
      : disk_(disk), path_(std::move(path)), saved_(std::move(the_shard)) {}
  SaveJob(Disk &disk, std::string directory, std::string model, Manifest the_manifest)
      : disk_(disk),
        directory_(std::move(directory)),
        model_(std::move(model)),
        manifest(std::move(the_manifest)),
        is_manifest(true) {}
  void run() override;

 private:
  bool late();

  Disk &disk_;
  std::string path_, directory_, model_;
  std::unique_ptr<SavedShard> saved_;
  std::vector<std::byte> bytes_;

 public:
  Manifest manifest;
  bool is_manifest = false, clears = false;  // a manifest that is cleared away
  bool fetched = false;                      // nobody waits for it
  bool follows = false;  // of one that carries out what was decided long ago, perhaps: what is newer here stays
  uint64_t generation = 0, lineage = 0;
  ManifestFile file;
  ngd_status status = NGD_OK;
  std::string text;
};

struct Shard::State : public RootHost, public ReplicaHost {
  struct Staged {
    StagedPart part;
    UpdatePart update;
    uint64_t bytes = 0;  // of memory: what its coded parts become
    Time told = 0;       // when the root heard of it last, and how long it is to have for its answer
    Time patience = 0;
    // As it came: for a log, and for other replicas, which may come at any time.
    wire::Push push;
    std::vector<wire::Bytes> payload;
  };
  // What may be seen once the log is on the disk up to a position, and all replicas in sync have it up to an index.
  struct Held {
    enum class Kind : uint8_t { message, snapshot, pin, unpin } kind = Kind::message;
    Peer to = 0;
    wire::Message message;
    std::shared_ptr<Snapshot> snapshot;
    uint64_t version = 0;
    uint64_t position = 0, index = 0;
    Time asked = 0;  // not 0: needs the members' word instead of their lease, see Replica::ask_members
  };
  // The files of a checkpoint that is restored, by index, as they come; and those that are not here.
  struct Obtaining {
    wire::Restore request;
    std::map<uint32_t, LoadedShard> files;
    std::vector<std::pair<uint32_t, std::string>> lacking;  // and why
    std::vector<uint32_t> fetched;
  };
  struct WaitingPull {
    From from;
    wire::Envelope envelope;
    wire::Pull pull;
    std::vector<wire::Bytes> payload;
    Time until = 0, asked = 0;
  };

  State(Place the_place, const NodeOptions &the_options, Net &the_net, Disk &the_disk, Rng &the_rng,
        Coordinator &the_coordinator);

  // Messages.
  void receive(const From &from, wire::Message message, Time now);
  void rest(Time now);  // at the end of each call
  void push(const From &from, const wire::Envelope &envelope, const wire::Push &push,
            const std::vector<wire::Bytes> &payload, Time now);
  void stage(const From &from, const wire::Envelope &envelope, const wire::Push &push,
             const std::vector<wire::Bytes> &payload, Time now);
  void pull(const From &from, const wire::Envelope &envelope, const wire::Pull &pull,
            std::vector<wire::Bytes> payload, Time now);
  bool try_pull(const WaitingPull &waiting, Time now);
  void serve_pulls(Time now);
  void decide(const wire::Decide &decide, Time now);
  bool fresh_request(const From &from, const wire::Envelope &envelope, uint64_t request_lineage);
  void refuse(Peer peer, const wire::Envelope &envelope, ngd_status status, wire::Refused::Retry retry,
              std::string text, Time asked = 0);
  void tell_root(const UpdateKey &key, Staged &staged, Time now);
  void tell_root_again(const UpdateKey &key, Staged &staged, Time now);
  void tell_untold(Time now);
  std::map<UpdateKey, Staged>::iterator put_staged(const UpdateKey &key, const wire::Push &push,
                                                   const std::vector<wire::Bytes> &payload);
  void erase_staged(std::map<UpdateKey, Staged>::iterator place);
  void publish(bool rows = true);
  bool rows_are_read();
  bool read_present(const WaitingPull &waiting);
  void pin(Held::Kind kind, uint64_t of_version);

  // Replication: shard_replication.cc. What a primary carries out is certain only when its entry is committed: until
  // then all that it says and publishes is held.
  static wire::Bytes replica_control(LogKind kind, std::span<const std::byte> body);
  void record_replaced(Time now);
  bool replicated() const { return replica->shared(); }
  bool shares_entry() const;
  wire::Bytes whole_state(bool with_stream = true);
  wire::Bytes small_state(bool with_stream) const;
  uint32_t digest();
  // Digests while it runs: shard_digest.cc.
  uint32_t digest_of(DigestEntry &part) const;
  void log_digest(Time now);
  void compare(const DigestEntry &theirs);
  void take_state(std::span<const std::byte> bytes, Time now);
  void lead_on(Time now);
  void stage_at_root(Time now);
  void placed(const wire::ModelPlace &model, Time now);

  // ReplicaHost.
  void say(uint32_t node, wire::Body body, std::vector<wire::Bytes> payload) override;
  uint64_t coordinator_ticket() override;
  bool replay(uint64_t index, const LogEntry &entry, Time now) override;
  void committed(uint64_t index, Time now) override;
  void lead(bool fresh, Time now) override;
  void follow(bool lost, Time now) override;
  std::optional<wire::Bytes> snapshot() override;
  size_t state_bytes() const override;
  void load(std::span<const std::byte> snapshot, Time now) override;
  void record_changed(const ReplicaRecord &record) override;

  // RootHost.
  bool leads() const override { return leading; }
  void carried_out(Time now) override { committed(replica->committed(), now); }
  const wire::ModelSpec &model() const override { return place.model.spec; }
  const StagedPart *staged(const UpdateKey &key) const override;
  void log(const RootEntry &entry) override;
  void drop(const UpdateKey &key, uint32_t attempt) override;
  void decided(const wire::Decision &decision, Time now) override;
  void send_to_shard(uint32_t to, wire::Envelope envelope, wire::Body body) override;
  void send_to(Peer peer, wire::Message message, Time asked) override;
  Time ask_members(Time now) override;
  void read(const Wanted &wanted, wire::Pushed &pushed, std::vector<wire::Bytes> &payload) const override;

  // The log: shard_log.cc.
  bool logging() const { return journal != nullptr && options.ack_disk && !replaying; }
  void append(LogKind kind, std::span<const std::byte> body, const std::vector<wire::Bytes> &payload = {});
  void log_staged(const UpdateKey &key, const Staged &staged);
  void log_base(const BaseEntry &base);
  void hold(Held one);
  void hold_confirming(Held one);
  void forget_held();
  void withdraw(const Held &one);
  void let_go(Held one);
  bool certain(const Held &one) const;
  bool follows_held(const Held &one) const;
  void let_out(Time now);  // what has become certain
  void log_done(const LogJob &job, Time now);
  void take_base(const BaseEntry &base, Time now);
  void replay(LogKind kind, std::span<const std::byte> body, const std::vector<wire::Bytes> &payload, Time now);
  void recover(Time now);
  size_t find_base(Time now);
  void begin_from_log(uint64_t new_lineage, uint64_t base_version, Time now);

  // Coming back: shard_recovery.cc.
  void start(Time now);
  void come_back(Time now);
  void announce(Time now);
  void restore(const wire::Restore &request, Time now);
  void reset();
  // life: if not 0, whose it must be
  void load_checkpoint(const wire::Restore &request, std::vector<LoadedShard> &files, uint64_t life = 0);
  void restored_here(const wire::Restore &request, Time now);
  void begin_restored(Time now);
  // Of the next question to the coordinator; ServerNode leads its answer here.
  uint64_t next_ticket() { return ticket = coordinator_ticket(); }
  void read_record(Time now);
  void record_answer(const CoordinatorAnswer &answer, Time now);
  void ask_for_lineage(Time now);
  void begin_recovery(Time now);
  void adopt_lineage(uint64_t new_lineage, uint64_t base, uint64_t new_ceiling, Time now);
  void next_candidate(Time now);
  void announced(const wire::Announce &announce, const From &from, Time now);
  void restored(const wire::Restored &restored, Time now);
  void send_restore(uint32_t to, Time now);
  void resume_lineage(Time now);
  void restore_others(Time now);
  void check_ready(Time now);
  void watch_ceiling(Time now);
  void tick(Time now);

  // Its files, here or on other servers: shard_fetch.cc.
  std::string file_of(const wire::Restore &request, uint32_t index) const;
  std::vector<LoadedShard> read_files(const wire::Restore &request);
  void look_for_manifests(Time now);
  void manifests_found(Time now);
  void add_found();
  void obtain(const wire::Restore &request, Time now);
  void obtain_next(Time now);
  void obtained(Time now);
  void not_obtained(const std::string &why, Time now);
  void keep_checkpoint(const Obtaining &done, std::vector<LoadedShard> &files);
  void stay_away(Time now);
  void answer(const From &from, const wire::Envelope &envelope, const wire::Fetch &fetch);
  void fetched(const From &from, const wire::Fetched &answer, const std::vector<wire::Bytes> &payload,
               Time now);
  void fetch_on(Time now);
  AskServer asker();

  // Checkpoints: shard_checkpoint.cc.
  void add_job(std::shared_ptr<SaveJob> job, uint64_t of_generation);
  void start_checkpoint(Time now);
  void save(const wire::Decision &decision, Time now);
  void saved(const wire::Saved &saved, Time now);
  void job_done(const SaveJob &job, Time now);
  bool tries_again(const SaveJob &job, Time now);
  void checkpoint_failed(std::string text);

  std::string where() const;
  std::string log_folder() const;

  Place place;
  const NodeOptions &options;
  Net &net;
  Disk &disk;
  Rng &rng;
  Coordinator &coordinator;
  std::unique_ptr<Root> root;  // of index 0
  std::unique_ptr<Replica> replica;
  bool leading = false;
  Time clock = 0;  // of the call that is under way

  bool ready = false;
  uint64_t lineage = 0, version = 0, number = 0;
  bool initialised = false;
  std::unique_ptr<Parameters> parameters;
  std::shared_ptr<Published> readers = std::make_shared<Published>();  // who may outlive the shard
  Published &published = *readers;
  std::shared_ptr<const Snapshot> latest;  // readers have it when it is on the disk
  std::shared_ptr<const Snapshot> stale;   // for a planted mistake
  bool rows_shown = true;                  // of the present version
  uint64_t row_reads = 0;                  // that were counted; see rows_are_read()
  unsigned interest = 0;
  uint64_t shown_number = 0;  // for a planted mistake
  std::map<UpdateKey, Staged> staged_parts;
  std::map<wire::ClientId, uint64_t> client_bytes;
  uint64_t staged_bytes = 0;
  std::vector<UpdateKey> untold;         // parts that the root is to hear of after a pause
  Time told_at = 0, untold_at = kNever;  // when it heard of some last, and when it will of these
  Time scan_at = 0;
  std::map<std::string, uint64_t> seals;
  std::deque<WaitingPull> waiting;
  std::deque<std::shared_ptr<Job>> jobs;
  bool job_running = false;
  Time job_again = 0;  // one that failed waits at the front until then
  Time wakeup = 0, announce_at = 0;

  // Of the log. `recovery` is what a restart found: all that it had answered for, some of it, or nothing.
  std::unique_ptr<Log> journal;
  std::deque<Held> held;
  std::deque<Held> confirming;  // answers to reads that wait for the members' word, and hold nothing else up
  bool replaying = false;
  enum class Recovery : uint8_t { nothing, partly, whole } recovery = Recovery::nothing;
  std::string warning;  // what was found then
  Time log_again = 0, recover_at = kNever;

  // Of digests. `place` goes through the state, part by part; the credit is what updates have allowed for them.
  uint64_t digest_credit = 0, digest_place = 0, digest_at = 0, digest_total = 0;
  uint64_t digests = 0, differences = 0;
  bool differs = false;
  uint64_t flipped_at = 0;  // a planted mistake
  std::string difference;

  // Of a checkpoint that is restored.
  std::optional<Obtaining> obtaining;
  std::unique_ptr<ManifestSearch> search;
  std::unique_ptr<FileFetch> fetch;

  // Of the root. searching: for manifests; obtaining: its own file of the checkpoint that it restores.
  enum class Phase : uint8_t { unknown, reading, writing, restoring, broken, ready, searching, obtaining };
  Phase phase = Phase::unknown;
  uint64_t ticket = 0, tickets = 0, record_revision = 0, record_lineage = 0, record_ceiling = 0,
           wanted_lineage = 0, wanted_ceiling = 0;
  Time record_at = 0;
  bool fresh = true;  // recovery begins anew once the record is read
  bool extending = false, writing_record = false;
  LogObserver *observer = nullptr;
  std::vector<Manifest> candidates;
  bool searched = false;       // other servers, in this recovery
  bool nothing_saved = false;  // nowhere, as far as is known: the model begins empty
  std::vector<Manifest> elsewhere;
  std::string damaged_elsewhere;
  std::optional<Manifest> chosen;
  Time stay_until = 0, stay_pause = 0;    // of a broken model
  std::vector<KnownServer> stay_servers;  // as they were then
  wire::Restore restoring;
  std::vector<uint64_t> incarnations;  // of the shards that are restored, by index
  std::vector<uint8_t> restored_shards;
  std::vector<Time> restore_at;
  std::string trouble;
  bool checkpointing = false;
  Manifest making;
  std::optional<uint64_t> manifest_at;  // the index that must be committed before it is written
  std::vector<uint8_t> saved_shards;
  Time checkpoint_until = kNever, next_checkpoint = kNever;
  uint64_t checkpoint_version = 0;
  uint64_t generation = 0, kept = 0;  // the last checkpoint, and the last that is whole
  bool resuming = false;
  uint32_t next_slot = 0;
  uint64_t checkpoints_done = 0, checkpoints_failed = 0;
};

}  // namespace ngd::cluster
