/*
 * The locality frame: which of the last L windows of a thread were mismatches (STIDE; Hofmeyr,
 * Forrest & Somayaji 1998, section 3.2). One bit a window, the latest lowest: O(1) a call. Compiled
 * into the BPF probe and into user space.
 */
#ifndef SKINK_DETECT_FRAME_H
#define SKINK_DETECT_FRAME_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define FRAME_MIN 1
#define FRAME_MAX 64

/* The frame after one more window. */
static inline __u64 frame_push(__u64 frame, int mismatch)
{
    return frame << 1 | (mismatch ? 1 : 0);
}

/* Mismatches among the last `length` windows, FRAME_MIN <= length <= FRAME_MAX. */
static inline __u32 frame_count(__u64 frame, __u32 length)
{
    __u64 x = frame & (~0ULL >> (64 - length));
    x = x - (x >> 1 & 0x5555555555555555ULL);
    x = (x & 0x3333333333333333ULL) + (x >> 2 & 0x3333333333333333ULL);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
    return (__u32)(x * 0x0101010101010101ULL >> 56);
}

#endif
