/* nftables.block_ip and unblock_ip on a real kernel: in a network namespace of this test's own, with a second
 * one behind a pair of virtual interfaces from which packets come. */
#include "connect_helpers.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "connect/nft_set.h"

#define SKIP_WITHOUT_NAMESPACE() \
    do { \
        if (!has_namespace) \
            skip(); \
    } while (0)

static bool has_namespace;

/* ---- namespaces ---- */

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool is_good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return is_good;
}

/* Root makes one at once; others need a user namespace round it. Before the first thread. */
static bool enter_namespace(void)
{
    char map[64];
    unsigned user = getuid(), group = getgid();
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    (void)snprintf(map, sizeof map, "0 %u 1", user);
    if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", map))
        return false;
    (void)snprintf(map, sizeof map, "0 %u 1", group);
    return write_file("/proc/self/gid_map", map);
}

static bool has_nft(void)
{
    return system("ip link set lo up && nft add table inet tocsin_probe && nft delete table inet "
                  "tocsin_probe") == 0;
}

/* What the kernel's filter holds. */
static char *ruleset(void)
{
    static char text[65536];
    FILE *nft = popen("nft list ruleset", "r");
    assert_non_null(nft);
    size_t size = fread(text, 1, sizeof text - 1, nft);
    text[size] = '\0';
    assert_int_equal(pclose(nft), 0);
    return text;
}

static void assert_rules_have(const char *wanted)
{
    char *text = ruleset();
    if (!strstr(text, wanted))
        fail_msg("no \"%s\" in\n%s", wanted, text);
}

static void assert_rules_lack(const char *unwanted)
{
    char *text = ruleset();
    if (strstr(text, unwanted))
        fail_msg("\"%s\" is in\n%s", unwanted, text);
}

/* ---- the stranger: a process in another namespace that sends what it is told ---- */

struct stranger {
    pid_t pid;
    int orders, ready; /* pipes */
};

struct order {
    char from[48], to[48];
    unsigned port;
    char text[16];
};

static bool stranger_send(const struct order *order)
{
    struct sockaddr_storage from = { 0 }, to = { 0 };
    bool is_v6 = strchr(order->to, ':') != NULL;
    socklen_t size = is_v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    from.ss_family = to.ss_family = is_v6 ? AF_INET6 : AF_INET;
    if (is_v6) {
        inet_pton(AF_INET6, order->from, &((struct sockaddr_in6 *)&from)->sin6_addr);
        inet_pton(AF_INET6, order->to, &((struct sockaddr_in6 *)&to)->sin6_addr);
        ((struct sockaddr_in6 *)&to)->sin6_port = htons((uint16_t)order->port);
    } else {
        inet_pton(AF_INET, order->from, &((struct sockaddr_in *)&from)->sin_addr);
        inet_pton(AF_INET, order->to, &((struct sockaddr_in *)&to)->sin_addr);
        ((struct sockaddr_in *)&to)->sin_port = htons((uint16_t)order->port);
    }
    int fd = socket(from.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_good = bind(fd, (struct sockaddr *)&from, size) == 0 &&
        sendto(fd, order->text, strlen(order->text), 0, (struct sockaddr *)&to, size) > 0;
    close(fd);
    return is_good;
}

static void stranger_live(int orders, int ready)
{
    struct order order;
    char byte = 'r';
    if (unshare(CLONE_NEWNET) != 0)
        _exit(1);
    (void)!write(ready, &byte, 1);
    if (read(orders, &byte, 1) != 1 || /* the interface is here now */
        system("ip addr add 203.0.113.9/24 dev far && ip addr add 203.0.113.10/24 dev far &&"
               "ip addr add 2001:db8::9/64 dev far nodad && ip addr add 2001:db8::10/64 dev far nodad &&"
               "ip link set far up") != 0)
        _exit(1);
    byte = 'r';
    (void)!write(ready, &byte, 1);
    while (read(orders, &order, sizeof order) == (ssize_t)sizeof order) {
        byte = stranger_send(&order) ? 'y' : 'n';
        (void)!write(ready, &byte, 1);
    }
    _exit(0);
}

static char stranger_said(const struct stranger *stranger)
{
    char byte = 0;
    assert_int_equal(read(stranger->ready, &byte, 1), 1);
    return byte;
}

static void stranger_start(struct stranger *stranger)
{
    int orders[2], ready[2];
    char command[300];
    assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    stranger->pid = fork();
    if (stranger->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int fd = 3; fd < 1024; fd++) { /* the parent's ends must be the only ones */
            if (fd != orders[0] && fd != ready[1])
                close(fd);
        }
        stranger_live(orders[0], ready[1]);
    }
    close(orders[0]);
    close(ready[1]);
    stranger->orders = orders[1];
    stranger->ready = ready[0];
    assert_int_equal(stranger_said(stranger), 'r');
    (void)snprintf(command, sizeof command,
        "ip link add near type veth peer name far netns %d &&"
        "ip addr add 203.0.113.1/24 dev near && ip addr add 2001:db8::1/64 dev near nodad &&"
        "ip link set near up",
        (int)stranger->pid);
    assert_int_equal(system(command), 0);
    assert_int_equal(write(stranger->orders, "g", 1), 1);
    assert_int_equal(stranger_said(stranger), 'r');
}

