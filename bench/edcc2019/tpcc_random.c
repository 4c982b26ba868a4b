#include "tpcc_random.h"

#include <stdio.h>
#include <string.h>

/* The constants C of NURand. The two of the last name differ by 73, as 2.1.6.1 wants it: by 65 to
 * 119, but neither 96 nor 112. */
enum { C_NAME_POPULATION = 157, C_NAME_LOAD = 230, C_CUSTOMER = 259, C_ITEM = 7911 };

/* splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
static uint64_t next(struct random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

int random_between(struct random *random, int low, int high)
{
    uint64_t range = (uint64_t)(high - low) + 1;
    return low + (int)((next(random) >> 32) * range >> 32);
}

bool random_percent(struct random *random, int percent)
{
    return random_between(random, 1, 100) <= percent;
}

static int non_uniform(struct random *random, int a, int c, int low, int high)
{
    int both = random_between(random, 0, a) | random_between(random, low, high);
    return (both + c) % (high - low + 1) + low;
}

int random_customer(struct random *random)
{
    return non_uniform(random, 1023, C_CUSTOMER, 1, 3000);
}

int random_item(struct random *random)
{
    return non_uniform(random, 8191, C_ITEM, 1, 100000);
}

int random_last_name(struct random *random, bool population)
{
    return non_uniform(random, 255, population ? C_NAME_POPULATION : C_NAME_LOAD, 0, 999);
}

const char *last_name(int number, char text[LAST_NAME])
{
    static const char *const syllables[] = {"BAR", "OUGHT", "ABLE",  "PRI",   "PRES",
                                            "ESE", "ANTI",  "CALLY", "ATION", "EING"};
    snprintf(text, LAST_NAME, "%s%s%s", syllables[number / 100], syllables[number / 10 % 10],
             syllables[number % 10]);
    return text;
}

static const char *draw(struct random *random, const char *from, int length, char text[TEXT_MAX])
{
    int last = (int)strlen(from) - 1;
    for (int i = 0; i < length; i++)
        text[i] = from[random_between(random, 0, last)];
    text[length] = '\0';
    return text;
}

const char *random_text(struct random *random, int low, int high, char text[TEXT_MAX])
{
    return draw(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                random_between(random, low, high), text);
}

const char *random_digits(struct random *random, int length, char text[TEXT_MAX])
{
    return draw(random, "0123456789", length, text);
}

const char *random_data(struct random *random, char text[TEXT_MAX])
{
    static const char original[] = "ORIGINAL";
    const int length = sizeof original - 1;
    random_text(random, 26, 50, text);
    if (random_percent(random, 10))
        memcpy(text + random_between(random, 0, (int)strlen(text) - length), original,
               sizeof original - 1);
    return text;
}

void random_permutation(struct random *random, int *numbers, int count)
{
    for (int i = 0; i < count; i++) {
        int at = random_between(random, 0, i);
        numbers[i] = numbers[at];
        numbers[at] = i + 1;
    }
}
