/* libngd updates of several shards and lock seals: STAGE on every shard, one decision in the root's log, shards apply in its order.
 * Two shards; the root lives with shard 0. Every log is replicated by the protocol of takeover.pml, of which this model takes what
 * it promises: a takeover keeps all that is committed and loses any part of what is not.
 * Two updates: 0 of a client that holds a lock with the first token, may stand still at any point and may be declared dead; 1 of the
 * client that the lock is given to next. Each is sent up to ATTEMPTS times. Messages are lost, doubled, late and overtaken without
 * bound: what was once sent may arrive at any time, any number of times, or never.
 * Who hears of something hears of it as early as can be: what comes late is told to be late by what arrives of it.
 * -DMERGED lets shards stage and apply in one step with committing it: what a primary has not committed is, after a takeover, as if it
 * had not arrived; this allows longer logs. Without it, that is what is shown.
 * Invariants: I4, I7, I8 (docs/cluster.md), and that what a client was told stays true; each is an assertion below.
 * Mutations that must FAIL (-D...): NOTOKEN CHECKATSTAGE SHARDCHECKONLY STAGEDEARLY NOATTEMPT NOFLOOR DROPEARLY DROPDONE ANSWEREARLY
 * REFUSEEARLY STREAMEARLY NODEDUP CHECKCOMMITTED TRIMEARLY
 * Probes that must FAIL (what they deny can happen): PROBE1 PROBE2 PROBE3
 * By hand: spin -a staging.pml && gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -E -m100000; all of it: run.py. */
#ifndef TAKEOVERS
#define TAKEOVERS 2
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2
#endif
#ifndef MAXLOG
#define MAXLOG 5
#endif
#define SHARDS 2
#define DECIDE 1
#define ABORT 2              /* of one attempt: the client sends the next */
#define REFUSE 3             /* for good: the lock is not held any more */
#define GRANT 4              /* the lock goes to the second client; seals the first token */

typedef Shard {
  byte staged[2];            /* attempt + 1 of the part that the primary holds of each update; 0: none */
  byte kept[2];              /* the same, committed */
  byte applied; byte done;   /* entries of the root's log: by the primary; committed */
  byte what[MAXLOG];         /* what was applied: update + 1, or 0 */
}
Shard sh[SHARDS];
/* the root's log: total entries, com of them committed, the first trim forgotten */
byte kind[MAXLOG], who[MAXLOG], att[MAXLOG], total, com, trim;
byte told[SHARDS];           /* STAGED of attempt a of update u was sent once by shard s: bit (2 u + a) */
bool ok[2], fenced[2];       /* what the clients were told */
byte takeovers;
#ifdef CHECKATSTAGE
bool checked;
#endif

#define BIT(u, a) (1 << (2 * (u) + (a)))
#define TOLD(s, u, a) ((told[s] & BIT(u, a)) != 0)
/* what the log says, of its first n entries; read anew wherever it is needed */
#define IS(i, n, k, u) (i < (n) && kind[i] == k && who[i] == (u))
#define ANY(n, k, u) (IS(0, n, k, u) || IS(1, n, k, u) || IS(2, n, k, u) || IS(3, n, k, u) || IS(4, n, k, u))
#define ABORTED(n, u, a) ((IS(0, n, ABORT, u) && att[0] >= (a)) || (IS(1, n, ABORT, u) && att[1] >= (a)) || \
                          (IS(2, n, ABORT, u) && att[2] >= (a)) || (IS(3, n, ABORT, u) && att[3] >= (a)) || \
                          (IS(4, n, ABORT, u) && att[4] >= (a)))
/* the root judges by all that it has appended, committed or not */
#ifdef CHECKCOMMITTED
#define SEEN com
#else
#define SEEN total
#endif
#define GRANTED(n) ANY(n, GRANT, 0)
#define OPEN(u) (!ANY(SEEN, DECIDE, u) && !ANY(SEEN, REFUSE, u))
/* the token of update 0 is good until the lock is given on, that of update 1 from then on */
#if defined(NOTOKEN) || defined(SHARDCHECKONLY)
#define HOLDS(u) 1
#elif defined(CHECKATSTAGE)
#define HOLDS(u) ((u) == 1 || checked)
#else
#define HOLDS(u) ((u) == 1 || !GRANTED(SEEN))
#endif
#ifdef NOFLOOR
#define PASSES(u, a) 1
#else
#define PASSES(u, a) (!ABORTED(SEEN, u, a))
#endif
#ifdef NOATTEMPT
#define COMPLETE(u, a) ((TOLD(0, u, 0) || TOLD(0, u, 1)) && (TOLD(1, u, 0) || TOLD(1, u, 1)) && (TOLD(0, u, a) || TOLD(1, u, a)))
#else
#define COMPLETE(u, a) (TOLD(0, u, a) && TOLD(1, u, a))
#endif
/* when a shard hears of an entry, and when a client does */
#ifdef STREAMEARLY
#define STREAMED total
#else
#define STREAMED com
#endif
#ifdef DROPEARLY
#define GIVENUP(u, a) ABORTED(total, u, a)
#else
#define GIVENUP(u, a) ABORTED(com, u, a)
#endif
#ifdef ANSWEREARLY
#define ANSWERED total
#else
#define ANSWERED com
#endif
#ifdef REFUSEEARLY
#define REFUSED total
#else
#define REFUSED com
#endif
/* whether a shard refuses the token itself: it has applied the seal */
#define SEALED(s) (sh[s].applied > 0 && GRANTED(sh[s].applied))

