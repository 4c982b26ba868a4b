/*
 * What an access is: the one definition, compiled into the BPF probe and into user space alike.
 *
 * An access is what was done to a file by its name: (kind, path). It is remembered by a fingerprint
 * over the kind and the folded path, in which every run of digits is one '#' and every run of
 * slashes one '/': /proc/4711/stat and /proc/12/stat are one access. And there is a fingerprint of
 * "anything below" for each directory on the way, for directories whose names never end.
 *
 * A path is taken as it was written: nothing is looked up, so a symbolic link stays what it is
 * called. Behind a component ".." the directories before it no longer count, so that
 * /pictures/../secret does not pass for something below /pictures.
 *
 * The hash is keyed by the secret of the patterns (profile/pattern.h): nobody can look for
 * collisions beforehand. (In the probe it is a volatile constant, which is known when it is
 * loaded.)
 */
#ifndef SKINK_PROFILE_ACCESS_H
#define SKINK_PROFILE_ACCESS_H

#include "profile/pattern.h"

#define ACCESS_PATH  192 /* bytes of a path that are looked at, its end included */
#define ACCESS_ABOVE 8   /* innermost directories that are looked at; a power of two */

enum access_kind {
    ACCESS_READ,
    ACCESS_WRITE,    /* opened to write, or made */
    ACCESS_TRUNCATE, /* emptied or cut */
    ACCESS_CHANGE,   /* removed, renamed, linked, mounted on, given other rights, … */
    ACCESS_RUN,      /* executed */
    ACCESS_KINDS
};

struct access_prints {
    __u64 path;                /* of the access itself */
    __u64 above[ACCESS_ABOVE]; /* of "anything below" its directories; 0: none */
    __u32 depth;               /* how many directories were met */
    __u32 letters;             /* the last four, the latest lowest */
};

/* A letter as it is folded. */
static inline __u8 access_letter(char letter)
{
    return letter >= '0' && letter <= '9' ? '#' : (__u8)letter;
}

/* Is a folded letter one with the folded letter before it? */
static inline int access_folds(__u8 letter, __u8 before)
{
    return letter == before && (letter == '#' || letter == '/');
}

/* Do the last four letters, the latest lowest, end a component ".."? */
static inline int access_steps_up(__u32 letters)
{
    return letters == 0x2f2e2e2f || letters == 0x002e2e2f; /* "/../", or "../" at the beginning */
}

static inline __u64 access_push(__u64 hash, __u64 value, __u64 base)
{
    hash = (hash + value) * base;
    return hash ^ hash >> 32;
}

/* below: of anything below the directory that was hashed. Never 0. */
static inline __u64 access_fingerprint(__u64 hash, const volatile struct pattern_secret *secret,
                                       __u32 kind, __u32 below)
{
    hash = access_push(hash, secret->value[256 + 2 * (kind & 7) + below], secret->base);
    return (hash ? hash : 1) * secret->spread;
}

static inline void access_enter(struct access_prints *prints, __u64 fingerprint)
{
    prints->above[prints->depth & (ACCESS_ABOVE - 1)] = fingerprint;
    prints->depth++;
}

/* The hash after one more letter, folded; a slash has a directory behind it. */
static inline __u64 access_take(struct access_prints *prints,
                                const volatile struct pattern_secret *secret, __u32 kind,
                                __u64 hash, __u8 letter)
{
    hash = access_push(hash, secret->value[letter], secret->base);
    prints->letters = prints->letters << 8 | letter;
    if (letter == '/') {
        if (access_steps_up(prints->letters))
            __builtin_memset(prints->above, 0, sizeof prints->above);
        access_enter(prints, access_fingerprint(hash, secret, kind, 1));
    }
    return hash;
}

/*
 * All fingerprints of an access; the path ends with a zero byte or after ACCESS_PATH - 1. What one
 * letter hands on to the next is kept in memory: of that the kernel's verifier remembers nothing,
 * so that to it every letter is like the one before, and the loop costs it no more than once
 * around.
 */
static inline void access_prints_make(struct access_prints *prints,
                                      const volatile struct pattern_secret *secret, __u32 kind,
                                      const char *path)
{
    __u64 hash = 0;
    __builtin_memset(prints, 0, sizeof *prints);
    if (path[0] != '/') /* relative: the directory that it lies in has no name */
        access_enter(prints, access_fingerprint(0, secret, kind, 1));
    for (__u32 i = 0; i < ACCESS_PATH - 1; i++) {
        __u8 letter = access_letter(path[i]);
        if (!letter)
            break;
        if (!access_folds(letter, (__u8)prints->letters))
            hash = access_take(prints, secret, kind, hash, letter);
        __asm__ __volatile__("" ::: "memory");
    }
    prints->path = access_fingerprint(hash, secret, kind, 0);
}

#endif
