/** What placer(8) says about single commands besides the command table, written by hand in mdoc(7). @module */

/** Commands named after what they show; the manual puts "Show" before their summaries. */
export const nouns: ReadonlySet<string> = new Set(["status", "proposal", "traffic", "metrics"]);

/** Paragraphs by command. */
export const notes: Readonly<Record<string, string>> = {
  daemon: `The estimate forgets: traffic of one half-life ago counts half.
Until it rests on a half-life of readings, nothing is proposed.
Where replicas run now is what
.Ic assignment
of the problem says.
.Pp
A sockhijack counts the connections of its own node, and messages only where it
redirects them; bytes that went by TCP become messages by the mean length of
those.
One that is away makes the daemon degraded, its part of the estimate decays, and
it is taken up again by itself.
.Pp
A plan is made when a twentieth of the traffic is other than when the last one
was made, in a process of its own with a low priority, for a sixth of the time
at most.
It is proposed when it has gained the threshold at every reading for as long as
.Fl -hold
says, replaced when another has been better by half the threshold for so long,
and withdrawn when it has gained less than half the threshold for so long: two
changes are never nearer than that.`,
  status: `Each thing that is degraded is named in a line of its own, below the
sockhijacks that are read.`,
  proposal: `It exits with status 75, and the reason, when nothing is proposed.
What is printed is a plan file, whose figures are those of the estimate.`,
  cleanup: `Give it the
.Fl -state
that the daemon was given.`,
};
