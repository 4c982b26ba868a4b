/* Voting: tokens and noise, ballots compared with a count by brute force, requests and answers. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/random.h"
#include "vote/answer.h"
#include "vote/ballot.h"
#include "vote/request.h"
#include "vote/seats.h"
#include "vote/token.h"

static const struct ballot_pair PAIR = {0, 1, false},
                                NO_PAIR = {BALLOT_NOBODY, BALLOT_NOBODY, false};

static struct ballot_answer answer(const char *body)
{
    return (struct ballot_answer){
        .given = true, .status = 200, .head = "", .body = body, .body_size = strlen(body)};
}

/* The winner among these bodies (NULL: silent), and who dissents, as a text: "0 2". */
static const char *count(struct noise *noise, const struct ballot_pair *pair,
                         const char *const *bodies, size_t n, bool learn)
{
    static char text[64];
    struct ballot_answer answers[BALLOT_REPLICAS] = {0};
    for (size_t i = 0; i < n; i++)
        if (bodies[i])
            answers[i] = answer(bodies[i]);
    struct ballot ballot = ballot_count(noise, answers, n, pair, learn);
    size_t used = ballot.winner == BALLOT_NOBODY
                      ? (size_t)snprintf(text, sizeof text, "none")
                      : (size_t)snprintf(text, sizeof text, "%zu", ballot.winner);
    for (size_t i = 0; i < n; i++)
        if (ballot.dissents[i])
            used += (size_t)snprintf(text + used, sizeof text - used, " -%zu", i);
    return text;
}

#define VOTE(noise, pair, learn, ...)                      \
    count(noise, pair, (const char *const[]){__VA_ARGS__}, \
          sizeof(const char *[]){__VA_ARGS__} / sizeof(char *), learn)

/* ---- tokens ---- */

static void test_tokens(void **state)
{
    static const char TEXT[] = "a-b/1 \"c\xc3\xa4\"=";
    static const char *const WANTED[] = {"a-b/1", " ", "\"", "c\xc3\xa4", "\"", "="};
    const char *at = TEXT;
    struct token token;
    (void)state;
    for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) {
        assert_true(token_next(&at, TEXT + strlen(TEXT), &token));
        assert_int_equal(token.length, strlen(WANTED[i]));
        assert_memory_equal(token.text, WANTED[i], token.length);
    }
    assert_false(token_next(&at, TEXT + strlen(TEXT), &token));
    assert_int_equal(token_count(TEXT, strlen(TEXT)), 6);
    for (size_t i = sizeof WANTED / sizeof *WANTED; i-- > 0;) {
        assert_true(token_before(TEXT, &at, &token));
        assert_int_equal(token.length, strlen(WANTED[i]));
        assert_ptr_equal(at, token.text);
    }
    assert_false(token_before(TEXT, &at, &token));
}

static void test_what_runs_on(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char text[] = {'a', (char)byte, '\0'};
        bool runs_on = byte >= 0x80 || isalnum(byte) || strchr("_-+/", byte);
        assert_int_equal(token_count(text, 2), runs_on ? 1 : 2);
    }
}

static bool same_shape(const char *a, const char *b)
{
    return token_same_shape(&(struct token){a, strlen(a)}, &(struct token){b, strlen(b)});
}

static void test_shapes(void **state)
{
    (void)state;
    assert_true(same_shape("9", "10"));
    assert_true(same_shape("9f3c", "a0b1"));
    assert_false(same_shape("9f3c", "a0b1c"));
    assert_true(same_shape("qwertzui", "yxcvbnma"));
    assert_false(same_shape("true", "null"));
    assert_false(same_shape("<", ">"));
    assert_false(same_shape("123456789012345678901", "12")); /* no number any more */
}

/* ---- ballots ---- */

static void test_plain_majority(void **state)
{
    (void)state;
    struct noise *noise = noise_new();
    assert_string_equal(VOTE(noise, &NO_PAIR, true, "a", "a", "a"), "0");
    assert_string_equal(VOTE(noise, &NO_PAIR, true, "a", "a", "b"), "0 -2");
    assert_string_equal(VOTE(noise, &NO_PAIR, true, "b", "a", "a"), "1 -0");
    assert_string_equal(VOTE(noise, &NO_PAIR, true, NULL, "a", "a"), "1");
    assert_string_equal(VOTE(noise, &NO_PAIR, true, NULL, NULL, "a"), "none");
    assert_string_equal(VOTE(noise, &NO_PAIR, true, "a", "b", "c"), "none");
    assert_string_equal(VOTE(noise, &NO_PAIR, true, "a", "a", "b", "b"), "none");
    assert_string_equal(VOTE(noise, &NO_PAIR, true, "a", "a", "b", NULL), "none");
    assert_string_equal(VOTE(noise, &NO_PAIR, true, "", "", "b"), "0 -2");
    noise_free(noise);
}

