------------------------------- MODULE Lease -------------------------------
(***************************************************************************)
(* Who may write: lease.json, as boots, looks, backups and ends use it.    *)
(* README.md says what is checked, and which line of code each step is.    *)
(*                                                                         *)
(* - lease.json is changed only by conditional writes. An S3 ETag is the   *)
(*   hash of the content, so "If-Match" compares content here too: the     *)
(*   same content written twice has the same ETag.                         *)
(* - A nonce is a machine and the number of one of its takes.              *)
(* - State is a set of writes; a backup is that set, with its generation.  *)
(*   Restored is the newest. A request for a restore is a write, too.      *)
(* - One Tick is one period of openclaw-lease.timer (60 to 70 s). Patience *)
(*   (150 s) is two whole periods. No clock of two machines is compared.   *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets, TLC

CONSTANTS Machines, MaxGen, MaxWrites,
          Off,        \* safeguards that are left out, to see what they are for
          MaxLost,    \* answers of S3 that get lost, and writes that arrive late
          LostTakes,  \* whether only those of a boot that takes the lease do
          MaxS3,      \* reads of S3 that fail
          MaxPower,   \* power cuts (the machine and its volume are gone)
          MaxCrash,   \* crashes after which the machine boots again
          MaxReboot,  \* reboots of a machine that was drained or fenced
          MaxNotice,  \* announced ends
          MaxLate,    \* periods that go by while a machine takes the lease, restores or starts
          MaxCopy,    \* another bucket's backups, of a longer history, copied here without their lease
          Asked,      \* whether restore.json asks for a restore
          None

VARIABLES lease, wish, net, backups, request, st, gone, good, used, ghost

vars == <<lease, wish, net, backups, request, st, gone, good, used, ghost>>

With(guard) == guard \notin Off
Max(a, b) == IF a > b THEN a ELSE b
\* What a copied backup holds, and what a request brings in.
Foreign == MaxWrites + 1
Wanted == MaxWrites + 2

NoHold == [gen |-> 0, nonce |-> None, proved |-> TRUE]
\* stamp: the state here is this deployment's (restored). behind: another machine's is newer.
Blank == [pc |-> "off", held |-> NoHold, takes |-> 0, stamp |-> FALSE, behind |-> FALSE, seen |-> None, asked |-> FALSE,
          wait |-> 0, data |-> {}, serving |-> "no", bk |-> None, ranked |-> FALSE, age |-> 0, done |-> FALSE]

NoFaults == [lost |-> 0, s3 |-> 0, power |-> 0, crash |-> 0, reboot |-> 0, notice |-> 0, write |-> 0, late |-> 0, copy |-> 0]
NoGhosts == [forced |-> FALSE, falseBehind |-> FALSE, startedFenced |-> FALSE, overtaken |-> FALSE,
             last |-> None]     \* whose state is in its place last

Init == /\ lease = None /\ wish = None /\ net = {} /\ backups = {} /\ gone = {} /\ good = {}
        /\ request = IF Asked THEN "asked" ELSE "gone"
        /\ st = [m \in Machines |-> Blank]
        /\ used = NoFaults /\ ghost = NoGhosts

Inst(l) == l.nonce[1]
Own(m, l) == l # None /\ l.nonce = st[m].held.nonce
Holds(m) == Own(m, lease) /\ ~lease.rel
Alive(m, l) == l # None /\ ~l.rel /\ Inst(l) # m /\ Inst(l) \notin gone
Spend(what, most) == used[what] < most /\ used' = [used EXCEPT ![what] = @ + 1]
Lost == Spend("lost", MaxLost)
Set(m, r) == st' = [st EXCEPT ![m] = r]
\* Within a generation the state only grows: its size stands for the sequence.
Newest == CHOOSE b \in backups : \A c \in backups :
  b.gen > c.gen \/ (b.gen = c.gen /\ Cardinality(b.data) >= Cardinality(c.data))
Highest == IF backups = {} THEN 0 ELSE Newest.gen

(******************************** a boot ***********************************)
\* Every boot, and every new try of one, begins at the top.
Again(r) == [r EXCEPT !.pc = IF With("behindAtTake") \/ ~(r.stamp \/ r.behind) THEN "acquire" ELSE "look",
                      !.asked = FALSE, !.wait = 0, !.seen = None]

Launch(m) == /\ st[m].pc = "off"
             /\ Set(m, [st[m] EXCEPT !.pc = "acquire"])
             /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, used, ghost>>

Behind(m) == LET s == st[m] IN
  s.behind \/ (s.stamp /\ lease # None /\ s.held.nonce # None /\ ~Own(m, lease) /\ lease.gen >= s.held.gen)
Noted(m) == [st[m] EXCEPT !.behind = @ \/ Behind(m), !.stamp = @ /\ ~Behind(m)]
\* It was this machine that wrote what it takes for another one's.
IsFalse(m) == Behind(m) /\ ~st[m].behind /\ Inst(lease) = m

\* Without "behindAtTake": once, before the lease is waited for or taken.
Look(m) ==
  /\ st[m].pc = "look"
  /\ Set(m, [Noted(m) EXCEPT !.pc = IF Behind(m) /\ Alive(m, lease) THEN "down" ELSE "acquire"])
  /\ ghost' = [ghost EXCEPT !.falseBehind = @ \/ IsFalse(m)]
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, used>>

Stands(m) == /\ wish # None /\ wish.gen = lease.gen
             /\ wish.inst = m \/ (wish.inst # Inst(lease) /\ wish.inst \notin gone)
\* While a holder that is ending lives, it is waited for (960 s).
Patient(m) == IF lease.end THEN ~(st[Inst(lease)].pc \in {"dead", "failed", "down", "look", "acquire"} /\ st[m].wait >= 3)
              ELSE ~st[m].asked \/ st[m].wait < 2 \/ (With("askAgain") /\ ~Stands(m))

Acquire(m) ==
  /\ st[m].pc = "acquire"
  /\ LET s == IF With("behindAtTake") THEN Noted(m) ELSE st[m]
         alive == Alive(m, lease)
         down == With("behindAtTake") /\ Behind(m) /\ alive
         waits == alive /\ ~down /\ Patient(m)
         ask == waits /\ IF With("askAgain") THEN ~Stands(m) ELSE ~s.asked
         serves == alive /\ st[Inst(lease)].pc = "run" /\ st[Inst(lease)].serving = "active"
     IN /\ ghost' = [ghost EXCEPT !.falseBehind = @ \/ (With("behindAtTake") /\ IsFalse(m)),
                                  !.forced = @ \/ (~down /\ ~waits /\ serves)]
        /\ \/ /\ down
              /\ Set(m, [s EXCEPT !.pc = "down"])
              /\ UNCHANGED <<wish, used>>
           \/ /\ ask
              /\ wish' = [gen |-> lease.gen, inst |-> m]
              /\ Set(m, [s EXCEPT !.asked = TRUE, !.wait = 0])
              /\ UNCHANGED used
           \/ \* The wish is not stored. Without "askAgain" nobody minds.
              /\ ask /\ ~LostTakes /\ Lost
              /\ Set(m, [s EXCEPT !.asked = ~With("askAgain"), !.wait = 0])
              /\ UNCHANGED wish
           \/ /\ waits /\ ~ask /\ ~s.asked
              /\ Set(m, [s EXCEPT !.asked = TRUE, !.wait = 0])
              /\ UNCHANGED <<wish, used>>
           \/ /\ ~down /\ ~waits
              /\ Set(m, [s EXCEPT !.seen = lease, !.pc = "put"])
              /\ UNCHANGED <<wish, used>>
  /\ UNCHANGED <<lease, net, backups, request, gone, good>>

ReadFails(m) ==
  /\ st[m].pc \in {"acquire", "look"} /\ Spend("s3", MaxS3)
  /\ Set(m, Again(st[m]))
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, ghost>>

Put(m) ==
  /\ st[m].pc = "put"
  /\ LET s == st[m]
         \* Until a take is known to be stored, each try is the same one.
         again == With("oneNonce") /\ ~s.held.proved
         least == IF again THEN s.held.gen ELSE s.held.gen + 1
         gen == Max(least, IF s.seen = None THEN 1 ELSE s.seen.gen + 1)
         takes == IF again THEN s.takes ELSE s.takes + 1
         nonce == <<m, takes>>
         body == [gen |-> gen, nonce |-> nonce, rel |-> FALSE, end |-> FALSE]
         tried == [s EXCEPT !.takes = takes, !.held = [gen |-> gen, nonce |-> nonce, proved |-> FALSE], !.ranked = FALSE]
         won == [tried EXCEPT !.held.proved = TRUE, !.pc = "restore"]
         holds == lease = s.seen
     IN /\ gen <= MaxGen
        /\ \/ /\ holds /\ lease' = body
              /\ Set(m, won)
              /\ UNCHANGED <<net, used>>
           \/ /\ ~holds
              /\ Set(m, Again(IF With("oneNonce") THEN tried ELSE s))
              /\ UNCHANGED <<lease, net, used>>
           \/ \* Stored, the answer is lost, botocore tries again and hears 412.
              /\ holds /\ Lost /\ lease' = body
              /\ Set(m, IF With("ownWrite") THEN won ELSE [s EXCEPT !.takes = takes, !.pc = "acquire"])
              /\ UNCHANGED net
           \/ \* Stored, and no answer at all: an error.
              /\ holds /\ Lost /\ lease' = body
              /\ Set(m, Again(tried))
              /\ UNCHANGED net
           \/ \* An error, and the request is still on its way.
              /\ Lost /\ net' = net \cup {[match |-> s.seen, body |-> body]}
              /\ Set(m, Again(tried))
              /\ UNCHANGED lease
  /\ UNCHANGED <<wish, backups, request, gone, good, ghost>>

\* A request that was given up arrives after all.
Deliver == \E q \in net :
  /\ net' = net \ {q}
  /\ lease' = IF lease = q.match THEN q.body ELSE lease
  /\ UNCHANGED <<wish, backups, request, st, gone, good, used, ghost>>

Fenced(m) == [st[m] EXCEPT !.pc = "down", !.serving = "no", !.age = 0, !.bk = IF With("stopBackup") THEN None ELSE @]

Restore(m) ==
  /\ st[m].pc = "restore"
  /\ LET s == st[m]
         first == ~s.stamp
         \* A first boot lists the backups, and is above them.
         low == first /\ Highest >= lease.gen
         brought == IF request = "asked" THEN {Wanted} ELSE {}
         data == (IF first /\ backups # {} THEN Newest.data ELSE s.data) \cup brought
     IN IF low /\ ~Holds(m)
        THEN Set(m, Fenced(m)) /\ UNCHANGED <<lease, request, ghost>>
        ELSE /\ IF low THEN Highest + 1 <= MaxGen /\ lease' = [lease EXCEPT !.gen = Highest + 1] ELSE UNCHANGED lease
             /\ Set(m, [s EXCEPT !.stamp = TRUE, !.behind = FALSE, !.data = data, !.pc = "start",
                                 !.held.gen = IF low THEN Highest + 1 ELSE @])
             /\ request' = IF With("requestLast") THEN request ELSE "gone"
             /\ ghost' = [ghost EXCEPT !.last = m, !.overtaken = @ \/ (~first /\ ghost.last \notin {m, None})]
  /\ UNCHANGED <<wish, net, backups, gone, good, used>>

CopyBucket ==
  /\ \A m \in Machines : st[m].pc \in {"off", "dead", "drained"}
  /\ Spend("copy", MaxCopy)
  /\ backups' = {[gen |-> MaxGen - 2, data |-> {Foreign}]}
  /\ lease' = None /\ good' = {} /\ ghost' = [ghost EXCEPT !.last = None]
  /\ UNCHANGED <<wish, net, request, st, gone>>

Start(m) ==
  /\ st[m].pc = "start"
  /\ IF With("startCheck") /\ ~Holds(m)
     THEN Set(m, [st[m] EXCEPT !.pc = "down"]) /\ UNCHANGED ghost
     ELSE /\ Set(m, [st[m] EXCEPT !.pc = "run", !.serving = "starting", !.age = 0, !.done = TRUE])
          /\ ghost' = [ghost EXCEPT !.startedFenced = @ \/ ~Holds(m)]
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, used>>

Ready(m) ==
  /\ st[m].pc = "run" /\ st[m].serving = "starting"
  /\ Set(m, [st[m] EXCEPT !.serving = "active", !.done = @ \/ ~With("checkStarting")])
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, used, ghost>>

(****************************** it serves **********************************)
Write(m) ==
  /\ st[m].serving = "active" /\ used.write < MaxWrites
  /\ used' = [used EXCEPT !.write = @ + 1]
  /\ Set(m, [st[m] EXCEPT !.data = @ \cup {used.write + 1}])
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, ghost>>

\* openclaw-lease.service
Check(m) ==
  /\ st[m].pc = "run" /\ ~st[m].done
  /\ st[m].serving = "active" \/ (With("checkStarting") /\ st[m].serving = "starting")
  /\ LET s == st[m]
         asked == wish # None /\ lease # None /\ wish.gen = lease.gen /\ wish.inst # m /\ wish.inst \notin gone
     IN \/ /\ Set(m, IF ~Holds(m) THEN Fenced(m) ELSE [s EXCEPT !.done = TRUE, !.pc = IF asked THEN "stop" ELSE "run"])
           /\ UNCHANGED used
        \/ /\ Spend("s3", MaxS3)      \* S3 does not answer: nothing happens.
           /\ Set(m, [s EXCEPT !.done = TRUE])
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, ghost>>

\* A backup begins with a look at the lease, and the first one of a generation with one at the other backups.
Begins(m, then) ==
  LET low == With("rank") /\ ~st[m].ranked /\ Highest >= lease.gen
      gen == IF low THEN Highest + 1 ELSE lease.gen
  IN IF ~Holds(m) THEN Set(m, Fenced(m)) /\ UNCHANGED lease
     ELSE /\ gen <= MaxGen
          /\ lease' = [lease EXCEPT !.gen = gen]
          /\ Set(m, [st[m] EXCEPT !.pc = then, !.bk = [gen |-> gen, data |-> st[m].data], !.held.gen = gen,
                                  !.ranked = TRUE])

\* What is stored makes a request last. Nothing changed: no other backup.
Stores(gen, data) ==
  /\ backups' = backups \cup {[gen |-> gen, data |-> data]}
  /\ request' = IF Wanted \in data THEN "gone" ELSE request

BackupBegin(m) ==
  /\ st[m].pc = "run" /\ st[m].serving = "active" /\ st[m].bk = None
  /\ Begins(m, "run")
  /\ UNCHANGED <<wish, net, backups, request, gone, good, used, ghost>>

\* Also after the sender was fenced or has died: what was on its way still arrives.
BackupEnd(m) ==
  /\ st[m].bk # None /\ st[m].pc # "push"
  /\ \/ Stores(st[m].bk.gen, st[m].bk.data)
     \/ st[m].pc # "run" /\ UNCHANGED <<backups, request>>      \* cut off
  /\ Set(m, [st[m] EXCEPT !.bk = None])
  /\ UNCHANGED <<lease, wish, net, gone, good, used, ghost>>

(******************************* the end ***********************************)
Notice(m) ==
  /\ st[m].pc \in {"run", "acquire", "restore", "start"} /\ Spend("notice", MaxNotice)
  /\ Set(m, [st[m] EXCEPT !.pc = IF @ = "run" THEN "stop" ELSE IF st[m].stamp THEN "announce" ELSE "give"])
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, ghost>>

\* Nothing is restored: there is nothing to save.
GiveBack(m) ==
  /\ st[m].pc = "give"
  /\ lease' = IF With("giveBack") /\ Holds(m) THEN [lease EXCEPT !.rel = TRUE, !.end = FALSE] ELSE lease
  /\ Set(m, [st[m] EXCEPT !.pc = "drained"])
  /\ UNCHANGED <<wish, net, backups, request, gone, good, used, ghost>>

Stop(m) ==
  /\ st[m].pc = "stop"
  /\ Set(m, [st[m] EXCEPT !.pc = "announce", !.serving = "no", !.age = 0, !.bk = None])
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, used, ghost>>

\* A read and a conditional write of what the holder says of its own lease. A second try is known as the same.
EndWrite(m, body, ok, again) ==
  \/ /\ lease' = body /\ Set(m, ok) /\ UNCHANGED <<net, used>>
  \/ /\ ~LostTakes /\ Lost /\ net' = net \cup {[match |-> lease, body |-> body]} /\ Set(m, again) /\ UNCHANGED lease

Announce(m) ==
  /\ st[m].pc = "announce"
  /\ LET next == [st[m] EXCEPT !.pc = "check"]
     IN IF Own(m, lease) /\ (lease.rel \/ ~lease.end)
        THEN EndWrite(m, [lease EXCEPT !.rel = FALSE, !.end = TRUE], next, st[m])
        ELSE Set(m, next) /\ UNCHANGED <<lease, net, used>>
  /\ UNCHANGED <<wish, backups, request, gone, good, ghost>>

LastCheck(m) ==
  /\ st[m].pc = "check"
  /\ Begins(m, "push")
  /\ UNCHANGED <<wish, net, backups, request, gone, good, used, ghost>>

Push(m) ==
  /\ st[m].pc = "push"
  /\ Stores(st[m].bk.gen, st[m].bk.data)
  /\ Set(m, [st[m] EXCEPT !.pc = "release", !.bk = None])
  /\ UNCHANGED <<lease, wish, net, gone, good, used, ghost>>

Release(m) ==
  /\ st[m].pc = "release"
  /\ LET ended == [st[m] EXCEPT !.pc = "drained"]
     IN IF ~Own(m, lease) THEN Set(m, Fenced(m)) /\ UNCHANGED <<lease, net, used, good>>
        ELSE IF lease.rel THEN Set(m, ended) /\ good' = st[m].data /\ UNCHANGED <<lease, net, used>>
        ELSE /\ EndWrite(m, [lease EXCEPT !.rel = TRUE, !.end = FALSE], ended, [st[m] EXCEPT !.pc = "announce"])
             /\ good' = IF st'[m].pc = "drained" THEN st[m].data ELSE good
  /\ UNCHANGED <<wish, backups, request, gone, ghost>>

(******************************* faults ************************************)
Ending == {"give", "stop", "announce", "check", "push", "release"}
Living == {"acquire", "look", "put", "restore", "start", "run", "down", "drained", "failed"} \cup Ending
Dead(m) == [Blank EXCEPT !.pc = "dead", !.bk = st[m].bk]

PowerCut(m) ==
  /\ st[m].pc \in Living /\ Spend("power", MaxPower)
  /\ Set(m, Dead(m))
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, ghost>>

Ended(m) ==  \* What was drained, or failed to be, is taken away.
  /\ st[m].pc \in {"drained", "failed", "down"}
  /\ Set(m, Dead(m))
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, used, ghost>>

Boots(m) == Again([st[m] EXCEPT !.serving = "no", !.bk = None, !.age = 0, !.done = FALSE])

Crash(m) ==
  /\ st[m].pc \in Living \ {"drained", "down", "failed"} /\ Spend("crash", MaxCrash)
  /\ Set(m, Boots(m))
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, ghost>>

Reboot(m) ==
  /\ st[m].pc \in {"drained", "down", "failed"} /\ Spend("reboot", MaxReboot)
  /\ Set(m, Boots(m))
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, ghost>>

EndFails(m) ==
  /\ st[m].pc \in Ending \ {"stop"} /\ Spend("s3", MaxS3)
  /\ Set(m, [st[m] EXCEPT !.pc = "failed", !.bk = None])
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, ghost>>

Ec2Says(m) == /\ st[m].pc = "dead" /\ m \notin gone /\ gone' = gone \cup {m}
              /\ UNCHANGED <<lease, wish, net, backups, request, st, good, used, ghost>>

\* A period goes by: every look has been made; an end gets as far as its announcement (142 of 150 s).
Tick ==
  /\ \A m \in Machines : st[m].pc \notin {"stop", "announce"}
  /\ \A m \in Machines : (st[m].pc = "run" /\ st[m].serving = "active") => st[m].done
  /\ With("checkStarting") => \A m \in Machines : st[m].pc = "run" => st[m].done
  /\ \E m \in Machines : (st[m].pc = "acquire" /\ st[m].asked /\ st[m].wait < 3) \/ (st[m].pc = "run" /\ (st[m].done \/ st[m].age < 2))
  /\ \E late \in BOOLEAN :
     /\ IF late THEN Spend("late", MaxLate) ELSE UNCHANGED used
     /\ (\E m \in Machines : st[m].serving = "starting" \/ st[m].pc \in {"restore", "start", "put"}) <=> late
  /\ st' = [m \in Machines |->
       [st[m] EXCEPT
         !.wait = IF st[m].pc = "acquire" /\ st[m].asked /\ @ < 3 THEN @ + 1 ELSE @,
         !.age = IF st[m].serving # "no" /\ ~Holds(m) /\ @ < 2 THEN @ + 1 ELSE @,
         !.done = FALSE]]
  /\ UNCHANGED <<lease, wish, net, backups, request, gone, good, ghost>>

Step(m) == \/ Launch(m) \/ Look(m) \/ Acquire(m) \/ Put(m) \/ Restore(m) \/ Start(m) \/ Ready(m) \/ Check(m)
           \/ GiveBack(m) \/ Stop(m) \/ Announce(m) \/ LastCheck(m) \/ Push(m) \/ Release(m)
Other(m) == \/ ReadFails(m) \/ Write(m) \/ BackupBegin(m) \/ BackupEnd(m) \/ Notice(m) \/ PowerCut(m) \/ Ended(m)
            \/ Crash(m) \/ Reboot(m) \/ EndFails(m) \/ Ec2Says(m)

Next == Tick \/ Deliver \/ CopyBucket \/ \E m \in Machines : Step(m) \/ Other(m)
Spec == Init /\ [][Next]_vars
Fair == /\ Spec /\ WF_vars(Tick) /\ WF_vars(Deliver)
        /\ \A m \in Machines : WF_vars(Step(m)) /\ WF_vars(Ec2Says(m)) /\ WF_vars(Ended(m))

Symmetry == Permutations(Machines)

(****************************** properties *********************************)
GenerationsGrow == [][lease' # lease => lease = None \/ used'.copy > used.copy \/
   (lease' # None /\ (lease'.gen > lease.gen \/ (lease'.gen = lease.gen /\ lease'.nonce = lease.nonce)))]_vars
\* Whoever holds the lease and may serve has all that the last good end has saved.
NothingSavedIsLost == \A m \in Machines : (st[m].pc \in {"start", "run"} /\ Own(m, lease)) => good \subseteq st[m].data
\* No machine goes on from its own state where another one's has been in use since.
OvertakenIsBehind == ~ghost.overtaken
FencedStops == \A m \in Machines : st[m].age <= 1
FencedBackupStops == \A m \in Machines : st[m].pc = "down" => st[m].bk = None
OnlyHolderStarts == ~ghost.startedFenced
OwnWriteIsKnown == ~ghost.falseBehind
NoneIsTakenUnasked == ~ghost.forced
EndGivesBack == \A m \in Machines : st[m].pc = "drained" => ~Holds(m)
RequestLasts == (Asked /\ request = "gone") => (backups # {} /\ Wanted \in Newest.data)

Serves == \E m \in Machines : st[m].serving = "active" /\ Own(m, lease)
UsedUp == \A m \in Machines : st[m].pc = "dead"
OutOfGenerations == lease # None /\ lease.gen >= MaxGen
SomeoneServes == []<>(Serves \/ UsedUp \/ OutOfGenerations)
=============================================================================
