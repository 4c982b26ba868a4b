/*
 * The calls that name a file: which argument is the path, and what the call does to it. One table
 * for 64-bit and 32-bit calls, by the code of the call.
 */
#ifndef SKINK_PROBE_FILE_CALLS_H
#define SKINK_PROBE_FILE_CALLS_H

#include "profile/access.h"

/* How a call tells what it does. */
enum file_call_does {
    DOES_CHANGE,
    DOES_TRUNCATE,
    DOES_FLAGS, /* as open: by the argument behind the path */
    DOES_HOW,   /* as openat2: by the structure that this argument points to */
};

/* 0: names no file. The place of an argument is counted from 1 on, 0: there is none. */
#define FILE_CALL(first, second, does) ((first) | (second) << 3 | (does) << 6)
#define FILE_CALL_FIRST(call)          ((call)&7)
#define FILE_CALL_SECOND(call)         ((call) >> 3 & 7)
#define FILE_CALL_DOES(call)           ((call) >> 6)
#define FILE_CALL_BOTH(number, compat, f, s, does) \
    [number] = FILE_CALL(f, s, does), [CALL_COMPAT + (compat)] = FILE_CALL(f, s, does)
#define FILE_CALL_COMPAT(compat, f, s, does) [CALL_COMPAT + (compat)] = FILE_CALL(f, s, does)

static const __u8 FILE_CALLS[CALL_CODES] = {
    FILE_CALL_BOTH(2, 5, 1, 0, DOES_FLAGS),      /* open */
    FILE_CALL_BOTH(257, 295, 2, 0, DOES_FLAGS),  /* openat */
    FILE_CALL_BOTH(437, 437, 2, 0, DOES_HOW),    /* openat2 */
    FILE_CALL_BOTH(85, 8, 1, 0, DOES_TRUNCATE),  /* creat */
    FILE_CALL_BOTH(76, 92, 1, 0, DOES_TRUNCATE), /* truncate */
    FILE_CALL_COMPAT(193, 1, 0, DOES_TRUNCATE),  /* truncate64 */
    FILE_CALL_BOTH(87, 10, 1, 0, DOES_CHANGE),   /* unlink */
    FILE_CALL_BOTH(263, 301, 2, 0, DOES_CHANGE), /* unlinkat */
    FILE_CALL_BOTH(84, 40, 1, 0, DOES_CHANGE),   /* rmdir */
    FILE_CALL_BOTH(82, 38, 1, 2, DOES_CHANGE),   /* rename */
    FILE_CALL_BOTH(264, 302, 2, 4, DOES_CHANGE), /* renameat */
    FILE_CALL_BOTH(316, 353, 2, 4, DOES_CHANGE), /* renameat2 */
    FILE_CALL_BOTH(83, 39, 1, 0, DOES_CHANGE),   /* mkdir */
    FILE_CALL_BOTH(258, 296, 2, 0, DOES_CHANGE), /* mkdirat */
    FILE_CALL_BOTH(88, 83, 2, 0, DOES_CHANGE),   /* symlink */
    FILE_CALL_BOTH(266, 304, 3, 0, DOES_CHANGE), /* symlinkat */
    FILE_CALL_BOTH(86, 9, 1, 2, DOES_CHANGE),    /* link */
    FILE_CALL_BOTH(265, 303, 2, 4, DOES_CHANGE), /* linkat */
    FILE_CALL_BOTH(90, 15, 1, 0, DOES_CHANGE),   /* chmod */
    FILE_CALL_BOTH(268, 306, 2, 0, DOES_CHANGE), /* fchmodat */
    FILE_CALL_BOTH(452, 452, 2, 0, DOES_CHANGE), /* fchmodat2 */
    FILE_CALL_BOTH(92, 182, 1, 0, DOES_CHANGE),  /* chown */
    FILE_CALL_COMPAT(212, 1, 0, DOES_CHANGE),    /* chown32 */
    FILE_CALL_BOTH(94, 16, 1, 0, DOES_CHANGE),   /* lchown */
    FILE_CALL_COMPAT(198, 1, 0, DOES_CHANGE),    /* lchown32 */
    FILE_CALL_BOTH(260, 298, 2, 0, DOES_CHANGE), /* fchownat */
    FILE_CALL_BOTH(133, 14, 1, 0, DOES_CHANGE),  /* mknod */
    FILE_CALL_BOTH(259, 297, 2, 0, DOES_CHANGE), /* mknodat */
    FILE_CALL_BOTH(165, 21, 2, 0, DOES_CHANGE),  /* mount: what is mounted on */
    FILE_CALL_BOTH(166, 52, 1, 0, DOES_CHANGE),  /* umount2 */
};

/* The flags of open (asm-generic/fcntl.h). */
#define FILE_OPEN_WRITES    (3 | 0100) /* O_WRONLY, O_RDWR, O_CREAT */
#define FILE_OPEN_TRUNCATES 01000      /* O_TRUNC */

static inline __u32 file_open_access(__u64 flags)
{
    if (flags & FILE_OPEN_TRUNCATES)
        return ACCESS_TRUNCATE;
    return flags & FILE_OPEN_WRITES ? ACCESS_WRITE : ACCESS_READ;
}

#endif