static void test_status_is_never_noise(void **state)
{
    (void)state;
    struct noise *noise = noise_new();
    struct ballot_answer answers[3] = {answer("a"), answer("a"), answer("a")};
    answers[0].status = 404;
    struct ballot ballot = ballot_count(noise, answers, 3, &PAIR, true);
    assert_int_equal(ballot.winner, 1);
    assert_true(ballot.dissents[0]);
    noise_free(noise);
}

static void test_pair_tells_noise(void **state)
{
    (void)state;
    struct noise *noise = noise_new();
    /* Without the pair these are three answers; with it they are one. */
    assert_string_equal(VOTE(noise, &NO_PAIR, true, "t=11 x", "t=12 x", "t=913 x"), "none");
    assert_string_equal(VOTE(noise, &PAIR, false, "t=11 x", "t=12 x", "t=913 x"), "0");
    /* What differs elsewhere, or in shape, still dissents. */
    assert_string_equal(VOTE(noise, &PAIR, false, "t=11 x", "t=12 x", "t=13 y"), "0 -2");
    assert_string_equal(VOTE(noise, &PAIR, false, "t=11 x", "t=12 x", "t=root x"), "0 -2");
    assert_string_equal(VOTE(noise, &PAIR, false, "t=11 x", "t=12 x", "t=13 x x"), "0 -2");
    noise_free(noise);
}

/* The pair cannot tell what is noise when one of it is silent or compromised; memory does. */
static void test_noise_is_remembered(void **state)
{
    (void)state;
    struct noise *noise = noise_new();
    assert_string_equal(VOTE(noise, &PAIR, true, NULL, "t=22 x", "t=23 x"), "none");
    assert_string_equal(VOTE(noise, &PAIR, true, "t=11 x", "t=12 x", "t=13 x"), "0");
    assert_string_equal(VOTE(noise, &PAIR, true, NULL, "t=22 x", "t=23 x"), "1");
    assert_string_equal(VOTE(noise, &PAIR, true, "root:x:0:0", "t=22 x", "t=23 x"), "1 -0");
    assert_string_equal(VOTE(noise, &PAIR, true, NULL, "u=22 x", "u=23 x"), "none");
    noise_free(noise);
}

/* Nothing is learned from answers that somebody disputes. */
static void test_disputed_teaches_nothing(void **state)
{
    (void)state;
    struct noise *noise = noise_new();
    assert_string_equal(VOTE(noise, &PAIR, true, "t=11 x", "t=12 x", "no"), "0 -2");
    assert_string_equal(VOTE(noise, &PAIR, true, NULL, "t=22 x", "t=23 x"), "none");
    noise_free(noise);
}

/* Where only one is odd within the noise, another's answer is given on. */
static void test_the_odd_one_is_not_given_on(void **state)
{
    (void)state;
    struct noise *noise = noise_new();
    assert_string_equal(VOTE(noise, &PAIR, false, "t=66 x", "t=12 x", "t=12 x"), "1");
    noise_free(noise);
}

static void test_pair_alone_is_no_majority(void **state)
{
    const struct ballot_pair one_vote = {0, 1, true};
    (void)state;
    struct noise *noise = noise_new();
    assert_string_equal(VOTE(noise, &one_vote, false, "leak", "leak", "fine"), "none");
    assert_string_equal(VOTE(noise, &one_vote, false, "leak", "leak", NULL), "none");
    assert_string_equal(VOTE(noise, &one_vote, false, "leak", "fine", "fine"), "1 -0");
    assert_string_equal(VOTE(noise, &one_vote, false, "fine", "fine", "leak", "fine"), "0 -2");
    assert_string_equal(VOTE(noise, &one_vote, false, "leak", "leak", "fine", "fine"), "none");
    noise_free(noise);
}

/* ---- by brute force ---- */

#define TOKENS 40

struct list {
    struct token token[TOKENS];
    size_t count;
};

static struct list list_of(const char *text)
{
    struct list list = {.count = 0};
    const char *at = text;
    while (token_next(&at, text + strlen(text), &list.token[list.count]))
        list.count++;
    return list;
}

