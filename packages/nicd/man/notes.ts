/** What nicd(8) says about single commands besides the command table, written by hand in mdoc(7). @module */

/** Commands named after what they show; the manual puts "Show" before their summaries. */
export const nouns: ReadonlySet<string> = new Set([
  "status",
  "routes",
  "clusters",
  "links",
  "filters",
  "top",
  "trace",
  "metrics",
  "ca show",
  "cert show",
]);

/** Paragraphs by command. */
export const notes: Readonly<Record<string, string>> = {
  daemon: `Without
.Fl -listen
it serves what sockhijack sends;
with
.Fl -sockhijack Cm off
only what comes to its listeners; by default both.
A listener takes any client on its word: whoever comes there belongs to no
service.
.Pp
A
.Ar match
of
.Fl -route
is a host, a path prefix, or both; longer paths come first, and routes with a
host before those without.`,
  status: `Each thing that is degraded is named in a line of its own.`,
  routes: `In the order in which they are tried, each with what it changes; below them the
authorisation rules, and how many requests each has decided.`,
  filters: `For each filter of the mesh file: its module, what a callback costs in time and
fuel, how often it stopped badly, exchanges that found it stopped, and how the
last change of it went.`,
  clusters: `For each replica: its node, what it is to those who select (nothing where it is
healthy; slow-start, ejected, dead or draining), requests in flight,
connections, requests and errors so far, a moving mean of its latency, and the
age of what replicad(8) said of it last.
A service that nobody has asked for yet is not listed.`,
  links: `An arrow to the right is a link that this node opened.
The round trip is that of HTTP/2 pings.`,
  top: `Rates, shares and quantiles over the interval; quantiles are interpolated within
the buckets of a histogram, as Prometheus does.`,
  trace: `As sockhijack shows them; nicd keeps some 4000 requests.
On a node of a larger mesh a tree has the requests that this node has seen.`,
  "ca init": `An ECDSA P-256 key and a certificate of ten years, unless told otherwise.
Nothing there is overwritten.`,
  "cert issue": `Valid for a day unless told otherwise, since there is no revocation: see
.Cm cert rotate .
The key is made where the command runs, so run it on the machine of the
authority, and carry the folder to the node by a way that others cannot read.`,
  "cert rotate": `With a new key, on the machine of the authority;
.Pa nicd-rotate.timer
runs it every six hours where there is one.`,
};
