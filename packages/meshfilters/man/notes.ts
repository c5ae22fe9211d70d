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
a filter in AssemblyScript is refused, and one in another language is as its
compiler made it.`,
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
  push: `nicd keeps the module over a restart, until the file that its mesh.yaml names
changes.`,
};
