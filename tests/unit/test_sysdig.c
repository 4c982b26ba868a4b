/* sysdig and the LID-DS sets: two events are one call, and threads live as they tell. */
#include "reading.h"

static const char SYSDIG[] =
    "1 10:00:00.000000001 0 nginx (70) < epoll_wait res=1\n"
    "2 10:00:00.000000002 0 nginx (70) > accept flags=0\n"
    "3 10:00:00.000000003 1 a b c (80) > clone\n"
    "4 10:00:00.000000004 1 a b c (81) < clone res=0 exe=a args= tid=81(a) pid=80(a) ptid=80(a)\n"
    "5 10:00:00.000000005 1 a b c (80) < clone res=81(a) exe=a args= tid=80(a) pid=80(a)\n"
    "6 10:00:00.000000006 1 a b c (81) > switch next=0 pgft_maj=0\n"
    "7 10:00:00.000000007 1 a b c (81) > mmap addr=0 length=4096\n"
    "8 10:00:00.000000008 1 a b c (81) < mmap res=7F2E925FF000 vm_size=5\n"
    "9 10:00:00.000000009 0 nginx (70) < accept fd=-11(EAGAIN) tuple=NULL\n"
    "10 10:00:00.000000010 1 a b c (81) > execve filename=/bin/sh\n"
    "11 10:00:00.000000011 1 sh (81) < execve res=0 exe=/bin/sh\n"
    "12 10:00:00.000000012 1 sh (81) > <unknown>\n"
    "13 10:00:00.000000013 1 sh (81) < <unknown>\n"
    "14 10:00:00.000000014 1 sh (81) > exit_group status=0\n"
    "15 10:00:00.000000015 1 sh (81) > procexit status=0\n"
    "16 10:00:00.000000016 0 nginx (70) > umount name=> < (1) > x\n";

static void sysdig_text(void **state)
{
    (void)state;
    store_text("a.sysdig", SYSDIG);
    const struct reading *reading = read_file(&STRICT);
    assert_reads(reading, "sysdig",
                 "70:70 epoll_wait=1\n70:70 accept=-11\n80:80 clone=81\n81:80 fork<80\n"
                 "81:80 mmap=139838000984064\n81:80 execve=0\n81:80 exec\n81:80 #511\n"
                 "81:80 exit_group\n81:80 exit\n70:70 umount2\n");
    assert_int_equal(reading->calls[1].time, 36000000000002);
    assert_survives_truncation("a.sysdig", SYSDIG, "sysdig");
}

static const char LID_DS_2019[] =
    "1 00:27:20.000000000 6 0 apache2 13455 > read fd=3(<f>/a b) size=10\n"
    "2 00:27:20.000000010 6 0 apache2 13455 < read res=10 data=x > y\n"
    "3 00:27:20.000000020 6 999 my sql 14 > futex addr=7F op=1\n"
    "4 00:27:20.000000030 6 999 my sql 14 < futex res=-110(ETIMEDOUT)\n";

static void lid_ds_2019(void **state)
{
    (void)state;
    store_text("one.txt", LID_DS_2019);
    const struct reading *reading = read_file(&STRICT);
    assert_reads(reading, "lid-ds-2019", "13455:13455 read=10\n14:14 futex=-110\n");
    assert_int_equal(reading->calls[1].time, 1640000000020);
    assert_survives_truncation("one.txt", LID_DS_2019, "lid-ds-2019");
}

static const char LID_DS_2021[] =
    "1631252162155148290 0 10350 apache2 10350 open > \n"
    "1631252162155148300 0 10350 apache2 10350 open < fd=3(<f>/etc/hosts) name=/etc/hosts\n"
    "1631252162155148310 0 10350 Web Content 10360 getuid > \n"
    "1631252162155148320 0 10350 Web Content 10360 getuid < uid=0(<NA>)\n";

static void lid_ds_2021(void **state)
{
    (void)state;
    static const char expected[] = "10350:10350 open=3\n10360:10350 getuid\n";
    store_text("one.sc", LID_DS_2021);
    assert_reads(read_file(&STRICT), "lid-ds-2021", expected);
    assert_survives_truncation("one.sc", LID_DS_2021, "lid-ds-2021");

    static const struct member members[] = {
        {"one.json", "{}"}, {"one.pcap", ""}, {"one.sc", LID_DS_2021}, {"one.res", "1,2\n"}};
    pack("one.zip", NULL, members, 4);
    assert_reads(read_file(&STRICT), "lid-ds-2021", expected);
}

static const char BARE[] = "close res=0 \n"
                           "open \n"
                           "open fd=12(<f>/etc/hosts) name=/etc/hosts \n"
                           "getpid \n"
                           "read fd=12 size=512 \n"
                           "getpid \n"
                           "read res=174 data=127.0.0.1 localhost > x = y\n"
                           "open \n"
                           "open \n"
                           "open fd=-2(ENOENT) name=/a \n"
                           "open fd=-2(ENOENT) name=/b \n"
                           "accept flags=0 \n"
                           "accept fd=3(<4t>) \n"
                           "geteuid \n"
                           "geteuid euid=33(www-data) \n"
                           "clone res=0 exe=a args= tid=81(a) pid=80(a) \n"
                           "clone res=81 exe=a args= tid=80(a) pid=80(a) \n"
                           "exit \n";

static void sysdig_bare(void **state)
{
    (void)state;
    store_text("one.log", BARE);
    assert_reads(read_file(&STRICT), "sysdig-bare",
                 "1:1 close\n1:1 open\n1:1 getpid\n1:1 read\n1:1 open\n1:1 open\n1:1 accept\n"
                 "1:1 geteuid\n1:1 clone\n1:1 exit\n");
    assert_survives_truncation("one.log", BARE, "sysdig-bare");
    static const char *const wrong[] = {"= x", "read fd", "read =3", "read/fd=3",
                                        "no_such_call fd=3"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[256];
        snprintf(text, sizeof text, "close fd=3\nclose res=0\n%s\n", wrong[i]);
        store_text("wrong.log", text);
        struct reading *reading = read_file(&(struct trace_options){.format = "sysdig-bare"});
        assert_int_equal(reading->last, -1);
        assert_int_equal(reading->count, 1);
        assert_non_null(strstr(reading->err.text, "wrong.log: line 3: "));
    }
}

static void sysdig_faults(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "x", "1 10:00:00.1 0 nginx 70 > read", "1 10:00 0 nginx (70) > read",
        "1 10:00:00.1 0 nginx (99999999999) > read", "1 10:00:00.1 0 nginx (70) > no_such_call"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[256];
        snprintf(text, sizeof text, "1 10:00:00.1 0 nginx (70) > close fd=3\n%s\n", wrong[i]);
        store_text("wrong.sysdig", text);
        struct reading *reading = read_file(&STRICT);
        assert_int_equal(reading->last, -1);
        assert_int_equal(reading->count, 1);
        assert_non_null(strstr(reading->err.text, "wrong.sysdig: line 2: "));
        reading = read_file(&LENIENT);
        assert_int_equal(reading->last, 0);
        assert_int_equal(reading->faults.skipped + reading->faults.unnamed, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sysdig_text),   cmocka_unit_test(lid_ds_2019),
        cmocka_unit_test(lid_ds_2021),   cmocka_unit_test(sysdig_bare),
        cmocka_unit_test(sysdig_faults),
    };
    return run_reading_tests(tests);
}
