/** What replicad(8) says about single commands besides the command table, written by hand in mdoc(7). @module */

/** Commands named after what they show; the manual puts "Show" before their summaries. */
export const nouns: ReadonlySet<string> = new Set(["status", "replicas", "explain", "metrics", "policies"]);

/** Paragraphs by command. */
export const notes: Readonly<Record<string, string>> = {
  daemon: `A message goes out each
.Fl -interval
while something changes, then ever more seldom, down to one each
.Fl -quiet .
Within the interval that a node has announced, its silence says that nothing
changed.
.Pp
.Fl -node
must be a node of the mesh file, where that lists any: messages of others are
refused.`,
  status: `Each thing that is degraded is named in a line of its own, below the nodes that
are heard and the sources that are read.`,
  replicas: `IN FLIGHT and WORK, the time of a request that does not wait, are what the node
of the replica told; AGE is how long ago that was true.
A star marks a weight that an operator has set.`,
  explain: `COST is what the selector compares, and the least is best; SHARE is what the
replica would get of the next requests if nothing changed.
Replicas that are left out are named with the reason.`,
  select: `Whoever takes the address alone tells nothing of the outcome: it counts as in
flight for a minute, then as over.`,
  drain: `With
.Fl -wait
it ends when every node was told and the node of the replica says that nothing
is in flight there; without nicd there, only connections of sockhijack count.
When other nodes could not be told, the status is 75, so that what follows after
.Li &&
is not done; they are told once the broker is there.`,
  "set-weight": `Weights of a service count by their ratios.
0 is no new requests, as if drained.`,
  cleanup: `Give it the
.Fl -state
that the daemon was given.
What the broker retains stays there, and holds again when a daemon comes back.`,
  simulate: `See the README of the package for what is simulated, and what is left out.`,
};
