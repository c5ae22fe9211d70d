/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers of the kernel's interface that are macros, and so not in its BTF (linux/socket.h, asm-generic/errno.h, asm-generic/socket.h,
 * linux/tcp.h). */
#ifndef MITSU_UAPI_H
#define MITSU_UAPI_H

#define SOL_IP_ 0
#define SOL_SOCKET_ 1
#define SOL_TCP_ 6
#define SOL_IPV6_ 41
#define AF_INET_ 2
#define AF_INET6_ 10
#define MSG_PEEK_ 2
#define ECONNREFUSED_ 111
#define EOPNOTSUPP_ 95
#define SO_OOBINLINE_ 10
#define SO_RCVLOWAT_ 18
#define SO_TIMESTAMP_OLD_ 29
#define SO_TIMESTAMPNS_OLD_ 35
#define SO_TIMESTAMPING_OLD_ 37
#define SO_ZEROCOPY_ 60
#define SO_TIMESTAMP_NEW_ 63
#define SO_TIMESTAMPNS_NEW_ 64
#define SO_TIMESTAMPING_NEW_ 65
#define TCP_ULP_ 31
#define TCP_INQ_ 36
#define ORIGINAL_DST_ 80 /* SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST */

#endif
