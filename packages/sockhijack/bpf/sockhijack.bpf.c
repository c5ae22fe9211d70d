// SPDX-License-Identifier: GPL-2.0-only
/* sockhijack's kernel side: connect.h decides who talks to whom, redirect.h carries the bytes, scan.h couples and uncouples. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";
extern void *bpf_cast_to_kern_ctx(void *context) __ksym;
extern void *bpf_rdonly_cast(void *object, __u32 btf_id) __ksym;

#include "sockhijack.h"
#include "maps.h"

/* Written to rings and iterators only: the compiler would leave them out of the BTF that the layout test reads. */
const struct sock_record *const unused_sock_record __attribute__((unused));
const struct event *const unused_event __attribute__((unused));
const struct span_record *const unused_span_record __attribute__((unused));
const struct header_block *const unused_header_block __attribute__((unused));
const struct tap_record *const unused_tap_record __attribute__((unused));

#include "uapi.h"
#include "identity.h"
#include "policy.h"
#include "selection.h"
#include "dns.h"
#include "connect.h"
#include "sockopt.h"
#include "trace.h"
#include "lifetime.h"
#include "redirect.h"
#include "scan.h"
#include "established.h"
#include "callers.h"