/* I7: a committed decision has its part, committed, on every shard that has not committed its application */
#define PART(s, i) (!(i < com && kind[i] == DECIDE) || sh[s].done > i || sh[s].kept[who[i]] > 0)
#define PARTS(s) (PART(s, 0) && PART(s, 1) && PART(s, 2) && PART(s, 3) && PART(s, 4))
/* I7: what a shard has applied is what the root has committed there */
#define SAME(s, i) (!(i < com && sh[s].applied > i) || sh[s].what[i] == (kind[i] == DECIDE -> who[i] + 1 : 0))
#define ALLSAME(s) (SAME(s, 0) && SAME(s, 1) && SAME(s, 2) && SAME(s, 3) && SAME(s, 4))
#define CHECK assert(PARTS(0) && PARTS(1)); assert(ALLSAME(0) && ALLSAME(1))
/* what a client was told stays: done is done, refused is refused */
#define PROMISES assert(!ok[0] || ANY(total, DECIDE, 0)); assert(!ok[1] || ANY(total, DECIDE, 1)); assert(!fenced[0] || !ANY(com, DECIDE, 0))


/* the client sends, the shard stages, commits that, and tells the root */
#define SENT(u, a) (((u) == 0 || GRANTED(com)) && ((a) == 0 || ABORTED(com, u, (a) - 1)) && (a) < ATTEMPTS)
#ifdef SHARDCHECKONLY
#define ADMITS(s, u) ((u) == 1 || !SEALED(s))
#else
#define ADMITS(s, u) ((u) == 1 || s == 0 || !SEALED(s))
#endif
#define ARRIVES(s, u, a) (SENT(u, a) && sh[s].staged[u] < (a) + 1 && ADMITS(s, u))
#if defined(MERGED)
#define STAGE(s, u, a) d_step { ARRIVES(s, u, a) -> sh[s].staged[u] = (a) + 1; sh[s].kept[u] = (a) + 1; told[s] = told[s] | BIT(u, a) }
#define KEEP(s, u) 0
#elif defined(STAGEDEARLY)
#define STAGE(s, u, a) d_step { ARRIVES(s, u, a) -> sh[s].staged[u] = (a) + 1; told[s] = told[s] | BIT(u, a) }
#define KEEP(s, u) d_step { sh[s].staged[u] != sh[s].kept[u] -> sh[s].kept[u] = sh[s].staged[u] }
#else
#define STAGE(s, u, a) d_step { ARRIVES(s, u, a) -> sh[s].staged[u] = (a) + 1 }
#define KEEP(s, u) d_step { sh[s].staged[u] != sh[s].kept[u] -> sh[s].kept[u] = sh[s].staged[u]; told[s] = told[s] | BIT(u, sh[s].kept[u] - 1) }
#endif
/* the root: decides, gives up an attempt (its deadline passed), refuses */
#ifdef NODEDUP
#define UNDONE(u) (!ANY(SEEN, REFUSE, u))
#else
#define UNDONE(u) OPEN(u)
#endif
#define DO_DECIDE(u, a) d_step { total < MAXLOG && UNDONE(u) && PASSES(u, a) && COMPLETE(u, a) && HOLDS(u) -> append(DECIDE, u, a) }
#define DO_ABORT(u, a) d_step { total < MAXLOG && OPEN(u) && !ABORTED(SEEN, u, a) && (TOLD(0, u, a) || TOLD(1, u, a)) -> append(ABORT, u, a) }
/* a part is let go: its attempt was given up, or the update is over and the shard is past it */
#define DROP_GIVENUP(s, u) d_step { sh[s].staged[u] > 0 && GIVENUP(u, sh[s].staged[u] - 1) -> sh[s].staged[u] = 0; sh[s].kept[u] = 0; CHECK }
#ifdef DROPDONE
#define OVER(s, u) (ANY(com, DECIDE, u) || ANY(com, REFUSE, u))
#else
#define OVER(s, u) (ANY(sh[s].done, DECIDE, u) || ANY(com, REFUSE, u))
#endif
#define DROP_OVER(s, u) d_step { sh[s].staged[u] > 0 && OVER(s, u) -> sh[s].staged[u] = 0; sh[s].kept[u] = 0; CHECK }
/* entries that all have applied are forgotten */
#define LEAST(f) (sh[0].f < sh[1].f -> sh[0].f : sh[1].f)
#ifdef TRIMEARLY
#define TRIM trim = LEAST(applied)
#else
#define TRIM trim = LEAST(done)
#endif
/* the shard applies the next entry, and commits that it has */
#define APPLIES(s) (sh[s].applied < STREAMED && (kind[sh[s].applied] != DECIDE || sh[s].staged[who[sh[s].applied]] > 0))
#define DO_APPLY(s) sh[s].what[sh[s].applied] = (kind[sh[s].applied] == DECIDE -> who[sh[s].applied] + 1 : 0); sh[s].applied++
#define DO_SETTLE(s) if :: kind[sh[s].done] == DECIDE -> sh[s].staged[who[sh[s].done]] = 0; sh[s].kept[who[sh[s].done]] = 0 :: else fi; sh[s].done++
#ifdef MERGED
#define APPLY(s) d_step { APPLIES(s) -> DO_APPLY(s); DO_SETTLE(s); TRIM; CHECK }
#define SETTLE(s) 0
#else
#define APPLY(s) d_step { APPLIES(s) -> DO_APPLY(s); TRIM; CHECK }
#define SETTLE(s) d_step { sh[s].done < sh[s].applied -> DO_SETTLE(s); TRIM; CHECK }
#endif
#define FALLBACK(s) sh[s].staged[0] = sh[s].kept[0]; sh[s].staged[1] = sh[s].kept[1]; sh[s].applied = sh[s].done; \
    assert(sh[s].applied >= trim)                                                             /* the root still has what it needs */
