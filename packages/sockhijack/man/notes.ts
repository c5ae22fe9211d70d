/** What sockhijack(8) says about single commands besides the command table, written by hand in mdoc(7). @module */

/** Commands named after what they show; the manual puts "Show" before their summaries. */
export const nouns: ReadonlySet<string> = new Set(["services", "flows", "matrix", "graph", "trace", "resolve", "status", "metrics"]);

/** Paragraphs by command. */
export const notes: Readonly<Record<string, string>> = {
  daemon: `The daemon is not in the path of any byte.
While none runs, hooks, policies and coupled connections keep working; only
new connections stay with TCP and names below the domain do not resolve.`,
  run: `The program runs in a cgroup of its own service.
A daemon that was started for it ends, and takes all its state away, when the
last program started by
.Cm run
has ended.
.Pp
A port may be given as
.Ar port ,
.Ar port : Ns Ar target
where the program listens on another port than its clients use, and with
.Ql /tcp
or
.Ql /udp
behind it; several are separated by commas.`,
  attach: `Programs of the cgroup need not be restarted, and their open connections are
coupled where they qualify.
A process in the root cgroup, which it shares with everything else, is moved to
a cgroup of the service.`,
  detach: `Waits until the programs have read what was redirected to them; when some have
not within 5 seconds, the hooks stay on, and the exit status is 75.`,
  flows: `For each connection: both ends with their services, whether it is redirected or
goes by TCP and for which reason
.Pq see Sx REASONS ,
payload in both directions, the share of it that was redirected, messages, and
the mean time from a request to its answer.`,
  explain: `Prints the sentence of the reason, the address that the program asked for where
it was given another, and how many messages went which way.`,
  graph: `Each service stands below those that call it.
An edge has its rate in both directions, the share of it that was redirected,
and how many connects were denied.
In a picture, lines grow with the rate, and colours fit light and dark
surroundings.`,
  trace: `A line is a request: who asked whom for what, the status, how long the client
waited, whether it was redirected, and how its parent was found:
.Ql by header
that its program sent,
.Ql by thread
that was working on one request only, or
.Ql by side-band ,
as the node of its client told beside the stream.
On a terminal that is wide enough, a bar shows when: light while the client
waits, dark while the server works.
.Pp
The last line is the share of requests with a parent.
Those without one begin a trace, or were made by a thread that was not seen to
work on any request.`,
  status: `Each thing that is degraded is named in a line of its own.`,
  cleanup: `Without a daemon, pinned state is taken over for the moment that this needs.
No connection breaks.`,
};
