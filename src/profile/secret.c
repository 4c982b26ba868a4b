#include "profile/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void secret_draw(struct pattern_secret *secret)
{
    unsigned char *bytes = (unsigned char *)secret;
    for (size_t done = 0; done < sizeof *secret;) {
        ssize_t got = getrandom(bytes + done, sizeof *secret - done, 0);
        if (got <= 0)
            abort();
        done += (size_t)got;
    }
    secret->spread |= 1;
    secret->base |= 1;
}

uint64_t secret_fingerprint(const struct pattern_secret *secret, enum pattern_kind kind,
                            uint32_t length, const uint16_t *codes)
{
    uint64_t window = 0;
    uint64_t bag = 0;
    for (uint32_t i = 0; i < length; i++) {
        uint64_t value = secret->value[codes[i]];
        window = window_push(window, length, codes[i], value, 0, secret->base, 0);
        bag = bag_push(bag, value, 0);
    }
    return kind == PATTERN_WINDOW ? window_fingerprint(window, length, secret->spread)
                                  : bag_fingerprint(bag, secret->spread);
}

uint64_t secret_access(const struct pattern_secret *secret, enum access_kind kind, const char *path,
                       bool below)
{
    char whole[ACCESS_PATH] = "";
    struct access_prints prints;
    memccpy(whole, path, '\0', sizeof whole - 1);
    access_prints_make(&prints, secret, kind, whole);
    return below ? prints.above[(prints.depth - 1) % ACCESS_ABOVE] : prints.path;
}
