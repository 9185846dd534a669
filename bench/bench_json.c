/* How long a JSON text takes to read, print, pack and unpack: bench_json [FILE] [SECONDS].
 * Without a file, an alert of about 2 KB made here. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/pack.h"

struct work {
    struct arena arena;
    struct buf out;
    struct str text, packed;
    struct value value;
};

static void parse(struct work *work)
{
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST, .flags = VALUE_OUTSIDE };
    struct err_info why;
    arena_reset(&work->arena);
    if (json_parse(&work->arena, work->text, &options, &work->value, &why) != ERR_OK) {
        fprintf(stderr, "line %u: %s\n", why.line, why.text);
        exit(1);
    }
}

static void parse_fresh(struct work *work)
{
    arena_done(&work->arena);
    parse(work);
}

static void print(struct work *work)
{
    buf_clear(&work->out);
    json_print(&work->out, work->value, 0);
}

static void pack(struct work *work)
{
    buf_clear(&work->out);
    pack_value(&work->out, work->value);
}

static void unpack(struct work *work)
{
    struct value v;
    arena_reset(&work->arena);
    if (unpack_value(&work->arena, work->packed, false, &v, NULL) != ERR_OK)
        abort();
}

/* The best of many short runs: what else the machine does only ever adds. */
static void measure(const char *name, void (*step)(struct work *work), struct work *work, double seconds)
{
    struct clock *clock = clock_system();
    int64_t start = clock_monotonic_us(clock), end = start + (int64_t)(seconds * 1e6), now = start;
    double best_us = 1e9;
    while (now < end) {
        int64_t from = now;
        for (int i = 0; i < 1000; i++)
            step(work);
        now = clock_monotonic_us(clock);
        double us_each = (double)(now - from) / 1000;
        best_us = us_each < best_us ? us_each : best_us;
    }
    printf("%-20s %8.2f us  %6.0f MB/s\n", name, best_us, (double)work->text.size / best_us);
}

static void make_alert(struct buf *buf)
{
    buf_add_text(buf,
        "{\"timestamp\":\"2026-01-02T03:04:05.678+0000\",\"rule\":{\"level\":10,\"description\":\"sshd: "
        "brute force "
        "trying to get access to the system. Non existent "
        "user.\",\"id\":\"5712\",\"mitre\":{\"id\":[\"T1110\"],"
        "\"tactic\":[\"Credential Access\"],\"technique\":[\"Brute "
        "Force\"]},\"frequency\":8,\"firedtimes\":1,"
        "\"mail\":false,\"groups\":[\"syslog\",\"sshd\",\"authentication_failures\"],\"gdpr\":[\"IV_35.7.d\","
        "\"IV_32.2\"],\"hipaa\":[\"164.312.b\"],\"nist_800_53\":[\"SI.4\",\"AU.14\",\"AC.7\"],\"pci_dss\":["
        "\"11.4\","
        "\"10.2.4\",\"10.2.5\"],\"tsc\":[\"CC6.1\",\"CC6.8\",\"CC7.2\",\"CC7.3\"]},\"agent\":{\"id\":\"003\","
        "\"name\":"
        "\"bastion-01\",\"ip\":\"192.0.2.17\"},\"manager\":{\"name\":\"siem-01\"},\"id\":\"1767323045."
        "1234567\","
        "\"previous_output\":\"");
    for (int i = 0; i < 7; i++)
        buf_printf(buf,
            "Jan  2 03:04:0%d bastion-01 sshd[2%04d]: Failed password for invalid user admin%d from "
            "198.51.100.23 port 4%d022 ssh2\\n",
            i, 1000 + i, i, i);
    buf_add_text(buf,
        "\",\"full_log\":\"Jan  2 03:04:05 bastion-01 sshd[21023]: Failed password for invalid user admin "
        "from "
        "198.51.100.23 port 48022 ssh2\",\"predecoder\":{\"program_name\":\"sshd\",\"timestamp\":\"Jan  2 "
        "03:04:05\","
        "\"hostname\":\"bastion-01\"},\"decoder\":{\"parent\":\"sshd\",\"name\":\"sshd\"},\"data\":{"
        "\"srcip\":"
        "\"198.51.100.23\",\"srcport\":\"48022\",\"srcuser\":\"admin\",\"score\":0.875,\"bytes\":"
        "18446744073709551615},"
        "\"location\":\"/var/log/"
        "auth.log\",\"GeoLocation\":{\"country_name\":\"Nowhere\",\"location\":{\"lon\":"
        "12.4924,\"lat\":41.8902}}}");
}

static bool read_file(const char *path, struct buf *buf)
{
    char part[65536];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    for (size_t size; (size = fread(part, 1, sizeof part, file)) > 0;)
        buf_add(buf, (struct str){ part, size });
    return fclose(file) == 0;
}

int main(int argc, char **argv)
{
    struct work work = { 0 };
    AUTO(buf) struct buf text = { 0 };
    AUTO(buf) struct buf packed = { 0 };
    double seconds = argc > 2 ? atof(argv[2]) : 1;
    if (argc < 2 || argv[1][0] == '\0')
        make_alert(&text);
    else if (!read_file(argv[1], &text))
        return 1;
    work.text = buf_str(&text);
    parse(&work);
    pack_value(&packed, work.value);
    work.packed = buf_str(&packed);
    printf("%zu bytes of JSON, %zu packed\n", work.text.size, work.packed.size);
    measure("parse, new arena", parse_fresh, &work, seconds);
    measure("parse, arena kept", parse, &work, seconds);
    measure("print", print, &work, seconds);
    measure("pack", pack, &work, seconds);
    measure("unpack", unpack, &work, seconds);
    arena_done(&work.arena);
    buf_done(&work.out);
    return 0;
}
