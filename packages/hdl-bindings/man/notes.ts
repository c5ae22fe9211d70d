/** What hdl-bindings(1) says about single commands besides the command table, written by hand in mdoc(7). @module */

/** Commands named after what they show; the manual puts "Show" before their summaries. */
export const nouns: ReadonlySet<string> = new Set();

/** Paragraphs by command. */
export const notes: Readonly<Record<string, string>> = {
  gen: `The class imports its run time, which needs no compiler, and finds the model
beside itself.
An accessor refuses what its port cannot take with a
.Dv RangeError
that names the port; a port that is called as the class' own members are gets
.Ql _
behind its name.`,
  wave: `An
.Fl -output
that ends in
.Pa .fst
is written as FST, by a shared library compiled for this machine; all else as
VCD, by WebAssembly.`,
  synth: `Frequencies are between registers: every port lies behind one, so that a design
with more ports than the device has pins can be estimated too.`,
};