/* Word for word what noise.h says, for a memory that is empty. */
static bool alike(const struct list *x, const struct list *y, const struct list *a,
                  const struct list *b)
{
    bool useful = a && a->count == b->count;
    for (size_t i = 0; useful && i < a->count; i++)
        useful =
            token_same(&a->token[i], &b->token[i]) || token_same_shape(&a->token[i], &b->token[i]);
    if (x->count != y->count)
        return false;
    for (size_t i = 0; i < x->count; i++) {
        if (token_same(&x->token[i], &y->token[i]))
            continue;
        if (!token_same_shape(&x->token[i], &y->token[i]) || !useful || a->count != x->count ||
            token_same(&a->token[i], &b->token[i]))
            return false;
    }
    return true;
}

static void make_text(uint64_t *seed, char text[TOKENS])
{
    static const char *const WORDS[] = {"a", "x1", "y2", "1", "22", "<", "bc", " "};
    size_t used = 0;
    text[0] = '\0';
    for (size_t left = random_below(seed, 5); left > 0; left--)
        used += (size_t)snprintf(text + used, TOKENS - used, "%s,", WORDS[random_below(seed, 8)]);
}

static void check_against_brute_force(uint64_t *seed)
{
    char text[BALLOT_REPLICAS][TOKENS];
    const char *body[BALLOT_REPLICAS];
    struct list list[BALLOT_REPLICAS];
    size_t n = 1 + random_below(seed, BALLOT_REPLICAS), most = 0;
    bool paired = n > 1 && random_below(seed, 4) > 0;
    struct ballot_answer answers[BALLOT_REPLICAS] = {0};
    struct noise *noise = noise_new();
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || random_below(seed, 3) == 0)
            make_text(seed, text[i]);
        else
            memcpy(text[i], text[random_below(seed, i)], sizeof *text);
        list[i] = list_of(text[i]);
        body[i] = random_below(seed, 6) ? text[i] : NULL;
        if (body[i])
            answers[i] = answer(body[i]);
    }
    bool useful = paired && body[0] && body[1];
    struct ballot ballot = ballot_count(noise, answers, n, paired ? &PAIR : &NO_PAIR, false);
    for (size_t i = 0; i < n; i++) {
        size_t alikes = 0;
        for (size_t j = 0; j < n; j++)
            alikes +=
                body[i] && body[j] && alike(&list[i], &list[j], useful ? &list[0] : NULL, &list[1]);
        most = alikes > most ? alikes : most;
        if (i == ballot.winner)
            assert_true(alikes > n / 2 && alikes == ballot.support);
    }
    assert_int_equal(ballot.support, most);
    assert_int_equal(ballot.winner != BALLOT_NOBODY, most > n / 2);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(ballot.dissents[i], ballot.winner != BALLOT_NOBODY && body[i] &&
                                                 !alike(&list[ballot.winner], &list[i],
                                                        useful ? &list[0] : NULL, &list[1]));
    noise_free(noise);
}

static void test_against_brute_force(void **state)
{
    uint64_t seed = 7;
    (void)state;
    for (int round = 0; round < 3000; round++)
        check_against_brute_force(&seed);
}

/* ---- answers and requests ---- */

static void take_lines(struct answer *answer, const char *const *lines)
{
    for (; *lines; lines++)
        assert_true(answer_line(answer, *lines, strlen(*lines)));
    answer_settle(answer);
}

static void test_answer(void **state)
{
    static const char *const NAMES[] = {"content-type", "set-cookie", NULL};
    static const char *const LINES[] = {"HTTP/1.1 100 Continue\r\n",
                                        "\r\n",
                                        "HTTP/1.1 201 Created\r\n",
                                        "Set-Cookie: a=1\r\n",
                                        "Server: x\r\n",
                                        "Content-Type:  Application/JSON; Charset=A\r\n",
                                        "Set-Cookie:b=2 \r\n",
                                        "\r\n",
                                        NULL};
    struct answer answer = {.header = NAMES, .limit = 20};
    (void)state;
    take_lines(&answer, LINES);
    assert_int_equal(answer.status, 201);
    static const char HEAD[] =
        "content-type: application/json;charset=a\nset-cookie: a=1\nset-cookie: b=2\n";
    assert_int_equal(answer.head.size, strlen(HEAD));
    assert_memory_equal(answer.head.data, HEAD, strlen(HEAD));
    assert_true(answer_body(&answer, "{\"b\": 1, ", 9));
    assert_true(answer_body(&answer, "\"a\": 2}", 7));
    answer_canonical(&answer);
    assert_string_equal(answer.canonical, "{\"a\":2,\"b\":1}");
    assert_false(answer_body(&answer, "12345", 5));
    answer_reset(&answer);
    assert_null(answer.canonical);
    assert_false(answer_line(&answer, "HTTP/1.1 banana\r\n", 17));
    assert_false(answer_line(&answer, "X: \0\r\n", 6));
    answer_free(&answer);
}

