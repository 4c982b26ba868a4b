/* Refusing calls: the LSM programs loaded and attached, and who may do what in their maps. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "probe/internal.h"
#include "probe/refusing.h"
#include "profile/secret.h"

#include "refuse.skel.h" /* generated; needs the types above */

/* ---- can it be done? ---- */

static int try_program(struct error *err)
{
    const struct bpf_insn return_0[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    libbpf_print_fn_t loud = libbpf_set_print(NULL); /* the error says it all */
    int target = libbpf_find_vmlinux_btf_id("file_open", BPF_LSM_MAC);
    libbpf_set_print(loud);
    if (target < 0) {
        error_set(err, EXIT_MACHINE, -target, "the kernel has no BPF LSM");
        return error_hint(err, "boot one that is built with CONFIG_BPF_LSM");
    }
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_LSM_MAC,
                .attach_btf_id = (__u32)target);
    autoclose int program = bpf_prog_load(BPF_PROG_TYPE_LSM, "skink_try", "GPL", return_0,
                                          sizeof return_0 / sizeof return_0[0], &options);
    if (program >= 0)
        return 0;
    error_set(err, EXIT_MACHINE, errno, "the kernel refuses an LSM program");
    return errno == EPERM ? error_hint(err, "its lockdown, or missing rights, forbid it") : -1;
}

/* A program loads and attaches where the module is not in force, too: it is never called then. */
static int look_at_modules(struct error *err)
{
    char line[256] = "";
    autofile FILE *file = fopen("/sys/kernel/security/lsm", "re");
    if (!file || !fgets(line, sizeof line, file)) {
        error_set(err, EXIT_MACHINE, errno, "which security modules are in force is not known");
        return error_hint(err, "mount -t securityfs none /sys/kernel/security");
    }
    line[strcspn(line, "\n")] = '\0';
    for (const char *word = strtok(line, ","); word; word = strtok(NULL, ","))
        if (strcmp(word, "bpf") == 0)
            return 0;
    error_set(err, EXIT_MACHINE, 0, "the security module bpf is not in force");
    return error_hint(err, "add it to lsm= on the kernel's command line and boot");
}

int probe_can_refuse(struct error *err)
{
    return try_program(err) == 0 ? look_at_modules(err) : -1;
}

/* ---- the programs ---- */

/* The maps of the same name are the probe's. */
static int share_maps(struct refuse_bpf *bpf, const struct bpf_object *probe)
{
    struct bpf_map *map;
    bpf_object__for_each_map(map, bpf->obj)
    {
        const struct bpf_map *shared =
            bpf_map__is_internal(map) ? NULL
                                      : bpf_object__find_map_by_name(probe, bpf_map__name(map));
        int failed = shared ? bpf_map__reuse_fd(map, bpf_map__fd(shared)) : 0;
        if (failed)
            return failed;
    }
    return 0;
}

int probe_refuse_load(struct probe *probe, struct error *err)
{
    if (probe_can_refuse(err) < 0)
        return -1;
    struct refuse_bpf *bpf = refuse_bpf__open();
    if (!bpf)
        return error_set(err, EXIT_MACHINE, errno, "refusing: cannot be read");
    memcpy((void *)&bpf->rodata->secret, &probe->secret, sizeof probe->secret);
    bpf->rodata->quota_detect = probe->bpf->rodata->quota_detect;
    int failed = share_maps(bpf, probe->bpf->obj);
    if (!failed)
        failed = refuse_bpf__load(bpf);
    if (failed) {
        refuse_bpf__destroy(bpf);
        return error_set(err, EXIT_MACHINE, -failed, "refusing: the kernel refuses the programs");
    }
    probe->refusing.bpf = bpf;
    probe->refusing.names = mirror_new(bpf_map__fd(bpf->maps.names), sizeof(struct refuse_name),
                                       sizeof(uint32_t), REFUSE_NAMES_MAX);
    probe->refusing.peers = mirror_new(bpf_map__fd(bpf->maps.peers), sizeof(struct refuse_peer),
                                       sizeof(struct refuse_peer_value), REFUSE_PEERS_MAX);
    return 0;
}

static bool is_needed(const struct probe *probe)
{
    for (uint32_t i = 0; i < PROBE_REPLICAS; i++)
        if (probe->replicas[i].refuse)
            return true;
    return false;
}

/* ---- names and peers ---- */

static int add_names(struct probe *probe, uint32_t replica, uint32_t generation,
                     const struct access_set *set)
{
    const uint32_t there = 1;
    int failed = 0;
    for (size_t i = 0; i < set->count && !failed; i++) {
        const struct known_access *one = &set->list[i];
        struct refuse_name name = {
            .fingerprint = secret_access(&probe->secret, one->kind, one->path, one->below),
            .replica = replica,
            .generation = generation};
        failed = mirror_put(probe->refusing.names, &name, &there);
    }
    return failed;
}

static int add_peers(struct probe *probe, uint32_t replica, uint32_t generation,
                     const struct refusal *refusal, uint32_t round)
{
    int failed = 0;
    for (size_t i = 0; i < refusal->peer_count && !failed; i++) {
        const struct refusal_peer *peer = &refusal->peers[i];
        struct refuse_peer key = {.replica = replica,
                                  .generation = generation,
                                  .port = peer->port,
                                  .transport = peer->transport};
        struct refuse_peer_value value = {peer->verdict, round};
        memcpy(key.address, peer->address, sizeof key.address);
        failed = mirror_put(probe->refusing.peers, &key, &value);
    }
    return failed;
}

