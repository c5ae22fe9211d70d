/* Modules that a host must refuse before any traffic: REFUSED says why. */
#if REFUSED == 3
#define NO_ALLOCATOR
#endif
#include "kit.h"

enum { NO_ABI = 1, UNKNOWN_IMPORT, NO_MEMORY, START_TRAPS, START_SPINS, START_SAYS_NO, CONFIGURE_SAYS_NO, CALL_AT_START };
#if REFUSED == 2
HOST(proxy_no_such_function)(u32 argument);
EXPORT(proxy_on_tick) void tick(u32 context)
{
	proxy_no_such_function(context);
}
#endif
#if REFUSED >= 4
EXPORT(proxy_on_vm_start) u32 vm_start(u32 context, size_t size)
{
	static volatile u32 turns;
	if (REFUSED == START_TRAPS)
		__builtin_trap();
	while (REFUSED == START_SPINS)
		turns++;
	return REFUSED != START_SAYS_NO;
}
EXPORT(proxy_on_configure) u32 configure(u32 context, size_t size)
{
	return REFUSED != CONFIGURE_SAYS_NO;
}
#endif
