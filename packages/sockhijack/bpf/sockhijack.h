/* SPDX-License-Identifier: GPL-2.0-only */
/* Structs the kernel programs share with user space; src/kernel/layout.ts mirrors them and a test compares both against BTF. Long, since
 * that one mirror is to have one original. */
#ifndef MITSU_SOCKHIJACK_H
#define MITSU_SOCKHIJACK_H

#define MAX_SERVICES 4096
#define MAX_REPLICAS 16384
#define MAX_SOCKETS 262144
#define MAX_PAIRS 65536
#define MAX_CGROUP_DEPTH 16
#define MAX_CALLERS 16384 /* connections that nicd has not accepted yet */
#define MAX_CHOICES 16
#define NAME_BYTES 64
#define DNS_SLOTS 4
#define TAP_BYTES 4096
#define DEPTH 8 /* requests outstanding on one connection; a power of two */
#define LINE_BYTES 96
#define STREAMS 256 /* of one HTTP/2 connection that are traced at a time; a power of two */

/* Where an address leads. Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d; ports are in network byte order. */
struct address_key {
	__u64 netns; /* cookie of the namespace for loopback addresses, 0 for all others */
	__u8 ip[16];
	__be16 port; /* 0 in the entry that claims a whole virtual address */
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 pad[5];
};

struct address_value {
	__u32 service;
	__u32 replica; /* the replica that listens there, 0 for a virtual address */
	__u32 frontend; /* balance over this frontend's backends; 0: leave the destination as it is */
	__u32 nic; /* enum nic */
};

struct frontend {
	__u32 backends; /* how many, 0 .. backends-1 */
	__u32 pad;
};

struct backend_key {
	__u32 frontend; /* 0 is no service's: its backend 0 is nicd, there while one is registered */
	__u32 index;
};

/*
 * One listening replica, reached by `local` from its own namespace and by `ip` from any other; the IPv6 forms, zero when it has none,
 * are for datagrams that cannot become IPv4.
 */
struct replica {
	__u8 ip[16];
	__u8 local[16];
	__u8 ip6[16];
	__u8 local6[16];
	__u64 netns;
	__be16 port;
	__u16 pad;
	__u32 service;
};

/*
 * What a connection to a replica costs: the pinned map `scores`, an entry for each replica. The weight is the catalog's, written by the
 * daemon; the rest is from outside (replicad, an operator), by mmap. An entry says all there is to say of its replica, in a quarter of a
 * line of the cache.
 */
struct score {
	__u32 weight; /* relative share; 0 counts as 100 */
	__u32 score; /* until then: the cost of the replica without this node's connections; SCORE_NONE: it takes none while another can */
	__u32 each; /* until then: what each connection of this node adds */
	__u32 until; /* CLOCK_MONOTONIC, nanoseconds >> 20; 0 never */
};
#define SCORE_NONE 0xffffffff

/* How many backends of a frontend are compared: the pinned map `choices`, from outside. */
struct choices {
	__u32 choices; /* 1 to MAX_CHOICES */
	__u32 until; /* as in struct score; when it has passed: 2 */
};

/* The kernel's own counts per replica. */
struct load {
	__s64 active; /* connections open now */
	__u64 total; /* connections ever chosen */
};

struct service {
	__u32 redirect; /* enum redirect */
	__u32 deny_errno; /* what a denied connect gets: ECONNREFUSED or EPERM */
	__u32 attached; /* some cgroup belongs to it */
	__u32 trace; /* enum trace */
	__u32 sampling; /* of the traces that begin here, in 1/2^32; 0 none, 2^32-1 all */
	__u32 nic; /* it is nicd's: its connects go where it says, and no policy is asked */
};

struct policy_key {
	__u32 from;
	__u32 to;
	__be16 port; /* 0: any */
	__u16 pad;
};

struct policy_value {
	__u32 action; /* enum action */
	__u32 rule; /* index into the catalog's policies, 1-based; 0 is the default */
};

struct edge {
	__u32 from;
	__u32 to;
};

/* One cell of the traffic matrix, closed connections only; the open ones are in the scan. */
struct traffic {
	__u64 connections;
	__u64 bytes_out; /* client to server */
	__u64 bytes_in;
	__u64 messages; /* redirected messages, both ways */
	__u64 redirected; /* bytes that never met the TCP stack */
	__u64 denied;
};

/* What both ends of a coupled connection share; `slot` in struct plan names it. */
struct pair {
	__u64 sent_ns; /* start of the exchange being timed, 0 when none is */
	__u64 exchanges; /* timed */
	__u64 total_ns; /* their sum */
	__u64 max_ns;
	__u64 server_bytes; /* redirected from the server's end; the client's own are in its sock_state */
	__u64 server_messages;
	__u32 open; /* set by the daemon once both ends are in the map: before that, one that enters may have to leave again */
	__u32 pad;
};