/* Those of a replica that are not of this round; 0: all of them. */
struct round {
    uint32_t replica, number;
};

static bool is_old_peer(const void *key, const void *value, const void *context)
{
    const struct refuse_peer *peer = key;
    const struct refuse_peer_value *found = value;
    const struct round *round = context;
    return peer->replica == round->replica && found->round != round->number;
}

static void forget_peers(struct probe *probe, uint32_t replica, uint32_t number)
{
    const struct round round = {replica, number};
    mirror_remove(probe->refusing.peers, is_old_peer, &round);
}

static bool is_name_of(const void *key, const void *value, const void *replica)
{
    const struct refuse_name *name = key;
    (void)value;
    return name->replica == *(const uint32_t *)replica;
}

static void forget_names(struct probe *probe, uint32_t replica)
{
    mirror_remove(probe->refusing.names, is_name_of, &replica);
}

/* ---- one replica ---- */

static void set(struct probe *probe, uint32_t replica, uint32_t flags)
{
    struct replica *place = place_begin(probe, replica);
    __atomic_store_n(&place->refuse, flags, __ATOMIC_SEQ_CST);
    place_end(probe, replica);
}

/* The lock is held. */
static void end(struct probe *probe, uint32_t replica)
{
    set(probe, replica, 0);
    if (!is_needed(probe))
        refuse_bpf__detach(probe->refusing.bpf);
    forget_names(probe, replica);
    forget_peers(probe, replica, 0);
}

static int begin(struct probe *probe, uint32_t replica, uint32_t generation,
                 const struct refusal *refusal, struct error *err)
{
    int failed = add_names(probe, replica, generation, &refusal->names);
    if (!failed)
        failed = add_peers(probe, replica, generation, refusal, ++probe->refusing.round);
    if (!failed) /* what is attached stays so */
        failed = refuse_bpf__attach(probe->refusing.bpf);
    if (failed) {
        end(probe, replica);
        return error_set(err, EXIT_MACHINE, -failed, "refusing");
    }
    set(probe, replica, refusal->flags);
    if (probe->replicas[replica].generation == generation)
        return 0;
    end(probe, replica); /* it went meanwhile */
    return error_set(err, EXIT_MACHINE, 0, "the replica is not watched any more");
}

int probe_refuse(struct probe *probe, uint32_t replica, uint32_t generation,
                 const struct refusal *refusal, struct error *err)
{
    if (!probe->refusing.bpf)
        return error_set(err, EXIT_MACHINE, 0, "refusing: the programs are not loaded");
    pthread_mutex_lock(&probe->refusing.lock);
    int failed = probe->replicas[replica].generation == generation
                     ? begin(probe, replica, generation, refusal, err)
                     : error_set(err, EXIT_MACHINE, 0, "the replica is not watched any more");
    pthread_mutex_unlock(&probe->refusing.lock);
    return failed;
}

int probe_refuse_peers(struct probe *probe, uint32_t replica, uint32_t generation,
                       const struct refusal *refusal, struct error *err)
{
    int failed = 0;
    pthread_mutex_lock(&probe->refusing.lock);
    if (probe->replicas[replica].generation == generation) {
        uint32_t round = ++probe->refusing.round;
        failed = add_peers(probe, replica, generation, refusal, round);
        if (!failed)
            forget_peers(probe, replica, round);
    }
    pthread_mutex_unlock(&probe->refusing.lock);
    if (failed)
        return error_set(err, EXIT_MACHINE, -failed, "refusing: no room for the peers");
    return 0;
}

void probe_refuse_end(struct probe *probe, uint32_t replica, uint32_t generation)
{
    if (!probe->refusing.bpf)
        return;
    pthread_mutex_lock(&probe->refusing.lock);
    if (probe->replicas[replica].generation == generation)
        end(probe, replica);
    pthread_mutex_unlock(&probe->refusing.lock);
}

void refusing_forget(struct probe *probe, uint32_t replica)
{
    if (!probe->replicas[replica].refuse)
        return;
    pthread_mutex_lock(&probe->refusing.lock);
    end(probe, replica);
    pthread_mutex_unlock(&probe->refusing.lock);
}

uint64_t refusing_lost_runs(const struct refusing *refusing)
{
    return refusing->bpf ? lost_runs(refusing->bpf->obj) : 0;
}

int refusing_intact(struct probe *probe)
{
    struct refusing *refusing = &probe->refusing;
    int changed = 0;
    if (!refusing->bpf || pthread_mutex_trylock(&refusing->lock) != 0)
        return 0; /* or it is being changed: there is another look in a second */
    if (is_needed(probe))
        changed = mirror_intact(refusing->names) + mirror_intact(refusing->peers) +
                  links_intact(refusing->bpf->skeleton);
    pthread_mutex_unlock(&refusing->lock);
    return changed;
}

void refusing_close(struct refusing *refusing)
{
    mirror_free(refusing->names);
    mirror_free(refusing->peers);
    refuse_bpf__destroy(refusing->bpf);
    pthread_mutex_destroy(&refusing->lock);
}
