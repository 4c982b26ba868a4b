#include "vote/exchange.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define WAIT_AGAIN NS_PER_S  /* how often a replica that was silent is waited for */
#define MOMENT     NS_PER_MS /* in which the answers to one request mostly come */

struct standing {
    _Atomic uint64_t waited[BALLOT_REPLICAS]; /* when a silent one was waited for; 0: not silent */
};

enum progress { ASKED, GIVEN, FAILED };

struct exchange {
    struct exchange_room room;
    const struct front_rule *rule; /* the room's */
    CURLM *multi;
    CURL *easy[BALLOT_REPLICAS];
    struct seat seat[BALLOT_REPLICAS]; /* as they were when the last request began */
    uint64_t seen;
    struct request
        *own[BALLOT_REPLICAS]; /* what it is asked, where that is not what all are asked */
    struct answer answer[BALLOT_REPLICAS];
    enum progress progress[BALLOT_REPLICAS];
    CURLcode failure[BALLOT_REPLICAS];
    bool awaited[BALLOT_REPLICAS]; /* for as long as the lag lasts */
};

struct standing *standing_new(void)
{
    return memory_must(calloc(1, sizeof(struct standing)));
}

void standing_free(struct standing *standing)
{
    free(standing);
}

void standing_forget(struct standing *standing, size_t replica)
{
    atomic_store(&standing->waited[replica], 0);
}

/* One request a second finds out whether it answers again. */
static bool is_awaited(struct standing *standing, size_t replica, uint64_t now)
{
    uint64_t waited = atomic_load(&standing->waited[replica]);
    if (waited == 0)
        return true;
    return clock_passed(now, waited) > WAIT_AGAIN &&
           atomic_compare_exchange_strong(&standing->waited[replica], &waited, now);
}

static void note_standing(struct standing *standing, size_t replica, bool spoke, uint64_t now)
{
    uint64_t none = 0;
    if (spoke)
        atomic_store(&standing->waited[replica], 0);
    else
        atomic_compare_exchange_strong(&standing->waited[replica], &none, now);
}

/* ---- what libcurl calls ---- */

static size_t on_head(char *data, size_t one, size_t size, void *answer)
{
    return answer_line(answer, data, one * size) ? one * size : 0;
}

static size_t on_body(char *data, size_t one, size_t size, void *answer)
{
    return answer_body(answer, data, one * size) ? one * size : 0;
}

/* ---- opening and closing ---- */

static void set_up(CURL *easy, struct answer *answer)
{
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, answer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
}

struct exchange *exchange_new(const struct exchange_room *room)
{
    const struct front_rule *rule = room->rule;
    struct exchange *exchange = memory_must(calloc(1, sizeof *exchange));
    exchange->room = *room;
    exchange->rule = rule;
    exchange->multi = memory_must(curl_multi_init());
    for (size_t i = 0; i < rule->replicas; i++) {
        exchange->answer[i].header = rule->header;
        exchange->answer[i].limit = rule->body;
        exchange->easy[i] = memory_must(curl_easy_init());
        curl_easy_setopt(exchange->easy[i], CURLOPT_PRIVATE, (void *)i);
        set_up(exchange->easy[i], &exchange->answer[i]);
    }
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    if (!exchange)
        return;
    for (size_t i = 0; i < exchange->rule->replicas; i++) {
        curl_easy_cleanup(exchange->easy[i]);
        answer_free(&exchange->answer[i]);
    }
    curl_multi_cleanup(exchange->multi);
    free(exchange);
}

/* ---- one request ---- */

/* Whoever sits there now is asked. */
static void look_at_seats(struct exchange *exchange)
{
    char url[SEAT_TEXT + sizeof "http:///"];
    if (!seats_look(exchange->room.seats, &exchange->seen, exchange->seat))
        return;
    for (size_t i = 0; i < exchange->rule->replicas; i++) {
        snprintf(url, sizeof url, "http://%s/", exchange->seat[i].address);
        curl_easy_setopt(exchange->easy[i], CURLOPT_URL, url);
    }
}

/* Answers to HEAD can only be compared by what they leave out. */
static void ask(CURL *easy, const struct request *request)
{
    bool carries = request->size > 0 || strcmp(request->method, "POST") == 0 ||
                   strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (carries) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
    }
    const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, request->target);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->fields);
}

static void ask_all(struct exchange *exchange, const struct request *request, uint64_t now)
{
    for (size_t i = 0; i < exchange->rule->replicas; i++) {
        answer_reset(&exchange->answer[i]);
        exchange->progress[i] = ASKED;
        exchange->awaited[i] = is_awaited(exchange->room.standing, i, now);
        exchange->own[i] = request_translate(request, exchange->room.aliases, i);
        ask(exchange->easy[i], exchange->own[i] ? exchange->own[i] : request);
        curl_multi_add_handle(exchange->multi, exchange->easy[i]);
    }
}

