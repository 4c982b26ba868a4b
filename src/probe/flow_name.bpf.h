/* How flows name a peer: an address of IPv6, or the hash of a unix socket's name. */
#ifndef SKINK_PROBE_FLOW_NAME_BPF_H
#define SKINK_PROBE_FLOW_NAME_BPF_H

#include "probe/flow.h"
#include "probe/maps.bpf.h"

#define AF_UNIX  1
#define AF_INET  2
#define AF_INET6 10
#define SUN_PATH 2 /* where the name begins in a sockaddr_un */

static __always_inline void map_v4(__u8 address[16], __u32 v4)
{
    __builtin_memset(address, 0, 10);
    address[10] = address[11] = 0xff;
    __builtin_memcpy(address + 12, &v4, sizeof v4);
}

/* Names are told apart by a keyed hash (NH: Black, Halevi, Krawczyk, Krovetz, Rogaway 1999), so
 * that nobody can make one that passes for another. */
static __always_inline void hash_name(const char name[FLOW_NAME], __u8 hash[16])
{
    const __u32 *word = (const __u32 *)name;
    __u64 sum[2] = {0, 0};
    for (__u32 i = 0; i < FLOW_NAME / 8; i++)
        for (__u32 k = 0; k < 2; k++) {
            __u64 key = secret.value[2 * i + k];
            sum[k] += (__u64)(word[2 * i] + (__u32)key) * (word[2 * i + 1] + (__u32)(key >> 32));
        }
    __builtin_memcpy(hash, sum, sizeof sum);
}

#endif
