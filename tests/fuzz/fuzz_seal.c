/* The verifier of the sealed log: any text with any key. What it takes for whole must be no longer
 * whole with a bit changed. The first bytes choose key, state and bit; the log follows them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "seal/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct seal_first KEY; /* the seeds are sealed with zeros */

static uint64_t faults(const char *text, size_t size, const struct seal_first *key, uint64_t next)
{
    struct seal_check *check = seal_check_new(key, 0, NULL, NULL);
    seal_check_text(check, "fuzz", text, size);
    /* An entry behind: the key itself is not looked at, nor what has a number of more entries. */
    const struct seal_state state = {.next = next};
    const struct seal_summary *summary = seal_check_summary(check);
    uint64_t found = summary->faults + (summary->next != next) + (summary->torn > 0) +
                     (summary->sealed != summary->entries);
    seal_check_end(check, &state, false);
    seal_check_free(check);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    struct seal_first first;
    if (size < 5)
        return 0;
    size_t length = size - 4;
    autofree char *text = malloc(length + 1);
    memcpy(text, data + 4, length);
    text[length] = '\0';
    seal_first_parse(text, "fuzz", &first, &err);
    if (faults(text, length, &KEY, data[0]) > 0)
        return 0;
    size_t place = (data[1] | (size_t)data[2] << 8) % length;
    text[place] ^= (char)(1 << (data[3] & 7));
    if (faults(text, length, &KEY, data[0]) == 0)
        abort();
    return 0;
}