/* Takes what has ended; true when there is an answer more. */
static bool take_ended(struct exchange *exchange)
{
    bool more = false;
    int waiting;
    for (CURLMsg *message; (message = curl_multi_info_read(exchange->multi, &waiting));) {
        char *private = NULL;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
        size_t i = (size_t) private;
        exchange->failure[i] = code;
        exchange->progress[i] = code == CURLE_OK && exchange->answer[i].status ? GIVEN : FAILED;
        curl_multi_remove_handle(exchange->multi, easy);
        if (exchange->progress[i] == GIVEN)
            answer_settle(&exchange->answer[i]);
        more |= exchange->progress[i] == GIVEN;
    }
    return more;
}

static size_t count(const struct exchange *exchange, enum progress progress)
{
    size_t found = 0;
    for (size_t i = 0; i < exchange->rule->replicas; i++)
        found += exchange->progress[i] == progress;
    return found;
}

static bool is_anyone_awaited(const struct exchange *exchange)
{
    for (size_t i = 0; i < exchange->rule->replicas; i++)
        if (exchange->progress[i] == ASKED && exchange->awaited[i])
            return true;
    return false;
}

static struct ballot vote(struct exchange *exchange, bool last)
{
    const struct front_rule *rule = exchange->rule;
    struct ballot_answer answers[BALLOT_REPLICAS] = {0};
    for (size_t i = 0; i < rule->replicas; i++) {
        struct answer *answer = &exchange->answer[i];
        if (exchange->progress[i] != GIVEN)
            continue;
        answers[i] = (struct ballot_answer){.given = true,
                                            .status = answer->status,
                                            .head = answer->head.data,
                                            .head_size = answer->head.size,
                                            .body = answer->body.data,
                                            .body_size = answer->body.size};
    }
    if (!ballot_unanimous(answers, rule->replicas))
        for (size_t i = 0; i < rule->replicas; i++) {
            answer_canonical(&exchange->answer[i]);
            answers[i].canonical = exchange->answer[i].canonical;
            answers[i].canonical_size = exchange->answer[i].canonical_size;
        }
    return ballot_count(exchange->room.noise, answers, rule->replicas, &rule->pair, last);
}

/* A first vote is taken once nothing more has come for a moment: mostly all answers come at once,
 * and one vote is enough. */
static bool is_due(const struct exchange *exchange, uint64_t since, uint64_t now)
{
    return count(exchange, ASKED) == 0 || clock_passed(now, since) >= MOMENT;
}

static int wait_ms(uint64_t now, uint64_t until)
{
    return until > now ? (int)((until - now) / NS_PER_MS) + 1 : 0;
}

/* Until nobody is waited for any more. */
static struct ballot collect(struct exchange *exchange, uint64_t begun)
{
    const struct front_rule *rule = exchange->rule;
    struct ballot ballot = {.winner = BALLOT_NOBODY};
    uint64_t until = begun + rule->timeout,
             came = 0; /* when the latest uncounted answer came; 0: none */
    for (;;) {
        int running;
        curl_multi_perform(exchange->multi, &running);
        uint64_t now = clock_monotonic();
        if (take_ended(exchange) && count(exchange, GIVEN) >= ballot_majority(rule->replicas))
            came = now;
        if (came && (is_due(exchange, came, now) || now >= until)) {
            bool decided = ballot.winner != BALLOT_NOBODY;
            ballot = vote(exchange, count(exchange, ASKED) == 0);
            came = 0;
            if (!decided && ballot.winner != BALLOT_NOBODY && now + rule->lag < until)
                until = now + rule->lag;
        }
        bool awaited = came || (ballot.winner == BALLOT_NOBODY ? count(exchange, ASKED) > 0
                                                               : is_anyone_awaited(exchange));
        if (!awaited || now >= until)
            return ballot;
        curl_multi_poll(exchange->multi, NULL, 0, came ? 1 : wait_ms(now, until), NULL);
    }
}

static void end_all(struct exchange *exchange)
{
    for (size_t i = 0; i < exchange->rule->replicas; i++) {
        if (exchange->progress[i] == ASKED)
            curl_multi_remove_handle(exchange->multi, exchange->easy[i]);
        request_free(exchange->own[i]);
        exchange->own[i] = NULL;
    }
}

static struct noise_text text_of(const struct answer *answer)
{
    return answer->canonical ? noise_text(answer->canonical, answer->canonical_size)
                             : noise_text(answer->body.data, answer->body.size);
}

