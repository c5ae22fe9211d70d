// SPDX-License-Identifier: GPL-2.0-only
/* sockhijack's kernel side: connect.h decides who talks to whom, redirect.h carries the bytes, scan.h couples and uncouples. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";
extern void *bpf_rdonly_cast(void *object, __u32 btf_id) __ksym;

#include "sockhijack.h"
#include "maps.h"
#include "connect.h"
#include "redirect.h"
#include "scan.h"
