/** What meshfilters(1) says about single commands besides the command table, written by hand in mdoc(7). @module */

/** Commands named after what they show; the manual puts "Show" before their summaries. */
export const nouns: ReadonlySet<string> = new Set();

/** Paragraphs by command. */
export const notes: Readonly<Record<string, string>> = {
  build: `In C and C++ the header
.Pa proxy_wasm.h
is on the search path, in Rust there is the crate
.Ql proxy_wasm ,
in Go the package of the filter has the functions of ours, in AssemblyScript
.Ql @gcoredev/proxy-wasm-sdk-as
can be imported; none of them has to be installed.
A folder of Go with a
.Pa go.mod
is built as it is.
.Pp
The standalone binary carries no AssemblyScript compiler and no wasm-opt: there
a filter in AssemblyScript is refused, and one in C, C++ or Rust is as its
compiler made it, with a notice each time.`,
  test: `A test is a
.Ql request
or a
.Ql connection ,
what is around it
.Pq Ql answer , services , properties , shared , now ,
and what to
.Ql expect :
.Ql request
as the service gets it,
.Ql response
as the client gets it,
.Ql local , held , reset , trap , logs , metrics , calls
and
.Ql shared .
A text is meant as it stands, one between slashes is a regular expression, null
is none, true is any.
.Ql steps
follow each other in the same virtual machine.
Time stands still but for
.Ql after ,
answers of called services and ticks: what a filter waits for happens at once.`,
  bench: `Virtual machines with and without fuel take turns with a filter that does
nothing, whose time is taken off.`,
  conformance: `nicd or Envoy is judged in three steps, the third from another terminal:
.Bd -literal -offset indent
meshfilters conformance --write kit
nicd daemon --sockhijack off --workers 1 --socket kit/nicd.sock \\e
    --config kit/mesh.yaml --listen 127.0.0.1:18080=upstream
meshfilters conformance http://127.0.0.1:18080
.Ed
.Pp
The first compiles the modules, which wants clang and wasm-ld.
For Envoy the second is
.Ql envoy -c kit/envoy.yaml --concurrency 1 ;
both listen on 127.0.0.1:18080, so one at a time.
Neither needs a server behind it: the third starts one on 127.0.0.1:18090
.Pq gRPC: 18091 ,
makes the checks, and ends it.
.Pp
A check that differs is printed with what was seen, what is said, and by whom:
the specification, Envoy's practice, or the host's own safety.`,
  push: `nicd keeps the module over a restart, until the file that its mesh.yaml names
changes.`,
};
