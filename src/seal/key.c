#include "seal/key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/parse.h"

/* What a key is used for: an entry's code tells nothing of the key that follows. */
static const char EVOLVE[] = "skink sealed log: key of the next entry";
static const char SEAL[] = "skink sealed log: code of this entry";

static void code(const uint8_t key[SEAL_BYTES], const void *data, size_t size,
                 uint8_t out[SEAL_BYTES])
{
    if (!HMAC(EVP_sha256(), key, SEAL_BYTES, data, size, out, NULL))
        abort();
}

void key_draw(struct seal_key *key)
{
    if (getrandom(key->byte, sizeof key->byte, 0) != sizeof key->byte)
        abort();
}

void key_evolve(struct seal_key *key)
{
    struct seal_key next = {0};
    code(key->byte, EVOLVE, sizeof EVOLVE, next.byte);
    *key = next;
    key_forget(&next);
}

void key_forget(struct seal_key *key)
{
    OPENSSL_cleanse(key, sizeof *key);
}

void key_seal(const struct seal_key *key, const void *data, size_t size, uint8_t out[SEAL_BYTES])
{
    struct seal_key own;
    code(key->byte, SEAL, sizeof SEAL, own.byte);
    code(own.byte, data, size, out);
    key_forget(&own);
}

void seal_hash(const void *data, size_t size, uint8_t hash[SEAL_BYTES])
{
    if (!EVP_Digest(data, size, hash, NULL, EVP_sha256(), NULL))
        abort();
}

void hex_write(const uint8_t bytes[SEAL_BYTES], char text[SEAL_HEX + 1])
{
    static const char DIGITS[] = "0123456789abcdef";
    for (int i = 0; i < SEAL_BYTES; i++) {
        text[2 * i] = DIGITS[bytes[i] >> 4];
        text[2 * i + 1] = DIGITS[bytes[i] & 15];
    }
    text[SEAL_HEX] = '\0';
}

bool hex_read(const char *text, uint8_t bytes[SEAL_BYTES])
{
    for (int i = 0; i < SEAL_BYTES; i++, text += 2) {
        const char *at = text;
        uint64_t value;
        if (!parse_digits(&at, text + (text[0] ? 2 : 0), 16, &value) || at != text + 2)
            return false;
        bytes[i] = (uint8_t)value;
    }
    return true;
}