/* Two members of one name may be read in two ways: then the bytes count. */
static void test_doubtful_json_has_no_canonical_form(void **state)
{
    static const char *const NAMES[] = {"content-type", NULL};
    static const char *const LINES[] = {"HTTP/1.1 200 OK\r\n", "Content-Type: application/json\r\n",
                                        NULL};
    struct answer answer = {.header = NAMES, .limit = 100};
    (void)state;
    take_lines(&answer, LINES);
    assert_true(answer_body(&answer, "{\"a\":1,\"a\":2}", 13));
    answer_canonical(&answer);
    assert_null(answer.canonical);
    answer_free(&answer);
}

static bool has_line(const struct request *request, const char *line)
{
    for (const struct curl_slist *field = request->fields; field; field = field->next)
        if (strcmp(field->data, line) == 0)
            return true;
    return false;
}

static void test_request(void **state)
{
    struct request *request = request_new("/x?y");
    (void)state;
    request_field(request, "Host", "shop");
    request_field(request, "If-None-Match", "\"1\"");
    request_field(request, "RANGE", "bytes=0-1");
    request_field(request, "X-Empty", "");
    request_field(request, "Accept-Encoding", "gzip");
    request_fields_end(request);
    assert_true(has_line(request, "Host: shop") && has_line(request, "X-Empty;"));
    assert_true(has_line(request, "Accept-Encoding: identity") && has_line(request, "Accept:"));
    assert_false(has_line(request, "Accept-Encoding: gzip"));
    assert_false(has_line(request, "RANGE: bytes=0-1"));
    assert_true(request_body(request, "abc", 3, 5));
    assert_false(request_body(request, "def", 3, 5));
    assert_true(request_body(request, "de", 2, 5));
    assert_memory_equal(request->body, "abcde", 5);
    request_free(request);
}

/* ---- aliases ---- */

static void learn(struct aliases *aliases, size_t replica, const char *given, const char *own)
{
    struct noise_text one = noise_text(given, strlen(given)), other = noise_text(own, strlen(own));
    aliases_learn(aliases, ALIAS_TOKEN, replica, &one, &other);
}

static void check_translation(struct aliases *aliases, size_t replica, const char *text,
                              const char *wanted)
{
    char *translated = aliases_translate(aliases, replica, text, strlen(text));
    if (wanted)
        assert_string_equal(translated, wanted);
    else
        assert_null(translated);
    free(translated);
}

static void test_aliases(void **state)
{
    struct aliases *aliases = aliases_new();
    (void)state;
    learn(aliases, 1, "at 1234567890 id=aaaabbbbcccc1", "at 1234567899 id=ddddeeeeffff2");
    learn(aliases, 2, "id=aaaabbbbcccc1", "id=111122223333a");
    check_translation(aliases, 0, "id=aaaabbbbcccc1", NULL);
    check_translation(aliases, 1, "x&id=aaaabbbbcccc1&y", "x&id=ddddeeeeffff2&y");
    check_translation(aliases, 2, "aaaabbbbcccc1", "111122223333a");
    check_translation(aliases, 2, "aaaabbbbcccc1x", NULL);
    check_translation(aliases, 1, "1234567890", NULL); /* a number is nobody's name */
    check_translation(aliases, 1, "", NULL);
    aliases_free(aliases);
}

/* What is used stays, however many others come. */
static void test_aliases_are_bounded(void **state)
{
    struct aliases *aliases = aliases_new();
    (void)state;
    learn(aliases, 0, "aaaabbbbcccc1", "ddddeeeeffff2");
    for (int i = 0; i < 100000; i++) {
        char given[32], own[32];
        snprintf(given, sizeof given, "given%08d", i);
        snprintf(own, sizeof own, "owned%08d", i);
        learn(aliases, 0, given, own);
        if (i % 1000 == 0)
            check_translation(aliases, 0, "aaaabbbbcccc1", "ddddeeeeffff2");
    }
    check_translation(aliases, 0, "given00000000", NULL);
    check_translation(aliases, 0, "given00099999", "owned00099999");
    aliases_free(aliases);
}