struct address {
	__u8 ip[16];
	__be16 port;
	__u16 family;
};

/* Per-socket state, BPF socket storage: born at connect or when the scan first sees the socket, freed by the kernel with it. */
struct sock_state {
	__u64 cookie; /* its own, set when it is enrolled */
	__u64 peer; /* socket cookie of the other end */
	__u64 peer_sk; /* its address; only trusted while the cookie found there is still `peer` */
	__u64 redirected_bytes;
	__u64 redirected_messages;
	__u64 passed_messages; /* by TCP although enrolled */
	__u32 mode; /* enum mode */
	__u32 flags; /* enum state_flag */
	__u32 service; /* the service this socket belongs to */
	__u32 peer_service; /* the service at the other end, 0 unknown */
	__u32 replica; /* counted in loads[replica] until release */
	__u32 slot; /* index into pairs, 0 none */
	__u32 mean_bytes; /* moving mean of message sizes */
	__u32 tcp_end; /* sequence number up to which TCP had carried the stream when redirect began */
	struct address asked; /* destination the program asked for; family 0 when it was not rewritten */
	__u32 asked_service; /* the service that it asked for, when nicd is at the other end in its place; else 0 */
	__u64 connection; /* key into connections; 0 not looked at yet, all ones not traced */
};

/* What user space asks the scan to do with one socket. */
struct plan {
	__u64 peer;
	__u64 peer_sk;
	__u32 action; /* enum action_plan */
	__u32 slot;
	__u32 peer_service;
	__u32 flags; /* enum state_flag to set */
};

/* One line of the scan, as read from the iterator. */
struct sock_record {
	__u64 cookie;
	__u64 netns;
	__u64 sk;
	__u64 inode;
	__u64 cgroup;
	__u8 local_ip[16];
	__u8 remote_ip[16];
	__u16 local_port; /* host byte order */
	__u16 remote_port;
	__u16 family;
	__u8 state; /* TCP_ESTABLISHED … */
	__u8 applied; /* enum applied */
	__u32 service;
	__u32 facts; /* enum fact */
	__u32 stream_out; /* first sequence number of the data sent, of the data received: the two ends of one connection agree on both */
	__u32 stream_in;
	__u32 in_flight; /* sent by TCP, not acknowledged */
	__u64 bytes_sent; /* by TCP */
	__u64 bytes_received; /* by TCP */
	__u64 redirected_bytes;
	__u64 redirected_messages;
	__u64 passed_messages;
	__u32 segments_sent; /* data segments by TCP */
	__u32 mean_bytes;
	__u32 unread; /* bytes waiting for the program */
	__u32 srtt_us;
	__u32 mode;
	__u32 slot;
	__u32 peer_service;
	__u32 flags;
	__u64 peer;
	struct address asked;
	__u32 replica;
	__u32 asked_service;
	__u32 pad;
};

/* A connection that was sent to nicd, by the addresses of the socket that nicd accepts. */
struct caller_key {
	__u8 remote_ip[16]; /* the client's */
	__u8 local_ip[16];
	__be16 remote_port;
	__be16 local_port;
};

/* Who opened it, and what for: from its cgroup, never from what the program says. */
struct caller {
	__u64 cookie; /* of the client's socket */
	__u64 cgroup;
	struct address asked; /* at the service's virtual address, or the replica's real one */
	__u32 service; /* the client's, 0 none */
	__u32 asked_service;
	__u32 first; /* sequence number of the client's first byte: an entry of an earlier connection has another */
};

/* For user space: what a number of a service is called; empty for one that is free. */
struct service_name {
	char text[NAME_BYTES];
};

struct event {
	__u64 netns;
	__u64 cookie;
	__u32 kind; /* enum event_kind */
	__u32 from;
	__u32 to;
	__u32 rule;
	__u32 pid;
	__be16 port;
	__u8 protocol;
	__u8 pad;
	char comm[16];
};

struct tap_record {
	__u64 time_ns;
	__u64 cookie;
	__u64 peer;
	__u8 local_ip[16];
	__u8 remote_ip[16];
	__u16 local_port; /* host byte order */
	__u16 remote_port;
	__u16 family;
	__u16 pad;
	__u32 from, to;
	__u32 length; /* of the message */
	__u32 captured; /* of it in data */
	__u8 data[TAP_BYTES];
};

