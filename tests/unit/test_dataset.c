/* dataset: each published set is known by its folders, and its labels are read. */
#include "reading.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "trace/dataset.h"

/* Makes a set's folder and stores files in it, with the folders between. */
static void store_deep(const char *set, const char *name, const char *text)
{
    char deep[160];
    snprintf(deep, sizeof deep, "%s/%s", set, name);
    for (char *slash = strchr(deep, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        snprintf(path, sizeof path, "%s/%s", folder, deep);
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
    store_text(deep, text);
}

/* "NAME LABEL ATTACK START" of each trace, which must be readable. */
static void assert_dataset(const char *set, const char *kind, const char *expected)
{
    char text[2048] = "", root[512];
    size_t length = 0;
    struct dataset dataset;
    struct error err;
    snprintf(root, sizeof root, "%s/%s/", folder, set);
    if (dataset_open(root, &dataset, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(dataset.kind, kind);
    for (size_t i = 0; i < dataset.count; i++, length += strlen(text + length)) {
        const struct dataset_trace *trace = &dataset.traces[i];
        snprintf(text + length, sizeof text - length, "%s %s %s %s%llu\n", trace->name,
                 trace_label_name(trace->label), trace->attack, trace->start_relative ? "+" : "",
                 (unsigned long long)(trace->start / NS_PER_MS));
        struct trace_reader *reader =
            trace_open_as(trace->path, TRACE_CALLS, &dataset.options, &err);
        if (!reader)
            fail_msg("%s", err.text);
        trace_close(reader);
    }
    assert_string_equal(text, expected);
    dataset_clear(&dataset);
}

/* A shop with an attack that went through two of its services, one that failed, and one that names
 * the replica. */
static void campaign(void **state)
{
    static const char *const NAMES[] = {
        "training/cart/cart-1", "validation/cart/cart-1", "01-scale/cart/cart-1",
        "02-ssrf/cart/cart-1",  "02-ssrf/cart/cart-2",    "02-ssrf/edge/edge",
        "02-ssrf/db/db",        "03-miner/cart/cart-1",   "04-never-told/cart/cart-1",
        "waiting/cart/cart-1",  "05-dump/cart/cart-1",    "05-dump/cart/cart-2",
        "05-dump/edge/edge",    "05-dump/db/db",
    };
    (void)state;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        char name[128];
        snprintf(name, sizeof name, "calls/%s.trace", NAMES[i]);
        store_deep("campaign", name, "6 6");
    }
    store_deep("campaign", "campaign.json", "{}");
    store_deep("campaign", "truth.jsonl",
               "{\"step\":\"training\",\"kind\":\"benign\",\"name\":\"training\"}\n"
               "{\"step\":\"waiting\",\"kind\":\"benign\",\"name\":\"waiting\"}\n"
               "{\"step\":\"validation\",\"kind\":\"benign\",\"name\":\"validation\"}\n"
               "{\"step\":\"01-scale\",\"kind\":\"change\",\"name\":\"scale\"}\n"
               "{\"step\":\"02-ssrf\",\"kind\":\"attack\",\"name\":\"ssrf\",\"succeeded\":true,"
               "\"begin\":\"1970-01-01T00:01:40.250000Z\",\"path\":[\"edge\",\"cart\"]}\n"
               "{\"step\":\"03-miner\",\"kind\":\"attack\",\"name\":\"miner\",\"succeeded\":false,"
               "\"begin\":\"1970-01-01T00:02:40.250000Z\",\"path\":[\"edge\",\"cart\"]}\n"
               "{\"step\":\"05-dump\",\"kind\":\"attack\",\"name\":\"dump\",\"succeeded\":true,"
               "\"begin\":\"1970-01-01T00:03:00.000000Z\",\"path\":[\"edge\",\"cart\"],"
               "\"replicas\":{\"cart\":\"cart-2\",\"edge\":\"another name\"}}\n");
    assert_dataset("campaign", "campaign",
                   "calls/01-scale/cart/cart-1.trace normal  0\n"
                   "calls/02-ssrf/cart/cart-1.trace attack ssrf 100250\n"
                   "calls/02-ssrf/cart/cart-2.trace attack ssrf 100250\n"
                   "calls/02-ssrf/db/db.trace normal  0\n"
                   "calls/02-ssrf/edge/edge.trace attack ssrf 100250\n"
                   "calls/05-dump/cart/cart-2.trace attack dump 180000\n"
                   "calls/05-dump/db/db.trace normal  0\n"
                   "calls/05-dump/edge/edge.trace attack dump 180000\n"
                   "calls/training/cart/cart-1.trace training  0\n"
                   "calls/validation/cart/cart-1.trace validation  0\n"
                   "calls/waiting/cart/cart-1.trace training  0\n");
}

static void a_campaign_without_truth_is_refused(void **state)
{
    struct dataset dataset;
    struct error err;
    char root[512];
    (void)state;
    store_deep("torn", "calls/01-ssrf/cart/cart-1.trace", "6 6");
    store_deep("torn", "campaign.json", "{}");
    store_deep("torn", "truth.jsonl", "{\"step\":\"01-ss");
    snprintf(root, sizeof root, "%s/torn", folder);
    assert_int_equal(dataset_open(root, &dataset, &err), -1);
    assert_non_null(strstr(err.text, "truth.jsonl: line 1: no step of a campaign"));
}

static void adfa_ld(void **state)
{
    (void)state;
    store_deep("adfa", "ADFA-LD/Training_Data_Master/UTD-0001.txt", "6 6");
    store_deep("adfa", "ADFA-LD/Validation_Data_Master/UVD-0001.txt", "6 6");
    store_deep("adfa", "ADFA-LD/Attack_Data_Master/Hydra_FTP_10/UAD-Hydra-FTP-10-1.txt", "6 6");
    store_deep("adfa", "ADFA-LD/ADFA-LD+Syscall+List.txt", "#include <a>");
    assert_dataset("adfa", "adfa-ld",
                   "ADFA-LD/Attack_Data_Master/Hydra_FTP_10/UAD-Hydra-FTP-10-1.txt attack "
                   "Hydra_FTP 0\n"
                   "ADFA-LD/Training_Data_Master/UTD-0001.txt training  0\n"
                   "ADFA-LD/Validation_Data_Master/UVD-0001.txt normal  0\n");
}

static void unm(void **state)
{
    (void)state;
    store_deep("made-unm", "5.xlock/normal/a/one.log.int", "1 2\n");
    store_deep("made-unm", "5.xlock/intrusion/two.int", "1 2\n");
    store_deep("made-unm", "README.md", "hello");
    assert_dataset("made-unm", "unm",
                   "5.xlock/intrusion/two.int attack 5.xlock 0\n"
                   "5.xlock/normal/a/one.log.int normal  0\n");
}

static void hids_docker(void **state)
{
    (void)state;
    store_deep("hids", "wordpress/iscc/normal/wordpress_normal_1", "close(3) = 0\n");
    store_deep("hids", "wordpress/iscc/exec/wordpress_exec_1", "close(3) = 0\n");
    assert_dataset("hids", "hids-docker",
                   "wordpress/iscc/exec/wordpress_exec_1 attack exec 0\n"
                   "wordpress/iscc/normal/wordpress_normal_1 normal  0\n");
}

static const char SC[] = "1631252162155148290 0 70 apache2 70 open > \n";

static void lid_ds_2021(void **state)
{
    (void)state;
    static const struct member members[] = {
        {"b.sc", SC}, {"b.json", "{'time': {'exploit': [{'absolute': 1631252163.5}]}}"}};
    store_deep("lid21", "CVE-1/training/a.sc", SC);
    store_deep("lid21", "CVE-1/validation/a.sc", SC);
    store_deep("lid21", "CVE-1/test/normal/a.sc", SC);
    store_deep("lid21", "CVE-1/test/normal_and_attack/a.sc", SC);
    store_deep("lid21", "CVE-1/test/normal_and_attack/a.json", "{\"time\": {\"exploit\": []}}");
    pack("lid21/CVE-1/test/normal_and_attack/b.zip", NULL, members, 2);
    assert_dataset("lid21", "lid-ds-2021",
                   "CVE-1/test/normal/a.sc normal  0\n"
                   "CVE-1/test/normal_and_attack/a.sc attack CVE-1 0\n"
                   "CVE-1/test/normal_and_attack/b.zip attack CVE-1 1631252163500\n"
                   "CVE-1/training/a.sc training  0\n"
                   "CVE-1/validation/a.sc validation  0\n");
    /* The same from within the scenario. */
    assert_dataset("lid21/CVE-1", "lid-ds-2021",
                   "test/normal/a.sc normal  0\n"
                   "test/normal_and_attack/a.sc attack CVE-1 0\n"
                   "test/normal_and_attack/b.zip attack CVE-1 1631252163500\n"
                   "training/a.sc training  0\n"
                   "validation/a.sc validation  0\n");
}

static void lid_ds_2019(void **state)
{
    (void)state;
    static const char text[] = "1 00:27:20.000000000 6 0 apache2 70 > read fd=3\n";
    store_deep("lid19", "CVE-2/runs.csv",
               "image_name, scenario_name, is_executing_exploit, warmup_time, recording_time, "
               "exploit_start_time\n"
               "vulnerable, bold_one, False, 10, 60, -1\nvulnerable, bad_two, True, 10, 60, 42\n");
    store_deep("lid19", "CVE-2/bold_one.txt", text);
    store_deep("lid19", "CVE-2/bad_two.txt", text);
    assert_dataset("lid19", "lid-ds-2019",
                   "CVE-2/bold_one.txt training  0\nCVE-2/bad_two.txt attack CVE-2 +42000\n");
}

/* Cut anywhere, the files of labels are refused or say less, never more. */
static void cut_labels(void **state)
{
    (void)state;
    static const char runs[] = "image_name, scenario_name, is_executing_exploit, warmup_time, "
                               "recording_time, exploit_start_time\n"
                               "v, one, False, 10, 60, -1\nv, two, True, 10, 60, 42\n";
    static const char description[] = "{\"time\": {\"exploit\": [{\"absolute\": 1631252163.5}]}}";
    char cut[sizeof runs];
    struct dataset dataset;
    struct error err;
    store_deep("cut21", "test/normal_and_attack/a.sc", SC);
    for (size_t length = 0; length <= strlen(description); length++) {
        snprintf(cut, length + 1, "%s", description);
        store_deep("cut21", "test/normal_and_attack/a.json", cut);
        snprintf(path, sizeof path, "%s/cut21", folder);
        bool whole = length == strlen(description);
        assert_int_equal(dataset_open(path, &dataset, &err), whole ? 0 : -1);
        if (whole)
            dataset_clear(&dataset);
    }
    for (size_t length = 1; length <= strlen(runs); length++) {
        snprintf(cut, length + 1, "%s", runs);
        store_deep("cut19", "runs.csv", cut);
        snprintf(path, sizeof path, "%s/cut19", folder);
        if (dataset_open(path, &dataset, &err) < 0)
            continue;
        assert_true(dataset.count <= 2);
        dataset_clear(&dataset);
    }
    assert_int_equal(dataset_open(path, &dataset, &err), 0);
    assert_int_equal(dataset.count, 2);
    dataset_clear(&dataset);
}

static void a_folder(void **state)
{
    (void)state;
    store_deep("own", "training/a", "read write\n");
    store_deep("own", "normal/deep/b", "1 2 3\n");
    store_deep("own", "attack/c", "close(3) = 0\n");
    store_deep("own", "attack/sqli/d", "read\n");
    assert_dataset("own", "folder",
                   "attack/c attack attack 0\nattack/sqli/d attack sqli 0\n"
                   "normal/deep/b normal  0\ntraining/a training  0\n");
}

static void refused_sets(void **state)
{
    (void)state;
    struct dataset dataset;
    struct error err;
    store_deep("none", "readme/a", "hello");
    snprintf(path, sizeof path, "%s/none", folder);
    assert_int_equal(dataset_open(path, &dataset, &err), -1);
    assert_non_null(strstr(err.text, "not a data set"));
    assert_int_equal(dataset_open("/nonexistent", &dataset, &err), -1);

    store_deep("cut", "CVE-3/runs.csv", "a, b, c, d, e, f\nvulnerable, bold_one, False\n");
    snprintf(path, sizeof path, "%s/cut", folder);
    assert_int_equal(dataset_open(path, &dataset, &err), -1);
    assert_non_null(strstr(err.text, "runs.csv: line 2: "));
}

/* Unpacks an archive into the tests' folder; false when it is not there. */
static bool unpack(const char *archive_path)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    char name[512];
    archive_read_support_filter_zstd(archive);
    archive_read_support_format_tar(archive);
    bool there = archive_read_open_filename(archive, archive_path, 65536) == ARCHIVE_OK;
    while (there && archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        snprintf(name, sizeof name, "%s/%s", folder, archive_entry_pathname(entry));
        archive_entry_set_pathname(entry, name);
        assert_int_equal(archive_read_extract(archive, entry, 0), ARCHIVE_OK);
    }
    archive_read_free(archive);
    return there;
}

/* Where a published set lies: in $SKINK_DATA as a folder or as an archive; else the test ends. */
static void find_published(const char *set, const char *archive, char root[512])
{
    char packed[512];
    const char *data = getenv("SKINK_DATA");
    snprintf(root, 512, "%s/%s", data ? data : "", set);
    if (data && access(root, R_OK) == 0)
        return;
    snprintf(packed, sizeof packed, "%s/%s", data ? data : "", archive);
    snprintf(root, 512, "%s/%s", folder, set);
    if (!data || (access(root, R_OK) < 0 && !unpack(packed))) {
        print_message("%s needs %s in $SKINK_DATA\n", set, archive);
        skip();
    }
}

/* Reads every trace of a published set; counts by label. */
static void count_published(const char *set, const char *archive, uint64_t traces[4],
                            uint64_t calls[4])
{
    char root[512];
    struct dataset dataset;
    struct error err;
    static struct call batch[4096];
    find_published(set, archive, root);
    if (dataset_open(root, &dataset, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < dataset.count; i++) {
        enum trace_label label = dataset.traces[i].label;
        struct trace_reader *reader =
            trace_open_as(dataset.traces[i].path, TRACE_CALLS, &dataset.options, &err);
        int count = -1;
        while (reader && (count = trace_read(reader, batch, 4096, &err)) > 0)
            for (int j = 0; j < count; j++)
                calls[label] += batch[j].kind == CALL_ENTER;
        if (count < 0)
            fail_msg("%s", err.text);
        trace_close(reader);
        traces[label]++;
    }
    dataset_clear(&dataset);
}

static void adfa_ld_as_published(void **state)
{
    (void)state;
    uint64_t traces[4] = {0}, calls[4] = {0};
    count_published("adfa-ld", "adfa-ld.tar.zst", traces, calls);
    assert_int_equal(traces[LABEL_TRAINING], 833);
    assert_int_equal(traces[LABEL_NORMAL], 4372);
    assert_int_equal(traces[LABEL_ATTACK], 746);
    assert_int_equal(calls[LABEL_TRAINING], 308077);
    assert_int_equal(calls[LABEL_NORMAL], 2122085);
    assert_int_equal(calls[LABEL_ATTACK], 317388);
}

static void hids_docker_as_published(void **state)
{
    (void)state;
    uint64_t traces[4] = {0}, calls[4] = {0};
    count_published("hids-docker/wordpress/iscc", "hids-docker.tar.zst", traces, calls);
    assert_int_equal(traces[LABEL_NORMAL], 25);
    assert_int_equal(traces[LABEL_ATTACK], 25);
    assert_int_equal(calls[LABEL_NORMAL], 349124);
    assert_int_equal(calls[LABEL_ATTACK], 83063);
}

static void unm_as_published(void **state)
{
    (void)state;
    uint64_t traces[4] = {0}, calls[4] = {0};
    count_published("unm", "unm-small.tar.zst", traces, calls);
    assert_int_equal(calls[LABEL_NORMAL], 339177 + 541 + 180315);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(campaign),
        cmocka_unit_test(a_campaign_without_truth_is_refused),
        cmocka_unit_test(adfa_ld),
        cmocka_unit_test(unm),
        cmocka_unit_test(hids_docker),
        cmocka_unit_test(lid_ds_2021),
        cmocka_unit_test(lid_ds_2019),
        cmocka_unit_test(cut_labels),
        cmocka_unit_test(a_folder),
        cmocka_unit_test(refused_sets),
        cmocka_unit_test(adfa_ld_as_published),
        cmocka_unit_test(hids_docker_as_published),
        cmocka_unit_test(unm_as_published),
    };
    return run_reading_tests(tests);
}
