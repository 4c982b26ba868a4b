/* Which of two versions is the later one. */
#include <ctype.h>
#include <string.h>

#include "tolerate/vulnerability_parts.h"

/* A number of any length, leading zeros aside. Moves both behind it. */
static int compare_digits(const char **a, const char **b)
{
    *a += strspn(*a, "0");
    *b += strspn(*b, "0");
    size_t long_a = strspn(*a, "0123456789"), long_b = strspn(*b, "0123456789");
    int order = long_a != long_b ? (long_a < long_b ? -1 : 1) : strncmp(*a, *b, long_a);
    *a += long_a;
    *b += long_b;
    return order;
}

/* ---- Debian ---- */

/* A tilde comes before the end, the end before letters, letters before all else. */
static int weight(char c)
{
    if (c == '~')
        return -1;
    if (c == '\0' || isdigit((unsigned char)c))
        return 0;
    return isalpha((unsigned char)c) ? c : c + 256;
}

/* Parts that are no digits and parts that are take turns. */
static int compare_part(const char *a, const char *b)
{
    while (*a || *b) {
        while ((*a && !isdigit((unsigned char)*a)) || (*b && !isdigit((unsigned char)*b))) {
            int order = weight(*a) - weight(*b);
            if (order != 0)
                return order;
            a += *a != '\0';
            b += *b != '\0';
        }
        int order = compare_digits(&a, &b);
        if (order != 0)
            return order;
    }
    return 0;
}

struct debian {
    char epoch[16], upstream[256], revision[256];
};

static void copy(char *to, size_t size, const char *from, size_t length)
{
    length = length < size ? length : size - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

/* EPOCH:UPSTREAM-REVISION */
static void split(const char *version, struct debian *parts)
{
    const char *colon = strchr(version, ':');
    const char *upstream = colon ? colon + 1 : version;
    const char *dash = strrchr(upstream, '-');
    size_t length = dash ? (size_t)(dash - upstream) : strlen(upstream);
    copy(parts->epoch, sizeof parts->epoch, version, colon ? (size_t)(colon - version) : 0);
    copy(parts->upstream, sizeof parts->upstream, upstream, length);
    copy(parts->revision, sizeof parts->revision, dash ? dash + 1 : "",
         dash ? strlen(dash + 1) : 0);
}

int version_compare_debian(const char *a, const char *b)
{
    struct debian first, second;
    split(a, &first);
    split(b, &second);
    int order = compare_part(first.epoch, second.epoch);
    if (order == 0)
        order = compare_part(first.upstream, second.upstream);
    return order ? order : compare_part(first.revision, second.revision);
}

/* ---- semantic ---- */

/* Identifiers between dots: numbers by value and before words, words by their bytes. */
static int compare_identifiers(const char *a, const char *b, const char *end)
{
    for (;;) {
        size_t long_a = strcspn(a, end), long_b = strcspn(b, end);
        bool number_a = long_a > 0 && strspn(a, "0123456789") == long_a;
        bool number_b = long_b > 0 && strspn(b, "0123456789") == long_b;
        int order = 0;
        if (number_a && number_b) {
            const char *x = a, *y = b;
            order = compare_digits(&x, &y);
        } else if (number_a != number_b) {
            order = number_a ? -1 : 1;
        } else {
            order = strncmp(a, b, long_a < long_b ? long_a : long_b);
            order = order ? order : (long_a > long_b) - (long_a < long_b);
        }
        a += long_a;
        b += long_b;
        if (order != 0 || *a != '.' || *b != '.')
            return order ? order : (*a == '.') - (*b == '.');
        a++;
        b++;
    }
}

/* Numbers between dots, those that are missing as 0. Moves both behind them. */
static int compare_numbers(const char **a, const char **b)
{
    int order = 0;
    while (order == 0 && (isdigit((unsigned char)**a) || isdigit((unsigned char)**b))) {
        order = compare_digits(a, b);
        *a += **a == '.';
        *b += **b == '.';
    }
    return order;
}

int version_compare_semantic(const char *a, const char *b)
{
    a += *a == 'v';
    b += *b == 'v';
    int order = compare_numbers(&a, &b);
    if (order != 0)
        return order;
    bool pre_a = *a == '-', pre_b = *b == '-';
    if (!pre_a || !pre_b)
        return pre_b - pre_a; /* what comes before a version is the earlier one */
    return compare_identifiers(a + 1, b + 1, ".+");
}