/* Which bytes of one direction are heads and which are bodies (http1.h). */
struct framing {
	__u64 left; /* bytes of the body or chunk still to come; while a chunk's size is read, that size so far */
	__u8 phase; /* enum phase */
	__u8 opaque; /* enum opaque */
	__u8 digits; /* of a chunk's size */
	__u8 frames; /* HTTP/2: enum frames */
	__u32 held; /* bytes of an unfinished head or frame that are kept */
	__u32 stream; /* HTTP/2: that the present block or payload belongs to */
	__u32 blocks; /* HTTP/2: frames with a header block so far */
};

/* HTTP/2: what may come next, and what is to be done when the present payload or block has ended. */
enum frames { FRAMES_FIRST = 0, FRAMES_ANY = 1, FRAMES_BLOCK = 2 /* a block goes on */, FRAMES_LAST = 4 /* it ends its stream */ };

/* A connection's name, the same at both of its ends. */
struct birth_key {
	__u8 client[16];
	__u8 server[16];
	__be16 client_port;
	__be16 server_port;
	__u32 isn; /* the client's initial sequence number */
};

typedef __u64 span_id; /* eight bytes in the order in which they are written, 0 none */

/* One request and its answer. */
struct exchange {
	__u8 trace[16];
	span_id parent; /* that asked for this */
	span_id client_span;
	span_id server_span;
	__u64 start_ns; /* CLOCK_MONOTONIC: the request's head was sent */
	__u64 read_ns; /* the server's program read of it, 0 not seen */
	__u64 first_ns; /* the answer's head was sent */
	__u64 request_bytes;
	__u64 answer_bytes;
	__u32 reader; /* thread that read it, 0 none */
	__u16 status;
	__u8 flags; /* enum exchange_flag */
	__u8 method; /* length of the method's name, with which `line` begins */
	__u32 target; /* length of the target, which follows after a space; `line` holds its beginning */
	__u32 stream; /* HTTP/2's; 0: HTTP/1, whose status, method, target and line are known here. HTTP/2's are in its header blocks. */
	char line[LINE_BYTES];
};

/* A trace as it came beside the stream, from another node's client (side_band.h). */
struct carried {
	__u8 trace[16];
	__u32 sampled;
	__u32 given; /* by the segment that is being read */
};

/* A traced connection, shared by those of its ends that are on this node. */
struct connection {
	__u64 id; /* its key */
	struct birth_key key;
	__u64 seed[2]; /* of the ids of its exchanges */
	struct carried carried;
	struct framing streams[2]; /* requests, answers */
	__u32 next[2]; /* TCP's sequence number of the next byte that was not parsed yet */
	__u32 asked; /* requests begun, answers ended: those between are outstanding, in exchanges[number % DEPTH] */
	__u32 answered;
	__u32 from;
	__u32 to;
	__u32 replica;
	__u32 sampling;
	__u32 flags; /* enum connection_flag */
	__u32 busy;
	__u32 opaque; /* enum opaque: why it is left alone for good */
	__u32 last_stream; /* HTTP/2: the client's newest */
	struct exchange exchanges[DEPTH]; /* HTTP/1 */
};

/* A stream of HTTP/2: one request and its answer. */
struct stream {
	struct exchange exchange;
	__u32 ended;
	__u32 pad;
};

/* An exchange that has ended. What every reader looks at comes first, in one line of the cache. */
struct span_record {
	__u64 end_ns;
	__u64 start_ns;
	__u64 read_ns;
	__u64 request_bytes;
	__u64 answer_bytes;
	__u32 from;
	__u32 to;
	__u16 status;
	__u16 flags; /* enum connection_flag */
	__u8 exchange_flags; /* enum exchange_flag */
	__u8 pad[3];
	__u32 stream; /* exchange.stream */
	__u32 fraction; /* the last four bytes of the trace's id */
	__u64 connection;
	struct birth_key key;
	__u32 replica;
	__u32 pad2;
	struct exchange exchange;
};

/*
 * Before a frame of HTTP/2 with a header block, which the daemon decodes: HPACK (RFC 7541) needs every block of its direction. In the same
 * ring as span_record, and before that of its exchange.
 */
struct header_block {
	__u64 none; /* 0, where span_record has its end, which never is */
	__u64 connection;
	__u32 number; /* of this direction's frames with a block, from 0: a gap tells that some were lost */
	__u32 answers; /* 0 a request's, 1 an answer's */
	__u32 bytes; /* of the frame with its header, which follow; 0: the connection is over */
	__u32 pad;
};

/* The requests that a thread has read and not answered: how many, and their exchange_id()s, one over the other by xor. */
struct thread {
	__u64 which;
	__s32 open;
	__u32 pad;
};

