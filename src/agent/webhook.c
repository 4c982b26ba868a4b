#include "agent/webhook.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

struct webhook {
    struct webhook_options options;
    char *url;
    CURL *curl; /* used by the outlet's thread alone, kept for its connection */
    struct curl_slist *headers;
    struct outlet *outlet;
    bool failing; /* the last alert was given up: said once, until one goes through again */
};

enum answer { ANSWER_TAKEN, ANSWER_REFUSED, ANSWER_LATER };

static size_t ignore_body(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    (void)context;
    return size * count;
}

/* libcurl calls this at least once a second: a stop need not wait for the time-out. */
static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return outlet_stopping(context);
}

/* A status of 4xx means that the same again would be refused again (RFC 9110, 15.5), but for a
 * request that came too late (408), too early (425) or too often (429). */
static enum answer judge(CURLcode code, long status)
{
    if (code != CURLE_OK)
        return ANSWER_LATER;
    if (status >= 200 && status < 300)
        return ANSWER_TAKEN;
    bool later = status >= 500 || status == 408 || status == 425 || status == 429;
    return later ? ANSWER_LATER : ANSWER_REFUSED;
}

static enum answer post(struct webhook *webhook, struct outlet *outlet, const char *line, char *why,
                        size_t size)
{
    long status = 0;
    curl_easy_setopt(webhook->curl, CURLOPT_XFERINFODATA, outlet);
    curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(line));
    curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDS, line);
    CURLcode code = curl_easy_perform(webhook->curl);
    curl_easy_getinfo(webhook->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        snprintf(why, size, "%s", curl_easy_strerror(code));
    else
        snprintf(why, size, "it answered %ld", status);
    return judge(code, status);
}

static bool give_up(struct webhook *webhook, const char *why)
{
    if (!webhook->failing)
        log_warn("webhook %s: %s; the alert was dropped (further drops are only counted)",
                 webhook->url, why);
    webhook->failing = true;
    return false;
}

static bool deliver(void *context, struct outlet *outlet, const char *line)
{
    struct webhook *webhook = context;
    uint64_t pause = webhook->options.pause_ns;
    char why[128] = "";
    for (uint32_t attempt = 1;; attempt++) {
        switch (post(webhook, outlet, line, why, sizeof why)) {
        case ANSWER_TAKEN:
            if (webhook->failing)
                log_info("webhook %s: takes alerts again", webhook->url);
            webhook->failing = false;
            return true;
        case ANSWER_REFUSED:
            return give_up(webhook, why);
        case ANSWER_LATER:
            break;
        }
        if (attempt == webhook->options.tries || !outlet_pause(outlet, pause))
            return give_up(webhook, why);
        pause =
            4 * pause < webhook->options.pause_max_ns ? 4 * pause : webhook->options.pause_max_ns;
    }
}

/* Redirects are not followed: an alert goes where the configuration says and nowhere else. */
static CURL *make_curl(struct webhook *webhook)
{
    CURL *curl = memory_must(curl_easy_init());
    long timeout = (long)webhook->options.timeout_ms;
    webhook->headers = memory_must(curl_slist_append(NULL, "Content-Type: application/json"));
    curl_easy_setopt(curl, CURLOPT_URL, webhook->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, webhook->headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "skink/" SKINK_VERSION);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout / 2);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore_body);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    return curl;
}

static void webhook_free(struct webhook *webhook)
{
    curl_easy_cleanup(webhook->curl);
    curl_slist_free_all(webhook->headers);
    free(webhook->url);
    free(webhook);
}

struct webhook *webhook_start(const struct webhook_options *options, struct error *err)
{
    struct webhook *webhook = memory_must(calloc(1, sizeof *webhook));
    webhook->url = memory_must(strdup(options->url));
    webhook->options = *options;
    webhook->curl = make_curl(webhook);
    webhook->outlet = outlet_start("webhook", deliver, webhook, err);
    if (!webhook->outlet) {
        webhook_free(webhook);
        return NULL;
    }
    return webhook;
}

void webhook_put(struct webhook *webhook, const char *line)
{
    outlet_put(webhook->outlet, line);
}

void webhook_count(struct webhook *webhook, uint64_t *sent, uint64_t *dropped)
{
    outlet_count(webhook->outlet, sent, dropped);
}

void webhook_stop(struct webhook *webhook, uint64_t deadline)
{
    if (!webhook)
        return;
    outlet_stop(webhook->outlet, deadline);
    webhook_free(webhook);
}
