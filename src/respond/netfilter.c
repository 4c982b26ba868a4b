#include "respond/netfilter.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

/* libnftables does not promise that two of its contexts may work at once. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

struct run {
    int network;
    const char *commands;
    struct error *err;
    json_t **answer; /* NULL: none is wanted */
    int outcome;
};

static int run_alone(const char *commands, json_t **answer, struct error *err)
{
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft)
        return error_set(err, EXIT_MACHINE, 0, "nftables: cannot be used");
    nft_ctx_buffer_error(nft);
    nft_ctx_buffer_output(nft);
    if (answer)
        nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_JSON);
    int failed = nft_run_cmd_from_buffer(nft, commands);
    if (failed) {
        const char *why = nft_ctx_get_error_buffer(nft);
        error_set(err, EXIT_MACHINE, 0, "nftables: %.*s", (int)strcspn(why, "\n"), why);
    }
    if (!failed && answer && !(*answer = json_loads(nft_ctx_get_output_buffer(nft), 0, NULL)))
        failed = error_set(err, EXIT_MACHINE, 0, "nftables: answers what is no JSON");
    nft_ctx_free(nft);
    return failed ? -1 : 0;
}

static int run_here(const char *commands, json_t **answer, struct error *err)
{
    pthread_mutex_lock(&one_at_a_time);
    int outcome = run_alone(commands, answer, err);
    pthread_mutex_unlock(&one_at_a_time);
    return outcome;
}

static void *enter_and_run(void *context)
{
    struct run *run = context;
    if (setns(run->network, CLONE_NEWNET) < 0)
        run->outcome = error_set(run->err, EXIT_MACHINE, errno, "cannot enter its network");
    else
        run->outcome = run_here(run->commands, run->answer, run->err);
    return NULL;
}

/* A thread of its own enters the namespace and ends there: nobody has to find the way back. */
static int run_there(int network, const char *commands, json_t **answer, struct error *err)
{
    struct run run = {.network = network, .commands = commands, .err = err, .answer = answer};
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, enter_and_run, &run);
    if (failed)
        return error_set(err, EXIT_MACHINE, failed, "cannot start a thread");
    pthread_join(thread, NULL);
    return run.outcome;
}

int netfilter_run(int network, const char *commands, struct error *err)
{
    return run_there(network, commands, NULL, err);
}

json_t *netfilter_ask(int network, const char *commands, struct error *err)
{
    json_t *answer = NULL;
    return run_there(network, commands, &answer, err) < 0 ? NULL : answer;
}