/* A traceparent that a service got, and the span of its own exchange. */
struct received {
	__u64 trace; /* its second half */
	span_id parent;
	span_id span;
	__u64 service;
};

struct grave {
	__u64 id;
	__u64 since;
};

/* Mapped by the daemon. */
struct control {
	__u32 kicked; /* bits of event_kind: the daemon was told, and clears them when it looks */
	__u32 default_action; /* enum action between services without a rule */
	__u32 tap; /* some service is tapped */
	__u32 dns_used; /* slots handed out */
	__be16 dns_port; /* where the resolver listens */
	__u16 pad;
};

enum redirect { REDIRECT_AUTO = 0, REDIRECT_ON = 1, REDIRECT_OFF = 2 };
/* Does a connection go to nicd, and if there is none: to a replica, or nowhere? */
enum nic { NIC_OFF = 0, NIC_ELSE_DIRECT = 1, NIC_ELSE_REFUSE = 2 };
enum trace { TRACE_OFF = 0, TRACE_SIDE_BAND = 1, TRACE_HEADER = 2 };
enum exchange_flag {
	EXCHANGE_SAMPLED = 1,
	EXCHANGE_CONTINUED = 2, /* the program sent a traceparent */
	EXCHANGE_LINKED = 4, /* to the one request its thread was working on */
	EXCHANGE_AMBIGUOUS = 8, /* its thread was working on several */
	EXCHANGE_INJECTED = 16,
	EXCHANGE_REDIRECTED = 32,
	EXCHANGE_CARRIED = 64 /* its client's span is known, without a header */
};
enum connection_flag {
	HERE_CLIENT = 1, /* its client's spans are wanted */
	HERE_SERVER = 2,
	SENDS_HERE = 4, /* the client's socket is on this node */
	ANSWERS_HERE = 8,
	CLOSED_CLIENT = 16,
	CLOSED_SERVER = 32,
	PROPAGATE_HEADER = 64,
	MULTIPLEXED = 128, /* it is HTTP/2 */
	SPAN_ABORTED = 256, /* in span_record: no answer, or not all of it */
	CLIENT_ELSEWHERE = 1024, /* its client is traced on another node, which said so beside the stream */
	PROPAGATES_ITSELF = 512 /* its program sends traceparents, or may: over HTTP/2 it gets none from us */
};
enum action { ACTION_ALLOW = 0, ACTION_DENY = 1 };
enum mode { MODE_OFF = 0, MODE_TCP = 1, MODE_REDIRECT = 2 };
enum state_flag {
	STATE_CLIENT = 1,
	STATE_TAP = 2,
	STATE_OPTED_OUT = 4,
	STATE_QUIET = 8,
	STATE_DNS = 16,
	STATE_COUNTED = 32,
	STATE_ENROLLED = 64,
	STATE_ADOPTED = 128,
	STATE_INJECTS = 256, /* in the map alone, for its requests to be given a traceparent */
	STATE_SPENT = 512, /* it has none to be given: it may leave the map again */
	STATE_SPOKE = 1024 /* the other node knows that this client is traced (side_band.h) */
};
enum action_plan { PLAN_NONE = 0, PLAN_ENROL = 1, PLAN_QUIESCE = 2, PLAN_RELEASE = 3, PLAN_SET = 4, PLAN_TAKE = 5 };
enum applied { APPLIED_NOTHING = 0, APPLIED_DONE = 1, APPLIED_LATER = 2, APPLIED_FULL = 3, APPLIED_REFUSED = 4 };
enum fact {
	FACT_NONBLOCK = 1,
	FACT_UNREAD = 2, /* receive queue not empty */
	FACT_URGENT = 4,
	FACT_LOWAT = 8,
	FACT_ZEROCOPY = 16,
	FACT_ULP = 32,
	FACT_MPTCP = 64,
	FACT_FOREIGN = 128, /* sk_user_data is somebody else's */
	FACT_ENROLLED = 256,
	FACT_NO_FILE = 512, /* not accepted yet, or closed */
	FACT_LISTENER = 1024,
	FACT_CONTROL = 2048, /* control messages asked for: TCP_INQ, timestamps */
	FACT_PARTLY_READ = 4096, /* of the first segment in TCP's queue the program has read some bytes */
};
enum event_kind {
	EVENT_CONNECT = 1,
	EVENT_BIND = 2,
	EVENT_DENIED = 4,
	EVENT_OPTED_OUT = 8
}; /* all but EVENT_DENIED are bits of control.kicked */