static void stranger_stop(struct stranger *stranger)
{
    close(stranger->orders);
    close(stranger->ready);
    assert_int_equal(waitpid(stranger->pid, NULL, 0), stranger->pid);
}

static int open_receiver(bool is_v6, unsigned *ret_port)
{
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
    struct sockaddr_in four = { .sin_family = AF_INET };
    struct sockaddr *address = is_v6 ? (struct sockaddr *)&six : (struct sockaddr *)&four;
    socklen_t size = is_v6 ? sizeof six : sizeof four;
    int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, address, size), 0);
    assert_int_equal(getsockname(fd, address, &size), 0);
    *ret_port = ntohs(is_v6 ? six.sin6_port : four.sin_port);
    return fd;
}

static void give_order(
    const struct stranger *stranger, bool is_v6, unsigned host, unsigned port, const char *text)
{
    struct order order = { .port = port };
    (void)snprintf(order.from, sizeof order.from, is_v6 ? "2001:db8::%u" : "203.0.113.%u", host);
    (void)snprintf(order.to, sizeof order.to, is_v6 ? "2001:db8::1" : "203.0.113.1");
    (void)snprintf(order.text, sizeof order.text, "%s", text);
    assert_int_equal(write(stranger->orders, &order, sizeof order), (ssize_t)sizeof order);
    assert_int_equal(stranger_said(stranger), 'y');
}

/* The stranger's .9 sends, then its .10, which nobody blocks: packets keep their order, so when the second is
 * here, the first has been let through or dropped. */
static bool packet_passes(const struct stranger *stranger, bool is_v6)
{
    unsigned port;
    char text[16];
    bool passes = false;
    int fd = open_receiver(is_v6, &port);
    give_order(stranger, is_v6, 9, port, "nine");
    for (int tries = 0; tries < 10; tries++) { /* the first packets may wait for address resolution */
        struct pollfd ready = { fd, POLLIN, 0 };
        give_order(stranger, is_v6, 10, port, "ten");
        while (poll(&ready, 1, 1000) > 0) {
            ssize_t size = recv(fd, text, sizeof text, 0);
            passes = passes || (size == 4 && memcmp(text, "nine", 4) == 0);
            if (size == 3) {
                close(fd);
                return passes;
            }
        }
    }
    fail_msg("no packet of the one that is not blocked came");
    return false;
}

/* ---- the world ---- */

static int setup(void **state)
{
    if (!has_namespace)
        return 0;
    world_setup(state);
    struct connect_world *world = *state;
    CHECK(executor_new(2, 64, &world->executor, why));
    world_drop_connect(world);
    world_make_connect(world);
    world_load_content(world, "nftables.yaml");
    (void)!system("nft delete table inet tocsin 2>/dev/null");
    return 0;
}

