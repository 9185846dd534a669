/* How long expressions take: to compile, to evaluate, and indicators out of an alert: bench_expr [SECONDS].
 * Each line names the limit that the project set itself. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "expr/expr.h"
#include "expr/ioc.h"

#define RUN_US 100

static const struct expr_name names[] = {
    { STR_INIT("alert"), &type_dyn },
    { STR_INIT("rows"), &type_dyn },
};
static const struct expr_env env = { .names = names, .name_count = 2 };

struct work {
    struct arena plan, turn;
    struct expr *expr;
    struct str source;
    struct value variables[2];
    struct expr_values values;
    struct value result;
    size_t found;
};

static void fail(const char *what, const struct err_info *why)
{
    fprintf(stderr, "%s: %s\n", what, why->text);
    exit(1);
}

static void evaluate(struct work *work)
{
    struct err_info why;
    arena_reset(&work->turn);
    if (expr_eval(work->expr, &work->turn, &work->values.activation, NULL, &work->result, &why) != ERR_OK)
        fail("eval", &why);
}

static void compile(struct work *work)
{
    struct err_info why;
    struct expr *made;
    arena_reset(&work->turn);
    if (expr_compile(&work->turn, &env, work->source, &made, &why) != ERR_OK)
        fail("compile", &why);
}

static enum err count_one(void *context, const struct ioc *found, struct err_info *why)
{
    struct work *work = context;
    (void)found; /* only counted */
    (void)why; /* counting never fails */
    work->found++;
    return ERR_OK;
}

static void scan(struct work *work, struct value v)
{
    struct err_info why;
    if (v.type == VALUE_STRING && ioc_each(&work->turn, value_str(v), count_one, work, &why) != ERR_OK)
        fail("iocs", &why);
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++)
        scan(work, v.items[i]);
    for (uint32_t i = 0; v.type == VALUE_MAP && i < v.size; i++)
        scan(work, value_map_entries(v)[i].value);
}

static void find_indicators(struct work *work)
{
    arena_reset(&work->turn);
    work->found = 0;
    scan(work, work->variables[0]);
}

static int64_t time_us(void (*step)(struct work *work), struct work *work, int rounds)
{
    struct clock *clock = clock_system();
    int64_t from = clock_monotonic_us(clock);
    for (int i = 0; i < rounds; i++)
        step(work);
    return clock_monotonic_us(clock) - from;
}

/* The best of many runs, in nanoseconds: what else the machine does only ever adds. Each run is so short that
 * some of them are not interrupted, and long enough for the clock. */
static double best_ns(void (*step)(struct work *work), struct work *work, double seconds)
{
    struct clock *clock = clock_system();
    int64_t end = clock_monotonic_us(clock) + (int64_t)(seconds * 1e6);
    int rounds = 1;
    double best = 1e12;
    while (time_us(step, work, rounds) < RUN_US)
        rounds *= 2;
    while (clock_monotonic_us(clock) < end) {
        double each = (double)time_us(step, work, rounds) * 1e3 / rounds;
        best = each < best ? each : best;
    }
    return best;
}

static void report(const char *name, double ns, double limit_ns)
{
    printf("%-40s %9.0f ns   limit %6.0f ns%s\n", name, ns, limit_ns, ns > limit_ns ? "   ABOVE" : "");
}

static void use(struct work *work, const char *source)
{
    struct err_info why;
    work->source = str_of(source);
    arena_reset(&work->plan);
    if (expr_compile(&work->plan, &env, work->source, &work->expr, &why) != ERR_OK)
        fail(source, &why);
}