/* What the client is given of the winner, the others who agree call otherwise. */
static void learn_aliases(struct exchange *exchange, const struct ballot *ballot)
{
    const struct answer *winner = &exchange->answer[ballot->winner];
    struct noise_text head = noise_text(winner->head.data, winner->head.size);
    struct noise_text body = text_of(winner);
    for (size_t i = 0; i < exchange->rule->replicas; i++) {
        const struct answer *answer = &exchange->answer[i];
        if (i == ballot->winner || exchange->progress[i] != GIVEN || ballot->dissents[i])
            continue;
        struct noise_text own_head = noise_text(answer->head.data, answer->head.size);
        struct noise_text own_body = text_of(answer);
        aliases_learn(exchange->room.aliases, ALIAS_COOKIE, i, &head, &own_head);
        aliases_learn(exchange->room.aliases, ALIAS_TOKEN, i, &body, &own_body);
    }
}

/* ---- telling ---- */

/* An answer that is none is a dissent, too: silence may be a fault, this is not. */
static bool is_garbage(CURLcode failure)
{
    return failure == CURLE_WRITE_ERROR || failure == CURLE_WEIRD_SERVER_REPLY ||
           failure == CURLE_UNSUPPORTED_PROTOCOL || failure == CURLE_BAD_CONTENT_ENCODING;
}

static size_t first_difference(const struct answer_bytes *a, const struct answer_bytes *b)
{
    size_t i = 0;
    while (i < a->size && i < b->size && a->data[i] == b->data[i])
        i++;
    return i;
}

static bool same_bytes(const struct answer_bytes *a, const struct answer_bytes *b)
{
    return a->size == b->size && first_difference(a, b) == a->size;
}

static void tell_difference(const struct answer *answer, const struct answer *winner, char *why)
{
    if (answer->status != winner->status)
        snprintf(why, EXCHANGE_WHY, "its status is %u, not %u", answer->status, winner->status);
    else if (!same_bytes(&answer->head, &winner->head) && same_bytes(&answer->body, &winner->body))
        snprintf(why, EXCHANGE_WHY, "its headers differ");
    else
        snprintf(why, EXCHANGE_WHY, "its body differs from byte %zu on, %zu bytes, not %zu",
                 first_difference(&answer->body, &winner->body), answer->body.size,
                 winner->body.size);
}

static enum vote tell_failure(const struct exchange *exchange, size_t i, bool elected, char *why)
{
    CURLcode failure = exchange->failure[i];
    if (exchange->progress[i] == ASKED) {
        snprintf(why, EXCHANGE_WHY, "it did not answer in time");
        return exchange->awaited[i] ? VOTE_SILENT : VOTE_SKIPPED;
    }
    if (failure == CURLE_WRITE_ERROR)
        snprintf(why, EXCHANGE_WHY, "its answer is too long, or no HTTP");
    else
        snprintf(why, EXCHANGE_WHY, "it gave no whole answer: %s", curl_easy_strerror(failure));
    if (elected && is_garbage(failure))
        return VOTE_DISSENTS;
    return exchange->awaited[i] ? VOTE_SILENT : VOTE_SKIPPED;
}

static enum vote tell(const struct exchange *exchange, size_t i, const struct ballot *ballot,
                      char *why)
{
    why[0] = '\0';
    if (exchange->progress[i] != GIVEN)
        return tell_failure(exchange, i, ballot->winner != BALLOT_NOBODY, why);
    if (ballot->winner == BALLOT_NOBODY || !ballot->dissents[i])
        return VOTE_AGREES;
    tell_difference(&exchange->answer[i], &exchange->answer[ballot->winner], why);
    return VOTE_DISSENTS;
}

void exchange_run(struct exchange *exchange, const struct request *request,
                  struct exchange_outcome *outcome)
{
    uint64_t begun = clock_monotonic();
    look_at_seats(exchange);
    ask_all(exchange, request, begun);
    struct ballot ballot = collect(exchange, begun);
    end_all(exchange);
    if (ballot.winner == BALLOT_NOBODY) /* too few for a majority: how many agree all the same? */
        ballot = vote(exchange, false);
    else if (!ballot.unanimous && !seats_changed(exchange->room.seats, exchange->seen))
        learn_aliases(exchange, &ballot);
    outcome->support = ballot.support;
    outcome->winner = ballot.winner == BALLOT_NOBODY ? NULL : &exchange->answer[ballot.winner];
    uint64_t now = clock_monotonic();
    for (size_t i = 0; i < exchange->rule->replicas; i++) {
        bool spoke = exchange->progress[i] == GIVEN ||
                     (exchange->progress[i] == FAILED && is_garbage(exchange->failure[i]));
        if (spoke || exchange->awaited[i])
            note_standing(exchange->room.standing, i, spoke, now);
        outcome->name[i] = exchange->seat[i].name;
        outcome->vote[i] = tell(exchange, i, &ballot, outcome->why[i]);
    }
}