static int teardown(void **state)
{
    if (!has_namespace)
        return 0;
    struct connect_world *world = *state;
    world->executor->ops->free(world->executor);
    return world_teardown(state);
}

static void block(struct connect_world *world, const char *with, const char *output)
{
    struct trial trial;
    assert_output(trial_run(world, &trial, "nftables.block_ip", with), output);
    trial_done(&trial);
}

static void unblock(struct connect_world *world, const char *with, const char *output)
{
    struct trial trial;
    assert_output(trial_run(world, &trial, "nftables.unblock_ip", with), output);
    trial_done(&trial);
}

static void refused(struct connect_world *world, const char *with, const char *code, const char *message)
{
    struct trial trial;
    const struct action_result *result = trial_run(world, &trial, "nftables.block_ip", with);
    if (result->is_ok)
        fail_msg("%s is blocked", with);
    if (!str_equal(result->error.code, str_of(code)))
        fail_msg("%s: %.*s (%.*s) instead of %s", with, STR_ARG(result->error.code),
            STR_ARG(result->error.message), code);
    assert_false(result->error.is_retryable);
    assert_true(result->effect != ACTION_UNKNOWN); /* nothing happened, and that is known */
    assert_str_has(result->error.message, message);
    trial_done(&trial);
}

/* ---- tests ---- */

static void first_block_makes_table_set_and_rules(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    block(world, "{\"ip\":\"198.51.100.7\",\"timeout\":\"1h\"}",
        "{\"ip\":\"198.51.100.7\",\"set\":\"blocked4\"}");
    assert_rules_have("table inet tocsin");
    assert_rules_have("198.51.100.7 timeout 1h expires 59m");
    assert_rules_have("ip saddr @blocked4 drop");
    assert_rules_have("ip6 saddr @blocked6 drop");
    assert_rules_have("ip daddr @blocked4_nets drop");
    block(world, "{\"ip\":\"2001:DB8:1::7\",\"set\":\"night\"}",
        "{\"ip\":\"2001:db8:1::7\",\"set\":\"night6\"}");
    assert_rules_have("elements = { 2001:db8:1::7 }");
    assert_rules_have("198.51.100.7 timeout 1h"); /* the other one stays */
}

static void block_again_sets_the_timeout_anew(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    static const char *const targets[] = { "198.51.100.7", "198.51.0.0/16", "2001:db8:1::7",
        "2001:db8:1::/48" };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char with[200], output[200], rule[100];
        static const char *const spans[] = { "1h", "2h", "30m" };
        (void)snprintf(output, sizeof output, "{\"ip\":\"%s\",\"set\":\"blocked%c%s\"}", targets[i],
            i < 2 ? '4' : '6', i % 2 ? "_nets" : "");
        for (int j = 0; j < 3; j++) {
            (void)snprintf(with, sizeof with, "{\"ip\":\"%s\",\"timeout\":\"%s\"}", targets[i], spans[j]);
            block(world, with, output);
            (void)snprintf(rule, sizeof rule, "%s timeout %s", targets[i], spans[j]);
            assert_rules_have(rule);
        }
        (void)snprintf(with, sizeof with, "{\"ip\":\"%s\"}", targets[i]);
        block(world, with, output); /* for good */
        (void)snprintf(rule, sizeof rule, "%s timeout", targets[i]);
        assert_rules_lack(rule);
        assert_rules_have(targets[i]);
    }
    char *text = ruleset();
    unsigned rules = 0;
    for (char *at = text; (at = strstr(at, "@blocked4 drop")); at++)
        rules++;
    assert_int_equal(rules, 3); /* input, forward from and to: however often it was called */
}