static const char alert_text[] =
    "{\"timestamp\":\"2026-01-02T03:04:05.678+0000\",\"rule\":{\"level\":10,\"description\":\"sshd: brute "
    "force trying to get access to the system. Non existent user.\",\"id\":\"5712\",\"mitre\":{\"id\":["
    "\"T1110\"],\"tactic\":[\"Credential Access\"],\"technique\":[\"Brute Force\"]},\"frequency\":8,"
    "\"groups\":[\"syslog\",\"sshd\",\"authentication_failures\"],\"gdpr\":[\"IV_35.7.d\",\"IV_32.2\"],"
    "\"hipaa\":[\"164.312.b\"],\"nist_800_53\":[\"SI.4\",\"AU.14\",\"AC.7\"]},\"agent\":{\"id\":\"003\","
    "\"name\":\"bastion-01\",\"ip\":\"192.0.2.17\"},\"manager\":{\"name\":\"siem-01\"},\"previous_output\":"
    "\"Jan  2 03:04:01 bastion-01 sshd[21000]: Failed password for invalid user admin0 from 198.51.100.23 "
    "port 40022 ssh2\\nJan  2 03:04:02 bastion-01 sshd[21001]: Failed password for invalid user admin1 from "
    "198.51.100.24 port 41022 ssh2\\nJan  2 03:04:03 bastion-01 sshd[21002]: Failed password for invalid "
    "user admin2 from 198.51.100.25 port 42022 ssh2\",\"full_log\":\"Jan  2 03:04:05 bastion-01 sshd[21023]: "
    "download of http://files.example.com/a/b.exe (5d41402abc4b2a76b9719d911017c592) by mail@example.org\","
    "\"decoder\":{\"parent\":\"sshd\",\"name\":\"sshd\"},\"data\":{\"srcip\":\"198.51.100.23\",\"srcport\":"
    "\"48022\",\"srcuser\":\"admin\",\"score\":0.875},\"location\":\"/var/log/auth.log\",\"GeoLocation\":{"
    "\"country_name\":\"Nowhere\",\"city\":\"None of them\",\"location\":{\"lon\":12.4924,\"lat\":41.8902}}}";

/* A hundred maps of six fields. */
static void make_rows(struct buf *buf)
{
    buf_add_text(buf, "[");
    for (int i = 0; i < 100; i++)
        buf_printf(buf,
            "%s{\"id\":%d,\"name\":\"host-%d\",\"severity\":%d,\"ip\":\"192.0.2.%d\",\"open\":%s,"
            "\"tags\":[\"a\",\"b\"]}",
            i > 0 ? "," : "", i, i, i % 7, i, i % 2 ? "true" : "false");
    buf_add_text(buf, "]");
}

static struct value read_json(struct arena *arena, struct str text)
{
    struct err_info why;
    struct value v;
    if (json_parse(arena, text, NULL, &v, &why) != ERR_OK)
        fail("json", &why);
    return v;
}

int main(int argc, char **argv)
{
    AUTO(arena) struct arena data = { 0 };
    AUTO(buf) struct buf rows = { 0 };
    struct work work = { 0 };
    double seconds = argc > 1 ? atof(argv[1]) : 0.5;
    make_rows(&rows);
    work.variables[0] = read_json(&data, str_of(alert_text));
    work.variables[1] = read_json(&data, buf_str(&rows));
    expr_values_init(&work.values, work.variables, 2);
    use(&work, "alert.rule.mitre.id == 'x'");
    report("path of three fields, a comparison", best_ns(evaluate, &work, seconds), 100);
    report("  its compilation", best_ns(compile, &work, seconds), 20000);
    use(&work, "rows.filter(row, row.severity >= 4)");
    report("filter over 100 maps", best_ns(evaluate, &work, seconds), 10000);
    use(&work,
        "alert.rule.level >= 10 && alert.agent.ip.startsWith('192.0.2.') ? rows.filter(row, row.open && "
        "row.severity > 2).map(row, row.name) : ['none', alert.?agent.?name.orValue('unknown')]");
    report("compilation of a long one", best_ns(compile, &work, seconds), 20000);
    report("indicators of an alert of 1.5 KB", best_ns(find_indicators, &work, seconds), 10000);
    printf("%zu indicators found in %zu bytes\n", work.found, sizeof(alert_text) - 1);
    arena_done(&work.plan);
    arena_done(&work.turn);
    return 0;
}
