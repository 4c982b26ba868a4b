/* payment: takes the money. The card's number must be one (Luhn); a receipt is signed with the
 * shop's key; every payment goes into the ledger.
 *
 * Weaknesses: the memo is given back at the length that the request says it has (as in Heartbleed,
 * CVE-2014-0160), and the key lies behind it; the ledger is shown to whoever asks from inside. */
#include "service.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define LEDGER "/var/lib/payment/ledger"

/* What is needed together lies together. */
struct till {
    char memo[64];
    char key[64];
};

static bool is_card(const char *number)
{
    int sum = 0, digits = 0;
    for (size_t i = strlen(number); i-- > 0;) {
        if (!isdigit((unsigned char)number[i]))
            return false;
        int digit = (number[i] - '0') * (digits++ % 2 + 1);
        sum += digit / 10 + digit % 10;
    }
    return digits > 11 && sum % 10 == 0;
}

static void read_key(char key[static 64])
{
    FILE *file = fopen("/etc/shop/payment.key", "re");
    if (file) {
        (void)!fgets(key, 64, file);
        (void)fclose(file);
    }
}

static void write_ledger(const char *card, json_int_t amount)
{
    char line[128];
    int size = snprintf(line, sizeof line, "%.19s %lld\n", card, (long long)amount);
    int ledger = open(LEDGER, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (ledger >= 0) {
        (void)!write(ledger, line, (size_t)size);
        (void)close(ledger);
    }
}

static json_t *authorise(const struct request *request, int *status)
{
    struct till till = {0};
    const char *card = "", *memo = "";
    json_int_t amount = 0, length = -1;
    if (json_unpack(request->body, "{s:s, s:I, s?s, s?I}", "card", &card, "amount", &amount, "memo",
                    &memo, "memo_length", &length) != 0 ||
        length > (json_int_t)sizeof till) {
        *status = 400;
        return json_pack("{s:s}", "error", "what?");
    }
    if (!is_card(card)) {
        *status = 402;
        return json_pack("{s:s}", "error", "this card is refused");
    }
    read_key(till.key);
    (void)snprintf(till.memo, sizeof till.memo, "%s", memo);
    write_ledger(card, amount);
    char receipt[64], back[2 * sizeof till + 1] = "";
    (void)snprintf(
        receipt, sizeof receipt, "%016llx",
        (unsigned long long)XXH64(till.key, sizeof till.key, (unsigned long long)amount));
    size_t size = length < 0 ? strlen(till.memo) : (size_t)length;
    for (size_t i = 0; i < size; i++)
        (void)snprintf(back + 2 * i, 3, "%02x", (unsigned char)till.memo[i]);
    return json_pack("{s:s, s:s}", "receipt", receipt, "memo", back);
}

/* For the accountants: the end of the ledger. */
static json_t *ledger(void)
{
    char text[4096] = "";
    FILE *file = fopen(LEDGER, "re");
    if (file) {
        (void)fseek(file, -(long)(sizeof text - 1), SEEK_END);
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        (void)fclose(file);
    }
    return json_pack("{s:s}", "ledger", text);
}

static json_t *handle(const struct request *request, int *status)
{
    if (strcmp(request->path, "/payment/authorise") == 0 && request->body)
        return authorise(request, status);
    if (strcmp(request->path, "/payment/ledger") == 0)
        return ledger();
    *status = 404;
    return json_pack("{s:s}", "error", "not here");
}

int main(void)
{
    return serve(handle);
}