static void unblock_ends_a_block_and_finds_none_in_peace(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    static const char *const targets[] = { "198.51.100.7", "198.51.0.0/16", "2001:db8:1::7",
        "2001:db8:1::/48" };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char with[200], output[200];
        for (int was_there = 0; was_there < 2; was_there++) { /* at first not even the table is there */
            (void)snprintf(with, sizeof with, "{\"ip\":\"%s\",\"timeout\":\"1h\"}", targets[i]);
            (void)snprintf(output, sizeof output, "{\"ip\":\"%s\",\"removed\":%s,\"set\":\"blocked%c%s\"}",
                targets[i], was_there ? "true" : "false", i < 2 ? '4' : '6', i % 2 ? "_nets" : "");
            unblock(world, with, output);
            if (was_there)
                break;
            (void)snprintf(output, sizeof output, "{\"ip\":\"%s\",\"set\":\"blocked%c%s\"}", targets[i],
                i < 2 ? '4' : '6', i % 2 ? "_nets" : "");
            block(world, with, output);
        }
        assert_rules_lack(targets[i]);
    }
    /* One address of a network that is blocked whole is not what was blocked. */
    block(world, "{\"ip\":\"198.51.0.0/16\"}", "{\"ip\":\"198.51.0.0/16\",\"set\":\"blocked4_nets\"}");
    unblock(world, "{\"ip\":\"198.51.1.0/24\"}",
        "{\"ip\":\"198.51.1.0/24\",\"removed\":false,\"set\":\"blocked4_nets\"}");
    assert_rules_have("198.51.0.0/16");
}

static void networks_are_read_as_they_are_written(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    block(world, "{\"ip\":\"198.51.100.7/32\"}", "{\"ip\":\"198.51.100.7\",\"set\":\"blocked4\"}");
    block(world, "{\"ip\":\"2001:db8:0:0::/64\"}", "{\"ip\":\"2001:db8::/64\",\"set\":\"blocked6_nets\"}");
    /* What reaches the wire as IPv4 is blocked there. */
    block(world, "{\"ip\":\"::ffff:198.51.100.8\"}", "{\"ip\":\"198.51.100.8\",\"set\":\"blocked4\"}");
    block(
        world, "{\"ip\":\"::ffff:198.51.0.0/112\"}", "{\"ip\":\"198.51.0.0/16\",\"set\":\"blocked4_nets\"}");
    refused(world, "{\"ip\":\"198.51.100.7/24\"}", "bad_input", "bits behind its prefix");
    refused(world, "{\"ip\":\"198.51.100.0/24\"}", "nft_overlap", "overlaps");
    assert_rules_lack("198.51.100.0/24");
}

static void packets_of_who_is_blocked_are_dropped(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    struct stranger stranger;
    static const struct {
        const char *block;
        bool is_v6;
    } cases[] = {
        { "203.0.113.9", false },
        { "203.0.113.8/31", false },
        { "2001:db8::9", true },
        { "2001:db8::8/127", true },
    };
    stranger_start(&stranger);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        char with[100];
        (void)snprintf(with, sizeof with, "{\"ip\":\"%s\",\"timeout\":\"1h\"}", cases[i].block);
        assert_true(packet_passes(&stranger, cases[i].is_v6));
        assert_true(trial_run(world, &trial, "nftables.block_ip", with)->is_ok);
        trial_done(&trial);
        assert_false(packet_passes(&stranger, cases[i].is_v6));
        assert_true(trial_run(world, &trial, "nftables.unblock_ip", with)->is_ok);
        trial_done(&trial);
        assert_true(packet_passes(&stranger, cases[i].is_v6));
    }
    stranger_stop(&stranger);
}

static void kernel_ends_a_block_in_time(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    struct stranger stranger;
    stranger_start(&stranger);
    int64_t begin_us = test_now_us();
    block(world, "{\"ip\":\"203.0.113.9\",\"timeout\":\"1s\"}",
        "{\"ip\":\"203.0.113.9\",\"set\":\"blocked4\"}");
    assert_true(!packet_passes(&stranger, false) || test_now_us() - begin_us > US_PER_S);
    bool passes = false;
    while (!passes && test_now_us() - begin_us < 20 * US_PER_S)
        passes = packet_passes(&stranger, false);
    assert_true(passes);
    assert_true(
        test_now_us() - begin_us >= US_PER_S - 20 * US_PER_MS); /* the kernel's clock is a coarse one */
    unblock(
        world, "{\"ip\":\"203.0.113.9\"}", "{\"ip\":\"203.0.113.9\",\"removed\":false,\"set\":\"blocked4\"}");
    stranger_stop(&stranger);
}