/* the clients hear what there is to hear */
#define HEAR ok[0] = ok[0] | ANY(ANSWERED, DECIDE, 0); ok[1] = ok[1] | ANY(ANSWERED, DECIDE, 1); fenced[0] = fenced[0] | ANY(REFUSED, REFUSE, 0)

inline append(k, u, a) { kind[total] = k; who[total] = u; att[total] = a; total++; HEAR }

active proctype World() {
  do
  :: STAGE(0, 0, 0) :: STAGE(0, 0, 1) :: STAGE(0, 1, 0) :: STAGE(0, 1, 1)
  :: STAGE(1, 0, 0) :: STAGE(1, 0, 1) :: STAGE(1, 1, 0) :: STAGE(1, 1, 1)
  :: KEEP(0, 0) :: KEEP(0, 1) :: KEEP(1, 0) :: KEEP(1, 1)
  :: DO_DECIDE(0, 0) :: DO_DECIDE(0, 1) :: DO_DECIDE(1, 0) :: DO_DECIDE(1, 1)
  :: DO_ABORT(0, 0) :: DO_ABORT(0, 1) :: DO_ABORT(1, 0) :: DO_ABORT(1, 1)
  :: d_step { total < MAXLOG && !GRANTED(SEEN) -> append(GRANT, 0, 0) }                        /* the holder's lease has ended */
  :: d_step { total < MAXLOG && OPEN(0) && GRANTED(SEEN) && (TOLD(0, 0, 0) || TOLD(0, 0, 1)) -> append(REFUSE, 0, 0) }
#ifdef CHECKATSTAGE
  :: d_step { !checked && !GRANTED(SEEN) && (TOLD(0, 0, 0) || TOLD(0, 0, 1)) -> checked = 1 }
#endif
  :: d_step { com < total ->
       if :: kind[com] == DECIDE ->
               assert(!ANY(com, DECIDE, who[com]));                                           /* I4: once */
               assert(who[com] == 1 || !GRANTED(com));                                        /* I8: not after the seal */
          :: else fi;
       com++; HEAR; CHECK; PROMISES }
  :: DROP_GIVENUP(0, 0) :: DROP_GIVENUP(0, 1) :: DROP_GIVENUP(1, 0) :: DROP_GIVENUP(1, 1)
  :: DROP_OVER(0, 0) :: DROP_OVER(0, 1) :: DROP_OVER(1, 0) :: DROP_OVER(1, 1)
  :: APPLY(0) :: APPLY(1) :: SETTLE(0) :: SETTLE(1)
  /* takeover of shard 1 */
  :: d_step { takeovers < TAKEOVERS -> takeovers++; FALLBACK(1); CHECK }
  /* takeover of shard 0 and the root: the new primary has some of what was not committed */
  :: atomic { takeovers < TAKEOVERS -> takeovers++;
       do :: total > com -> total--; kind[total] = 0; who[total] = 0; att[total] = 0 :: break od;
#ifdef CHECKATSTAGE
       checked = 0;
#endif
       FALLBACK(0); CHECK; PROMISES }
#ifdef PROBE1                /* everything happens: an update given up once, both applied everywhere, after all takeovers */
  :: d_step { ok[0] && ok[1] && sh[0].done == com && sh[1].done == com && takeovers == TAKEOVERS && ANY(com, ABORT, 0) && com >= 4 -> assert(0) }
#endif
#ifdef PROBE2                /* a holder that stood still is refused although all shards had staged its update */
  :: d_step { fenced[0] && COMPLETE(0, 0) && ok[1] && sh[1].done == com -> assert(0) }
#endif
#ifdef PROBE3                /* a takeover loses a decision, which is then made anew behind another */
  :: d_step { takeovers > 0 && ok[1] && IS(1, com, DECIDE, 1) && IS(0, com, GRANT, 0) && COMPLETE(0, 1) -> assert(0) }
#endif
  od
}
