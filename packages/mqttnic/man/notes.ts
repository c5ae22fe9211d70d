/** What mqttnic(8) says about single commands besides the command table, written by hand in mdoc(7). @module */

/** Commands named after what they show; the manual puts "Show" before their summaries. */
export const nouns: ReadonlySet<string> = new Set(["status", "clients", "subscriptions", "retained", "metrics"]);

/** Paragraphs by command. */
export const notes: Readonly<Record<string, string>> = {
  daemon: `Without
.Fl -config-file
it does what
.Ic mqtt
of
.Xr mesh.yaml 5
says; without that, it listens at 127.0.0.1:1883 for anybody there and keeps
nothing.
Flags go over what files say.
.Pp
The flags of
.Xr mosquitto 8
are taken without a command too:
.Dl mqttnic \\-c mosquitto.conf \\-p 1883 \\-v
.Fl p
opens ports of loopback, and counts only where the file has no listener.
.Fl v
is
.Fl -log-level Cm debug .
.Pp
With
.Fl -data-plane Cm rtl ,
topics are matched against filters by the RTL topic matcher, simulated in this
process, and bytes are carried as with
.Cm auto .
4096 filters of 14 levels fit; others are matched in software beside it, as are
new ones while many come at once, and retained messages always.
A look-up takes the simulation some 20 microseconds and a new filter a
millisecond; a topic whose subscribers are known is not looked up again.
Where the model is missing or fails all is matched in software, and
.Cm status
is degraded.`,
  status: `Each thing that is degraded is named in a line of its own, below limits that
were reached, refusals, and the links to other brokers.
With the data plane
.Cm rtl
it tells how many filters are in hardware and why others are not, and for each
piece of work its device, the reason, and what a look-up costs there.`,
  clients: `A client that is
.Ql away
has a session that waits for it.
Waiting are bytes that its socket did not take yet; dropped are messages that
it did not get, because a bound was reached.`,
  retained: `Payloads that are no text are shown in hexadecimal; with
.Fl -json
they are in Base64.`,
  pub: `The connection is given up when it is lost.
With
.Fl -stdin-line ,
256 messages may be on their way at a time.
.Pp
.Fl h Ar host ,
.Fl V Ar mqttv5
and
.Fl D Cm publish Ar name value
are taken as
.Xr mosquitto_pub 1
does.`,
  sub: `It ends after
.Fl -count
messages, after
.Fl -timeout ,
or by
.Dv SIGINT ;
when the connection is lost, it tries again every second.
With
.Fl -retained Cm only
it ends with the first message that is not retained.
.Pp
In a format stand for the message:
.Ql \\&%t
topic,
.Ql \\&%p
payload,
.Ql \\&%x
and
.Ql \\&%X
payload in hexadecimal,
.Ql \\&%l
its length,
.Ql \\&%q
quality of service,
.Ql \\&%r
retained,
.Ql \\&%m
packet identifier,
.Ql \\&%j
all as JSON,
.Ql \\&%J
the same with a payload that is JSON itself,
.Ql \\&%C
content type,
.Ql \\&%R
response topic,
.Ql \\&%D
correlation data,
.Ql \\&%E
expiry,
.Ql \\&%F
payload format,
.Ql \\&%P
user properties,
.Ql \\&%S
subscription identifiers,
.Ql \\&%A
topic alias,
.Ql \\&%I
and
.Ql \\&%U
the time, and
.Ql \\&%%
a percent sign.
Most take a width, as in
.Ql \\&%-10t ;
.Ql @H
and the like are those of
.Xr strftime 3 ;
.Ql \\en
and the like are those of C.`,
};