/* Why a connection is opaque. */
enum opaque {
	OPAQUE_NO = 0,
	OPAQUE_NOT_HTTP, /* the first line is none of HTTP/1's */
	OPAQUE_LONG_HEAD, /* longer than WINDOW */
	OPAQUE_BAD_HEAD, /* bare LF, folded line, empty name, several lengths: what RFC 9112 has a server refuse */
	OPAQUE_BAD_CHUNK,
	OPAQUE_UPGRADED, /* CONNECT or 101: what follows is another protocol */
	OPAQUE_UNASKED, /* an answer without a request */
	OPAQUE_DEEP, /* more requests outstanding than there is room for */
	OPAQUE_GAP, /* bytes went by unseen */
	OPAQUE_BAD_FRAME, /* none that HTTP/2 allows there, or server push */
};

enum counter {
	COUNT_CONNECT, /* connects by attached programs */
	COUNT_REWRITTEN, /* connects and datagrams sent to a replica */
	COUNT_DENIED, /* connects and datagrams that a policy denied */
	COUNT_NO_REPLICA, /* connects to a virtual address without a replica that listens */
	COUNT_NO_PORT, /* connects to a port that the virtual address does not offer */
	COUNT_FAMILY, /* connects whose chosen replica is not reachable with the socket's family */
	COUNT_DNS, /* DNS queries brought to the resolver */
	COUNT_DNS_PASSED, /* DNS queries left alone: resolver not there, or no slot left */
	COUNT_MESSAGES, /* messages sent on coupled connections */
	COUNT_REDIRECTED, /* messages put straight into the peer's queue */
	COUNT_PASS_OFF, /* passed: connection is leaving the map */
	COUNT_PASS_HALF, /* passed: the other end has not entered the map yet */
	COUNT_PASS_IN_FLIGHT, /* passed: bytes sent by TCP are still unread */
	COUNT_PASS_FULL, /* passed: the peer has too much unread */
	COUNT_PASS_PEER_GONE, /* passed: one of the two sockets is closing, gone, or connected to another */
	COUNT_PASS_NOT_ENROLLED, /* passed: the kernel did not find the peer in the map */
	COUNT_ENROLLED, /* sockets put into the socket map */
	COUNT_RELEASED, /* sockets taken out of it, back to TCP */
	COUNT_ENROL_FULL, /* sockets left out: the socket map is full */
	COUNT_ENROL_REFUSED, /* sockets left out: the kernel refused them */
	COUNT_EVENT_LOST, /* events lost: ring full */
	COUNT_TAP_LOST, /* messages missing from a tap: ring full */
	COUNT_OPTED_OUT, /* socket options set that the map cannot carry */
	COUNT_OPTION_REFUSED, /* TCP_ULP or SO_ZEROCOPY on an enrolled socket */
	COUNT_TRIMMED, /* segments by TCP whose first bytes a read begun before enrolment had taken */
	COUNT_TRIM_FAILED, /* of these, dropped for want of memory: the connection is damaged */
	COUNT_REQUESTS, /* HTTP requests seen on traced connections */
	COUNT_INJECTED, /* of these, given a traceparent */
	COUNT_CONTINUED, /* of these, whose traceparent got our span */
	COUNT_NOT_INJECTED, /* of these, left as they were: head sent in parts, or no room */
	COUNT_SPANS_LOST, /* ring full */
	COUNT_CONNECTIONS_FULL, /* connections not traced: map full */
	COUNT_OPAQUE_NOT_HTTP, /* connections left alone by tracing, in the order of enum opaque: no HTTP/1 */
	COUNT_OPAQUE_LONG_HEAD, /* a head longer than 8 KiB */
	COUNT_OPAQUE_BAD_HEAD, /* bare line feed, folded line, conflicting lengths */
	COUNT_OPAQUE_BAD_CHUNK, /* chunked framing that RFC 9112 does not allow */
	COUNT_OPAQUE_UPGRADED, /* CONNECT or 101: another protocol from there on */
	COUNT_OPAQUE_UNASKED, /* an answer without a request */
	COUNT_OPAQUE_DEEP, /* too many requests outstanding */
	COUNT_OPAQUE_GAP, /* bytes went by unseen */
	COUNT_OPAQUE_BAD_FRAME, /* HTTP/2 that is none, or server push */
	COUNT_STREAMS_FULL, /* HTTP/2 requests not traced: too many at a time */
	COUNT_NIC, /* connects sent to nicd */
	COUNT_NIC_DIRECT, /* connects that would go to nicd, sent to a replica: nicd is not there, or not within reach */
	COUNT_NIC_REFUSED, /* the same, refused, as the service wants it */
	COUNT_NIC_STALE, /* connections to nicd by the addresses of an earlier one: who that was is forgotten */
	COUNTERS = 64,
};

#endif