/* ---- seats ---- */

static size_t read_seats(const char *text, struct seat *seat, struct error *err)
{
    size_t count;
    char path[] = "/tmp/skink-test-seats-XXXXXX";
    int file = mkstemp(path);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    int failed = seats_read(path, seat, &count, err);
    unlink(path);
    return failed ? BALLOT_NOBODY : count;
}

static void check_refused(const char *text, const char *why)
{
    struct error err;
    struct seat seat[BALLOT_REPLICAS];
    assert_int_equal(read_seats(text, seat, &err), BALLOT_NOBODY);
    if (!strstr(err.text, why))
        fail_msg("%s: not told: %s", err.text, why);
}

static void test_seats(void **state)
{
    (void)state;
    struct error err;
    struct seat seat[BALLOT_REPLICAS];
    char longest[1000] = "";
    assert_int_equal(read_seats("# the shop\nweb-1=10.0.0.2:80\n\n2=[::1]:81\nx=y:z", seat, &err),
                     3);
    assert_string_equal(seat[0].name, "web-1");
    assert_string_equal(seat[1].address, "[::1]:81");
    assert_int_equal(seat_find(seat, 3, "web-1,", 5), 0);
    assert_int_equal(seat_find(seat, 3, "1", 1), 0);
    assert_int_equal(seat_find(seat, 3, "2", 1), 1);
    assert_int_equal(seat_find(seat, 3, "3", 1), 2);
    assert_int_equal(seat_find(seat, 3, "4", 1), BALLOT_NOBODY);
    assert_int_equal(seat_find(seat, 3, "web", 3), BALLOT_NOBODY);

    check_refused("a=b:1\n\nb\n", ":3: b: not a name and an address");
    check_refused("a=b:1\na=c:1\n", ":2: a=c:1: there is one of this name");
    check_refused("a=b:1 \n", ":1: a=b:1 : not a name");
    check_refused("1=a:1\n2=a:1\n3=a:1\n4=a:1\n5=a:1\n6=a:1\n7=a:1\n8=a:1\n9=a:1\n10=a:1\n",
                  ":10: 10=a:1: one too many");
    memset(longest, 'x', sizeof longest - 1);
    check_refused(longest, ":1: too long");
    longest[300] = '\0';
    check_refused(longest, ":1: xxx");
    assert_int_equal(seats_read("/nowhere/at/all", seat, &(size_t){0}, &err), -1);
}

static void test_a_seat_is_taken_by_another(void **state)
{
    (void)state;
    uint64_t seen = 0;
    bool changed[BALLOT_REPLICAS];
    struct seat seat[] = {{"a", "h:1"}, {"b", "h:2"}, {"c", "h:3"}}, copy[3];
    struct seats *seats = seats_new(seat, 3);
    assert_true(seats_look(seats, &seen, copy));
    assert_false(seats_look(seats, &seen, copy));
    assert_int_equal(seats_change(seats, seat, changed), 0);
    assert_false(seats_changed(seats, seen));

    seat[1] = (struct seat){"d", "h:2"};
    seat[2] = (struct seat){"c", "h:4"};
    assert_int_equal(seats_change(seats, seat, changed), 2);
    assert_true(!changed[0] && changed[1] && changed[2]);
    assert_true(seats_changed(seats, seen));
    assert_true(seats_look(seats, &seen, copy));
    assert_string_equal(copy[1].name, "d");
    assert_string_equal(copy[2].address, "h:4");
    assert_false(seats_changed(seats, seen));
    seats_free(seats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_what_runs_on),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_plain_majority),
        cmocka_unit_test(test_status_is_never_noise),
        cmocka_unit_test(test_pair_tells_noise),
        cmocka_unit_test(test_noise_is_remembered),
        cmocka_unit_test(test_disputed_teaches_nothing),
        cmocka_unit_test(test_the_odd_one_is_not_given_on),
        cmocka_unit_test(test_pair_alone_is_no_majority),
        cmocka_unit_test(test_against_brute_force),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_doubtful_json_has_no_canonical_form),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_aliases_are_bounded),
        cmocka_unit_test(test_seats),
        cmocka_unit_test(test_a_seat_is_taken_by_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