static void what_must_stay_reachable_is_never_blocked(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    static const struct {
        const char *ip, *message;
    } cases[] = {
        { "127.0.0.1", "loopback" },
        { "127.0.0.0/16", "loopback" },
        { "::1", "loopback" },
        { "::ffff:127.0.0.1", "loopback" },
        { "0.0.0.0", "unspecified" },
        { "::", "unspecified" },
        { "0.0.0.0/0", "wider than /16" },
        { "::/0", "wider than /32" },
        { "128.0.0.0/1", "wider than /16" },
        { "198.0.0.0/15", "wider than /16" },
        { "2001::/31", "wider than /32" },
        { "::ffff:0.0.0.0/96", "wider than /16" },
        { "169.254.169.254", "link-local" },
        { "fe80::1", "link-local" },
        { "224.0.0.1", "multicast" },
        { "ff02::1", "multicast" },
        { "255.255.255.255", "broadcast" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char with[100];
        (void)snprintf(with, sizeof with, "{\"ip\":\"%s\"}", cases[i].ip);
        refused(world, with, "refused_target", cases[i].message);
    }
    assert_int_equal(system("ip addr add 198.51.100.1/32 dev lo"), 0);
    refused(world, "{\"ip\":\"198.51.100.1\"}", "refused_target", "address of this machine");
    refused(world, "{\"ip\":\"198.51.0.0/16\"}", "refused_target", "address of this machine");
    assert_int_equal(system("ip addr del 198.51.100.1/32 dev lo"), 0);
    assert_rules_lack("tocsin");
}

static void connection_says_whom_to_protect(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    world_connection(world, "one", "nftables",
        "{\"never\":[\"198.51.100.0/24\",\"2001:db8:5::1\"],\"ipv4_prefix_min\":24}");
    refused(world, "{\"ip\":\"198.51.100.7\"}", "refused_target", "`never`");
    refused(world, "{\"ip\":\"2001:db8:5::/64\"}", "refused_target", "`never`");
    refused(world, "{\"ip\":\"198.18.0.0/23\"}", "refused_target", "wider than /24");
    block(world, "{\"ip\":\"198.51.101.7\"}", "{\"ip\":\"198.51.101.7\",\"set\":\"blocked4\"}");
    /* Another default does not take the protection away. */
    world_connection(world, "two", "nftables", "{\"ipv4_prefix_min\":8}");
    refused(world, "{\"ip\":\"198.51.100.7\"}", "refused_target", "`never`");
    block(world, "{\"ip\":\"198.18.0.0/15\"}", "{\"ip\":\"198.18.0.0/15\",\"set\":\"blocked4_nets\"}");
    /* What was blocked before it was protected can still be unblocked. */
    unblock(world, "{\"ip\":\"198.51.100.7\"}",
        "{\"ip\":\"198.51.100.7\",\"removed\":false,\"set\":\"blocked4\"}");
    world_connection(world, "two", "nftables", "{\"never\":[\"router\"]}");
    refused(world, "{\"ip\":\"198.18.9.9\"}", "connection_invalid", "`never`");
    world_connection(world, "two", "nftables", "{\"ipv6_prefix_min\":0}");
    refused(world, "{\"ip\":\"198.18.9.9\"}", "connection_invalid", "ipv6_prefix_min");
}

static void hostile_parameters_never_reach_nftables(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    static const char *const withs[] = {
        "{\"ip\":\"\"}",
        "{\"ip\":\"1.2.3.4 }; flush ruleset; #\"}",
        "{\"ip\":\"1.2.3.4\\n\"}",
        "{\"ip\":\"1.2.3.4\\u0000\"}",
        "{\"ip\":\"1.2.3\"}",
        "{\"ip\":\"0x7f.1\"}",
        "{\"ip\":\"01.02.03.04\"}",
        "{\"ip\":\"1.2.3.4-1.2.3.9\"}",
        "{\"ip\":\"1.2.3.4/\"}",
        "{\"ip\":\"1.2.3.4/33\"}",
        "{\"ip\":\"1.2.3.4/-1\"}",
        "{\"ip\":\"2001:db8::/129\"}",
        "{\"ip\":\"fe80::1%lo\"}",
        "{\"ip\":\"localhost\"}",
        "{\"ip\":[\"1.2.3.4\"]}",
        "{\"ip\":16909060}",
        "{\"ip\":null}",
        "{\"ip\":\"198.18.0.1\",\"set\":\"\"}",
        "{\"ip\":\"198.18.0.1\",\"set\":\"x; flush ruleset\"}",
        "{\"ip\":\"198.18.0.1\",\"set\":\"X\"}",
        "{\"ip\":\"198.18.0.1\",\"set\":\"../x\"}",
        "{\"ip\":\"198.18.0.1\",\"set\":\"x\\n\"}",
        "{\"ip\":\"198.18.0.1\",\"set\":\"aaaaaaaaaaaaaaaaaaaaaaaaa\"}",
        "{\"ip\":\"198.18.0.1\",\"timeout\":\"0s\"}",
        "{\"ip\":\"198.18.0.1\",\"timeout\":\"-1h\"}",
        "{\"ip\":\"198.18.0.1\",\"timeout\":\"1h; flush ruleset\"}",
        "{\"ip\":\"198.18.0.1\",\"timeout\":\"366d\"}",
        "{\"ip\":\"198.18.0.1\",\"timeout\":3600}",
        "{\"ip\":\"198.18.0.1\",\"timeout\":true}",
    };
    (void)!system("nft add table inet keep");
    for (size_t i = 0; i < sizeof withs / sizeof withs[0]; i++)
        refused(world, withs[i], "bad_input", "");
    assert_rules_have("table inet keep");
    assert_rules_lack("tocsin");
    (void)!system("nft delete table inet keep");
}

static void probe(struct connect_world *world, const char *action, const char *with, bool is_done)
{
    struct trial trial;
    trial_make(world, &trial, action, with);
    trial.call.purpose = ACTION_PROBE;
    assert_true(trial.call.action->has_probe);
    trial_start(&trial);
    world_wait(world);
    assert_int_equal(trial.result.is_ok, is_done);
    assert_int_equal(trial.result.effect, is_done ? ACTION_ANSWERED : ACTION_NOT_SENT);
    trial_done(&trial);
}

static void probe_tells_whether_it_happened(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    static const char *const withs[] = { "{\"ip\":\"198.51.100.7\",\"timeout\":\"1h\"}",
        "{\"ip\":\"198.51.100.7\"}", "{\"ip\":\"198.51.0.0/16\"}",
        "{\"ip\":\"2001:db8:1::/48\",\"timeout\":\"1h\"}" };
    for (size_t i = 0; i < sizeof withs / sizeof withs[0]; i++) {
        struct trial trial;
        probe(world, "nftables.block_ip", withs[i], false);
        probe(world, "nftables.unblock_ip", withs[i], true);
        assert_true(trial_run(world, &trial, "nftables.block_ip", withs[i])->is_ok);
        trial_done(&trial);
        probe(world, "nftables.block_ip", withs[i], true);
        probe(world, "nftables.unblock_ip", withs[i], false);
        assert_true(trial_run(world, &trial, "nftables.unblock_ip", withs[i])->is_ok);
        trial_done(&trial);
    }
    /* A wider network that is blocked is not this one. */
    block(world, "{\"ip\":\"198.51.0.0/16\"}", "{\"ip\":\"198.51.0.0/16\",\"set\":\"blocked4_nets\"}");
    probe(world, "nftables.block_ip", "{\"ip\":\"198.51.7.0/24\"}", false);
}

static void undo_takes_what_block_was_given(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    struct trial trial;
    static const char with[] = "{\"ip\":\"198.51.100.7\",\"timeout\":\"1h\",\"set\":\"night\"}";
    trial_make(world, &trial, "nftables.block_ip", with);
    assert_true(str_equal(trial.call.action->undo, STR("nftables.unblock_ip")));
    assert_null(trial.call.action->undo_with); /* the same parameters */
    trial_start(&trial);
    world_wait(world);
    assert_true(trial.result.is_ok);
    trial_done(&trial);
    unblock(world, with, "{\"ip\":\"198.51.100.7\",\"removed\":true,\"set\":\"night4\"}");
}

static void many_calls_at_once_do_not_disturb_each_other(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    enum { COUNT = 40 };
    struct trial *trials = calloc(COUNT, sizeof *trials);
    for (int i = 0; i < COUNT; i++) {
        char with[100];
        (void)snprintf(with, sizeof with, "{\"ip\":\"198.51.100.%d\",\"timeout\":\"1h\"}", i % 20 + 1);
        trial_make(world, &trials[i], "nftables.block_ip", with);
        trial_start(&trials[i]);
    }
    world_wait(world);
    for (int i = 0; i < COUNT; i++) {
        assert_true(trials[i].result.is_ok);
        trial_done(&trials[i]);
    }
    for (int i = 1; i <= 20; i++) {
        char rule[60];
        (void)snprintf(rule, sizeof rule, "198.51.100.%d timeout 1h", i);
        assert_rules_have(rule);
    }
    free(trials);
}

static void pool_that_is_missing_or_full_is_told(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    struct connect_world *world = *state;
    struct trial trial;
    struct executor *executor = world->executor;
    world->executor = NULL;
    world_drop_connect(world);
    world_make_connect(world);
    assert_error(trial_run(world, &trial, "nftables.block_ip", "{\"ip\":\"198.51.100.7\"}"), "no_executor",
        true, ACTION_NOT_SENT);
    trial_done(&trial);
    trial_make(world, &trial, "nftables.block_ip", "{\"ip\":\"198.51.100.7\"}");
    trial.call.purpose = ACTION_PROBE; /* it could not ask: that is not "it did not happen" */
    trial_start(&trial);
    world_wait(world);
    assert_error(&trial.result, "no_executor", true, ACTION_UNKNOWN);
    trial_done(&trial);
    world->executor = executor;
}

/* In a process that has given up its rights. */
static void missing_capability_is_told_with_its_mend(void **state)
{
    SKIP_WITHOUT_NAMESPACE();
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct none[2] = { 0 };
        struct nft_target target;
        struct err_info why = { 0 };
        struct value address = value_string(STR("198.51.100.7"));
        if (syscall(SYS_capset, &header, none) != 0 ||
            nft_target_parse(address, STR("blocked"), &target, NULL) != ERR_OK)
            _exit(2);
        bool is_told = nft_block(&target, STR("blocked"), 0, &why) == ERR_DENIED &&
            strcmp(why.name, "not_permitted") == 0 && strstr(why.text, "CAP_NET_ADMIN");
        _exit(is_told ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(first_block_makes_table_set_and_rules),
        EACH(block_again_sets_the_timeout_anew),
        EACH(unblock_ends_a_block_and_finds_none_in_peace),
        EACH(networks_are_read_as_they_are_written),
        EACH(packets_of_who_is_blocked_are_dropped),
        EACH(kernel_ends_a_block_in_time),
        EACH(what_must_stay_reachable_is_never_blocked),
        EACH(connection_says_whom_to_protect),
        EACH(hostile_parameters_never_reach_nftables),
        EACH(probe_tells_whether_it_happened),
        EACH(undo_takes_what_block_was_given),
        EACH(many_calls_at_once_do_not_disturb_each_other),
        EACH(pool_that_is_missing_or_full_is_told),
        EACH(missing_capability_is_told_with_its_mend),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    has_namespace = enter_namespace() && has_nft();
    if (!has_namespace)
        print_message("skipped: no network namespace with nftables can be made here\n");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
